//! Which broker is served, and how much of this computer its clients may take.

use models::mqtt::BrokerConfig;
use models::mqtt::broker::FaultCodes;
use models::mqtt::timers::silence::SilenceLooks;
use models::mqtt::topic::TopicFilter;
use models::profile::BrokerProfile;
use serde::{Deserialize, Serialize};

use crate::results::ContentHash;

/// Whose behaviour the broker has where the standard leaves it room.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Behaviour {
    /// The letter of the standard.
    #[serde(rename = "standard")]
    Standard,
    /// That of a profile in `hw-profiles/brokers`, as it was read.
    #[serde(rename = "profile")]
    Profile(Box<BrokerConfig>),
}

/// The parameters of a served broker: written into the journal, so that a replay has the same.
///
/// Unlike [`BrokerConfig::standard`], whose clients are simulated, every queue has a limit.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerSettings {
    /// Name of the broker profile, or `standard`.
    pub name: String,
    /// Whose behaviour.
    pub behaviour: Behaviour,
    /// QoS 1 and 2 messages in flight to one client; 0: no limit. Default 1,000.
    pub max_inflight: u16,
    /// QoS 1 and 2 messages that wait for one client; 0: no limit. Default 100,000.
    pub max_queued: u32,
    /// Seconds between two looks for silent clients; 0: at the very instant. Default 0.
    pub keep_alive_check_s: u32,
    /// Connected clients at most, further ones get CONNACK 3; 0: no limit. Default 10,000.
    pub max_connections: u32,
    /// Packets larger than this end their connection, in bytes. Default 8 MiB.
    pub max_packet_bytes: u32,
    /// Whether clients of MQTT 5.0 are told so before: only of a limit that was asked for. Default `false`.
    #[serde(default)]
    pub announce_max_packet: bool,
    /// What clients of MQTT 5.0 are told of their faults. Default: as Mosquitto tells them.
    #[serde(default = "as_mosquitto")]
    pub fault_codes: FaultCodes,
    /// The longest Keep Alive of MQTT 5.0, in seconds; 0: no limit. Default 60, as Paho's suite expects it.
    #[serde(default)]
    pub max_keep_alive_s: u16,
    /// Filters to which nobody may subscribe. Default: the one that Paho's suite expects to be refused.
    #[serde(default)]
    pub refused_filters: Vec<String>,
}

const fn as_mosquitto() -> FaultCodes {
    FaultCodes::Mosquitto
}

/// QoS 2 messages of one client of MQTT 5.0 that are not released (its Receive Maximum), and Topic Aliases
/// that one may give: what Mosquitto allows. Without a limit one client could hold gigabytes.
const MAX_INFLIGHT_INBOUND: u16 = 20;
const TOPIC_ALIAS_MAXIMUM: u16 = 10;

/// The filter that Eclipse Paho's interoperability suite expects to be refused, in a namespace that is its own.
const REFUSED_IN_TESTS: &str = "test/nosubscribe";

/// Levels of a topic, as with Mosquitto, and subscriptions of one client: each costs memory.
const MAX_TOPIC_LEVELS: u16 = 200;
const MAX_SUBSCRIPTIONS: u32 = 10_000;

impl Default for BrokerSettings {
    fn default() -> Self {
        BrokerSettings {
            name: "standard".to_owned(),
            behaviour: Behaviour::Standard,
            max_inflight: 1_000,
            max_queued: 100_000,
            keep_alive_check_s: 0,
            max_connections: 10_000,
            max_packet_bytes: 8 << 20,
            announce_max_packet: false,
            fault_codes: FaultCodes::Mosquitto,
            max_keep_alive_s: 60,
            refused_filters: vec![REFUSED_IN_TESTS.to_owned()],
        }
    }
}

impl BrokerSettings {
    /// The settings of a broker profile. Limits that it does not have are the default ones.
    #[must_use]
    pub fn of(profile: &BrokerProfile) -> Self {
        let default = BrokerSettings::default();
        let config = &profile.config;
        let or = |own: u32, else_: u32| if own == 0 { else_ } else { own };
        BrokerSettings {
            name: profile.name.to_string(),
            behaviour: Behaviour::Profile(Box::new(config.clone())),
            max_inflight: if config.max_inflight == 0 { default.max_inflight } else { config.max_inflight },
            max_queued: or(config.max_queued, default.max_queued),
            keep_alive_check_s: match config.silence_looks {
                SilenceLooks::Exact => 0,
                SilenceLooks::EverySeconds(every) => every,
            },
            max_connections: or(config.max_connections, default.max_connections),
            max_packet_bytes: config.max_packet_bytes.min(default.max_packet_bytes),
            // The limit of this computer is not the broker's, and not told.
            announce_max_packet: config.announce_max_packet_bytes
                && config.max_packet_bytes <= default.max_packet_bytes,
            fault_codes: config.fault_codes,
            max_keep_alive_s: config.max_keep_alive_s,
            refused_filters: config.refused_filters.iter().map(|filter| filter.as_str().to_owned()).collect(),
        }
    }

    /// The same for the machine.
    #[must_use]
    pub fn config(&self) -> BrokerConfig {
        let behaviour = match &self.behaviour {
            Behaviour::Standard => BrokerConfig::standard(),
            Behaviour::Profile(config) => (**config).clone(),
        };
        BrokerConfig {
            max_inflight: self.max_inflight,
            max_queued: self.max_queued,
            silence_looks: match self.keep_alive_check_s {
                0 => SilenceLooks::Exact,
                every => SilenceLooks::EverySeconds(every),
            },
            max_connections: self.max_connections,
            max_packet_bytes: self.max_packet_bytes,
            announce_max_packet_bytes: self.announce_max_packet,
            fault_codes: self.fault_codes,
            max_keep_alive_s: self.max_keep_alive_s,
            refused_filters: self
                .refused_filters
                .iter()
                .filter_map(|filter| TopicFilter::new(filter).ok())
                .collect(),
            max_inflight_inbound: match behaviour.max_inflight_inbound {
                0 => MAX_INFLIGHT_INBOUND,
                own => own,
            },
            topic_alias_maximum: behaviour.topic_alias_maximum.min(TOPIC_ALIAS_MAXIMUM),
            max_topic_levels: MAX_TOPIC_LEVELS,
            max_subscriptions: MAX_SUBSCRIPTIONS,
            ..behaviour
        }
    }

    /// Tells apart the brokers that different versions of this program make of the same settings.
    #[must_use]
    pub fn config_hash(&self) -> ContentHash {
        ContentHash::of(format!("{:?}", self.config()).as_bytes())
    }
}

/// What the clients together, or one of them, may take of this computer. Not part of the protocol:
/// who goes beyond is disconnected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Open sockets; further ones are closed at once. Default: room for 10,000 clients and for some
    /// more to be told that there is no room.
    pub sockets: usize,
    /// Bytes that wait to be read by one client. Default 32 MiB.
    pub unread_bytes: usize,
    /// Bytes that wait to be read by all clients together; beyond that, those go who leave unread more
    /// than their equal share. Default 512 MiB.
    pub unread_bytes_all: usize,
    /// Bytes that the broker holds for all: messages in flight, queued and retained, wills, incomplete
    /// packets. Beyond that, those go who send. Default 1 GiB.
    pub held_bytes: usize,
    /// Sessions, of connected clients and stored ones; beyond that nobody gets in. Default 1,000,000.
    pub sessions: usize,
}

impl Limits {
    /// The default limits around a broker with these settings.
    #[must_use]
    pub fn around(settings: &BrokerSettings) -> Self {
        let clients = match settings.max_connections {
            0 => 1_000_000,
            limit => limit as usize,
        };
        let unread_bytes = (32 << 20).max(4 * settings.max_packet_bytes as usize);
        Limits {
            sockets: clients + clients / 8 + 16,
            unread_bytes,
            unread_bytes_all: (512 << 20).max(2 * unread_bytes),
            held_bytes: 1 << 30,
            sessions: 1_000_000,
        }
    }
}

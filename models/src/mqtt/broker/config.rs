//! The parameters of a server, its behaviour among them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::mqtt::broker::access::AccessList;
use crate::mqtt::broker::faults::FaultCodes;
use crate::mqtt::codec::Tolerance;
use crate::mqtt::packet::{QoS, Version};
use crate::mqtt::session::Qos2Delivery;
use crate::mqtt::timers::silence::SilenceLooks;
use crate::mqtt::topic::TopicFilter;

/// What a session gets when several of its filters match one message. MQTT 3.1.1 §3.3.5
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum OverlappingSubscriptions {
    /// One copy, at the highest QoS of them: what the standard asks for.
    OneCopyHighest,
    /// One copy, at the QoS of the first that is found (the exact one, if there is): Mosquitto 2.0.11.
    OneCopyFirst,
    /// A copy for each, as the standard also allows.
    CopyEach,
}

/// Which message goes when a session's queue is full.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum WhenQueueFull {
    /// The one that would have been added.
    DropNewest,
    /// The one that has waited longest.
    DropOldest,
}

/// What becomes of a QoS 2 message beyond the window for unreleased ones, from a client before MQTT 5.0, who does
/// not hear of that window.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum BeyondInboundWindow {
    /// It is taken: the window is for clients of MQTT 5.0 only.
    Taken,
    /// It is acknowledged and lost: Mosquitto 2.0.11.
    Lost,
    /// It is kept, and its PUBREC waits until others are released. Beyond `max_queued` of those it is neither
    /// kept nor acknowledged: Mosquitto 1.4.8.
    HeldBack,
}

/// For whom `$share/group/filter` is a shared subscription. MQTT 5.0 §4.8.2
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum SharedSubscriptions {
    /// For nobody; clients of MQTT 5.0 are told so.
    Off,
    /// For clients of MQTT 5.0: the standard.
    Version5,
    /// For all clients: Mosquitto.
    AllVersions,
}

/// Who may connect. MQTT 3.1.1 §5.4.1
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Authentication {
    /// Everyone.
    #[default]
    Anyone,
    /// Those with a user name and its password; without a user name: refused with code 5, with a wrong
    /// one: code 4.
    Passwords(BTreeMap<Arc<str>, Arc<[u8]>>),
}

/// Everything that makes one server differ from another. The default is Mosquitto 2.0.11, as measured.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BrokerConfig {
    /// The newest version spoken; CONNECT of a newer one is answered with CONNACK 1. Default 5.0.
    pub newest_version: Version,
    /// QoS 1 and 2 messages sent to one client and not yet acknowledged; 0: no limit. Default 20.
    pub max_inflight: u16,
    /// QoS 2 messages from one client that are not yet released; what becomes of further ones, see
    /// `beyond_inbound_window`. To clients of MQTT 5.0 it is the Receive Maximum, and those who exceed it are
    /// disconnected. 0: no limit. Default 20.
    pub max_inflight_inbound: u16,
    /// QoS 1 and 2 messages that wait for one client, beyond those in flight; 0: no limit. Default 1000.
    pub max_queued: u32,
    /// Bytes of those; 0: no limit. Default 0.
    pub max_queued_bytes: u64,
    /// What goes when one of these is reached. Default: the newest.
    pub when_queue_full: WhenQueueFull,
    /// When silent clients are dropped. Default: every 6 s.
    pub silence_looks: SilenceLooks,
    /// The Keep Alive of a connection before its CONNECT, in seconds; 0: no limit. Default 60.
    pub keep_alive_before_connect_s: u16,
    /// When a QoS 2 message is forwarded. Default: on PUBREL.
    pub deliver_qos_2_on: Qos2Delivery,
    /// Whether a message is forwarded before its acknowledgement (PUBACK, PUBCOMP) goes back.
    /// Default `true`.
    pub forward_before_acknowledging: bool,
    /// What a session gets when several of its filters match. Default: one copy, at the first QoS.
    pub overlapping_subscriptions: OverlappingSubscriptions,
    /// Whether an empty Client Identifier with Clean Session gets a name. Default `true`.
    pub accept_empty_client_identifier: bool,
    /// Whether messages that clients publish below `$SYS` are acknowledged and ignored. Default `true`.
    pub ignore_publish_to_sys: bool,
    /// Whether a protocol level with its highest bit set, as bridges of Mosquitto send it before MQTT 5.0, is
    /// taken: messages are then not sent back to the bridge they came from, and RETAIN stays as published.
    /// Default `true`.
    pub accept_bridges: bool,
    /// Connected clients at most, further ones get CONNACK 3; 0: no limit. Default 0.
    pub max_connections: u32,
    /// Packets larger than this are refused, in bytes. Default: the protocol's limit.
    pub max_packet_bytes: u32,
    /// Breaches of the standard that pass. Default: those that Mosquitto lets pass.
    pub tolerance: Tolerance,
    /// What clients of MQTT 5.0 are told of their faults. Default: as Mosquitto.
    pub fault_codes: FaultCodes,
    /// Whether a PUBLISH from a client may have one Subscription Identifier, which is ignored, against MQTT
    /// 5.0 §3.3.4. Default `true`.
    pub ignore_subscription_identifiers: bool,
    /// What becomes of messages beyond `max_inflight_inbound` before MQTT 5.0. Default: they are lost.
    pub beyond_inbound_window: BeyondInboundWindow,
    /// Level separators `/` in a topic at most; who names a deeper one is disconnected. 0: no limit. Default 200.
    pub max_topic_levels: u16,
    /// Subscriptions of one session at most; further ones are refused. 0: no limit. Default 0.
    pub max_subscriptions: u32,
    /// Filters to which nobody may subscribe: SUBACK says 0x80. Default: none.
    pub refused_filters: BTreeSet<TopicFilter>,
    /// Whether payloads that are said to be UTF-8 are looked at, and refused with 0x99 if they are not.
    /// MQTT 5.0 §3.3.2.3.2. Default `false`.
    pub check_payload_format: bool,
    /// Whether CONNACK says `max_packet_bytes`. MQTT 5.0 §3.2.2.3.6. Default `true`.
    pub announce_max_packet_bytes: bool,
    /// Who may connect. Default: everyone.
    #[serde(skip)]
    pub authentication: Authentication,
    /// Who may publish and subscribe where. Default: everyone everywhere.
    #[serde(skip)]
    pub access: Option<Arc<AccessList>>,
    /// Methods of enhanced authentication that the host knows; others are refused. Default: none.
    #[serde(skip)]
    pub authentication_methods: BTreeSet<Arc<str>>,
    /// How long a packet may stay unanswered on a live connection before it is sent again with DUP, before
    /// MQTT 5.0 (MQTT 3.1 §4.2); `None`: never, as MQTT 3.1.1 §4.4 suggests. Default `None`.
    pub retry_after: Option<Duration>,
    /// Whether Client Identifiers of MQTT 3.1 must have 1 to 23 characters (MQTT 3.1 §3.1). Default `false`.
    pub limit_v3_1_identifiers: bool,
    /// For whom there are shared subscriptions. Default: all.
    pub shared_subscriptions: SharedSubscriptions,
    /// The highest Topic Alias accepted. MQTT 5.0 §3.2.2.3.8. Default 10.
    pub topic_alias_maximum: u16,
    /// Aliases given to topics on the way to one client, if it allows as many. Default 0.
    pub topic_aliases_outbound: u16,
    /// The longest Keep Alive, given to clients of MQTT 5.0 that ask for a longer one or none, in seconds;
    /// 0: no limit. MQTT 5.0 §3.2.2.3.14. Default 0.
    pub max_keep_alive_s: u16,
    /// The longest Session Expiry Interval, in seconds; `u32::MAX`: for ever. MQTT 5.0 §3.2.2.3.2. Default: for ever.
    pub max_session_expiry_s: u32,
    /// The highest QoS at which clients of MQTT 5.0 may publish. MQTT 5.0 §3.2.2.3.4. Default 2.
    pub maximum_qos: QoS,
    /// Whether clients of MQTT 5.0 may have messages retained. MQTT 5.0 §3.2.2.3.5. Default `true`.
    pub retain_available: bool,
    /// What CONNACK says to clients that ask for Response Information. MQTT 5.0 §3.2.2.3.15. Default: nothing.
    #[serde(skip)]
    pub response_information: Option<Arc<str>>,
}

impl BrokerConfig {
    /// The letter of the standard, without limits.
    #[must_use]
    pub fn standard() -> Self {
        BrokerConfig {
            max_inflight: 0,
            max_inflight_inbound: 0,
            max_queued: 0,
            silence_looks: SilenceLooks::Exact,
            overlapping_subscriptions: OverlappingSubscriptions::OneCopyHighest,
            tolerance: Tolerance::default(),
            accept_bridges: false,
            limit_v3_1_identifiers: true,
            max_topic_levels: 0,
            fault_codes: FaultCodes::Standard,
            ignore_subscription_identifiers: false,
            beyond_inbound_window: BeyondInboundWindow::Taken,
            shared_subscriptions: SharedSubscriptions::Version5,
            topic_alias_maximum: u16::MAX,
            topic_aliases_outbound: u16::MAX,
            ..BrokerConfig::default()
        }
    }
}

impl Default for BrokerConfig {
    fn default() -> Self {
        BrokerConfig {
            newest_version: Version::V5_0,
            max_inflight: 20,
            max_inflight_inbound: 20,
            max_queued: 1_000,
            max_queued_bytes: 0,
            when_queue_full: WhenQueueFull::DropNewest,
            silence_looks: SilenceLooks::MOSQUITTO,
            keep_alive_before_connect_s: 60,
            deliver_qos_2_on: Qos2Delivery::Pubrel,
            forward_before_acknowledging: true,
            overlapping_subscriptions: OverlappingSubscriptions::OneCopyFirst,
            accept_empty_client_identifier: true,
            ignore_publish_to_sys: true,
            accept_bridges: true,
            max_connections: 0,
            max_packet_bytes: u32::MAX,
            tolerance: Tolerance::MOSQUITTO,
            fault_codes: FaultCodes::Mosquitto,
            ignore_subscription_identifiers: true,
            beyond_inbound_window: BeyondInboundWindow::Lost,
            max_topic_levels: 200,
            max_subscriptions: 0,
            refused_filters: BTreeSet::new(),
            check_payload_format: false,
            announce_max_packet_bytes: true,
            authentication: Authentication::Anyone,
            access: None,
            authentication_methods: BTreeSet::new(),
            retry_after: None,
            limit_v3_1_identifiers: false,
            shared_subscriptions: SharedSubscriptions::AllVersions,
            topic_alias_maximum: 10,
            topic_aliases_outbound: 0,
            max_keep_alive_s: 0,
            max_session_expiry_s: u32::MAX,
            maximum_qos: QoS::ExactlyOnce,
            retain_available: true,
            response_information: None,
        }
    }
}

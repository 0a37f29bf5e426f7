//! The parameters of a client, its behaviour among them.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::mqtt::client::identifier::ClientIdentifier;
use crate::mqtt::packet::{Connect, Properties, Version, Will};
use crate::mqtt::session::Qos2Delivery;
use crate::mqtt::timers::keep_alive::{KeepAliveRule, KeepAliveSettings, LOOKS_EVERY_SECOND};
use crate::stream::MessageId;

/// Everything that makes one client differ from another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientConfig {
    /// Names the session at the server.
    pub client_identifier: ClientIdentifier,
    /// The user name, if any.
    pub user_name: Option<Arc<str>>,
    /// The password, if any; only with a user name.
    pub password: Option<Arc<[u8]>>,
    /// The will, if any.
    pub will: Option<Box<Will>>,
    /// The will's name in the ledger: CONNECT carries it, and the server publishes the will under it.
    pub will_message: MessageId,
    /// The properties of CONNECT, MQTT 5.0 only: Session Expiry Interval, Receive Maximum, Topic Alias
    /// Maximum and so on. The machine keeps to what they promise. Default: none.
    pub connect_properties: Option<Box<Properties>>,
    /// How often keep-alive is looked at; `None`: at the very instant. Default `None`.
    pub looks_every: Option<Duration>,
    /// Packets larger than this are refused, in bytes; a client of MQTT 5.0 tells the server so. Default: the protocol's limit.
    pub max_packet_bytes: u32,
    /// Bytes of the one buffer for packets that some small clients have: a larger PUBLISH is refused at the
    /// call, and a larger packet that arrives is ignored. Default: no limit.
    pub buffer_bytes: u32,
    /// Messages of QoS 1 and 2 that wait for the window or for a connection; 0: no limit. Default 0.
    pub max_queued: u32,
    /// K in seconds, 0: off. Default 60, as paho and libmosquitto.
    pub keep_alive_s: u16,
    /// Messages of QoS 1 and 2 sent and not yet acknowledged; 0: no limit. Default 20, as both.
    pub max_inflight: u16,
    /// Seconds after which an unanswered packet is sent again with DUP on a live connection, before MQTT
    /// 5.0 (MQTT 3.1 §4.2); 0: never. Default 0.
    pub retry_after_s: u8,
    /// Topic Aliases given on the way to the server, if it allows as many; MQTT 5.0 only. Default 0.
    pub topic_aliases_outbound: u8,
    /// The protocol spoken. Default MQTT 3.1.1.
    pub version: Version,
    /// Which clocks decide on PINGREQ. Default: the standard's minimum.
    pub keep_alive_rule: KeepAliveRule,
    /// Whether to start without session state; in MQTT 5.0 this is Clean Start. Default `true`.
    pub clean_session: bool,
    /// Whether CONNECT says that the client is a bridge ([`Connect::bridge`]). Default `false`.
    pub bridge: bool,
    /// Whether QoS 0 messages published without a connection wait for one. Default `false`: refused.
    pub queue_qos_0_offline: bool,
    /// Whether messages in flight survive a reconnection with Clean Session, as in paho: they are sent
    /// again with DUP, QoS 2 from the beginning. Default `false`: they are discarded, as
    /// MQTT 3.1.1 §3.1.2.4 says of the session state.
    pub resend_after_clean_session: bool,
    /// Whether a message in flight is forgotten with its connection, even where the session lasts, as in umqtt: nothing
    /// is sent again, against MQTT 3.1.1 §4.4. Default `false`.
    pub forget_unacknowledged: bool,
    /// Whether the length of SUBSCRIBE is written in one byte, whatever it is, as umqtt does: above 127 it says
    /// something else (MQTT 3.1.1 §2.2.3), and the packet is malformed. Default `false`.
    pub subscribe_length_in_one_byte: bool,
    /// When a QoS 2 message reaches the application. Default: on PUBREL.
    pub deliver_qos_2_on: Qos2Delivery,
}

impl ClientConfig {
    /// The defaults, under this Client Identifier.
    #[must_use]
    pub fn new(client_identifier: &str) -> Self {
        ClientConfig {
            client_identifier: client_identifier.into(),
            user_name: None,
            password: None,
            will: None,
            will_message: MessageId::NONE,
            connect_properties: None,
            looks_every: None,
            max_packet_bytes: u32::MAX,
            buffer_bytes: u32::MAX,
            max_queued: 0,
            keep_alive_s: 60,
            max_inflight: 20,
            retry_after_s: 0,
            topic_aliases_outbound: 0,
            version: Version::V3_1_1,
            keep_alive_rule: KeepAliveRule::Standard,
            clean_session: true,
            bridge: false,
            queue_qos_0_offline: false,
            resend_after_clean_session: false,
            forget_unacknowledged: false,
            subscribe_length_in_one_byte: false,
            deliver_qos_2_on: Qos2Delivery::Pubrel,
        }
    }

    /// As paho-mqtt 1.6 to 2.2 behaves.
    #[must_use]
    pub fn paho(client_identifier: &str) -> Self {
        ClientConfig {
            keep_alive_rule: KeepAliveRule::Paho1_6,
            looks_every: Some(LOOKS_EVERY_SECOND),
            resend_after_clean_session: true,
            ..ClientConfig::new(client_identifier)
        }
    }

    /// As `mosquitto_sub` and other users of libmosquitto's own loop behave.
    #[must_use]
    pub fn libmosquitto(client_identifier: &str) -> Self {
        ClientConfig {
            keep_alive_rule: KeepAliveRule::Libmosquitto,
            looks_every: Some(LOOKS_EVERY_SECOND),
            ..ClientConfig::new(client_identifier)
        }
    }

    pub(super) const fn keep_alive(&self) -> KeepAliveSettings {
        KeepAliveSettings {
            keep_alive_s: self.keep_alive_s,
            rule: self.keep_alive_rule,
            looks_every: self.looks_every,
        }
    }

    /// The interval of the retry timer, in the versions that have one.
    pub(super) fn retries(&self) -> Option<Duration> {
        let on = self.retry_after_s > 0 && !self.version.has_properties();
        on.then(|| Duration::from_secs(u64::from(self.retry_after_s)))
    }

    pub(super) fn authentication_method(&self) -> Option<Arc<str>> {
        self.connect_properties.as_ref()?.authentication_method.clone()
    }

    /// CONNECT, for one of the clients with these parameters.
    pub(super) fn connect(&self, client_identifier: Arc<str>, bridge: bool) -> Connect {
        let mut properties = self.connect_properties.as_deref().cloned().unwrap_or_default();
        if self.max_packet_bytes < u32::MAX {
            properties.maximum_packet_size = NonZeroU32::new(self.max_packet_bytes);
        }
        Connect {
            version: self.version,
            bridge,
            clean_session: self.clean_session,
            keep_alive_s: self.keep_alive_s,
            client_identifier,
            will: self.will.as_deref().cloned(),
            user_name: self.user_name.clone(),
            password: self.password.clone(),
            properties: self.version.has_properties().then(|| properties.boxed()).flatten(),
        }
    }
}

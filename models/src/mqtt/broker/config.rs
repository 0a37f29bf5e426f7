//! The parameters of a server, its behaviour among them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::mqtt::codec::Tolerance;
use crate::mqtt::session::Qos2Delivery;
use crate::mqtt::timers::silence::SilenceLooks;

/// What a session gets when several of its filters match one message. MQTT 3.1.1 §3.3.5
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OverlappingSubscriptions {
    /// One copy, at the highest QoS of them: what the standard asks for.
    OneCopyHighest,
    /// One copy, at the QoS of the first that is found (the exact one, if there is): Mosquitto 2.0.11.
    OneCopyFirst,
    /// A copy for each, as the standard also allows.
    CopyEach,
}

/// Which message goes when a session's queue is full.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WhenQueueFull {
    /// The one that would have been added.
    DropNewest,
    /// The one that has waited longest.
    DropOldest,
}

/// Who may connect. MQTT 3.1.1 §5.4.1
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Authentication {
    /// Everyone.
    Anyone,
    /// Those with a user name and its password; without a user name: refused with code 5, with a wrong
    /// one: code 4.
    Passwords(BTreeMap<Arc<str>, Arc<[u8]>>),
}

/// Everything that makes one server differ from another. The default is Mosquitto 2.0.11, as measured.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrokerConfig {
    /// QoS 1 and 2 messages sent to one client and not yet acknowledged; 0: no limit. Default 20.
    pub max_inflight: u16,
    /// QoS 2 messages from one client that are not yet released; further ones are acknowledged and
    /// dropped. 0: no limit. Default 20.
    pub max_inflight_inbound: u16,
    /// QoS 1 and 2 messages that wait for one client, beyond those in flight; 0: no limit. Default 1000.
    pub max_queued: u32,
    /// What goes when that is reached. Default: the newest.
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
    /// Connected clients at most, further ones get CONNACK 3; 0: no limit. Default 0.
    pub max_connections: u32,
    /// Packets larger than this are refused, in bytes. Default: the protocol's limit.
    pub max_packet_bytes: u32,
    /// Breaches of the standard that pass. Default: those that Mosquitto lets pass.
    pub tolerance: Tolerance,
    /// Who may connect. Default: everyone.
    pub authentication: Authentication,
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
            ..BrokerConfig::default()
        }
    }
}

impl Default for BrokerConfig {
    fn default() -> Self {
        BrokerConfig {
            max_inflight: 20,
            max_inflight_inbound: 20,
            max_queued: 1_000,
            when_queue_full: WhenQueueFull::DropNewest,
            silence_looks: SilenceLooks::MOSQUITTO,
            keep_alive_before_connect_s: 60,
            deliver_qos_2_on: Qos2Delivery::Pubrel,
            forward_before_acknowledging: true,
            overlapping_subscriptions: OverlappingSubscriptions::OneCopyFirst,
            accept_empty_client_identifier: true,
            ignore_publish_to_sys: true,
            max_connections: 0,
            max_packet_bytes: u32::MAX,
            tolerance: Tolerance::MOSQUITTO,
            authentication: Authentication::Anyone,
        }
    }
}

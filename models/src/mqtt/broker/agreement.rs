//! What a client and the server have agreed on for one connection of MQTT 5.0. §3.1.2.11, §3.2.2.3

use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;

use crate::mqtt::aliases::{InboundAliases, OutboundAliases};
use crate::mqtt::broker::{BrokerConfig, SharedSubscriptions};
use crate::mqtt::packet::{Connect, Properties, QoS};
use crate::stream::MessageId;

/// What only a connection of MQTT 5.0 has.
#[derive(Clone, Debug)]
pub(super) struct Agreement {
    /// The client's Receive Maximum.
    pub receive_maximum: u16,
    /// The client's Maximum Packet Size; `u32::MAX`: no limit.
    pub max_packet_bytes: u32,
    /// Whether CONNECT let the session outlive the connection.
    pub session_outlives: bool,
    /// Aliases that the client gave.
    pub aliases_in: InboundAliases,
    /// Aliases that the server gave.
    pub aliases_out: OutboundAliases,
    /// The enhanced authentication, if the client asked for one.
    pub exchange: Option<Exchange>,
}

/// An enhanced authentication. MQTT 5.0 §4.12
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub method: Arc<str>,
    /// What the client said last.
    pub data: Option<Arc<[u8]>>,
    /// The CONNECT that waits for it, with the message of its will; `None` once connected.
    pub connect: Option<Box<(Connect, MessageId)>>,
    /// Whether the host owes an answer.
    pub open: bool,
}

impl Agreement {
    pub(super) fn of(connect: &Connect, config: &BrokerConfig) -> Self {
        let none = Properties::default();
        let asked = connect.properties.as_deref().unwrap_or(&none);
        let aliases = asked.topic_alias_maximum.unwrap_or(0).min(config.topic_aliases_outbound);
        let exchange = asked.authentication_method.as_ref().map(|method| Exchange {
            method: method.clone(),
            data: asked.authentication_data.clone(),
            connect: None,
            open: false,
        });
        Agreement {
            receive_maximum: asked.receive_maximum.map_or(u16::MAX, NonZeroU16::get),
            max_packet_bytes: asked.maximum_packet_size.map_or(u32::MAX, NonZeroU32::get),
            session_outlives: asked.session_expiry_interval_s.unwrap_or(0) > 0,
            aliases_in: InboundAliases::default(),
            aliases_out: OutboundAliases::up_to(aliases),
            exchange,
        }
    }
}

impl BrokerConfig {
    /// What CONNACK says of the server itself. MQTT 5.0 §3.2.2.3
    pub(super) fn announced(&self) -> Properties {
        Properties {
            receive_maximum: NonZeroU16::new(self.max_inflight_inbound),
            maximum_qos: Some(self.maximum_qos).filter(|qos| *qos < QoS::ExactlyOnce),
            retain_available: (!self.retain_available).then_some(false),
            maximum_packet_size: NonZeroU32::new(self.max_packet_bytes)
                .filter(|size| self.announce_max_packet_bytes && size.get() < u32::MAX),
            topic_alias_maximum: Some(self.topic_alias_maximum).filter(|maximum| *maximum > 0),
            shared_subscription_available: (self.shared_subscriptions == SharedSubscriptions::Off)
                .then_some(false),
            ..Properties::default()
        }
    }

    /// The Keep Alive that holds for a client of MQTT 5.0 that asks for this one, in seconds.
    pub(super) const fn keep_alive_for(&self, asked_s: u16) -> u16 {
        let longer = asked_s == 0 || asked_s > self.max_keep_alive_s;
        if self.max_keep_alive_s > 0 && longer { self.max_keep_alive_s } else { asked_s }
    }
}

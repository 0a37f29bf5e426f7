//! What the server has said of one connection of MQTT 5.0. §3.2.2.3

use std::num::{NonZeroU16, NonZeroU32};

use crate::mqtt::aliases::{InboundAliases, OutboundAliases};
use crate::mqtt::client::ClientConfig;
use crate::mqtt::packet::{Properties, QoS};

/// What only a connection of MQTT 5.0 has.
#[derive(Clone, Debug)]
pub(super) struct Agreement {
    /// The server's Receive Maximum.
    pub receive_maximum: u16,
    /// The server's Maximum Packet Size; `u32::MAX`: no limit.
    pub max_packet_bytes: u32,
    pub maximum_qos: QoS,
    pub retain_available: bool,
    pub server_keep_alive_s: Option<u16>,
    /// Aliases that the server gave.
    pub aliases_in: InboundAliases,
    /// Aliases that the client gave.
    pub aliases_out: OutboundAliases,
}

impl Agreement {
    pub(super) fn of(announced: &Properties, config: &ClientConfig) -> Self {
        let aliases =
            announced.topic_alias_maximum.unwrap_or(0).min(u16::from(config.topic_aliases_outbound));
        Agreement {
            receive_maximum: announced.receive_maximum.map_or(u16::MAX, NonZeroU16::get),
            max_packet_bytes: announced.maximum_packet_size.map_or(u32::MAX, NonZeroU32::get),
            maximum_qos: announced.maximum_qos.unwrap_or(QoS::ExactlyOnce),
            retain_available: announced.retain_available.unwrap_or(true),
            server_keep_alive_s: announced.server_keep_alive_s,
            aliases_in: InboundAliases::default(),
            aliases_out: OutboundAliases::up_to(aliases),
        }
    }
}

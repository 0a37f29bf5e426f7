//! What a subscription asks for. MQTT 5.0 §3.8.3.1

use serde::Deserialize;

use crate::mqtt::packet::QoS;

/// Whether a new subscription is sent the retained messages. MQTT 5.0 §3.8.3.1
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Deserialize)]
#[repr(u8)]
pub enum RetainHandling {
    /// Always, as before MQTT 5.0.
    #[default]
    Send = 0,
    /// Only if there was no such subscription.
    SendIfNew = 1,
    /// Never.
    DoNotSend = 2,
}

/// What SUBSCRIBE asks for one Topic Filter. Before MQTT 5.0 there is only the QoS.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct SubscriptionOptions {
    /// The highest QoS at which to receive.
    pub qos: QoS,
    /// Whether messages of this very client are left out.
    pub no_local: bool,
    /// Whether RETAIN stays as the publisher set it.
    pub retain_as_published: bool,
    /// Whether retained messages are sent.
    pub retain_handling: RetainHandling,
}

impl From<QoS> for SubscriptionOptions {
    fn from(qos: QoS) -> Self {
        SubscriptionOptions { qos, ..SubscriptionOptions::default() }
    }
}

impl SubscriptionOptions {
    /// What a bridge asks for: nothing that it brought itself, and RETAIN as published, so that the other server
    /// keeps what this one keeps.
    #[must_use]
    pub const fn of_bridge(qos: QoS) -> Self {
        SubscriptionOptions {
            qos,
            no_local: true,
            retain_as_published: true,
            retain_handling: RetainHandling::Send,
        }
    }

    /// The byte of SUBSCRIBE.
    #[must_use]
    pub const fn byte(self) -> u8 {
        self.qos.level()
            | (self.no_local as u8) << 2
            | (self.retain_as_published as u8) << 3
            | (self.retain_handling as u8) << 4
    }

    /// The options of a byte; `None` for QoS 3, Retain Handling 3, or the reserved bits.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        let retain_handling = match byte >> 4 {
            0 => RetainHandling::Send,
            1 => RetainHandling::SendIfNew,
            2 => RetainHandling::DoNotSend,
            _ => return None,
        };
        let Some(qos) = QoS::from_bits(byte & 3) else { return None };
        let (no_local, retain_as_published) = (byte & 1 << 2 != 0, byte & 1 << 3 != 0);
        Some(SubscriptionOptions { qos, no_local, retain_as_published, retain_handling })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_options_are_one_to_one() {
        let valid = (0..=255_u8).filter_map(|byte| Some((byte, SubscriptionOptions::from_byte(byte)?)));
        assert_eq!(valid.clone().count(), 3 * 2 * 2 * 3);
        for (byte, options) in valid {
            assert_eq!(options.byte(), byte);
        }
    }
}

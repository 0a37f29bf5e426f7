//! The types of control packets. MQTT 3.1.1 §2.2.1, MQTT 5.0 §2.1.2

use crate::cause::Cause;
use crate::mqtt::packet::Version;

/// The type of a control packet. MQTT 3.1.1 §2.2.1
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum PacketType {
    /// Client requests a connection to a server.
    Connect = 1,
    /// Acknowledges a connection request.
    Connack = 2,
    /// Publishes a message.
    Publish = 3,
    /// Acknowledges a PUBLISH at QoS 1.
    Puback = 4,
    /// Publish received, QoS 2, part 1.
    Pubrec = 5,
    /// Publish release, QoS 2, part 2.
    Pubrel = 6,
    /// Publish complete, QoS 2, part 3.
    Pubcomp = 7,
    /// Subscribes to topics.
    Subscribe = 8,
    /// Acknowledges a subscription.
    Suback = 9,
    /// Unsubscribes from topics.
    Unsubscribe = 10,
    /// Acknowledges an unsubscription.
    Unsuback = 11,
    /// Asks for a sign of life.
    Pingreq = 12,
    /// Answers PINGREQ.
    Pingresp = 13,
    /// Client or, from MQTT 5.0 on, server is disconnecting.
    Disconnect = 14,
    /// Authentication goes on. MQTT 5.0 only
    Auth = 15,
}

impl PacketType {
    /// All types, in the order of their numbers.
    pub const ALL: [PacketType; 15] = [
        PacketType::Connect,
        PacketType::Connack,
        PacketType::Publish,
        PacketType::Puback,
        PacketType::Pubrec,
        PacketType::Pubrel,
        PacketType::Pubcomp,
        PacketType::Subscribe,
        PacketType::Suback,
        PacketType::Unsubscribe,
        PacketType::Unsuback,
        PacketType::Pingreq,
        PacketType::Pingresp,
        PacketType::Disconnect,
        PacketType::Auth,
    ];

    /// The type of the number in bits 7-4 of the first byte; `None` for the reserved 0 (and
    /// 15 is reserved before MQTT 5.0: see [`PacketType::exists_in`]).
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// Whether this version has packets of this type. MQTT 5.0 §2.1.2
    #[must_use]
    pub fn exists_in(self, version: Version) -> bool {
        self != PacketType::Auth || version.has_properties()
    }

    /// The number in bits 7-4 of the first byte.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The standard's name, `CONNECT` to `AUTH`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.cause().name()
    }

    /// The row of the energy ledger to which these packets are booked.
    #[must_use]
    pub const fn cause(self) -> Cause {
        match self {
            PacketType::Connect => Cause::Connect,
            PacketType::Connack => Cause::Connack,
            PacketType::Publish => Cause::Publish,
            PacketType::Puback => Cause::Puback,
            PacketType::Pubrec => Cause::Pubrec,
            PacketType::Pubrel => Cause::Pubrel,
            PacketType::Pubcomp => Cause::Pubcomp,
            PacketType::Subscribe => Cause::Subscribe,
            PacketType::Suback => Cause::Suback,
            PacketType::Unsubscribe => Cause::Unsubscribe,
            PacketType::Unsuback => Cause::Unsuback,
            PacketType::Pingreq => Cause::Pingreq,
            PacketType::Pingresp => Cause::Pingresp,
            PacketType::Disconnect => Cause::Disconnect,
            PacketType::Auth => Cause::Auth,
        }
    }

    /// The inverse of [`PacketType::cause`]; `None` for causes that are no control packet.
    #[must_use]
    pub fn of_cause(cause: Cause) -> Option<Self> {
        Self::ALL.into_iter().find(|packet_type| packet_type.cause() == cause)
    }

    /// Whether this version marks a repetition of this packet with DUP: PUBLISH always; MQTT 3.1 also
    /// the other packets that it sends at QoS 1. MQTT 3.1 §2.1
    #[must_use]
    pub const fn has_dup_in(self, version: Version) -> bool {
        match (self, version) {
            (PacketType::Publish, _) => true,
            (PacketType::Pubrel | PacketType::Subscribe | PacketType::Unsubscribe, Version::V3_1) => true,
            (_, Version::V3_1 | Version::V3_1_1 | Version::V5_0) => false,
        }
    }

    /// Bits 3-0 of the first byte, where the standard fixes them (all but PUBLISH, whose flags say
    /// DUP, QoS and RETAIN). MQTT 3.1.1 §2.2.2
    #[must_use]
    pub const fn reserved_flags(self) -> Option<u8> {
        match self {
            PacketType::Publish => None,
            PacketType::Pubrel | PacketType::Subscribe | PacketType::Unsubscribe => Some(0b0010),
            PacketType::Connect
            | PacketType::Connack
            | PacketType::Puback
            | PacketType::Pubrec
            | PacketType::Pubcomp
            | PacketType::Suback
            | PacketType::Unsuback
            | PacketType::Pingreq
            | PacketType::Pingresp
            | PacketType::Disconnect
            | PacketType::Auth => Some(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_numbers_names_and_causes_are_one_to_one() {
        for (i, packet_type) in PacketType::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(packet_type.number()), i + 1);
            assert_eq!(PacketType::from_number(packet_type.number()), Some(packet_type));
            assert_eq!(PacketType::of_cause(packet_type.cause()), Some(packet_type));
            assert_eq!(packet_type.name(), format!("{packet_type:?}").to_uppercase());
        }
        assert_eq!(PacketType::from_number(0), None);
        assert_eq!(PacketType::from_number(16), None);
        assert!(!PacketType::Auth.exists_in(Version::V3_1_1));
        assert_eq!(PacketType::of_cause(Cause::TcpAck), None);
    }
}

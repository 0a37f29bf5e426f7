//! The fourteen control packets of MQTT 3.1.1 as types. OASIS Standard, 29 October 2014, chapters 2 and 3.
//!
//! A value of [`Packet`] is well formed by construction as far as types can say it; what is left (a
//! will that is larger than 65,535 bytes, say) is refused by the constructors or asserted by the
//! encoder. MQTT 3.1 and 5.0 join here as further [`Version`]s.

use std::num::NonZeroU16;
use std::sync::Arc;

use crate::cause::Cause;
use crate::mqtt::topic::{TopicFilter, TopicName};
use crate::stream::Payload;

/// A version of the protocol: what CONNECT names, and what the codec and the machines switch on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Version {
    /// MQTT 3.1.1, protocol name `MQTT`, protocol level 4.
    #[default]
    V3_1_1,
}

impl Version {
    /// The protocol name in CONNECT. MQTT 3.1.1 §3.1.2.1
    #[must_use]
    pub const fn protocol_name(self) -> &'static str {
        match self {
            Version::V3_1_1 => "MQTT",
        }
    }

    /// The protocol level in CONNECT. MQTT 3.1.1 §3.1.2.2
    #[must_use]
    pub const fn protocol_level(self) -> u8 {
        match self {
            Version::V3_1_1 => 4,
        }
    }

    /// The version of a protocol name and level, `None` for one that is not spoken here.
    #[must_use]
    pub fn of(protocol_name: &[u8], protocol_level: u8) -> Option<Self> {
        let version = Version::V3_1_1;
        let same =
            protocol_name == version.protocol_name().as_bytes() && protocol_level == version.protocol_level();
        same.then_some(version)
    }
}

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
    /// Client is disconnecting.
    Disconnect = 14,
}

impl PacketType {
    /// All types, in the order of their numbers.
    pub const ALL: [PacketType; 14] = [
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
    ];

    /// The type of the number in bits 7-4 of the first byte; `None` for the reserved 0 and 15.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// The number in bits 7-4 of the first byte.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The standard's name, `CONNECT` to `DISCONNECT`.
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
        }
    }

    /// The inverse of [`PacketType::cause`]; `None` for causes that are no control packet.
    #[must_use]
    pub fn of_cause(cause: Cause) -> Option<Self> {
        Self::ALL.into_iter().find(|packet_type| packet_type.cause() == cause)
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
            | PacketType::Disconnect => Some(0),
        }
    }
}

/// Quality of Service: how surely an application message is delivered. MQTT 3.1.1 §4.3
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[repr(u8)]
pub enum QoS {
    /// QoS 0.
    #[default]
    AtMostOnce = 0,
    /// QoS 1.
    AtLeastOnce = 1,
    /// QoS 2.
    ExactlyOnce = 2,
}

impl QoS {
    /// The level of two bits; `None` for 3, which "MUST NOT" be used. MQTT 3.1.1 §3.3.1.2
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            0 => Some(QoS::AtMostOnce),
            1 => Some(QoS::AtLeastOnce),
            2 => Some(QoS::ExactlyOnce),
            _ => None,
        }
    }

    /// 0, 1 or 2.
    #[must_use]
    pub const fn level(self) -> u8 {
        self as u8
    }
}

/// A Packet Identifier, never zero. MQTT 3.1.1 §2.3.1
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PacketIdentifier(pub NonZeroU16);

impl PacketIdentifier {
    /// The identifier of a number; `None` for 0.
    #[must_use]
    pub const fn new(number: u16) -> Option<Self> {
        match NonZeroU16::new(number) {
            Some(number) => Some(PacketIdentifier(number)),
            None => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0.get()
    }
}

/// The message that the server publishes when a client leaves without DISCONNECT. MQTT 3.1.1 §3.1.2.5
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Will {
    /// Where it is published.
    pub topic: TopicName,
    /// What is published, at most 65,535 bytes.
    pub payload: Payload,
    /// At which Quality of Service.
    pub qos: QoS,
    /// Whether it is retained.
    pub retain: bool,
}

/// CONNECT. MQTT 3.1.1 §3.1
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connect {
    /// The protocol spoken on this connection.
    pub version: Version,
    /// Whether to start without, and to leave no, session state. MQTT 3.1.1 §3.1.2.4
    pub clean_session: bool,
    /// The longest silence of the client, in seconds; 0 turns the mechanism off. MQTT 3.1.1 §3.1.2.10
    pub keep_alive_s: u16,
    /// Names the session; may be empty with `clean_session`.
    pub client_identifier: Arc<str>,
    /// The will, if any.
    pub will: Option<Will>,
    /// The user name, if any.
    pub user_name: Option<Arc<str>>,
    /// The password, if any; only with a user name. MQTT 3.1.1 §3.1.2.9
    pub password: Option<Arc<[u8]>>,
}

/// What CONNACK says. MQTT 3.1.1 §3.2.2.3
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum ConnectReturnCode {
    /// 0: the connection is accepted.
    Accepted = 0,
    /// 1: the server does not speak this protocol level.
    UnacceptableProtocolVersion = 1,
    /// 2: the Client Identifier is not allowed.
    IdentifierRejected = 2,
    /// 3: MQTT is unavailable.
    ServerUnavailable = 3,
    /// 4: the user name or password is malformed or wrong.
    BadUserNameOrPassword = 4,
    /// 5: this client may not connect.
    NotAuthorized = 5,
}

impl ConnectReturnCode {
    /// The code of a byte; `None` for the reserved 6 to 255.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(ConnectReturnCode::Accepted),
            1 => Some(ConnectReturnCode::UnacceptableProtocolVersion),
            2 => Some(ConnectReturnCode::IdentifierRejected),
            3 => Some(ConnectReturnCode::ServerUnavailable),
            4 => Some(ConnectReturnCode::BadUserNameOrPassword),
            5 => Some(ConnectReturnCode::NotAuthorized),
            _ => None,
        }
    }
}

/// CONNACK. MQTT 3.1.1 §3.2
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Connack {
    /// Whether the server goes on with a stored session; only with `Accepted`. MQTT 3.1.1 §3.2.2.2
    pub session_present: bool,
    /// Whether the connection is accepted.
    pub return_code: ConnectReturnCode,
}

/// PUBLISH. MQTT 3.1.1 §3.3
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Publish {
    /// Where it is published.
    pub topic: TopicName,
    /// The application message.
    pub payload: Payload,
    /// Present exactly at QoS 1 and 2. MQTT 3.1.1 §3.3.2.2
    pub packet_identifier: Option<PacketIdentifier>,
    /// The Quality of Service of this hop.
    pub qos: QoS,
    /// Whether this may be a repetition. MQTT 3.1.1 §3.3.1.1
    pub dup: bool,
    /// From a client: keep it. From a server: it was kept. MQTT 3.1.1 §3.3.1.3
    pub retain: bool,
}

/// SUBSCRIBE. MQTT 3.1.1 §3.8
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subscribe {
    /// Matches the SUBACK to this request.
    pub packet_identifier: PacketIdentifier,
    /// At least one Topic Filter with the highest QoS at which to receive.
    pub filters: Vec<(TopicFilter, QoS)>,
}

/// SUBACK. MQTT 3.1.1 §3.9
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Suback {
    /// That of the SUBSCRIBE.
    pub packet_identifier: PacketIdentifier,
    /// For each Topic Filter, in order, the QoS granted, or `None` for failure (0x80).
    pub return_codes: Vec<Option<QoS>>,
}

/// UNSUBSCRIBE. MQTT 3.1.1 §3.10
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unsubscribe {
    /// Matches the UNSUBACK to this request.
    pub packet_identifier: PacketIdentifier,
    /// At least one Topic Filter.
    pub filters: Vec<TopicFilter>,
}

/// A control packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Packet {
    /// Client requests a connection. Boxed: it is large and comes once a connection.
    Connect(Box<Connect>),
    /// Acknowledges a connection request.
    Connack(Connack),
    /// Publishes a message.
    Publish(Publish),
    /// Acknowledges a PUBLISH at QoS 1.
    Puback(PacketIdentifier),
    /// QoS 2, part 1.
    Pubrec(PacketIdentifier),
    /// QoS 2, part 2.
    Pubrel(PacketIdentifier),
    /// QoS 2, part 3.
    Pubcomp(PacketIdentifier),
    /// Subscribes.
    Subscribe(Subscribe),
    /// Acknowledges a subscription.
    Suback(Suback),
    /// Unsubscribes.
    Unsubscribe(Unsubscribe),
    /// Acknowledges an unsubscription.
    Unsuback(PacketIdentifier),
    /// Asks for a sign of life.
    Pingreq,
    /// Answers PINGREQ.
    Pingresp,
    /// Client is disconnecting.
    Disconnect,
}

impl Packet {
    /// Its type.
    #[must_use]
    pub const fn packet_type(&self) -> PacketType {
        match self {
            Packet::Connect(_) => PacketType::Connect,
            Packet::Connack(_) => PacketType::Connack,
            Packet::Publish(_) => PacketType::Publish,
            Packet::Puback(_) => PacketType::Puback,
            Packet::Pubrec(_) => PacketType::Pubrec,
            Packet::Pubrel(_) => PacketType::Pubrel,
            Packet::Pubcomp(_) => PacketType::Pubcomp,
            Packet::Subscribe(_) => PacketType::Subscribe,
            Packet::Suback(_) => PacketType::Suback,
            Packet::Unsubscribe(_) => PacketType::Unsubscribe,
            Packet::Unsuback(_) => PacketType::Unsuback,
            Packet::Pingreq => PacketType::Pingreq,
            Packet::Pingresp => PacketType::Pingresp,
            Packet::Disconnect => PacketType::Disconnect,
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
        assert_eq!(PacketType::from_number(15), None);
        assert_eq!(PacketType::of_cause(Cause::TcpAck), None);
    }

    #[test]
    fn a_packet_stays_small() {
        assert!(size_of::<Packet>() <= 56, "{}", size_of::<Packet>());
        assert_eq!(size_of::<Option<PacketIdentifier>>(), 2);
    }
}

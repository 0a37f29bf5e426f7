//! Control packets to bytes and back, in three versions. MQTT 3.1.1 and 5.0, chapters 2 and 3.

pub mod decode;
pub mod encode;
mod fields;
pub mod properties;
pub(in crate::mqtt) mod seat;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::mqtt::packet::{PacketType, ReasonCode};
use crate::mqtt::topic::InvalidTopic;

/// The largest Remaining Length, 256 MiB - 1. MQTT 3.1.1 §2.2.3
pub const MAX_REMAINING_LENGTH: u32 = 268_435_455;

/// Number of bytes of the Remaining Length field for `remaining_length`. MQTT 3.1.1 table 2.4
#[must_use]
pub const fn remaining_length_bytes(remaining_length: u32) -> usize {
    match remaining_length {
        0..=127 => 1,
        128..=16_383 => 2,
        16_384..=2_097_151 => 3,
        _ => 4,
    }
}

/// Breaches of the standard that real receivers let pass; all `false` is the standard.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Tolerance {
    /// Accept DUP = 1 at QoS 0, against MQTT 3.1.1 §3.3.1.1. Mosquitto 2.0 does.
    pub dup_at_qos_0: bool,
    /// Accept bytes after the last field of a packet without a payload of its own (PINGREQ and the
    /// like). Mosquitto 2.0 does.
    pub surplus_bytes: bool,
}

impl Tolerance {
    /// As Mosquitto 2.0.11 was measured.
    pub const MOSQUITTO: Tolerance = Tolerance { dup_at_qos_0: true, surplus_bytes: true };
}

/// Why bytes are no control packet; the receiver closes the connection. MQTT 3.1.1 §4.8
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Malformed {
    /// Packet type 0 or, before MQTT 5.0, 15. MQTT 3.1.1 §2.2.1
    ReservedPacketType,
    /// Flags of the first byte other than table 2.2 says. MQTT 3.1.1 §2.2.2
    FixedHeaderFlags,
    /// A Remaining Length of more than four bytes. MQTT 3.1.1 §2.2.3
    RemainingLength,
    /// A packet larger than the receiver is willing to hold.
    TooLarge,
    /// A field reaches beyond the end of the packet.
    Truncated,
    /// Bytes follow the last field.
    SurplusBytes,
    /// A string that is not UTF-8. MQTT 3.1.1 §1.5.3
    Utf8,
    /// A string with U+0000. MQTT 3.1.1 §1.5.3
    NullCharacter,
    /// The protocol name is not MQTT's. MQTT 3.1.1 §3.1.2.1
    ProtocolName,
    /// A version that is not spoken here: answered with CONNACK 1. MQTT 3.1.1 §3.1.2.2
    ProtocolLevel,
    /// The reserved connect flag is set. MQTT 3.1.1 §3.1.2.3
    ReservedConnectFlag,
    /// Will QoS 3, or Will QoS or Will Retain without a will. MQTT 3.1.1 §3.1.2.6, §3.1.2.7
    WillFlags,
    /// A password without a user name. MQTT 3.1.1 §3.1.2.9
    PasswordWithoutUserName,
    /// Reserved bits of CONNACK, or Session Present with a refusal. MQTT 3.1.1 §3.2.2
    ConnackFlags,
    /// A return code of 6 or more. MQTT 3.1.1 §3.2.2.3
    ConnectReturnCode,
    /// QoS 3 in PUBLISH. MQTT 3.1.1 §3.3.1.2
    QoS,
    /// DUP at QoS 0. MQTT 3.1.1 §3.3.1.1
    DupAtQoS0,
    /// A Packet Identifier of 0. MQTT 3.1.1 §2.3.1
    PacketIdentifier,
    /// Not a Topic Name. MQTT 3.1.1 §3.3.2.1
    TopicName(InvalidTopic),
    /// Not a Topic Filter. MQTT 3.1.1 §4.7
    TopicFilter(InvalidTopic),
    /// SUBSCRIBE, SUBACK or UNSUBSCRIBE without an entry. MQTT 3.1.1 §3.8.3
    NoTopicFilter,
    /// Reserved bits or QoS 3 in a requested QoS. MQTT 3.1.1 §3.8.3.1
    RequestedQoS,
    /// A return code of SUBACK other than 0, 1, 2 and 0x80. MQTT 3.1.1 §3.9.3
    SubackReturnCode,
    /// Reserved bits in the Subscription Options. MQTT 5.0 §3.8.3.1
    SubscriptionOptions,
    /// A Reason Code that this packet cannot have. MQTT 5.0 table 2-6
    ReasonCode,
    /// A property that is unknown. MQTT 5.0 §2.2.2.2
    PropertyIdentifier,
    /// A property that may come once comes again. MQTT 5.0 §2.2.2.2
    DuplicateProperty,
    /// A property with a value that it cannot have. MQTT 5.0 §3.1.2.11 and elsewhere
    PropertyValue,
    /// A Topic Alias of 0. MQTT 5.0 §3.3.2.3.4
    TopicAlias,
    /// A packet type that this side never receives, or not on this connection. MQTT 3.1.1 table 2.1
    UnexpectedPacket(PacketType),
    /// A control character, which a receiver may refuse. MQTT 3.1.1 §1.5.3, MQTT 5.0 §1.5.4
    ControlCharacter,
    /// An integer of more than four bytes, or of more than it needs. MQTT 5.0 §1.5.5
    VariableByteInteger,
    /// PUBLISH with neither a Topic Name nor a Topic Alias. MQTT 5.0 §3.3.2.1
    NoTopic,
    /// A Response Topic that is no Topic Name. MQTT 5.0 §3.3.2.3.5
    ResponseTopic(InvalidTopic),
    /// A Subscription Identifier of 0. MQTT 5.0 §3.8.2.1.2
    SubscriptionIdentifier,
    /// A property that belongs to other packets. MQTT 5.0 §2.2.2.2
    PropertyPlace,
}

impl Malformed {
    /// The Reason Code with which the receiver closes the connection. MQTT 5.0 §4.13
    #[must_use]
    pub const fn reason_code(self) -> ReasonCode {
        match self {
            Malformed::TooLarge => ReasonCode::PacketTooLarge,
            Malformed::TopicAlias => ReasonCode::TopicAliasInvalid,
            Malformed::ProtocolLevel | Malformed::ProtocolName => ReasonCode::UnsupportedProtocolVersion,
            Malformed::DuplicateProperty
            | Malformed::PropertyValue
            | Malformed::PacketIdentifier
            | Malformed::NoTopicFilter
            | Malformed::RequestedQoS
            | Malformed::ReservedPacketType
            | Malformed::UnexpectedPacket(_)
            | Malformed::NoTopic
            | Malformed::SubscriptionIdentifier => ReasonCode::ProtocolError,
            Malformed::FixedHeaderFlags
            | Malformed::RemainingLength
            | Malformed::Truncated
            | Malformed::SurplusBytes
            | Malformed::Utf8
            | Malformed::NullCharacter
            | Malformed::ReservedConnectFlag
            | Malformed::WillFlags
            | Malformed::PasswordWithoutUserName
            | Malformed::ConnackFlags
            | Malformed::ConnectReturnCode
            | Malformed::QoS
            | Malformed::DupAtQoS0
            | Malformed::TopicName(_)
            | Malformed::TopicFilter(_)
            | Malformed::SubackReturnCode
            | Malformed::SubscriptionOptions
            | Malformed::ReasonCode
            | Malformed::PropertyIdentifier
            | Malformed::ControlCharacter
            | Malformed::VariableByteInteger
            | Malformed::ResponseTopic(_)
            | Malformed::PropertyPlace => ReasonCode::MalformedPacket,
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Malformed::ReservedPacketType => "reserved packet type",
            Malformed::FixedHeaderFlags => "flags of the fixed header",
            Malformed::RemainingLength => "Remaining Length of more than four bytes",
            Malformed::TooLarge => "packet larger than the receiver accepts",
            Malformed::Truncated => "field beyond the end of the packet",
            Malformed::SurplusBytes => "bytes after the last field",
            Malformed::Utf8 => "string that is not UTF-8",
            Malformed::NullCharacter => "string with U+0000",
            Malformed::ProtocolName => "protocol name",
            Malformed::ProtocolLevel => "protocol level",
            Malformed::ReservedConnectFlag => "reserved connect flag",
            Malformed::WillFlags => "will flags",
            Malformed::PasswordWithoutUserName => "password without user name",
            Malformed::ConnackFlags => "connect acknowledge flags",
            Malformed::ConnectReturnCode => "reserved connect return code",
            Malformed::QoS => "QoS 3",
            Malformed::DupAtQoS0 => "DUP at QoS 0",
            Malformed::PacketIdentifier => "Packet Identifier 0",
            Malformed::TopicName(_) => "Topic Name",
            Malformed::TopicFilter(_) => "Topic Filter",
            Malformed::NoTopicFilter => "no Topic Filter",
            Malformed::RequestedQoS => "requested QoS",
            Malformed::SubackReturnCode => "SUBACK return code",
            Malformed::SubscriptionOptions => "reserved subscription options",
            Malformed::ReasonCode => "Reason Code",
            Malformed::PropertyIdentifier => "unknown property",
            Malformed::DuplicateProperty => "property given twice",
            Malformed::PropertyValue => "value of a property",
            Malformed::TopicAlias => "Topic Alias 0",
            Malformed::UnexpectedPacket(_) => "packet that may not come here",
            Malformed::ControlCharacter => "string with a control character",
            Malformed::VariableByteInteger => "variable byte integer",
            Malformed::NoTopic => "neither Topic Name nor Topic Alias",
            Malformed::ResponseTopic(_) => "Response Topic",
            Malformed::SubscriptionIdentifier => "Subscription Identifier 0",
            Malformed::PropertyPlace => "property that may not stand here",
        })
    }
}

impl std::error::Error for Malformed {}

#[cfg(test)]
pub(in crate::mqtt) mod tests;

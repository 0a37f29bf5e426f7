//! What a server says to a client that breaks the rules, before it closes the connection. MQTT 5.0 §4.13
//!
//! The connection must be closed; what is said before, if anything is, the standard recommends only:
//! "Use Reason Code 0x81 (Malformed Packet) or 0x82 (Protocol Error) unless a more specific Reason Code has
//! been defined". Clients of MQTT 3.1 and 3.1.1 are told nothing.

use serde::{Deserialize, Serialize};

use crate::mqtt::codec::Malformed;
use crate::mqtt::packet::{PacketType, ReasonCode};

/// What clients of MQTT 5.0 are told of their faults.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum FaultCodes {
    /// What each section of the standard names; a CONNECT with a fault is answered with CONNACK.
    #[serde(rename = "standard")]
    Standard,
    /// As Mosquitto 2.0.20. A CONNECT with a fault is not answered, nor a DISCONNECT with a wrong Reason
    /// Code, nor a PINGREQ with surplus bytes; a wrong Reason Code, or a property of other packets, is
    /// mostly a Protocol Error; SUBSCRIBE and UNSUBSCRIBE have no Protocol Errors of their own; packet
    /// identifiers that are not known are not spoken of.
    #[serde(rename = "mosquitto")]
    Mosquitto,
}

impl FaultCodes {
    /// The Reason Code for a packet that cannot be read; `None`: not a word. `packet_type`: of that packet,
    /// where it is known.
    #[must_use]
    pub const fn of_malformed(
        self,
        packet_type: Option<PacketType>,
        malformed: Malformed,
    ) -> Option<ReasonCode> {
        match self {
            FaultCodes::Standard => Some(malformed.reason_code()),
            FaultCodes::Mosquitto => of_mosquitto(packet_type, malformed),
        }
    }

    /// The Reason Code of an acknowledgement whose Packet Identifier is not known. MQTT 5.0 §3.6.2.1
    #[must_use]
    pub const fn of_unknown_identifier(self) -> ReasonCode {
        match self {
            FaultCodes::Standard => ReasonCode::PacketIdentifierNotFound,
            FaultCodes::Mosquitto => ReasonCode::Success,
        }
    }
}

const fn of_mosquitto(packet_type: Option<PacketType>, malformed: Malformed) -> Option<ReasonCode> {
    match (packet_type, malformed) {
        (Some(PacketType::Connect), _)
        | (Some(PacketType::Disconnect), Malformed::ReasonCode)
        | (Some(PacketType::Pingreq | PacketType::Pingresp), Malformed::SurplusBytes) => None,
        (
            Some(PacketType::Subscribe | PacketType::Unsubscribe),
            Malformed::PropertyPlace
            | Malformed::NoTopicFilter
            | Malformed::RequestedQoS
            | Malformed::SubscriptionIdentifier,
        )
        | (_, Malformed::NoTopic) => Some(ReasonCode::MalformedPacket),
        (_, Malformed::PropertyPlace | Malformed::ReasonCode | Malformed::ResponseTopic(_)) => {
            Some(ReasonCode::ProtocolError)
        }
        (_, other) => Some(other.reason_code()),
    }
}

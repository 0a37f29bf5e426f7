//! Why a machine asks its host to close the transport.

use crate::mqtt::codec::Malformed;
use crate::mqtt::packet::{PacketType, ReasonCode};

/// A well-formed packet that may not come here and now. MQTT 3.1.1 §4.8
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProtocolError {
    /// The first packet of a client is not CONNECT. MQTT 3.1.1 §3.1.0-1
    FirstPacketNotConnect,
    /// A second CONNECT. MQTT 3.1.1 §3.1.0-2
    SecondConnect,
    /// A packet that this side never receives, or not before CONNACK.
    UnexpectedPacket(PacketType),
    /// An acknowledgement that does not fit the QoS of the message in flight.
    AcknowledgementMismatch,
    /// A Topic Alias above the maximum. MQTT 5.0 §3.3.2.3.4
    TopicAlias,
    /// A Topic Alias that stands for nothing yet. MQTT 5.0 §3.3.2.3.4
    UnknownTopicAlias,
    /// More publications under way than the Receive Maximum. MQTT 5.0 §3.3.4
    ReceiveMaximum,
    /// A QoS above the Maximum QoS. MQTT 5.0 §3.2.2.3.4
    MaximumQoS,
    /// RETAIN, though nothing is retained. MQTT 5.0 §3.2.2.3.5
    Retain,
    /// A Subscription Identifier in a PUBLISH to the server. MQTT 5.0 §3.3.4
    SubscriptionIdentifier,
    /// DISCONNECT that makes a session outlive its connection after CONNECT said otherwise.
    /// MQTT 5.0 §3.14.2.2.2
    SessionExpiryRaised,
    /// A filter that begins with `$share/` and is no shared subscription. MQTT 5.0 §4.8.2
    SharedSubscription,
    /// A topic with more levels than the server allows.
    TopicLevels,
    /// A Maximum Packet Size that leaves no room for an answer. MQTT 5.0 §3.1.2.11.4
    AnswerTooLarge,
    /// A payload that is not UTF-8, though it was said to be. MQTT 5.0 §3.3.2.3.2
    PayloadFormat,
    /// CONNACK with Session Present, to a client that has no session. MQTT 5.0 §3.2.2.1.1
    SessionPresent,
    /// AUTH that does not fit the exchange, or with another method. MQTT 5.0 §4.12
    Authentication,
}

impl ProtocolError {
    /// The Reason Code with which the receiver closes the connection. MQTT 5.0 §4.13
    #[must_use]
    pub const fn reason_code(self) -> ReasonCode {
        match self {
            ProtocolError::TopicAlias => ReasonCode::TopicAliasInvalid,
            ProtocolError::ReceiveMaximum => ReasonCode::ReceiveMaximumExceeded,
            ProtocolError::MaximumQoS => ReasonCode::QoSNotSupported,
            ProtocolError::Retain => ReasonCode::RetainNotSupported,
            ProtocolError::TopicLevels => ReasonCode::MalformedPacket,
            ProtocolError::AnswerTooLarge => ReasonCode::PacketTooLarge,
            ProtocolError::PayloadFormat => ReasonCode::PayloadFormatInvalid,
            ProtocolError::FirstPacketNotConnect
            | ProtocolError::SharedSubscription
            | ProtocolError::SessionPresent
            | ProtocolError::SecondConnect
            | ProtocolError::UnexpectedPacket(_)
            | ProtocolError::AcknowledgementMismatch
            | ProtocolError::UnknownTopicAlias
            | ProtocolError::SubscriptionIdentifier
            | ProtocolError::SessionExpiryRaised
            | ProtocolError::Authentication => ReasonCode::ProtocolError,
        }
    }
}

/// Why the transport is to be closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CloseReason {
    /// DISCONNECT was sent or received, in good order.
    Disconnected,
    /// DISCONNECT was sent or received for this reason. MQTT 5.0 §3.14.2.1
    DisconnectedFor(ReasonCode),
    /// The peer was silent too long. MQTT 3.1.1 §3.1.2.10
    KeepAliveExpired,
    /// The peer's bytes are no control packet.
    Malformed(Malformed),
    /// The peer broke the protocol.
    ProtocolError(ProtocolError),
    /// CONNACK with this code was sent or received.
    Refused(ReasonCode),
    /// Another connection came with the same Client Identifier. MQTT 3.1.1 §3.1.4-2
    TakenOver,
    /// No CONNECT came in time. MQTT 3.1.1 §3.1.4
    NoConnect,
    /// No CONNACK came in time.
    NoConnack,
}

impl CloseReason {
    /// What a DISCONNECT of MQTT 5.0 tells the peer; `None` where none is sent. MQTT 5.0 §3.14
    #[must_use]
    pub const fn to_tell(self) -> Option<ReasonCode> {
        match self {
            CloseReason::KeepAliveExpired => Some(ReasonCode::KeepAliveTimeout),
            CloseReason::Malformed(malformed) => Some(malformed.reason_code()),
            CloseReason::ProtocolError(error) => Some(error.reason_code()),
            CloseReason::TakenOver => Some(ReasonCode::SessionTakenOver),
            CloseReason::Disconnected
            | CloseReason::DisconnectedFor(_)
            | CloseReason::Refused(_)
            | CloseReason::NoConnect
            | CloseReason::NoConnack => None,
        }
    }
}

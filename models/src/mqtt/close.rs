//! Why a machine asks its host to close the transport.

use crate::mqtt::codec::Malformed;
use crate::mqtt::packet::{ConnectReturnCode, PacketType};

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
}

/// Why the transport is to be closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CloseReason {
    /// DISCONNECT was sent or received.
    Disconnected,
    /// The peer was silent too long. MQTT 3.1.1 §3.1.2.10
    KeepAliveExpired,
    /// The peer's bytes are no control packet.
    Malformed(Malformed),
    /// The peer broke the protocol.
    ProtocolError(ProtocolError),
    /// CONNACK with this code was sent or received.
    Refused(ConnectReturnCode),
    /// Another connection came with the same Client Identifier. MQTT 3.1.1 §3.1.4-2
    TakenOver,
    /// No CONNECT came in time. MQTT 3.1.1 §3.1.4
    NoConnect,
    /// No CONNACK came in time.
    NoConnack,
}

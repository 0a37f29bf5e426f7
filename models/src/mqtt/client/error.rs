//! Why a client does not take a command.

use std::fmt;

/// Why a message was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PublishError {
    /// QoS 0 without a connection, and the client does not queue those.
    NotConnected,
    /// `max_queued` messages wait already.
    QueueFull,
    /// Larger than a control packet can be, or than the server takes.
    TooLarge,
    /// Above the server's Maximum QoS. MQTT 5.0 §3.2.2.3.4
    QoSNotSupported,
    /// To be retained by a server that does not. MQTT 5.0 §3.2.2.3.5
    RetainNotSupported,
}

/// Why a SUBSCRIBE or UNSUBSCRIBE was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RequestError {
    /// There is no transport.
    NotConnected,
    /// No Topic Filter was given.
    NoTopicFilter,
    /// All Packet Identifiers are in use.
    NoPacketIdentifier,
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PublishError::NotConnected => "not connected",
            PublishError::QueueFull => "the queue is full",
            PublishError::TooLarge => "larger than a control packet can be",
            PublishError::QoSNotSupported => "QoS above the server's maximum",
            PublishError::RetainNotSupported => "the server does not retain",
        })
    }
}

impl std::error::Error for PublishError {}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RequestError::NotConnected => "not connected",
            RequestError::NoTopicFilter => "no Topic Filter",
            RequestError::NoPacketIdentifier => "no free Packet Identifier",
        })
    }
}

impl std::error::Error for RequestError {}

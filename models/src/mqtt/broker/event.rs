//! What a server tells its host.

use crate::mqtt::broker::ConnectionId;
use crate::mqtt::close::CloseReason;
use crate::mqtt::packet::PacketType;
use crate::stream::MessageId;

/// Why a message does not reach a session, though it was published.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DropReason {
    /// The session's queue is full.
    QueueFull,
    /// QoS 0, and the client is not connected.
    Offline,
    /// The session ended before the delivery did.
    SessionEnded,
    /// QoS 2, and the publisher has too many unreleased messages: acknowledged, yet lost to all.
    InboundWindow,
    /// Published below `$SYS`: acknowledged, yet ignored.
    ReservedTopic,
    /// Its publisher may not publish there: refused, or acknowledged and ignored.
    NotAuthorized,
    /// Its lifetime was over before it was sent. MQTT 5.0 §3.3.2.3.3
    Expired,
    /// Larger than the client's Maximum Packet Size. MQTT 5.0 §3.1.2.11.4
    TooLarge,
    /// The server stopped without storing it.
    ServerStopped,
}

/// Something the host wants to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BrokerEvent {
    /// A packet was decoded: the host charges CPU time for it.
    Received {
        /// From where.
        connection: ConnectionId,
        /// Its type.
        packet_type: PacketType,
        /// Its length in bytes.
        wire_len: u32,
        /// The message of its tag.
        message: MessageId,
    },
    /// A client is connected: CONNACK 0 goes out.
    Connected {
        /// Where.
        connection: ConnectionId,
        /// Whether its session was stored.
        session_present: bool,
    },
    /// The server took a message over from its publisher: at QoS 0 and 1 with each PUBLISH (a
    /// redelivered one counts again), at QoS 2 once; wills when they are published.
    Accepted {
        /// Its name in the ledger.
        message: MessageId,
        /// Copies that go to subscribers, as of now.
        subscribers: usize,
    },
    /// A client's authentication waits for the host: see [`crate::mqtt::Broker::authentication`].
    Authenticate {
        /// Where.
        connection: ConnectionId,
    },
    /// A subscription was refused: its client may not read there.
    SubscriptionRefused {
        /// Whose.
        connection: ConnectionId,
    },
    /// A copy of a message is lost for a session.
    Dropped {
        /// Its name in the ledger.
        message: MessageId,
        /// Why.
        reason: DropReason,
    },
    /// The host must close this transport, after sending what `poll_transmit` has for it, and then
    /// report [`crate::mqtt::Broker::transport_closed`].
    Close {
        /// Which.
        connection: ConnectionId,
        /// Why.
        reason: CloseReason,
    },
}

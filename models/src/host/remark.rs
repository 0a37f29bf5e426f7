//! What a run counts for its user.

/// Things worth telling the user, counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Remark {
    /// TCP gave up.
    ConnectionTimedOut,
    /// The peer answered with RST.
    ConnectionReset,
    /// The broker refused a CONNECT.
    ConnectRefused,
    /// A client closed because its PINGREQ stayed unanswered.
    PingUnanswered,
    /// The broker closed because a client was silent for 1.5 keep-alive times.
    KeepAliveExpired,
    /// A peer broke the protocol.
    ProtocolError,
    /// A second client came with the same Client Identifier.
    TakenOver,
    /// The broker dropped a message for a subscriber (queue full, or offline at QoS 0).
    MessageDropped,
    /// A publish call failed: the client had no room for the message.
    PublishFailed,
    /// A client gave a message up when its connection or session ended.
    MessageDiscarded,
    /// A connection was open, but its CONNECT or CONNACK did not come.
    HandshakeTimedOut,
    /// A SYN came while the listen backlog was full.
    BacklogFull,
    /// TLS failed: no common version, or a certificate that did not come.
    TlsFailed,
    /// A program asked for memory that was not there.
    OutOfMemory,
    /// A task starved the watchdog, which reset the board.
    WatchdogReset,
}

impl Remark {
    /// All remarks.
    pub const ALL: [Remark; 15] = [
        Remark::ConnectionTimedOut,
        Remark::ConnectionReset,
        Remark::ConnectRefused,
        Remark::PingUnanswered,
        Remark::KeepAliveExpired,
        Remark::ProtocolError,
        Remark::TakenOver,
        Remark::MessageDropped,
        Remark::PublishFailed,
        Remark::MessageDiscarded,
        Remark::HandshakeTimedOut,
        Remark::BacklogFull,
        Remark::OutOfMemory,
        Remark::WatchdogReset,
        Remark::TlsFailed,
    ];

    /// In plain words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Remark::ConnectionTimedOut => "TCP connection given up after too many retransmissions",
            Remark::ConnectionReset => "TCP connection reset by the peer",
            Remark::ConnectRefused => "CONNECT refused by the broker",
            Remark::PingUnanswered => "connection closed by a client whose PINGREQ stayed unanswered",
            Remark::KeepAliveExpired => {
                "connection closed by the broker: client silent for 1.5 keep-alive times"
            }
            Remark::ProtocolError => "connection closed because the peer broke the protocol",
            Remark::TakenOver => "connection closed because its Client Identifier connected again",
            Remark::MessageDropped => {
                "message dropped by the broker for a subscriber that had no room or was away"
            }
            Remark::PublishFailed => "publish call failed at the client",
            Remark::MessageDiscarded => "message given up by its publisher when the connection ended",
            Remark::HandshakeTimedOut => "connection closed because CONNECT or CONNACK did not come",
            Remark::BacklogFull => "SYN dropped because the listen backlog was full",
            Remark::TlsFailed => "connection closed because TLS found no common ground",
            Remark::OutOfMemory => "out of memory: a program asked for more than its heap or buffer has",
            Remark::WatchdogReset => "board reset by its watchdog, which a long task had starved",
        }
    }
}

//! A TCP connection as a host keeps it.

use std::sync::Arc;

use sim_core::time::SimTime;

use crate::stream::Chunk;
use crate::tcp::{Config, Connection};
use crate::tls;

/// Which end of a flow a socket is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum End {
    /// The end that opened the connection.
    #[default]
    Client,
    /// The end that accepted it.
    Server,
}

impl End {
    /// The far end.
    #[must_use]
    pub const fn peer(self) -> End {
        match self {
            End::Client => End::Server,
            End::Server => End::Client,
        }
    }
}

/// What a program has not yet been told of a socket, as a set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct News(u8);

impl News {
    /// Nothing.
    pub const NONE: News = News(0);
    /// The connection is established.
    pub const CONNECTED: News = News(1);
    /// There are bytes to read.
    pub const READABLE: News = News(2);
    /// The peer will send no more.
    pub const PEER_CLOSED: News = News(4);
    /// The connection is gone.
    pub const GONE: News = News(8);

    /// Whether `other` is in the set.
    #[must_use]
    pub const fn has(self, other: News) -> bool {
        self.0 & other.0 != 0
    }

    /// The set without `other`.
    #[must_use]
    pub const fn without(self, other: News) -> News {
        News(self.0 & !other.0)
    }

    /// Adds `other`.
    pub const fn add(&mut self, other: News) {
        self.0 |= other.0;
    }
}

/// No application state belongs to the socket yet, or any more.
pub const NO_CONNECTION: u32 = u32::MAX;

/// A TCP connection, the flow it belongs to, and what its program knows of it.
#[derive(Clone, Debug)]
pub struct Socket {
    /// The protocol machine.
    pub tcp: Connection,
    /// TLS above it.
    pub tls: Option<Box<tls::Connection>>,
    /// The network's number for the pair of sockets.
    pub flow: u32,
    /// Which end this is.
    pub end: End,
    /// What the program has not been told; the socket waits in the host's queue while there is any.
    pub news: News,
    /// Whether the connection counts against the listen backlog.
    pub untaken: bool,
    /// The earliest wake-up that is under way, or [`SimTime::MAX`].
    pub timer: SimTime,
    /// The broker's number for the connection, or [`NO_CONNECTION`].
    pub connection: u32,
    /// Bytes last entered in the host's RAM account.
    pub accounted: u32,
}

impl Socket {
    /// Opens a connection: the SYN is ready to be sent.
    #[must_use]
    pub fn connect(config: Arc<Config>, now: SimTime, sequence: u32, flow: u32) -> Self {
        Socket::new(Connection::connect(config, now, sequence), flow, End::Client)
    }

    /// Waits for the SYN of `flow`.
    #[must_use]
    pub fn accept(config: Arc<Config>, now: SimTime, sequence: u32, flow: u32) -> Self {
        Socket::new(Connection::accept(config, now, sequence), flow, End::Server)
    }

    fn new(tcp: Connection, flow: u32, end: End) -> Self {
        let timer = SimTime::MAX;
        let untaken = end == End::Server;
        Socket {
            tcp,
            tls: None,
            flow,
            end,
            news: News::NONE,
            untaken,
            timer,
            connection: NO_CONNECTION,
            accounted: 0,
        }
    }

    /// The next bytes for the program.
    pub fn read(&mut self) -> Option<Chunk> {
        match &mut self.tls {
            None => self.tcp.read(),
            Some(tls) => tls.read(),
        }
    }
}

//! The broker machine served to real clients, and the replay of what it lived through.
//!
//! `mqtt-twin live` puts [`models::mqtt::Broker`], the very machine that simulations use, behind a TCP
//! listener. Simulated time is then the wall clock: nanoseconds since the start, read once a turn of
//! the loop, so that all inputs of a turn share one instant. The machine has no other input than
//! connections, bytes, ends of connections and the passing of time. These go into a [`journal`] in
//! their order, and [`replay`] feeds them to the same machine in virtual time: the fingerprint, over
//! every input and every byte that goes out, must be the same.
//!
//! With a scenario, its network takes the place of the machine: the engine runs to the wall clock's
//! instant, and every real client is a visitor at one of its hosts ([`twin`]).
//!
//! | module | what |
//! | --- | --- |
//! | [`settings`] | which broker, within which limits |
//! | [`served`] | what a broker alone and a scenario have in common; the same in `live` and in `replay` |
//! | [`machine`] | a broker with its fingerprint and its counters |
//! | [`twin`] | a scenario with its places for real clients |
//! | [`journal`] | the file of inputs |
//! | [`server`] | the loop: one thread, non-blocking sockets |
//! | [`line`](mod@line) | one client's socket, and what waits to be written to it |
//! | [`clock`] | the only place that reads the wall clock; the signals that end a session |
//! | [`replay`] | a journal in virtual time |
//! | [`report`] | what a session leaves behind |
//!
//! **Leaves out** TLS and WebSocket. With a scenario, a client that closes its side is not sent anything
//! any more, and the operating system's timer lets an event be late by a millisecond or so (the worst
//! lag is reported).
//!
//! **Validated** by `tests/suite/live.rs` against real clients and raw sockets, by damaged journals in
//! `journal/tests.rs`, and by `benches/live_load.rs` beside Mosquitto.

pub mod clock;
pub mod journal;
pub mod line;
pub mod machine;
pub mod replay;
pub mod report;
pub mod served;
pub mod server;
pub mod settings;
pub mod twin;

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::live::journal::JournalError;

/// Why a session could not begin or go on.
#[derive(Debug)]
pub enum LiveError {
    /// The address cannot be listened on.
    Listen {
        /// As it was given.
        address: String,
        /// Why.
        reason: io::Error,
    },
    /// The operating system refuses to say what happens on the sockets, or which signals come.
    Poll(io::Error),
    /// The journal cannot be written or read.
    Journal {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: JournalError,
    },
}

impl fmt::Display for LiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LiveError::Listen { address, reason } => write!(f, "cannot listen on {address}: {reason}"),
            LiveError::Poll(reason) => write!(f, "cannot wait for sockets: {reason}"),
            LiveError::Journal { path, reason } => write!(f, "journal `{}`: {reason}", path.display()),
        }
    }
}

impl std::error::Error for LiveError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            LiveError::Listen { reason, .. } | LiveError::Poll(reason) => Some(reason),
            LiveError::Journal { reason, .. } => Some(reason),
        }
    }
}

//! TCP: one connection as a machine without input or output.
//!
//! # What it models
//!
//! A [`Connection`] is one end of a TCP connection, from SYN to the end of TIME-WAIT. The host
//! above it writes and reads [`Chunk`](crate::stream::Chunk)s, hands it the [`Segment`]s that
//! arrive, and collects what it has to say: segments, events and the next deadline. Every segment
//! is one that a real stack could send: sequence numbers, windows and options are those of the
//! wire, so its header has the true length and a capture of it opens in Wireshark.
//!
//! | Subject | Rule |
//! | --- | --- |
//! | states, acceptance, windows, orderly close | RFC 9293 |
//! | window scale, timestamps, PAWS | RFC 7323 |
//! | round-trip time, retransmission timeout, backoff | RFC 6298, or as Linux does ([`RtoRule`]) |
//! | slow start, congestion avoidance, fast retransmit | RFC 5681, RFC 3465, initial window RFC 6928 |
//! | fast recovery | NewReno, RFC 6582; limited transmit, RFC 3042 |
//! | delayed and quick acknowledgements, Nagle | RFC 1122 §4.2.3.2 and §4.2.3.4, as Linux does |
//! | blind attacks: RST, SYN and ACK outside the window | RFC 5961, without its rate limit |
//!
//! # What it leaves out
//!
//! Selective acknowledgements (RFC 2018, 6675), RACK and tail loss probes (RFC 8985), CUBIC
//! (RFC 9438), proportional rate reduction (RFC 6937), explicit congestion notification, urgent
//! data, keep-alive, path MTU discovery, fast open. Checksums: a damaged frame is a lost frame.
//!
//! # Parameters
//!
//! All in [`Config`], each with its unit, its two defaults ([`Config::linux`], [`Config::rfc`])
//! and their source.
//!
//! # Use
//!
//! After any call drain in this order: [`Connection::poll_transmit`], [`Connection::poll_event`]
//! (and [`Connection::read`]), then look at [`Connection::poll_timeout`].
//!
//! ```
//! use std::sync::Arc;
//! use models::cause::Cause;
//! use models::stream::{Chunk, Tag};
//! use models::tcp::{Config, Connection, State};
//! use sim_core::time::SimTime;
//!
//! let (now, config) = (SimTime::ZERO, Arc::new(Config::linux()));
//! let mut client = Connection::connect(config.clone(), now, 1_000);
//! let mut server = Connection::accept(config, now, 2_000);
//! client.write(now, Chunk::copied(Tag::of(Cause::Pingreq), &[0xc0, 0x00]));
//! loop {
//!     if let Some(segment) = client.poll_transmit(now) {
//!         server.handle_segment(now, segment);
//!     } else if let Some(segment) = server.poll_transmit(now) {
//!         client.handle_segment(now, segment);
//!     } else {
//!         break;
//!     }
//! }
//! assert_eq!(server.state(), State::Established);
//! assert_eq!(server.read().unwrap().as_slice(), &[0xc0, 0x00]);
//! ```
//!
//! # How it was validated
//!
//! Beside the machine (`tests/`): whole captured Linux connections frame by frame, and the flights and
//! completion times of captured bulk transfers; timed scripts of every handshake, close and timeout; a
//! property test that the exact bytes arrive under any loss, reordering and duplication; random hostile
//! segments; and transfers to and from an independent implementation (smoltcp) over the wire format.
//!
//! # References
//!
//! RFC 9293 *Transmission Control Protocol*, RFC 7323, 6298, 5681, 6582, 3042, 3465, 6928, 1122, 5961;
//! W. R. Stevens and G. R. Wright, *TCP/IP Illustrated*, volumes 1 and 2.

mod config;
mod congestion;
mod connection;
mod cubic;
mod event;
mod handshake;
mod input;
mod loss_timer;
mod options;
mod output;
mod outstanding;
mod reassembly;
mod receive;
mod recovery;
mod rope;
mod rtt;
mod segment;
mod send;
mod sequence;
mod timers;

#[cfg(test)]
mod tests;

pub use config::{Config, CongestionControl, KeepAlive, RtoRule};
pub use connection::{Connection, State, Statistics};
pub use event::Event;
pub use options::{Options, SackBlock, SackBlocks, Timestamps};
pub use segment::{Flags, Purpose, Segment, SegmentPayload, reset_for};
pub use sequence::SequenceNumber;

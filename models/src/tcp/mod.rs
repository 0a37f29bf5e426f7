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
//! | selective acknowledgements | RFC 2018, duplicates RFC 2883, recovery RFC 6675, compressed as Linux does |
//! | losses told by time, tail loss probes | RACK-TLP, RFC 8985, with the timers of Linux |
//! | the flight during recovery | proportional rate reduction, RFC 6937, slow start reduction bound |
//! | needless reductions taken back | Eifel, RFC 4015; reported duplicates, RFC 3708; F-RTO, RFC 5682 |
//! | CUBIC | RFC 9438, with HyStart, in whole segments as Linux |
//! | path MTU | discovery, RFC 1191, and its black holes, RFC 4821 §7.7, as Linux does |
//! | silent peers | keep-alive, RFC 1122 §4.2.3.6; zero-window probes, RFC 9293 §3.8.6.1 |
//! | receive buffer, tuned by what the reader takes | Linux `tcp_rcv_space_adjust` |
//! | delayed and quick acknowledgements, Nagle | RFC 1122 §4.2.3.2 and §4.2.3.4, as Linux does |
//! | blind attacks: RST, SYN and ACK outside the window | RFC 5961, without its rate limit |
//!
//! # What it leaves out
//!
//! Raising the path MTU again, explicit congestion notification, pacing, urgent data, fast open. The send
//! buffer of Linux and its tuning. A reader of Linux wakes up after a fixed time (`receive_buffer`). Windows count bytes where Linux counts segments. Segments that one interrupt brings are not acknowledged together (receive offload).
//! Checksums: a damaged frame is a lost frame.
//!
//! # Parameters
//!
//! All in [`Config`], each with its unit and the source of its values. The stacks: [`Config::linux`],
//! [`Config::linux_5`], [`Config::linux_newreno`], [`Config::rfc`], [`Config::lwip`], [`Config::lwip_1_4`], [`Config::w5500`], [`Config::arduino`].
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
//! Beside the machine (`tests/`): whole captured Linux connections frame by frame; captured bulk transfers
//! with and without delay, bottleneck and loss (lossless within 1 %, of the recorded losses each repaired
//! once and every run within 8 %, the median within 2 %); timed scripts of every handshake, close and timeout; a
//! property test that the exact bytes arrive under any loss, reordering and duplication; random hostile
//! segments; and transfers to and from an independent implementation (smoltcp) over the wire format.
//!
//! # References
//!
//! RFC 9293 *Transmission Control Protocol*, RFC 1191, 4821, 5927, 7323, 6298, 5681, 6582, 3042, 3465, 6928, 1122, 5961,
//! 2018, 2883, 3708, 4015, 5682, 6675, 6937, 8985, 9438; S. Ha and I. Rhee, *Hybrid Slow Start for High-Bandwidth and
//! Long-Distance Networks*, 2008;
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
mod path_mtu;
mod plain;
mod reassembly;
mod receive;
mod receive_buffer;
mod recovery;
mod rope;
mod rtt;
mod segment;
mod send;
mod sequence;
mod timers;
mod undo;

#[cfg(test)]
mod tests;

pub use config::{Config, CongestionControl, KeepAlive, RtoRule};
pub use connection::{Connection, State, Statistics};
pub use event::Event;
pub use options::{Options, SackBlock, SackBlocks, Timestamps};
pub use segment::{Flags, Purpose, Segment, SegmentPayload, reset_for};
pub use sequence::SequenceNumber;

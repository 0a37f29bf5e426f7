//! Links and the paths over them.
//!
//! **Models** full-duplex links, each direction with a rate, a propagation delay, a drop-tail queue
//! in bytes and independent (Bernoulli) loss; frames with a link header; a topology of hosts and
//! forwarding nodes with shortest-path routes.
//!
//! **Leaves out** preamble, inter-frame gap, frame check sequence and padding of Ethernet (a frame
//! counts as many bytes as a capture shows: 14 and the IP packet), the processing delay of
//! forwarding nodes, and shared media; a switch and a router differ in name only.
//!
//! **Validated** by the unit tests here (delay of a frame, back-to-back frames, queue limit) and by
//! the M/D/1 wait of Poisson arrivals at a link.

mod link;
mod topology;

pub use link::{Direction, Framing, LinkParameters, Transmission};
pub use topology::{NodeIndex, Route, RouteError, Topology};

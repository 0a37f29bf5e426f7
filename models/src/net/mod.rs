//! Links and the paths over them.
//!
//! **Models** full-duplex links, each direction with a rate, a propagation delay and a drop-tail
//! queue in bytes ([`Direction`]); frames with a link header; a topology of hosts and forwarding
//! nodes with shortest-path routes. A direction with a [`Channel`] also has, each switched on by a
//! parameter of [`Impairment`] that is off by default: loss (independent, Gilbert-Elliott, by a
//! list or trace, by bit errors), jitter (uniform, normal, log-normal; without overtaking unless
//! allowed), reordering with a gap, duplication, and a queue in frames; outages ([`Outage`]); the
//! promotion delay of a mobile radio ([`Radio`]); and a middlebox that forgets silent flows
//! ([`Nat`]).
//!
//! Links that share one half-duplex medium are in [`wifi`].
//!
//! **Leaves out** preamble, inter-frame gap, frame check sequence and padding of Ethernet (a frame
//! counts as many bytes as a capture shows: 14 and the IP packet), the processing delay of
//! forwarding nodes, and shared media; a switch and a router differ in name only.
//!
//! **Validated** by the unit tests here: delay of a frame, back-to-back frames, queue limits; loss
//! rates and burst lengths against theory within confidence bounds, traces replayed exactly, bit
//! errors by frame length, moments of the jitter, outages to the nanosecond. That TCP delivers
//! exact bytes over any combination is a property test of `network`.

mod channel;
mod link;
mod loss;
mod middle;
mod outage;
mod topology;
pub mod wifi;

pub use channel::{Channel, Crossing, Fate, Impairment, Jitter, Reordering};
pub use link::{Direction, Framing, LinkParameters, OnWire, Transmission};
pub use loss::{GilbertElliott, Loss, LossList, TraceError};
pub use middle::{LinkState, Nat, NatAnswer, NatRules, Radio, RadioTimes};
pub use outage::{Outage, Queued};
pub use topology::{NodeIndex, Route, RouteError, Topology};

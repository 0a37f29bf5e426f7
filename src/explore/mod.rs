//! Every fault there can be: a scenario run again and again, each time with one or two faults more, and after
//! each run the question whether its messages came as MQTT promises.
//!
//! | file | what it holds |
//! | --- | --- |
//! | [`fault`] | the faults, how they are put into a loaded scenario, and how a scenario file writes them |
//! | [`contract`] | what MQTT promises an application, and how a run is held to it |
//! | `kept` | its rules of retained messages and wills |
//! | [`heard`] | what was said in a run, as far as these need it |
//! | [`Noted`] | finished runs, so that an interrupted exploration goes on |
//! | [`search`] | all single faults, all pairs, in parallel |
//!
//! Faults of frames (lost, late, twice) are numbered by the frames of the run they are put into, so the
//! second fault of a pair may hit a frame that is there only because of the first. Cuts of links and
//! crashes strike at the instants at which frames leave their hosts: between two of these nothing
//! changes that a cut or a crash could meet.
//!
//! A fault strikes early enough that all has healed at the end: nothing is put in later than
//! [`contract::Terms::settle`] before the end of the run.
//!
//! The method is that of exhaustive fault injection in a deterministic simulation, as in the
//! simulator of TigerBeetle or in Jepsen's and FoundationDB's tests; what is special here is that the
//! space of single faults is small enough to be visited whole.

pub mod contract;
pub mod fault;
pub mod heard;
mod kept;
mod noted;
pub mod search;

pub use contract::{Contract, Violation};
pub use fault::{Fault, Spans};
pub use noted::Noted;
pub use search::{Found, Kinds, Options, Report, explore};

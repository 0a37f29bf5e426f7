//! The swarm: random whole scenarios from a seed, each run with everything asserted that must hold in every run.
//!
//! | file | what it holds |
//! | --- | --- |
//! | [`plan`] | a random scenario as plain data, and as a scenario file writes it |
//! | [`draw`] | a scenario drawn from a seed and a number |
//! | [`watch`] | what must hold on every connection, watched while a run goes on |
//! | [`check`] | one run, with all that must hold in it |
//! | [`shrink`] | a scenario that fails, made smaller while it fails |
//! | [`search`] | many runs, in parallel |
//!
//! What must hold in every run:
//!
//! - The program does not panic: all assertions of the machines hold, among them that the energy by cause is the
//!   integral of power.
//! - Events come in the order of time, none after the end, and there is an end to them.
//! - A TCP sender sends the same bytes when it sends again, leaves nothing out, sends what it was given and nothing
//!   else; nobody acknowledges what was not sent.
//! - No Packet Identifier is in use twice, no more messages are in flight than Receive Maximum allows, nothing is
//!   acknowledged that was not sent.
//! - Nothing reaches an application that has not subscribed to it.
//! - The delivery contract of [`crate::explore::contract`], except what a broker's limits take away
//!   ([`check`] says which).
//! - RAM accounts never go below zero.
//! - The same scenario has the same fingerprint when it is run again, without anybody listening (every sixteenth run).
//!
//! The scenarios are written as text and loaded from it, so the loader is tried as well: it must take each of them.

pub mod check;
pub mod draw;
pub mod plan;
pub mod search;
pub mod shrink;
pub mod watch;

pub use check::{Failure, Verdict};
pub use plan::Plan;
pub use search::{Options, Report, swarm};

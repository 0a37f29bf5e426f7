//! Everything that is simulated.
//!
//! | Room | What it holds | What it may know |
//! | --- | --- | --- |
//! | [`mqtt`], [`tcp`], [`tls`] | protocol machines, sans-I/O | time, [`stream`], [`cause`] |
//! | [`net`] | links, what goes wrong on them, routes | time, random streams |
//! | [`host`], [`app`] | a board and its program; the roles | the machines |
//! | [`network`] | all hosts and links; the only place that sees the scheduler | everything here |
//!
//! # The machine contract
//!
//! A protocol machine is plain data with commands and `handle_*` methods that change it and
//! `poll_*` methods that hand out its effects one at a time until `None`:
//!
//! 1. All of the outside is an argument: the present, bytes, random draws.
//! 2. After any call, `poll_transmit` and `poll_event` are drained, then `poll_timeout` is read.
//! 3. `handle_timeout` may come early or twice and is then without effect, so a wake-up is never
//!    cancelled.
//! 4. States are enums that carry their data, named as in the standard.
//! 5. A malformed or hostile peer is an outcome, never a panic.

pub mod alert;
pub mod app;
pub mod cause;
pub mod event;
pub mod host;
pub mod ledger;
pub mod mqtt;
pub mod net;
pub mod network;
pub mod profile;
mod queue;
pub mod record;
pub mod stream;
pub mod tcp;
pub mod tls;

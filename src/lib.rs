//! The laboratory of mqtt-twin: scenario files in, results out.
//!
//! | Room | What it does |
//! | --- | --- |
//! | [`scenario`] | RON text to a checked scenario, and that to the blueprint of a network |
//! | [`execute`] | runs a scenario to its end |
//! | [`explore`] | a scenario under every single fault and every pair of them |
//! | [`swarm`] | random whole scenarios, each run with everything asserted |
//! | [`study`] | the points of a sweep, run in parallel, kept, and compared |
//! | [`results`] | records of a run to a summary, tables and a folder |
//! | [`capture`] | records of frames and packets to pcapng and sequence charts |
//! | [`report`] | pictures of a run |
//! | [`live`] | the broker served to real clients, its journal, and the replay of one |
//! | [`cli`] | the commands |

pub mod capture;
pub mod cli;
pub mod execute;
pub mod explore;
pub mod live;
pub mod report;
pub mod results;
pub mod scenario;
pub mod study;
pub mod swarm;

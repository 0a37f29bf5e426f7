//! The laboratory.

pub mod cli;
pub mod scenario;

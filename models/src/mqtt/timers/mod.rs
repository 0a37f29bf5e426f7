//! When the machines act without being spoken to.

pub mod keep_alive;
pub mod silence;

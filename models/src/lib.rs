//! Everything that is simulated.

pub mod cause;
pub mod mqtt;
pub mod stream;
pub mod tcp;

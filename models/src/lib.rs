//! Everything that is simulated.

pub mod cause;
pub mod mqtt;
pub mod profile;
pub mod record;
pub mod stream;
pub mod tcp;

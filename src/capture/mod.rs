//! What was on the wire: recorded during a run, kept as a capture file and as a sequence chart.
//!
//! [`recorder`] listens to the run; [`pcapng`] writes its frames for Wireshark; [`chart`] draws its
//! packets as text, with the [`label`]s that a small dissector gives them. Without a recorder a run
//! pays nothing for any of this.

pub mod chart;
pub mod label;
pub mod pcapng;
pub mod recorder;

#[cfg(test)]
pub(crate) mod sample;

pub use chart::{ChartForm, ChartOptions};
pub use pcapng::Capture;
pub use recorder::{CapturedFrame, CapturedPacket, Recorder, RecorderOptions};

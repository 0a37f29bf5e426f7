//! What a node has seen, for results and tests.

use sim_core::time::SimTime;

/// What a node has seen, for results and tests.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Samples taken.
    pub samples: u64,
    /// Changes of severity, the first mode not counted.
    pub changes: u64,
    /// Messages that came while the program waited, and were lost to it.
    pub unheard: u64,
    /// Ticks and edges that came while the program was busy.
    pub missed_ticks: u64,
    /// Orders of the server carried out.
    pub obeyed: u64,
    /// Orders refused.
    pub refused: u64,
    /// Pictures that nobody has looked at.
    pub unrecognised: u64,
    /// Since when the object had been there that first alarmed a node with a camera.
    pub sight_at: Option<SimTime>,
    /// When the node first became active.
    pub active_at: Option<SimTime>,
    /// When it first was in Warning or Danger.
    pub warning_at: Option<SimTime>,
    /// When it first was in Danger.
    pub danger_at: Option<SimTime>,
}

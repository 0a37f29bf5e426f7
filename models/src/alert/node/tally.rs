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
    /// When the node first became active.
    pub active_at: Option<SimTime>,
    /// When it first was in Warning or Danger.
    pub warning_at: Option<SimTime>,
    /// When it first was in Danger.
    pub danger_at: Option<SimTime>,
}

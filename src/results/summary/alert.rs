//! The alert network on one page.

use std::time::Duration;

use models::record::{AlertRecord, ServerRecord};

use super::LatencyMs;

/// The alert network's nodes.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct AlertNetwork {
    /// Client nodes.
    pub nodes: u64,
    /// Of these, not let in at the end.
    pub initial: u64,
    /// Of these, active at the end.
    pub active: u64,
    /// Of these, blocked at the end.
    pub blocked: u64,
    /// Samples taken.
    pub samples: u64,
    /// Messages that came while a node waited for an acknowledgement, and were lost to it.
    pub unheard: u64,
    /// Ticks and edges that came while a node was busy, and were lost to it.
    pub missed_ticks: u64,
    /// Nodes that have been in Warning or Danger.
    pub warned: u64,
    /// Nodes that have been in Danger.
    pub in_danger: u64,
    /// When the last node became active; null without one.
    pub last_active_s: Option<f64>,
    /// From a flame's reaching a node to the server's knowing of the node's alarm.
    pub flame_to_server_ms: Option<LatencyMs>,
    /// From a flame's reaching a node to its Danger.
    pub flame_to_danger_ms: Option<LatencyMs>,
    /// When the server's buffer thread ended by an exception; null if it did not.
    pub server_died_s: Option<f64>,
    /// Most storing threads alive at once at the server.
    pub most_threads: u32,
}

/// Figures of [`AlertNetwork`] by name.
pub(in crate::results) const FIGURES: [&str; 12] = [
    "nodes",
    "initial",
    "active",
    "blocked",
    "samples",
    "unheard",
    "missed_ticks",
    "warned",
    "in_danger",
    "last_active_s",
    "server_died_s",
    "most_threads",
];

/// Latencies of [`AlertNetwork`] by name.
pub(in crate::results) const LATENCIES: [&str; 2] = ["flame_to_server_ms", "flame_to_danger_ms"];

impl AlertNetwork {
    pub(super) fn of(record: &AlertRecord) -> Self {
        AlertNetwork {
            nodes: record.nodes,
            initial: record.initial,
            active: record.active,
            blocked: record.blocked,
            samples: record.samples,
            unheard: record.unheard,
            missed_ticks: record.missed_ticks,
            warned: record.warned,
            in_danger: record.in_danger,
            last_active_s: record.last_active.map(sim_core::time::SimTime::as_secs_f64),
            flame_to_server_ms: sorted(&record.flame_to_server),
            flame_to_danger_ms: sorted(&record.flame_to_danger),
            server_died_s: record.server_died.map(sim_core::time::SimTime::as_secs_f64),
            most_threads: record.most_threads,
        }
    }

    /// A figure by name; `None` if there is none of that name, `Some(None)` if it has no value here.
    #[must_use]
    pub fn figure(&self, key: &str) -> Option<Option<f64>> {
        Some(match key {
            "nodes" => Some(self.nodes as f64),
            "initial" => Some(self.initial as f64),
            "active" => Some(self.active as f64),
            "blocked" => Some(self.blocked as f64),
            "samples" => Some(self.samples as f64),
            "unheard" => Some(self.unheard as f64),
            "missed_ticks" => Some(self.missed_ticks as f64),
            "warned" => Some(self.warned as f64),
            "in_danger" => Some(self.in_danger as f64),
            "last_active_s" => self.last_active_s,
            "server_died_s" => self.server_died_s,
            "most_threads" => Some(f64::from(self.most_threads)),
            _ => return None,
        })
    }

    /// A latency by name, as [`AlertNetwork::figure`].
    #[must_use]
    pub fn latency(&self, key: &str) -> Option<Option<LatencyMs>> {
        match key {
            "flame_to_server_ms" => Some(self.flame_to_server_ms),
            "flame_to_danger_ms" => Some(self.flame_to_danger_ms),
            _ => None,
        }
    }
}

fn sorted(spans: &[Duration]) -> Option<LatencyMs> {
    let mut nanos: Vec<u64> = spans.iter().map(|span| span.as_nanos() as u64).collect();
    nanos.sort_unstable();
    LatencyMs::of(&nanos)
}

/// The server node's store.
#[derive(Clone, Copy, PartialEq, Debug, serde::Serialize)]
pub struct Server {
    /// Messages received.
    pub received: u64,
    /// Messages stored.
    pub stored: u64,
    /// Messages stored per second, from the first message received to the last store: the inverse of
    /// the mean gap. Null where nothing was stored.
    pub stored_per_s: Option<f64>,
    /// Mean time from store to store. Null where nothing was stored.
    pub mean_gap_ms: Option<f64>,
}

impl Server {
    pub(super) fn of(record: ServerRecord) -> Self {
        let stored = record.stored as f64;
        let span_s = record.span.as_secs_f64();
        let measurable = record.stored > 0 && span_s > 0.0;
        Server {
            received: record.received,
            stored: record.stored,
            stored_per_s: measurable.then(|| stored / span_s),
            mean_gap_ms: measurable.then(|| span_s * 1e3 / stored),
        }
    }
}

//! The alert network on one page.

use std::time::Duration;

use models::record::{AlertRecord, CloudRecord, GatewayRecord, ServerRecord};

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
    /// From an object's coming before a camera to the server's knowing of the node's alarm.
    pub sight_to_server_ms: Option<LatencyMs>,
    /// Pictures taken by nodes with a camera.
    pub pictures: u64,
    /// Of these, pictures that nobody has looked at.
    pub unrecognised: u64,
    /// Orders of the server that nodes have reported as carried out.
    pub orders_obeyed: u64,
    /// Orders that they have reported as refused.
    pub orders_refused: u64,
    /// Readings in the messages and batches that the server has stored.
    pub readings_stored: u64,
    /// Batches that could not be read.
    pub batches_malformed: u64,
    /// What gateways have done; null without one.
    pub gateway: Option<Gateway>,
    /// What sinks in the cloud have done; null without one.
    pub cloud: Option<Cloud>,
}

/// The gateways.
#[derive(Clone, Copy, PartialEq, Debug, serde::Serialize)]
pub struct Gateway {
    /// Readings that came.
    pub received: u64,
    /// Bytes of their topics and texts.
    pub bytes_received: u64,
    /// Readings that went on.
    pub passed: u64,
    /// Batches that left.
    pub batches: u64,
    /// Bytes of the batches and their topic.
    pub bytes_sent: u64,
    /// Readings lost in a batch when the program was killed.
    pub forgotten: u64,
}

/// The sinks in the cloud.
#[derive(Clone, Copy, PartialEq, Debug, serde::Serialize)]
pub struct Cloud {
    /// Messages that came.
    pub received: u64,
    /// Messages stored.
    pub stored: u64,
    /// Readings in these.
    pub readings: u64,
}

/// Figures of [`AlertNetwork`] by name.
pub(in crate::results) const FIGURES: [&str; 27] = [
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
    "pictures",
    "unrecognised",
    "orders_obeyed",
    "orders_refused",
    "readings_stored",
    "batches_malformed",
    "gateway.received",
    "gateway.bytes_received",
    "gateway.passed",
    "gateway.batches",
    "gateway.bytes_sent",
    "gateway.forgotten",
    "cloud.received",
    "cloud.stored",
    "cloud.readings",
];

/// Latencies of [`AlertNetwork`] by name.
pub(in crate::results) const LATENCIES: [&str; 3] =
    ["flame_to_server_ms", "flame_to_danger_ms", "sight_to_server_ms"];

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
            sight_to_server_ms: sorted(&record.sight_to_server),
            pictures: record.pictures,
            unrecognised: record.unrecognised,
            orders_obeyed: record.orders_obeyed,
            orders_refused: record.orders_refused,
            readings_stored: record.readings,
            batches_malformed: record.malformed,
            gateway: record.gateway.map(Gateway::of),
            cloud: record.cloud.map(Cloud::of),
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
            "pictures" => Some(self.pictures as f64),
            "unrecognised" => Some(self.unrecognised as f64),
            "orders_obeyed" => Some(self.orders_obeyed as f64),
            "orders_refused" => Some(self.orders_refused as f64),
            "readings_stored" => Some(self.readings_stored as f64),
            "batches_malformed" => Some(self.batches_malformed as f64),
            "gateway.received" => self.gateway.map(|own| own.received as f64),
            "gateway.bytes_received" => self.gateway.map(|own| own.bytes_received as f64),
            "gateway.passed" => self.gateway.map(|own| own.passed as f64),
            "gateway.batches" => self.gateway.map(|own| own.batches as f64),
            "gateway.bytes_sent" => self.gateway.map(|own| own.bytes_sent as f64),
            "gateway.forgotten" => self.gateway.map(|own| own.forgotten as f64),
            "cloud.received" => self.cloud.map(|own| own.received as f64),
            "cloud.stored" => self.cloud.map(|own| own.stored as f64),
            "cloud.readings" => self.cloud.map(|own| own.readings as f64),
            _ => return None,
        })
    }

    /// A latency by name, as [`AlertNetwork::figure`].
    #[must_use]
    pub fn latency(&self, key: &str) -> Option<Option<LatencyMs>> {
        match key {
            "flame_to_server_ms" => Some(self.flame_to_server_ms),
            "flame_to_danger_ms" => Some(self.flame_to_danger_ms),
            "sight_to_server_ms" => Some(self.sight_to_server_ms),
            _ => None,
        }
    }
}

impl Gateway {
    const fn of(record: GatewayRecord) -> Self {
        let GatewayRecord { received, bytes_received, passed, batches, bytes_sent, forgotten } = record;
        Gateway { received, bytes_received, passed, batches, bytes_sent, forgotten }
    }
}

impl Cloud {
    const fn of(record: CloudRecord) -> Self {
        let CloudRecord { received, stored, readings } = record;
        Cloud { received, stored, readings }
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

//! A run on one page: what `summary.json` holds and expectations are held against.
//!
//! The keys of `summary.json` are a contract with its readers: keys may be added, never renamed.
//! `wall_s`, the time the computer took, is the only value that may differ between two runs of the
//! same scenario, seed and run number.
//!
//! Units are the last part of a key: `_s` seconds, `_ms` milliseconds, `_j` joule, `_w` watt,
//! `_bytes` bytes, `_days` days; a key without one is a plain count.

pub mod alert;

use std::collections::BTreeMap;
use std::time::Duration;

pub use alert::Server;

use alert::AlertNetwork;
use models::cause::Cause;
use models::record::{CellRecord, NodeRecord, Outcome, TcpTotals};
use serde::ser::{Serialize, SerializeMap, Serializer};
use sim_core::stats::percentile;
use sim_core::time::SimTime;

use super::accounts::Accounts;
use super::refused::Refused;

/// The control packets, by packet type from 1 on. MQTT 3.1.1 §2.2.1
pub const PACKET_NAMES: [&str; 15] = [
    "CONNECT",
    "CONNACK",
    "PUBLISH",
    "PUBACK",
    "PUBREC",
    "PUBREL",
    "PUBCOMP",
    "SUBSCRIBE",
    "SUBACK",
    "UNSUBSCRIBE",
    "UNSUBACK",
    "PINGREQ",
    "PINGRESP",
    "DISCONNECT",
    "AUTH",
];

/// Which run this is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RunIdentity {
    /// Name of the scenario: its file's name without the ending.
    pub scenario: String,
    /// The scenario's title.
    pub title: String,
    /// Seed of the random streams.
    pub seed: u64,
    /// Number of the replication.
    pub run: u64,
}

/// A condition of the scenario and whether the run met it.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct ExpectationResult {
    /// The condition as the scenario states it.
    pub check: String,
    /// Whether it held.
    pub held: bool,
    /// The figure it was held against, if the run has it.
    pub value: Option<f64>,
}

/// A map that keeps the order in which its entries were put in.
#[derive(Clone, PartialEq, Debug)]
pub struct Ordered<T>(pub Vec<(String, T)>);

impl<T> Ordered<T> {
    /// The value under `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

impl<T: Serialize> Serialize for Ordered<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// Messages, as counted by [`Accounts::count`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Messages {
    /// Publish calls.
    pub published: u64,
    /// Pairs (message, subscriber) delivered at least once.
    pub delivered: u64,
    /// Further copies of what was delivered.
    pub duplicated: u64,
    /// Pairs that were expected and did not arrive before the end of the run.
    pub lost: u64,
}

/// Latency from the publish call to the subscriber's application, over all deliveries, in
/// milliseconds; exact nearest-rank percentiles.
#[derive(Clone, Copy, PartialEq, Debug, serde::Serialize)]
pub struct LatencyMs {
    /// Arithmetic mean.
    pub mean: f64,
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// The latest.
    pub max: f64,
}

/// TCP and the links.
#[derive(Clone, Copy, PartialEq, Debug, serde::Serialize)]
pub struct Tcp {
    /// Segments sent by hosts.
    pub segments: u64,
    /// Of these, with bytes that were sent before.
    pub retransmitted: u64,
    /// Payload bytes sent, retransmissions included.
    pub payload_bytes: u64,
    /// Bytes of the frames, headers included.
    pub wire_bytes: u64,
    /// Segments with payload.
    pub data_segments: u64,
    /// Frames lost on links or dropped by full queues.
    pub lost: u64,
    /// Of these, dropped because they were longer than the next link's MTU.
    #[serde(skip_serializing_if = "is_zero")]
    pub too_long: u64,
    /// Link transmissions.
    pub hops: u64,
    /// Frames with data, SYN or FIN that links lost beyond those expected; of mean 0.
    #[serde(skip_serializing_if = "is_zero")]
    pub data_lost_beyond_expected: f64,
    /// Of these, frames without which a client cannot begin: SYN, TLS handshake, CONNECT, CONNACK.
    #[serde(skip_serializing_if = "is_zero")]
    pub openings_lost_beyond_expected: f64,
    /// The same of frames that only acknowledge.
    #[serde(skip_serializing_if = "is_zero")]
    pub acks_lost_beyond_expected: f64,
}

/// The air of all WiFi cells.
#[derive(Clone, Copy, PartialEq, Debug, serde::Serialize)]
pub struct Wifi {
    /// Transmissions, or the RTS before one.
    pub attempts: u64,
    /// Of these, those that met another one.
    pub collisions: u64,
    /// Of these, those that met none and yet could not be read.
    pub errors: u64,
    /// Of these, those that repeat an earlier one.
    pub retries: u64,
    /// Frames given up after too many of them, or lost with a link that went down.
    pub dropped: u64,
    /// Time in which a medium was busy, over all cells.
    pub airtime_s: f64,
    /// Share of the simulated time in which the busiest cell was busy.
    pub utilisation: f64,
}

/// A figure over the members of a fleet.
#[derive(Clone, Copy, PartialEq, Debug, serde::Serialize)]
pub struct Spread<T> {
    /// Arithmetic mean.
    pub mean: f64,
    /// Smallest.
    pub min: T,
    /// Largest.
    pub max: T,
}

/// One host.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct SingleNode {
    /// Energy used.
    pub energy_j: f64,
    /// Energy over simulated time.
    pub mean_power_w: f64,
    /// Energy by [`Cause`], in ledger order, without causes that used none.
    pub energy_by_cause_j: Ordered<f64>,
    /// CPU time, all cores together.
    pub cpu_busy_s: f64,
    /// Largest RAM account.
    pub ram_peak_bytes: u64,
    /// Days its battery lasts at this power; null where no battery is recorded.
    pub battery_days: Option<f64>,
}

/// A host entry with several members.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct Fleet {
    /// Number of members.
    pub count: u64,
    /// Energy used by a member.
    pub energy_j: Spread<f64>,
    /// Energy over simulated time.
    pub mean_power_w: Spread<f64>,
    /// Energy by [`Cause`]; a member that used none counts as 0.
    pub energy_by_cause_j: Ordered<Spread<f64>>,
    /// CPU time, all cores together.
    pub cpu_busy_s: Spread<f64>,
    /// Largest RAM account.
    pub ram_peak_bytes: Spread<u64>,
    /// Days a member's battery lasts at this power; null where no battery is recorded.
    pub battery_days: Option<Spread<f64>>,
}

/// An entry of the scenario's hosts.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
#[serde(untagged)]
pub enum Node {
    /// One host.
    Single(SingleNode),
    /// Several alike.
    Fleet(Fleet),
}

/// Something the user should know.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Remark {
    /// In plain words.
    pub what: String,
    /// How often.
    pub times: u64,
}

/// A run on one page.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct Summary {
    /// Name of the scenario.
    pub scenario: String,
    /// Its title.
    pub title: String,
    /// Seed of the random streams.
    pub seed: u64,
    /// Number of the replication.
    pub run: u64,
    /// 128-bit hash of the trajectory in 32 hexadecimal digits.
    pub fingerprint: String,
    /// Simulated time.
    pub simulated_s: f64,
    /// Time the computer took: the only value that varies between two runs of the same thing.
    pub wall_s: f64,
    /// Events executed.
    pub events: u64,
    /// Frames sent by hosts; the same number as `tcp.segments`.
    pub frames: u64,
    /// Messages.
    pub messages: Messages,
    /// Latency; null without a delivery.
    pub latency_ms: Option<LatencyMs>,
    /// What brokers refused.
    pub refused: Refused,
    /// Control packets sent by name, in the order of the packet types, without those never sent.
    pub mqtt_packets: Ordered<u64>,
    /// TCP and the links.
    pub tcp: Tcp,
    /// Hosts, in the order of the scenario, fleets as one.
    pub nodes: Ordered<Node>,
    /// WiFi cells; only there if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wifi: Option<Wifi>,
    /// The server node's store, if the scenario has one.
    pub server: Option<Server>,
    /// The alert network's nodes; absent in scenarios without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert: Option<AlertNetwork>,
    /// The scenario's expectations.
    pub expectations: Vec<ExpectationResult>,
    /// What else the user should know.
    pub remarks: Vec<Remark>,
}

impl Summary {
    /// Sums up a finished run. `wall` is the time the computer took for it.
    ///
    /// Expectations are held against the figures of a summary: build it without any, look the
    /// figures up with [`Summary::figure`], and add the results to `expectations` afterwards.
    #[must_use]
    pub fn of(
        outcome: &Outcome,
        identity: &RunIdentity,
        wall: Duration,
        expectations: Vec<ExpectationResult>,
    ) -> Self {
        let mut latencies_ns = Vec::with_capacity(outcome.deliveries.len());
        let counts = Accounts::of(outcome).count(&mut latencies_ns);
        latencies_ns.sort_unstable();
        let packets = PACKET_NAMES.iter().zip(outcome.mqtt_packets).filter(|(_, sent)| *sent > 0);
        Summary {
            scenario: identity.scenario.clone(),
            title: identity.title.clone(),
            seed: identity.seed,
            run: identity.run,
            fingerprint: format!("{:032x}", outcome.fingerprint),
            simulated_s: outcome.simulated.as_secs_f64(),
            wall_s: wall.as_secs_f64(),
            events: outcome.events,
            frames: outcome.tcp.segments,
            messages: Messages {
                published: counts.published,
                delivered: counts.delivered,
                duplicated: counts.duplicated,
                lost: counts.lost,
            },
            latency_ms: LatencyMs::of(&latencies_ns),
            refused: Refused::of(outcome),
            mqtt_packets: Ordered(packets.map(|(name, sent)| ((*name).to_owned(), sent)).collect()),
            tcp: Tcp::of(outcome.tcp),
            nodes: nodes(&outcome.nodes, outcome.simulated),
            wifi: Wifi::of(&outcome.cells, outcome.simulated),
            server: outcome.server.map(Server::of),
            alert: outcome.alert.as_ref().map(AlertNetwork::of),
            expectations,
            remarks: outcome
                .remarks
                .iter()
                .map(|(what, times)| Remark { what: what.clone(), times: *times })
                .collect(),
        }
    }

    /// The content of `summary.json`.
    ///
    /// # Panics
    /// Never: a summary has no key that JSON could not hold.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string_pretty(self).expect("a summary is plain data");
        json.push('\n');
        json
    }
}

impl LatencyMs {
    fn of(sorted_ns: &[u64]) -> Option<Self> {
        let ms = |percent| percentile(sorted_ns, percent).map(|ns| ns as f64 / 1e6);
        let sum_ns: u128 = sorted_ns.iter().map(|&ns| u128::from(ns)).sum();
        Some(LatencyMs {
            p50: ms(50.0)?,
            p90: ms(90.0)?,
            p95: ms(95.0)?,
            p99: ms(99.0)?,
            max: ms(100.0)?,
            mean: sum_ns as f64 / sorted_ns.len() as f64 / 1e6,
        })
    }
}

impl Tcp {
    fn of(totals: TcpTotals) -> Self {
        Tcp {
            segments: totals.segments,
            retransmitted: totals.retransmitted,
            payload_bytes: totals.payload_bytes,
            wire_bytes: totals.wire_bytes,
            data_segments: totals.data_segments,
            lost: totals.lost,
            too_long: totals.too_long,
            hops: totals.hops,
            data_lost_beyond_expected: totals.data_surprise_ppb as f64 / 1e9,
            openings_lost_beyond_expected: totals.opening_surprise_ppb as f64 / 1e9,
            acks_lost_beyond_expected: totals.ack_surprise_ppb as f64 / 1e9,
        }
    }
}

fn is_zero<N: Default + PartialEq>(number: &N) -> bool {
    *number == N::default()
}

impl Wifi {
    fn of(cells: &[CellRecord], simulated: SimTime) -> Option<Self> {
        let sum = |pick: fn(&CellRecord) -> u64| cells.iter().map(pick).sum::<u64>();
        let busiest = cells.iter().map(|cell| cell.totals.busy_ns).max()?;
        Some(Wifi {
            attempts: sum(|cell| cell.totals.attempts),
            collisions: sum(|cell| cell.totals.collisions),
            errors: sum(|cell| cell.totals.errors),
            retries: sum(|cell| cell.totals.retries),
            dropped: sum(|cell| cell.totals.dropped),
            airtime_s: sum(|cell| cell.totals.busy_ns) as f64 / 1e9,
            utilisation: busiest as f64 / simulated.as_nanos().max(1) as f64,
        })
    }
}

/// Femtojoule to joule, by one correctly rounded division.
pub(super) fn joule(fj: u128) -> f64 {
    fj as f64 / 1e15
}

/// Energy of a node in femtojoule.
pub(super) fn energy_fj(node: &NodeRecord) -> u128 {
    node.energy_fj.iter().map(|(_, fj)| fj).sum()
}

fn energy_of(node: &NodeRecord, cause: Cause) -> u128 {
    node.energy_fj.iter().filter(|(of, _)| *of == cause).map(|(_, fj)| fj).sum()
}

/// Mean power: femtojoule a nanosecond are microwatt. 0 where no time has passed.
pub(super) fn power_w(fj: u128, simulated: SimTime) -> f64 {
    match simulated.as_nanos() {
        0 => 0.0,
        ns => fj as f64 / ns as f64 / 1e6,
    }
}

fn nodes(records: &[NodeRecord], simulated: SimTime) -> Ordered<Node> {
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut groups: Vec<(&str, Vec<&NodeRecord>)> = Vec::new();
    for record in records {
        let place = *places.entry(&record.group).or_insert(groups.len());
        if place == groups.len() {
            groups.push((&record.group, Vec::new()));
        }
        groups[place].1.push(record);
    }
    let entries = groups.iter().map(|(group, members)| {
        let node = match members[..] {
            [only] if !only.fleet => Node::Single(single(only, simulated)),
            _ => Node::Fleet(fleet(members, simulated)),
        };
        ((*group).to_owned(), node)
    });
    Ordered(entries.collect())
}

fn single(node: &NodeRecord, simulated: SimTime) -> SingleNode {
    let causes = Cause::ALL.iter().map(|&cause| (cause, energy_of(node, cause))).filter(|(_, fj)| *fj > 0);
    SingleNode {
        energy_j: joule(energy_fj(node)),
        mean_power_w: power_w(energy_fj(node), simulated),
        energy_by_cause_j: Ordered(causes.map(|(cause, fj)| (cause.name().to_owned(), joule(fj))).collect()),
        cpu_busy_s: node.cpu_busy.as_secs_f64(),
        ram_peak_bytes: node.ram_peak_bytes,
        battery_days: node.battery_days,
    }
}

fn fleet(members: &[&NodeRecord], simulated: SimTime) -> Fleet {
    let by_cause = Cause::ALL.iter().map(|&cause| {
        let energy = spread(members, |node| energy_of(node, cause), joule);
        (cause.name().to_owned(), energy)
    });
    let ram = spread(members, |node| u128::from(node.ram_peak_bytes), |bytes| bytes as f64);
    Fleet {
        count: members.len() as u64,
        energy_j: spread(members, energy_fj, joule),
        mean_power_w: spread(members, energy_fj, |fj| power_w(fj, simulated)),
        energy_by_cause_j: Ordered(by_cause.filter(|(_, energy)| energy.max > 0.0).collect()),
        cpu_busy_s: spread(members, |node| node.cpu_busy.as_nanos(), |ns| ns as f64 / 1e9),
        ram_peak_bytes: Spread { mean: ram.mean, min: ram.min as u64, max: ram.max as u64 },
        battery_days: days(members),
    }
}

/// The spread of the days that the members' batteries last, where all have one.
fn days(members: &[&NodeRecord]) -> Option<Spread<f64>> {
    let days: Vec<f64> = members.iter().map(|node| node.battery_days).collect::<Option<_>>()?;
    let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in &days {
        (min, max) = (min.min(*value), max.max(*value));
    }
    (!days.is_empty()).then(|| Spread { mean: days.iter().sum::<f64>() / days.len() as f64, min, max })
}

/// The spread of an integer figure, in the unit that `unit` turns it into. Sums are exact, so the
/// mean does not depend on the order of the members.
fn spread(
    members: &[&NodeRecord],
    figure: impl Fn(&NodeRecord) -> u128,
    unit: impl Fn(u128) -> f64,
) -> Spread<f64> {
    let (mut sum, mut min, mut max) = (0, u128::MAX, 0);
    for member in members {
        let value = figure(member);
        sum += value;
        min = min.min(value);
        max = max.max(value);
    }
    Spread { mean: unit(sum) / members.len() as f64, min: unit(min), max: unit(max) }
}

#[cfg(test)]
mod tests;

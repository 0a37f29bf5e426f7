//! Figures by name: what an expectation, a sweep or a comparison may ask a summary for.
//!
//! A path is the keys of `summary.json` joined with dots, with these liberties:
//!
//! - the figures of `messages` may stand alone: `delivered` for `messages.delivered`;
//! - `latency` stands for `latency_ms`, `packets` for `mqtt_packets`;
//! - a blank in the name of a cause is written `_`: `nodes.camera.energy_by_cause_j.tcp_connect`.
//!
//! A packet that was never sent and a cause that used nothing are 0, though the file leaves them
//! out. `wall_s` is no figure: it says nothing about the scenario.

use std::fmt;

use models::cause::Cause;

use super::summary::{
    Fleet, LatencyMs, Node, PACKET_NAMES, Server, SingleNode, Spread, Summary, Wifi, alert,
};

const MESSAGES: [&str; 4] = ["published", "delivered", "duplicated", "lost"];
const LATENCY: [&str; 6] = ["mean", "p50", "p90", "p95", "p99", "max"];
const REFUSED: [&str; 3] = ["connections", "subscriptions", "publications"];
const TCP: [&str; 11] = [
    "segments",
    "retransmitted",
    "payload_bytes",
    "wire_bytes",
    "data_segments",
    "lost",
    "too_long",
    "hops",
    "data_lost_beyond_expected",
    "openings_lost_beyond_expected",
    "acks_lost_beyond_expected",
];
const NODE: [&str; 5] = ["energy_j", "mean_power_w", "cpu_busy_s", "ram_peak_bytes", "battery_days"];
const SPREAD: [&str; 3] = ["mean", "min", "max"];
const WIFI: [&str; 7] =
    ["attempts", "collisions", "errors", "retries", "dropped", "airtime_s", "utilisation"];
const SERVER: [&str; 4] = ["received", "stored", "stored_per_s", "mean_gap_ms"];

/// A path that names no figure.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownFigure {
    /// The path as it was asked for.
    pub path: String,
    /// The legal path nearest to it, if one is near.
    pub nearest: Option<String>,
}

impl fmt::Display for UnknownFigure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no figure of a run", self.path)?;
        match &self.nearest {
            Some(nearest) => write!(f, "; did you mean `{nearest}`?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for UnknownFigure {}

impl Summary {
    /// The figure under `path` (see the [module](self)); `None` where there is no such figure or
    /// this run has no value for it (a latency without deliveries).
    #[must_use]
    pub fn figure(&self, path: &str) -> Option<f64> {
        self.find(path).flatten()
    }

    /// Like [`Summary::figure`], but tells a figure without a value from a path that names none.
    ///
    /// # Errors
    /// When `path` names no figure; with the nearest one that does.
    pub fn resolve(&self, path: &str) -> Result<Option<f64>, UnknownFigure> {
        self.find(path).ok_or_else(|| unknown_among(path, self.paths()))
    }

    /// All legal paths in their shortest form, in the order of `summary.json`.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        let nodes = self.nodes.0.iter();
        paths_for(nodes.map(|(name, node)| (name.as_str(), matches!(node, Node::Fleet(_)))))
    }

    fn find(&self, path: &str) -> Option<Option<f64>> {
        let count = |n: u64| Some(n as f64);
        let (first, rest) = path.split_once('.').unwrap_or((path, ""));
        Some(match (first, rest) {
            ("simulated_s", "") => Some(self.simulated_s),
            ("events", "") => count(self.events),
            ("frames", "") => count(self.frames),
            ("messages", key) | (key, "") => count(self.message(key)?),
            ("latency" | "latency_ms", key) => latency(self.latency_ms, key)?,
            ("packets" | "mqtt_packets", name) => {
                PACKET_NAMES.contains(&name).then_some(())?;
                count(self.mqtt_packets.get(name).copied().unwrap_or(0))
            }
            ("refused", key) => count(self.refused(key)?),
            ("tcp", "data_lost_beyond_expected") => Some(self.tcp.data_lost_beyond_expected),
            ("tcp", "openings_lost_beyond_expected") => Some(self.tcp.openings_lost_beyond_expected),
            ("tcp", "acks_lost_beyond_expected") => Some(self.tcp.acks_lost_beyond_expected),
            ("tcp", key) => count(self.tcp(key)?),
            ("nodes", rest) => self.node(rest)?,
            ("wifi", key) => wifi(self.wifi, key)?,
            ("server", key) => server(self.server, key)?,
            ("alert", key) => self.alert_figure(key)?,
            (_, _) => return None,
        })
    }

    fn message(&self, key: &str) -> Option<u64> {
        Some(match key {
            "published" => self.messages.published,
            "delivered" => self.messages.delivered,
            "duplicated" => self.messages.duplicated,
            "lost" => self.messages.lost,
            _ => return None,
        })
    }

    fn refused(&self, key: &str) -> Option<u64> {
        Some(match key {
            "connections" => self.refused.connections,
            "subscriptions" => self.refused.subscriptions,
            "publications" => self.refused.publications,
            _ => return None,
        })
    }

    fn tcp(&self, key: &str) -> Option<u64> {
        Some(match key {
            "segments" => self.tcp.segments,
            "retransmitted" => self.tcp.retransmitted,
            "payload_bytes" => self.tcp.payload_bytes,
            "wire_bytes" => self.tcp.wire_bytes,
            "data_segments" => self.tcp.data_segments,
            "lost" => self.tcp.lost,
            "too_long" => self.tcp.too_long,
            "hops" => self.tcp.hops,
            _ => return None,
        })
    }

    fn alert_figure(&self, path: &str) -> Option<Option<f64>> {
        let (name, key) = path.split_once('.').unwrap_or((path, ""));
        if alert::LATENCIES.contains(&name) {
            return latency(self.alert.as_ref().and_then(|network| network.latency(name)?), key);
        }
        alert::FIGURES.contains(&path).then_some(())?;
        Some(self.alert.as_ref().and_then(|network| network.figure(path)?))
    }

    /// A host's name may hold dots, so each name is tried as the beginning of the path.
    fn node(&self, path: &str) -> Option<Option<f64>> {
        self.nodes.0.iter().find_map(|(name, node)| {
            let key = path.strip_prefix(name.as_str())?.strip_prefix('.')?;
            match node {
                Node::Single(node) => single(node, key),
                Node::Fleet(fleet) => of_fleet(fleet, key),
            }
        })
    }
}

/// The paths that a summary of these host entries (name, whether it is a fleet) will have, before
/// there is one: a scenario's expectations can be checked without running it.
#[must_use]
pub fn paths_for<'a>(hosts: impl IntoIterator<Item = (&'a str, bool)>) -> Vec<String> {
    let under = |head: &str, keys: &[&str]| -> Vec<String> {
        keys.iter().map(|key| format!("{head}.{key}")).collect()
    };
    let mut paths: Vec<String> = ["simulated_s", "events", "frames"].map(String::from).to_vec();
    paths.extend(MESSAGES.map(String::from));
    paths.extend(under("latency", &LATENCY));
    paths.extend(under("packets", &PACKET_NAMES));
    paths.extend(under("refused", &REFUSED));
    paths.extend(under("tcp", &TCP));
    for (name, fleet) in hosts {
        let head = format!("nodes.{name}");
        let mut figures = under(&head, &NODE);
        figures.extend(Cause::ALL.map(|cause| format!("{head}.energy_by_cause_j.{}", key_of(cause))));
        if fleet {
            paths.push(format!("{head}.count"));
            paths.extend(figures.iter().flat_map(|figure| under(figure, &SPREAD)));
        } else {
            paths.extend(figures);
        }
    }
    paths.extend(under("wifi", &WIFI));
    paths.extend(under("server", &SERVER));
    paths.extend(under("alert", &alert::FIGURES));
    paths.extend(alert::LATENCIES.iter().flat_map(|name| under(&format!("alert.{name}"), &LATENCY)));
    paths
}

/// Whether a summary with these `paths` finds a figure by `path`, which may be written in full as in
/// `summary.json`.
#[must_use]
pub fn is_among(path: &str, paths: &[String]) -> bool {
    const LONG: [(&str, &str); 3] =
        [("messages.", ""), ("latency_ms.", "latency."), ("mqtt_packets.", "packets.")];
    let short = LONG.iter().find_map(|(long, short)| {
        path.strip_prefix(long).map(|rest| format!("{short}{}", rest.replace(' ', "_")))
    });
    let short = short.unwrap_or_else(|| path.replace(' ', "_"));
    paths.contains(&short)
}

/// The error for a path that is not among `paths`.
#[must_use]
pub fn unknown_among(path: &str, paths: Vec<String>) -> UnknownFigure {
    // Jaro-Winkler favours a common beginning, which is how paths resemble each other.
    const NEAR: f64 = 0.8;
    let mut nearest: Option<(f64, String)> = None;
    for candidate in paths {
        let likeness = strsim::jaro_winkler(path, &candidate);
        if likeness >= NEAR && nearest.as_ref().is_none_or(|(best, _)| likeness > *best) {
            nearest = Some((likeness, candidate));
        }
    }
    UnknownFigure { path: path.to_owned(), nearest: nearest.map(|(_, path)| path) }
}

/// A cause as part of a path.
fn key_of(cause: Cause) -> String {
    cause.name().replace(' ', "_")
}

fn cause_named(key: &str) -> Option<Cause> {
    let name = key.replace('_', " ");
    Cause::ALL.into_iter().find(|cause| cause.name() == name)
}

fn latency(latency_ms: Option<LatencyMs>, key: &str) -> Option<Option<f64>> {
    LATENCY.contains(&key).then_some(())?;
    Some(latency_ms.and_then(|ms| {
        Some(match key {
            "mean" => ms.mean,
            "p50" => ms.p50,
            "p90" => ms.p90,
            "p95" => ms.p95,
            "p99" => ms.p99,
            "max" => ms.max,
            _ => return None,
        })
    }))
}

fn wifi(wifi: Option<Wifi>, key: &str) -> Option<Option<f64>> {
    WIFI.contains(&key).then_some(())?;
    Some(wifi.and_then(|wifi| match key {
        "attempts" => Some(wifi.attempts as f64),
        "collisions" => Some(wifi.collisions as f64),
        "errors" => Some(wifi.errors as f64),
        "retries" => Some(wifi.retries as f64),
        "dropped" => Some(wifi.dropped as f64),
        "airtime_s" => Some(wifi.airtime_s),
        "utilisation" => Some(wifi.utilisation),
        _ => None,
    }))
}

fn server(server: Option<Server>, key: &str) -> Option<Option<f64>> {
    SERVER.contains(&key).then_some(())?;
    Some(server.and_then(|server| match key {
        "received" => Some(server.received as f64),
        "stored" => Some(server.stored as f64),
        "stored_per_s" => server.stored_per_s,
        "mean_gap_ms" => server.mean_gap_ms,
        _ => None,
    }))
}

fn single(node: &SingleNode, key: &str) -> Option<Option<f64>> {
    if let Some(cause) = key.strip_prefix("energy_by_cause_j.") {
        let cause = cause_named(cause)?;
        return Some(Some(node.energy_by_cause_j.get(cause.name()).copied().unwrap_or(0.0)));
    }
    Some(match key {
        "energy_j" => Some(node.energy_j),
        "mean_power_w" => Some(node.mean_power_w),
        "cpu_busy_s" => Some(node.cpu_busy_s),
        "ram_peak_bytes" => Some(node.ram_peak_bytes as f64),
        "battery_days" => node.battery_days,
        _ => return None,
    })
}

fn of_fleet(fleet: &Fleet, key: &str) -> Option<Option<f64>> {
    if key == "count" {
        return Some(Some(fleet.count as f64));
    }
    let (figure, which) = key.rsplit_once('.')?;
    SPREAD.contains(&which).then_some(())?;
    let spread = if let Some(cause) = figure.strip_prefix("energy_by_cause_j.") {
        let none = Spread { mean: 0.0, min: 0.0, max: 0.0 };
        Some(fleet.energy_by_cause_j.get(cause_named(cause)?.name()).copied().unwrap_or(none))
    } else {
        match figure {
            "energy_j" => Some(fleet.energy_j),
            "mean_power_w" => Some(fleet.mean_power_w),
            "cpu_busy_s" => Some(fleet.cpu_busy_s),
            "ram_peak_bytes" => {
                let Spread { mean, min, max } = fleet.ram_peak_bytes;
                Some(Spread { mean, min: min as f64, max: max as f64 })
            }
            "battery_days" => fleet.battery_days,
            _ => return None,
        }
    };
    Some(spread.and_then(|spread| match which {
        "mean" => Some(spread.mean),
        "min" => Some(spread.min),
        "max" => Some(spread.max),
        _ => None,
    }))
}

#[cfg(test)]
mod tests {
    use super::is_among;
    use crate::results::sample;

    #[test]
    fn figures_are_found_by_path_and_alias() {
        let summary = sample::summary();
        for (path, value) in [
            ("delivered", 3.0),
            ("messages.lost", 2.0),
            ("latency.p99", 40.0),
            ("latency_ms.p50", 12.0),
            ("packets.PUBLISH", 6.0),
            ("mqtt_packets.PUBCOMP", 0.0),
            ("tcp.retransmitted", 3.0),
            ("events", 12_345.0),
            ("simulated_s", 10.0),
            ("nodes.camera.energy_j", 13.992),
            ("nodes.camera.energy_by_cause_j.PUBLISH", 0.04),
            ("nodes.camera.energy_by_cause_j.tcp_connect", 0.002),
            ("nodes.camera.energy_by_cause_j.tcp connect", 0.002),
            ("nodes.camera.energy_by_cause_j.PUBREL", 0.0),
            ("nodes.viewer.count", 2.0),
            ("nodes.viewer.energy_j.mean", 12.003),
            ("nodes.viewer.energy_by_cause_j.PUBACK.max", 0.006),
            ("nodes.viewer.ram_peak_bytes.max", 2_098_176.0),
            ("server.stored_per_s", 40.0),
        ] {
            assert_eq!(summary.figure(path), Some(value), "{path}");
            assert!(is_among(path, &summary.paths()), "{path}");
        }
    }

    #[test]
    fn every_listed_path_resolves_and_every_number_of_the_file_is_listed() {
        let summary = sample::summary();
        let paths = summary.paths();
        for path in &paths {
            assert!(summary.resolve(path).is_ok(), "{path}");
        }
        let json: serde_json::Value = serde_json::from_str(&summary.to_json()).unwrap();
        let mut leaves = Vec::new();
        number_paths(&json, String::new(), &mut leaves);
        assert!(leaves.len() > 40);
        for leaf in leaves {
            if ["seed", "run", "wall_s"].contains(&leaf.as_str()) || leaf.contains('[') {
                assert!(summary.resolve(&leaf).is_err(), "{leaf}");
            } else {
                assert!(summary.figure(&leaf).is_some(), "{leaf}");
            }
        }
    }

    fn number_paths(value: &serde_json::Value, path: String, found: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(map) => {
                for (key, value) in map {
                    let deeper = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    number_paths(value, deeper, found);
                }
            }
            serde_json::Value::Number(_) => found.push(path),
            serde_json::Value::Array(values) => {
                for (place, value) in values.iter().enumerate() {
                    number_paths(value, format!("{path}[{place}]"), found);
                }
            }
            serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::String(_) => {}
        }
    }

    #[test]
    fn a_figure_without_a_value_is_not_an_unknown_one() {
        let mut summary = sample::summary();
        summary.latency_ms = None;
        summary.server = None;
        assert_eq!(summary.resolve("latency.p99"), Ok(None));
        assert_eq!(summary.resolve("server.stored"), Ok(None));
        assert_eq!(summary.resolve("nodes.camera.battery_days"), Ok(None));
    }

    #[test]
    fn an_unknown_path_is_refused_with_the_nearest() {
        let summary = sample::summary();
        for (wrong, nearest) in [
            ("deliverd", "delivered"),
            ("latency.p9", "latency.p90"),
            ("nodes.camera.energy", "nodes.camera.energy_j"),
            ("packets.PUBLSH", "packets.PUBLISH"),
        ] {
            let error = summary.resolve(wrong).unwrap_err();
            assert_eq!(error.nearest.as_deref(), Some(nearest), "{wrong}");
        }
        for wrong in ["", ".", "nodes", "nodes.", "nodes.viewer.energy_j", "latency", "xyzzy", "messages."] {
            assert_eq!(summary.figure(wrong), None, "{wrong}");
            assert!(summary.resolve(wrong).is_err(), "{wrong}");
            assert!(!is_among(wrong, &summary.paths()), "{wrong}");
        }
        let error = summary.resolve("deliverd").unwrap_err();
        assert_eq!(error.to_string(), "`deliverd` is no figure of a run; did you mean `delivered`?");
    }

    #[test]
    fn a_host_name_may_hold_dots() {
        let mut summary = sample::summary();
        summary.nodes.0[0].0 = "room.1.camera".to_owned();
        assert_eq!(summary.figure("nodes.room.1.camera.energy_j"), Some(13.992));
    }
}

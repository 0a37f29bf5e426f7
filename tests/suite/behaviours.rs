//! What brokers and clients do where the standard leaves them room: one small scenario each, and its chart
//! as committed.

use std::path::PathBuf;

use mqtt_twin::capture::chart::{self, ChartOptions};
use mqtt_twin::capture::recorder::RecorderOptions;
use mqtt_twin::scenario::{Loaded, Overrides, load};

use crate::{record, root, stem, summary};

fn files() -> Vec<PathBuf> {
    let folder = root().join("scenarios").join("behaviours");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn loaded(name: &str, sets: &[&str]) -> Loaded {
    let file = root().join("scenarios").join("behaviours").join(format!("{name}.ron"));
    let overrides =
        Overrides { sets: sets.iter().map(|set| (*set).to_owned()).collect(), ..Overrides::default() };
    load(&file, &overrides).unwrap_or_else(|diagnostic| panic!("{}", diagnostic.render(false)))
}

/// The chart of a run and what of its expectations did not hold.
fn chart(loaded: &Loaded) -> (String, Vec<String>) {
    let (outcome, recorder) = record(loaded, RecorderOptions { frames: false, packets: true });
    let summary = summary(loaded, &outcome);
    let broken = loaded.expectations.iter().filter_map(|expectation| {
        let verdict = expectation.evaluate(|path| summary.figure(path));
        (!verdict.held).then(|| format!("{}: {} is {:?}", loaded.name, verdict.check, verdict.value))
    });
    let broken = broken.collect();
    let options = ChartOptions { width: 120, ..ChartOptions::default() };
    (chart::draw(&recorder, &outcome.nodes, &options), broken)
}

#[test]
fn every_behaviour_has_its_question_its_promises_and_its_chart() {
    let mut broken = Vec::new();
    for file in files() {
        let name = stem(&file);
        let loaded = loaded(&name, &[]);
        assert!(loaded.scenario.question.contains('?'), "{name} asks no question");
        assert!(!loaded.expectations.is_empty(), "{name} promises nothing");
        let (chart, not_held) = chart(&loaded);
        insta::assert_snapshot!(name.as_str(), format!("{}\n\n{chart}", loaded.scenario.question));
        broken.extend(not_held);
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// The same with another broker, or with one of its keys changed: what they differ in is what the charts differ in.
#[test]
fn other_brokers_do_it_otherwise() {
    for (name, key, value) in [
        ("overlapping-filters", "software", "standard"),
        ("overlapping-filters", "role.overlapping_filters", "CopyEach"),
        ("echo-order", "software", "mosquitto-1.4"),
        ("inflight-overflow", "software", "mosquitto-1.4"),
        ("sys-writes", "software", "mosquitto-1.4"),
        ("queue-overflow", "role.when_queue_full", "DropOldest"),
        ("qos-2-forwarding", "role.qos_2_forwarded_on", "Publish"),
    ] {
        let loaded = loaded(name, &[&format!("hosts.broker.{key}={value}")]);
        insta::assert_snapshot!(format!("{name}-{value}"), chart(&loaded).0);
    }
}

/// Topics and payloads count: of five messages of two bytes two have room.
#[test]
fn a_queue_can_be_limited_by_its_bytes() {
    let loaded = loaded("queue-overflow", &["hosts.broker.role=Broker(max_queued_bytes: \"4 B\")"]);
    let (chart, not_held) = chart(&loaded);
    insta::assert_snapshot!("queue-overflow-bytes", chart);
    assert_eq!(not_held.len(), 2, "other figures than with three places: {not_held:#?}");
}

/// A bridge of an older version cannot say No Local to a broker that knows no bridges.
#[test]
fn an_older_bridge_hears_itself() {
    // Refused as a bridge, it comes again as a client.
    let sets = [
        "hosts.yard.role.bridges.0.version=\"3.1.1\"",
        "hosts.yard.role.bridges.0.restart_base=\"50 ms\"",
        "hosts.yard.role.bridges.0.restart_cap=\"50 ms\"",
    ];
    let loaded = loaded("bridge-5", &sets);
    insta::assert_snapshot!("bridge-5-as-3.1.1", chart(&loaded).0);
}

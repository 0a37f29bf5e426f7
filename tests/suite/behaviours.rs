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

/// The same with another broker: what the profiles differ in is what the charts differ in.
#[test]
fn other_brokers_do_it_otherwise() {
    for (name, broker) in [("overlapping-filters", "standard"), ("echo-order", "mosquitto-1.4")] {
        let loaded = loaded(name, &[&format!("hosts.broker.software={broker}")]);
        insta::assert_snapshot!(format!("{name}-{broker}"), chart(&loaded).0);
    }
}

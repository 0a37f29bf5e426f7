//! Runs in which a promise of MQTT is truly broken, because a library or a broker behaves so: a scenario that repeats
//! each, what was promised, and its chart. With another library, broker or session the promise is kept.

use std::time::Duration;

use mqtt_twin::capture::chart::{self, ChartOptions};
use mqtt_twin::capture::recorder::RecorderOptions;
use mqtt_twin::explore::contract::{Contract, Terms};

use crate::{load, record, root, summary};

/// Each scenario, and what keeps the promise.
const ALL: [(&str, &str); 6] = [
    ("bridge-echo", "hosts.far.software=mosquitto-2.0"),
    ("buffer-overflow", "hosts.subscriber.software=libmosquitto"),
    ("clean-session-twice", "hosts.publisher.mqtt.clean_session=false"),
    ("held-back-overflow", "max_queued=100"),
    ("nothing-kept", "hosts.publisher.software=libmosquitto"),
    ("window-overflow", "max_inflight_inbound=20"),
];

/// What was broken, one line each, and the chart.
fn shown(name: &str, sets: &[&str]) -> (String, String) {
    let loaded = load(&format!("counterexamples/{name}"), sets);
    let (outcome, recorder) = record(&loaded, RecorderOptions { frames: false, packets: true });
    let terms = Terms { settle: Duration::from_millis(500), stood: Duration::ZERO };
    let contract = Contract::expecting(&loaded, vec![true; outcome.clients.len()], terms);
    let broken: String =
        contract.judge(&loaded, &outcome).iter().map(|violation| format!("{violation}\n")).collect();
    if sets.is_empty() {
        let summary = summary(&loaded, &outcome);
        for expectation in &loaded.expectations {
            let verdict = expectation.evaluate(|path| summary.figure(path));
            assert!(verdict.held, "{name}: {} is {:?}", verdict.check, verdict.value);
        }
    }
    let chart =
        chart::draw(&recorder, &outcome.nodes, &ChartOptions { width: 120, ..ChartOptions::default() });
    (broken, format!("{}\n\n{chart}", loaded.scenario.question))
}

#[test]
fn every_counterexample_breaks_the_promise_that_it_is_about() {
    let mut files: Vec<String> = std::fs::read_dir(root().join("scenarios/counterexamples"))
        .unwrap()
        .map(|entry| crate::stem(&entry.unwrap().path()))
        .collect();
    files.sort();
    assert_eq!(files, ALL.map(|(name, _)| name.to_owned()));
    for (name, _) in ALL {
        let (broken, chart) = shown(name, &[]);
        assert!(!broken.is_empty(), "{name} breaks no promise");
        insta::assert_snapshot!(name, format!("{broken}\n{chart}"));
    }
}

#[test]
fn another_library_broker_or_session_keeps_it() {
    for (name, instead) in ALL {
        let (broken, chart) = shown(name, &[instead]);
        assert_eq!(broken, "", "{name} with {instead}\n{chart}");
    }
}

//! One answer everywhere: the fingerprints of all scenarios under several seeds, as committed, at any number of
//! threads, in a debug and in a release build.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use mqtt_twin::execute::{RunOptions, outcome};
use mqtt_twin::scenario::load::load_text;
use mqtt_twin::scenario::profiles::Library;
use mqtt_twin::scenario::quantity::Span;
use mqtt_twin::scenario::{Loaded, Overrides};
use rayon::prelude::*;

use crate::{load, root, run};

/// Seed and number of the runs of each scenario.
const RUNS: [(u64, u64); 5] = [(1, 0), (1, 1), (2, 0), (3, 0), (3, 1)];

/// Scenarios of which the beginning does; the whole of nearly each has a row of its own.
const SHORTENED: [(&str, &str); 7] = [
    ("alert-network-as-published", "2 min"),
    ("bench-b1000", "25 s"),
    ("bench-c5k", "1100 ms"),
    ("bench-d1h", "62 s"),
    ("join-storm", "10 s"),
    ("load-idle-fleet", "90 s"),
    ("wifi-crowd", "3 s"),
];

/// A row of the table, ready to run.
struct Row {
    name: String,
    until: &'static str,
    run: u64,
    loaded: Loaded,
}

impl Row {
    fn fingerprint(&self) -> u128 {
        let options = RunOptions { run: self.run };
        outcome(&self.loaded, &options, &mut |_| {})
            .unwrap_or_else(|error| panic!("{}: {}", self.name, error.render(false)))
            .fingerprint
    }
}

/// All scenario files below `scenarios`, by name.
fn scenario_names(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            scenario_names(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "ron") {
            let name = path.strip_prefix(root().join("scenarios")).unwrap().with_extension("");
            let parts: Vec<_> = name.iter().map(|part| part.to_string_lossy()).collect();
            found.push(parts.join("/"));
        }
    }
    found.sort();
}

fn file(name: &str) -> PathBuf {
    root().join("scenarios").join(format!("{name}.ron"))
}

/// The rows, sorted by name, seed and number of the run.
fn rows() -> Vec<Row> {
    let mut names = Vec::new();
    scenario_names(&root().join("scenarios"), &mut names);
    let library = Library::new(root().join("hw-profiles")).remembering();
    let mut rows = Vec::new();
    for name in names {
        let until = SHORTENED.iter().find(|(other, _)| *other == name).map_or("", |(_, until)| until);
        let text = std::fs::read_to_string(file(&name)).unwrap();
        for (seed, run) in RUNS {
            let end = (!until.is_empty()).then(|| until.parse::<Span>().unwrap());
            let overrides = Overrides { seed: Some(seed), until: end, ..Overrides::default() };
            let loaded = load_text(&file(&name), &text, &overrides, library.clone())
                .unwrap_or_else(|diagnostic| panic!("{}", diagnostic.render(false)));
            rows.push(Row { name: name.clone(), until, run, loaded });
        }
    }
    rows
}

/// The fingerprints of all rows, computed by a pool of so many threads.
fn by_threads(threads: usize, rows: &[Row]) -> Vec<u128> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        assert_eq!(rayon::current_num_threads(), threads);
        rows.par_iter().map(Row::fingerprint).collect()
    })
}

/// A change here is a change of results: it needs a line under "Results changed" in CHANGELOG.md.
#[test]
fn fingerprints_are_those_that_were_committed_at_any_number_of_threads() {
    let rows = rows();
    assert!(rows.len() >= 200, "{} rows", rows.len());
    let alone = by_threads(1, &rows);
    for threads in [2, 7] {
        let together = by_threads(threads, &rows);
        for ((row, alone), together) in rows.iter().zip(&alone).zip(&together) {
            let (name, seed) = (&row.name, row.loaded.scenario.seed);
            assert_eq!(alone, together, "{name}, seed {seed}, run {}, {threads} threads", row.run);
        }
    }
    let mut table = format!("{:<36} {:>7} seed run fingerprint\n", "scenario", "until");
    for (row, fingerprint) in rows.iter().zip(&alone) {
        let Row { name, until, run, loaded } = row;
        let seed = loaded.scenario.seed;
        writeln!(table, "{name:<36} {until:>7} {seed:>4} {run:>3} {fingerprint:032x}").unwrap();
    }
    insta::assert_snapshot!("fingerprints", table);
}

/// The scenarios of which the table above has only the beginning.
#[test]
fn fingerprints_of_the_long_scenarios_are_those_that_were_committed() {
    let mut table = String::new();
    // A day of a thousand clients has a page and tests of its own: `load.rs`.
    for (name, _) in SHORTENED.into_iter().filter(|(name, _)| !name.starts_with("load-")) {
        writeln!(table, "{name:<34} {:032x}", run(&load(name, &[])).fingerprint).unwrap();
    }
    insta::assert_snapshot!("fingerprints-of-long-scenarios", table);
}

/// One more client: what the others draw, and so all that happens to them, stays as it was. Nothing takes time here
/// that is shared: the broker needs no CPU time and its link has no rate.
#[test]
fn a_host_more_leaves_the_draws_of_the_others_alone() {
    let fleet = |count: u32| {
        let text = format!(
            r#"(
                title: "A fleet", question: "Who draws what?", duration: "60 s",
                hosts: {{
                    "client": (
                        count: {count}, board: "raspberry-pi-3b", software: "paho-python",
                        mqtt: (connect_at: "1 s"),
                        role: Burst(topic: "a", payload: "2 kB", qos: 2, at: "1 s", messages: 5),
                    ),
                    "server": (board: "ideal", software: "ideal", role: Broker()),
                }},
                routers: ["router"],
                links: [
                    (from: "client", to: "router", rate: "10 Mbit/s", delay: "2 ms", loss: 0.05),
                    (from: "server", to: "router", profile: "ideal"),
                ],
            )"#
        );
        let file = root().join("scenarios/fleet.ron");
        let library = Library::new(root().join("hw-profiles"));
        let loaded = load_text(&file, &text, &Overrides::default(), library);
        let outcome = run(&loaded.unwrap_or_else(|error| panic!("{}", error.render(false))));
        let nodes = outcome.nodes.iter().filter(|node| node.fleet).map(|node| format!("{node:?}"));
        let messages = outcome.messages.iter();
        let mut times: Vec<_> = messages.map(|m| (m.publisher, m.published, m.accepted)).collect();
        times.sort();
        (nodes.collect::<Vec<_>>(), times, outcome.tcp.lost)
    };
    let (before, after) = (fleet(40), fleet(41));
    assert!(before.2 > 50, "{} frames lost: draws matter", before.2);
    assert_eq!((before.0.len(), after.0.len()), (40, 41));
    assert_eq!(before.0[..], after.0[..40], "what each node did");
    assert_eq!(before.1[..], after.1[..before.1.len()], "when each message was where");
}

#[test]
fn seed_and_run_number_change_the_answer() {
    let of = |seed: &str, run| {
        let loaded = load("alert-burst-500", &[&format!("seed={seed}")]);
        outcome(&loaded, &RunOptions { run }, &mut |_| {}).unwrap().fingerprint
    };
    let (first, other_seed, other_run) = (of("1", 0), of("2", 0), of("1", 1));
    assert_eq!(first, run(&load("alert-burst-500", &[])).fingerprint, "seed 1 is the default");
    assert_ne!(first, other_seed);
    assert_ne!(first, other_run);
    assert_ne!(other_seed, other_run);
}

#[test]
fn listening_to_a_run_does_not_change_it() {
    use mqtt_twin::capture::recorder::RecorderOptions;
    let loaded = load("alert-burst-500", &[]);
    let (recorded, _) = crate::record(&loaded, RecorderOptions { frames: true, packets: true });
    assert_eq!(recorded.fingerprint, run(&loaded).fingerprint);
}

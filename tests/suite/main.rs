//! The tests that look at the whole: scenarios, captures, the command line, the house itself.
//! One binary, so that it links once.

mod alert_levels;
mod alert_network;
mod alert_table;
mod behaviours;
mod bridges;
mod charts;
mod command_line;
mod compare;
mod corpus;
mod counterexamples;
mod devices;
mod explore;
mod fingerprints;
mod full_disk;
mod fuzz;
mod ground_truth;
mod ground_truth_frames;
mod ground_truth_image;
mod ground_truth_losses;
mod ground_truth_sessions;
mod ground_truth_tls;
mod interoperability;
mod live;
mod load;
mod mutants;
mod report;
mod scenarios;
mod server_throughput;
mod smart_home;
mod swarm;
mod sweep;
mod tcp_formulas;
mod tidy;
mod wifi;
mod wireshark;

use std::path::{Path, PathBuf};
use std::time::Duration;

use models::record::Outcome;
use mqtt_twin::capture::recorder::{Recorder, RecorderOptions};
use mqtt_twin::execute::{self, RunOptions};
use mqtt_twin::results::summary::{RunIdentity, Summary};
use mqtt_twin::scenario::{self, Loaded, Overrides};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The scenario files, sorted; but not those of great loads, which `load.rs` runs at a small size.
fn scenario_files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(root().join("scenarios"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "ron"))
        .filter(|path| !stem(path).starts_with("load-"))
        .collect();
    files.sort();
    files
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

/// A scenario of the folder `scenarios` with some of its keys set.
fn load(name: &str, sets: &[&str]) -> Loaded {
    let file = root().join("scenarios").join(format!("{name}.ron"));
    let overrides =
        Overrides { sets: sets.iter().map(|set| (*set).to_owned()).collect(), ..Overrides::default() };
    scenario::load(&file, &overrides).unwrap_or_else(|diagnostic| panic!("{}", diagnostic.render(false)))
}

fn run(loaded: &Loaded) -> Outcome {
    execute::outcome(loaded, &RunOptions::default(), &mut |_| {})
        .unwrap_or_else(|error| panic!("{}", error.render(false)))
}

fn record(loaded: &Loaded, listening: RecorderOptions) -> (Outcome, Recorder) {
    execute::recorded(loaded, &RunOptions::default(), listening, &mut |_| {})
        .unwrap_or_else(|error| panic!("{}", error.render(false)))
}

fn summary(loaded: &Loaded, outcome: &Outcome) -> Summary {
    let identity = RunIdentity {
        scenario: loaded.name.clone(),
        title: loaded.scenario.title.clone(),
        seed: loaded.scenario.seed,
        run: 0,
    };
    Summary::of(outcome, &identity, Duration::ZERO, Vec::new())
}

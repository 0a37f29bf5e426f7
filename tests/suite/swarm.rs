//! A few hundred scenarios of the swarm; and that it is repeatable, and sees what it should.

use std::process::Command;

use mqtt_twin::scenario::profiles::Library;
use mqtt_twin::swarm::{Options, Report, draw, swarm};

use crate::root;

fn library() -> Library {
    Library::new(root().join("hw-profiles")).remembering()
}

fn runs(seed: u64, runs: u64, threads: usize) -> Report {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| swarm(&Options { seed, first: 0, runs }, &library(), &|_, _| {}))
}

#[test]
fn everything_holds_in_some_hundred_scenarios() {
    let report = runs(7, 200, 2);
    assert!(report.failures.is_empty(), "{:#?}", report.failures);
    assert!(report.events > 100_000, "they do something: {} events", report.events);
}

#[test]
fn the_swarm_is_the_same_at_any_number_of_threads() {
    let (one, three) = (runs(3, 40, 1), runs(3, 40, 3));
    assert_eq!(one, three);
    assert_ne!(one.fingerprints, runs(4, 40, 2).fingerprints);
    assert_ne!(draw::plan(3, 0), draw::plan(3, 1));
    assert_eq!(draw::plan(3, 1), draw::plan(3, 1));
}

/// A client that subscribes in several steps is owed nothing by its first SUBACK.
#[test]
fn a_scenario_that_was_reported_wrongly_holds() {
    let report = swarm(&Options { seed: 2, first: 573, runs: 1 }, &library(), &|_, _| {});
    assert!(report.failures.is_empty() && report.events > 1_000, "{report:#?}");
}

#[test]
fn one_scenario_of_the_swarm_can_be_written_and_run() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("one.ron");
    let program = || Command::new(env!("CARGO_BIN_EXE_mqtt-twin"));
    let told = program().args(["swarm", "--seed", "7", "--only", "12", "--out"]).arg(&file).output().unwrap();
    let text = String::from_utf8(told.stdout).unwrap();
    assert!(told.status.success() && text.contains("everything held"), "{text}");
    let run =
        program().arg("run").arg(&file).args(["--out"]).arg(folder.path().join("out")).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}

//! One answer everywhere: the fingerprints of all scenarios, as committed, twice and at once.

use std::fmt::Write as _;

use crate::{load, run, scenario_files, stem};

fn fingerprints(names: &[String]) -> Vec<u128> {
    names.iter().map(|name| run(&load(name, &[])).fingerprint).collect()
}

/// A change here is a change of results: it needs a line under "Results changed" in CHANGELOG.md.
#[test]
fn fingerprints_are_those_that_were_committed() {
    let names: Vec<String> = scenario_files().iter().map(|file| stem(file)).collect();
    let mut table = String::new();
    for (name, fingerprint) in names.iter().zip(fingerprints(&names)) {
        writeln!(table, "{name:<24} {fingerprint:032x}").unwrap();
    }
    insta::assert_snapshot!("fingerprints", table);
}

#[test]
fn threads_that_run_side_by_side_do_not_change_the_answer() {
    let names: Vec<String> =
        ["one-publish", "alert-burst-500", "smart-home-images"].map(str::to_owned).into();
    let alone = fingerprints(&names);
    let together = std::thread::scope(|scope| {
        let running: Vec<_> = (0..7).map(|_| scope.spawn(|| fingerprints(&names))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(together.iter().all(|answer| *answer == alone));
}

#[test]
fn seed_and_run_number_change_the_answer() {
    use mqtt_twin::execute::{RunOptions, outcome};
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

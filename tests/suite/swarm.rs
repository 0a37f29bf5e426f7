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

/// What campaigns found: TCP ends that answered each other without end, and rules that asked for too much.
#[test]
fn what_was_found_once_holds() {
    let found = [
        (1, 27_154, "old acknowledgements on a path that duplicates and reorders"),
        (2, 573, "SUBSCRIBE in several steps"),
        (1, 1_801, "No Local"),
        (1, 54_985, "a repetition whose first sending found nobody"),
        (1, 15_511, "SUBSCRIBE again at another QoS"),
        (1, 1_532, "a keep alive shorter than what waits on a slow link"),
        (1, 22_078, "a connection renewed after five round trips"),
        (1, 56_722, "five SYN packets lost in a row, in pauses that double"),
        (2, 46_401, "a bridge whose broker lost its memory, and a far broker that did not"),
        (1, 34_817, "QoS 2 forwarded on PUBLISH while its PUBREC is held back"),
        (1, 30_129, "a PUBREC held back into the next connection"),
        (1, 86, "PUBLISH at QoS 2 that Mosquitto 1.4 leaves without an answer"),
        (1, 4_202, "three losses in a row in the last seconds"),
    ];
    for (seed, first, what) in found {
        let report = swarm(&Options { seed, first, runs: 1 }, &library(), &|_, _| {});
        assert!(report.failures.is_empty() && report.events > 500, "{what}: {report:#?}");
    }
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

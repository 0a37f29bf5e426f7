//! Every single fault of a publication at each QoS, in each version, with sessions that last and that do not,
//! across a reconnect: no promise is broken. And where a profile truly breaks one, it is shown.

use mqtt_twin::execute::{self, RunOptions};
use mqtt_twin::explore::{self, Options, Report, fault};
use mqtt_twin::scenario::{Loaded, Overrides, load};

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::root;

fn scenario(file: &str, sets: &[&str]) -> Loaded {
    let sets = sets.iter().map(|set| (*set).to_owned()).collect();
    let file = root().join("scenarios").join(file);
    load(&file, &Overrides { sets, ..Overrides::default() })
        .unwrap_or_else(|diagnostic| panic!("{}", diagnostic.render(false)))
}

fn explored(loaded: &Loaded, pairs: Option<u64>) -> Report {
    let options = Options { pairs, ..Options::default() };
    explore::explore(loaded, &options, None, &|_| {}).unwrap()
}

/// The counterexample in words.
fn told(loaded: &Loaded, report: &Report) -> String {
    let Some(found) = &report.minimal else { return "every promise was kept\n".to_owned() };
    let mut text = fault::words(loaded, &found.faults) + "\n";
    for violation in &found.violations {
        text += &format!("{violation}\n");
    }
    text
}

#[test]
fn no_single_fault_breaks_a_promise() {
    let mut broken = Vec::new();
    for version in ["3.1.1", "5.0"] {
        for qos in 0..=2 {
            for clean in [false, true] {
                let (qos, version) = (format!("qos={qos}"), format!("version={version}"));
                let clean_session = format!("clean_session={clean}");
                let mut sets = vec![qos.as_str(), &version, &clean_session];
                if version.ends_with("5.0") && !clean {
                    sets.push("mqtt.session_expiry=1 h");
                }
                let loaded = scenario("explore/publish.ron", &sets);
                let report = explored(&loaded, Some(40));
                assert!(report.singles > 200 && report.pairs > 20, "{sets:?}: {report:?}");
                if report.violating > 0 {
                    broken.push(format!("{sets:?}: {}", told(&loaded, &report)));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// The scenario that `explore` writes repeats the run that it found.
#[test]
fn what_was_found_can_be_repeated_from_a_file() {
    let file = "explore/overflow.ron";
    let loaded = scenario(file, &[]);
    let report = explored(&loaded, None);
    insta::assert_snapshot!("explore-overflow", told(&loaded, &report));
    let found = report.minimal.unwrap();
    let mut with = loaded.clone();
    for fault in &found.faults {
        fault.put(&mut with);
    }
    let again = scenario(file, &[&format!("faults={}", fault::list(&loaded, &found.faults))]);
    let run =
        |loaded: &Loaded| execute::outcome(loaded, &RunOptions::default(), &mut |_| {}).unwrap().fingerprint;
    assert_eq!(run(&with), run(&again));
    assert_ne!(run(&loaded), run(&again));
}

/// `scenarios/behaviours/inflight-overflow.ron` loses messages at QoS 2 without any fault.
#[test]
fn a_broker_that_loses_messages_is_found_out() {
    let loaded = scenario("behaviours/inflight-overflow.ron", &["duration=30 s"]);
    insta::assert_snapshot!("explore-inflight-overflow", told(&loaded, &explored(&loaded, None)));
}

/// Frame 17 carries the first PUBLISH.
#[test]
fn faults_of_frames_do_what_they_say() {
    let first = |faults: &str| {
        let loaded = scenario("explore/publish.ron", &["qos=0", &format!("faults=[{faults}]")]);
        let outcome = execute::outcome(&loaded, &RunOptions::default(), &mut |_| {}).unwrap();
        let latency = outcome.deliveries[0].at.saturating_since(outcome.messages[0].published);
        (latency.as_millis(), outcome.deliveries[0].copies, outcome.tcp.lost, outcome.tcp.retransmitted)
    };
    assert_eq!(first(""), (0, 1, 0, 0));
    assert_eq!(first("DuplicateFrame(serial: 17)"), (0, 1, 0, 0));
    assert_eq!(first("DelayFrame(serial: 17, by: \"100 ms\")"), (100, 1, 0, 0));
    let (latency, copies, lost, retransmitted) = first("DropFrame(serial: 17)");
    assert!((150..400).contains(&latency) && copies == 1 && lost == 1 && retransmitted == 1);
}

#[test]
fn retained_messages_and_wills_keep_their_rules_under_single_faults() {
    let put_off = ["version=5.0", "hosts.sensor.mqtt.will.delay=4 s", "hosts.sensor.mqtt.session_expiry=1 h"];
    for (file, sets) in [
        ("explore/retained.ron", &[][..]),
        ("explore/retained.ron", &["qos=2", "version=5.0"]),
        ("explore/will.ron", &[]),
        ("explore/will.ron", &put_off),
    ] {
        let loaded = scenario(file, sets);
        let report = explored(&loaded, None);
        assert!(report.singles > 350, "{file}: {report:?}");
        assert_eq!(told(&loaded, &report), "every promise was kept\n", "{file} {sets:?}");
    }
}

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mqtt-twin"));
    command.current_dir(root()).args(arguments);
    command
}

fn json(arguments: &[&str]) -> (Option<i32>, Value) {
    let output = program(arguments).arg("--format").arg("json").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    (output.status.code(), serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}{errors}")))
}

/// A command as it is printed, in words; what stands in quotes is one.
fn words(command: &str) -> Vec<String> {
    let quoted = |(number, part): (usize, &str)| -> Vec<String> {
        if number % 2 == 1 {
            vec![part.to_owned()]
        } else {
            part.split_whitespace().map(str::to_owned).collect()
        }
    };
    command.split('\'').enumerate().flat_map(quoted).collect()
}

#[test]
fn the_printed_command_repeats_the_counterexample() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("counterexample");
    let changed = ["--seed", "77", "--until", "29 s", "--run", "3", "--set", "hosts.broker.board=ideal"];
    let given = ["explore", "scenarios/explore/overflow.ron", "--faults", "frames"];
    for out in [None, Some(out.to_str().unwrap())] {
        let mut arguments = [&given[..], &changed].concat();
        arguments.extend(out.iter().flat_map(|out| ["--out", out]));
        let (code, told) = json(&arguments);
        assert_eq!(code, Some(1), "{told:#}");
        let minimal = &told["minimal"];
        assert_eq!(minimal["faults"].as_array().unwrap().len(), 1);
        let command = words(minimal["repeat"].as_str().unwrap());
        assert_eq!(command[0], "mqtt-twin");
        let command: Vec<&str> = command[1..].iter().map(String::as_str).collect();
        let results = folder.path().join(format!("results-{}", out.is_some()));
        let (code, run) = json(&[&command[..], &["--out", results.to_str().unwrap()]].concat());
        assert_eq!(code, Some(1), "the scenario expects that nothing is lost");
        assert_eq!(run["fingerprint"], minimal["fingerprint"], "{command:?}");
        assert!(run["messages"]["lost"].as_u64().unwrap() > 0, "{run:#}");
    }
    let chart = fs::read_to_string(out.join("chart.txt")).unwrap();
    assert!(chart.contains("PUBREL"), "{chart}");
}

#[test]
fn an_exploration_that_was_killed_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let arguments = |journal: &str| -> Vec<String> {
        let words = "explore scenarios/explore/one-message.ron --pairs --most 60 --jobs 1 --journal";
        words.split(' ').map(str::to_owned).chain([journal.to_owned()]).collect()
    };
    let whole = folder.path().join("whole");
    let whole = arguments(whole.to_str().unwrap());
    let own = arguments(journal.to_str().unwrap());
    let (whole, own): (Vec<&str>, Vec<&str>) =
        (whole.iter().map(String::as_str).collect(), own.iter().map(String::as_str).collect());
    let mut killed = program(&own).stdout(Stdio::null()).spawn().unwrap();
    let bytes = || -> u64 {
        let files = fs::read_dir(&journal).into_iter().flatten();
        files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
    };
    while bytes() < 4_000 && killed.try_wait().unwrap().is_none() {}
    killed.kill().unwrap();
    killed.wait().unwrap();
    let (_, first) = json(&whole);
    let (code, again) = json(&own);
    assert_eq!((code, &first["noted"]), (Some(0), &Value::from(0)));
    for figure in ["frames", "singles", "pairs", "pairs_there_are", "violating", "events"] {
        assert_eq!(first[figure], again[figure], "{figure}");
    }
    let (_, third) = json(&own);
    assert_eq!(third["noted"], third["pairs"], "singles are run again, as pairs follow from them");
    let told =
        program(&["explore", "scenarios/explore/one-message.ron", "--quiet", "--journal", "Cargo.toml"])
            .output()
            .unwrap();
    assert_eq!(told.status.code(), Some(2));
}

/// A scenario of 2 s has no time for the 15 s in which a fault heals: it is simulated for longer, or refused if its
/// user said for how long.
#[test]
fn a_short_scenario_gets_time_to_heal() {
    let (code, told) = json(&["explore", "scenarios/one-publish.ron"]);
    assert_eq!(code, Some(0), "{told:#}");
    assert_eq!((&told["simulated_s"], &told["faults_until_s"]), (&Value::from(17.0), &Value::from(2.0)));
    let frames = told["frames"].as_u64().unwrap();
    assert!(
        told["singles"].as_u64().unwrap() > 3 * frames,
        "each frame lost, late and twice, cuts and crashes"
    );
    let refused = program(&["explore", "scenarios/one-publish.ron", "--until", "3 s"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let message = String::from_utf8(refused.stderr).unwrap();
    assert!(message.contains("15 s to heal") && message.contains("`--until '18 s'`"), "{message}");
}

/// The small scenarios that show one behaviour each, under every single fault: two show how a real broker breaks its
/// promise, without any fault; in the others nothing breaks.
#[test]
fn behaviours_keep_their_promises_under_single_faults() {
    let mut names: Vec<String> = fs::read_dir("scenarios/behaviours")
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".ron"))
        .collect();
    names.sort();
    assert!(names.len() >= 30, "{names:?}");
    for name in names {
        let (code, told) = json(&["explore", &format!("scenarios/behaviours/{name}")]);
        let breaks = ["inflight-overflow.ron", "queue-overflow.ron"].contains(&name.as_str());
        assert_eq!(code, Some(i32::from(breaks)), "{name}: {told:#}");
        let faults = told["minimal"]["faults"].as_array().map(Vec::len);
        assert_eq!(faults, breaks.then_some(0), "{name}");
        assert!(breaks || told["singles"].as_u64().unwrap() > 50, "{name}: {told:#}");
    }
}

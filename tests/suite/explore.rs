//! Every single fault of a publication at each QoS, in each version, with sessions that last and that do not,
//! across a reconnect: no promise is broken. And where a profile truly breaks one, it is shown.

use mqtt_twin::execute::{self, RunOptions};
use mqtt_twin::explore::{self, Options, Report, fault};
use mqtt_twin::scenario::{Loaded, Overrides, load};

use crate::root;

fn scenario(file: &str, sets: &[&str]) -> Loaded {
    let sets = sets.iter().map(|set| (*set).to_owned()).collect();
    let file = root().join("scenarios").join(file);
    load(&file, &Overrides { sets, ..Overrides::default() })
        .unwrap_or_else(|diagnostic| panic!("{}", diagnostic.render(false)))
}

fn explored(loaded: &Loaded, pairs: Option<u64>) -> Report {
    let options = Options { pairs, ..Options::default() };
    explore::explore(loaded, &options, &|_| {}).unwrap()
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
                assert!(report.singles > 250 && report.pairs > 20, "{sets:?}: {report:?}");
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

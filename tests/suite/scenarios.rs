//! Every scenario in the folder runs and keeps its promises.

use crate::{load, run, scenario_files, stem, summary};

#[test]
fn every_scenario_asks_a_question_and_keeps_its_promises() {
    let mut broken = Vec::new();
    for file in scenario_files() {
        let name = stem(&file);
        let loaded = load(&name, &[]);
        assert!(loaded.scenario.question.contains('?'), "{name} asks no question");
        assert!(!loaded.expectations.is_empty(), "{name} promises nothing");
        let summary = summary(&loaded, &run(&loaded));
        for expectation in &loaded.expectations {
            let verdict = expectation.evaluate(|path| summary.figure(path));
            if !verdict.held {
                broken.push(format!("{name}: {} is {:?}", verdict.check, verdict.value));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn five_hundred_alerts_arrive_at_every_qos_and_tcp_is_why() {
    for qos in ["qos=0", "qos=1", "qos=2"] {
        let loaded = load("alert-burst-500", &[qos]);
        let summary = summary(&loaded, &run(&loaded));
        let figure = |path: &str| summary.figure(path).unwrap();
        assert_eq!(figure("delivered"), 500.0, "{qos}");
        assert_eq!(figure("duplicated"), 0.0, "{qos}");
        assert_eq!(figure("lost"), 0.0, "{qos}");
        // The links did lose frames, and TCP sent them again.
        assert!(figure("tcp.lost") > 20.0, "{qos}");
        assert!(figure("tcp.retransmitted") > 20.0, "{qos}");
        let says_so = summary.remarks.iter().any(|remark| remark.what.contains("only TCP sent"));
        assert_eq!(says_so, qos == "qos=0", "{qos}: {:?}", summary.remarks);
    }
}

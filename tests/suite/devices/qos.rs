//! What a delivered message costs an ESP8266 at each QoS, with and without loss.

use std::collections::BTreeMap;

use models::cause::Cause;

use crate::{load, run, summary};

struct Point {
    qos: u8,
    loss: u8,
    delivered: f64,
    /// Millijoule of a delivered message, by cause.
    by_cause: BTreeMap<&'static str, f64>,
    battery_days: f64,
}

fn point(qos: u8, loss: u8) -> Point {
    let sets =
        [format!("hosts.sensor.role.qos={qos}"), format!("links.0.loss={loss} %"), "expect=[]".to_owned()];
    let loaded = load("esp8266-qos", &sets.iter().map(String::as_str).collect::<Vec<_>>());
    let summary = summary(&loaded, &run(&loaded));
    let figure = |path: &str| summary.figure(path).unwrap();
    let delivered = figure("delivered");
    let joule =
        |cause: Cause| figure(&format!("nodes.sensor.energy_by_cause_j.{}", cause.name().replace(' ', "_")));
    let by_cause = Cause::ALL.into_iter().map(|cause| (cause.name(), 1e3 * joule(cause) / delivered));
    Point {
        qos,
        loss,
        delivered,
        by_cause: by_cause.filter(|(_, mj)| *mj > 0.0).collect(),
        battery_days: figure("nodes.sensor.battery_days"),
    }
}

/// Each further leg costs, and loss costs more: in radio time before anything else.
#[test]
fn a_message_costs_more_at_each_qos_and_with_loss() {
    let mut beyond_idle = BTreeMap::new();
    for loss in [0, 5] {
        for qos in 0..=2 {
            let Point { qos, loss, delivered, by_cause, battery_days } = point(qos, loss);
            let active: f64 = by_cause.iter().filter(|(cause, _)| **cause != "idle").map(|(_, mj)| mj).sum();
            let parts: Vec<String> = by_cause.iter().map(|(cause, mj)| format!("{cause} {mj:.3}")).collect();
            println!(
                "| {qos} | {loss} % | {delivered} | {active:.2} | {battery_days:.1} | {} |",
                parts.join(", ")
            );
            assert_eq!(delivered, 119.0, "TCP repeats what the link loses");
            beyond_idle.insert((loss, qos), active);
        }
        assert!(beyond_idle[&(loss, 1)] > beyond_idle[&(loss, 0)], "QoS 1 at {loss} %");
        assert!(beyond_idle[&(loss, 2)] > beyond_idle[&(loss, 1)], "QoS 2 at {loss} %");
    }
    for qos in 0..=2 {
        assert!(beyond_idle[&(5, qos)] > beyond_idle[&(0, qos)], "QoS {qos} with loss");
    }
}

use models::record::ServerRecord;

use super::*;
use crate::results::sample;

#[test]
fn the_file_has_the_keys_of_the_contract_in_their_order() {
    insta::assert_snapshot!(sample::summary().to_json());
}

#[test]
fn without_deliveries_there_is_no_latency_and_without_a_server_no_store() {
    let mut outcome = sample::outcome();
    outcome.deliveries.clear();
    outcome.server = None;
    let summary = Summary::of(&outcome, &sample::identity(), Duration::ZERO, Vec::new());
    assert_eq!(summary.latency_ms, None);
    let json: serde_json::Value = serde_json::from_str(&summary.to_json()).unwrap();
    assert!(json["latency_ms"].is_null());
    assert!(json["server"].is_null());
    assert_eq!(json["messages"]["lost"], 5);
}

#[test]
fn a_store_without_a_span_has_no_rate() {
    let record = ServerRecord { received: 1, stored: 0, span: Duration::ZERO };
    let server = Server::of(record);
    assert_eq!((server.stored_per_s, server.mean_gap_ms), (None, None));
    let record = ServerRecord { received: 5, stored: 4, span: Duration::from_millis(100) };
    let server = Server::of(record);
    assert_eq!((server.stored_per_s, server.mean_gap_ms), (Some(40.0), Some(25.0)));
}

#[test]
fn the_causes_of_a_node_sum_to_its_energy() {
    let summary = sample::summary();
    let Some(Node::Single(camera)) = summary.nodes.get("camera") else { panic!("one camera") };
    let sum: f64 = camera.energy_by_cause_j.0.iter().map(|(_, energy_j)| energy_j).sum();
    assert!((sum - camera.energy_j).abs() < 1e-12);
    assert_eq!(camera.energy_j, 13.992);
    assert_eq!(camera.mean_power_w, 1.3992);
}

#[test]
fn a_fleet_is_one_entry_with_a_spread_and_no_time_means_no_power() {
    let mut outcome = sample::outcome();
    outcome.simulated = sim_core::time::SimTime::ZERO;
    let summary = Summary::of(&outcome, &sample::identity(), Duration::ZERO, Vec::new());
    let Some(Node::Fleet(viewer)) = summary.nodes.get("viewer") else { panic!("a fleet") };
    assert_eq!(viewer.count, 2);
    assert_eq!(viewer.energy_j, Spread { mean: 12.003, min: 12.0, max: 12.006 });
    assert_eq!(viewer.energy_by_cause_j.get("PUBACK"), Some(&Spread { mean: 0.003, min: 0.0, max: 0.006 }));
    assert_eq!(viewer.mean_power_w.mean, 0.0);
}

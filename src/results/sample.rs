//! A small outcome, made by hand, on which the tests of this room agree.

use std::sync::Arc;
use std::time::Duration;

use models::cause::Cause;
use models::record::{
    DeliveryRecord, HostIndex, MessageRecord, NodeRecord, Outcome, ServerRecord, TcpTotals,
};
use models::stream::MessageId;
use sim_core::time::SimTime;

use super::summary::{ExpectationResult, RunIdentity, Summary};

fn millijoule(mj: u128) -> u128 {
    mj * 1_000_000_000_000
}

fn node(group: &str, index: u32, fleet: bool, energy_fj: Vec<(Cause, u128)>) -> NodeRecord {
    NodeRecord {
        name: if fleet { format!("{group}[{index}]") } else { group.to_owned() },
        group: Arc::from(group),
        index,
        fleet,
        board: Arc::from("raspberry-pi-3b"),
        energy_fj,
        cpu_busy: Duration::from_micros(1_500 + 500 * u64::from(index)),
        ram_peak_bytes: 2_097_152 + 1_024 * u64::from(index),
        battery_days: None,
        frames_sent: 12,
        bytes_sent: 1_200,
        frames_received: 10,
        bytes_received: 900,
        connections: 1,
    }
}

fn message(id: u32, qos: u8, published: SimTime, accepted: Option<SimTime>, expected: u32) -> MessageRecord {
    MessageRecord {
        id: MessageId(id),
        publisher: HostIndex(0),
        topic: Arc::from("house/camera"),
        qos,
        bytes: 1_000 * (id + 1),
        published,
        accepted,
        expected,
        refused: false,
    }
}

fn nodes() -> Vec<NodeRecord> {
    let camera = vec![
        (Cause::Idle, millijoule(13_500)),
        (Cause::TcpConnect, millijoule(2)),
        (Cause::Capture, millijoule(450)),
        (Cause::Publish, millijoule(40)),
    ];
    let idle = vec![(Cause::Idle, millijoule(12_000))];
    let busy = vec![(Cause::Idle, millijoule(12_000)), (Cause::Puback, millijoule(6))];
    vec![
        node("camera", 0, false, camera),
        node("broker", 0, false, idle.clone()),
        node("viewer", 0, true, idle),
        node("viewer", 1, true, busy),
    ]
}

/// A camera, a broker and a fleet of two viewers; three messages, of which the second reaches one
/// viewer only (twice) and the third nobody.
pub fn outcome() -> Outcome {
    let at = SimTime::from_millis;
    Outcome {
        fingerprint: 0x0123_4567_89ab_cdef_0011_2233_4455_6677,
        warm_up: SimTime::ZERO,
        simulated: SimTime::from_secs(10),
        events: 12_345,
        messages: vec![
            message(0, 1, at(1_000), Some(at(1_004)), 2),
            message(1, 1, at(2_000), Some(at(2_005)), 2),
            message(2, 0, at(2_990), None, 1),
        ],
        deliveries: vec![
            DeliveryRecord {
                message: MessageId(0),
                subscriber: HostIndex(2),
                at: SimTime::from_micros(1_010_250),
                copies: 1,
            },
            DeliveryRecord { message: MessageId(0), subscriber: HostIndex(3), at: at(1_012), copies: 1 },
            DeliveryRecord { message: MessageId(1), subscriber: HostIndex(2), at: at(2_040), copies: 2 },
        ],
        nodes: nodes(),
        mqtt_packets: [3, 3, 6, 4, 0, 0, 0, 2, 2, 0, 0, 0, 0, 3, 0],
        tcp: TcpTotals {
            segments: 1_234,
            data_segments: 600,
            retransmitted: 3,
            payload_bytes: 45_678,
            wire_bytes: 123_456,
            lost: 2,
            too_long: 0,
            hops: 2_468,
            data_surprise_ppb: 0,
            opening_surprise_ppb: 0,
            ack_surprise_ppb: 0,
        },
        server: Some(ServerRecord { received: 3, stored: 3, span: Duration::from_millis(75) }),
        alert: None,
        cells: Vec::new(),
        refused: [1, 0, 2],
        clients: vec![None; 4],
        remarks: vec![("viewer[1]: message dropped, its queue was full".to_owned(), 1)],
    }
}

/// The identity that goes with [`outcome`].
pub fn identity() -> RunIdentity {
    RunIdentity {
        scenario: "two-viewers".to_owned(),
        title: "One camera, two viewers".to_owned(),
        seed: 7,
        run: 0,
    }
}

/// The summary of [`outcome`].
pub fn summary() -> Summary {
    let expectations = vec![
        ExpectationResult { check: "delivered >= 3".to_owned(), held: true, value: Some(3.0) },
        ExpectationResult { check: "latency.p99 < 20 ms".to_owned(), held: false, value: Some(40.0) },
    ];
    Summary::of(&outcome(), &identity(), Duration::from_millis(1_250), expectations)
}

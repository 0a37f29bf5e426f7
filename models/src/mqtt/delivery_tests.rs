//! What MQTT promises, under random losses of the connection: QoS 1 at least once, QoS 2 exactly once,
//! in order.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::mqtt::broker::{BrokerConfig, BrokerEvent};
use crate::mqtt::client::{ClientConfig, ClientEvent};
use crate::mqtt::packet::{Properties, QoS, Version};
use crate::mqtt::pipe::Pipe;
use crate::mqtt::session::Qos2Delivery;

#[derive(Clone, Copy, Debug)]
enum Step {
    Publish,
    /// A chunk of client 0 or 1, up or down.
    Move(usize, bool),
    Cut(usize),
    Reconnect(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Publish),
        16 => (0..2_usize, any::<bool>()).prop_map(|(i, upward)| Step::Move(i, upward)),
        1 => (0..2_usize).prop_map(Step::Cut),
        2 => (0..2_usize).prop_map(Step::Reconnect),
    ]
}

fn config(name: &str, version: Version, max_inflight: u16, deliver_qos_2_on: Qos2Delivery) -> ClientConfig {
    let expiry = Properties { session_expiry_interval_s: Some(u32::MAX), ..Properties::default() };
    ClientConfig {
        version,
        connect_properties: expiry.boxed(),
        clean_session: false,
        max_inflight,
        deliver_qos_2_on,
        ..ClientConfig::new(name)
    }
}

fn version() -> impl Strategy<Value = Version> {
    prop::sample::select(Version::ALL.to_vec())
}

// A publisher and a subscriber with stored sessions, driven through `steps`, then left in peace.
fn run(
    steps: &[Step],
    qos: QoS,
    window: u16,
    delivery: (Qos2Delivery, Qos2Delivery),
    before: bool,
    versions: (Version, Version),
) -> (Pipe, u32) {
    let mut pipe = Pipe::new(BrokerConfig {
        max_inflight: window,
        max_inflight_inbound: 0,
        max_queued: 0,
        deliver_qos_2_on: delivery.0,
        forward_before_acknowledging: before,
        ..BrokerConfig::default()
    });
    pipe.add(config("publisher", versions.0, window, delivery.1));
    pipe.add(config("subscriber", versions.1, window, delivery.1));
    pipe.connect(0);
    pipe.connect(1);
    pipe.settle();
    pipe.subscribe(1, "a/+", QoS::ExactlyOnce);
    pipe.settle();
    let mut published = 0;
    for step in steps {
        match *step {
            Step::Publish => {
                pipe.publish(0, ["a/x", "a/y"][published as usize % 2], qos, false, published, 3);
                published += 1;
            }
            Step::Move(i, upward) => drop(pipe.step(i, upward)),
            Step::Cut(i) => pipe.cut(i),
            Step::Reconnect(i) if pipe.links[i].connection.is_none() => pipe.connect(i),
            Step::Reconnect(_) => {}
        }
    }
    for i in 0..2 {
        pipe.cut(i);
        pipe.connect(i);
    }
    pipe.settle();
    (pipe, published)
}

fn arrivals(pipe: &Pipe) -> Vec<u32> {
    pipe.messages(1).iter().map(|message| message.0).collect()
}

fn first_arrivals(arrivals: &[u32]) -> Vec<u32> {
    let mut seen = vec![];
    for message in arrivals {
        if !seen.contains(message) {
            seen.push(*message);
        }
    }
    seen
}

fn completions(pipe: &Pipe) -> Vec<u32> {
    let events = pipe.links[0].events.iter();
    events
        .filter_map(|event| match event {
            ClientEvent::Completed { message, .. } => Some(message.0),
            _ => None,
        })
        .collect()
}

fn acceptances(pipe: &Pipe) -> BTreeMap<u32, usize> {
    let mut counts = BTreeMap::new();
    for event in &pipe.broker_events {
        if let BrokerEvent::Accepted { message, subscribers } = event {
            assert_eq!(*subscribers, 1);
            *counts.entry(message.0).or_default() += 1;
        }
    }
    counts
}

fn either() -> impl Strategy<Value = Qos2Delivery> {
    prop_oneof![Just(Qos2Delivery::Publish), Just(Qos2Delivery::Pubrel)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn qos_1_arrives_at_least_once_and_in_order(
        steps in prop::collection::vec(step(), 0..200),
        window in prop_oneof![Just(0_u16), 1..5_u16],
        before in any::<bool>(),
        versions in (version(), version()),
    ) {
        let delivery = (Qos2Delivery::Pubrel, Qos2Delivery::Pubrel);
        let (pipe, published) = run(&steps, QoS::AtLeastOnce, window, delivery, before, versions);
        let all: Vec<u32> = (0..published).collect();
        prop_assert_eq!(first_arrivals(&arrivals(&pipe)), all.clone());
        prop_assert_eq!(completions(&pipe), all.clone(), "each once, in order");
        prop_assert!(acceptances(&pipe).keys().copied().eq(all));
        pipe.assert_nothing_held();
    }

    #[test]
    fn qos_2_arrives_exactly_once_and_in_order(
        steps in prop::collection::vec(step(), 0..200),
        window in prop_oneof![Just(0_u16), 1..5_u16],
        delivery in (either(), either()),
        before in any::<bool>(),
        versions in (version(), version()),
    ) {
        let (pipe, published) = run(&steps, QoS::ExactlyOnce, window, delivery, before, versions);
        let all: Vec<u32> = (0..published).collect();
        prop_assert_eq!(arrivals(&pipe), all.clone());
        prop_assert_eq!(completions(&pipe), all.clone());
        prop_assert!(acceptances(&pipe).into_iter().eq(all.into_iter().map(|message| (message, 1))));
        pipe.assert_nothing_held();
    }
}

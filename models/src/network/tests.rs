//! Small networks, whole: clients, a broker, lossy links.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use sim_core::engine::Simulation;
use sim_core::time::SimTime;

use super::{Blueprint, HostBlueprint, LinkBlueprint, Network};
use crate::app::{
    BrokerProgram, Burst, BurstPlan, ClientPlan, ClientProgram, Message, Program, Role, Subscriber,
    SubscriberPlan,
};
use crate::host::{Board, NodeNames, ProgramCost};
use crate::mqtt::{Broker, BrokerConfig, Client, ClientConfig, QoS, TopicFilter, TopicName};
use crate::net::{Framing, Impairment, LinkParameters, Loss, NodeIndex};
use crate::record::{HostIndex, NoProbe, Outcome};
use crate::stream::Payload;
use crate::tcp::Config;

mod cells;
mod path_mtu;
mod trouble;

const BROKER: HostIndex = HostIndex(0);

fn link(loss: f64) -> LinkParameters {
    LinkParameters {
        rate_bps: Some(10_000_000),
        propagation: Duration::from_millis(2),
        mtu: 1500,
        queue_bytes: None,
        framing: Framing::Ethernet,
        impairment: impairment(Impairment { loss: Loss::independent(loss), ..Impairment::default() }),
    }
}

fn impairment(impairment: Impairment) -> Option<Arc<Impairment>> {
    (!impairment.is_none()).then(|| Arc::new(impairment))
}

fn host(name: &str, program: Program, peer: Option<HostIndex>) -> HostBlueprint {
    let cost = ProgramCost { packet_ns: 10_000, publish_ns: 20_000, ..ProgramCost::default() };
    HostBlueprint {
        names: NodeNames { group: Arc::from(name), index: 0, fleet: false },
        board: Arc::new(Board::ideal()),
        cost: Arc::new(cost),
        tcp: Arc::new(Config::linux()),
        program,
        peer,
    }
}

fn client(index: u32, name: &str, role: Role, connect_at: SimTime) -> HostBlueprint {
    let plan = ClientPlan::new(BROKER);
    let mqtt = Client::new(ClientConfig::new(name));
    let program = ClientProgram::new(HostIndex(index), mqtt, role, Rc::new(plan), connect_at);
    host(name, Program::Client(Box::new(program)), Some(BROKER))
}

/// A broker and a subscriber on clean links, and publishers of `messages` each on lossy ones.
fn blueprint(publishers: &[&str], messages: u32, qos: QoS, loss: f64, seed: u64) -> Blueprint {
    let mut blueprint = Blueprint { parameters: vec![link(0.0), link(loss)], seed, ..Blueprint::default() };
    let broker = BrokerProgram::new(Broker::new(BrokerConfig::standard()), 1883, None);
    blueprint.hosts.push(host("broker", Program::Broker(Box::new(broker)), None));
    let filters = vec![(TopicFilter::new("#").unwrap(), QoS::ExactlyOnce.into())];
    let subscriber = Role::Subscriber(Subscriber::new(Arc::new(SubscriberPlan { filters, identifier: 0 })));
    blueprint.hosts.push(client(1, "subscriber", subscriber, SimTime::ZERO));
    for name in publishers {
        let index = blueprint.hosts.len() as u32;
        let message = Message {
            topic: TopicName::new(name).unwrap(),
            ledger_topic: blueprint.ledger.topic(name),
            payload: Payload::from(vec![7; 700]),
            qos,
            retain: false,
            expected: 1,
            properties: None,
        };
        let plan = BurstPlan { message, count: messages, one_at_a_time: false, then_disconnect: true };
        let role = Role::Burst(Burst::new(Rc::new(plan)));
        blueprint.hosts.push(client(index, name, role, SimTime::from_secs(1)));
    }
    blueprint.forwarders = 1;
    let hub = NodeIndex(blueprint.hosts.len() as u32);
    for (place, host) in (0_u32..).zip(&blueprint.hosts) {
        let kind = u32::from(place >= 2);
        let name = format!("{}-hub", host.names.name());
        blueprint.links.push(LinkBlueprint {
            ends: (NodeIndex(place), hub),
            parameters: (kind, kind),
            name,
            trouble: None,
        });
    }
    blueprint
}

/// Runs for ten simulated minutes and hands the network back as well.
fn run(blueprint: Blueprint) -> (Outcome, Network) {
    let mut simulation = Simulation::new(Network::build(blueprint, NoProbe).unwrap());
    let (network, scheduler) = simulation.parts_mut();
    network.start(scheduler);
    let end = SimTime::from_secs(600);
    simulation.run_until(end);
    let outcome = simulation.world.outcome(SimTime::ZERO, end, simulation.events());
    (outcome, simulation.world)
}

#[test]
fn a_burst_arrives_and_leaves_nothing_behind() {
    let (outcome, network) = run(blueprint(&["a", "b"], 3, QoS::ExactlyOnce, 0.0, 1));
    assert_eq!(outcome.messages.len(), 6);
    assert_eq!(outcome.deliveries.len(), 6);
    assert_eq!(outcome.tcp.retransmitted, 0);
    // Each publisher's leg and the subscriber's: PUBLISH, PUBREC, PUBREL, PUBCOMP.
    assert_eq!(outcome.mqtt_packets[2..7], [12, 0, 12, 12, 12]);
    assert_eq!(network.fabric.packets.len(), 0, "no packet is forgotten on a link");
    assert_eq!(network.fabric.flows.len(), 1, "only the subscriber is still connected");
    assert!(outcome.remarks.is_empty(), "{:?}", outcome.remarks);
}

#[test]
fn another_host_leaves_the_draws_of_the_others_alone() {
    let lossy = |publishers: &[&str]| {
        let (outcome, _) = run(blueprint(publishers, 20, QoS::AtLeastOnce, 0.2, 9));
        let first = |message: &&crate::record::MessageRecord| message.topic.as_ref() == "a";
        outcome.messages.iter().filter(first).map(|message| message.accepted.unwrap()).collect::<Vec<_>>()
    };
    let alone = lossy(&["a"]);
    let together = lossy(&["a", "b"]);
    // The same frames are lost; what differs is only the time that the broker's CPU and link are
    // busy with the other's messages.
    for (alone, together) in alone.iter().zip(&together) {
        assert!(together.saturating_since(*alone) < Duration::from_millis(60), "{alone} and {together}");
        assert!(alone.saturating_since(*together) < Duration::from_millis(60), "{alone} and {together}");
    }
    assert!(alone.last() > Some(&SimTime::from_millis(1_100)), "losses did delay the burst: {alone:?}");
}

#[test]
fn each_link_loses_frames_of_its_own() {
    let (outcome, _) = run(blueprint(&["a", "b"], 20, QoS::AtLeastOnce, 0.2, 9));
    let last = |topic: &str| {
        let own = outcome.messages.iter().filter(|message| message.topic.as_ref() == topic);
        own.map(|message| message.accepted.unwrap()).max().unwrap()
    };
    // Both send the same at the same time: with the same frames lost they would end within 60 ms.
    assert!(last("a").as_nanos().abs_diff(last("b").as_nanos()) > 60_000_000, "{} {}", last("a"), last("b"));
}

#[test]
fn the_same_run_has_the_same_fingerprint_and_another_one_has_not() {
    let fingerprint = |run_number| {
        let mut blueprint = blueprint(&["a", "b"], 5, QoS::ExactlyOnce, 0.1, 4);
        blueprint.run = run_number;
        run(blueprint).0.fingerprint
    };
    assert_eq!(fingerprint(0), fingerprint(0));
    assert_ne!(fingerprint(0), fingerprint(1));
}

#[test]
fn a_host_without_a_path_is_refused() {
    let mut blueprint = blueprint(&["a"], 1, QoS::AtMostOnce, 0.0, 1);
    blueprint.links.pop();
    let error = Network::build(blueprint, NoProbe).unwrap_err();
    assert_eq!(error.to_string(), "no path of links leads from host 2 to host 0");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// TCP below and QoS above: over links that lose up to a third of all frames every message
    /// arrives, and at QoS 2 arrives once.
    #[test]
    fn lossy_links_lose_no_message(
        seed in any::<u64>(),
        loss in 0.0_f64..0.33,
        messages in 1_u32..6,
        level in 0_usize..3,
    ) {
        let qos = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][level];
        let (outcome, _) = run(blueprint(&["a", "b", "c"], messages, qos, loss, seed));
        // Ten minutes and fifteen retransmissions are enough at this loss; what may still fail is a
        // connection given up, and then its client says so.
        if outcome.remarks.is_empty() {
            prop_assert_eq!(outcome.messages.len() as u32, 3 * messages);
            prop_assert_eq!(outcome.deliveries.len() as u32, 3 * messages);
        }
        prop_assert!(outcome.deliveries.iter().all(|delivery| delivery.copies == 1));
    }
}

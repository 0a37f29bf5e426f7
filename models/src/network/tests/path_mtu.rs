//! Three links in a row, the middle one with a smaller MTU.

use super::*;
use crate::network::LinkTrouble;
use crate::record::{FlightRecord, FrameLoss, FrameRecord, PacketRecord, Probe, TooLongRecord};

/// A publisher of one message of `bytes` behind two routers; the link between them carries 1,400 bytes.
fn three_links(bytes: usize, silent: bool, config: Config) -> Blueprint {
    let mut blueprint = blueprint(&["a"], 1, QoS::AtLeastOnce, 0.0, 3);
    blueprint.hosts.retain(|host| host.names.name() != "subscriber");
    let message = Message {
        topic: TopicName::new("a").unwrap(),
        ledger_topic: blueprint.ledger.topic("a"),
        payload: Payload::from(vec![7; bytes]),
        qos: QoS::AtLeastOnce,
        retain: false,
        expected: 0,
        properties: None,
    };
    let plan = BurstPlan { message, count: 1, one_at_a_time: false, then_disconnect: true };
    blueprint.hosts[1] = client(1, "a", Role::Burst(Burst::new(Rc::new(plan))), SimTime::from_secs(1));
    for host in &mut blueprint.hosts {
        host.tcp = Arc::new(config.clone());
    }
    blueprint.parameters[1].mtu = 1_400;
    blueprint.forwarders = 2;
    let node = NodeIndex;
    let link = |ends: (u32, u32), parameters: u32, silent| LinkBlueprint {
        ends: (node(ends.0), node(ends.1)),
        parameters: (parameters, parameters),
        name: format!("{ends:?}"),
        trouble: Some(Box::new(LinkTrouble { mtu_black_hole: silent, ..LinkTrouble::default() })),
    };
    blueprint.links = vec![link((1, 2), 0, false), link((2, 3), 1, silent), link((3, 0), 0, false)];
    blueprint
}

/// Keeps what routers say, and what they drop.
#[derive(Default)]
struct Listener {
    messages: Vec<TooLongRecord>,
    frames: Vec<(u64, SimTime, usize)>,
    dropped: Vec<(u64, SimTime)>,
}

impl Probe for Listener {
    const LISTENS: bool = true;
    fn frame(&mut self, frame: FrameRecord) {
        let payload = frame.payload.iter().map(crate::stream::Chunk::len).sum();
        self.frames.push((frame.serial, frame.at, payload));
    }
    fn frame_lost(&mut self, at: SimTime, serial: u64, why: FrameLoss) {
        assert_eq!(why, FrameLoss::TooLong);
        self.dropped.push((serial, at));
    }
    fn too_long(&mut self, message: TooLongRecord) {
        self.messages.push(message);
    }
    fn packet(&mut self, _: PacketRecord) {}
    fn flight(&mut self, _: FlightRecord) {}
    fn packet_taken(&mut self, _: SimTime, _: HostIndex, _: HostIndex, _: u16) {}
}

#[test]
fn a_router_says_which_packets_are_too_long_and_all_arrives() {
    let network = Network::build(three_links(9_000, false, Config::linux()), Listener::default()).unwrap();
    let mut simulation = Simulation::new(network);
    let (network, scheduler) = simulation.parts_mut();
    network.start(scheduler);
    simulation.run_until(SimTime::from_secs(600));
    let outcome = simulation.world.outcome(SimTime::ZERO, SimTime::from_secs(600), simulation.events());
    assert!(outcome.messages[0].accepted.is_some());
    assert_eq!((outcome.tcp.too_long, outcome.tcp.lost), (6, 6));
    // 6 x 1,448 bytes were dropped: seven segments of 1,348.
    assert_eq!(outcome.tcp.retransmitted, 7);
    assert!(simulation.world.fabric.flows.is_empty() && simulation.world.fabric.packets.len() == 0);
    let listener = simulation.world.fabric.probe;
    assert_eq!(listener.messages.len(), 6);
    assert_eq!(listener.dropped.len(), 6);
    for (message, dropped) in listener.messages.iter().zip(&listener.dropped) {
        assert_eq!((message.quoted, message.at), *dropped);
        assert_eq!((message.router, message.to, message.mtu), (HostIndex(2), HostIndex(1), 1_400));
    }
    // Back over the first link: 590 bytes at 10 Mbit/s, and 2 ms; then the first segment goes out again.
    let again = listener.messages[0].at + Duration::from_nanos(590 * 800) + Duration::from_millis(2);
    let after = listener.frames.iter().filter(|(_, at, payload)| *at == again && *payload > 500).count();
    assert_eq!(after, 7);
}

#[test]
fn a_silent_router_makes_a_black_hole_that_probing_finds() {
    let accepted = |probing| {
        let config = Config { mtu_probing: probing, ..Config::linux() };
        let (outcome, _) = run(three_links(9_000, true, config));
        assert!(outcome.tcp.too_long > 0);
        let said = |words: &str| outcome.remarks.iter().any(|(remark, _)| remark.contains(words));
        assert!(said("black hole"), "{:?}", outcome.remarks);
        outcome.messages[0].accepted
    };
    assert_eq!(accepted(false), None);
    let at = accepted(true).expect("short segments pass");
    assert!((SimTime::from_secs(4)..SimTime::from_secs(10)).contains(&at), "{at}");
}

#[test]
fn short_packets_and_one_mtu_pay_nothing() {
    let (outcome, network) = run(three_links(1_000, false, Config::linux()));
    assert_eq!((outcome.tcp.too_long, network.fabric.narrow.len()), (0, 2));
    let mut one = three_links(9_000, false, Config::linux());
    one.parameters[0].mtu = 1_400;
    let (outcome, network) = run(one);
    assert_eq!((outcome.tcp.too_long, network.fabric.narrow.len()), (0, 0));
    assert!(network.fabric.channels.is_empty());
}

/// W5500 data sheet 1.0.9: eight sockets.
#[test]
fn a_broker_on_a_w5500_refuses_the_ninth_connection() {
    let refused = |clients: usize| {
        let names: Vec<String> = (1..clients).map(|number| format!("client-{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut blueprint = blueprint(&names, 0, QoS::AtMostOnce, 0.0, 3);
        for host in blueprint.hosts.iter_mut().skip(2) {
            // Subscribers stay.
            let filters = vec![(TopicFilter::new("#").unwrap(), QoS::AtMostOnce.into())];
            let role = Role::Subscriber(Subscriber::new(Arc::new(SubscriberPlan { filters, identifier: 0 })));
            let index = names.iter().position(|name| *name == host.names.name()).unwrap() as u32 + 2;
            *host = client(index, &host.names.name(), role, SimTime::from_secs(1));
        }
        blueprint.hosts[0].tcp = Arc::new(Config::w5500());
        let (outcome, network) = run(blueprint);
        assert_eq!(network.fabric.flows.len(), clients.min(8));
        assert_eq!(outcome.mqtt_packets[1] as usize, clients.min(8), "CONNACK");
        outcome.remarks.iter().any(|(remark, _)| remark.contains("reset by the peer"))
    };
    assert!(!refused(8));
    assert!(refused(9));
}

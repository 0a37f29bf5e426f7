//! Programs on boards: CPU time delays what they send, RAM is accounted, connections come back.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use models::app::{
    BrokerProgram, Burst, BurstPlan, ClientPlan, ClientProgram, Message, Program, Publisher, PublisherPlan,
    Role,
};
use models::cause::Cause;
use models::host::energy::{Component, Power};
use models::host::{Board, NodeNames, ProgramCost};
use models::mqtt::{Broker, BrokerConfig, Client, ClientConfig, QoS, TopicName};
use models::net::{Framing, LinkParameters, NodeIndex};
use models::network::{Blueprint, HostBlueprint, LinkBlueprint, Network};
use models::record::{HostIndex, NoProbe, Outcome};
use models::stream::Payload;
use models::tcp::Config;
use sim_core::engine::Simulation;
use sim_core::time::SimTime;

const BROKER: HostIndex = HostIndex(0);
/// One way from a client to the broker: two links of 1 ms.
const ONE_WAY: Duration = Duration::from_millis(2);

fn board(power: Power) -> Board {
    Board { power, ..Board::ideal() }
}

fn host(name: &str, board: Board, cost: ProgramCost, program: Program) -> HostBlueprint {
    let peer = match &program {
        Program::Broker(_) => None,
        Program::Client(_) | Program::Visitor(_) => Some(BROKER),
        Program::Service(_) => None,
    };
    HostBlueprint {
        names: NodeNames { group: Arc::from(name), index: 0, fleet: false },
        board: Arc::new(board),
        cost: Arc::new(cost),
        tcp: Arc::new(Config::linux()),
        program,
        peer,
    }
}

fn plan() -> ClientPlan {
    ClientPlan { back_off_limit: Duration::from_secs(4), ..ClientPlan::new(BROKER) }
}

fn message(blueprint: &mut Blueprint, topic: &str, qos: QoS) -> Message {
    Message {
        topic: TopicName::new(topic).unwrap(),
        ledger_topic: blueprint.ledger.topic(topic),
        payload: Payload::from(vec![1; 500]),
        qos,
        retain: false,
        expected: 0,
        properties: None,
    }
}

fn client(index: u32, name: &str, role: Role, plan: ClientPlan, connect_at: SimTime) -> Program {
    let mqtt = Client::new(ClientConfig::new(name));
    let program = ClientProgram::new(HostIndex(index), mqtt, role, Rc::new(plan), connect_at);
    Program::Client(Box::new(program))
}

fn broker(port: u16) -> Program {
    Program::Broker(Box::new(BrokerProgram::new(Broker::new(BrokerConfig::standard()), port, None)))
}

/// Joins all hosts to one hub by fast links of 1 ms and runs for `end_s` seconds.
fn run(mut blueprint: Blueprint, end_s: u64) -> Outcome {
    blueprint.parameters = vec![LinkParameters {
        rate_bps: None,
        propagation: Duration::from_millis(1),
        mtu: 1500,
        queue_bytes: None,
        framing: Framing::Ethernet,
        impairment: None,
    }];
    blueprint.forwarders = 1;
    let hub = NodeIndex(blueprint.hosts.len() as u32);
    for (place, host) in (0_u32..).zip(&blueprint.hosts) {
        let name = format!("{}-hub", host.names.name());
        blueprint.links.push(LinkBlueprint {
            ends: (NodeIndex(place), hub),
            parameters: (0, 0),
            trouble: None,
            name,
        });
    }
    let mut simulation = Simulation::new(Network::build(blueprint, NoProbe).unwrap());
    let (network, scheduler) = simulation.parts_mut();
    network.start(scheduler);
    let end = SimTime::from_secs(end_s);
    simulation.run_until(end);
    simulation.world.outcome(SimTime::ZERO, end, simulation.events())
}

fn burst(message: Message) -> Role {
    let plan = BurstPlan { message, count: 1, one_at_a_time: true, then_disconnect: false };
    Role::Burst(Burst::new(Rc::new(plan)))
}

#[test]
fn what_a_program_sends_waits_for_its_cpu_time() {
    let mut blueprint = Blueprint::default();
    let cost = ProgramCost { packet_ns: 5_000_000, ..ProgramCost::default() };
    blueprint.hosts.push(host("broker", board(Power::default()), cost, broker(1883)));
    let role = burst(message(&mut blueprint, "a", QoS::AtLeastOnce));
    let program = client(1, "a", role, plan(), SimTime::ZERO);
    blueprint.hosts.push(host("a", board(Power::default()), ProgramCost::default(), program));
    let outcome = run(blueprint, 10);
    // SYN, SYN-ACK, ACK and CONNECT: there at 3 one-way times. CONNACK leaves 5 ms later, and the
    // PUBLISH that answers it is taken over 5 ms after it has come in.
    let connack = ONE_WAY * 3 + Duration::from_millis(5) + ONE_WAY;
    let taken = connack + ONE_WAY + Duration::from_millis(5);
    let message = &outcome.messages[0];
    assert_eq!(message.published, SimTime::ZERO + connack);
    assert_eq!(message.accepted, Some(SimTime::ZERO + taken));
    assert_eq!(outcome.nodes[0].cpu_busy, Duration::from_millis(10), "CONNECT and PUBLISH");
}

/// A publish call of 5 s starves a watchdog of 3 s: the board is reset at every message, and nothing
/// is ever sent.
#[test]
fn a_task_that_starves_the_watchdog_resets_the_board() {
    let mut blueprint = Blueprint::default();
    blueprint.hosts.push(host("broker", board(Power::default()), ProgramCost::default(), broker(1883)));
    let plan_of_role = PublisherPlan {
        message: message(&mut blueprint, "a", QoS::AtLeastOnce),
        every: Duration::from_secs(10),
        count: None,
        ping_every: None,
        disconnect_after: None,
        once_a_connection: false,
        sample_ns: 0,
    };
    let start = SimTime::from_secs(1);
    let role = Role::Publisher(Publisher::new(Rc::new(plan_of_role), start, start));
    let program = client(1, "a", role, plan(), SimTime::ZERO);
    let watched =
        Board { watchdog_ns: Some(3_000_000_000), restart_ns: 500_000_000, ..board(Power::default()) };
    let cost = ProgramCost { publish_ns: 5_000_000_000, ..ProgramCost::default() };
    blueprint.hosts.push(host("a", watched, cost, program));
    let outcome = run(blueprint, 60);
    let resets =
        outcome.remarks.iter().find(|(words, _)| words.contains("watchdog")).map(|(_, times)| *times);
    // After 1, 11, ... 51 s, each with 3 s of CPU time.
    assert_eq!(resets, Some(6));
    assert_eq!(outcome.messages.iter().filter(|message| message.accepted.is_some()).count(), 0);
    assert_eq!(outcome.nodes[1].cpu_busy, Duration::from_secs(18));
}

#[test]
fn a_program_has_one_thread_and_serves_one_after_the_other() {
    let mut blueprint = Blueprint::default();
    let cost = ProgramCost { publish_ns: 8_000_000, ..ProgramCost::default() };
    blueprint.hosts.push(host("broker", board(Power::default()), cost, broker(1883)));
    for index in 1..=3 {
        let name = format!("client-{index}");
        let role = burst(message(&mut blueprint, &name, QoS::AtMostOnce));
        let program = client(index, &name, role, plan(), SimTime::ZERO);
        blueprint.hosts.push(host(&name, board(Power::default()), ProgramCost::default(), program));
    }
    let outcome = run(blueprint, 10);
    let mut accepted: Vec<SimTime> = outcome.messages.iter().map(|m| m.accepted.unwrap()).collect();
    accepted.sort();
    // All arrive at the same instant; each waits for those before it.
    let first = SimTime::ZERO + ONE_WAY * 5 + Duration::from_millis(8);
    assert_eq!(accepted, [0, 8, 16].map(|ms| first + Duration::from_millis(ms)));
}

#[test]
fn energy_and_cpu_time_go_to_the_packet_that_caused_them() {
    let mut blueprint = Blueprint::default();
    let mut power = Power { idle_uw: 2_000_000, ..Power::default() };
    power.active_uw[Component::Cpu as usize] = 1_000_000;
    let cost = ProgramCost {
        packet_ns: 1_000_000,
        publish_ns: 3_000_000,
        byte_ps: 2_000_000,
        ..ProgramCost::default()
    };
    blueprint.hosts.push(host("broker", board(Power::default()), ProgramCost::default(), broker(1883)));
    let role = burst(message(&mut blueprint, "a", QoS::AtLeastOnce));
    let program = client(1, "a", role, plan(), SimTime::ZERO);
    blueprint.hosts.push(host("a", board(power), cost, program));
    let node = &run(blueprint, 10).nodes[1];
    let joule = |cause: Cause| {
        node.energy_fj.iter().find(|(known, _)| *known == cause).map_or(0.0, |(_, fj)| *fj as f64 * 1e-15)
    };
    assert_eq!(joule(Cause::Idle), 20.0);
    // The publish call: 1 ms, 3 ms, and 500 B at 2 us each.
    assert!((joule(Cause::Publish) - 0.005).abs() < 1e-12);
    assert!((joule(Cause::Puback) - 0.001).abs() < 1e-12);
    assert!((joule(Cause::Connack) - 0.001).abs() < 1e-12);
    assert_eq!(node.cpu_busy, Duration::from_millis(8), "connecting takes the eighth");
}

#[test]
fn ram_is_what_programs_and_connections_hold_at_most() {
    let mut blueprint = Blueprint::default();
    let cost = ProgramCost { ram_static: 1_000_000, ram_per_connection: 10_000, ..ProgramCost::default() };
    blueprint.hosts.push(host("broker", board(Power::default()), cost, broker(1883)));
    for index in 1..=4 {
        let name = format!("client-{index}");
        let role = burst(message(&mut blueprint, &name, QoS::AtMostOnce));
        let at = SimTime::from_secs(u64::from(index));
        let program = client(index, &name, role, plan(), at);
        blueprint.hosts.push(host(&name, board(Power::default()), ProgramCost::default(), program));
    }
    let peak = run(blueprint, 10).nodes[0].ram_peak_bytes;
    assert!(peak >= 1_040_000, "{peak}");
    assert!(peak < 1_045_000, "{peak}: what passes through is small and goes again");
}

#[test]
fn nobody_listens_so_the_client_tries_again_and_waits_longer_each_time() {
    let mut blueprint = Blueprint::default();
    blueprint.hosts.push(host("broker", board(Power::default()), ProgramCost::default(), broker(1884)));
    let role = burst(message(&mut blueprint, "a", QoS::AtMostOnce));
    let program = client(1, "a", role, plan(), SimTime::ZERO);
    blueprint.hosts.push(host("a", board(Power::default()), ProgramCost::default(), program));
    let outcome = run(blueprint, 20);
    // At 0, 1, 3, 7, 11, 15, 19 s: 1 s, doubling to the limit of 4 s.
    assert_eq!(outcome.nodes[1].connections, 7);
    assert_eq!(outcome.remarks, [("TCP connection reset by the peer".to_owned(), 7)]);
    assert!(outcome.messages.is_empty(), "nothing is published without a connection");
}

#[test]
fn a_client_renews_its_connection_and_goes_on_publishing() {
    let mut blueprint = Blueprint::default();
    blueprint.hosts.push(host("broker", board(Power::default()), ProgramCost::default(), broker(1883)));
    let message = message(&mut blueprint, "a", QoS::AtLeastOnce);
    let every = Duration::from_secs(2);
    let publisher = PublisherPlan {
        message,
        every,
        count: Some(10),
        ping_every: None,
        disconnect_after: None,
        once_a_connection: false,
        sample_ns: 0,
    };
    let start = SimTime::from_secs(1);
    let role = Role::Publisher(Publisher::new(Rc::new(publisher), start, start));
    let renewing = ClientPlan { reconnect_every: Some(Duration::from_secs(6)), ..plan() };
    let program = client(1, "a", role, renewing, SimTime::ZERO);
    blueprint.hosts.push(host("a", board(Power::default()), ProgramCost::default(), program));
    let outcome = run(blueprint, 23);
    assert_eq!(outcome.nodes[1].connections, 4, "at 0, 6, 12 and 18 s");
    assert_eq!(outcome.messages.len(), 10);
    assert!(outcome.messages.iter().all(|message| message.accepted.is_some()));
    assert_eq!(outcome.mqtt_packets[13], 3, "every renewal says DISCONNECT");
}

#[test]
fn a_full_backlog_drops_the_syn_and_the_client_comes_back_a_second_later() {
    let mut blueprint = Blueprint::default();
    let cost = ProgramCost { connect_ns: 50_000_000, ..ProgramCost::default() };
    let program = BrokerProgram::new(Broker::new(BrokerConfig::standard()), 1883, Some(2));
    blueprint.hosts.push(host("broker", board(Power::default()), cost, Program::Broker(Box::new(program))));
    for index in 1..=4 {
        let name = format!("client-{index}");
        let role = burst(message(&mut blueprint, &name, QoS::AtMostOnce));
        let program = client(index, &name, role, plan(), SimTime::ZERO);
        blueprint.hosts.push(host(&name, board(Power::default()), ProgramCost::default(), program));
    }
    let outcome = run(blueprint, 10);
    let late = outcome.messages.iter().filter(|message| message.published > SimTime::from_secs(1)).count();
    assert_eq!(late, 2, "two of the four SYNs found no room");
    assert_eq!(outcome.remarks, [("SYN dropped because the listen backlog was full".to_owned(), 2)]);
    assert!(outcome.messages.iter().all(|message| message.accepted.is_some()));
}

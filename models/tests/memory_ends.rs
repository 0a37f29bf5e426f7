//! What becomes of programs that ask for memory that is not there, of boards that are reset, and what it
//! costs to look at a picture.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use models::app::{
    BrokerProgram, Camera, CameraPlan, ClientPlan, ClientProgram, Inference, Message, Program, Publisher,
    PublisherPlan, Role,
};
use models::cause::Cause;
use models::host::energy::{Component, Power, State};
use models::host::heap::HeapFigures;
use models::host::{Board, MemoryEnd, NodeNames, ProgramCost};
use models::mqtt::{Broker, BrokerConfig, Client, ClientConfig, QoS, TopicName};
use models::net::{Framing, LinkParameters, NodeIndex};
use models::network::{Blueprint, HostBlueprint, LinkBlueprint, Network};
use models::record::{HostIndex, NoProbe, NodeRecord, Outcome};
use models::stream::Payload;
use models::tcp::Config;
use sim_core::engine::Simulation;
use sim_core::time::SimTime;

/// Room for a session and for messages of 1 KB, not for those of 3 KB.
const SMALL: HeapFigures = HeapFigures {
    size: 8_192,
    limit: 65_536,
    block: 16,
    tables: 0.0,
    fragmented: 0.0,
    program: 4_096,
    session: 1_024,
    tls: 0,
    built: 0,
    copies: 1.0,
    objects: 160,
    subscribed: 0,
};

fn host(index: u32, name: &str, board: Board, cost: ProgramCost, program: Program) -> HostBlueprint {
    HostBlueprint {
        names: NodeNames { group: Arc::from(name), index: 0, fleet: false },
        board: Arc::new(board),
        cost: Arc::new(cost),
        tcp: Arc::new(Config::linux()),
        program,
        peer: (index > 0).then_some(HostIndex(0)),
    }
}

fn message(blueprint: &mut Blueprint, bytes: usize) -> Message {
    Message {
        topic: TopicName::new("a").unwrap(),
        ledger_topic: blueprint.ledger.topic("a"),
        payload: Payload::from(vec![1; bytes]),
        qos: QoS::AtLeastOnce,
        retain: false,
        expected: 0,
        properties: None,
    }
}

/// A client beside a broker for `end_s` seconds; its role is made of the blueprint.
fn run(
    role: impl FnOnce(&mut Blueprint) -> Role,
    config: ClientConfig,
    board: Board,
    cost: ProgramCost,
    end_s: u64,
) -> Outcome {
    let mut blueprint = Blueprint::default();
    let broker = BrokerProgram::new(Broker::new(BrokerConfig::standard()), 1883, None);
    let (free, broker) = (ProgramCost::default(), Program::Broker(Box::new(broker)));
    blueprint.hosts.push(host(0, "broker", Board::ideal(), free, broker));
    let plan = ClientPlan {
        back_off_factor: 1.0,
        back_off_limit: Duration::from_secs(1),
        ..ClientPlan::new(HostIndex(0))
    };
    let role = role(&mut blueprint);
    let client = ClientProgram::new(HostIndex(1), Client::new(config), role, Rc::new(plan), SimTime::ZERO);
    blueprint.hosts.push(host(1, "a", board, cost, Program::Client(Box::new(client))));
    blueprint.parameters = vec![LinkParameters {
        rate_bps: None,
        propagation: Duration::from_millis(1),
        mtu: 1500,
        queue_bytes: None,
        framing: Framing::Ethernet,
        impairment: None,
    }];
    let name = "a-broker".to_owned();
    let ends = (NodeIndex(1), NodeIndex(0));
    blueprint.links.push(LinkBlueprint { ends, parameters: (0, 0), trouble: None, name });
    let mut simulation = Simulation::new(Network::build(blueprint, NoProbe).unwrap());
    let (network, scheduler) = simulation.parts_mut();
    network.start(scheduler);
    let end = SimTime::from_secs(end_s);
    simulation.run_until(end);
    simulation.world.outcome(SimTime::ZERO, end, simulation.events())
}

/// A reading of `bytes` after 1, 11, 21, ... s.
fn readings(bytes: usize) -> impl FnOnce(&mut Blueprint) -> Role {
    move |blueprint| {
        let plan = PublisherPlan {
            message: message(blueprint, bytes),
            every: Duration::from_secs(10),
            count: None,
            ping_every: None,
            disconnect_after: None,
            once_a_connection: false,
            sample_ns: 0,
        };
        let start = SimTime::from_secs(1);
        Role::Publisher(Publisher::new(Rc::new(plan), start, start))
    }
}

/// A board that boots in 2 s and draws 1 W meanwhile, 0.5 W else.
fn board() -> Board {
    let mut power = Power { idle_uw: 500_000, ..Power::default() };
    power.asleep_uw[State::Booting as usize] = 1_000_000;
    Board { power, restart_ns: 2_000_000_000, ..Board::ideal() }
}

fn with_small_heap(end: MemoryEnd, bytes: usize) -> Outcome {
    let cost = ProgramCost { heap: Some(SMALL), memory_end: end, ..ProgramCost::default() };
    run(readings(bytes), ClientConfig::new("a"), board(), cost, 60)
}

fn remarks(outcome: &Outcome, start: &str) -> u64 {
    outcome.remarks.iter().find(|(words, _)| words.starts_with(start)).map_or(0, |(_, times)| *times)
}

fn accepted(outcome: &Outcome) -> usize {
    outcome.messages.iter().filter(|message| message.accepted.is_some()).count()
}

fn millijoule(node: &NodeRecord, cause: Cause) -> u128 {
    node.energy_fj.iter().find(|(known, _)| *known == cause).map_or(0, |(_, fj)| fj / 1_000_000_000_000)
}

#[test]
fn what_fits_goes_whatever_the_end_would_be() {
    for end in [MemoryEnd::Refuse, MemoryEnd::Drop, MemoryEnd::Exit, MemoryEnd::Reboot] {
        let outcome = with_small_heap(end, 1_000);
        assert_eq!(accepted(&outcome), 6, "{end:?}: at 1, 11, ... 51 s");
        assert!(outcome.remarks.is_empty(), "{end:?}: {:?}", outcome.remarks);
    }
}

#[test]
fn refused_calls_fail_and_the_program_knows() {
    let outcome = with_small_heap(MemoryEnd::Refuse, 3_000);
    assert_eq!((outcome.messages.len(), accepted(&outcome)), (6, 0));
    assert_eq!(remarks(&outcome, "out of memory"), 6);
    assert_eq!(remarks(&outcome, "publish call failed"), 6);
    assert_eq!(outcome.nodes[1].connections, 1, "it stays connected");
}

#[test]
fn dropped_messages_go_without_a_word() {
    let outcome = with_small_heap(MemoryEnd::Drop, 3_000);
    assert_eq!((outcome.messages.len(), accepted(&outcome)), (6, 0));
    assert_eq!(remarks(&outcome, "out of memory"), 6);
    assert_eq!(remarks(&outcome, "publish call failed"), 0);
    assert_eq!(outcome.nodes[1].connections, 1, "it stays connected");
}

/// A library with one buffer and no heap drops what the buffer cannot hold.
#[test]
fn a_buffer_is_a_memory_that_can_end() {
    for (end, memory, call) in [(MemoryEnd::Drop, 6, 0), (MemoryEnd::Refuse, 0, 6)] {
        let mut config = ClientConfig::new("a");
        config.buffer_bytes = 256;
        let cost = ProgramCost { memory_end: end, ..ProgramCost::default() };
        let outcome = run(readings(300), config, board(), cost, 60);
        assert_eq!((outcome.messages.len(), accepted(&outcome)), (6, 0));
        assert_eq!(remarks(&outcome, "out of memory"), memory, "{end:?}");
        assert_eq!(remarks(&outcome, "publish call failed"), call, "{end:?}");
    }
}

#[test]
fn an_exception_that_nobody_catches_ends_the_program() {
    let outcome = with_small_heap(MemoryEnd::Exit, 3_000);
    assert_eq!(outcome.messages.len(), 1, "the first call is the last");
    assert_eq!(remarks(&outcome, "out of memory"), 1);
    assert_eq!(outcome.nodes[1].connections, 1);
    assert_eq!(millijoule(&outcome.nodes[1], Cause::Idle), 30_000, "the board stays on");
}

#[test]
fn a_reset_boots_the_board_and_the_program_begins_anew() {
    let outcome = with_small_heap(MemoryEnd::Reboot, 3_000);
    let resets = remarks(&outcome, "out of memory");
    let node = &outcome.nodes[1];
    assert!(resets >= 5, "{resets}");
    assert_eq!(outcome.messages.len() as u64, resets);
    assert_eq!(node.connections, resets + 1, "one at first");
    // Each boot takes 2 s at 1 W, and is not idle time.
    let booting_ms = 2_000 * u128::from(resets);
    assert_eq!(millijoule(node, Cause::Boot), booting_ms);
    assert_eq!(millijoule(node, Cause::Idle), (60_000 - booting_ms) / 2);
}

/// The task that starves the watchdog is cut off after 3 s; the board boots from then on.
#[test]
fn a_watchdog_boots_the_board_when_the_task_is_cut_off() {
    let watched = Board { watchdog_ns: Some(3_000_000_000), ..board() };
    let cost = ProgramCost { publish_ns: 5_000_000_000, ..ProgramCost::default() };
    let outcome = run(readings(100), ClientConfig::new("a"), watched, cost, 9);
    let node = &outcome.nodes[1];
    assert_eq!(remarks(&outcome, "board reset"), 1);
    assert_eq!(millijoule(node, Cause::Boot), 2_000, "from 4 s to 6 s");
    assert_eq!(millijoule(node, Cause::Idle), 3_500);
}

const LOOK: Duration = Duration::from_millis(200);

/// Four pictures, a second apart, with labels of 20 B; a core draws 1 W, an accelerator 2 W.
fn looked_at(inference: Inference) -> Outcome {
    let mut power = Power { idle_uw: 500_000, ..Power::default() };
    power.active_uw[Component::Cpu as usize] = 1_000_000;
    power.active_uw[Component::Accelerator as usize] = 2_000_000;
    let role = |blueprint: &mut Blueprint| {
        let labels = Some(message(blueprint, 20));
        let plan = CameraPlan {
            message: message(blueprint, 5_000),
            every: Duration::from_secs(1),
            count: Some(4),
            capture: Duration::ZERO,
            inference: Some(inference),
            labels,
        };
        Role::Camera(Camera::new(Rc::new(plan), SimTime::from_secs(1)))
    };
    let board = Board { power, cores: 2, ..Board::ideal() };
    run(role, ClientConfig::new("a"), board, ProgramCost::default(), 10)
}

#[test]
fn looking_takes_its_time_and_its_energy_where_it_is_done() {
    let (core, accelerator) = (Component::Cpu, Component::Accelerator);
    for (inference, due) in [
        (Inference::InThread(200_000_000), 800),
        (Inference::Beside(core, LOOK), 800),
        (Inference::Beside(accelerator, LOOK), 1_600),
    ] {
        let outcome = looked_at(inference);
        assert_eq!(outcome.messages.len(), 4, "labels only: {inference:?}");
        for message in &outcome.messages {
            assert_eq!(message.bytes, 20);
            let took = message.accepted.unwrap().saturating_since(message.published);
            assert_eq!(took, LOOK + Duration::from_millis(1), "{inference:?}");
        }
        assert_eq!(millijoule(&outcome.nodes[1], Cause::Inference), due, "{inference:?}");
    }
}

/// The image goes first: with 5 kB, one round trip to its PUBACK. Then the service's time, then labels.
#[test]
fn a_service_costs_the_image_and_a_wait_but_no_energy_for_looking() {
    let outcome = looked_at(Inference::Service(LOOK));
    let labels: Vec<_> = outcome.messages.iter().filter(|message| message.bytes == 20).collect();
    assert_eq!((outcome.messages.len(), labels.len()), (8, 4));
    for message in labels {
        let took = message.accepted.unwrap().saturating_since(message.published);
        assert_eq!(took, Duration::from_millis(2) + LOOK + Duration::from_millis(1));
    }
    assert_eq!(millijoule(&outcome.nodes[1], Cause::Inference), 0);
}

/// Pictures that come faster than they can be looked at wait for each other.
#[test]
fn one_is_looked_at_after_the_other() {
    let outcome = looked_at(Inference::Beside(Component::Accelerator, Duration::from_millis(1_500)));
    let took: Vec<_> =
        outcome.messages.iter().map(|m| m.accepted.unwrap().saturating_since(m.published)).collect();
    assert_eq!(took, [1_501, 2_001, 2_501, 3_001].map(Duration::from_millis));
}

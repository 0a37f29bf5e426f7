//! A fleet without a scenario file: the whole stack in the smallest program that has it, for profilers.
//!
//! `valgrind --tool=callgrind target/release/examples/fleet burst 5000 10` is workload C5k by hand (clients and
//! QoS 2 exchanges), `fleet idle 1000 60` workload D1h (clients and rounds), `fleet bulk 1 1000` workload
//! B1000 (publishers, their images, and a subscriber). It prints hops, events and the fingerprint, which is
//! the same however the program was built.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use models::app::{
    BrokerProgram, Burst, BurstPlan, ClientPlan, ClientProgram, Message, Program, Publisher, PublisherPlan,
    Role, Subscriber, SubscriberPlan,
};
use models::host::energy::{Power, STATES};
use models::host::{Board, NodeNames, ProgramCost};
use models::mqtt::client::IdentifierPart;
use models::mqtt::{
    Broker, BrokerConfig, Client, ClientConfig, QoS, SubscriptionOptions, TopicFilter, TopicName,
};
use models::net::{Framing, Impairment, LinkParameters, Loss, NodeIndex};
use models::network::{Blueprint, HostBlueprint, LinkBlueprint, Network};
use models::record::{HostIndex, NoProbe};
use models::stream::Payload;
use models::tcp::Config;
use sim_core::engine::Simulation;
use sim_core::time::SimTime;

/// The role of a client, by its number, its message and the rounds.
type MakeRole = fn(u32, &Message, u32) -> Role;

/// What a workload consists of.
struct Load {
    /// Of frames on the access links.
    loss: f64,
    payload: usize,
    role: MakeRole,
    /// Whether there is one client more, who subscribes.
    subscriber: bool,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize| words.get(place).map(|word: &String| word.parse().expect("a number"));
    let (clients, rounds) = (number(1).unwrap_or(500), number(2).unwrap_or(1));
    let load = match words.first().map(String::as_str) {
        Some("burst") | None => Load { loss: 0.01, payload: 588, role: burst, subscriber: false },
        Some("idle") => Load { loss: 0.0, payload: 588, role: idle, subscriber: false },
        Some("bulk") => Load { loss: 0.0, payload: 209_469, role: bulk, subscriber: true },
        Some(other) => panic!("`burst`, `idle` or `bulk`, not {other}"),
    };
    let blueprint = fleet(clients, rounds, &load);
    let mut simulation = Simulation::new(Network::build(blueprint, NoProbe).expect("all hosts are linked"));
    let (network, scheduler) = simulation.parts_mut();
    network.start(scheduler);
    simulation.run_until(SimTime::from_secs(200 + 60 * u64::from(rounds)));
    let (end, events) = (simulation.now(), simulation.events());
    let outcome = simulation.world.outcome(SimTime::ZERO, end, events);
    let messages = outcome.messages.iter().filter(|message| message.accepted.is_some()).count();
    println!("{} hops, {events} events, {messages} messages, {:032x}", outcome.tcp.hops, outcome.fingerprint);
}

fn burst(_: u32, message: &Message, rounds: u32) -> Role {
    let message = Message { qos: QoS::ExactlyOnce, ..message.clone() };
    let plan = BurstPlan { message, count: rounds, one_at_a_time: true, then_disconnect: true };
    Role::Burst(Burst::new(Rc::new(plan)))
}

fn idle(client: u32, message: &Message, rounds: u32) -> Role {
    let every = Duration::from_secs(60);
    let plan = PublisherPlan {
        message: message.clone(),
        every,
        count: Some(rounds),
        ping_every: Some(every),
        disconnect_after: None,
        once_a_connection: false,
        sample_ns: 0,
    };
    let ping = SimTime::from_millis(60_000 + 60 * u64::from(client));
    Role::Publisher(Publisher::new(Rc::new(plan), ping + every / 2, ping))
}

fn bulk(_: u32, message: &Message, rounds: u32) -> Role {
    let plan = PublisherPlan {
        message: message.clone(),
        every: Duration::from_secs(10),
        count: Some(rounds),
        ping_every: None,
        disconnect_after: None,
        once_a_connection: false,
        sample_ns: 0,
    };
    Role::Publisher(Publisher::new(Rc::new(plan), SimTime::from_secs(2), SimTime::MAX))
}

fn subscriber() -> Role {
    let filter = TopicFilter::new("alert").expect("a Topic Filter");
    let options = SubscriptionOptions::from(QoS::AtLeastOnce);
    Role::Subscriber(Subscriber::new(Arc::new(SubscriberPlan {
        filters: vec![(filter, options)],
        identifier: 0,
    })))
}

/// The star of the workloads: access links of 10 Mbit/s and 2 ms, a server link of 100 Mbit/s and 1 ms.
fn fleet(clients: u32, rounds: u32, load: &Load) -> Blueprint {
    let all = clients + u32::from(load.subscriber);
    let link = |rate_bps, ms, loss: f64| LinkParameters {
        rate_bps: Some(rate_bps),
        propagation: Duration::from_millis(ms),
        mtu: 1500,
        queue_bytes: None,
        framing: Framing::PointToPoint,
        impairment: (loss > 0.0)
            .then(|| Arc::new(Impairment { loss: Loss::independent(loss), ..Impairment::default() })),
    };
    let mut blueprint = Blueprint {
        forwarders: 1,
        parameters: vec![link(100_000_000, 1, 0.0), link(10_000_000, 2, load.loss)],
        seed: 1,
        ..Blueprint::default()
    };
    let message = Message {
        topic: TopicName::new("alert").expect("a Topic Name"),
        ledger_topic: blueprint.ledger.topic("alert"),
        payload: Payload::from(vec![1; load.payload]),
        qos: QoS::AtLeastOnce,
        retain: false,
        expected: u32::from(load.subscriber),
        properties: None,
    };
    let tcp = Arc::new(Config::rfc());
    let broker = BrokerProgram::new(Broker::new(BrokerConfig::standard()), 1883, None);
    let broker = Program::Broker(Box::new(broker));
    let cost = |us: u64| ProgramCost {
        packet_ns: 1_000 * us,
        publish_ns: 2_000 * us,
        connect_ns: 10_000 * us,
        ..ProgramCost::default()
    };
    let active_uw = [575_000, 700_000, 300_000, 0, 0];
    let power = Power { idle_uw: 1_400_000, active_uw, asleep_uw: [0; STATES] };
    let pi = Board { cores: 4, segment_ns: 9_000, transmit_ps_per_byte: 160_000, power, ..Board::ideal() };
    let host =
        |group: &str, index, board: &Arc<Board>, cost: &Arc<ProgramCost>, program, peer| HostBlueprint {
            names: NodeNames { group: Arc::from(group), index, fleet: true },
            board: board.clone(),
            cost: cost.clone(),
            tcp: tcp.clone(),
            program,
            peer,
        };
    let (server, pi) = (Arc::new(Board { segment_ns: 3_000, ..pi.clone() }), Arc::new(pi));
    let (server_cost, pi_cost) = (Arc::new(cost(10)), Arc::new(cost(90)));
    blueprint.hosts.push(host("server", 0, &server, &server_cost, broker, None));
    let plan =
        Rc::new(ClientPlan { back_off_limit: Duration::from_secs(4), ..ClientPlan::new(HostIndex(0)) });
    let hub = NodeIndex(all + 1);
    let joined = |place: u32, parameters| LinkBlueprint {
        ends: (NodeIndex(place), hub),
        parameters: (parameters, parameters),
        trouble: None,
        name: format!("link-{place}"),
    };
    blueprint.links.push(joined(0, 0));
    let parts = [IdentifierPart::Text("client-".into()), IdentifierPart::Number(9)];
    let config = ClientConfig { keep_alive_s: 0, ..ClientConfig::new("") };
    let config = Rc::new(ClientConfig { client_identifier: parts.into_iter().collect(), ..config });
    for client in 1..=all {
        let connect_at = SimTime::from_millis(1_000);
        let role = if client > clients { subscriber() } else { (load.role)(client, &message, rounds) };
        let program = ClientProgram::new(
            HostIndex(client),
            Client::member(config.clone(), client),
            role,
            plan.clone(),
            connect_at,
        );
        let program = Program::Client(Box::new(program));
        blueprint.hosts.push(host("client", client - 1, &pi, &pi_cost, program, Some(HostIndex(0))));
        blueprint.links.push(joined(client, 1));
    }
    blueprint
}

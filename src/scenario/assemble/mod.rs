//! From a checked scenario to the blueprint of a network.
//!
//! Nothing is decided here: names become numbers, figures become the integers that the models
//! compute with, a fleet becomes its members.

mod alert;
mod audience;
mod bridge;
mod client;
mod link;
mod power;
mod properties;
mod tls;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use models::app::{BrokerProgram, Crash, Program, ServicePlan, ServiceProgram};
use models::host::energy::{Component, Power};
use models::host::heap::HeapFigures;
use models::host::{Board, NodeNames, ProgramCost};
use models::mqtt::Broker;
use models::network::{Blueprint, HostBlueprint};
use models::profile;
use models::record::HostIndex;
use models::tcp::{Config, CongestionControl};
use sim_core::random::Streams;
use sim_core::time::SimTime;

use super::load::{self, End, Group, Loaded};
use super::schema::{Role, Tcp};

/// Which numbers the hosts of each group have: nodes count hosts first, then what forwards.
pub(super) struct Numbering {
    first: Vec<u32>,
    hosts: u32,
}

impl Numbering {
    fn of(loaded: &Loaded) -> Self {
        let mut hosts = 0;
        let first = loaded
            .groups
            .iter()
            .map(|group| {
                let first = hosts;
                hosts += group.count;
                first
            })
            .collect();
        Numbering { first, hosts }
    }

    /// The first host of a group.
    fn host(&self, group: usize) -> HostIndex {
        HostIndex(self.first[group])
    }
}

/// Builds the blueprint of `loaded` for one run.
#[must_use]
pub fn blueprint(loaded: &Loaded, seed: u64, run: u64) -> Blueprint {
    let numbering = Numbering::of(loaded);
    let mut blueprint = Blueprint { seed, run, ..Blueprint::default() };
    let streams = Streams::new(seed, run);
    let audience = audience::Audience::of(loaded);
    blueprint.hosts.reserve_exact(numbering.hosts as usize);
    for (place, group) in loaded.groups.iter().enumerate() {
        let kit = Kit::of(loaded, place, group);
        let security = tls::security(loaded, group);
        let mut members = client::Members::new((place, group), &numbering, &audience, &streams);
        for index in 0..group.count {
            let number = HostIndex(numbering.first[place] + index);
            let (program, peer) = match (&mut members, &group.broker) {
                (Some(members), _) => members.program(number, index, &mut blueprint.ledger),
                (None, Some(settings)) => {
                    let program = broker(settings, group);
                    let program = bridge::build(program, loaded, group, &numbering, &streams);
                    (Program::Broker(Box::new(program)), None)
                }
                (None, None) => (service(group), None),
            };
            let program = match &security {
                Some(security) => program.secured(security.clone()),
                None => program,
            };
            blueprint.hosts.push(HostBlueprint {
                names: NodeNames { group: group.name.clone(), index, fleet: group.count > 1 },
                board: kit.board.clone(),
                cost: kit.cost.clone(),
                tcp: kit.tcp.clone(),
                program,
                peer,
            });
        }
    }
    blueprint.forwarders = loaded.forwarding.len() as u32;
    link::add_links(loaded, &numbering, &mut blueprint);
    blueprint.frame_faults.clone_from(&loaded.frame_faults);
    blueprint
}

/// What all members of a group share.
struct Kit {
    board: Arc<Board>,
    cost: Arc<ProgramCost>,
    tcp: Arc<Config>,
}

impl Kit {
    fn of(loaded: &Loaded, place: usize, group: &Group) -> Self {
        let (board, software) = (&group.board, &group.software);
        let scaled = |time: Duration| (time.as_nanos() as f64 * board.cpu_factor).round() as u64;
        let cost = ProgramCost {
            packet_ns: scaled(software.packet),
            publish_ns: scaled(software.publish),
            byte_ps: (software.per_byte_ns * board.cpu_factor * 1e3).round() as u64,
            connect_ns: scaled(software.connect),
            ram_static: software.ram_static_bytes,
            ram_per_connection: software.ram_per_connection_bytes,
            heap: software.heap.as_ref().map(heap_figures),
            tls: group.client.as_ref().is_some_and(|client| client.tls.is_some()),
            memory_end: power::memory_end(software.out_of_memory),
        };
        Kit {
            board: Arc::new(power::fed(board_of(board), group)),
            cost: Arc::new(cost),
            tcp: Arc::new(tcp_config(group.stack, &group.tcp, access_mtu(loaded, place))),
        }
    }
}

/// MTU of a group's first link: what its interface, and so its MSS, is made for.
fn access_mtu(loaded: &Loaded, group: usize) -> u32 {
    let own = |link: &&load::PlannedLink| link.from == End::Group(group) || link.to == End::Group(group);
    loaded.links.iter().find(own).map_or(1500, |link| link.mtu_bytes)
}

/// A software profile's heap as the model wants it.
#[must_use]
pub fn heap_figures(heap: &profile::Heap) -> HeapFigures {
    let profile::Heap { size, limit, block, tables, fragmented, program, session, .. } = *heap;
    let profile::Heap { tls, built, copies, objects, subscribed, .. } = *heap;
    HeapFigures {
        size,
        limit,
        block,
        tables,
        fragmented,
        program,
        session,
        tls,
        built,
        copies,
        objects,
        subscribed,
    }
}

/// Microwatt of a power in watt.
fn microwatt(watts: f64) -> u64 {
    (watts * 1e6).round() as u64
}

fn board_of(board: &profile::Board) -> Board {
    let mut power = Power { idle_uw: microwatt(board.idle_w), ..Power::default() };
    power.active_uw[Component::Cpu as usize] = microwatt(board.cpu_active_w);
    power.active_uw[Component::Transmit as usize] = microwatt(board.network.tx_w);
    power.active_uw[Component::Receive as usize] = microwatt(board.network.rx_w);
    power.active_uw[Component::Camera as usize] = microwatt(board.camera_w);
    power.active_uw[Component::Accelerator as usize] =
        board.inference.map_or(0, |(_, watts)| microwatt(watts));
    Board {
        name: board.name.clone(),
        cores: board.cores,
        ram_bytes: board.ram_bytes,
        power,
        transmit_ps_per_byte: (board.network.host_tx_ns_per_byte * 1e3).round() as u64,
        receive_ps_per_byte: (board.network.host_rx_ns_per_byte * 1e3).round() as u64,
        segment_ns: board.segment.as_nanos() as u64,
        ..Board::ideal()
    }
}

/// TCP as the stack has it, with the scenario's changes.
fn tcp_config(stack: profile::Stack, changes: &Tcp, mtu: u32) -> Config {
    let mut config = match stack {
        profile::Stack::Linux => Config::linux(),
        profile::Stack::Linux5 => Config::linux_5(),
        profile::Stack::Rfc => Config::rfc(),
        profile::Stack::Ns3 => ns3(),
        profile::Stack::Lwip => Config::lwip(),
        profile::Stack::Lwip1460 => Config::lwip().with_segments_of(1_460),
        profile::Stack::Lwip14 => Config::lwip_1_4(),
        profile::Stack::W5500 => Config::w5500(),
        profile::Stack::Arduino => Config::arduino(),
    };
    // RFC 9293 §3.7.1: the MSS is the MTU less the fixed IP and TCP headers.
    config.mss = config.mss.min((mtu - 40) as u16);
    let spans = [
        (&mut config.min_rto, changes.min_rto),
        (&mut config.initial_rto, changes.initial_rto),
        (&mut config.syn_rto, changes.syn_rto),
        (&mut config.delayed_ack, changes.delayed_ack),
    ];
    for (value, change) in spans {
        *value = change.map_or(*value, |span| span.0);
    }
    config.congestion = match changes.congestion {
        Some(profile::Congestion::NewReno) => CongestionControl::NewReno,
        Some(profile::Congestion::Cubic) => CongestionControl::Cubic,
        None => config.congestion,
    };
    config.sack = changes.sack.unwrap_or(config.sack);
    config.timestamps = changes.timestamps.unwrap_or(config.timestamps);
    config.window_scale = changes.window_scale.or(config.window_scale);
    config.initial_window_segments = changes.initial_window.unwrap_or(config.initial_window_segments);
    config.delayed_ack_segments =
        changes.delayed_ack_segments.map_or(config.delayed_ack_segments, |segments| segments as u8);
    config.nagle = changes.nagle.unwrap_or(config.nagle);
    if changes.quickack == Some(false) {
        config.quickack_segments = 0;
    }
    config.mtu_probing = changes.mtu_probing.unwrap_or(config.mtu_probing);
    config.sockets = changes.sockets.or(config.sockets);
    config.mss = changes.mss.map_or(config.mss, |mss| mss.0 as u16);
    config
}

/// TCP as the side-by-side workloads ask for it: ns-3's defaults with 1,448 bytes of data a segment.
fn ns3() -> Config {
    Config { timestamps: true, mss: 1460, nagle: false, time_wait: Duration::from_secs(1), ..Config::rfc() }
}

/// A group that is neither a broker nor a client.
fn service(group: &Group) -> Program {
    let Role::Service(role) = &group.role else { unreachable!("a group is a broker or has a client") };
    let plan = ServicePlan::new(role.port, role.latency.0, role.answer.0 as usize);
    Program::Service(Box::new(ServiceProgram::new(Rc::new(plan))))
}

fn broker(settings: &load::Broker, group: &Group) -> BrokerProgram {
    let machine = Broker::new(settings.config.clone());
    let crashes = group.crashes.iter().map(|crash| {
        let at = SimTime::ZERO + crash.at;
        Crash { at, up_at: at + crash.down_for, memory: crash.memory }
    });
    let program = BrokerProgram::new(machine, settings.port, settings.listen_backlog);
    program.with_crashes(crashes)
}

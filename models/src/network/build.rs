//! From a checked description to a network that is ready to run.

use std::fmt;
use std::sync::Arc;

use sim_core::fingerprint::Fingerprint;
use sim_core::random::Streams;
use slab::Slab;

use super::Network;
use super::cell::{self, CellBlueprint, Membership};
use super::fabric::Fabric;
use super::frame_fault::FrameFault;
use super::names::Names;
use super::outside::Outside;
use super::packets::Packets;
use super::path_mtu::{self, Narrow};
use super::routes::{self, Found};
use crate::app::Program;
use crate::host::{Board, Host, Kit, NodeNames, ProgramCost, Remark};
use crate::ledger::Ledger;
use crate::net::{
    Channel, Direction, LinkParameters, LinkState, Nat, NatRules, NodeIndex, Outage, Radio, RadioTimes,
};
use crate::record::{HostIndex, Probe, TcpTotals};
use crate::tcp::Config;

/// A host to be built.
#[derive(Clone, Debug)]
pub struct HostBlueprint {
    /// What it is called.
    pub names: NodeNames,
    /// Its board.
    pub board: Arc<Board>,
    /// What its program's work costs there.
    pub cost: Arc<ProgramCost>,
    /// Its TCP.
    pub tcp: Arc<Config>,
    /// Its program.
    pub program: Program,
    /// The host it opens connections to, if it does.
    pub peer: Option<HostIndex>,
}

/// A full-duplex link to be built.
#[derive(Clone, Debug)]
pub struct LinkBlueprint {
    /// Its ends: hosts come first in the numbering of nodes, then forwarding nodes.
    pub ends: (NodeIndex, NodeIndex),
    /// Places in [`Blueprint::parameters`] of the way from the first end to the second, and back.
    pub parameters: (u32, u32),
    /// Name of the link's random streams.
    pub name: String,
    /// What happens on this link alone, if anything does.
    pub trouble: Option<Box<LinkTrouble>>,
}

/// Faults and state of one link.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct LinkTrouble {
    /// Outages of the way from the first end to the second, and of the way back.
    pub outages: (Vec<Outage>, Vec<Outage>),
    /// The radio, if it has to be promoted.
    pub radio: Option<RadioTimes>,
    /// The middlebox on the link.
    pub nat: Option<NatRules>,
    /// Whether a router before it drops in silence what is longer than its MTU.
    pub mtu_black_hole: bool,
    /// The WiFi cell that it is part of: its first end is the station, its second the access point.
    pub wifi: Option<Membership>,
}

/// All that a network is built from.
#[derive(Clone, Debug, Default)]
pub struct Blueprint {
    /// Hosts.
    pub hosts: Vec<HostBlueprint>,
    /// Number of switches and routers.
    pub forwarders: u32,
    /// Links.
    pub links: Vec<LinkBlueprint>,
    /// Link parameters; many links share one entry.
    pub parameters: Vec<LinkParameters>,
    /// WiFi cells.
    pub cells: Vec<CellBlueprint>,
    /// What happens to single frames.
    pub frame_faults: Vec<FrameFault>,
    /// Topic Names, as roles refer to them.
    pub ledger: Ledger,
    /// Seed of the scenario.
    pub seed: u64,
    /// Number of the run.
    pub run: u64,
}

/// A description that makes no network.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BuildError {
    /// A host has no path to its peer.
    Unreachable {
        /// The host.
        host: HostIndex,
        /// Its peer.
        peer: HostIndex,
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::Unreachable { host, peer } => {
                write!(f, "no path of links leads from host {} to host {}", host.0, peer.0)
            }
        }
    }
}

impl std::error::Error for BuildError {}

impl<P: Probe> Network<P> {
    /// Builds the network.
    ///
    /// # Errors
    /// When a host cannot reach its peer.
    pub fn build(blueprint: Blueprint, probe: P) -> Result<Self, BuildError> {
        let streams = Streams::new(blueprint.seed, blueprint.run);
        let Found { routes, route_of, bridge_routes } = routes::find(&blueprint)?;
        let link_headers = link_headers(&blueprint);
        let narrow = path_mtu::narrow(&blueprint, &routes);
        let Links { mut directions, channels, links } = links(&blueprint, &streams, &narrow);
        let (cells, ports) = cell::build(&blueprint, &streams, &mut directions);
        let fabric = Fabric {
            directions,
            parameters: blueprint.parameters,
            channels,
            links,
            cells,
            ports,
            routes,
            narrow,
            swallowed: 0,
            route_of,
            bridge_routes,
            next_port: vec![0; blueprint.hosts.len()],
            flows: Slab::new(),
            packets: Packets::default(),
            ledger: blueprint.ledger,
            totals: TcpTotals::default(),
            mqtt_packets: [0; 15],
            remarks: [0; Remark::ALL.len()],
            refused: [0; 3],
            sequence_keys: blueprint
                .hosts
                .iter()
                .map(|host| {
                    streams.stream_indexed(&host.names.group, u64::from(host.names.index)).below(u64::MAX)
                })
                .collect(),
            serial: 0,
            frame_faults: blueprint.frame_faults,
            outside: Outside::default(),
            probe,
        };
        let mut names = Names::default();
        let mut hosts = Vec::with_capacity(blueprint.hosts.len());
        let mut last: Option<Arc<Kit>> = None;
        for (place, host) in blueprint.hosts.into_iter().enumerate() {
            names.push(host.names);
            let index = HostIndex(place as u32);
            let (board, cost, tcp) = (host.board, host.cost, host.tcp);
            let own = Kit { board, cost, tcp, link_header: link_headers[place] };
            let kit = last.filter(|last| last.is_same(&own)).unwrap_or_else(|| Arc::new(own));
            hosts.push(Host::new(index, kit.clone(), host.program));
            last = Some(kit);
        }
        Ok(Network { hosts, fabric, fingerprint: Fingerprint::new(), names })
    }
}

/// The directions of all links and what belongs to them.
struct Links {
    directions: Vec<Direction>,
    channels: Vec<Channel>,
    links: Vec<LinkState>,
}

/// Gives a channel to every direction that needs one.
fn links(blueprint: &Blueprint, streams: &Streams, narrow: &[Narrow]) -> Links {
    let mut built = Links {
        directions: Vec::with_capacity(2 * blueprint.links.len()),
        channels: Vec::new(),
        links: Vec::new(),
    };
    for link in &blueprint.links {
        let trouble = link.trouble.as_deref();
        if trouble.is_some_and(|trouble| trouble.wifi.is_some()) {
            let plain = |parameters| Direction::new(parameters, u32::MAX);
            built.directions.extend([plain(link.parameters.0), plain(link.parameters.1)]);
            continue;
        }
        let (radio, nat) = (trouble.and_then(|t| t.radio), trouble.and_then(|t| t.nat));
        let shared = if radio.is_some() || nat.is_some() {
            built.links.push(LinkState { radio: radio.map(Radio::new), nat: nat.map(Nat::new) });
            (built.links.len() - 1) as u32
        } else {
            u32::MAX
        };
        let outages = trouble.map(|trouble| trouble.outages.clone()).unwrap_or_default();
        let ways = [("up", link.parameters.0, outages.0), ("down", link.parameters.1, outages.1)];
        for (way, parameters, outages) in ways {
            let impairment = blueprint.parameters[parameters as usize].impairment.as_ref();
            let number = built.directions.len() as u32;
            let channel = if impairment.is_some()
                || !outages.is_empty()
                || shared != u32::MAX
                || path_mtu::is_narrow(narrow, number)
            {
                let impairment = impairment.cloned().unwrap_or_default();
                let stream = |purpose: &str| streams.stream(&format!("{purpose}/{}/{way}", link.name));
                built.channels.push(Channel::new(impairment, outages, shared, &stream));
                (built.channels.len() - 1) as u32
            } else {
                u32::MAX
            };
            built.directions.push(Direction::new(parameters, channel));
        }
    }
    built
}

/// Link header of each host's first link, which is what its interface puts before a packet.
fn link_headers(blueprint: &Blueprint) -> Vec<u32> {
    let mut headers = vec![0; blueprint.hosts.len()];
    for link in blueprint.links.iter().rev() {
        for end in [link.ends.0, link.ends.1] {
            if let Some(header) = headers.get_mut(end.0 as usize) {
                *header = blueprint.parameters[link.parameters.0 as usize].framing.header_len();
            }
        }
    }
    headers
}

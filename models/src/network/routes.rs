//! Which links lead from whom to whom: found once, before the run.

use std::collections::BTreeMap;

use super::build::{Blueprint, BuildError};
use crate::app::Program;
use crate::host::socket::End;
use crate::net::{NodeIndex, RouteError, Topology};
use crate::record::HostIndex;

/// Routes by number. Their directions stand in one row, so that a fleet's take a few bytes each.
#[derive(Clone, Debug, Default)]
pub(super) struct Routes {
    directions: Vec<u32>,
    /// Where each route ends in the row, and the next begins.
    ends: Vec<u32>,
}

impl Routes {
    /// Adds a route and tells its number.
    fn push(&mut self, route: &[u32]) -> u32 {
        self.directions.extend_from_slice(route);
        self.ends.push(self.directions.len() as u32);
        self.ends.len() as u32 - 1
    }

    /// The directions of a route, in order.
    #[inline]
    pub(super) fn get(&self, number: u32) -> &[u32] {
        let number = number as usize;
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        &self.directions[start as usize..self.ends[number] as usize]
    }

    /// The way of a packet that an end of a route sends.
    pub(super) fn way(&self, number: u32, from: End) -> Way {
        let (route, end) = (self.get(number), self.ends[number as usize]);
        let links = route.len() as u8;
        let first = match from {
            End::Client => end - u32::from(links),
            End::Server => end - 1,
        };
        Way { first, links, back: from == End::Server }
    }

    /// The direction that a packet takes which has crossed `hop` links of its way.
    #[inline]
    pub(super) fn direction(&self, way: Way, hop: u8) -> u32 {
        // The way back is the way there, reversed.
        match way.back {
            false => self.directions[(way.first + u32::from(hop)) as usize],
            true => self.directions[(way.first - u32::from(hop)) as usize] ^ 1,
        }
    }

    /// All routes.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u32]> {
        (0..self.ends.len() as u32).map(|number| self.get(number))
    }
}

/// A route in the direction of a packet: all that a hop needs to know of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Way {
    /// Where its first direction stands in the row of all routes.
    first: u32,
    /// How many links it has.
    pub links: u8,
    back: bool,
}

/// Routes, and who uses which.
pub(super) struct Found {
    pub routes: Routes,
    pub route_of: Vec<u32>,
    pub bridge_routes: BTreeMap<(HostIndex, HostIndex), u32>,
}

/// Routes of all hosts that open connections, one search per peer.
pub(super) fn find(blueprint: &Blueprint) -> Result<Found, BuildError> {
    let mut topology = Topology::new();
    for _ in 0..blueprint.hosts.len() as u32 + blueprint.forwarders {
        topology.add_node();
    }
    for link in &blueprint.links {
        let delay = blueprint.parameters[link.parameters.0 as usize].propagation_ns();
        topology.add_link(link.ends.0, link.ends.1, delay + 1);
    }
    let mut routes = Routes::default();
    let mut route_of = vec![u32::MAX; blueprint.hosts.len()];
    let mut peers: Vec<HostIndex> = blueprint.hosts.iter().filter_map(|host| host.peer).collect();
    peers.sort_unstable();
    peers.dedup();
    for peer in peers {
        let callers: Vec<NodeIndex> = (0_u32..)
            .zip(&blueprint.hosts)
            .filter(|(_, host)| host.peer == Some(peer))
            .map(|(place, _)| NodeIndex(place))
            .collect();
        let found = topology
            .routes_to(NodeIndex(peer.0), &callers)
            .map_err(|RouteError { from, .. }| BuildError::Unreachable { host: HostIndex(from.0), peer })?;
        for (caller, route) in callers.iter().zip(found) {
            route_of[caller.0 as usize] = routes.push(&route);
        }
    }
    let mut bridge_routes = BTreeMap::new();
    for (place, host) in (0_u32..).zip(&blueprint.hosts) {
        let here = HostIndex(place);
        let peers: Vec<HostIndex> = match &host.program {
            Program::Broker(broker) => broker.remotes().collect(),
            Program::Client(client) => client.service().into_iter().collect(),
            Program::Visitor(_) | Program::Service(_) => continue,
        };
        for peer in peers {
            let found = topology
                .routes_to(NodeIndex(peer.0), &[NodeIndex(place)])
                .map_err(|_| BuildError::Unreachable { host: here, peer })?;
            for route in found {
                bridge_routes.insert((here, peer), routes.push(&route));
            }
        }
    }
    Ok(Found { routes, route_of, bridge_routes })
}

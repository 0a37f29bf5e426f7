//! Links of different MTU on one path: routers that drop what is too long, and say so or do not.
//!
//! All packets have Don't Fragment set, as those of any TCP that discovers its path's MTU (RFC 1191 §2).
//! A router before a link with a smaller MTU drops a longer packet and tells its sender by ICMP
//! "fragmentation needed", which crosses the links back like any packet: it takes time, finds queues and
//! may be lost. A path whose links share one MTU pays nothing.
//!
//! Left out: a sender's own link (its MSS is made for that), rate limits of ICMP (RFC 1812 §4.3.2.8), and
//! a router's memory of MTUs.

use std::num::NonZeroU16;

use sim_core::scheduler::Scheduler;
use sim_core::time::SimTime;

use super::Network;
use super::build::Blueprint;
use super::fabric::{Context, Fabric};
use super::packets::Packet;
use crate::event::Event;
use crate::record::{FrameLoss, HostIndex, Probe, TooLongRecord};

/// IPv4 and ICMP headers (RFC 791 §3.1, RFC 792).
const HEADERS: u32 = 28;
/// RFC 1812 §4.3.2.3, Linux `icmp_send`: as much of the packet is quoted as fits into 576 bytes.
const LARGEST: u32 = 576;

/// A direction with a smaller MTU than one before it on some route.
#[derive(Clone, Copy, Debug)]
pub(super) struct Narrow {
    direction: u32,
    /// The router before it.
    router: u32,
    /// Whether that says nothing about what it drops.
    silent: bool,
}

/// The narrow directions of all routes, in order.
pub(super) fn narrow(blueprint: &Blueprint, routes: &super::routes::Routes) -> Vec<Narrow> {
    let mtu = |direction: u32| {
        let (there, back) = blueprint.links[direction as usize / 2].parameters;
        let parameters = if direction.is_multiple_of(2) { there } else { back };
        blueprint.parameters[parameters as usize].mtu
    };
    let mut mtus = blueprint.parameters.iter().map(|parameters| parameters.mtu);
    let first = mtus.next();
    if mtus.all(|mtu| Some(mtu) == first) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut walk = |way: &mut dyn Iterator<Item = u32>| {
        let mut smallest = u32::MAX;
        for direction in way {
            let mtu = mtu(direction);
            if smallest != u32::MAX && mtu < smallest {
                found.push(direction);
            }
            smallest = smallest.min(mtu);
        }
    };
    for route in routes.iter() {
        walk(&mut route.iter().copied());
        walk(&mut route.iter().rev().map(|direction| direction ^ 1));
    }
    found.sort_unstable();
    found.dedup();
    let narrow = |direction: u32| {
        let link = &blueprint.links[direction as usize / 2];
        let ends = if direction.is_multiple_of(2) { link.ends } else { (link.ends.1, link.ends.0) };
        let silent = link.trouble.as_ref().is_some_and(|trouble| trouble.mtu_black_hole);
        Narrow { direction, router: ends.0.0, silent }
    };
    found.into_iter().map(narrow).collect()
}

/// Whether a direction is among the narrow ones.
pub(super) fn is_narrow(narrow: &[Narrow], direction: u32) -> bool {
    narrow.binary_search_by_key(&direction, |narrow| narrow.direction).is_ok()
}

impl<P: Probe> Fabric<P> {
    /// Whether a packet is too long for the direction that it comes to.
    pub(super) fn too_long(&self, place: u32, direction: u32) -> bool {
        let packet = &self.packets[place];
        let parameters = self.directions[direction as usize].parameters;
        packet.hop > 0
            && packet.bytes > self.parameters[parameters as usize].mtu
            && is_narrow(&self.narrow, direction)
    }

    /// A router drops a packet that is too long for `direction`, and tells its sender unless it is silent.
    pub(super) fn drop_too_long(
        &mut self,
        now: SimTime,
        place: u32,
        direction: u32,
        scheduler: &mut Scheduler<Event>,
    ) {
        let found = self.narrow.binary_search_by_key(&direction, |narrow| narrow.direction);
        let Narrow { router, silent, .. } = self.narrow[found.expect("a narrow direction")];
        let parameters = self.directions[direction as usize].parameters;
        let mtu = self.parameters[parameters as usize].mtu as u16;
        self.totals.too_long += 1;
        // RFC 1122 §3.2.2: no ICMP error about an ICMP error.
        if silent || self.packets[place].too_long.is_some() {
            self.swallowed += 1;
            self.lose(now, place, FrameLoss::TooLong);
            return;
        }
        self.totals.lost += 1;
        let serial = self.serial;
        self.serial += 1;
        let packet = &mut self.packets[place];
        let flow = &self.flows[packet.flow as usize];
        if P::LISTENS && !packet.copy {
            self.probe.frame_lost(now, packet.serial, FrameLoss::TooLong);
            let to = flow.place(packet.from).0;
            let quoted = packet.serial;
            self.probe.too_long(TooLongRecord {
                serial,
                at: now,
                router: HostIndex(router),
                to,
                quoted,
                mtu,
            });
        }
        packet.from = packet.from.peer();
        packet.hop = packet.way.links - packet.hop;
        packet.way = self.routes.way(flow.route, packet.from);
        // The ICMP message quotes the segment.
        packet.bytes = (HEADERS + packet.bytes).min(LARGEST);
        packet.copy = false;
        packet.serial = serial;
        packet.too_long = NonZeroU16::new(mtu);
        self.forward(now, place, scheduler);
    }
}

impl<P: Probe> Network<P> {
    /// A host learns that a packet of it was longer than `mtu`.
    pub(super) fn hand_over_too_long(
        &mut self,
        now: SimTime,
        packet: &Packet,
        mtu: NonZeroU16,
        scheduler: &mut Scheduler<Event>,
    ) {
        let flow = &self.fabric.flows[packet.flow as usize];
        let (host, socket) = flow.place(packet.from.peer());
        let bytes = packet.bytes;
        let mut around = Context { fabric: &mut self.fabric, scheduler };
        let host = &mut self.hosts[host.0 as usize];
        host.icmp_arrived(now, bytes, packet.wire_start);
        if let Some(socket) = socket {
            host.fragmentation_needed(now, socket, packet.segment.seq, mtu.get(), &mut around);
        }
        self.fabric.forget_if_over(packet.flow);
    }
}

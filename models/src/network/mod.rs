//! The network: every host and link of a simulation, and the world that the engine runs.
//!
//! An event is one frame at the end of one link, a transmission in a WiFi cell, a socket's deadline, or
//! a program's. Nothing else
//! is ever waited for, and no event is cancelled: deadlines that moved are looked at and forgotten.

mod alert;
mod build;
mod cell;
mod describe;
mod fabric;
mod frame_fault;
mod names;
mod outcome;
mod outside;
mod packets;
mod path_mtu;
mod routes;

use sim_core::engine::World;
use sim_core::fingerprint::Fingerprint;
use sim_core::scheduler::Scheduler;
use sim_core::time::SimTime;

use crate::event::Event;
use crate::host::socket::End;
use crate::host::{Door, Host, Remark, Surroundings};
use crate::record::{NoProbe, Probe};
use crate::tcp;

pub use build::{Blueprint, BuildError, HostBlueprint, LinkBlueprint, LinkTrouble};
pub use cell::{CellBlueprint, Membership};
use fabric::{Context, Fabric};
pub use frame_fault::{FrameFault, Mishap};
use names::Names;
use packets::Packet;

/// Kinds of events in the fingerprint.
const ARRIVAL: u32 = 1;
const SOCKET: u32 = 2;
const PROGRAM: u32 = 3;
const CELL: u32 = 4;

/// Hosts and links.
#[derive(Debug)]
pub struct Network<P: Probe = NoProbe> {
    hosts: Vec<Host>,
    fabric: Fabric<P>,
    fingerprint: Fingerprint,
    names: Names,
}

impl<P: Probe> Network<P> {
    /// Starts every program, in the order of the hosts.
    pub fn start(&mut self, scheduler: &mut Scheduler<Event>) {
        let now = scheduler.now();
        for host in &mut self.hosts {
            host.start(now, &mut Context { fabric: &mut self.fabric, scheduler });
        }
    }

    /// Hosts, in the order in which they were built.
    #[must_use]
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// A frame reached the end of a link: on to the next one, or into the host.
    fn arrive(&mut self, now: SimTime, place: u32, scheduler: &mut Scheduler<Event>) {
        let fabric = &mut self.fabric;
        let packet = &mut fabric.packets[place];
        let segment = &packet.segment;
        let what = u64::from(packet.flow) << 32 | u64::from(segment.seq.0);
        let how = u64::from(packet.hop) << 56
            | u64::from(segment.flags.bits()) << 48
            | u64::from(segment.payload_len() as u32) << 32
            | u64::from(segment.ack.0);
        self.fingerprint.mix_event(now, ARRIVAL, what, how);
        packet.hop += 1;
        if packet.hop < packet.way.links {
            fabric.forward(now, place, scheduler);
            return;
        }
        if !fabric.frame_faults.is_empty() && fabric.strike(now, place, scheduler) {
            return;
        }
        let packet = fabric.packets.remove(place);
        self.hand_over(now, packet, scheduler);
    }

    fn hand_over(&mut self, now: SimTime, packet: Packet, scheduler: &mut Scheduler<Event>) {
        let flow = &mut self.fabric.flows[packet.flow as usize];
        flow.under_way -= 1;
        let (host, socket) = flow.place(packet.from.peer());
        let host = &mut self.hosts[host.0 as usize];
        match socket {
            Some(socket) if packet.too_long.is_none() && host.hears() => {
                let mut around = Context { fabric: &mut self.fabric, scheduler };
                host.segment_arrived(now, socket, packet.segment, packet.wire_start, &mut around);
            }
            Some(_) | None => self.hand_over_unexpected(now, packet, scheduler),
        }
    }

    /// A packet that is no segment for a socket of a host that hears it.
    #[cold]
    #[inline(never)]
    fn hand_over_unexpected(&mut self, now: SimTime, packet: Packet, scheduler: &mut Scheduler<Event>) {
        if let Some(mtu) = packet.too_long {
            self.hand_over_too_long(now, &packet, mtu, scheduler);
            return;
        }
        let Packet { flow: number, from, segment, wire_start, .. } = packet;
        let flow = &self.fabric.flows[number as usize];
        let at = from.peer();
        let host = &mut self.hosts[flow.place(at).0.0 as usize];
        let mut around = Context { fabric: &mut self.fabric, scheduler };
        if !host.hears() {
            self.fabric.forget_if_over(number);
            return;
        }
        let flow = &around.fabric.flows[number as usize];
        let opens = segment.flags.contains(tcp::Flags::SYN) && !segment.flags.contains(tcp::Flags::ACK);
        let door =
            if at == End::Server && opens && !flow.accepted { host.door(flow.port) } else { Door::Closed };
        match door {
            Door::Open => {
                let socket = host.accept(now, number, &mut around);
                let flow = &mut around.fabric.flows[number as usize];
                flow.accepted_by(socket);
                host.segment_arrived(now, socket, segment, wire_start, &mut around);
                return;
            }
            Door::Full => {
                host.stray_arrived(now, &segment, wire_start);
                around.remark(Remark::BacklogFull);
                return;
            }
            Door::Closed => {}
        }
        // RFC 9293 §3.5.2: a segment for a connection that does not exist is answered with RST.
        host.stray_arrived(now, &segment, wire_start);
        if let Some(reset) = tcp::reset_for(&segment) {
            host.send_stray(now, number, at, reset, &mut around);
        }
        self.fabric.forget_if_over(number);
    }
}

impl<P: Probe> World for Network<P> {
    type Event = Event;

    fn handle(&mut self, now: SimTime, event: Event, scheduler: &mut Scheduler<Event>) {
        match event {
            Event::Arrive { packet } => self.arrive(now, packet, scheduler),
            Event::Socket { host, socket } => {
                self.fingerprint.mix_event(now, SOCKET, u64::from(host), u64::from(socket));
                let mut around = Context { fabric: &mut self.fabric, scheduler };
                self.hosts[host as usize].socket_wake(now, socket, &mut around);
            }
            Event::Cell { cell } => self.cell_wake(now, cell, scheduler),
            Event::Program { host } => {
                self.fingerprint.mix_event(now, PROGRAM, u64::from(host), 0);
                let mut around = Context { fabric: &mut self.fabric, scheduler };
                self.hosts[host as usize].program_wake(now, &mut around);
            }
        }
    }
}

#[cfg(test)]
mod tests;

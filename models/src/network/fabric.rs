//! Everything between the hosts: links, packets under way, flows, and the run's books.

use std::collections::BTreeMap;

use sim_core::scheduler::Scheduler;
use sim_core::time::SimTime;
use slab::Slab;

use super::cell::{Cell, FIRST_PORT, Port};
use super::frame_fault::FrameFault;
use super::outside::Outside;
use super::packets::{Packet, Packets};
use super::path_mtu::Narrow;
use super::routes::Routes;
use crate::app::ToOutside;
use crate::event::Event;
use crate::host::socket::End;
use crate::host::{Remark, Surroundings, packet_bytes};
use crate::ledger::Ledger;
use crate::mqtt::Outgoing;
use crate::net::{Channel, Crossing, Direction, Fate, LinkParameters, LinkState, Nat, NatAnswer, OnWire};
use crate::record::{
    FlightRecord, FrameLoss, FrameRecord, HostIndex, PacketRecord, Probe, Refused, TcpTotals,
};
use crate::tcp::{self, Flags, Segment};
use crate::tls::Flight;

/// First port of the dynamic range (RFC 6335 §6).
const FIRST_DYNAMIC_PORT: u16 = 49_152;

/// In place of the number of a socket.
const NO_SOCKET: u32 = u32::MAX;

fn socket(number: u32) -> Option<u32> {
    (number != NO_SOCKET).then_some(number)
}

/// Two sockets, or what is left of them, and the links between them.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    pub route: u32,
    pub client: HostIndex,
    pub server: HostIndex,
    client_socket: u32,
    server_socket: u32,
    /// Packets on the links.
    pub under_way: u32,
    pub client_port: u16,
    /// The server's port.
    pub port: u16,
    /// Whether the server's end ever had a socket.
    pub accepted: bool,
}

impl Flow {
    /// Host and socket of an end.
    pub fn place(&self, end: End) -> (HostIndex, Option<u32>) {
        match end {
            End::Client => (self.client, socket(self.client_socket)),
            End::Server => (self.server, socket(self.server_socket)),
        }
    }

    /// The server's end has a socket.
    pub fn accepted_by(&mut self, socket: u32) {
        self.accepted = true;
        self.server_socket = socket;
    }

    /// Whether it has neither sockets nor packets.
    const fn is_over(&self) -> bool {
        self.under_way == 0 && self.client_socket == NO_SOCKET && self.server_socket == NO_SOCKET
    }
}

/// Links, packets, flows and books.
#[derive(Debug)]
pub(super) struct Fabric<P> {
    pub directions: Vec<Direction>,
    pub parameters: Vec<LinkParameters>,
    /// One per impaired direction.
    pub channels: Vec<Channel>,
    /// What both directions of a link share, where they do.
    pub links: Vec<LinkState>,
    /// WiFi cells.
    pub cells: Vec<Cell>,
    /// One per direction into or out of a cell.
    pub ports: Vec<Port>,
    pub routes: Routes,
    /// Directions with a smaller MTU than one before them on a route.
    pub narrow: Vec<Narrow>,
    /// Packets that were too long and of which nobody was told.
    pub swallowed: u64,
    /// Route of each host to the broker it uses, by host.
    pub route_of: Vec<u32>,
    /// Routes of the bridges of a broker, by its host and that of the remote broker, and of the calls of a
    /// client, by its host and that of the service.
    pub bridge_routes: BTreeMap<(HostIndex, HostIndex), u32>,
    /// Next dynamic port of each host.
    pub next_port: Vec<u16>,
    pub flows: Slab<Flow>,
    pub packets: Packets,
    pub ledger: Ledger,
    pub totals: TcpTotals,
    pub mqtt_packets: [u64; 15],
    pub remarks: [u64; Remark::ALL.len()],
    pub refused: [u64; 3],
    /// What each host's initial sequence numbers are made of: a number drawn for its name, so that
    /// another host more or less leaves them alone.
    pub sequence_keys: Vec<u64>,
    pub serial: u64,
    /// What is to happen to single frames.
    pub frame_faults: Vec<FrameFault>,
    pub outside: Outside,
    pub probe: P,
}

impl<P: Probe> Fabric<P> {
    /// Puts a packet on its next link, at `ready` or when the link is free. Returns when its first and
    /// its last bit are on the wire.
    pub fn forward(
        &mut self,
        ready: SimTime,
        place: u32,
        scheduler: &mut Scheduler<Event>,
    ) -> (SimTime, SimTime) {
        let packet = &mut self.packets[place];
        let number = self.routes.direction(packet.way, packet.hop);
        let direction = &mut self.directions[number as usize];
        let parameters = &self.parameters[direction.parameters as usize];
        let bytes = parameters.framing.header_len() + packet.bytes;
        self.totals.hops += 1;
        if packet.hop == 0 {
            self.totals.wire_bytes += u64::from(bytes);
        }
        if direction.channel != u32::MAX {
            return self.forward_impaired(ready, place, number, bytes, scheduler);
        }
        let Some(OnWire { first_bit, last_bit, arrival }) = direction.put(ready, bytes, parameters) else {
            self.lose(ready, place, FrameLoss::QueueFull);
            return (ready, ready);
        };
        // What the receiver sees: the same time on the wire, one propagation delay later.
        let wire_ns = last_bit.as_nanos() - first_bit.as_nanos();
        packet.wire_start = SimTime::from_nanos(arrival.as_nanos() - wire_ns);
        scheduler.at(arrival, Event::Arrive { packet: place });
        (first_bit, last_bit)
    }

    /// The same on a link with a channel. Not inlined: plain links are to stay lean.
    #[inline(never)]
    fn forward_impaired(
        &mut self,
        ready: SimTime,
        place: u32,
        number: u32,
        bytes: u32,
        scheduler: &mut Scheduler<Event>,
    ) -> (SimTime, SimTime) {
        if !self.narrow.is_empty() && self.too_long(place, number) {
            self.drop_too_long(ready, place, number, scheduler);
            return (ready, ready);
        }
        if self.directions[number as usize].channel >= FIRST_PORT {
            return (ready, self.forward_over_the_air(ready, place, number, scheduler));
        }
        let direction = &mut self.directions[number as usize];
        let parameters = &self.parameters[direction.parameters as usize];
        let channel = &mut self.channels[direction.channel as usize];
        let mut radio = None;
        if let Some(link) = self.links.get_mut(channel.link as usize) {
            if let Some(nat) = &mut link.nat
                && !let_pass(nat, ready, &self.packets[place])
            {
                return (ready, self.refuse(ready, place, number, bytes, scheduler));
            }
            radio = link.radio.as_mut();
        }
        let Crossing { wire_end, wire_ns, fate, surprise_ppb } =
            channel.transmit(direction, radio, ready, bytes, parameters);
        if surprise_ppb != 0 {
            let segment = &self.packets[place].segment;
            let sum = match segment.sequence_len() > 0 {
                true => &mut self.totals.data_surprise_ppb,
                false => &mut self.totals.ack_surprise_ppb,
            };
            *sum += surprise_ppb;
            self.totals.opening_surprise_ppb += if segment.opens() { surprise_ppb } else { 0 };
        }
        match fate {
            Fate::Lost => self.lose(wire_end, place, FrameLoss::Lost),
            Fate::QueueFull => self.lose(wire_end, place, FrameLoss::QueueFull),
            Fate::Arrives(arrival) | Fate::ArrivesTwice(arrival) => {
                let packet = &mut self.packets[place];
                packet.wire_start = SimTime::from_nanos(arrival.as_nanos().saturating_sub(wire_ns));
                scheduler.at(arrival, Event::Arrive { packet: place });
                if matches!(fate, Fate::ArrivesTwice(_)) {
                    let copy = Packet { copy: true, ..packet.clone() };
                    self.flows[copy.flow as usize].under_way += 1;
                    let copy = self.packets.insert(copy);
                    scheduler.at(arrival, Event::Arrive { packet: copy });
                }
            }
        }
        let first_bit = SimTime::from_nanos(wire_end.as_nanos().saturating_sub(wire_ns));
        (first_bit.max(ready), wire_end)
    }

    /// Drops a packet of a flow that a middlebox has forgotten, and sends RST back if it does so.
    ///
    /// The RST takes the time of the link there and back, but no room in its queues: it is made at
    /// the far end, and frames that are handed over meanwhile are not delayed by it.
    #[cold]
    #[inline(never)]
    fn refuse(
        &mut self,
        ready: SimTime,
        place: u32,
        number: u32,
        bytes: u32,
        scheduler: &mut Scheduler<Event>,
    ) -> SimTime {
        let there = &self.parameters[self.directions[number as usize].parameters as usize];
        let back = &self.parameters[self.directions[(number ^ 1) as usize].parameters as usize];
        let wire_end = SimTime::from_nanos(ready.as_nanos() + there.transmission_ns(bytes));
        let answer = self.links
            [self.channels[self.directions[number as usize].channel as usize].link as usize]
            .nat
            .as_ref()
            .map_or(NatAnswer::Silence, crate::net::Nat::answer);
        let packet = &self.packets[place];
        let (flow, from, hop) = (packet.flow, packet.from, packet.hop);
        let reset = match answer {
            NatAnswer::Silence => None,
            NatAnswer::Reset if packet.too_long.is_some() => None,
            NatAnswer::Reset => tcp::reset_for(&packet.segment),
        };
        if let Some(segment) = reset {
            let reset_bytes = back.framing.header_len() + packet_bytes(&segment);
            let at = wire_end + there.propagation;
            let wire_ns = back.transmission_ns(reset_bytes);
            let arrival = SimTime::from_nanos(at.as_nanos() + wire_ns) + back.propagation;
            let wire_start = SimTime::from_nanos(arrival.as_nanos() - wire_ns);
            if P::LISTENS {
                self.listen_in(at, flow, from.peer(), &segment);
            }
            let serial = self.serial;
            self.serial += 1;
            self.flows[flow as usize].under_way += 1;
            let way = self.routes.way(self.flows[flow as usize].route, from.peer());
            let reset = self.packets.send(segment, flow, from.peer(), way, serial);
            let packet = &mut self.packets[reset];
            packet.hop = way.links - 1 - hop;
            packet.wire_start = wire_start;
            scheduler.at(arrival, Event::Arrive { packet: reset });
        }
        self.lose(wire_end, place, FrameLoss::Lost);
        wire_end
    }

    #[cold]
    #[inline(never)]
    pub(super) fn lose(&mut self, at: SimTime, place: u32, why: FrameLoss) {
        let packet = self.packets.remove(place);
        self.totals.lost += 1;
        self.flows[packet.flow as usize].under_way -= 1;
        if P::LISTENS && !packet.copy {
            self.probe.frame_lost(at, packet.serial, why);
        }
        self.forget_if_over(packet.flow);
    }

    /// Forgets a flow that has neither sockets nor packets.
    pub fn forget_if_over(&mut self, number: u32) {
        if self.flows.get(number as usize).is_some_and(Flow::is_over) {
            self.flows.remove(number as usize);
        }
    }

    fn listen_in(&mut self, now: SimTime, flow: u32, from: End, segment: &Segment) {
        let flow = &self.flows[flow as usize];
        let ((sender, _), (receiver, _)) = (flow.place(from), flow.place(from.peer()));
        let (source_port, destination_port) = match from {
            End::Client => (flow.client_port, flow.port),
            End::Server => (flow.port, flow.client_port),
        };
        let mut options = [0; 40];
        let length = segment.options_bytes(&mut options);
        self.probe.frame(FrameRecord {
            serial: self.serial,
            at: now,
            from: sender,
            to: receiver,
            source_port,
            destination_port,
            sequence: segment.seq.0,
            acknowledgement: segment.ack.0,
            flags: segment.flags.bits(),
            window: segment.window,
            options: options[..length].into(),
            payload: segment.payload.chunks().cloned().collect(),
            retransmission: segment.retransmission,
        });
    }
}

/// Whether a middlebox lets a packet pass.
fn let_pass(nat: &mut Nat, now: SimTime, packet: &Packet) -> bool {
    let flags = packet.segment.flags;
    let opens = flags.contains(Flags::SYN) && !flags.contains(Flags::ACK);
    nat.passes(now, packet.flow, opens)
}

/// The fabric and the future event list, as a host sees them.
pub(super) struct Context<'a, P> {
    pub fabric: &'a mut Fabric<P>,
    pub scheduler: &'a mut Scheduler<Event>,
}

impl<P: Probe> Surroundings for Context<'_, P> {
    fn open_flow(&mut self, host: HostIndex, socket: u32, peer: HostIndex, port: u16) -> u32 {
        let next_port = &mut self.fabric.next_port[host.0 as usize];
        let client_port = FIRST_DYNAMIC_PORT | *next_port;
        let route = match self.fabric.bridge_routes.get(&(host, peer)) {
            Some(route) => *route,
            None => self.fabric.route_of[host.0 as usize],
        };
        *next_port = next_port.wrapping_add(1);
        self.fabric.flows.insert(Flow {
            route,
            client: host,
            server: peer,
            client_socket: socket,
            server_socket: NO_SOCKET,
            under_way: 0,
            client_port,
            port,
            accepted: false,
        }) as u32
    }

    fn initial_sequence(&mut self, flow: u32, end: End) -> u32 {
        // RFC 9293 §3.4.1: hard to guess from outside and new for each connection; here a mix of
        // the host's key and the connection (SplitMix64's finaliser, Steele et al. 2014).
        let flow = &self.fabric.flows[flow as usize];
        let host = flow.place(end).0.0 as usize;
        let mut z = self.fabric.sequence_keys[host]
            .wrapping_add(u64::from(flow.client_port) << 32 | u64::from(flow.client.0))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as u32
    }

    fn transmit(&mut self, ready: SimTime, flow: u32, from: End, segment: Segment) -> (SimTime, SimTime) {
        let fabric = &mut *self.fabric;
        let payload = segment.payload_len() as u64;
        fabric.totals.segments += 1;
        fabric.totals.payload_bytes += payload;
        fabric.totals.data_segments += u64::from(payload > 0);
        fabric.totals.retransmitted += u64::from(segment.retransmission);
        if P::LISTENS {
            fabric.listen_in(ready, flow, from, &segment);
        }
        let entry = &mut fabric.flows[flow as usize];
        entry.under_way += 1;
        let way = fabric.routes.way(entry.route, from);
        let place = fabric.packets.send(segment, flow, from, way, fabric.serial);
        fabric.serial += 1;
        fabric.forward(ready, place, self.scheduler)
    }

    fn wake_socket(&mut self, at: SimTime, host: HostIndex, socket: u32) {
        self.scheduler.at(at, Event::Socket { host: host.0, socket });
    }

    fn wake_program(&mut self, at: SimTime, host: HostIndex) {
        self.scheduler.at(at, Event::Program { host: host.0 });
    }

    fn release(&mut self, number: u32, end: End) {
        let flow = &mut self.fabric.flows[number as usize];
        match end {
            End::Client => flow.client_socket = NO_SOCKET,
            End::Server => flow.server_socket = NO_SOCKET,
        }
        self.fabric.forget_if_over(number);
    }

    fn ledger(&mut self) -> &mut Ledger {
        &mut self.fabric.ledger
    }

    fn packet_sent(&mut self, now: SimTime, flow: u32, end: End, packet: &Outgoing) {
        self.fabric.mqtt_packets[packet.packet_type as usize - 1] += 1;
        if P::LISTENS {
            let flow = &self.fabric.flows[flow as usize];
            let (from, to) = (flow.place(end).0, flow.place(end.peer()).0);
            let (head, body) = (packet.head.clone(), packet.body.clone());
            let client_port = flow.client_port;
            self.fabric.probe.packet(PacketRecord { at: now, from, to, client_port, head, body });
        }
    }

    fn packet_taken(&mut self, now: SimTime, flow: u32, end: End) {
        if P::LISTENS {
            let flow = &self.fabric.flows[flow as usize];
            let (from, to) = (flow.place(end.peer()).0, flow.place(end).0);
            self.fabric.probe.packet_taken(now, from, to, flow.client_port);
        }
    }

    fn flight_sent(&mut self, now: SimTime, flow: u32, end: End, flight: &Flight) {
        if P::LISTENS {
            let flow = &self.fabric.flows[flow as usize];
            let (from, to) = (flow.place(end).0, flow.place(end.peer()).0);
            self.fabric.probe.flight(FlightRecord { at: now, from, to, flight: flight.clone() });
        }
    }

    fn refused(&mut self, what: Refused) {
        self.fabric.refused[what as usize] += 1;
    }

    fn remark(&mut self, remark: Remark) {
        self.fabric.remarks[remark as usize] += 1;
    }

    fn to_outside(&mut self, host: HostIndex, what: ToOutside) {
        self.fabric.outside.hand_out(self.scheduler.now(), host, what);
    }
}

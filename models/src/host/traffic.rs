//! What a host's sockets send and receive, and what that costs.

use std::time::Duration;

use sim_core::time::SimTime;

use super::energy::Component;
use super::socket::News;
use super::{Host, Remark, Surroundings};
use crate::cause::Cause;
use crate::record::NodeRecord;
use crate::tcp::{Event, Segment, SequenceNumber};

/// IPv4 header without options (RFC 791 §3.1).
const IP_HEADER: u32 = 20;

/// Length of the IP packet that carries a segment.
pub(crate) fn packet_bytes(segment: &Segment) -> u32 {
    IP_HEADER + (segment.header_len() + segment.payload_len()) as u32
}

impl Host {
    /// Drains a socket's machine: events, segments, deadline; then its RAM.
    pub(super) fn drain_socket(&mut self, now: SimTime, socket: u32, around: &mut impl Surroundings) {
        let Some(mut entry) = self.sockets.get_mut(socket as usize) else { return };
        while let Some(segment) = entry.tcp.poll_transmit(now) {
            let (flow, end) = (entry.flow, entry.end);
            self.send(now, flow, end, segment, around);
            entry = &mut self.sockets[socket as usize];
        }
        let before = entry.news;
        while let Some(event) = entry.tcp.poll_event() {
            match event {
                Event::Drained => {}
                Event::Connected => entry.news.add(News::CONNECTED),
                Event::Readable => entry.news.add(News::READABLE),
                Event::PeerClosed => entry.news.add(News::PEER_CLOSED),
                Event::Closed => entry.news.add(News::GONE),
                Event::Reset | Event::Refused => {
                    around.remark(Remark::ConnectionReset);
                    entry.news.add(News::GONE);
                }
                Event::TimedOut => {
                    around.remark(Remark::ConnectionTimedOut);
                    entry.news.add(News::GONE);
                }
            }
        }
        if before == News::NONE && entry.news != News::NONE {
            self.ready.push_back(socket);
        }
        if let Some(deadline) = entry.tcp.poll_timeout().filter(|deadline| *deadline < entry.timer) {
            entry.timer = deadline;
            around.wake_socket(deadline, self.index, socket);
        }
        let mut held = entry.tcp.buffered() as u64;
        if let (Some(tls), Some(secure)) = (&entry.tls, &self.secure) {
            held += tls.buffered() as u64 + secure.ram_per_connection();
        }
        // More than 4 GiB in one socket is more than any board has.
        let held = u32::try_from(held).unwrap_or(u32::MAX);
        if held != entry.accounted {
            self.memory.replace(u64::from(entry.accounted), u64::from(held));
            entry.accounted = held;
        }
    }

    /// Sends a segment that belongs to no socket: the answer to a stray one.
    pub fn send_stray(
        &mut self,
        now: SimTime,
        flow: u32,
        end: super::socket::End,
        segment: Segment,
        around: &mut impl Surroundings,
    ) {
        self.send(now, flow, end, segment, around);
    }

    #[inline]
    fn send(
        &mut self,
        now: SimTime,
        flow: u32,
        end: super::socket::End,
        segment: Segment,
        around: &mut impl Surroundings,
    ) {
        let frame_bytes = self.frame_bytes(&segment);
        let cause = segment.cause();
        self.traffic.frames_sent += 1;
        self.traffic.bytes_sent += u64::from(frame_bytes);
        self.charge_kernel(now, cause);
        let mut ready = now;
        if self.kit.board.transmit_ps_per_byte > 0 {
            // The host side of the interface works on one frame after the other.
            let start = self.interface_free.max(now);
            let span = self.kit.board.transmit_ps_per_byte * u64::from(frame_bytes) / 1_000;
            ready = start + Duration::from_nanos(span);
            self.interface_free = ready;
            self.energy.busy(now, Component::Transmit, start, ready, cause);
        }
        let (first_bit, last_bit) = around.transmit(ready, flow, end, segment);
        self.energy.interface_used(now, last_bit);
        if self.kit.board.transmit_ps_per_byte == 0 && self.draws(Component::Transmit) {
            self.energy.busy(now, Component::Transmit, first_bit, last_bit, cause);
        }
    }

    /// Its radio sends a frame from `start` to `end`: for links that tell later than at hand-over,
    /// or more than once, when a frame is on the air.
    pub fn radio_sent(&mut self, now: SimTime, start: SimTime, end: SimTime, cause: Cause) {
        if self.kit.board.transmit_ps_per_byte == 0 && self.draws(Component::Transmit) {
            self.energy.busy(now, Component::Transmit, start, end, cause);
        }
    }

    #[inline]
    pub(super) fn charge_reception(&mut self, now: SimTime, segment: &Segment, wire_start: SimTime) {
        self.charge_frame(now, self.frame_bytes(segment), segment.cause(), wire_start);
    }

    #[inline]
    fn charge_frame(&mut self, now: SimTime, frame_bytes: u32, cause: Cause, wire_start: SimTime) {
        let frame_bytes = u64::from(frame_bytes);
        self.traffic.frames_received += 1;
        self.traffic.bytes_received += frame_bytes;
        self.energy.interface_used(now, now);
        self.charge_kernel(now, cause);
        if self.draws(Component::Receive) {
            let host_side = Duration::from_nanos(self.kit.board.receive_ps_per_byte * frame_bytes / 1_000);
            let end = now.max(wire_start + host_side);
            self.energy.busy(now, Component::Receive, wire_start, end, cause);
        }
    }

    /// Whether every socket of a small stack is taken: it listens no more.
    pub(super) fn out_of_sockets(&self) -> bool {
        self.kit.tcp.sockets.is_some_and(|most| self.sockets.len() >= most as usize)
    }

    /// An ICMP message of `bytes` arrived whose frame took from `wire_start` to `now` to come in.
    pub fn icmp_arrived(&mut self, now: SimTime, bytes: u32, wire_start: SimTime) {
        self.charge_frame(now, self.kit.link_header + bytes, Cause::TcpAck, wire_start);
    }

    /// A router dropped the segment with the sequence number `quoted`: it was longer than `mtu`.
    pub fn fragmentation_needed(
        &mut self,
        now: SimTime,
        socket: u32,
        quoted: SequenceNumber,
        mtu: u16,
        around: &mut impl Surroundings,
    ) {
        if let Some(entry) = self.sockets.get_mut(socket as usize) {
            entry.tcp.fragmentation_needed(now, quoted, mtu);
            self.drain_socket(now, socket, around);
        }
    }

    fn charge_kernel(&mut self, now: SimTime, cause: Cause) {
        if self.kit.board.segment_ns > 0 {
            let grant = self.cpu.admit(now, Duration::from_nanos(self.kit.board.segment_ns));
            self.energy.busy(now, Component::Cpu, grant.start, grant.end, cause);
        }
    }

    fn draws(&self, component: Component) -> bool {
        self.kit.board.power.active_uw[component as usize] > 0
    }

    fn frame_bytes(&self, segment: &Segment) -> u32 {
        self.kit.link_header + packet_bytes(segment)
    }

    /// Whether more RAM was in use than the board has, where its profile says how much that is.
    #[must_use]
    pub fn exceeded_ram(&self) -> bool {
        self.kit.board.ram_bytes > 0 && self.memory.peak() > self.kit.board.ram_bytes
    }

    /// The run is over: of the sockets nothing is needed any more.
    pub fn let_go(&mut self) {
        self.sockets = super::Sockets::default();
    }

    /// The host's accounts at `end`, under the names that the network gives.
    ///
    /// # Panics
    /// When the energy by cause does not sum to the integral of power.
    #[must_use]
    pub fn record(&self, end: SimTime, names: NodeNames) -> NodeRecord {
        NodeRecord {
            name: names.name(),
            group: names.group,
            index: names.index,
            fleet: names.fleet,
            board: self.kit.board.name.clone(),
            energy_fj: self.energy.by_cause(end, &self.kit.board.power),
            cpu_busy: Duration::from_nanos(self.energy.cpu_ns(end)),
            ram_peak_bytes: self.heap.as_ref().map_or(self.memory.peak(), |heap| heap.peak()),
            battery_days: self.battery_days(end),
            frames_sent: self.traffic.frames_sent,
            bytes_sent: self.traffic.bytes_sent,
            frames_received: self.traffic.frames_received,
            bytes_received: self.traffic.bytes_received,
            connections: u64::from(self.connections),
        }
    }
}

/// What a host is called in results.
#[derive(Clone, PartialEq, Debug)]
pub struct NodeNames {
    /// The scenario's host entry.
    pub group: std::sync::Arc<str>,
    /// Number within the group.
    pub index: u32,
    /// Whether the group is a fleet.
    pub fleet: bool,
}

impl NodeNames {
    /// Name, with its number in a fleet.
    #[must_use]
    pub fn name(&self) -> String {
        if self.fleet { format!("{}[{}]", self.group, self.index) } else { self.group.to_string() }
    }
}

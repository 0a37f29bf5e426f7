//! Clients that are not simulated: what they do comes in between two events, what they are to see
//! waits until somebody fetches it.
//!
//! Both are part of the run's fingerprint, byte for byte. A run without visitors has the same
//! fingerprint as if there were no places for them.

use std::collections::VecDeque;

use sim_core::fingerprint::Fingerprint;
use sim_core::scheduler::Scheduler;
use sim_core::time::SimTime;

use super::Network;
use super::fabric::Context;
use crate::app::{FromOutside, Program, ToOutside};
use crate::event::Event;
use crate::host::Host;
use crate::host::socket::End;
use crate::record::{HostIndex, Probe};

/// What waits for visitors, and the fingerprint of all that went in and out.
#[derive(Clone, Debug, Default)]
pub(super) struct Outside {
    out: VecDeque<(HostIndex, ToOutside)>,
    fingerprint: Fingerprint,
    used: bool,
}

impl Outside {
    pub fn hand_out(&mut self, now: SimTime, host: HostIndex, what: ToOutside) {
        match &what {
            ToOutside::Bytes(chunk) => self.mix(now, 1, host, chunk.as_slice()),
            ToOutside::Closed => self.mix(now, 2, host, &[]),
            ToOutside::Reset => self.mix(now, 3, host, &[]),
        }
        self.out.push_back((host, what));
    }

    fn take_in(&mut self, now: SimTime, host: HostIndex, what: &FromOutside) {
        match what {
            FromOutside::Opened => self.mix(now, 11, host, &[]),
            FromOutside::Bytes(bytes) => self.mix(now, 12, host, bytes.as_slice()),
            FromOutside::Closed => self.mix(now, 13, host, &[]),
            FromOutside::Reset => self.mix(now, 14, host, &[]),
            FromOutside::Paused => self.mix(now, 15, host, &[]),
            FromOutside::Resumed => self.mix(now, 16, host, &[]),
        }
    }

    fn mix(&mut self, now: SimTime, kind: u32, host: HostIndex, bytes: &[u8]) {
        self.used = true;
        self.fingerprint.mix_event(now, kind, u64::from(host.0), bytes.len() as u64);
        self.fingerprint.mix_bytes(bytes);
    }
}

impl<P: Probe> Network<P> {
    /// The hosts that are places for visitors, in their order.
    #[must_use]
    pub fn places(&self) -> Vec<HostIndex> {
        let is_place = |host: &Host| matches!(host.program(), Program::Visitor(_));
        let places = (0_u32..).zip(&self.hosts).filter(|(_, host)| is_place(host));
        places.map(|(number, _)| HostIndex(number)).collect()
    }

    /// The client at the place `host` did something, at the instant of the scheduler's clock.
    ///
    /// # Panics
    /// When the host is no place for visitors.
    pub fn take_in(&mut self, host: HostIndex, what: FromOutside, scheduler: &mut Scheduler<Event>) {
        let now = scheduler.now();
        self.fabric.outside.take_in(now, host, &what);
        let mut around = Context { fabric: &mut self.fabric, scheduler };
        self.hosts[host.0 as usize].take_in(now, what, &mut around);
    }

    /// The next thing that the client at a place is to see.
    pub fn poll_outside(&mut self) -> Option<(HostIndex, ToOutside)> {
        self.fabric.outside.out.pop_front()
    }

    /// Bytes on their way from the client at `host` to the broker: taken in and not yet acknowledged.
    #[must_use]
    pub fn bytes_from(&self, host: HostIndex) -> usize {
        self.connection_of(host).map_or(0, |(near, _)| near)
    }

    /// Bytes that wait at the broker's end until the client at `host` has room for them.
    #[must_use]
    pub fn bytes_for(&self, host: HostIndex) -> usize {
        self.connection_of(host).map_or(0, |(_, far)| far)
    }

    /// Bytes that are held at both ends of the connection of the client at `host`.
    fn connection_of(&self, host: HostIndex) -> Option<(usize, usize)> {
        let here = &self.hosts[host.0 as usize];
        let Program::Visitor(visitor) = here.program() else { return None };
        let socket = here.socket(visitor.socket()?)?;
        let flow = &self.fabric.flows[socket.flow as usize];
        let far = flow.place(End::Server).1.and_then(|far| self.hosts[flow.server.0 as usize].socket(far));
        let unacknowledged = socket.tcp.unsent() + socket.tcp.unacknowledged();
        Some((unacknowledged, far.map_or(0, |far| far.tcp.buffered())))
    }

    /// Bytes that the programs of all brokers hold: messages in flight, queued and retained, wills.
    #[must_use]
    pub fn held_by_brokers(&self) -> u64 {
        let brokers = self.hosts.iter().filter(|host| matches!(host.program(), Program::Broker(_)));
        brokers.map(|host| host.program().buffered()).sum()
    }

    /// The fingerprint of all events so far, and of all that went to visitors and came from them.
    #[must_use]
    pub fn fingerprint(&self) -> u128 {
        let mut fingerprint = self.fingerprint;
        let outside = &self.fabric.outside;
        if outside.used {
            let word = outside.fingerprint.finish();
            fingerprint.mix(word as u64);
            fingerprint.mix((word >> 64) as u64);
        }
        fingerprint.finish()
    }
}

//! The broker with its fingerprint and its counters: the part that `live` and `replay` share.
//!
//! After every input all outputs are drained, in the machine's order, so that it makes no difference
//! when a real socket takes them.

use std::fmt::Debug;

use models::mqtt::broker::DropReason;
use models::mqtt::{Broker, BrokerEvent, CloseReason, ConnectionId, PacketType};
use models::stream::{Chunk, Tag};
use sim_core::fingerprint::Fingerprint;
use sim_core::time::SimTime;

use crate::live::served::{Ending, Outside, Served};
use crate::live::settings::BrokerSettings;

/// Kinds of what is mixed into the fingerprint.
#[derive(Clone, Copy)]
enum Mixed {
    Accepted = 1,
    Bytes = 2,
    Closed = 3,
    Timeout = 4,
    Sent = 5,
    Close = 6,
}

/// What happened, in numbers; the same in a replay.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Account {
    /// Inputs of every kind.
    pub inputs: u64,
    /// Transports opened by clients.
    pub accepted: u64,
    /// Most transports open at one time.
    pub peak_open: usize,
    /// Clients whose CONNECT was accepted.
    pub connected: u64,
    /// Bytes in.
    pub bytes_in: u64,
    /// Bytes out.
    pub bytes_out: u64,
    /// Packets in, by the number of their type.
    pub packets_in: [u64; 16],
    /// Packets out, by the number of their type.
    pub packets_out: [u64; 16],
    /// Messages taken over from publishers.
    pub messages: u64,
    /// Their copies for subscribers.
    pub copies: u64,
    /// Copies lost, by reason.
    pub dropped: Vec<(DropReason, u64)>,
    /// Transports that the broker asked to close, by reason.
    pub closed: Vec<(CloseReason, u64)>,
}

impl Account {
    /// Names and numbers of the packet types that occurred.
    #[must_use]
    pub fn by_type(counts: &[u64; 16]) -> Vec<(String, u64)> {
        let all = PacketType::ALL.iter().map(|packet_type| (packet_type, counts[place(*packet_type)]));
        let seen = all.filter(|(_, count)| *count > 0);
        seen.map(|(packet_type, count)| (format!("{packet_type:?}").to_uppercase(), count)).collect()
    }
}

/// The reasons by their names, sorted, so that two accounts read the same.
#[must_use]
pub fn by_name<T: Debug>(counts: &[(T, u64)]) -> Vec<(String, u64)> {
    let mut named: Vec<(String, u64)> =
        counts.iter().map(|(reason, count)| (format!("{reason:?}"), *count)).collect();
    named.sort();
    named
}

// A handful of reasons: searching the list is quicker than any tree.
fn count<T: PartialEq>(counts: &mut Vec<(T, u64)>, reason: T) {
    match counts.iter_mut().find(|(known, _)| *known == reason) {
        Some((_, count)) => *count += 1,
        None => counts.push((reason, 1)),
    }
}

fn place(packet_type: PacketType) -> usize {
    packet_type as usize & 15
}

/// A broker with its fingerprint and its counters.
#[derive(Clone, Debug)]
pub struct Machine {
    broker: Broker,
    fingerprint: Fingerprint,
    account: Account,
    // By connection: whether its end was not reported yet.
    open: Vec<bool>,
    now: SimTime,
}

impl Machine {
    /// A broker without clients.
    #[must_use]
    pub fn new(settings: &BrokerSettings) -> Self {
        Machine {
            broker: Broker::new(settings.config()),
            fingerprint: Fingerprint::new(),
            account: Account::default(),
            open: Vec::new(),
            now: SimTime::ZERO,
        }
    }

    /// The machine itself.
    #[must_use]
    pub const fn broker(&self) -> &Broker {
        &self.broker
    }

    /// The numbers so far.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    fn input(&mut self, now: SimTime, kind: Mixed, connection: ConnectionId, len: usize) {
        self.now = now;
        self.account.inputs += 1;
        self.fingerprint.mix_event(now, kind as u32, u64::from(connection.0), len as u64);
    }

    fn drain(&mut self, outside: &mut impl Outside) {
        while let Some((connection, packet)) = self.broker.poll_transmit() {
            let len = u64::from(packet.wire_len);
            self.account.bytes_out += len;
            self.account.packets_out[place(packet.packet_type)] += 1;
            self.fingerprint.mix_event(self.now, Mixed::Sent as u32, u64::from(connection.0), len);
            self.fingerprint.mix_bytes(packet.head.as_slice());
            if let Some(body) = &packet.body {
                self.fingerprint.mix_bytes(body.as_slice());
            }
            let body = packet.body.as_ref().map_or(&[][..], Chunk::as_slice);
            outside.send(connection, packet.head.as_slice(), body);
        }
        while let Some(event) = self.broker.poll_event() {
            match event {
                BrokerEvent::Received { packet_type, .. } => self.account.packets_in[place(packet_type)] += 1,
                BrokerEvent::Connected { .. } => self.account.connected += 1,
                // No method of enhanced authentication is configured, so none is asked for.
                BrokerEvent::Authenticate { .. } | BrokerEvent::SubscriptionRefused { .. } => {}
                BrokerEvent::Accepted { subscribers, .. } => {
                    self.account.messages += 1;
                    self.account.copies += subscribers as u64;
                }
                BrokerEvent::Dropped { reason, .. } => count(&mut self.account.dropped, reason),
                BrokerEvent::Close { connection, reason } => {
                    count(&mut self.account.closed, reason);
                    self.fingerprint.mix_event(self.now, Mixed::Close as u32, u64::from(connection.0), 0);
                    outside.close(connection, Ending::Closed);
                }
            }
        }
    }
}

impl Served for Machine {
    const TIMEOUTS_ARE_INPUTS: bool = true;

    fn accept(&mut self, now: SimTime, outside: &mut impl Outside) -> Option<ConnectionId> {
        let connection = self.broker.accept(now);
        let place = connection.0 as usize;
        if self.open.len() <= place {
            self.open.resize(place + 1, false);
        }
        self.open[place] = true;
        self.account.accepted += 1;
        self.account.peak_open = self.account.peak_open.max(self.broker.connection_count());
        self.input(now, Mixed::Accepted, connection, 0);
        self.drain(outside);
        Some(connection)
    }

    fn bytes(&mut self, now: SimTime, connection: ConnectionId, bytes: &[u8], outside: &mut impl Outside) {
        assert!(self.is_open(connection), "bytes of an open connection");
        self.account.bytes_in += bytes.len() as u64;
        self.input(now, Mixed::Bytes, connection, bytes.len());
        self.fingerprint.mix_bytes(bytes);
        self.broker.handle_input(now, connection, Chunk::copied(Tag::default(), bytes));
        self.drain(outside);
    }

    // The broker makes no difference between the ways in which a transport ends. MQTT 3.1.1 §3.1.2.5
    fn closed(&mut self, now: SimTime, connection: ConnectionId, _how: Ending, outside: &mut impl Outside) {
        assert!(self.is_open(connection), "the end of an open connection");
        self.open[connection.0 as usize] = false;
        self.input(now, Mixed::Closed, connection, 0);
        self.broker.transport_closed(now, connection);
        self.drain(outside);
    }

    // What a client does not read waits in its line, within limits.
    fn paused(&mut self, _: SimTime, _: ConnectionId, _paused: bool, _: &mut impl Outside) {}

    fn timeout(&mut self, now: SimTime, outside: &mut impl Outside) {
        self.input(now, Mixed::Timeout, ConnectionId(u32::MAX), 0);
        self.broker.handle_timeout(now);
        self.drain(outside);
    }

    fn poll_timeout(&self) -> Option<SimTime> {
        self.broker.poll_timeout()
    }

    fn is_open(&self, connection: ConnectionId) -> bool {
        self.open.get(connection.0 as usize).copied().unwrap_or(false)
    }

    fn sessions(&self) -> usize {
        self.broker.session_count()
    }

    fn held(&self) -> usize {
        self.broker.buffered()
    }

    fn is_behind(&self, _connection: ConnectionId) -> bool {
        false
    }

    fn waiting_for(&self, _connection: ConnectionId) -> usize {
        0
    }

    fn fingerprint(&self) -> u128 {
        self.fingerprint.finish()
    }
}

//! The broker with its fingerprint and its counters: the part that `live` and `replay` share.
//!
//! After every input all outputs are drained, in the machine's order, so that it makes no difference
//! when a real socket takes them.

use std::fmt::Debug;

use models::mqtt::broker::DropReason;
use models::mqtt::{Broker, BrokerEvent, CloseReason, ConnectionId, Outgoing, PacketType};
use models::stream::{Chunk, Tag};
use sim_core::fingerprint::Fingerprint;
use sim_core::time::SimTime;

use crate::live::settings::BrokerSettings;

/// Where the machine's outputs go.
pub trait Outside {
    /// A control packet is to be sent.
    fn send(&mut self, connection: ConnectionId, packet: &Outgoing);

    /// A transport is to be closed after what was sent before, and its end to be reported by
    /// [`Machine::closed`] before anything else is done.
    fn close(&mut self, connection: ConnectionId);
}

/// Nobody listens: a replay.
impl Outside for Vec<ConnectionId> {
    fn send(&mut self, _connection: ConnectionId, _packet: &Outgoing) {}

    fn close(&mut self, connection: ConnectionId) {
        self.push(connection);
    }
}

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

/// Mixes bytes in, eight at a time; whoever calls has mixed in their number.
pub(super) fn mix_bytes(fingerprint: &mut Fingerprint, bytes: &[u8]) {
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        fingerprint.mix(u64::from_le_bytes(*word));
    }
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        fingerprint.mix(u64::from_le_bytes(last));
    }
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

    /// The fingerprint of all inputs and outputs so far.
    #[must_use]
    pub const fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// The numbers so far.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// When [`Machine::timeout`] is to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<SimTime> {
        self.broker.poll_timeout()
    }

    /// Whether this connection was accepted and not yet closed.
    #[must_use]
    pub fn is_open(&self, connection: ConnectionId) -> bool {
        self.open.get(connection.0 as usize).copied().unwrap_or(false)
    }

    /// A client opened a transport.
    pub fn accept(&mut self, now: SimTime, outside: &mut impl Outside) -> ConnectionId {
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
        connection
    }

    /// Bytes arrived from a client.
    ///
    /// # Panics
    /// When the connection is not open.
    pub fn bytes(
        &mut self,
        now: SimTime,
        connection: ConnectionId,
        bytes: &[u8],
        outside: &mut impl Outside,
    ) {
        assert!(self.is_open(connection), "bytes of an open connection");
        self.account.bytes_in += bytes.len() as u64;
        self.input(now, Mixed::Bytes, connection, bytes.len());
        mix_bytes(&mut self.fingerprint, bytes);
        self.broker.handle_input(now, connection, Chunk::copied(Tag::default(), bytes));
        self.drain(outside);
    }

    /// A transport is gone.
    ///
    /// # Panics
    /// When the connection is not open.
    pub fn closed(&mut self, now: SimTime, connection: ConnectionId, outside: &mut impl Outside) {
        assert!(self.is_open(connection), "the end of an open connection");
        self.open[connection.0 as usize] = false;
        self.input(now, Mixed::Closed, connection, 0);
        self.broker.transport_closed(now, connection);
        self.drain(outside);
    }

    /// A deadline has come.
    pub fn timeout(&mut self, now: SimTime, outside: &mut impl Outside) {
        self.input(now, Mixed::Timeout, ConnectionId(u32::MAX), 0);
        self.broker.handle_timeout(now);
        self.drain(outside);
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
            mix_bytes(&mut self.fingerprint, packet.head.as_slice());
            if let Some(body) = &packet.body {
                mix_bytes(&mut self.fingerprint, body.as_slice());
            }
            outside.send(connection, &packet);
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
                    outside.close(connection);
                }
            }
        }
    }
}

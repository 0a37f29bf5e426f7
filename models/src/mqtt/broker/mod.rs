//! An MQTT server. MQTT 3.1.1 and 5.0, chapters 3 and 4
//!
//! **Models** the whole server side of MQTT 3.1, 3.1.1 and 5.0, mixed on one server: sessions clean and
//! stored, take-over of a Client Identifier, QoS 0, 1 and 2 in both directions with in-flight windows and
//! queues, redelivery with DUP on reconnection, retained messages, wills, topic filters, keep-alive; of
//! MQTT 5.0 Reason Codes, expiry of sessions and messages, flow control, packet sizes, Topic Aliases,
//! subscription options and identifiers, shared subscriptions, delayed wills, enhanced authentication. Where
//! a standard leaves a choice, or real servers differ from it, [`BrokerConfig`] decides; its default is
//! Mosquitto 2.0.11 as measured.
//!
//! **Leaves out** `$SYS` topics, and back-pressure of a slow transport
//! (QoS 0 is never dropped for it).
//!
//! **Validated** by unit tests against client machines over a pipe, by property tests over random
//! connection losses, and against captures (`tests/mqtt_*.rs`).
//!
//! A machine without I/O. The host calls [`Broker::accept`] and `handle_*`, then drains
//! [`Broker::poll_transmit`] and [`Broker::poll_event`], then reads [`Broker::poll_timeout`]. A
//! connection keeps its [`ConnectionId`] until the host reports [`Broker::transport_closed`].

mod access;
mod agreement;
mod authenticate;
mod bridge;
mod config;
mod connect;
mod directory;
mod event;
pub mod faults;
mod forward;
mod held_back;
mod leave;
mod publish;
mod retry;
mod share;
mod subscribe;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use sim_core::time::SimTime;
use slab::Slab;

pub use crate::mqtt::broker::access::{AccessList, AccessRule, Right, Who};
use crate::mqtt::broker::agreement::Agreement;
pub use crate::mqtt::broker::authenticate::Verdict;
pub use crate::mqtt::broker::bridge::Attachment;
pub use crate::mqtt::broker::config::{
    Authentication, BeyondInboundWindow, BrokerConfig, OverlappingSubscriptions, SharedSubscriptions,
    WhenQueueFull,
};
use crate::mqtt::broker::directory::Directory;
pub use crate::mqtt::broker::event::{BrokerEvent, DropReason};
pub use crate::mqtt::broker::faults::FaultCodes;
use crate::mqtt::broker::forward::Matched;
pub use crate::mqtt::broker::leave::Memory;
use crate::mqtt::broker::leave::{Absence, StoredWill};
use crate::mqtt::broker::share::{Group, SubscriberIndex};
use crate::mqtt::close::{CloseReason, ProtocolError};
use crate::mqtt::codec::Malformed;
use crate::mqtt::codec::decode::{Decoder, Received};
use crate::mqtt::codec::encode::{Outgoing, encode_bare};
use crate::mqtt::codec::seat::Seat;
use crate::mqtt::late::Late;
use crate::mqtt::packet::{Packet, PacketType, ReasonCode, Version};
use crate::mqtt::session::{ApplicationMessage, Inbound, Outbound};
use crate::mqtt::subscriptions::Subscriptions;
use crate::mqtt::timers::silence::Deadlines;
use crate::mqtt::topic::{TopicFilter, TopicName};
use crate::stream::{Chunk, MessageId};

/// A transport to the server: an index that is used again after `transport_closed`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnectionId(pub u32);

/// A session: an index that is used again after its end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct SessionIndex(u32);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// No CONNECT yet.
    AwaitingConnect,
    /// CONNECT came, and its authentication goes on. MQTT 5.0 §4.12
    Authenticating,
    /// CONNACK 0 was sent.
    Connected(SessionIndex),
    /// The host was asked to close; nothing is read any more.
    Closing,
}

#[derive(Clone, Debug)]
struct Connection {
    decoder: Seat,
    will: Option<Box<StoredWill>>,
    // Of MQTT 5.0 only.
    agreement: Option<Box<Agreement>>,
    last_heard: SimTime,
    // Tells apart the connections that had this index.
    generation: u32,
    stage: Stage,
    keep_alive_s: u16,
    version: Version,
    // Whether the client is a bridge of another server.
    bridge: bool,
}

#[derive(Clone, Debug)]
struct Session {
    client_identifier: Arc<str>,
    user_name: Option<Arc<str>>,
    subscriptions: Late<Vec<TopicFilter>>,
    outbound: Late<Outbound>,
    inbound: Late<Inbound>,
    // What is due while the client is away, if anything is.
    absence: Option<Box<Absence>>,
    connection: Option<ConnectionId>,
    // Seconds that the session outlives its connection; 0: none, `u32::MAX`: for ever.
    expiry_s: u32,
    // The number of the host's bridge that the session belongs to: its copies go to the host.
    bridge: Option<u16>,
    // Number of the routing that found this session last, and where it put it.
    visited: u32,
    visited_at: u32,
}

impl Session {
    // One that ends with its connection and has not done anything yet.
    fn new(client_identifier: Arc<str>) -> Self {
        Session {
            client_identifier,
            user_name: None,
            subscriptions: Late::default(),
            outbound: Late::default(),
            inbound: Late::default(),
            absence: None,
            connection: None,
            expiry_s: 0,
            bridge: None,
            visited: 0,
            visited_at: 0,
        }
    }
}

#[derive(Clone, Debug)]
struct Transmit {
    connection: ConnectionId,
    generation: u32,
    outgoing: Outgoing,
}

/// An MQTT server.
#[derive(Clone, Debug)]
pub struct Broker {
    config: BrokerConfig,
    // The instant of the call at hand.
    now: SimTime,
    connections: Slab<Connection>,
    sessions: Slab<Session>,
    session_of_client: Directory,
    subscriptions: Subscriptions<SubscriberIndex>,
    groups: Slab<Group>,
    group_of_filter: BTreeMap<TopicFilter, u32>,
    shared_members: usize,
    retained: BTreeMap<TopicName, ApplicationMessage>,
    // Silent connections, absent sessions, unanswered packets of sessions.
    deadlines: Deadlines,
    absences: Deadlines,
    retries: Deadlines,
    transmits: VecDeque<Transmit>,
    // Copies for the host's bridges.
    bridged: VecDeque<(u16, ApplicationMessage)>,
    events: VecDeque<BrokerEvent>,
    // Reused by every routing.
    matched: Matched,
    routings: u32,
    generations: u32,
    named_clients: u32,
    connected: u32,
    buffered: usize,
}

impl Broker {
    /// A server without clients.
    #[must_use]
    pub fn new(config: BrokerConfig) -> Self {
        Broker {
            config,
            now: SimTime::ZERO,
            connections: Slab::new(),
            sessions: Slab::new(),
            session_of_client: Directory::default(),
            subscriptions: Subscriptions::new(),
            groups: Slab::new(),
            group_of_filter: BTreeMap::new(),
            shared_members: 0,
            retained: BTreeMap::new(),
            deadlines: Deadlines::default(),
            absences: Deadlines::default(),
            retries: Deadlines::default(),
            transmits: VecDeque::new(),
            bridged: VecDeque::new(),
            events: VecDeque::new(),
            matched: Matched::default(),
            routings: 0,
            generations: 0,
            named_clients: 0,
            connected: 0,
            buffered: 0,
        }
    }

    /// The parameters.
    #[must_use]
    pub const fn config(&self) -> &BrokerConfig {
        &self.config
    }

    /// Transports that are open, CONNECT seen or not.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.connections.len()
    }

    /// Clients whose CONNECT was accepted and who are still connected.
    #[must_use]
    pub const fn connected_count(&self) -> usize {
        self.connected as usize
    }

    /// Sessions, of connected clients and stored ones.
    #[must_use]
    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// Retained messages.
    #[must_use]
    pub fn retained_count(&self) -> usize {
        self.retained.len()
    }

    /// Subscriptions of all sessions.
    #[must_use]
    pub fn subscription_count(&self) -> usize {
        self.subscriptions.len() - self.groups.len() + self.shared_members
    }

    /// Bytes held: incomplete packets, messages in flight and queued (each copy counts), retained
    /// messages and wills.
    #[must_use]
    pub const fn buffered(&self) -> usize {
        self.buffered
    }

    /// A client opened a transport.
    pub fn accept(&mut self, now: SimTime) -> ConnectionId {
        self.now = now;
        self.generations = self.generations.wrapping_add(1);
        let keep_alive_s = self.config.keep_alive_before_connect_s;
        let index = self.connections.insert(Connection {
            decoder: Seat::default(),
            will: None,
            agreement: None,
            last_heard: now,
            generation: self.generations,
            stage: Stage::AwaitingConnect,
            keep_alive_s,
            version: Version::V3_1_1,
            bridge: false,
        });
        let connection = ConnectionId(u32::try_from(index).expect("fewer than 4 G connections"));
        self.watch(connection);
        connection
    }

    /// Bytes arrived from a client.
    ///
    /// # Panics
    /// When the connection does not exist.
    pub fn handle_input(&mut self, now: SimTime, connection: ConnectionId, chunk: Chunk) {
        self.now = now;
        if self.stage(connection) == Stage::Closing {
            return;
        }
        let entry = &mut self.connections[connection.0 as usize];
        let mut decoder = entry.decoder.take(|| {
            let mut decoder = Decoder::of_server(self.config.max_packet_bytes, self.config.tolerance);
            decoder.set_version(entry.version);
            decoder
        });
        self.buffered -= decoder.buffered();
        decoder.feed(chunk);
        while self.stage(connection) != Stage::Closing {
            match decoder.next() {
                Ok(Some(received)) => self.handle_packet(connection, received),
                Ok(None) => {
                    self.buffered += decoder.buffered();
                    break;
                }
                Err(malformed) => {
                    decoder.reset();
                    self.handle_malformed(connection, &decoder, malformed);
                }
            }
        }
        if self.stage(connection) != Stage::Closing {
            self.connections[connection.0 as usize].decoder.give_back(decoder);
        }
    }

    /// A transport is gone, by whatever end; its index is free again.
    ///
    /// # Panics
    /// When the connection does not exist.
    pub fn transport_closed(&mut self, now: SimTime, connection: ConnectionId) {
        self.now = now;
        // MQTT 3.1.1 §3.1.2.5: the will is published when the network connection closes
        self.leave(connection, true);
        self.connections.remove(connection.0 as usize);
    }

    /// The next packet to send, and where.
    pub fn poll_transmit(&mut self) -> Option<(ConnectionId, Outgoing)> {
        loop {
            let Transmit { connection, generation, outgoing } = self.transmits.pop_front()?;
            let open = self.connections.get(connection.0 as usize);
            if open.is_some_and(|open| open.generation == generation) {
                return Some((connection, outgoing));
            }
        }
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<BrokerEvent> {
        self.events.pop_front()
    }

    /// When to call [`Broker::handle_timeout`] next; `None`: not at all.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<SimTime> {
        let [silence, absence, retry] =
            [&self.deadlines, &self.absences, &self.retries].map(|d| d.next().unwrap_or(SimTime::MAX));
        Some(silence.min(absence).min(retry)).filter(|next| *next < SimTime::MAX)
    }

    /// Time has passed. Early or repeated calls do nothing.
    pub fn handle_timeout(&mut self, now: SimTime) {
        self.now = now;
        self.end_silent_connections(now);
        while let Some(session) = self.absences.pop_due(now) {
            self.look_at_absence(SessionIndex(session));
        }
        while let Some(session) = self.retries.pop_due(now) {
            self.retry(SessionIndex(session));
        }
    }

    fn end_silent_connections(&mut self, now: SimTime) {
        while let Some(index) = self.deadlines.pop_due(now) {
            let Connection { last_heard, keep_alive_s, stage, .. } = self.connections[index as usize];
            if self.config.silence_looks.deadline(last_heard, keep_alive_s) > now {
                self.watch(ConnectionId(index));
                continue;
            }
            let reason = match stage {
                Stage::AwaitingConnect | Stage::Authenticating => CloseReason::NoConnect,
                Stage::Connected(_) | Stage::Closing => CloseReason::KeepAliveExpired,
            };
            self.close(ConnectionId(index), reason);
        }
    }

    // Gives a connection its deadline as it stands now.
    fn watch(&mut self, connection: ConnectionId) {
        let Connection { last_heard, keep_alive_s, .. } = self.connections[connection.0 as usize];
        match keep_alive_s {
            0 => self.deadlines.disarm(connection.0),
            _ => {
                let deadline = self.config.silence_looks.deadline(last_heard, keep_alive_s);
                self.deadlines.arm(connection.0, deadline);
            }
        }
    }

    fn stage(&self, connection: ConnectionId) -> Stage {
        self.connections[connection.0 as usize].stage
    }

    fn session(&mut self, session: SessionIndex) -> &mut Session {
        &mut self.sessions[session.0 as usize]
    }

    fn transmit(&mut self, connection: ConnectionId, outgoing: Outgoing) {
        let generation = self.connections[connection.0 as usize].generation;
        self.transmits.push_back(Transmit { connection, generation, outgoing });
    }

    fn version(&self, connection: ConnectionId) -> Version {
        self.connections[connection.0 as usize].version
    }

    fn handle_packet(&mut self, connection: ConnectionId, received: Received) {
        let Received { packet, tag, wire_len } = received;
        let (packet_type, message) = (packet.packet_type(), tag.message);
        self.connections[connection.0 as usize].last_heard = self.now;
        self.events.push_back(BrokerEvent::Received { connection, packet_type, wire_len, message });
        match (self.stage(connection), packet) {
            (Stage::AwaitingConnect, Packet::Connect(connect)) => {
                self.handle_connect(connection, *connect, message);
            }
            // MQTT 3.1.1 §3.1: "the first Packet sent from the Client to the Server MUST be a CONNECT"
            (Stage::AwaitingConnect, _) => {
                self.protocol_error(connection, ProtocolError::FirstPacketNotConnect);
            }
            (Stage::Authenticating, packet) => self.handle_packet_authenticating(connection, packet),
            (Stage::Connected(session), packet) => {
                self.handle_packet_connected(connection, session, packet, message);
            }
            (Stage::Closing, _) => {}
        }
    }

    fn handle_packet_connected(
        &mut self,
        connection: ConnectionId,
        session: SessionIndex,
        packet: Packet,
        message: MessageId,
    ) {
        let packet_type = packet.packet_type();
        match packet {
            Packet::Publish(publish) => self.handle_publish(connection, session, publish, message),
            Packet::Puback(puback) => {
                let id = puback.packet_identifier;
                let acknowledged = self.session(session).outbound.puback(id);
                self.handle_acknowledged(connection, session, id, acknowledged);
            }
            Packet::Pubrec(pubrec) => self.handle_pubrec(connection, session, &pubrec, message),
            Packet::Pubrel(pubrel) => {
                self.handle_pubrel(connection, session, pubrel.packet_identifier, message);
            }
            Packet::Pubcomp(pubcomp) => {
                let id = pubcomp.packet_identifier;
                let acknowledged = self.session(session).outbound.pubcomp(id);
                self.handle_acknowledged(connection, session, id, acknowledged);
            }
            Packet::Subscribe(subscribe) => self.handle_subscribe(connection, session, subscribe),
            Packet::Unsubscribe(unsubscribe) => self.handle_unsubscribe(connection, session, unsubscribe),
            Packet::Pingreq => {
                self.transmit(connection, encode_bare(PacketType::Pingresp, MessageId::NONE));
            }
            Packet::Disconnect(disconnect) => self.handle_disconnect(connection, session, &disconnect),
            Packet::Auth(auth) => self.handle_reauthentication(connection, auth),
            // MQTT 3.1.1 §3.1: "a second CONNECT Packet [is] a protocol violation"
            Packet::Connect(_) => self.protocol_error(connection, ProtocolError::SecondConnect),
            Packet::Connack(_) | Packet::Suback(_) | Packet::Unsuback(_) | Packet::Pingresp => {
                self.protocol_error(connection, ProtocolError::UnexpectedPacket(packet_type));
            }
        }
    }

    fn handle_malformed(&mut self, connection: ConnectionId, decoder: &Decoder, malformed: Malformed) {
        let packet_type = decoder.reading();
        let reason = CloseReason::Malformed(malformed);
        let reason_code = self.config.fault_codes.of_malformed(packet_type, malformed);
        match (self.stage(connection), malformed, packet_type) {
            // MQTT 3.1.1 §3.1.2.2: "MUST respond to the CONNECT Packet with a CONNACK return code 0x01"
            (Stage::AwaitingConnect, Malformed::ProtocolLevel, _) => {
                self.refuse(connection, ReasonCode::UnsupportedProtocolVersion);
            }
            // MQTT 5.0 §4.13.1: "it MAY send a CONNACK packet containing the Reason Code"
            (Stage::AwaitingConnect, _, Some(PacketType::Connect)) if decoder.version().has_properties() => {
                self.connections[connection.0 as usize].version = decoder.version();
                if let Some(reason_code) = reason_code {
                    self.send_refusal(connection, reason_code);
                }
                self.close(connection, reason);
            }
            (Stage::AwaitingConnect, Malformed::UnexpectedPacket(_), _) => {
                self.protocol_error(connection, ProtocolError::FirstPacketNotConnect);
            }
            (_, Malformed::UnexpectedPacket(packet_type), _) => {
                self.protocol_error(connection, ProtocolError::UnexpectedPacket(packet_type));
            }
            _ => self.close_telling(connection, reason, reason_code),
        }
    }

    fn protocol_error(&mut self, connection: ConnectionId, error: ProtocolError) {
        self.close(connection, CloseReason::ProtocolError(error));
    }
}

#[cfg(test)]
mod tests;

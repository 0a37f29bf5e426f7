//! An MQTT server. MQTT 3.1.1 chapters 3 and 4
//!
//! **Models** the whole server side of MQTT 3.1.1: sessions clean and stored, take-over of a Client
//! Identifier, QoS 0, 1 and 2 in both directions with in-flight windows and queues, redelivery with DUP
//! on reconnection only, retained messages, wills, topic filters, keep-alive. Where the standard leaves
//! a choice, or real servers differ from it, [`BrokerConfig`] decides; its default is Mosquitto 2.0.11
//! as measured.
//!
//! **Leaves out** bridges, access control lists, `$SYS` topics, persistence to disk, expiry of stored
//! sessions, limits in bytes, and back-pressure of a slow transport (QoS 0 is never dropped for it).
//!
//! **Validated** by unit tests against client machines over a pipe, by property tests over random
//! connection losses, and against captures (`tests/mqtt_*.rs`).
//!
//! A machine without I/O. The host calls [`Broker::accept`] and `handle_*`, then drains
//! [`Broker::poll_transmit`] and [`Broker::poll_event`], then reads [`Broker::poll_timeout`]. A
//! connection keeps its [`ConnectionId`] until the host reports [`Broker::transport_closed`].

mod config;
mod connect;
mod event;
mod publish;
mod subscribe;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use sim_core::time::SimTime;
use slab::Slab;

pub use crate::mqtt::broker::config::{
    Authentication, BrokerConfig, OverlappingSubscriptions, WhenQueueFull,
};
pub use crate::mqtt::broker::event::{BrokerEvent, DropReason};
use crate::mqtt::close::{CloseReason, ProtocolError};
use crate::mqtt::codec::Malformed;
use crate::mqtt::codec::decode::{Decoder, Received};
use crate::mqtt::codec::encode::{Outgoing, encode_bare};
use crate::mqtt::packet::{ConnectReturnCode, Packet, PacketType, QoS};
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
    /// CONNACK 0 was sent.
    Connected(SessionIndex),
    /// The host was asked to close; nothing is read any more.
    Closing,
}

#[derive(Clone, Debug)]
struct Connection {
    decoder: Decoder,
    will: Option<Box<ApplicationMessage>>,
    last_heard: SimTime,
    // Tells apart the connections that had this index.
    generation: u32,
    stage: Stage,
    keep_alive_s: u16,
}

#[derive(Clone, Debug)]
struct Session {
    client_identifier: Arc<str>,
    subscriptions: Vec<TopicFilter>,
    outbound: Outbound,
    inbound: Inbound,
    connection: Option<ConnectionId>,
    clean: bool,
    // Number of the routing that found this session last, and where it put it.
    visited: u32,
    visited_at: u32,
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
    connections: Slab<Connection>,
    sessions: Slab<Session>,
    session_of_client: BTreeMap<Arc<str>, SessionIndex>,
    subscriptions: Subscriptions<SessionIndex>,
    retained: BTreeMap<TopicName, ApplicationMessage>,
    deadlines: Deadlines,
    transmits: VecDeque<Transmit>,
    events: VecDeque<BrokerEvent>,
    // Reused by every routing.
    matched: Vec<(SessionIndex, QoS)>,
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
            connections: Slab::new(),
            sessions: Slab::new(),
            session_of_client: BTreeMap::new(),
            subscriptions: Subscriptions::new(),
            retained: BTreeMap::new(),
            deadlines: Deadlines::default(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            matched: Vec::new(),
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
    pub const fn subscription_count(&self) -> usize {
        self.subscriptions.len()
    }

    /// Bytes held: incomplete packets, messages in flight and queued (each copy counts), retained
    /// messages and wills.
    #[must_use]
    pub const fn buffered(&self) -> usize {
        self.buffered
    }

    /// A client opened a transport.
    pub fn accept(&mut self, now: SimTime) -> ConnectionId {
        self.generations = self.generations.wrapping_add(1);
        let keep_alive_s = self.config.keep_alive_before_connect_s;
        let index = self.connections.insert(Connection {
            decoder: Decoder::tolerating(self.config.max_packet_bytes, self.config.tolerance),
            will: None,
            last_heard: now,
            generation: self.generations,
            stage: Stage::AwaitingConnect,
            keep_alive_s,
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
        if self.stage(connection) == Stage::Closing {
            return;
        }
        let nothing = Decoder::new(0);
        let mut decoder = std::mem::replace(&mut self.connections[connection.0 as usize].decoder, nothing);
        self.buffered -= decoder.buffered();
        decoder.feed(chunk);
        while self.stage(connection) != Stage::Closing {
            match decoder.next() {
                Ok(Some(received)) => self.handle_packet(now, connection, received),
                Ok(None) => {
                    self.buffered += decoder.buffered();
                    break;
                }
                Err(malformed) => {
                    decoder.reset();
                    self.handle_malformed(connection, malformed);
                }
            }
        }
        if self.stage(connection) != Stage::Closing {
            self.connections[connection.0 as usize].decoder = decoder;
        }
    }

    /// A transport is gone, by whatever end; its index is free again.
    ///
    /// # Panics
    /// When the connection does not exist.
    pub fn transport_closed(&mut self, _now: SimTime, connection: ConnectionId) {
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
        self.deadlines.next()
    }

    /// Time has passed. Early or repeated calls do nothing.
    pub fn handle_timeout(&mut self, now: SimTime) {
        while let Some(index) = self.deadlines.pop_due(now) {
            let Connection { last_heard, keep_alive_s, stage, .. } = self.connections[index as usize];
            if self.config.silence_looks.deadline(last_heard, keep_alive_s) > now {
                self.watch(ConnectionId(index));
                continue;
            }
            let reason = match stage {
                Stage::AwaitingConnect => CloseReason::NoConnect,
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

    fn handle_packet(&mut self, now: SimTime, connection: ConnectionId, received: Received) {
        let Received { packet, tag, wire_len } = received;
        let (packet_type, message) = (packet.packet_type(), tag.message);
        self.connections[connection.0 as usize].last_heard = now;
        self.events.push_back(BrokerEvent::Received { connection, packet_type, wire_len, message });
        match (self.stage(connection), packet) {
            (Stage::AwaitingConnect, Packet::Connect(connect)) => {
                self.handle_connect(connection, *connect, message);
            }
            // MQTT 3.1.1 §3.1: "the first Packet sent from the Client to the Server MUST be a CONNECT"
            (Stage::AwaitingConnect, _) => {
                self.protocol_error(connection, ProtocolError::FirstPacketNotConnect);
            }
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
            Packet::Puback(id) => {
                let acknowledged = self.session(session).outbound.puback(id);
                self.handle_acknowledged(connection, session, id, acknowledged);
            }
            Packet::Pubrec(id) => self.handle_pubrec(connection, session, id, message),
            Packet::Pubrel(id) => self.handle_pubrel(connection, session, id, message),
            Packet::Pubcomp(id) => {
                let acknowledged = self.session(session).outbound.pubcomp(id);
                self.handle_acknowledged(connection, session, id, acknowledged);
            }
            Packet::Subscribe(subscribe) => self.handle_subscribe(connection, session, subscribe),
            Packet::Unsubscribe(unsubscribe) => self.handle_unsubscribe(connection, session, unsubscribe),
            Packet::Pingreq => {
                self.transmit(connection, encode_bare(PacketType::Pingresp, MessageId::NONE));
            }
            Packet::Disconnect => self.close(connection, CloseReason::Disconnected),
            // MQTT 3.1.1 §3.1: "a second CONNECT Packet [is] a protocol violation"
            Packet::Connect(_) => self.protocol_error(connection, ProtocolError::SecondConnect),
            Packet::Connack(_) | Packet::Suback(_) | Packet::Unsuback(_) | Packet::Pingresp => {
                self.protocol_error(connection, ProtocolError::UnexpectedPacket(packet_type));
            }
        }
    }

    fn handle_malformed(&mut self, connection: ConnectionId, malformed: Malformed) {
        // MQTT 3.1.1 §3.1.2.2: "MUST respond to the CONNECT Packet with a CONNACK return code 0x01"
        if malformed == Malformed::ProtocolLevel && self.stage(connection) == Stage::AwaitingConnect {
            self.refuse(connection, ConnectReturnCode::UnacceptableProtocolVersion);
            return;
        }
        self.close(connection, CloseReason::Malformed(malformed));
    }

    fn protocol_error(&mut self, connection: ConnectionId, error: ProtocolError) {
        self.close(connection, CloseReason::ProtocolError(error));
    }
}

#[cfg(test)]
mod tests;

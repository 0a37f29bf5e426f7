//! An MQTT client: what the library in a device does. MQTT 3.1.1 chapters 3 and 4
//!
//! **Models** the whole client side of MQTT 3.1.1: QoS 0, 1 and 2 in both directions with an in-flight
//! window, redelivery with DUP in the original order after (and only after) a reconnection, sessions,
//! wills, subscriptions, and keep-alive as real clients do it ([`crate::mqtt::timers::keep_alive`]).
//!
//! **Leaves out** reconnection itself (the host decides when to open the next transport),
//! resubscription (the application does it on [`ClientEvent::Connected`]), and timeouts for SUBACK and
//! the like, which the standard does not have.
//!
//! **Parameters**: [`ClientConfig`]. **Validated** by unit tests against a broker machine over a pipe,
//! by property tests over random connection losses, and against captures (`tests/mqtt_*.rs`).
//!
//! The client is a machine without I/O: the host calls a command or `handle_*`, then drains
//! [`Client::poll_transmit`] and [`Client::poll_event`], then reads [`Client::poll_timeout`]. What waits
//! to be sent is a short note, encoded when it is polled, so that an idle client is a few hundred bytes.

mod config;
mod deliver;
mod event;

use std::collections::VecDeque;
use std::fmt;

use sim_core::time::SimTime;

pub use crate::mqtt::client::config::ClientConfig;
pub use crate::mqtt::client::event::ClientEvent;
use crate::mqtt::client::event::Happened;
use crate::mqtt::close::CloseReason;
use crate::mqtt::codec::decode::{Decoder, Received};
use crate::mqtt::codec::encode::{Outgoing, encode, encode_acknowledgement, encode_bare, publish_wire_len};
use crate::mqtt::packet::{Packet, PacketIdentifier, PacketType, QoS, Subscribe, Unsubscribe};
use crate::mqtt::session::{ApplicationMessage, Inbound, Outbound};
use crate::mqtt::timers::keep_alive::{KeepAlive, KeepAliveAction};
use crate::mqtt::topic::{TopicFilter, TopicName};
use crate::stream::{Chunk, MessageId, Payload};

/// Why a message was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PublishError {
    /// QoS 0 without a connection, and the client does not queue those.
    NotConnected,
    /// `max_queued` messages wait already.
    QueueFull,
    /// Larger than a control packet can be.
    TooLarge,
}

/// Why a SUBSCRIBE or UNSUBSCRIBE was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RequestError {
    /// There is no transport.
    NotConnected,
    /// No Topic Filter was given.
    NoTopicFilter,
    /// All Packet Identifiers are in use.
    NoPacketIdentifier,
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PublishError::NotConnected => "not connected",
            PublishError::QueueFull => "the queue is full",
            PublishError::TooLarge => "larger than a control packet can be",
        })
    }
}

impl std::error::Error for PublishError {}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RequestError::NotConnected => "not connected",
            RequestError::NoTopicFilter => "no Topic Filter",
            RequestError::NoPacketIdentifier => "no free Packet Identifier",
        })
    }
}

impl std::error::Error for RequestError {}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// No transport.
    Offline,
    /// CONNECT is sent, CONNACK is awaited; nothing else may leave.
    Connecting,
    /// CONNACK 0 was received.
    Connected,
    /// The host was asked to close; nothing is read any more.
    Closing,
}

/// A note of what to send. Messages lie elsewhere, in the order of their notes.
#[derive(Clone, Debug)]
enum Pending {
    Connect,
    Pingreq,
    Disconnect,
    PublishAtMostOnce,
    Publish { packet_identifier: PacketIdentifier, dup: bool },
    Acknowledgement { packet_type: PacketType, packet_identifier: PacketIdentifier, message: MessageId },
    Request(Box<Packet>),
}

/// Messages and requests on their way; made when the first comes.
#[derive(Clone, Debug, Default)]
struct Traffic {
    outbound: Outbound,
    inbound: Inbound,
    at_most_once: VecDeque<ApplicationMessage>,
    arrived: VecDeque<ApplicationMessage>,
    // SUBSCRIBE and UNSUBSCRIBE without their acknowledgement.
    requests: Vec<PacketIdentifier>,
    bytes: usize,
}

/// An MQTT client.
#[derive(Clone, Debug)]
pub struct Client {
    config: ClientConfig,
    decoder: Decoder,
    pending: VecDeque<Pending>,
    happened: VecDeque<Happened>,
    traffic: Option<Box<Traffic>>,
    keep_alive: KeepAlive,
    state: State,
}

impl Client {
    /// A client without a transport.
    #[must_use]
    pub fn new(config: ClientConfig) -> Self {
        let decoder = Decoder::new(config.max_packet_bytes);
        Client {
            config,
            decoder,
            pending: VecDeque::new(),
            happened: VecDeque::new(),
            traffic: None,
            keep_alive: KeepAlive::default(),
            state: State::Offline,
        }
    }

    /// The parameters.
    #[must_use]
    pub const fn config(&self) -> &ClientConfig {
        &self.config
    }

    /// Whether CONNACK was received and nothing has ended the connection since.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.state == State::Connected
    }

    /// Bytes held: of packets not yet complete, and of messages on their way.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.decoder.buffered() + self.traffic.as_ref().map_or(0, |traffic| traffic.bytes)
    }

    /// Messages of QoS 1 and 2 that are not yet acknowledged: (in flight, queued).
    #[must_use]
    pub fn unacknowledged(&self) -> (usize, usize) {
        self.traffic
            .as_ref()
            .map_or((0, 0), |traffic| (traffic.outbound.in_flight().len(), traffic.outbound.queued()))
    }

    /// A transport to the server is open: CONNECT goes out.
    pub fn transport_connected(&mut self, now: SimTime) {
        debug_assert_eq!(self.state, State::Offline, "one transport at a time");
        self.decoder.reset();
        self.pending.clear();
        self.pending.push_back(Pending::Connect);
        self.keep_alive = KeepAlive::start(now);
        self.state = State::Connecting;
    }

    /// The transport is gone, by whatever end. Session state stays.
    pub fn transport_closed(&mut self, _now: SimTime) {
        self.state = State::Offline;
        self.decoder.reset();
        self.pending.clear();
        let Some(traffic) = &mut self.traffic else { return };
        traffic.requests.clear();
        if !self.config.queue_qos_0_offline {
            for application in traffic.at_most_once.drain(..) {
                traffic.bytes -= application.weight();
                self.happened.push_back(Happened::Discarded(application.message));
            }
        }
    }

    /// Publishes a message. It waits for CONNACK and, at QoS 1 and 2, for room in the in-flight window.
    ///
    /// # Errors
    /// When the message cannot be taken; nothing has changed then.
    pub fn publish(
        &mut self,
        now: SimTime,
        topic: TopicName,
        payload: Payload,
        qos: QoS,
        retain: bool,
        message: MessageId,
    ) -> Result<(), PublishError> {
        if publish_wire_len(topic.as_str().len(), payload.len(), qos).is_none() {
            return Err(PublishError::TooLarge);
        }
        let application = ApplicationMessage { topic, payload, message, qos, retain };
        let before = self.pending.len();
        match qos {
            QoS::AtMostOnce => self.publish_at_most_once(application)?,
            QoS::AtLeastOnce | QoS::ExactlyOnce => self.publish_acknowledged(application)?,
        }
        if self.pending.len() > before {
            self.sent(now);
        }
        if self.state == State::Connected {
            self.look(now);
        }
        Ok(())
    }

    fn publish_at_most_once(&mut self, application: ApplicationMessage) -> Result<(), PublishError> {
        match self.state {
            State::Connected => self.pending.push_back(Pending::PublishAtMostOnce),
            State::Connecting => {}
            State::Offline | State::Closing if self.config.queue_qos_0_offline => {}
            State::Offline | State::Closing => return Err(PublishError::NotConnected),
        }
        let traffic = self.traffic.get_or_insert_default();
        traffic.bytes += application.weight();
        traffic.at_most_once.push_back(application);
        Ok(())
    }

    fn publish_acknowledged(&mut self, application: ApplicationMessage) -> Result<(), PublishError> {
        let limit = self.config.max_queued as usize;
        let traffic = self.traffic.get_or_insert_default();
        if limit > 0 && traffic.outbound.queued() >= limit {
            return Err(PublishError::QueueFull);
        }
        traffic.bytes += application.weight();
        traffic.outbound.enqueue(application);
        if self.state == State::Connected {
            self.fill_window();
        }
        Ok(())
    }

    /// Subscribes. The identifier comes back in [`ClientEvent::Subscribed`].
    ///
    /// # Errors
    /// When the request cannot be sent; nothing has changed then.
    pub fn subscribe(
        &mut self,
        now: SimTime,
        filters: Vec<(TopicFilter, QoS)>,
    ) -> Result<PacketIdentifier, RequestError> {
        if filters.is_empty() {
            return Err(RequestError::NoTopicFilter);
        }
        self.request(now, |packet_identifier| Packet::Subscribe(Subscribe { packet_identifier, filters }))
    }

    /// Unsubscribes. The identifier comes back in [`ClientEvent::Unsubscribed`].
    ///
    /// # Errors
    /// When the request cannot be sent; nothing has changed then.
    pub fn unsubscribe(
        &mut self,
        now: SimTime,
        filters: Vec<TopicFilter>,
    ) -> Result<PacketIdentifier, RequestError> {
        if filters.is_empty() {
            return Err(RequestError::NoTopicFilter);
        }
        self.request(now, |packet_identifier| Packet::Unsubscribe(Unsubscribe { packet_identifier, filters }))
    }

    fn request(
        &mut self,
        now: SimTime,
        packet: impl FnOnce(PacketIdentifier) -> Packet,
    ) -> Result<PacketIdentifier, RequestError> {
        match self.state {
            State::Connecting | State::Connected => {}
            State::Offline | State::Closing => return Err(RequestError::NotConnected),
        }
        let Traffic { outbound, requests, .. } = &mut **self.traffic.get_or_insert_default();
        let packet_identifier =
            outbound.identifier(|id| requests.contains(&id)).ok_or(RequestError::NoPacketIdentifier)?;
        requests.push(packet_identifier);
        self.pending.push_back(Pending::Request(Box::new(packet(packet_identifier))));
        self.sent(now);
        if self.state == State::Connected {
            self.look(now);
        }
        Ok(packet_identifier)
    }

    /// Sends a PINGREQ of the application's own, whatever the Keep Alive says; without a connection
    /// nothing happens. MQTT 3.1.1 §3.1.2.10 allows it at any time.
    pub fn ping(&mut self, now: SimTime) {
        match self.state {
            State::Connected => {
                self.pending.push_back(Pending::Pingreq);
                self.sent(now);
            }
            State::Connecting | State::Offline | State::Closing => {}
        }
    }

    /// Sends DISCONNECT and asks the host to close. MQTT 3.1.1 §3.14
    pub fn disconnect(&mut self, now: SimTime) {
        match self.state {
            State::Connecting | State::Connected => {}
            State::Offline | State::Closing => return,
        }
        self.pending.push_back(Pending::Disconnect);
        self.sent(now);
        self.state = State::Closing;
        self.happened.push_back(Happened::Close(CloseReason::Disconnected));
    }

    /// Bytes arrived from the server.
    pub fn handle_input(&mut self, now: SimTime, chunk: Chunk) {
        match self.state {
            State::Connecting | State::Connected => {}
            State::Offline | State::Closing => return,
        }
        self.decoder.feed(chunk);
        loop {
            match self.decoder.next() {
                Ok(Some(Received { packet, tag, wire_len })) => {
                    let (packet_type, message) = (packet.packet_type(), tag.message);
                    self.keep_alive.packet_received(now);
                    self.happened.push_back(Happened::Received { packet_type, wire_len, message });
                    self.handle_packet(now, packet, message);
                }
                Ok(None) => break,
                Err(malformed) => self.close(CloseReason::Malformed(malformed)),
            }
            if self.state == State::Closing {
                return;
            }
        }
        self.look(now);
    }

    /// The next packet to send.
    pub fn poll_transmit(&mut self) -> Option<Outgoing> {
        loop {
            // Only CONNECT may leave before CONNACK here, though MQTT 3.1.1 §3.1.4 would allow more.
            let held_back =
                self.state == State::Connecting && !matches!(self.pending.front(), Some(Pending::Connect));
            if held_back {
                return None;
            }
            let pending = self.pending.pop_front()?;
            if let Some(outgoing) = self.outgoing(pending) {
                return Some(outgoing);
            }
        }
    }

    // `None` when the message was acknowledged before it was sent, which only a hostile server does.
    fn outgoing(&mut self, pending: Pending) -> Option<Outgoing> {
        let outgoing = match pending {
            Pending::Connect => {
                encode(&Packet::Connect(Box::new(self.config.connect())), self.config.will_message)
            }
            Pending::Pingreq => encode_bare(PacketType::Pingreq, MessageId::NONE),
            Pending::Disconnect => encode_bare(PacketType::Disconnect, MessageId::NONE),
            Pending::Acknowledgement { packet_type, packet_identifier, message } => {
                encode_acknowledgement(packet_type, packet_identifier, message)
            }
            Pending::Request(packet) => encode(&packet, MessageId::NONE),
            Pending::Publish { packet_identifier, dup } => {
                let in_flight = self.traffic.as_ref()?.outbound.get(packet_identifier)?;
                in_flight.application.encode(Some(packet_identifier), dup)
            }
            Pending::PublishAtMostOnce => {
                let traffic = self.traffic.as_mut()?;
                let application = traffic.at_most_once.pop_front()?;
                traffic.bytes -= application.weight();
                let message = application.message;
                self.happened.push_back(Happened::Completed { message, packet_identifier: None });
                application.encode(None, false)
            }
        };
        Some(outgoing)
    }

    /// Whether [`poll_event`](Self::poll_event) has something: handing out a QoS 0 PUBLISH completes it.
    #[must_use]
    pub fn has_events(&self) -> bool {
        !self.happened.is_empty()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<ClientEvent> {
        let happened = self.happened.pop_front()?;
        Some(self.event(happened))
    }

    /// When to call [`Client::handle_timeout`] next; `None`: not at all.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<SimTime> {
        match self.state {
            State::Connecting | State::Connected => self.keep_alive.deadline(self.config.keep_alive()),
            State::Offline | State::Closing => None,
        }
    }

    /// Time has passed. Early or repeated calls do nothing.
    pub fn handle_timeout(&mut self, now: SimTime) {
        if self.poll_timeout().is_some_and(|deadline| now >= deadline) {
            self.look(now);
        }
    }

    // The client looks at its keep-alive clocks: whenever it is awake.
    fn look(&mut self, now: SimTime) {
        let action = self.keep_alive.look(self.config.keep_alive(), now);
        match (action, self.state) {
            (KeepAliveAction::None, _) => {}
            // paho and libmosquitto give up a connection that is not acknowledged within K.
            (KeepAliveAction::Ping | KeepAliveAction::Expired, State::Connecting) => {
                self.close(CloseReason::NoConnack);
            }
            (KeepAliveAction::Ping, State::Connected) => self.pending.push_back(Pending::Pingreq),
            (KeepAliveAction::Expired, State::Connected) => self.close(CloseReason::KeepAliveExpired),
            (KeepAliveAction::Ping | KeepAliveAction::Expired, State::Offline | State::Closing) => {}
        }
    }

    fn sent(&mut self, now: SimTime) {
        self.keep_alive.packet_sent(self.config.keep_alive(), now);
    }

    fn close(&mut self, reason: CloseReason) {
        self.pending.clear();
        self.state = State::Closing;
        self.happened.push_back(Happened::Close(reason));
    }
}

#[cfg(test)]
mod tests;

//! An MQTT client: what the library in a device does. MQTT 3.1.1 and 5.0, chapters 3 and 4
//!
//! **Models** the whole client side of MQTT 3.1, 3.1.1 and 5.0: QoS 0, 1 and 2 in both directions with an in-flight
//! window, redelivery with DUP in the original order after (and only after) a reconnection, sessions,
//! wills, subscriptions, and keep-alive as real clients do it ([`crate::mqtt::timers::keep_alive`]); of MQTT
//! 5.0 flow control, packet sizes, Topic Aliases, lifetimes, enhanced authentication, and all properties.
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

mod agreement;
mod config;
mod deliver;
mod error;
mod event;
mod identifier;
mod request;
mod transmit;

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use sim_core::time::SimTime;

use crate::mqtt::client::agreement::Agreement;
pub use crate::mqtt::client::config::ClientConfig;
pub use crate::mqtt::client::error::{PublishError, RequestError};
pub use crate::mqtt::client::event::ClientEvent;
use crate::mqtt::client::event::Happened;
pub use crate::mqtt::client::identifier::{ClientIdentifier, IdentifierPart};
use crate::mqtt::close::CloseReason;
use crate::mqtt::codec::decode::{Decoder, Received};
use crate::mqtt::codec::seat::Seat;
use crate::mqtt::packet::{Packet, PacketIdentifier, PacketType, ReasonCode};
use crate::mqtt::session::{ApplicationMessage, Inbound, Outbound};
use crate::mqtt::timers::keep_alive::{KeepAlive, KeepAliveAction, KeepAliveSettings};
use crate::queue::ShortQueue;
use crate::stream::{Chunk, MessageId};

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
    Disconnect(ReasonCode),
    PublishAtMostOnce,
    Publish { packet_identifier: PacketIdentifier, dup: bool },
    Acknowledgement(Answer),
    Request { packet: Box<Packet>, dup: bool },
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP that is to be sent.
#[derive(Clone, Copy, Debug)]
struct Answer {
    message: MessageId,
    packet_identifier: PacketIdentifier,
    packet_type: PacketType,
    reason_code: ReasonCode,
    dup: bool,
}

/// A SUBSCRIBE or UNSUBSCRIBE that is sent again when it stays unanswered. MQTT 3.1 §4.2
#[derive(Clone, Debug)]
struct Unanswered {
    packet_identifier: PacketIdentifier,
    packet: Box<Packet>,
    sent_at: SimTime,
}

/// Messages and requests on their way; made when the first comes. In the order in which publishing needs them.
#[derive(Clone, Debug)]
#[repr(C)]
struct Traffic {
    bytes: usize,
    // When something was last written to `pending`.
    written_at: SimTime,
    // When something unanswered is to be sent again; `SimTime::MAX`: never.
    retry_at: SimTime,
    // Of MQTT 5.0 only, from CONNACK on.
    agreement: Option<Box<Agreement>>,
    outbound: Outbound,
    // SUBSCRIBE and UNSUBSCRIBE without their acknowledgement.
    requests: Vec<PacketIdentifier>,
    arrived: VecDeque<ApplicationMessage>,
    inbound: Inbound,
    at_most_once: VecDeque<ApplicationMessage>,
    // As `requests`, with their packets, while there is a retry timer.
    unanswered: Vec<Unanswered>,
    // The Client Identifier that the server gave. MQTT 5.0 §3.2.2.3.7
    assigned: Option<Arc<str>>,
}

impl Traffic {
    // Messages that may be in flight at once, of which the client allows `own`; 0: no limit. MQTT 5.0 §4.9
    fn window(&self, own: u16) -> u16 {
        match (&self.agreement, own) {
            (None, own) => own,
            (Some(agreement), 0) => agreement.receive_maximum,
            (Some(agreement), own) => own.min(agreement.receive_maximum),
        }
    }
}

impl Default for Traffic {
    fn default() -> Self {
        Traffic {
            outbound: Outbound::default(),
            inbound: Inbound::default(),
            at_most_once: VecDeque::new(),
            arrived: VecDeque::new(),
            agreement: None,
            assigned: None,
            requests: Vec::new(),
            unanswered: Vec::new(),
            retry_at: SimTime::MAX,
            written_at: SimTime::ZERO,
            bytes: 0,
        }
    }
}

/// An MQTT client.
#[derive(Clone, Debug)]
pub struct Client {
    // Shared by the members of a fleet; what is a client's own stands beside it.
    config: Rc<ClientConfig>,
    // The number in the fleet.
    member: u32,
    bridge: bool,
    decoder: Seat,
    pending: ShortQueue<Pending, 1>,
    happened: ShortQueue<Happened, 2>,
    traffic: Option<Box<Traffic>>,
    keep_alive: KeepAlive,
    state: State,
}

impl Client {
    /// A client without a transport.
    #[must_use]
    pub fn new(config: ClientConfig) -> Self {
        Client::member(Rc::new(config), 0)
    }

    /// One of several clients with the same parameters, and a number in the Client Identifier.
    #[must_use]
    pub fn member(config: Rc<ClientConfig>, member: u32) -> Self {
        Client {
            member,
            bridge: config.bridge,
            config,
            decoder: Seat::default(),
            pending: ShortQueue::default(),
            happened: ShortQueue::default(),
            traffic: None,
            keep_alive: KeepAlive::default(),
            state: State::Offline,
        }
    }

    /// The client as its program starts it again: it has forgotten all but its parameters.
    #[must_use]
    pub fn restarted(&self) -> Self {
        let assigned = self.traffic.as_ref().and_then(|traffic| traffic.assigned.clone());
        let traffic = assigned.map(|name| Box::new(Traffic { assigned: Some(name), ..Traffic::default() }));
        Client { bridge: self.bridge, traffic, ..Client::member(self.config.clone(), self.member) }
    }

    /// The parameters.
    #[must_use]
    pub fn config(&self) -> &ClientConfig {
        &self.config
    }

    /// Names the session at the server: as configured, or as the server of MQTT 5.0 has assigned it.
    #[must_use]
    pub fn client_identifier(&self) -> Arc<str> {
        let assigned = self.traffic.as_ref().and_then(|traffic| traffic.assigned.clone());
        assigned.unwrap_or_else(|| self.config.client_identifier.of(self.member))
    }

    /// From the next CONNECT on, says or does not say that it is a bridge: a server may refuse the one, and
    /// take the other ([`ClientConfig::bridge`]).
    pub fn set_bridge(&mut self, bridge: bool) {
        self.bridge = bridge;
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
        self.decoder = Seat::default();
        if let Some(traffic) = &mut self.traffic {
            traffic.agreement = None;
        }
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
        traffic.unanswered.clear();
        traffic.retry_at = SimTime::MAX;
        if !self.config.queue_qos_0_offline {
            for application in traffic.at_most_once.drain(..) {
                traffic.bytes -= application.weight();
                self.happened.push_back(Happened::Discarded(application.message));
            }
        }
    }

    /// Bytes arrived from the server.
    pub fn handle_input(&mut self, now: SimTime, chunk: Chunk) {
        match self.state {
            State::Connecting | State::Connected => {}
            State::Offline | State::Closing => return,
        }
        let mut decoder = self.decoder.take(|| {
            let mut decoder = Decoder::new(self.config.max_packet_bytes);
            decoder.set_version(self.config.version);
            decoder
        });
        decoder.feed(chunk);
        loop {
            match decoder.next() {
                Ok(Some(Received { packet, tag, wire_len })) => {
                    let (packet_type, message) = (packet.packet_type(), tag.message);
                    self.keep_alive.packet_received(now);
                    self.happened.push_back(Happened::Received { packet_type, wire_len, message });
                    // What is larger than the buffer is read past and forgotten.
                    if wire_len <= self.config.buffer_bytes {
                        self.handle_packet(now, packet, message);
                    }
                }
                Ok(None) => break,
                Err(malformed) => self.close(CloseReason::Malformed(malformed)),
            }
            if self.state == State::Closing {
                self.decoder.give_back(decoder);
                return;
            }
        }
        self.decoder.give_back(decoder);
        self.look(now);
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
            State::Connecting | State::Connected => {
                let retry_at = self.traffic.as_ref().map_or(SimTime::MAX, |traffic| traffic.retry_at);
                let keep_alive = self.keep_alive.deadline(self.keep_alive_settings());
                keep_alive.into_iter().chain(Some(retry_at).filter(|at| *at < SimTime::MAX)).min()
            }
            State::Offline | State::Closing => None,
        }
    }

    /// Time has passed. Early or repeated calls do nothing.
    pub fn handle_timeout(&mut self, now: SimTime) {
        let settings = self.keep_alive_settings();
        if self.poll_timeout().is_none_or(|deadline| now < deadline) {
            return;
        }
        if self.keep_alive.deadline(settings).is_some_and(|deadline| now >= deadline) {
            self.look(now);
        }
        if self.state == State::Connected {
            self.retry(now);
        }
    }

    fn agreement(&self) -> Option<&Agreement> {
        self.traffic.as_ref()?.agreement.as_deref()
    }

    // MQTT 5.0 §3.2.2.3.14: the server may have set another Keep Alive
    fn keep_alive_settings(&self) -> KeepAliveSettings {
        let settings = self.config.keep_alive();
        match self.agreement().and_then(|agreement| agreement.server_keep_alive_s) {
            Some(keep_alive_s) => KeepAliveSettings { keep_alive_s, ..settings },
            None => settings,
        }
    }

    // The client looks at its keep-alive clocks: whenever it is awake.
    fn look(&mut self, now: SimTime) {
        let action = self.keep_alive.look(self.keep_alive_settings(), now);
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
        self.keep_alive.packet_sent(self.keep_alive_settings(), now);
        if let Some(traffic) = &mut self.traffic {
            traffic.written_at = now;
        }
    }

    fn close(&mut self, reason: CloseReason) {
        self.pending.clear();
        // MQTT 5.0 §4.13: the server is told, except of its own silence
        let told = self.state == State::Connected
            && self.config.version.has_properties()
            && reason != CloseReason::KeepAliveExpired;
        if let Some(reason_code) = reason.to_tell().filter(|_| told) {
            self.pending.push_back(Pending::Disconnect(reason_code));
        }
        self.state = State::Closing;
        self.happened.push_back(Happened::Close(reason));
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_five;

//! Ends: of connections, of sessions, of the server; wills. MQTT 3.1.1 §3.1.2.5, MQTT 5.0 §3.1.2.5, §3.14

use std::time::Duration;

use sim_core::time::SimTime;

use crate::mqtt::broker::{Broker, BrokerEvent, ConnectionId, DropReason, SessionIndex, Stage};
use crate::mqtt::close::{CloseReason, ProtocolError};
use crate::mqtt::codec::encode::encode;
use crate::mqtt::message::Attached;
use crate::mqtt::packet::{Disconnect, Packet, Properties, ReasonCode, Will};
use crate::mqtt::session::ApplicationMessage;
use crate::stream::MessageId;

/// A will as the server keeps it.
#[derive(Clone, Debug)]
pub(super) struct StoredWill {
    application: ApplicationMessage,
    // Its lifetime begins when it is published.
    properties: Option<Box<Properties>>,
    delay_s: u32,
}

impl StoredWill {
    pub(super) fn of(will: Will, message: MessageId) -> Self {
        let Will { topic, payload, qos, retain, properties } = will;
        let delay_s = properties.as_ref().and_then(|properties| properties.will_delay_interval_s);
        let application = ApplicationMessage { topic, payload, message, qos, retain, attached: None };
        StoredWill { application, properties, delay_s: delay_s.unwrap_or(0) }
    }

    pub(super) fn weight(&self) -> usize {
        self.application.weight() + self.properties.as_ref().map_or(0, |properties| properties.weight())
    }
}

/// What is due while a client is away.
#[derive(Clone, Debug)]
pub(super) struct Absence {
    /// The will, and when it is published. MQTT 5.0 §3.1.3.2.2
    pub will: Option<(SimTime, Box<StoredWill>)>,
    /// When the session ends; `SimTime::MAX`: never.
    pub session_ends: SimTime,
}

/// What a server that stops finds again when it starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Memory {
    /// What is to outlive a connection: stored sessions with their queues and subscriptions, and
    /// retained messages.
    Persistent,
    /// Nothing.
    Volatile,
}

impl Broker {
    /// Asks the host to close a connection, which ends here for the protocol. A client of MQTT 5.0 is
    /// told the reason where it is not the one who gave it.
    pub(super) fn close(&mut self, connection: ConnectionId, reason: CloseReason) {
        self.close_telling(connection, reason, reason.to_tell());
    }

    /// The same, where the reason alone does not say what the client is told.
    pub(super) fn close_telling(
        &mut self,
        connection: ConnectionId,
        reason: CloseReason,
        reason_code: Option<ReasonCode>,
    ) {
        let entry = &self.connections[connection.0 as usize];
        let tells = matches!(entry.stage, Stage::Connected(_)) && entry.version.has_properties();
        if let Some(reason_code) = reason_code.filter(|_| tells) {
            self.tell_disconnect(connection, reason_code);
        }
        self.events.push_back(BrokerEvent::Close { connection, reason });
        // MQTT 3.1.1 §3.14.4: after DISCONNECT the will is discarded
        self.leave(connection, reason != CloseReason::Disconnected);
    }

    fn tell_disconnect(&mut self, connection: ConnectionId, reason_code: ReasonCode) {
        let disconnect = Packet::Disconnect(Disconnect { reason_code, properties: None });
        let outgoing = encode(&disconnect, self.version(connection), MessageId::NONE);
        self.transmit(connection, outgoing);
    }

    /// Ends the connection of a client for a reason of the host's own; a client of MQTT 5.0 is told it.
    ///
    /// # Panics
    /// When the connection does not exist.
    pub fn disconnect(&mut self, now: SimTime, connection: ConnectionId, reason_code: ReasonCode) {
        self.now = now;
        match self.stage(connection) {
            Stage::Connected(_) => {}
            Stage::AwaitingConnect | Stage::Authenticating | Stage::Closing => return,
        }
        if self.version(connection).has_properties() {
            self.tell_disconnect(connection, reason_code);
        }
        self.close(connection, CloseReason::DisconnectedFor(reason_code));
    }

    // MQTT 5.0 §3.14.4
    pub(super) fn handle_disconnect(
        &mut self,
        connection: ConnectionId,
        session: SessionIndex,
        disconnect: &Disconnect,
    ) {
        let expiry_s = disconnect.properties.as_ref().and_then(|said| said.session_expiry_interval_s);
        if let Some(expiry_s) = expiry_s {
            let agreement = self.connections[connection.0 as usize].agreement.as_ref();
            // MQTT 5.0 §3.14.2.2.2: "If the Session Expiry Interval in the CONNECT packet was zero, then
            // it is a Protocol Error to set a non-zero Session Expiry Interval in the DISCONNECT packet"
            if expiry_s > 0 && !agreement.is_some_and(|agreement| agreement.session_outlives) {
                self.protocol_error(connection, ProtocolError::SessionExpiryRaised);
                return;
            }
            self.session(session).expiry_s = expiry_s.min(self.config.max_session_expiry_s);
        }
        self.close(
            connection,
            match disconnect.reason_code {
                ReasonCode::Success => CloseReason::Disconnected,
                other => CloseReason::DisconnectedFor(other),
            },
        );
    }

    // A connection leaves its session: once, whether the host or this machine ends it.
    pub(super) fn leave(&mut self, connection: ConnectionId, publish_will: bool) {
        let entry = &mut self.connections[connection.0 as usize];
        let stage = std::mem::replace(&mut entry.stage, Stage::Closing);
        let will = entry.will.take();
        entry.agreement = None;
        self.buffered -= entry.decoder.buffered();
        entry.decoder.reset();
        self.deadlines.disarm(connection.0);
        let Stage::Connected(session) = stage else { return };
        self.connected -= 1;
        self.session(session).connection = None;
        self.retries.disarm(session.0);
        let mut will = match will {
            Some(will) if !publish_will => {
                self.buffered -= will.weight();
                None
            }
            other => other,
        };
        if self.session(session).expiry_s == 0 {
            // MQTT 3.1.1 §3.1.2.4: a clean session lasts as long as its connection
            self.end_session(session);
        } else {
            // MQTT 5.0 §3.1.3.2.2: the will is delayed as long as the session lasts
            let delayed = will.take_if(|will| will.delay_s > 0);
            self.begin_absence(session, delayed);
        }
        if let Some(will) = will {
            self.publish_will(*will);
        }
    }

    fn publish_will(&mut self, will: StoredWill) {
        self.buffered -= will.weight();
        let StoredWill { mut application, properties, delay_s: _ } = will;
        application.attached = Attached::of(properties, self.now);
        self.accept_and_route(application, None);
    }

    fn begin_absence(&mut self, session: SessionIndex, will: Option<Box<StoredWill>>) {
        let after = |seconds: u32| self.now.saturating_add(Duration::from_secs(u64::from(seconds)));
        let expiry_s = self.sessions[session.0 as usize].expiry_s;
        let session_ends = if expiry_s == u32::MAX { SimTime::MAX } else { after(expiry_s) };
        let will = will.map(|will| (after(will.delay_s), will));
        let due = will.as_ref().map_or(SimTime::MAX, |will| will.0).min(session_ends);
        if due < SimTime::MAX {
            self.session(session).absence = Some(Box::new(Absence { will, session_ends }));
            self.absences.arm(session.0, due);
        }
    }

    // The client is back, or the session ends. Returns the will that was still to come.
    fn take_absence(&mut self, session: SessionIndex) -> Option<Box<StoredWill>> {
        self.absences.disarm(session.0);
        let (_, will) = self.session(session).absence.take()?.will?;
        Some(will)
    }

    // MQTT 5.0 §3.1.3.2.2: "If a new Network Connection to this Session is made before the Will Delay
    // Interval has passed, the Server MUST NOT send the Will Message"
    pub(super) fn end_absence(&mut self, session: SessionIndex) {
        if let Some(will) = self.take_absence(session) {
            self.buffered -= will.weight();
        }
    }

    pub(super) fn look_at_absence(&mut self, session: SessionIndex) {
        let now = self.now;
        let Some(absence) = &mut self.session(session).absence else { return };
        if absence.session_ends <= now {
            self.end_session(session);
            return;
        }
        let due = absence.will.take_if(|(at, _)| *at <= now);
        let next = absence.will.as_ref().map_or(SimTime::MAX, |will| will.0).min(absence.session_ends);
        if next < SimTime::MAX {
            self.absences.arm(session.0, next);
        }
        if let Some((_, will)) = due {
            self.publish_will(*will);
        }
    }

    pub(super) fn end_session(&mut self, session: SessionIndex) {
        let will = self.take_absence(session);
        let filters = std::mem::take(&mut self.session(session).subscriptions);
        for filter in filters.iter() {
            self.unsubscribe_session(session, filter);
        }
        if self.session(session).bridge.is_none() {
            let name = self.session(session).client_identifier.clone();
            self.session_of_client.remove(&name, &self.sessions);
        }
        let mut ended = self.sessions.remove(session.0 as usize);
        for application in ended.outbound.discard_all().chain(ended.inbound.discard_all()) {
            self.buffered -= application.weight();
            let (message, reason) = (application.message, DropReason::SessionEnded);
            self.events.push_back(BrokerEvent::Dropped { message, reason });
        }
        // MQTT 5.0 §3.1.2.5: the will is published when the session ends, if it was not before
        if let Some(will) = will {
            self.publish_will(*will);
        }
    }

    /// The server stops and starts again at once: all connections are gone without a word, their wills
    /// with them, and what the server knows is what `memory` kept; the host attaches its bridges anew. Nothing that was to be transmitted is,
    /// and the host must forget its [`ConnectionId`]s. Events are for the host still.
    pub fn restart(&mut self, now: SimTime, memory: Memory) {
        self.now = now;
        self.transmits.clear();
        self.bridged.clear();
        for connection in std::mem::take(&mut self.connections) {
            let (index, entry) = connection;
            self.deadlines.disarm(index as u32);
            self.buffered -= entry.decoder.buffered() + entry.will.map_or(0, |will| will.weight());
        }
        self.connected = 0;
        match memory {
            Memory::Persistent => self.start_from_storage(),
            Memory::Volatile => self.start_from_nothing(),
        }
    }

    fn start_from_storage(&mut self) {
        let sessions: Vec<_> = self.sessions.iter().map(|(index, _)| SessionIndex(index as u32)).collect();
        for session in sessions {
            let entry = self.session(session);
            if entry.bridge.is_some() {
                self.end_session(session);
                continue;
            }
            if entry.connection.take().is_none() {
                continue;
            }
            if entry.expiry_s == 0 {
                self.end_session(session);
            } else {
                self.retries.disarm(session.0);
                self.begin_absence(session, None);
            }
        }
    }

    fn start_from_nothing(&mut self) {
        for (_, mut session) in std::mem::take(&mut self.sessions) {
            for application in session.outbound.discard_all().chain(session.inbound.discard_all()) {
                let (message, reason) = (application.message, DropReason::ServerStopped);
                self.events.push_back(BrokerEvent::Dropped { message, reason });
            }
        }
        let fresh = Broker::new(self.config.clone());
        let events = std::mem::take(&mut self.events);
        *self = Broker { now: self.now, generations: self.generations, events, ..fresh };
    }
}

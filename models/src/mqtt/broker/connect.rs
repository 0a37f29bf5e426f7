//! Beginnings and ends: CONNECT, sessions, take-over, wills.

use std::sync::Arc;

use crate::mqtt::broker::{Authentication, Broker, BrokerEvent, ConnectionId, DropReason, Session};
use crate::mqtt::broker::{SessionIndex, Stage};
use crate::mqtt::close::CloseReason;
use crate::mqtt::codec::encode::{encode_acknowledgement, encode_connack};
use crate::mqtt::packet::{Connack, Connect, ConnectReturnCode, PacketType, Will};
use crate::mqtt::session::{ApplicationMessage, Awaiting, Inbound, Outbound};
use crate::stream::MessageId;

impl Broker {
    // MQTT 3.1.1 §3.1.4
    pub(super) fn handle_connect(
        &mut self,
        connection: ConnectionId,
        connect: Connect,
        will_message: MessageId,
    ) {
        if let Err(return_code) = self.check_connect(&connect) {
            self.refuse(connection, return_code);
            return;
        }
        let Connect { clean_session, keep_alive_s, client_identifier, will, .. } = connect;
        let client_identifier = self.name_of(client_identifier);
        let (session, session_present) = self.take_session(&client_identifier, clean_session);
        self.session(session).connection = Some(connection);
        self.session(session).clean = clean_session;
        let will = will.map(|Will { topic, payload, qos, retain }| {
            Box::new(ApplicationMessage { topic, payload, message: will_message, qos, retain })
        });
        self.buffered += will.as_ref().map_or(0, |will| will.weight());
        let entry = &mut self.connections[connection.0 as usize];
        entry.will = will;
        entry.stage = Stage::Connected(session);
        entry.keep_alive_s = keep_alive_s;
        self.connected += 1;
        self.watch(connection);
        let return_code = ConnectReturnCode::Accepted;
        self.transmit(connection, encode_connack(Connack { session_present, return_code }));
        self.events.push_back(BrokerEvent::Connected { connection, session_present });
        self.redeliver(connection, session);
        self.fill_window(session);
    }

    fn check_connect(&self, connect: &Connect) -> Result<(), ConnectReturnCode> {
        // MQTT 3.1.1 §3.1.3.1
        if connect.client_identifier.is_empty()
            && !(connect.clean_session && self.config.accept_empty_client_identifier)
        {
            return Err(ConnectReturnCode::IdentifierRejected);
        }
        if self.config.max_connections > 0 && self.connected >= self.config.max_connections {
            return Err(ConnectReturnCode::ServerUnavailable);
        }
        match (&self.config.authentication, &connect.user_name) {
            (Authentication::Anyone, _) => Ok(()),
            (Authentication::Passwords(_), None) => Err(ConnectReturnCode::NotAuthorized),
            (Authentication::Passwords(passwords), Some(user_name)) => {
                match passwords.get(user_name) == connect.password.as_ref() && connect.password.is_some() {
                    true => Ok(()),
                    false => Err(ConnectReturnCode::BadUserNameOrPassword),
                }
            }
        }
    }

    pub(super) fn refuse(&mut self, connection: ConnectionId, return_code: ConnectReturnCode) {
        // MQTT 3.1.1 §3.2.2.3: the code, "then it MUST close the Network Connection"
        self.transmit(connection, encode_connack(Connack { session_present: false, return_code }));
        self.close(connection, CloseReason::Refused(return_code));
    }

    // MQTT 3.1.1 §3.1.3.1: an empty identifier is given a unique name
    fn name_of(&mut self, client_identifier: Arc<str>) -> Arc<str> {
        if !client_identifier.is_empty() {
            return client_identifier;
        }
        loop {
            self.named_clients += 1;
            let name: Arc<str> = format!("auto-{}", self.named_clients).into();
            if !self.session_of_client.contains_key(&name) {
                return name;
            }
        }
    }

    // The session of a client, and whether it was stored. MQTT 3.1.1 §3.1.2.4
    fn take_session(&mut self, client_identifier: &Arc<str>, clean_session: bool) -> (SessionIndex, bool) {
        let existing = self.session_of_client.get(client_identifier).copied();
        // MQTT 3.1.1 §3.1.4: "the Server MUST disconnect the existing Client"
        if let Some(other) = existing.and_then(|session| self.session(session).connection) {
            self.close(other, CloseReason::TakenOver);
        }
        match self.session_of_client.get(client_identifier).copied() {
            Some(session) if !clean_session => return (session, true),
            Some(session) => self.end_session(session),
            None => {}
        }
        let index = self.sessions.insert(Session {
            client_identifier: client_identifier.clone(),
            subscriptions: Vec::new(),
            outbound: Outbound::default(),
            inbound: Inbound::default(),
            connection: None,
            clean: clean_session,
            visited: 0,
            visited_at: 0,
        });
        let session = SessionIndex(u32::try_from(index).expect("fewer than 4 G sessions"));
        self.session_of_client.insert(client_identifier.clone(), session);
        (session, false)
    }

    // MQTT 3.1.1 §4.4: unacknowledged PUBLISH and PUBREL again, with their identifiers; §4.6: in order
    fn redeliver(&mut self, connection: ConnectionId, session: SessionIndex) {
        let generation = self.connections[connection.0 as usize].generation;
        for entry in self.sessions[session.0 as usize].outbound.in_flight() {
            let id = entry.packet_identifier;
            let outgoing = match entry.awaiting {
                Awaiting::Puback | Awaiting::Pubrec => entry.application.encode(Some(id), true),
                Awaiting::Pubcomp => {
                    encode_acknowledgement(PacketType::Pubrel, id, entry.application.message)
                }
            };
            self.transmits.push_back(super::Transmit { connection, generation, outgoing });
        }
    }

    /// Asks the host to close a connection; for the protocol it ends here.
    pub(super) fn close(&mut self, connection: ConnectionId, reason: CloseReason) {
        self.events.push_back(BrokerEvent::Close { connection, reason });
        // MQTT 3.1.1 §3.14.4: after DISCONNECT the will is discarded
        self.leave(connection, reason != CloseReason::Disconnected);
    }

    // A connection leaves its session: once, whether the host or this machine ends it.
    pub(super) fn leave(&mut self, connection: ConnectionId, publish_will: bool) {
        let entry = &mut self.connections[connection.0 as usize];
        let stage = std::mem::replace(&mut entry.stage, Stage::Closing);
        let will = entry.will.take();
        self.buffered -= entry.decoder.buffered();
        entry.decoder.reset();
        self.deadlines.disarm(connection.0);
        let Stage::Connected(session) = stage else { return };
        self.connected -= 1;
        self.session(session).connection = None;
        // MQTT 3.1.1 §3.1.2.4: a clean session lasts as long as its connection
        if self.session(session).clean {
            self.end_session(session);
        }
        let Some(will) = will else { return };
        self.buffered -= will.weight();
        if publish_will {
            self.accept_and_route(*will);
        }
    }

    fn end_session(&mut self, session: SessionIndex) {
        let mut ended = self.sessions.remove(session.0 as usize);
        self.session_of_client.remove(&ended.client_identifier);
        for filter in &ended.subscriptions {
            self.subscriptions.remove(filter, session);
        }
        for application in ended.outbound.discard_all().chain(ended.inbound.discard_all()) {
            self.buffered -= application.weight();
            let (message, reason) = (application.message, DropReason::SessionEnded);
            self.events.push_back(BrokerEvent::Dropped { message, reason });
        }
    }
}

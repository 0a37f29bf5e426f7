//! Beginnings: CONNECT, sessions, take-over. MQTT 3.1.1 §3.1, MQTT 5.0 §3.1

use std::sync::Arc;

use crate::mqtt::broker::agreement::{Agreement, Exchange};
use crate::mqtt::broker::leave::StoredWill;
use crate::mqtt::broker::{Authentication, Broker, BrokerEvent, ConnectionId, Session, SessionIndex, Stage};
use crate::mqtt::close::{CloseReason, ProtocolError};
use crate::mqtt::codec::encode::{Outgoing, encode_connack};
use crate::mqtt::packet::{Connack, Connect, Properties, ReasonCode, Version};
use crate::stream::MessageId;

/// The longest Client Identifier of MQTT 3.1, in characters. MQTT 3.1 §3.1
const MAX_IDENTIFIER_CHARS_V3_1: usize = 23;

impl Broker {
    // MQTT 3.1.1 §3.1.4
    pub(super) fn handle_connect(
        &mut self,
        connection: ConnectionId,
        connect: Connect,
        will_message: MessageId,
    ) {
        let private = connect.bridge && !self.config.accept_bridges;
        if connect.version > self.config.newest_version || private {
            // MQTT 3.1.1 §3.1.2.2: "the Server MUST respond to the CONNECT Packet with a CONNACK return code
            // 0x01 (unacceptable protocol level)"
            self.refuse(connection, ReasonCode::UnsupportedProtocolVersion);
            return;
        }
        let entry = &mut self.connections[connection.0 as usize];
        entry.version = connect.version;
        entry.bridge = connect.bridge;
        if connect.version.has_properties() {
            entry.agreement = Some(Box::new(Agreement::of(&connect, &self.config)));
        }
        if let Err(reason_code) = self.check_connect(&connect) {
            self.refuse(connection, reason_code);
            return;
        }
        match self.exchange(connection) {
            None => self.accept_connect(connection, connect, will_message, None),
            // MQTT 5.0 §4.12: the exchange comes first
            Some(exchange) => {
                exchange.connect = Some(Box::new((connect, will_message)));
                self.ask_host(connection);
            }
        }
    }

    pub(super) fn exchange(&mut self, connection: ConnectionId) -> Option<&mut Exchange> {
        self.connections[connection.0 as usize].agreement.as_mut()?.exchange.as_mut()
    }

    /// CONNECT is accepted; `authenticated` is the last word of an enhanced authentication.
    pub(super) fn accept_connect(
        &mut self,
        connection: ConnectionId,
        connect: Connect,
        will_message: MessageId,
        authenticated: Option<Arc<[u8]>>,
    ) {
        let version = connect.version;
        let mut announced = match version.has_properties() {
            true => self.answered(connection, &connect, authenticated),
            false => Properties::default(),
        };
        let expiry_s = self.expiry_of(&connect);
        let Connect { clean_session, keep_alive_s, client_identifier, will, user_name, .. } = connect;
        let nameless = client_identifier.is_empty();
        let client_identifier = self.name_of(client_identifier);
        // MQTT 5.0 §3.2.2.3.7
        announced.assigned_client_identifier = nameless.then(|| client_identifier.clone());
        let (session, session_present) = self.take_session(&client_identifier, clean_session);
        let entry = self.session(session);
        entry.connection = Some(connection);
        entry.expiry_s = expiry_s;
        entry.user_name = user_name;
        let will = will.map(|will| Box::new(StoredWill::of(will, will_message)));
        self.buffered += will.as_ref().map_or(0, |will| will.weight());
        let entry = &mut self.connections[connection.0 as usize];
        entry.will = will;
        entry.stage = Stage::Connected(session);
        // MQTT 5.0 §3.2.2.3.14: "the Client MUST use this value"
        entry.keep_alive_s = announced.server_keep_alive_s.unwrap_or(keep_alive_s);
        self.connected += 1;
        self.watch(connection);
        let properties = version.has_properties().then(|| announced.boxed()).flatten();
        let connack = Connack { session_present, reason_code: ReasonCode::Success, properties };
        let connack = encode_connack(&connack, version);
        if !self.may_hear(connection, &connack) {
            self.close_telling(connection, CloseReason::ProtocolError(ProtocolError::AnswerTooLarge), None);
            return;
        }
        self.transmit(connection, connack);
        self.events.push_back(BrokerEvent::Connected { connection, session_present });
        if self.session(session).outbound.is_made() {
            self.session(session).outbound.begin_connection();
            self.fill_window(session);
        }
    }

    // What CONNACK of MQTT 5.0 says. MQTT 5.0 §3.2.2.3
    fn answered(
        &mut self,
        connection: ConnectionId,
        connect: &Connect,
        authenticated: Option<Arc<[u8]>>,
    ) -> Properties {
        let none = Properties::default();
        let asked = connect.properties.as_deref().unwrap_or(&none);
        let mut answer = self.config.announced();
        let expiry_s = self.expiry_of(connect);
        // "The Server uses this property to inform the Client that it is using a value other"
        answer.session_expiry_interval_s =
            Some(expiry_s).filter(|expiry_s| *expiry_s != asked.session_expiry_interval_s.unwrap_or(0));
        let keep_alive_s = self.config.keep_alive_for(connect.keep_alive_s);
        answer.server_keep_alive_s = Some(keep_alive_s).filter(|agreed| *agreed != connect.keep_alive_s);
        if asked.request_response_information == Some(true) {
            answer.response_information = self.config.response_information.clone();
        }
        if let Some(exchange) = self.exchange(connection) {
            answer.authentication_method = Some(exchange.method.clone());
            answer.authentication_data = authenticated;
        }
        answer
    }

    // MQTT 3.1.1 §3.1.2.4: clean or for ever; MQTT 5.0 §3.1.2.11.2
    fn expiry_of(&self, connect: &Connect) -> u32 {
        match connect.version {
            Version::V3_1 | Version::V3_1_1 if connect.clean_session => 0,
            Version::V3_1 | Version::V3_1_1 => u32::MAX,
            Version::V5_0 => {
                let asked = connect.properties.as_ref().and_then(|asked| asked.session_expiry_interval_s);
                asked.unwrap_or(0).min(self.config.max_session_expiry_s)
            }
        }
    }

    fn check_connect(&self, connect: &Connect) -> Result<(), ReasonCode> {
        let nameless = connect.client_identifier.is_empty();
        let may_be_nameless = match connect.version {
            Version::V3_1 => false,
            // MQTT 3.1.1 §3.1.3.1
            Version::V3_1_1 => connect.clean_session,
            Version::V5_0 => true,
        };
        if nameless && !(may_be_nameless && self.config.accept_empty_client_identifier) {
            return Err(ReasonCode::ClientIdentifierNotValid);
        }
        // MQTT 3.1 §3.1: "If the Client ID contains more than 23 characters, the server responds to the
        // CONNECT message with a CONNACK return code 2: Identifier Rejected."
        if connect.version == Version::V3_1
            && self.config.limit_v3_1_identifiers
            && connect.client_identifier.chars().count() > MAX_IDENTIFIER_CHARS_V3_1
        {
            return Err(ReasonCode::ClientIdentifierNotValid);
        }
        if self.config.max_connections > 0 && self.connected >= self.config.max_connections {
            return Err(ReasonCode::ServerUnavailable);
        }
        self.check_will(connect)?;
        self.check_identity(connect)
    }

    // MQTT 5.0 §3.2.2.3.4, §3.2.2.3.5
    fn check_will(&self, connect: &Connect) -> Result<(), ReasonCode> {
        match &connect.will {
            Some(will) if connect.version.has_properties() => {
                if will.qos > self.config.maximum_qos {
                    return Err(ReasonCode::QoSNotSupported);
                }
                if will.retain && !self.config.retain_available {
                    return Err(ReasonCode::RetainNotSupported);
                }
                Ok(())
            }
            Some(_) | None => Ok(()),
        }
    }

    fn check_identity(&self, connect: &Connect) -> Result<(), ReasonCode> {
        let method = connect.properties.as_ref().and_then(|asked| asked.authentication_method.as_ref());
        if let Some(method) = method {
            // MQTT 5.0 §4.12
            return match self.config.authentication_methods.contains(method) {
                true => Ok(()),
                false => Err(ReasonCode::BadAuthenticationMethod),
            };
        }
        match (&self.config.authentication, &connect.user_name) {
            (Authentication::Anyone, _) => Ok(()),
            (Authentication::Passwords(_), None) => Err(ReasonCode::NotAuthorized),
            (Authentication::Passwords(passwords), Some(user_name)) => {
                match passwords.get(user_name) == connect.password.as_ref() && connect.password.is_some() {
                    true => Ok(()),
                    false => Err(ReasonCode::BadUserNameOrPassword),
                }
            }
        }
    }

    pub(super) fn refuse(&mut self, connection: ConnectionId, reason_code: ReasonCode) {
        // MQTT 3.1.1 §3.2.2.3: the code, "then it MUST close the Network Connection"
        self.send_refusal(connection, reason_code);
        self.close(connection, CloseReason::Refused(reason_code));
    }

    pub(super) fn send_refusal(&mut self, connection: ConnectionId, reason_code: ReasonCode) {
        let connack = Connack { session_present: false, reason_code, properties: None };
        let outgoing = encode_connack(&connack, self.version(connection));
        if self.may_hear(connection, &outgoing) {
            self.transmit(connection, outgoing);
        }
    }

    // MQTT 5.0 §3.1.2.11.4: "The Server MUST NOT send packets exceeding Maximum Packet Size to the Client"
    pub(super) fn may_hear(&self, connection: ConnectionId, outgoing: &Outgoing) -> bool {
        outgoing.wire_len <= self.connections[connection.0 as usize].max_packet_bytes()
    }

    /// An answer that must be given; a client that is not able to hear it is parted with.
    pub(super) fn answer(&mut self, connection: ConnectionId, outgoing: Outgoing) -> bool {
        let may_hear = self.may_hear(connection, &outgoing);
        match may_hear {
            true => self.transmit(connection, outgoing),
            false => self.protocol_error(connection, ProtocolError::AnswerTooLarge),
        }
        may_hear
    }

    // MQTT 3.1.1 §3.1.3.1: an empty identifier is given a unique name
    fn name_of(&mut self, client_identifier: Arc<str>) -> Arc<str> {
        if !client_identifier.is_empty() {
            return client_identifier;
        }
        loop {
            self.named_clients += 1;
            // As long as Mosquitto's: a number in the form of a UUID.
            let name: Arc<str> = format!("auto-00000000-0000-0000-0000-{:012X}", self.named_clients).into();
            if self.session_of_client.get(&name, &self.sessions).is_none() {
                return name;
            }
        }
    }

    // The session of a client, and whether it was stored. MQTT 3.1.1 §3.1.2.4
    fn take_session(&mut self, client_identifier: &Arc<str>, clean_start: bool) -> (SessionIndex, bool) {
        let existing = self.session_of_client.get(client_identifier, &self.sessions);
        // MQTT 3.1.1 §3.1.4: "the Server MUST disconnect the existing Client"
        if let Some(other) = existing.and_then(|session| self.session(session).connection) {
            self.close(other, CloseReason::TakenOver);
        }
        match self.session_of_client.get(client_identifier, &self.sessions) {
            Some(session) if !clean_start => {
                self.end_absence(session);
                return (session, true);
            }
            Some(session) => self.end_session(session),
            None => {}
        }
        let index = self.sessions.insert(Session::new(client_identifier.clone()));
        let session = SessionIndex(u32::try_from(index).expect("fewer than 4 G sessions"));
        self.session_of_client.insert(session, &self.sessions);
        (session, false)
    }
}

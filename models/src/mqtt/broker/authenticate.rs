//! Enhanced authentication: the exchange, whose content the host decides. MQTT 5.0 §4.12
//!
//! The server knows the methods' names ([`BrokerConfig::authentication_methods`]) and keeps the order of the
//! packets; what the data mean is the host's business. [`BrokerEvent::Authenticate`] asks it, it reads
//! [`Broker::authentication`], and answers with [`Broker::answer_authentication`].
//!
//! [`BrokerConfig::authentication_methods`]: crate::mqtt::BrokerConfig::authentication_methods

use std::sync::Arc;

use sim_core::time::SimTime;

use crate::mqtt::broker::{Broker, BrokerEvent, ConnectionId, Stage};
use crate::mqtt::close::{CloseReason, ProtocolError};
use crate::mqtt::codec::encode::encode;
use crate::mqtt::packet::{Auth, Packet, Properties, ReasonCode};
use crate::stream::MessageId;

/// What the host says to a client's authentication.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// AUTH 0x18 with these data: the client is to go on.
    Continue(Option<Arc<[u8]>>),
    /// The client is who it says it is; CONNACK, or AUTH 0x00, carries these data.
    Success(Option<Arc<[u8]>>),
    /// It is not: CONNACK, or DISCONNECT, carries this code.
    Refuse(ReasonCode),
}

impl Broker {
    /// The method and the last data of an authentication that waits for the host.
    ///
    /// # Panics
    /// When the connection does not exist.
    #[must_use]
    pub fn authentication(&self, connection: ConnectionId) -> Option<(&str, Option<&[u8]>)> {
        let agreement = self.connections[connection.0 as usize].agreement.as_ref()?;
        let exchange = agreement.exchange.as_ref().filter(|exchange| exchange.open)?;
        Some((&exchange.method, exchange.data.as_deref()))
    }

    /// The host's answer to [`BrokerEvent::Authenticate`]; without a question nothing happens.
    ///
    /// # Panics
    /// When the connection does not exist.
    pub fn answer_authentication(&mut self, now: SimTime, connection: ConnectionId, verdict: Verdict) {
        self.now = now;
        let Some(exchange) = self.exchange(connection).filter(|exchange| exchange.open) else { return };
        exchange.open = false;
        let method = exchange.method.clone();
        match verdict {
            Verdict::Continue(data) => {
                self.send_auth(connection, ReasonCode::ContinueAuthentication, method, data);
            }
            Verdict::Success(data) => match exchange.connect.take() {
                Some(connect) => {
                    let (connect, will_message) = *connect;
                    self.accept_connect(connection, connect, will_message, data);
                }
                None => self.send_auth(connection, ReasonCode::Success, method, data),
            },
            Verdict::Refuse(reason_code) => match self.stage(connection) {
                Stage::Connected(_) => self.disconnect(now, connection, reason_code),
                Stage::AwaitingConnect | Stage::Authenticating | Stage::Closing => {
                    self.refuse(connection, reason_code);
                }
            },
        }
    }

    fn send_auth(
        &mut self,
        connection: ConnectionId,
        reason_code: ReasonCode,
        method: Arc<str>,
        data: Option<Arc<[u8]>>,
    ) {
        let (authentication_method, authentication_data) = (Some(method), data);
        let properties =
            Properties { authentication_method, authentication_data, ..Properties::default() }.boxed();
        let auth = Packet::Auth(Auth { reason_code, properties });
        let auth = encode(&auth, self.version(connection), MessageId::NONE);
        self.answer(connection, auth);
    }

    /// Leaves the client's authentication to the host.
    pub(super) fn ask_host(&mut self, connection: ConnectionId) {
        if let Some(exchange) = self.exchange(connection) {
            exchange.open = true;
        }
        let entry = &mut self.connections[connection.0 as usize];
        if entry.stage == Stage::AwaitingConnect {
            entry.stage = Stage::Authenticating;
        }
        self.events.push_back(BrokerEvent::Authenticate { connection });
    }

    // MQTT 5.0 §3.1.2.11.9: before CONNACK, "the Client MUST NOT send any packets other than AUTH or
    // DISCONNECT"
    pub(super) fn handle_packet_authenticating(&mut self, connection: ConnectionId, packet: Packet) {
        match packet {
            Packet::Auth(auth) => self.handle_auth(connection, auth, ReasonCode::ContinueAuthentication),
            Packet::Disconnect(_) => self.close(connection, CloseReason::Disconnected),
            other => {
                let error = ProtocolError::UnexpectedPacket(other.packet_type());
                self.close(connection, CloseReason::ProtocolError(error));
            }
        }
    }

    // MQTT 5.0 §4.12.1
    pub(super) fn handle_reauthentication(&mut self, connection: ConnectionId, auth: Auth) {
        let expected = match auth.reason_code {
            ReasonCode::ReAuthenticate => ReasonCode::ReAuthenticate,
            _ => ReasonCode::ContinueAuthentication,
        };
        self.handle_auth(connection, auth, expected);
    }

    fn handle_auth(&mut self, connection: ConnectionId, auth: Auth, expected: ReasonCode) {
        let properties = auth.properties.map(|properties| *properties).unwrap_or_default();
        match self.exchange(connection) {
            // "the Authentication Method [...] MUST be the same in all AUTH packets"
            Some(exchange)
                if auth.reason_code == expected
                    && !exchange.open
                    && properties.authentication_method.as_ref() == Some(&exchange.method) =>
            {
                exchange.data = properties.authentication_data;
                self.ask_host(connection);
            }
            Some(_) | None => {
                let error = ProtocolError::Authentication;
                match self.stage(connection) {
                    Stage::Authenticating => self.refuse(connection, error.reason_code()),
                    Stage::AwaitingConnect | Stage::Connected(_) | Stage::Closing => {
                        self.protocol_error(connection, error);
                    }
                }
            }
        }
    }
}

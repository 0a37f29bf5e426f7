//! The handshakes: which message is answered by which flight.

use super::{
    Connection, Event, Failure, Key, Message, Offer, Operation, Outgoing, Session, State, Version, hello,
    message, ticket_len,
};
use crate::tls::Config;

/// Longest handshake message that is taken, as in OpenSSL (`SSL_MAX_CERT_LIST_DEFAULT`).
const LONGEST_MESSAGE: usize = 100 * 1024;

impl Connection {
    pub(super) fn send_client_hello(&mut self) {
        let config = self.config.clone();
        if config.version == Version::Tls13 {
            self.operations.push_back(Operation::KeyPair);
        }
        let hello = hello::client_hello(&config, self.session, &mut self.fill);
        let mut flight = Outgoing::default();
        flight.message(self, Message::ClientHello, &hello);
        self.send(flight);
        self.state = State::WaitServerHello;
    }

    /// Handles the handshake messages that are whole.
    pub(super) fn handle_messages(&mut self) {
        const HEADER: usize = 4;
        let mut messages = std::mem::take(&mut self.messages);
        let mut at = 0;
        while self.state != State::Closed && messages.len() - at >= HEADER {
            let len = u32::from_be_bytes([0, messages[at + 1], messages[at + 2], messages[at + 3]]) as usize;
            let Some(kind) = Message::from_handshake_type(messages[at]) else {
                self.fail(Failure::UnexpectedMessage);
                return;
            };
            if len > LONGEST_MESSAGE {
                self.fail(Failure::DecodeError);
                return;
            }
            if messages.len() - at < HEADER + len {
                break;
            }
            self.operations.push_back(Operation::Transcript((HEADER + len) as u32));
            if let Err(failure) = self.handle_message(kind, &messages[at + HEADER..at + HEADER + len]) {
                self.fail(failure);
                return;
            }
            at += HEADER + len;
        }
        messages.drain(..at);
        self.messages = messages;
    }

    fn handle_message(&mut self, kind: Message, body: &[u8]) -> Result<(), Failure> {
        match (self.state, kind) {
            (State::Start, Message::ClientHello) if self.server => self.handle_client_hello(body),
            (State::WaitServerHello, Message::ServerHello) => self.handle_server_hello(body),
            (State::WaitServerHelloDone | State::WaitFinished, Message::Certificate) => {
                let (count, len) = certificates(self.config.version, body).ok_or(Failure::DecodeError)?;
                self.learnt.certificates = count;
                self.learnt.certificate_len = len;
                Ok(())
            }
            (State::WaitServerHelloDone, Message::ServerKeyExchange)
            | (State::WaitFinished, Message::CertificateVerify) => {
                let key = hello::signing_key(body, self.config.version, kind);
                self.learnt.peer_key = Some(key.ok_or(Failure::DecodeError)?);
                Ok(())
            }
            (State::WaitServerHelloDone | State::WaitFinished, Message::CertificateRequest)
                if !self.server =>
            {
                self.learnt.asked = true;
                Ok(())
            }
            (State::WaitServerHelloDone, Message::ServerHelloDone) => self.answer_server_hello_done(),
            (State::WaitFinished, Message::ClientKeyExchange) if self.server => {
                self.operations.push_back(Operation::Agreement);
                Ok(())
            }
            (State::WaitFinished, Message::EncryptedExtensions) if !self.server => Ok(()),
            (State::WaitFinished | State::Connected, Message::NewSessionTicket) if !self.server => {
                self.handle_ticket(body)
            }
            (State::WaitFinished, Message::Finished) => self.handle_finished(),
            (
                State::Start
                | State::WaitServerHello
                | State::WaitServerHelloDone
                | State::WaitFinished
                | State::Connected
                | State::Closed,
                _,
            ) => Err(Failure::UnexpectedMessage),
        }
    }

    fn handle_client_hello(&mut self, body: &[u8]) -> Result<(), Failure> {
        let offer = hello::read_client_hello(body).ok_or(Failure::DecodeError)?;
        let config = self.config.clone();
        if offer.version != config.version {
            return Err(Failure::ProtocolVersion);
        }
        if let Some(fragment) = offer.fragment {
            self.max_fragment = self.max_fragment.min(usize::from(fragment));
        }
        self.learnt.tickets = offer.ticket_support && config.tickets > 0;
        self.learnt.resumed = offer.resumes && config.tickets > 0;
        let key = config.certificate.as_ref().map_or(Key::Rsa2048, |certificate| certificate.key);
        match config.version {
            Version::Tls12 => self.answer_1_2(&config, key, &offer),
            Version::Tls13 => self.answer_1_3(&config, key, &offer),
        }
        self.state = State::WaitFinished;
        Ok(())
    }

    /// RFC 5246 §7.3; a resumption ends with the client's Finished (RFC 5077 §3.1).
    fn answer_1_2(&mut self, config: &Config, key: Key, offer: &Offer) {
        let resumed = self.learnt.resumed;
        let hello = hello::server_hello(config, key, offer, resumed, &mut self.fill);
        let mut flight = Outgoing::default();
        flight.message(self, Message::ServerHello, &hello);
        if resumed {
            flight.change_cipher_spec(self);
            let finished = message::finished(config, &mut self.fill);
            flight.message(self, Message::Finished, &finished);
        } else {
            self.operations.extend([Operation::KeyPair, Operation::Sign(key)]);
            let certificate =
                message::certificate(config.version, config.certificate.as_ref(), &mut self.fill);
            flight.message(self, Message::Certificate, &certificate);
            let group = if offer.group == Some(0x0017) {
                super::super::Group::Secp256r1
            } else {
                super::super::Group::X25519
            };
            let exchange = message::server_key_exchange(group, key, &mut self.fill);
            flight.message(self, Message::ServerKeyExchange, &exchange);
            if config.client_certificate {
                let request = message::certificate_request(config.version);
                flight.message(self, Message::CertificateRequest, &request);
            }
            flight.message(self, Message::ServerHelloDone, &message::message(Message::ServerHelloDone, &[]));
        }
        self.send(flight);
    }

    /// RFC 8446 §2
    fn answer_1_3(&mut self, config: &Config, key: Key, offer: &Offer) {
        let resumed = self.learnt.resumed;
        let hello = hello::server_hello(config, key, offer, resumed, &mut self.fill);
        let mut flight = Outgoing::default();
        flight.message(self, Message::ServerHello, &hello);
        if !resumed || offer.fresh_keys {
            self.operations.extend([Operation::KeyPair, Operation::Agreement]);
        }
        // RFC 8446 §D.4: for middleboxes, right behind the hello.
        flight.change_cipher_spec(self);
        flight.message(self, Message::EncryptedExtensions, &hello::encrypted_extensions(offer));
        if !resumed {
            if config.client_certificate {
                let request = message::certificate_request(config.version);
                flight.message(self, Message::CertificateRequest, &request);
            }
            let certificate =
                message::certificate(config.version, config.certificate.as_ref(), &mut self.fill);
            flight.message(self, Message::Certificate, &certificate);
            self.operations.push_back(Operation::Sign(key));
            let verify = message::certificate_verify(key, &mut self.fill);
            flight.message(self, Message::CertificateVerify, &verify);
        }
        let finished = message::finished(config, &mut self.fill);
        flight.message(self, Message::Finished, &finished);
        self.receiving = Some(self.protection());
        self.send(flight);
    }

    fn handle_server_hello(&mut self, body: &[u8]) -> Result<(), Failure> {
        let answer = hello::read_server_hello(body).ok_or(Failure::DecodeError)?;
        if answer.version != self.config.version {
            return Err(Failure::ProtocolVersion);
        }
        self.cipher = answer.cipher;
        self.learnt.resumed = answer.resumed;
        self.state = match (answer.version, answer.resumed) {
            (Version::Tls12, false) => State::WaitServerHelloDone,
            (Version::Tls12, true) => State::WaitFinished,
            (Version::Tls13, _) => {
                if answer.fresh_keys {
                    self.operations.push_back(Operation::Agreement);
                }
                self.receiving = Some(self.protection());
                State::WaitFinished
            }
        };
        Ok(())
    }

    /// A client of TLS 1.2 sends its second flight.
    fn answer_server_hello_done(&mut self) -> Result<(), Failure> {
        let config = self.config.clone();
        self.check_peer()?;
        let mut flight = Outgoing::default();
        if self.learnt.asked {
            let certificate =
                message::certificate(config.version, config.certificate.as_ref(), &mut self.fill);
            flight.message(self, Message::Certificate, &certificate);
        }
        self.operations.extend([Operation::KeyPair, Operation::Agreement]);
        let exchange = message::client_key_exchange(config.group, &mut self.fill);
        flight.message(self, Message::ClientKeyExchange, &exchange);
        self.prove(&config, &mut flight);
        flight.change_cipher_spec(self);
        let finished =
            message::finished(&Config { cipher: self.cipher, ..(*config).clone() }, &mut self.fill);
        flight.message(self, Message::Finished, &finished);
        self.send(flight);
        self.state = State::WaitFinished;
        Ok(())
    }

    /// Signs with the own certificate's key, if the server asked and there is one.
    fn prove(&mut self, config: &Config, flight: &mut Outgoing) {
        if let Some(own) = config.certificate.as_ref().filter(|_| self.learnt.asked) {
            self.operations.push_back(Operation::Sign(own.key));
            let verify = message::certificate_verify(own.key, &mut self.fill);
            flight.message(self, Message::CertificateVerify, &verify);
        }
    }

    /// Pays for the check of the peer's certificates and of its signature.
    fn check_peer(&mut self) -> Result<(), Failure> {
        let key = self.learnt.peer_key.ok_or(Failure::HandshakeFailure)?;
        for _ in 0..=self.learnt.certificates {
            self.operations.push_back(Operation::Verify(key));
        }
        Ok(())
    }

    fn handle_finished(&mut self) -> Result<(), Failure> {
        if self.receiving.is_none() {
            return Err(Failure::UnexpectedMessage);
        }
        let config = self.config.clone();
        if self.server { self.server_finished(&config) } else { self.client_finished(&config) }?;
        self.state = State::Connected;
        self.events.push_back(Event::Connected { resumed: self.learnt.resumed });
        Ok(())
    }

    /// The server's Finished came to a client.
    fn client_finished(&mut self, config: &Config) -> Result<(), Failure> {
        let suited = Config { cipher: self.cipher, ..config.clone() };
        let mut flight = Outgoing::default();
        match (config.version, self.learnt.resumed) {
            (Version::Tls12, false) => return Ok(()),
            (Version::Tls12, true) => flight.change_cipher_spec(self),
            (Version::Tls13, resumed) => {
                if !resumed {
                    self.check_peer()?;
                }
                flight.change_cipher_spec(self);
                if self.learnt.asked {
                    let own = config.certificate.as_ref();
                    let certificate = message::certificate(config.version, own, &mut self.fill);
                    flight.message(self, Message::Certificate, &certificate);
                    self.prove(config, &mut flight);
                }
            }
        }
        let finished = message::finished(&suited, &mut self.fill);
        flight.message(self, Message::Finished, &finished);
        self.send(flight);
        Ok(())
    }

    /// The client's Finished came to a server.
    fn server_finished(&mut self, config: &Config) -> Result<(), Failure> {
        let resumed = self.learnt.resumed;
        if config.client_certificate && !resumed {
            // RFC 5246 §7.4.6: a client without one sends an empty list.
            if self.learnt.certificates == 0 {
                return Err(Failure::HandshakeFailure);
            }
            self.check_peer()?;
        }
        match config.version {
            Version::Tls12 if resumed => {}
            Version::Tls12 => {
                let mut flight = Outgoing::default();
                if self.learnt.tickets {
                    self.add_ticket(config, &mut flight);
                }
                flight.change_cipher_spec(self);
                let finished = message::finished(config, &mut self.fill);
                flight.message(self, Message::Finished, &finished);
                self.send(flight);
            }
            Version::Tls13 => {
                // Each is a write of its own.
                let most = if resumed { 1 } else { config.tickets };
                for _ in 0..config.tickets.min(most) {
                    let mut flight = Outgoing::default();
                    self.add_ticket(config, &mut flight);
                    self.send(flight);
                }
            }
        }
        Ok(())
    }

    fn add_ticket(&mut self, config: &Config, flight: &mut Outgoing) {
        let age_add = self.fill.next() as u32;
        let len = ticket_len(config, self.learnt.certificate_len, age_add);
        let ticket = message::new_session_ticket(config.version, len, age_add, &mut self.fill);
        flight.message(self, Message::NewSessionTicket, &ticket);
    }

    fn handle_ticket(&mut self, body: &[u8]) -> Result<(), Failure> {
        // Lifetime, and in TLS 1.3 age_add and a nonce with its length.
        let at = match self.config.version {
            Version::Tls12 => 4,
            Version::Tls13 => 9 + usize::from(*body.get(8).ok_or(Failure::DecodeError)?),
        };
        let len = body.get(at..at + 2).ok_or(Failure::DecodeError)?;
        let ticket_len = u16::from_be_bytes([len[0], len[1]]);
        self.events.push_back(Event::Ticket(Session { version: self.config.version, ticket_len }));
        Ok(())
    }
}

/// Number of certificates in a Certificate message, and the length of the first.
fn certificates(version: Version, body: &[u8]) -> Option<(u32, Option<usize>)> {
    let mut rest = match version {
        Version::Tls12 => body.get(3..)?,
        Version::Tls13 => body.get(4 + usize::from(*body.first()?)..)?,
    };
    let (mut count, mut first) = (0, None);
    while !rest.is_empty() {
        let len = u32::from_be_bytes([0, *rest.first()?, *rest.get(1)?, *rest.get(2)?]) as usize;
        rest = rest.get(3 + len..)?;
        if version == Version::Tls13 {
            let extensions = usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?]));
            rest = rest.get(2 + extensions..)?;
        }
        first = first.or(Some(len));
        count += 1;
    }
    Some((count, first))
}

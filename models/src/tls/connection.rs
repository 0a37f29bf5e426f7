//! One end of a TLS connection.

use std::collections::VecDeque;
use std::sync::Arc;

use smallvec::SmallVec;

use super::config::{Config, Key, Version};
use super::fill::Fill;
use super::hello::{self, Offer};
use super::message::{self, Message};
use super::record::{self, ContentType, Incoming, MAX_PLAINTEXT, Protection, Record, RecordError};
use super::session::{Session, ticket_len};
use crate::cause::Cause;
use crate::stream::{Chunk, Payload, Tag};

mod handshake;

/// Work that this end has done, to be paid for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// A key pair of the key exchange was made.
    KeyPair,
    /// A shared secret was computed.
    Agreement,
    /// Something was signed.
    Sign(Key),
    /// A signature was verified.
    Verify(Key),
    /// Handshake messages of so many bytes were written or read, and hashed.
    Transcript(u32),
    /// A record with so many bytes of plaintext was protected or opened.
    Record(u32),
}

/// Why a connection failed: the alert of RFC 8446 §6.2 that says so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Failure {
    /// A message that has no place here.
    UnexpectedMessage = 10,
    /// A record longer than allowed.
    RecordOverflow = 22,
    /// No common ground, or a certificate that did not come.
    HandshakeFailure = 40,
    /// A message that does not follow its format.
    DecodeError = 50,
    /// The other end speaks another version.
    ProtocolVersion = 70,
    /// The other end said that it failed, with this code of its own.
    Peer = 0,
}

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// The handshake is done as far as this end is concerned: it may send.
    Connected {
        /// Whether it went on with an earlier session.
        resumed: bool,
    },
    /// The server gave a ticket.
    Ticket(Session),
    /// The peer says close_notify: nothing follows.
    PeerClosed,
    /// The connection is of no use any more; close the transport.
    Failed(Failure),
}

/// The messages that go out together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flight {
    /// Their names.
    pub messages: SmallVec<[Message; 8]>,
    /// Bytes on the wire, record headers included.
    pub bytes: u32,
}

/// One write to the transport.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transmit {
    /// What to write.
    pub chunks: SmallVec<[Chunk; 4]>,
    /// The flight, where it is one; a record of application data is none.
    pub flight: Option<Flight>,
}

/// Where the handshake stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Client: the transport is not there. Server: no ClientHello yet.
    Start,
    /// Client: ClientHello is out.
    WaitServerHello,
    /// Client of TLS 1.2: ServerHello is read, the full handshake goes on.
    WaitServerHelloDone,
    /// Finished is to come.
    WaitFinished,
    /// Application data flows.
    Connected,
    /// This end closed, or the connection failed.
    Closed,
}

/// What this end has learnt in the handshake.
#[derive(Clone, Copy, Debug, Default)]
struct Learnt {
    /// An earlier session goes on.
    resumed: bool,
    /// Certificates that the peer showed, and the length of its own.
    certificates: u32,
    certificate_len: Option<usize>,
    /// The key that the peer signed with.
    peer_key: Option<Key>,
    /// The server asks for a certificate.
    asked: bool,
    /// The client takes tickets.
    tickets: bool,
}

/// One end of a connection; see the [module documentation](super).
#[derive(Clone, Debug)]
pub struct Connection {
    config: Arc<Config>,
    server: bool,
    state: State,
    /// The session that a client would go on with.
    session: Option<Session>,
    learnt: Learnt,
    fill: Fill,
    max_fragment: usize,
    cipher: super::Cipher,
    sending: Option<Protection>,
    receiving: Option<Protection>,
    incoming: Incoming,
    /// Handshake bytes that do not make a message yet.
    messages: Vec<u8>,
    plaintext: VecDeque<Chunk>,
    out: VecDeque<Transmit>,
    events: VecDeque<Event>,
    operations: VecDeque<Operation>,
}

impl Connection {
    /// A client's end; `session` is one to go on with, `random` a number for what would be random.
    #[must_use]
    pub fn client(config: Arc<Config>, session: Option<Session>, random: u64) -> Self {
        let session = session.filter(|session| session.version == config.version);
        Connection { session, ..Connection::new(config, false, random) }
    }

    /// A server's end.
    ///
    /// # Panics
    /// When `config` has no certificate.
    #[must_use]
    pub fn server(config: Arc<Config>, random: u64) -> Self {
        assert!(config.certificate.is_some(), "a server has a certificate");
        Connection::new(config, true, random)
    }

    fn new(config: Arc<Config>, server: bool, random: u64) -> Self {
        Connection {
            server,
            state: State::Start,
            session: None,
            learnt: Learnt::default(),
            fill: Fill(random),
            max_fragment: usize::from(config.max_fragment).min(MAX_PLAINTEXT),
            cipher: config.cipher,
            sending: None,
            receiving: None,
            incoming: Incoming::default(),
            messages: Vec::new(),
            plaintext: VecDeque::new(),
            out: VecDeque::new(),
            events: VecDeque::new(),
            operations: VecDeque::new(),
            config,
        }
    }

    /// The transport is there: a client begins.
    pub fn transport_connected(&mut self) {
        if !self.server && self.state == State::Start {
            self.send_client_hello();
        }
    }

    /// Bytes came from the transport.
    pub fn handle_input(&mut self, chunk: Chunk) {
        self.incoming.push(chunk);
        while self.state != State::Closed {
            match self.incoming.next(self.receiving) {
                Ok(Some(record)) => self.handle_record(record),
                Ok(None) => return,
                Err(error) => self.fail(match error {
                    RecordError::Type => Failure::UnexpectedMessage,
                    RecordError::Overflow => Failure::RecordOverflow,
                    RecordError::Short => Failure::DecodeError,
                }),
            }
        }
        self.incoming = Incoming::default();
    }

    fn handle_record(&mut self, record: Record) {
        if record.protected {
            self.operations.push_back(Operation::Record(record.len as u32));
        }
        match record.kind {
            ContentType::ApplicationData if self.state == State::Connected && record.protected => {
                self.plaintext.extend(record.plaintext);
            }
            ContentType::Handshake => {
                for chunk in &record.plaintext {
                    self.messages.extend_from_slice(chunk.as_slice());
                }
                self.handle_messages();
            }
            // RFC 8446 §5: ignored there; in TLS 1.2 all that follows is protected.
            ContentType::ChangeCipherSpec => self.handle_change_cipher_spec(),
            ContentType::Alert => {
                let code = record.plaintext.iter().flat_map(|chunk| chunk.as_slice()).nth(1).copied();
                self.events.push_back(match code {
                    Some(CLOSE_NOTIFY) => Event::PeerClosed,
                    Some(_) | None => Event::Failed(Failure::Peer),
                });
                self.state = if code == Some(CLOSE_NOTIFY) { self.state } else { State::Closed };
            }
            ContentType::ApplicationData => self.fail(Failure::UnexpectedMessage),
        }
    }

    fn handle_change_cipher_spec(&mut self) {
        if self.config.version == Version::Tls13 {
            return;
        }
        match self.state {
            State::WaitFinished if self.receiving.is_none() => self.receiving = Some(self.protection()),
            State::Start
            | State::WaitServerHello
            | State::WaitServerHelloDone
            | State::WaitFinished
            | State::Connected => self.fail(Failure::UnexpectedMessage),
            State::Closed => {}
        }
    }

    fn protection(&self) -> Protection {
        Protection { version: self.config.version, cipher: self.cipher }
    }

    /// Writes application data, as one write call of the program: as many records as it needs.
    ///
    /// # Panics
    /// Before the handshake is done.
    pub fn write(&mut self, head: Chunk, body: Option<Chunk>) {
        if self.state == State::Closed {
            return;
        }
        assert!(self.state == State::Connected, "application data waits for the handshake");
        let tag = record::tag_around(&head);
        let mut parts: SmallVec<[Chunk; 2]> = SmallVec::new();
        parts.push(head);
        parts.extend(body);
        let mut parts = parts.into_iter();
        let mut next = parts.next();
        while next.is_some() {
            let mut room = self.max_fragment;
            let mut plaintext: SmallVec<[Chunk; 2]> = SmallVec::new();
            while let Some(chunk) = next.take() {
                if chunk.len() > room {
                    plaintext.push(chunk.slice(0..room));
                    next = Some(chunk.slice(room..chunk.len()));
                    break;
                }
                room -= chunk.len();
                plaintext.push(chunk);
                next = parts.next();
                if room == 0 {
                    break;
                }
            }
            self.write_record(tag, plaintext);
        }
    }

    fn write_record(&mut self, tag: Tag, plaintext: SmallVec<[Chunk; 2]>) {
        let len: usize = plaintext.iter().map(Chunk::len).sum();
        let protection = self.sending.expect("connected, so protected");
        let (front, back) = record::around(protection, ContentType::ApplicationData, len, &mut self.fill);
        let mut chunks: SmallVec<[Chunk; 4]> = SmallVec::new();
        chunks.push(Chunk::copied(tag, &front));
        chunks.extend(plaintext.into_iter().filter(|chunk| !chunk.is_empty()));
        chunks.push(Chunk::copied(tag, &back));
        self.operations.push_back(Operation::Record(len as u32));
        self.out.push_back(Transmit { chunks, flight: None });
    }

    /// Closes in good order: says close_notify where the configuration wants it.
    pub fn close(&mut self) {
        if self.state == State::Connected && self.config.close_notify {
            self.send_alert(WARNING, CLOSE_NOTIFY);
        }
        self.state = State::Closed;
    }

    fn fail(&mut self, failure: Failure) {
        self.send_alert(FATAL, failure as u8);
        self.state = State::Closed;
        self.events.push_back(Event::Failed(failure));
    }

    fn send_alert(&mut self, level: u8, code: u8) {
        let mut flight = Outgoing::default();
        flight.record(self, ContentType::Alert, &[level, code]);
        flight.messages.push(Message::Alert);
        self.send(flight);
    }

    fn send(&mut self, outgoing: Outgoing) {
        let Outgoing { bytes, messages } = outgoing;
        let flight = Flight { messages, bytes: bytes.len() as u32 };
        let chunk = Chunk::shared(Tag::of(Cause::TlsHandshake), Payload::from(bytes));
        let mut chunks = SmallVec::new();
        chunks.push(chunk);
        self.out.push_back(Transmit { chunks, flight: Some(flight) });
    }

    /// The next write to the transport.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.out.pop_front()
    }

    /// Whether [`poll_transmit`](Self::poll_transmit) has something.
    #[must_use]
    pub fn wants_transmit(&self) -> bool {
        !self.out.is_empty()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The next piece of work that was done.
    pub fn poll_operation(&mut self) -> Option<Operation> {
        self.operations.pop_front()
    }

    /// The next application data, each record's as a whole.
    pub fn read(&mut self) -> Option<Chunk> {
        self.plaintext.pop_front()
    }

    /// Whether there is something to read.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        !self.plaintext.is_empty()
    }

    /// Whether application data can be written.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.state == State::Connected
    }

    /// Bytes of unfinished records and messages, and of application data not read.
    #[must_use]
    pub fn buffered(&self) -> usize {
        let plaintext: usize = self.plaintext.iter().map(Chunk::len).sum();
        self.incoming.buffered() + self.messages.len() + plaintext
    }
}

const WARNING: u8 = 1;
const FATAL: u8 = 2;
const CLOSE_NOTIFY: u8 = 0;

/// A flight being put together.
#[derive(Default)]
struct Outgoing {
    bytes: Vec<u8>,
    messages: SmallVec<[Message; 8]>,
}

impl Outgoing {
    /// One record, protected if the connection sends so by now.
    fn record(&mut self, connection: &mut Connection, kind: ContentType, content: &[u8]) {
        let protection = connection.sending.filter(|_| kind != ContentType::ChangeCipherSpec);
        match protection {
            None => {
                self.bytes.extend_from_slice(&record::header(kind, content.len()));
                self.bytes.extend_from_slice(content);
            }
            Some(protection) => {
                let fill = &mut connection.fill;
                let (front, back) = record::around(protection, kind, content.len(), fill);
                self.bytes.extend_from_slice(&front);
                self.bytes.extend_from_slice(content);
                self.bytes.extend_from_slice(&back);
                connection.operations.push_back(Operation::Record(content.len() as u32));
            }
        }
    }

    /// A handshake message in records of its own, as OpenSSL sends them.
    fn message(&mut self, connection: &mut Connection, kind: Message, bytes: &[u8]) {
        connection.operations.push_back(Operation::Transcript(bytes.len() as u32));
        for part in bytes.chunks(connection.max_fragment) {
            self.record(connection, ContentType::Handshake, part);
        }
        self.messages.push(kind);
    }

    /// ChangeCipherSpec; in TLS 1.2 what follows is protected.
    fn change_cipher_spec(&mut self, connection: &mut Connection) {
        self.record(connection, ContentType::ChangeCipherSpec, &[1]);
        self.messages.push(Message::ChangeCipherSpec);
        connection.sending = Some(connection.protection());
    }
}

//! TLS between a program and its sockets: what it sends, what it takes in time and memory.
//!
//! The program's thread does the work. Reading a socket opens records and goes on with the handshake;
//! the program hears of the connection when that is done. What a task writes is protected as part of
//! the task, so its CPU time passes before the first byte leaves. Each record is one write to TCP, and
//! so is each flight.
//!
//! **Leaves out** crypto hardware, other threads for handshakes, and the shorter buffers of a handshake.
//!
//! **Parameters**: [`Security`], [`TlsCost`].

use std::collections::VecDeque;
use std::sync::Arc;

use sim_core::time::SimTime;
use smallvec::SmallVec;

use super::energy::State;
use super::socket::{News, Socket};
use super::{Host, Remark, Surroundings};
use crate::app::{Task, Work};
use crate::cause::Cause;
use crate::mqtt::Outgoing;
use crate::tls::{Config, Connection, Event, Failure, Key, Operation, Session};

/// CPU time of the operations of TLS on a board, in nanoseconds unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TlsCost {
    /// Making a key pair for the key exchange.
    pub key_pair_ns: u64,
    /// Computing a shared secret.
    pub agreement_ns: u64,
    /// Signing with RSA-2048.
    pub rsa_2048_sign_ns: u64,
    /// Verifying with RSA-2048.
    pub rsa_2048_verify_ns: u64,
    /// Signing with RSA-4096.
    pub rsa_4096_sign_ns: u64,
    /// Verifying with RSA-4096.
    pub rsa_4096_verify_ns: u64,
    /// Signing with ECDSA on P-256.
    pub p256_sign_ns: u64,
    /// Verifying with ECDSA on P-256.
    pub p256_verify_ns: u64,
    /// Hashing a byte of the handshake, in picoseconds.
    pub hash_byte_ps: u64,
    /// Protecting or opening a record, beside its bytes.
    pub record_ns: u64,
    /// Protecting or opening a byte, in picoseconds.
    pub record_byte_ps: u64,
}

impl TlsCost {
    /// CPU time of an operation, in nanoseconds.
    #[must_use]
    pub const fn of(&self, operation: Operation) -> u64 {
        match operation {
            Operation::KeyPair => self.key_pair_ns,
            Operation::Agreement => self.agreement_ns,
            Operation::Sign(Key::Rsa2048) => self.rsa_2048_sign_ns,
            Operation::Sign(Key::Rsa4096) => self.rsa_4096_sign_ns,
            Operation::Sign(Key::EcdsaP256) => self.p256_sign_ns,
            Operation::Verify(Key::Rsa2048) => self.rsa_2048_verify_ns,
            Operation::Verify(Key::Rsa4096) => self.rsa_4096_verify_ns,
            Operation::Verify(Key::EcdsaP256) => self.p256_verify_ns,
            Operation::Transcript(bytes) => self.hash_byte_ps * bytes as u64 / 1_000,
            Operation::Record(bytes) => self.record_ns + self.record_byte_ps * bytes as u64 / 1_000,
        }
    }
}

/// How a connection that a program opens is secured.
#[derive(Clone, Debug, Default)]
pub enum Secured {
    /// As the program's [`Security`] says.
    #[default]
    AsUsual,
    /// Not at all.
    Plain,
    /// With these settings of TLS, and no session to resume.
    With(Arc<Config>),
}

/// How a program's connections are secured.
#[derive(Clone, Debug)]
pub struct Security {
    /// Settings of its end.
    pub config: Arc<Config>,
    /// Whether the connections that come in are secured, too; a broker may have TLS for its bridges only.
    pub listens: bool,
    /// What the work costs on its board.
    pub cost: TlsCost,
    /// RAM of one TLS connection: buffers and state, in bytes.
    pub ram_per_connection: u64,
    /// Whether a client keeps the sessions it is given.
    pub keeps_sessions: bool,
    /// A session that a client has from before the run.
    pub session: Option<Session>,
}

/// What is to leave when the thread is free.
#[derive(Clone, Debug)]
enum Outbound {
    /// Handshake messages that wait in the socket's machine.
    Flight(u32),
    /// A control packet, whose records wait there.
    Packet(u32, Outgoing),
}

/// A host's side of TLS.
#[derive(Clone, Debug)]
pub(super) struct SecureHost {
    security: Arc<Security>,
    session: Option<Session>,
    /// CPU time of what was read and is not charged yet.
    charges: SmallVec<[(Cause, u64); 4]>,
    outbox: VecDeque<Outbound>,
}

impl SecureHost {
    pub(super) fn new(security: Arc<Security>) -> Box<Self> {
        let session = security.session;
        Box::new(SecureHost { security, session, charges: SmallVec::new(), outbox: VecDeque::new() })
    }

    pub(super) fn client(&self, secured: &Secured, random: u32) -> Option<Box<Connection>> {
        let (config, session) = match secured {
            Secured::AsUsual => (&self.security.config, self.session),
            Secured::With(config) => (config, None),
            Secured::Plain => return None,
        };
        Some(Box::new(Connection::client(config.clone(), session, u64::from(random))))
    }

    pub(super) fn server(&self, random: u32) -> Option<Box<Connection>> {
        let server = || Box::new(Connection::server(self.security.config.clone(), u64::from(random)));
        self.security.listens.then(server)
    }

    pub(super) fn ram_per_connection(&self) -> u64 {
        self.security.ram_per_connection
    }
}

/// Prices what a connection has done.
fn pay(tls: &mut Connection, cost: &TlsCost, connected: bool, work: &mut Work) {
    while let Some(operation) = tls.poll_operation() {
        let cause = match operation {
            Operation::Record(_) if connected => Cause::TlsRecord,
            Operation::Record(_)
            | Operation::KeyPair
            | Operation::Agreement
            | Operation::Sign(_)
            | Operation::Verify(_)
            | Operation::Transcript(_) => Cause::TlsHandshake,
        };
        work.charge(cause, cost.of(operation));
    }
}

impl Host {
    /// Takes a socket's news through TLS; returns what is left of them for the program.
    #[inline(never)]
    pub(super) fn secure_news(
        &mut self,
        now: SimTime,
        task: Task,
        around: &mut impl Surroundings,
    ) -> Option<Task> {
        let Task::News(socket, news) = task else { return Some(task) };
        let secure = self.secure.as_mut().expect("a host with TLS");
        let entry = &mut self.sockets[socket as usize];
        let Some(tls) = &mut entry.tls else { return Some(task) };
        let connected = tls.is_connected();
        let mut left = news.without(News::CONNECTED).without(News::READABLE);
        if news.has(News::CONNECTED) {
            tls.transport_connected();
            if self.program.is_between_sleeps() {
                self.energy.enter(now, State::Awake, Cause::TlsHandshake);
            }
        }
        if news.has(News::READABLE) {
            while let Some(chunk) = entry.tcp.read() {
                tls.handle_input(chunk);
            }
        }
        let mut failed = false;
        while let Some(event) = tls.poll_event() {
            match event {
                Event::Connected { .. } => left.add(News::CONNECTED),
                Event::Ticket(session) if secure.security.keeps_sessions => secure.session = Some(session),
                Event::Ticket(_) | Event::PeerClosed => {}
                Event::Failed(failure) => {
                    failed = true;
                    left.add(News::PEER_CLOSED);
                    if failure != Failure::Peer {
                        around.remark(Remark::TlsFailed);
                    }
                }
            }
        }
        if tls.is_readable() {
            left.add(News::READABLE);
        }
        let mut work = Work::default();
        pay(tls, &secure.security.cost, connected, &mut work);
        if tls.wants_transmit() && !failed {
            secure.outbox.push_back(Outbound::Flight(socket));
        }
        secure.charges.extend(work.charges);
        if failed {
            // The alert goes before the program closes the socket.
            self.transmit_secured(now, socket, around);
        }
        if left != News::NONE {
            return Some(Task::News(socket, left));
        }
        let secure = self.secure.as_mut().expect("a host with TLS");
        let work = Work { charges: std::mem::take(&mut secure.charges), ..Work::default() };
        self.drain_socket(now, socket, around);
        self.busy_until = self.charge(now, &work, around);
        None
    }

    /// Protects what the program has to send and adds the price to its task.
    #[inline(never)]
    pub(super) fn seal(&mut self, work: &mut Work) {
        let secure = self.secure.as_mut().expect("a host with TLS");
        for (place, charge) in secure.charges.drain(..).enumerate() {
            work.charges.insert(place, charge);
        }
        while let Some((socket, packet)) = self.program.poll_transmit() {
            let Some(entry) = self.sockets.get_mut(socket as usize) else { continue };
            if let Some(tls) = &mut entry.tls {
                tls.write(packet.head.clone(), packet.body.clone());
                pay(tls, &secure.security.cost, true, work);
            }
            secure.outbox.push_back(Outbound::Packet(socket, packet));
        }
    }

    /// Hands to TCP what was protected.
    #[inline(never)]
    pub(super) fn flush_secured(&mut self, now: SimTime, around: &mut impl Surroundings) {
        while let Some(outbound) = self.secure.as_mut().and_then(|secure| secure.outbox.pop_front()) {
            let socket = match outbound {
                Outbound::Flight(socket) => socket,
                Outbound::Packet(socket, packet) => {
                    if self.sockets.get(socket as usize).is_some_and(|entry| entry.tls.is_none()) {
                        self.write_plain(now, socket, packet, around);
                        continue;
                    }
                    if let Some(entry) = self.sockets.get(socket as usize) {
                        around.packet_sent(now, entry.flow, entry.end, &packet);
                    }
                    socket
                }
            };
            self.transmit_secured(now, socket, around);
        }
    }

    /// Says close_notify, if this end does.
    #[inline(never)]
    pub(super) fn close_secured(&mut self, now: SimTime, socket: u32, around: &mut impl Surroundings) {
        if let Some(Socket { tls: Some(tls), .. }) = self.sockets.get_mut(socket as usize) {
            tls.close();
            self.transmit_secured(now, socket, around);
        }
    }

    fn transmit_secured(&mut self, now: SimTime, socket: u32, around: &mut impl Surroundings) {
        while let Some(entry) = self.sockets.get_mut(socket as usize)
            && let Some(transmit) = entry.tls.as_mut().and_then(|tls| tls.poll_transmit())
        {
            if let Some(flight) = &transmit.flight {
                around.flight_sent(now, entry.flow, entry.end, flight);
            }
            for chunk in transmit.chunks {
                entry.tcp.write(now, chunk);
            }
            // One record, one write.
            self.drain_socket(now, socket, around);
        }
    }
}

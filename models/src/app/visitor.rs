//! A place for a client from outside: its bytes cross the simulated links, whoever it is.
//!
//! **Models** a host whose program only passes on. What comes from outside is written to a simulated
//! connection to the broker, what arrives on that connection is handed out; ends and resets go both
//! ways. If the client outside does not read, neither does the program, and the receive window
//! closes; how much of what it sends is taken in is for the outside to decide
//! ([`VisitorProgram::unacknowledged`]). Without anything from outside the host is idle.
//!
//! A PUBLISH that comes in is entered in the ledger, and so is its arrival at a visitor, so that
//! latencies have the same meaning as among simulated hosts: from the client's write, when it is taken
//! in here, to the whole packet.
//!
//! **Leaves out** the CPU time of the client, which is real; the name of a message whose topic does
//! not come in one piece with its fixed header, or is a Topic Alias: the first is not entered, the
//! second has no topic.

mod framing;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::{Task, Workplace};
use crate::cause::Cause;
use crate::host::Surroundings;
use crate::host::socket::News;
use crate::ledger::Publication;
use crate::mqtt::{Outgoing, PacketType, QoS};
use crate::record::HostIndex;
use crate::stream::{Chunk, MessageId, Payload, Tag};
use framing::{Framing, Piece};
use sim_core::time::SimTime;

/// What a client outside does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FromOutside {
    /// It opened a connection. One that was there before is no longer its own.
    Opened,
    /// It sent bytes.
    Bytes(Payload),
    /// It closed in good order.
    Closed,
    /// It broke off.
    Reset,
    /// It does not read at present.
    Paused,
    /// It reads again.
    Resumed,
}

/// What the client outside is to see.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ToOutside {
    /// Bytes from the broker.
    Bytes(Chunk),
    /// The broker closed in good order.
    Closed,
    /// The connection broke off, or never came to be.
    Reset,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Nobody is here.
    Away,
    /// A connection was asked for.
    Opening,
    /// This is the client's socket.
    Here {
        socket: u32,
        /// Whether the handshake is complete.
        connected: bool,
        /// Whether the broker has closed.
        ended: bool,
    },
}

/// A program that passes bytes between the outside and the broker.
#[derive(Clone, Debug)]
pub struct VisitorProgram {
    host: HostIndex,
    broker: HostIndex,
    port: u16,
    phase: Phase,
    inbox: VecDeque<FromOutside>,
    paused: bool,
    up: Framing,
    /// The tag of the packet that is passing.
    up_tag: Tag,
    down: Framing,
    /// Topic Names that came by, with their numbers in the ledger.
    topics: BTreeMap<Arc<str>, u32>,
}

impl VisitorProgram {
    /// A free place on `host` for a client of the broker on `port` of `broker`.
    #[must_use]
    pub fn new(host: HostIndex, broker: HostIndex, port: u16) -> Self {
        VisitorProgram {
            host,
            broker,
            port,
            phase: Phase::Away,
            inbox: VecDeque::new(),
            paused: false,
            up: Framing::new(),
            up_tag: Tag::default(),
            down: Framing::new(),
            topics: BTreeMap::new(),
        }
    }

    /// The socket of the client that is here.
    #[must_use]
    pub const fn socket(&self) -> Option<u32> {
        match self.phase {
            Phase::Here { socket, .. } => Some(socket),
            Phase::Away | Phase::Opening => None,
        }
    }

    /// Takes note of what happened outside; it is done at the next task.
    pub fn take(&mut self, news: FromOutside) {
        match news {
            // Nothing that was to be done for the connection before matters any more.
            FromOutside::Opened | FromOutside::Reset => self.inbox.clear(),
            FromOutside::Bytes(_) | FromOutside::Closed | FromOutside::Paused | FromOutside::Resumed => {}
        }
        self.inbox.push_back(news);
    }

    /// When something is to be done: at once, or after news.
    #[must_use]
    pub fn deadline(&self) -> SimTime {
        // A close before the handshake is over would forget the bytes before it. RFC 9293 §3.10.4
        let waits = matches!(self.phase, Phase::Here { connected: false, .. } | Phase::Opening);
        match self.inbox.front() {
            None => SimTime::MAX,
            Some(FromOutside::Closed) if waits => SimTime::MAX,
            Some(_) => SimTime::ZERO,
        }
    }

    /// Runs one task.
    pub fn execute(&mut self, task: Task, place: &mut Workplace<'_, impl Surroundings>) {
        match task {
            Task::Time => {
                if let Some(news) = self.inbox.pop_front() {
                    self.act(news, place);
                }
            }
            Task::News(socket, news) => self.news(socket, news, place),
            Task::Background => {}
        }
    }

    fn act(&mut self, news: FromOutside, place: &mut Workplace<'_, impl Surroundings>) {
        let now = place.now;
        if news == FromOutside::Opened {
            if let Phase::Here { socket, .. } = self.phase {
                place.sockets[socket as usize].tcp.abort(now);
                place.requests.used.push(socket);
            }
            (self.up, self.down, self.paused) = (Framing::new(), Framing::new(), false);
            self.phase = Phase::Opening;
            place.requests.connect = Some((self.broker, self.port));
            return;
        }
        let Phase::Here { socket, .. } = self.phase else { return };
        match news {
            FromOutside::Opened => {}
            FromOutside::Bytes(bytes) => self.write(socket, &bytes, place),
            FromOutside::Closed => {
                let tcp = &mut place.sockets[socket as usize].tcp;
                tcp.close(now);
                while tcp.read().is_some() {}
                self.phase = Phase::Away;
            }
            FromOutside::Reset => {
                place.sockets[socket as usize].tcp.abort(now);
                self.phase = Phase::Away;
            }
            FromOutside::Paused => self.paused = true,
            FromOutside::Resumed => {
                self.paused = false;
                self.read(socket, place);
            }
        }
        place.requests.used.push(socket);
    }

    fn write(&mut self, socket: u32, bytes: &Payload, place: &mut Workplace<'_, impl Surroundings>) {
        let mut start = 0;
        while let Some(piece) = self.up.next(bytes.as_slice(), start) {
            start = piece.range.end;
            let part = &bytes.as_slice()[piece.range.clone()];
            if piece.first {
                self.up_tag = self.tag(part, place);
            }
            let chunk = Chunk::shared(self.up_tag, bytes.slice(piece.range.clone()));
            let entry = &mut place.sockets[socket as usize];
            entry.tcp.write(place.now, chunk.clone());
            if let Some(packet) = whole(&piece, chunk) {
                place.around.packet_sent(place.now, entry.flow, entry.end, &packet);
            }
        }
    }

    /// What a packet is for that begins with `part`; a PUBLISH is entered in the ledger.
    fn tag(&mut self, part: &[u8], place: &mut Workplace<'_, impl Surroundings>) -> Tag {
        let Some(packet_type) = PacketType::from_number(part[0] >> 4) else { return Tag::default() };
        let mut tag = Tag::of(packet_type.cause());
        // MQTT 3.1.1 §3.3.1.1: a packet with DUP was sent before.
        if packet_type != PacketType::Publish || part[0] & 0x08 != 0 {
            return tag;
        }
        let Some(PublishStart { topic, qos, after_topic }) = PublishStart::of(part) else { return tag };
        let number = match self.topics.get(topic) {
            Some(number) => *number,
            None => {
                let number = place.around.ledger().topic(topic);
                self.topics.insert(topic.into(), number);
                number
            }
        };
        tag.message = place.around.ledger().open(
            place.now,
            Publication { publisher: self.host, topic: number, bytes: after_topic, qos, expected: 0 },
        );
        tag
    }

    fn news(&mut self, socket: u32, news: News, place: &mut Workplace<'_, impl Surroundings>) {
        let now = place.now;
        let mine = self.socket() == Some(socket);
        if let Phase::Here { connected, ended, .. } = &mut self.phase
            && mine
        {
            *connected |= news.has(News::CONNECTED);
            *ended |= news.has(News::PEER_CLOSED);
        }
        if mine {
            self.read(socket, place);
        } else {
            // The client has gone; what still comes is for nobody.
            while place.sockets[socket as usize].tcp.read().is_some() {}
            if news.has(News::PEER_CLOSED) {
                place.sockets[socket as usize].tcp.close(now);
            }
        }
        if news.has(News::GONE) {
            if self.socket() == Some(socket) {
                self.phase = Phase::Away;
                place.around.to_outside(self.host, ToOutside::Reset);
            }
            place.requests.gone.push(socket);
        }
    }

    /// Hands out what has arrived, and the end after the last byte.
    fn read(&mut self, socket: u32, place: &mut Workplace<'_, impl Surroundings>) {
        if self.paused {
            return;
        }
        let entry = &mut place.sockets[socket as usize];
        while let Some(chunk) = entry.tcp.read() {
            let mut start = 0;
            while let Some(piece) = self.down.next(chunk.as_slice(), start) {
                start = piece.range.end;
                if piece.last {
                    place.around.packet_taken(place.now, entry.flow, entry.end);
                    if chunk.tag.cause == Cause::Publish && chunk.tag.message != MessageId::NONE {
                        place.work.delivered.push(chunk.tag.message);
                    }
                }
            }
            place.around.to_outside(self.host, ToOutside::Bytes(chunk));
        }
        if let Phase::Here { ended: true, .. } = self.phase {
            entry.tcp.close(place.now);
            self.phase = Phase::Away;
            place.around.to_outside(self.host, ToOutside::Closed);
        }
    }

    /// The connection that was asked for has this socket.
    pub fn opened(&mut self, socket: u32) {
        self.phase = Phase::Here { socket, connected: false, ended: false };
    }
}

/// The beginning of a PUBLISH. MQTT 3.1.1 §3.3
struct PublishStart<'a> {
    topic: &'a str,
    qos: u8,
    /// Bytes behind the variable header as MQTT 3.1.1 has it: the payload and, in MQTT 5.0, the properties.
    after_topic: u32,
}

impl<'a> PublishStart<'a> {
    /// `None` where the topic does not end in `part`.
    fn of(part: &'a [u8]) -> Option<Self> {
        let digits = 1 + part.iter().skip(1).take(3).take_while(|byte| **byte & 0x80 != 0).count();
        let length =
            part.get(1..=digits)?.iter().rev().fold(0, |sum, byte| sum << 7 | u32::from(byte & 0x7F));
        let rest = &part[1 + digits..];
        let (topic_len, rest) = rest.split_first_chunk::<2>()?;
        let topic_len = u16::from_be_bytes(*topic_len);
        let topic = std::str::from_utf8(rest.get(..usize::from(topic_len))?).ok()?;
        let qos = (part[0] >> 1 & 3).min(2);
        let identifier = if qos == 0 { 0 } else { 2 };
        let after_topic = length.checked_sub(2 + u32::from(topic_len) + identifier)?;
        Some(PublishStart { topic, qos, after_topic })
    }
}

/// A packet that came in one piece, as the books take it.
fn whole(piece: &Piece, head: Chunk) -> Option<Outgoing> {
    let packet_type = PacketType::from_number(head.as_slice()[0] >> 4);
    let (true, true, Some(packet_type)) = (piece.first, piece.last, packet_type) else { return None };
    let first = head.as_slice()[0];
    let publish = packet_type == PacketType::Publish;
    let qos = if publish { QoS::from_bits(first >> 1 & 3)? } else { QoS::AtMostOnce };
    Some(Outgoing {
        wire_len: head.len() as u32,
        body: None,
        packet_identifier: None,
        packet_type,
        qos,
        dup: publish && first & 0x08 != 0,
        retain: publish && first & 1 != 0,
        head,
    })
}

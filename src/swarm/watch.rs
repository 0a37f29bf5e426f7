//! What must hold on every connection, watched while a run goes on.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use models::mqtt::{Decoder, Packet, PacketIdentifier, PacketType, QoS};
use models::record::{FlightRecord, FrameLoss, FrameRecord, HostIndex, PacketRecord, Probe, TooLongRecord};
use sim_core::time::SimTime;

/// TCP flags as on the wire.
const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

/// First port of the dynamic range (RFC 6335 §6): the end that has such a port has opened the connection.
const FIRST_DYNAMIC_PORT: u16 = 49_152;

/// Sender, receiver, and port of the end that opened the connection.
type Key = (HostIndex, HostIndex, u16);

/// What becomes of a Packet Identifier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Exchange {
    /// PUBLISH has been sent on this connection.
    Published(QoS),
    /// PUBREL has been sent.
    Released,
}

/// What a receiver must know of a packet under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Note {
    /// The exchange with this Packet Identifier is over.
    Completes(PacketIdentifier),
    /// CONNACK allows so many unacknowledged messages.
    Allows(u32),
    /// Anything else.
    Other,
}

/// One direction of one connection.
#[derive(Debug)]
struct Way {
    decoder: Decoder,
    /// Exchanges of the sender that are open on this connection.
    in_use: BTreeMap<PacketIdentifier, Exchange>,
    /// Messages that the sender may have unacknowledged; MQTT 5.0 §3.1.2.11.3, §3.2.2.3.3
    receive_maximum: u32,
    /// Whether something was sent again on the live connection, so that acknowledgements may be as well.
    repeats: bool,
    under_way: VecDeque<Note>,
    /// What was handed to TCP.
    written: Vec<u8>,
    /// What TCP has sent.
    sent: Vec<u8>,
    initial_sequence: Option<u32>,
    finished: bool,
}

impl Default for Way {
    fn default() -> Self {
        Way {
            decoder: Decoder::new(u32::MAX),
            in_use: BTreeMap::new(),
            receive_maximum: u32::from(u16::MAX),
            repeats: false,
            under_way: VecDeque::new(),
            written: Vec::new(),
            sent: Vec::new(),
            initial_sequence: None,
            finished: false,
        }
    }
}

impl Way {
    fn unacknowledged(&self) -> u32 {
        self.in_use.values().filter(|exchange| matches!(exchange, Exchange::Published(_))).count() as u32
    }
}

/// The probe of a run of the swarm.
#[derive(Debug, Default)]
pub struct Watch {
    ways: BTreeMap<Key, Way>,
    /// When each host last tried to open a connection.
    called: BTreeMap<HostIndex, SimTime>,
    broken: Option<(&'static str, String)>,
    /// Brokers that hold PUBREC back, as Mosquitto 1.4 does.
    hold_back: BTreeSet<HostIndex>,
}

impl Watch {
    /// A watch over connections to brokers of which these hold PUBREC back.
    #[must_use]
    pub fn new(hold_back: BTreeSet<HostIndex>) -> Self {
        Watch { hold_back, ..Watch::default() }
    }

    /// When each host that opened connections last sent a SYN.
    #[must_use]
    pub fn called(&self) -> BTreeMap<HostIndex, SimTime> {
        self.called.clone()
    }

    /// What was broken first, if anything: its kind, and the whole story.
    #[must_use]
    pub fn finish(mut self) -> Option<(&'static str, String)> {
        for (key, way) in &self.ways {
            if self.broken.is_none() && !way.written.starts_with(&way.sent) {
                let text = format!("{} sent other bytes than it was given", named(*key));
                self.broken = Some(("stream", text));
            }
        }
        self.broken
    }

    fn breach(&mut self, kind: &'static str, at: SimTime, key: Key, what: &str) {
        if self.broken.is_none() {
            self.broken = Some((kind, format!("at {at}: {} {what}", named(key))));
        }
    }

    fn sent(&mut self, at: SimTime, key: Key, packet: &Packet) {
        let back = (key.1, key.0, key.2);
        match packet {
            Packet::Connect(connect) => {
                let properties = connect.properties.as_ref();
                let allowed = properties.and_then(|properties| properties.receive_maximum);
                let answer = self.ways.entry(back).or_default();
                answer.decoder.set_version(connect.version);
                answer.receive_maximum = allowed.map_or(u32::from(u16::MAX), |most| u32::from(most.get()));
            }
            Packet::Publish(publish) => {
                if let Some(identifier) = publish.packet_identifier {
                    self.published(at, key, identifier, publish.qos, publish.dup);
                }
            }
            Packet::Pubrel(acknowledgement) => {
                let way = self.ways.entry(key).or_default();
                let released = way.in_use.insert(acknowledgement.packet_identifier, Exchange::Released);
                way.repeats |= released == Some(Exchange::Released);
            }
            Packet::Puback(a) => self.answered(at, key, a.packet_identifier, "PUBACK", |exchange| {
                exchange == Exchange::Published(QoS::AtLeastOnce)
            }),
            // Whoever holds PUBREC back may send it in the next connection of the session.
            Packet::Pubrec(_) if self.hold_back.contains(&key.0) => {}
            Packet::Pubrec(a) => self.answered(at, key, a.packet_identifier, "PUBREC", |exchange| {
                exchange == Exchange::Published(QoS::ExactlyOnce)
            }),
            Packet::Pubcomp(a) => self
                .answered(at, key, a.packet_identifier, "PUBCOMP", |exchange| exchange == Exchange::Released),
            Packet::Connack(_)
            | Packet::Subscribe(_)
            | Packet::Suback(_)
            | Packet::Unsubscribe(_)
            | Packet::Unsuback(_)
            | Packet::Pingreq
            | Packet::Pingresp
            | Packet::Disconnect(_)
            | Packet::Auth(_) => {}
        }
    }

    // MQTT 3.1.1 §2.3.1, MQTT 5.0 §2.2.1 and §4.9
    fn published(&mut self, at: SimTime, key: Key, identifier: PacketIdentifier, qos: QoS, dup: bool) {
        let way = self.ways.entry(key).or_default();
        let before = way.in_use.insert(identifier, Exchange::Published(qos));
        way.repeats |= before.is_some();
        let (now, most) = (way.unacknowledged(), way.receive_maximum);
        if before.is_some() && !dup {
            let what = format!("uses Packet Identifier {} twice", identifier.get());
            self.breach("identifier", at, key, &what);
        } else if now > most {
            let what = format!("has {now} messages in flight, Receive Maximum is {most}");
            self.breach("receive maximum", at, key, &what);
        }
    }

    fn answered(
        &mut self,
        at: SimTime,
        key: Key,
        identifier: PacketIdentifier,
        name: &str,
        fits: impl Fn(Exchange) -> bool,
    ) {
        let peer = self.ways.entry((key.1, key.0, key.2)).or_default();
        if !peer.repeats && !peer.in_use.get(&identifier).is_some_and(|exchange| fits(*exchange)) {
            let what = format!("sends {name} {} for nothing", identifier.get());
            self.breach("acknowledgement", at, key, &what);
        }
    }

    fn segment(&mut self, frame: &FrameRecord) -> Result<(), &'static str> {
        let port = frame.source_port.max(frame.destination_port);
        debug_assert!(port >= FIRST_DYNAMIC_PORT);
        let key = (frame.from, frame.to, port);
        let way = self.ways.entry(key).or_default();
        if frame.flags & SYN != 0 {
            match way.initial_sequence {
                Some(initial) if initial != frame.sequence => return Err("sends SYN with another number"),
                Some(_) | None => way.initial_sequence = Some(frame.sequence),
            }
        }
        let Some(initial) = way.initial_sequence else { return Ok(()) };
        let first = frame.sequence.wrapping_sub(initial).wrapping_sub(u32::from(frame.flags & SYN == 0));
        let mut at = first as usize;
        for chunk in &frame.payload {
            let bytes = chunk.as_slice();
            if at > way.sent.len() {
                return Err("leaves bytes out");
            }
            let again = bytes.len().min(way.sent.len() - at);
            if way.sent[at..at + again] != bytes[..again] {
                return Err("sends other bytes again");
            }
            if way.finished && again < bytes.len() {
                return Err("sends bytes behind its FIN");
            }
            way.sent.extend(&bytes[again..]);
            at += bytes.len();
        }
        if frame.flags & FIN != 0 {
            if at != way.sent.len() {
                return Err("sends FIN too early");
            }
            way.finished = true;
        }
        self.acknowledges(frame, port)
    }

    // RFC 9293 §3.4: SND.UNA < SEG.ACK =< SND.NXT
    fn acknowledges(&self, frame: &FrameRecord, port: u16) -> Result<(), &'static str> {
        let Some(peer) = self.ways.get(&(frame.to, frame.from, port)) else { return Ok(()) };
        let Some(initial) = peer.initial_sequence else { return Ok(()) };
        let most = 1 + peer.sent.len() as u32 + u32::from(peer.finished);
        if frame.flags & ACK != 0 && frame.acknowledgement.wrapping_sub(initial) > most {
            return Err("acknowledges what was not sent");
        }
        Ok(())
    }
}

fn named((from, to, port): Key) -> String {
    format!("host {} (to host {}, port {port})", from.0, to.0)
}

fn note(packet: &Packet) -> Note {
    match packet {
        Packet::Puback(a) | Packet::Pubcomp(a) => Note::Completes(a.packet_identifier),
        // MQTT 5.0 §4.3.3: a PUBREC with a Reason Code of 0x80 or more ends it.
        Packet::Pubrec(a) if a.reason_code as u8 >= 0x80 => Note::Completes(a.packet_identifier),
        Packet::Connack(connack) => {
            let allowed = connack.properties.as_ref().and_then(|properties| properties.receive_maximum);
            Note::Allows(allowed.map_or(u32::from(u16::MAX), |most| u32::from(most.get())))
        }
        Packet::Pubrec(_)
        | Packet::Connect(_)
        | Packet::Publish(_)
        | Packet::Pubrel(_)
        | Packet::Subscribe(_)
        | Packet::Suback(_)
        | Packet::Unsubscribe(_)
        | Packet::Unsuback(_)
        | Packet::Pingreq
        | Packet::Pingresp
        | Packet::Disconnect(_)
        | Packet::Auth(_) => Note::Other,
    }
}

impl Probe for Watch {
    const LISTENS: bool = true;

    fn frame(&mut self, frame: FrameRecord) {
        // A reset may answer what nobody remembers.
        if frame.flags & RST != 0 {
            return;
        }
        if frame.flags & (SYN | ACK) == SYN {
            self.called.insert(frame.from, frame.at);
        }
        if let Err(what) = self.segment(&frame) {
            let port = frame.source_port.max(frame.destination_port);
            let what = format!("{what} (frame {})", frame.serial);
            self.breach("stream", frame.at, (frame.from, frame.to, port), &what);
        }
    }

    fn frame_lost(&mut self, _: SimTime, _: u64, _: FrameLoss) {}

    fn too_long(&mut self, _: TooLongRecord) {}

    fn packet(&mut self, record: PacketRecord) {
        let key = (record.from, record.to, record.client_port);
        let way = self.ways.entry(key).or_default();
        way.written.extend(record.head.as_slice());
        way.decoder.feed(record.head.clone());
        if let Some(body) = &record.body {
            way.written.extend(body.as_slice());
            way.decoder.feed(body.clone());
        }
        match way.decoder.next() {
            Ok(Some(received)) => {
                way.under_way.push_back(note(&received.packet));
                self.sent(record.at, key, &received.packet);
            }
            Ok(None) => self.breach("packet", record.at, key, "hands over half a packet"),
            // umqtt writes the length of a long SUBSCRIBE wrongly.
            Err(_) if record.head.as_slice()[0] >> 4 == PacketType::Subscribe as u8 => {
                way.decoder.reset();
                way.under_way.push_back(Note::Other);
            }
            Err(why) => self.breach("packet", record.at, key, &format!("hands over no packet: {why}")),
        }
    }

    fn flight(&mut self, _: FlightRecord) {}

    fn packet_taken(&mut self, at: SimTime, from: HostIndex, to: HostIndex, client_port: u16) {
        let key = (from, to, client_port);
        let note = self.ways.get_mut(&key).and_then(|way| way.under_way.pop_front());
        let answered = self.ways.entry((to, from, client_port)).or_default();
        match note {
            Some(Note::Completes(identifier)) => {
                answered.in_use.remove(&identifier);
            }
            Some(Note::Allows(most)) => answered.receive_maximum = most,
            Some(Note::Other) => {}
            None => self.breach("packet", at, key, "is read more packets from than it sent"),
        }
    }
}

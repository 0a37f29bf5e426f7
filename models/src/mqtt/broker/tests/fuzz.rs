//! Wrong bytes for the codec, a client and a broker: random ones, and packets of every kind with
//! something wrong in them. Nothing panics, what is kept grows with what was sent and no faster, and an
//! honest client beside them is served.
//!
//! `FUZZ_CASES` asks for another number of byte strings; docs/robustness.md has the numbers.

use std::sync::Arc;
use std::time::Duration;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use sim_core::random::{Stream, Streams};
use sim_core::time::SimTime;

use crate::mqtt::broker::{Broker, BrokerConfig, BrokerEvent, ConnectionId};
use crate::mqtt::client::{Client, ClientConfig, ClientEvent};
use crate::mqtt::codec::decode::Decoder;
use crate::mqtt::codec::encode::encode;
use crate::mqtt::codec::tests::packets::packet;
use crate::mqtt::codec::{MAX_REMAINING_LENGTH, Tolerance};
use crate::mqtt::packet::{Connack, Connect, Packet, Publish, QoS, ReasonCode, Subscribe, Version};
use crate::mqtt::packet::{PacketIdentifier, PacketType};
use crate::mqtt::topic::{TopicFilter, TopicName};
use crate::stream::{Chunk, MessageId, Payload, Tag};

const VERSIONS: [Version; 3] = [Version::V3_1, Version::V3_1_1, Version::V5_0];

/// Byte strings that one broker meets.
const TOGETHER: u64 = 500;

/// Connections that are open beside the honest one.
const OPEN: usize = 12;

const START: SimTime = SimTime::from_secs(1);

/// Good packets to begin with, of every type.
struct Samples {
    all: Vec<(Version, Vec<u8>)>,
}

impl Samples {
    fn new() -> Self {
        let mut runner = TestRunner::deterministic();
        let mut all = Vec::new();
        for version in VERSIONS {
            let strategy = packet(version);
            for _ in 0..400 {
                let packet = strategy.new_tree(&mut runner).unwrap().current();
                all.push((version, encode(&packet, version, MessageId::NONE).to_vec()));
            }
        }
        Samples { all }
    }

    fn one(&self, version: Version, draws: &mut Stream) -> &[u8] {
        loop {
            let (of, bytes) = &self.all[draws.below(self.all.len() as u64) as usize];
            if *of == version {
                return bytes;
            }
        }
    }

    /// A byte string with something wrong in it, most often.
    fn wrong(&self, version: Version, draws: &mut Stream) -> Vec<u8> {
        match draws.below(10) {
            0 => random(draws, 64),
            1 => {
                let mut bytes = vec![draws.below(256) as u8, 0];
                bytes.extend(random(draws, 40));
                with_length(&bytes)
            }
            _ => {
                let mut string = Vec::new();
                for _ in 0..=draws.below(3) {
                    let mut bytes = self.one(version, draws).to_vec();
                    for _ in 0..draws.below(4) {
                        damage(&mut bytes, self.one(version, draws), draws);
                    }
                    // Damage behind the fixed header is met only where the length still fits.
                    let fits = draws.bernoulli(0.7);
                    string.extend(if fits { with_length(&bytes) } else { bytes });
                }
                string
            }
        }
    }
}

fn random(draws: &mut Stream, most: u64) -> Vec<u8> {
    (0..draws.below(most)).map(|_| draws.below(256) as u8).collect()
}

fn damage(bytes: &mut Vec<u8>, other: &[u8], draws: &mut Stream) {
    if bytes.is_empty() {
        return bytes.push(draws.below(256) as u8);
    }
    let at = draws.below(bytes.len() as u64) as usize;
    match draws.below(7) {
        0 => bytes[at] ^= 1 << draws.below(8),
        1 => bytes[at] = draws.below(256) as u8,
        2 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][draws.below(5) as usize],
        3 => bytes.truncate(at),
        4 => bytes.insert(at, draws.below(256) as u8),
        5 => drop(bytes.drain(at..(at + draws.below(8) as usize).min(bytes.len()))),
        _ => {
            let from = draws.below(other.len() as u64) as usize;
            let to = (from + draws.below(20) as usize).min(other.len());
            bytes.splice(at..at, other[from..to].iter().copied());
        }
    }
}

/// The packet with a Remaining Length that is that of its bytes. MQTT 3.1.1 §2.2.3
fn with_length(bytes: &[u8]) -> Vec<u8> {
    let Some((first, rest)) = bytes.split_first() else { return Vec::new() };
    let digits = rest.iter().take(4).take_while(|byte| **byte >= 0x80).count() + 1;
    let body = rest.get(digits..).unwrap_or(&[]);
    let mut whole = vec![*first];
    let mut length = body.len();
    loop {
        let digit = (length % 128) as u8;
        length /= 128;
        whole.push(if length > 0 { digit | 0x80 } else { digit });
        if length == 0 {
            break;
        }
    }
    whole.extend(body);
    whole
}

/// The string cut into pieces, as TCP hands it on.
fn pieces<'b>(bytes: &'b [u8], draws: &mut Stream) -> std::slice::Chunks<'b, u8> {
    let length = if draws.bernoulli(0.5) { bytes.len() } else { 1 + draws.below(20) as usize };
    bytes.chunks(length.max(1))
}

fn chunk(bytes: &[u8]) -> Chunk {
    Chunk::copied(Tag::default(), bytes)
}

/// Reads all there is. What was read is written and read again as the same packet.
fn into_codec(version: Version, bytes: &[u8], draws: &mut Stream) -> u64 {
    let tolerance = if draws.bernoulli(0.5) { Tolerance::MOSQUITTO } else { Tolerance::default() };
    let mut decoder = Decoder::tolerating(MAX_REMAINING_LENGTH, tolerance);
    decoder.set_version(version);
    let mut packets = 0;
    for piece in pieces(bytes, draws) {
        decoder.feed(chunk(piece));
        assert!(decoder.buffered() <= bytes.len(), "no more is kept than was sent");
        loop {
            match decoder.next() {
                Ok(Some(received)) => {
                    packets += 1;
                    // A CONNECT says itself which version it is of.
                    let spoken = match &received.packet {
                        Packet::Connect(connect) => connect.version,
                        _ => version,
                    };
                    let written = encode(&received.packet, spoken, MessageId::NONE).to_vec();
                    let mut again = Decoder::tolerating(MAX_REMAINING_LENGTH, tolerance);
                    again.set_version(spoken);
                    again.feed(chunk(&written));
                    let read = again.next().map(|read| read.map(|read| read.packet));
                    assert_eq!(read, Ok(Some(received.packet)), "{bytes:02x?}");
                    decoder.set_version(version);
                }
                Ok(None) => break,
                Err(_) => return packets,
            }
        }
    }
    packets
}

fn of_version(version: Version, client_identifier: &str, clean_session: bool) -> Vec<u8> {
    let connect = Packet::Connect(Box::new(Connect {
        bridge: false,
        version,
        clean_session,
        keep_alive_s: 0,
        client_identifier: Arc::from(client_identifier),
        will: None,
        user_name: None,
        password: None,
        properties: None,
    }));
    encode(&connect, version, MessageId::NONE).to_vec()
}

/// A broker with an honest subscriber, and with connections that send what they like.
struct Served {
    broker: Broker,
    now: SimTime,
    honest: ConnectionId,
    open: Vec<ConnectionId>,
    sent: usize,
    heard: u64,
    closed: u64,
}

impl Served {
    fn new() -> Self {
        let mut broker = Broker::new(BrokerConfig::default());
        let honest = broker.accept(START);
        broker.handle_input(START, honest, chunk(&of_version(Version::V3_1_1, "honest", true)));
        let subscribe = Packet::Subscribe(Subscribe {
            packet_identifier: PacketIdentifier::new(1).unwrap(),
            filters: vec![(TopicFilter::new("honest/topic").unwrap(), QoS::AtMostOnce.into())],
            properties: None,
        });
        let bytes = encode(&subscribe, Version::V3_1_1, MessageId::NONE).to_vec();
        broker.handle_input(START, honest, chunk(&bytes));
        Served { broker, now: START, honest, open: Vec::new(), sent: 0, heard: 0, closed: 0 }
    }

    fn meet(&mut self, version: Version, bytes: &[u8], draws: &mut Stream) {
        self.now += Duration::from_millis(draws.below(3_000));
        self.broker.handle_timeout(self.now);
        self.drain();
        let connection = match draws.below(3) {
            0 if !self.open.is_empty() => self.open[draws.below(self.open.len() as u64) as usize],
            _ => self.opened(version, draws),
        };
        for piece in pieces(bytes, draws) {
            self.sent += piece.len();
            if !self.open.contains(&connection) {
                break;
            }
            self.broker.handle_input(self.now, connection, chunk(piece));
            self.drain();
        }
        // Every session may hold a copy of every message.
        let copies = self.broker.session_count() + self.broker.connection_count() + 1;
        assert!(self.broker.buffered() <= copies * self.sent, "memory out of nothing");
        assert!(self.broker.subscription_count() <= 1 + self.sent / 3, "subscriptions out of nothing");
        assert!(self.broker.session_count() <= 1 + self.sent / 10, "sessions out of nothing");
    }

    fn opened(&mut self, version: Version, draws: &mut Stream) -> ConnectionId {
        if self.open.len() == OPEN {
            let oldest = self.open.remove(0);
            self.broker.transport_closed(self.now, oldest);
            self.drain();
        }
        let connection = self.broker.accept(self.now);
        self.open.push(connection);
        if draws.bernoulli(0.8) {
            let name = ["a", "b", "c", "d"][draws.below(4) as usize];
            let connect = of_version(version, name, draws.bernoulli(0.5));
            self.sent += connect.len();
            self.broker.handle_input(self.now, connection, chunk(&connect));
            self.drain();
        }
        connection
    }

    /// Takes away what goes out; the host closes the connections that the broker gave up.
    fn drain(&mut self) {
        loop {
            while let Some((to, outgoing)) = self.broker.poll_transmit() {
                self.heard += u64::from(to == self.honest && outgoing.packet_type == PacketType::Publish);
            }
            let mut given_up = None;
            while let Some(event) = self.broker.poll_event() {
                if let BrokerEvent::Close { connection, reason } = event {
                    assert_ne!(connection, self.honest, "the honest client is thrown out: {reason:?}");
                    given_up = Some(connection);
                    break;
                }
            }
            let Some(connection) = given_up else { return };
            self.closed += 1;
            self.open.retain(|open| *open != connection);
            self.broker.transport_closed(self.now, connection);
        }
    }

    /// Another client publishes, and the honest one hears it at once.
    fn honest_message(&mut self) {
        let publisher = self.broker.accept(self.now);
        let topic = TopicName::new("honest/topic").unwrap();
        let payload = Payload::from(&b"still here"[..]);
        let publish = Packet::Publish(Publish {
            topic,
            payload,
            packet_identifier: None,
            qos: QoS::AtMostOnce,
            dup: false,
            retain: false,
            properties: None,
        });
        let connect = of_version(Version::V3_1_1, "publisher", true);
        let bytes = encode(&publish, Version::V3_1_1, MessageId::NONE).to_vec();
        self.sent += connect.len() + bytes.len();
        self.broker.handle_input(self.now, publisher, chunk(&connect));
        self.drain();
        let before = self.heard;
        self.broker.handle_input(self.now, publisher, chunk(&bytes));
        self.drain();
        assert!(self.heard > before, "the honest client hears nothing any more");
        self.broker.transport_closed(self.now, publisher);
        self.drain();
    }
}

/// A client that waits for CONNACK, or has messages and requests under way.
fn into_client(version: Version, bytes: &[u8], draws: &mut Stream) {
    let mut now = START;
    let mut client = Client::new(ClientConfig { version, ..ClientConfig::new("c") });
    client.transport_connected(now);
    if draws.bernoulli(0.8) {
        let accepted = Packet::Connack(Connack {
            session_present: false,
            reason_code: ReasonCode::Success,
            properties: None,
        });
        client.handle_input(now, chunk(&encode(&accepted, version, MessageId::NONE).to_vec()));
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let topic = TopicName::new("t").unwrap();
            let payload = Payload::from(&b"x"[..]);
            client.publish(now, topic, payload, qos, false, MessageId(1)).unwrap();
        }
        client.subscribe(now, vec![(TopicFilter::new("#").unwrap(), QoS::ExactlyOnce)]).unwrap();
    }
    let own = client.buffered();
    for piece in pieces(bytes, draws) {
        client.handle_input(now, chunk(piece));
        while client.poll_transmit().is_some() {}
        let closed = std::iter::from_fn(|| client.poll_event())
            .filter(|event| matches!(event, ClientEvent::Close(_)))
            .count();
        assert!(closed <= 1, "closed once");
        assert!(client.buffered() <= own + bytes.len(), "memory out of nothing");
        now += Duration::from_millis(draws.below(40_000));
        client.handle_timeout(now);
    }
    client.transport_closed(now);
    while client.poll_event().is_some() {}
}

#[test]
fn wrong_bytes_stop_nobody() {
    let cases = std::env::var("FUZZ_CASES").map_or(20_000, |cases| cases.parse().expect("a number"));
    let samples = Samples::new();
    let streams = Streams::new(2026, 0);
    let (mut packets, mut closed, mut heard, mut bytes) = (0, 0, 0, 0);
    for first in (0..cases).step_by(TOGETHER as usize) {
        // The last line of a failure's output says where it was.
        println!("from byte string {first}");
        let mut draws = streams.stream_indexed("bytes", first);
        let mut served = Served::new();
        for case in first..cases.min(first + TOGETHER) {
            let version = VERSIONS[draws.below(3) as usize];
            let string = samples.wrong(version, &mut draws);
            bytes += string.len();
            packets += into_codec(version, &string, &mut draws);
            into_client(version, &string, &mut draws);
            served.meet(version, &string, &mut draws);
            if case % 50 == 0 {
                served.honest_message();
            }
        }
        closed += served.closed;
        heard += served.heard;
    }
    println!(
        "{cases} byte strings, {bytes} bytes, {packets} packets read, {closed} connections given up, {heard} honest messages heard"
    );
    assert!(packets > cases / 10 && closed > cases / 10, "the strings are wrong, but not only wrong");
}

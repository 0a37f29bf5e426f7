//! Hostile bytes for the codec, the client and the broker: good packets, changed at random.
//!
//! Everything comes from one seed, so a failure repeats. `cargo test` runs a few thousand strings; ten million:
//! `cargo test --release -p models --test mqtt_fuzz -- --ignored --nocapture`.

use models::mqtt::broker::FaultCodes;
use models::mqtt::{Broker, BrokerConfig, BrokerEvent, Client, ClientConfig, ConnectionId, Decoder, Version};
use models::stream::{Chunk, Tag};
use sim_core::random::{Stream, Streams};
use sim_core::time::SimTime;

/// What the broker under attack may hold for all, in bytes: see [`broker`] for the limits behind it.
const MOST_HELD: usize = 64 << 20;

/// Strings until the broker starts from nothing: what a host does that limits its sessions.
const LIFE: u64 = 20_000;

const CONNECTS: [&[u8]; 5] = [
    b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01h",
    b"\x10\x0d\x00\x04MQTT\x04\x00\x00\x00\x00\x01k",
    b"\x10\x0f\x00\x06MQIsdp\x03\x02\x00\x0a\x00\x01o",
    b"\x10\x0e\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01h",
    b"\x10\x2b\x00\x04MQTT\x05\xc6\x00\x0a\x0b\x11\x00\x00\x00\x0a\x21\x00\x14\x22\x00\x05\x00\x01c\x05\x18\x00\x00\x00\x07\x00\x01w\x00\x01!\x00\x01u\x00\x01p",
];

// One of each type at least, as both versions write them.
const PACKETS: [&[u8]; 27] = [
    b"\x20\x02\x00\x00",
    b"\x20\x09\x01\x00\x06\x22\x00\x0a\x21\x00\x14",
    b"\x30\x05\x00\x03a/bx",
    b"\x31\x06\x00\x03a/bxy",
    b"\x32\x08\x00\x03a/b\x00\x01x",
    b"\x35\x08\x00\x03a/b\x00\x02x",
    b"\x3c\x08\x00\x03a/b\x00\x02x",
    b"\x30\x07\x00\x01t\x03\x23\x00\x01x",
    b"\x30\x06\x00\x00\x03\x23\x00\x01",
    b"\x32\x19\x00\x01t\x00\x03\x13\x01\x01\x02\x00\x00\x00\x05\x08\x00\x01r\x26\x00\x01a\x00\x01bx",
    b"\x40\x02\x00\x01",
    b"\x40\x04\x00\x01\x10\x00",
    b"\x50\x02\x00\x01",
    b"\x50\x03\x00\x01\x80",
    b"\x62\x02\x00\x02",
    b"\x70\x02\x00\x02",
    b"\x82\x08\x00\x05\x00\x03a/#\x02",
    b"\x82\x0b\x00\x06\x02\x0b\x07\x00\x03+/b\x2d",
    b"\x82\x0f\x00\x07\x00\x00\x09$share/g/#\x01",
    b"\x90\x03\x00\x05\x02",
    b"\xa2\x07\x00\x08\x00\x03a/#",
    b"\xb0\x04\x00\x08\x00\x11",
    b"\xc0\x00",
    b"\xd0\x00",
    b"\xe0\x00",
    b"\xe0\x07\x04\x05\x11\x00\x00\x00\x05",
    b"\xf0\x08\x18\x06\x15\x00\x01m\x16\x00",
];

fn pick<'a>(random: &mut Stream, from: &[&'a [u8]]) -> &'a [u8] {
    from[random.below(from.len() as u64) as usize]
}

fn place(random: &mut Stream, bytes: &[u8]) -> usize {
    random.below(bytes.len() as u64 + 1) as usize
}

// One change: a byte, a bit, a piece cut out or doubled, the end cut off, noise put in, a number blown up.
fn change(random: &mut Stream, bytes: &mut Vec<u8>) {
    let at = place(random, bytes);
    match random.below(8) {
        0 if at < bytes.len() => bytes[at] = random.below(256) as u8,
        1 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        2 if at < bytes.len() => bytes[at] = 0xFF,
        3 => bytes.truncate(at),
        4 => {
            let end = at + random.below((bytes.len() - at) as u64 + 1) as usize;
            bytes.drain(at..end);
        }
        5 => {
            let piece = bytes[at..].to_vec();
            bytes.splice(at..at, piece);
        }
        6 => {
            let noise: Vec<u8> = (0..random.below(9)).map(|_| random.below(256) as u8).collect();
            bytes.splice(at..at, noise);
        }
        _ => bytes.extend_from_slice(pick(random, &PACKETS)),
    }
}

fn packet(random: &mut Stream, from: &[&[u8]], changes: u64) -> Vec<u8> {
    let mut bytes = pick(random, from).to_vec();
    for _ in 0..random.below(changes + 1) {
        change(random, &mut bytes);
    }
    bytes
}

/// A string as a client may send it: mostly a good CONNECT, then packets good and bad.
fn from_client(random: &mut Stream) -> Vec<u8> {
    let changes = if random.bernoulli(0.8) { 0 } else { 3 };
    let mut bytes = packet(random, &CONNECTS, changes);
    for _ in 0..random.below(5) {
        bytes.extend(packet(random, &PACKETS, 2));
    }
    bytes
}

fn feed_in_pieces(random: &mut Stream, bytes: &[u8], mut take: impl FnMut(Chunk) -> bool) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, next) = rest.split_at(1 + random.below(rest.len() as u64) as usize);
        if !take(Chunk::copied(Tag::default(), piece)) {
            return;
        }
        rest = next;
    }
}

fn attack_decoder(random: &mut Stream, bytes: &[u8]) {
    let mut decoder = Decoder::new(1 << 16);
    decoder.set_version(Version::ALL[random.below(3) as usize]);
    feed_in_pieces(random, bytes, |chunk| {
        decoder.feed(chunk);
        loop {
            match decoder.next() {
                Ok(Some(received)) => assert!(received.wire_len <= 1 << 16),
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    });
    assert!(decoder.buffered() <= bytes.len());
}

fn attack_client(random: &mut Stream, bytes: &[u8]) {
    let version = Version::ALL[random.below(3) as usize];
    let now = SimTime::from_secs(1);
    let mut client =
        Client::new(ClientConfig { version, max_packet_bytes: 1 << 16, ..ClientConfig::new("c") });
    client.transport_connected(now);
    let connack: &[u8] = if version.has_properties() { b"\x20\x03\x00\x00\x00" } else { b"\x20\x02\x00\x00" };
    if random.bernoulli(0.9) {
        client.handle_input(now, Chunk::copied(Tag::default(), connack));
    }
    feed_in_pieces(random, bytes, |chunk| {
        client.handle_input(now, chunk);
        while client.poll_transmit().is_some() {}
        while client.poll_event().is_some() {}
        true
    });
    client.handle_timeout(SimTime::from_secs(10_000));
    assert!(client.buffered() <= 4 * bytes.len() + 1_024, "{} of {}", client.buffered(), bytes.len());
}

/// A broker whose every store has a limit, and an honest client that hears itself.
struct Besieged {
    broker: Broker,
    honest: ConnectionId,
    heard: Vec<u8>,
    now: SimTime,
    told: u64,
}

impl Besieged {
    fn new(random: &mut Stream) -> Self {
        let base = if random.bernoulli(0.5) { BrokerConfig::default() } else { BrokerConfig::standard() };
        let fault_codes = if random.bernoulli(0.5) { FaultCodes::Standard } else { FaultCodes::Mosquitto };
        let config = BrokerConfig {
            max_packet_bytes: 1 << 12,
            max_inflight: 10,
            max_inflight_inbound: 10,
            max_queued: 10,
            max_queued_bytes: 1 << 14,
            max_subscriptions: 10,
            max_topic_levels: 20,
            topic_alias_maximum: 10,
            check_payload_format: true,
            fault_codes,
            ..base
        };
        let now = SimTime::from_secs(1);
        let mut broker = Broker::new(config);
        let honest = broker.accept(now);
        let mut besieged = Besieged { broker, honest, heard: Vec::new(), now, told: 0 };
        besieged.say(b"\x10\x12\x00\x04MQTT\x04\x02\x00\x00\x00\x06honest\x82\x0b\x00\x01\x00\x06honest\x01");
        assert_eq!(besieged.heard, b"\x20\x02\x00\x00\x90\x03\x00\x01\x01");
        besieged
    }

    fn say(&mut self, bytes: &[u8]) {
        self.broker.handle_input(self.now, self.honest, Chunk::copied(Tag::default(), bytes));
        self.drain();
    }

    fn drain(&mut self) {
        while let Some((connection, outgoing)) = self.broker.poll_transmit() {
            if connection == self.honest {
                self.heard.extend(outgoing.to_vec());
            }
        }
        while let Some(event) = self.broker.poll_event() {
            if let BrokerEvent::Close { connection, .. } = event {
                assert_ne!(connection, self.honest, "the honest client is thrown out");
                self.broker.transport_closed(self.now, connection);
            }
        }
    }

    // The honest client publishes to itself, and must hear it: nobody can stop it.
    fn is_well(&mut self) {
        self.heard.clear();
        self.told += 1;
        let told = self.told.to_be_bytes();
        let message = [&b"\x30\x10\x00\x06honest"[..], &told].concat();
        self.say(&message);
        assert_eq!(self.heard, message);
        assert!(self.broker.buffered() <= MOST_HELD, "{} bytes held", self.broker.buffered());
        assert_eq!(self.broker.connection_count(), 1);
    }

    fn attack(&mut self, random: &mut Stream, bytes: &[u8]) {
        self.now += std::time::Duration::from_millis(1);
        let hostile = self.broker.accept(self.now);
        let mut open = true;
        feed_in_pieces(random, bytes, |chunk| {
            if !open {
                return false;
            }
            self.broker.handle_input(self.now, hostile, chunk);
            while let Some((connection, outgoing)) = self.broker.poll_transmit() {
                if connection == self.honest {
                    self.heard.extend(outgoing.to_vec());
                }
            }
            while let Some(event) = self.broker.poll_event() {
                if let BrokerEvent::Close { connection, .. } = event {
                    assert_ne!(connection, self.honest, "the honest client is thrown out");
                    open &= connection != hostile;
                    self.broker.transport_closed(self.now, connection);
                }
            }
            true
        });
        if open {
            self.broker.transport_closed(self.now, hostile);
        }
        self.drain();
        self.broker.handle_timeout(self.now);
        self.drain();
    }
}

fn attack(strings: u64, seed: u64) {
    let mut random = Streams::new(seed, 0).stream("mqtt/fuzz");
    let mut besieged = Besieged::new(&mut random);
    let mut most = 0;
    for number in 0..strings {
        let bytes = from_client(&mut random);
        match number % 4 {
            0 => attack_decoder(&mut random, &bytes),
            1 => {
                let bytes = packet(&mut random, &PACKETS, 6);
                attack_client(&mut random, &bytes);
            }
            _ => besieged.attack(&mut random, &bytes),
        }
        if number % 100 == 99 {
            besieged.is_well();
            most = most.max(besieged.broker.buffered());
        }
        if number % LIFE == LIFE - 1 {
            besieged = Besieged::new(&mut random);
        }
    }
    eprintln!("{strings} strings: no panic; the broker held at most {most} bytes");
}

#[test]
fn hostile_bytes_neither_stop_the_machines_nor_fill_them() {
    attack(12_000, 1);
}

#[test]
#[ignore = "ten million strings take minutes, in release"]
fn ten_million_hostile_strings() {
    attack(10_000_000, 2);
}

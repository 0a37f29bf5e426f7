//! Packets and frames, made by hand, on which the tests of this room agree: a publisher, a broker
//! and a subscriber, one message at QoS 1.

use models::cause::Cause;
use models::record::{FrameLoss, FrameRecord, HostIndex, NodeRecord, PacketRecord, Probe};
use models::stream::{Chunk, Payload, Tag};
use sim_core::time::SimTime;

use super::recorder::{CapturedFrame, Recorder, RecorderOptions};

pub const PUBLISHER: HostIndex = HostIndex(0);
pub const BROKER: HostIndex = HostIndex(1);
pub const SUBSCRIBER: HostIndex = HostIndex(2);
/// The port of everybody's first connection.
pub const PORT: u16 = 50_000;

/// Hosts of these names.
pub fn nodes(names: &[&str]) -> Vec<NodeRecord> {
    let sample = crate::results::sample::outcome().nodes.swap_remove(0);
    names.iter().map(|name| NodeRecord { name: (*name).to_owned(), ..sample.clone() }).collect()
}

pub fn three_nodes() -> Vec<NodeRecord> {
    nodes(&["publisher", "broker", "subscriber"])
}

pub fn connect(client: &str) -> Vec<u8> {
    let mut bytes = vec![0x10, 12 + client.len() as u8, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0];
    bytes.push(client.len() as u8);
    bytes.extend(client.bytes());
    bytes
}

pub fn subscribe(filter: &str, qos: u8) -> Vec<u8> {
    let mut bytes = vec![0x82, 5 + filter.len() as u8, 0, 1, 0, filter.len() as u8];
    bytes.extend(filter.bytes());
    bytes.push(qos);
    bytes
}

/// Head and payload.
pub fn publish(qos: u8, topic: &str, payload: usize) -> (Vec<u8>, Vec<u8>) {
    let id: &[u8] = if qos > 0 { &[0, 1] } else { &[] };
    let remaining = 2 + topic.len() + id.len() + payload;
    assert!(remaining < 128, "a remaining length of one byte");
    let mut head = vec![0x30 | qos << 1, remaining as u8, 0, topic.len() as u8];
    head.extend(topic.bytes());
    head.extend(id);
    (head, vec![b'x'; payload])
}

fn chunk(bytes: &[u8]) -> Chunk {
    Chunk::copied(Tag::of(Cause::Application), bytes)
}

/// A control packet handed to TCP at `ms`.
pub fn packet(ms: u64, from: HostIndex, to: HostIndex, bytes: &[u8]) -> PacketRecord {
    PacketRecord { at: SimTime::from_millis(ms), from, to, client_port: PORT, head: chunk(bytes), body: None }
}

/// An empty segment to the broker.
pub fn frame_from(from: HostIndex) -> CapturedFrame {
    let frame = FrameRecord {
        serial: 0,
        at: SimTime::ZERO,
        from,
        to: BROKER,
        source_port: PORT,
        destination_port: 1883,
        sequence: 1,
        acknowledgement: 1,
        flags: 16,
        window: 64_256,
        options: std::iter::empty().collect(),
        payload: std::iter::empty().collect(),
        retransmission: false,
    };
    CapturedFrame { frame, lost: None }
}

/// One TCP connection to the broker, as a script: each step is one segment.
pub struct Script {
    pub recorder: Recorder,
    /// Next sequence numbers, client and broker.
    next: [u32; 2],
    client: HostIndex,
    port: u16,
    serial: u64,
}

pub const FIN: u8 = 1;
pub const SYN: u8 = 2;
pub const PSH: u8 = 8;
pub const ACK: u8 = 16;

/// Timestamps, as RFC 7323 §3.2 lays them out, behind two NOPs.
const TIMESTAMPS: [u8; 12] = [1, 1, 8, 10, 0, 0, 0, 7, 0, 0, 0, 5];

impl Script {
    pub fn new(client: HostIndex, port: u16) -> Self {
        let recorder = Recorder::new(RecorderOptions { frames: true, packets: true });
        Script { recorder, next: [1_000_000, u32::MAX - 3], client, port, serial: 0 }
    }

    /// The same recorder, another connection.
    pub fn connection(self, client: HostIndex, port: u16) -> Self {
        Script { next: [77, 99], client, port, ..self }
    }

    /// A segment at `us`; returns its serial number.
    pub fn segment(&mut self, us: u64, up: bool, flags: u8, payload: &[&[u8]]) -> u64 {
        let (mine, other) = if up { (0, 1) } else { (1, 0) };
        let (from, to) = if up { (self.client, BROKER) } else { (BROKER, self.client) };
        let ports = if up { (self.port, 1883) } else { (1883, self.port) };
        let options: &[u8] = if flags & SYN != 0 { &[2, 4, 5, 180] } else { &TIMESTAMPS };
        let serial = self.serial;
        self.recorder.frame(FrameRecord {
            serial,
            at: SimTime::from_micros(us),
            from,
            to,
            source_port: ports.0,
            destination_port: ports.1,
            sequence: self.next[mine],
            acknowledgement: if flags & ACK != 0 { self.next[other] } else { 0 },
            flags,
            window: 64_240,
            options: options.iter().copied().collect(),
            payload: payload.iter().map(|bytes| chunk(bytes)).collect(),
            retransmission: false,
        });
        let bytes: usize = payload.iter().map(|bytes| bytes.len()).sum();
        let flagged = u32::from(flags & (SYN | FIN) != 0);
        self.next[mine] = self.next[mine].wrapping_add(bytes as u32 + flagged);
        self.serial += 1;
        serial
    }

    /// The segment `serial` once more, lost or not.
    pub fn again(&mut self, us: u64, serial: u64) -> u64 {
        let mut frame = self.recorder.frames()[serial as usize].frame.clone();
        frame.at = SimTime::from_micros(us);
        frame.serial = self.serial;
        frame.retransmission = true;
        self.recorder.frame(frame);
        self.serial += 1;
        self.serial - 1
    }

    pub fn lose(&mut self, us: u64, serial: u64) {
        self.recorder.frame_lost(SimTime::from_micros(us), serial, FrameLoss::Lost);
    }

    pub fn handshake(&mut self, us: u64) {
        self.segment(us, true, SYN, &[]);
        self.segment(us + 16, false, SYN | ACK, &[]);
        self.segment(us + 30, true, ACK, &[]);
    }

    /// A control packet in a segment of its own, taken `after` microseconds later.
    pub fn send(&mut self, us: u64, up: bool, head: &[u8], body: &[u8], after: u64) -> u64 {
        let (from, to) = if up { (self.client, BROKER) } else { (BROKER, self.client) };
        let body_chunk = (!body.is_empty()).then(|| Chunk::shared(Tag::default(), Payload::from(body)));
        let at = SimTime::from_micros(us);
        self.recorder.packet(PacketRecord {
            at,
            from,
            to,
            client_port: PORT,
            head: chunk(head),
            body: body_chunk,
        });
        self.recorder.packet_taken(SimTime::from_micros(us + after), from, to, PORT);
        let payload: &[&[u8]] = if body.is_empty() { &[head] } else { &[head, body] };
        self.segment(us, up, PSH | ACK, payload)
    }
}

/// One message at QoS 1 from the publisher over the broker to the subscriber. The publisher's
/// PUBLISH is lost once.
pub fn one_publish() -> Recorder {
    let mut script = Script::new(SUBSCRIBER, 40_001);
    script.handshake(0);
    script.send(112, true, &connect("sub"), &[], 40);
    script.send(489, false, &[0x20, 2, 0, 0], &[], 40);
    script.send(4_149, true, &subscribe("gt/t", 1), &[], 46);
    script.send(4_195, false, &[0x90, 3, 0, 1, 1], &[], 40);
    let mut script = script.connection(PUBLISHER, 40_002);
    script.handshake(10_000);
    script.send(10_319, true, &connect("pub"), &[], 40);
    script.send(10_359, false, &[0x20, 2, 0, 0], &[], 40);
    let (head, body) = publish(1, "gt/t", 16);
    let lost = script.send(60_752, true, &head, &body, 200_100);
    script.lose(60_760, lost);
    script.again(260_752, lost);
    script.send(260_900, false, &[0x40, 2, 0, 1], &[], 40);
    script.send(312_300, true, &[0xe0, 0], &[], 40);
    script.segment(312_515, true, FIN | ACK, &[]);
    script.segment(312_621, false, FIN | ACK, &[]);
    script.segment(312_636, true, ACK, &[]);
    script.recorder
}

//! What was said between clients and brokers in a run, as far as the rules of retained messages and wills need it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use models::mqtt::packet::RetainHandling;
use models::mqtt::{Decoder, Packet, PacketIdentifier, QoS, ReasonCode, TopicFilter, Version, Will};
use models::record::{FlightRecord, FrameLoss, FrameRecord, HostIndex, PacketRecord, Probe, TooLongRecord};
use models::stream::MessageId;
use sim_core::time::SimTime;

/// A PUBLISH in the hands of a client.
#[derive(Clone, Debug)]
pub(super) struct Copy {
    pub at: SimTime,
    pub topic: Arc<str>,
    pub message: MessageId,
    pub qos: QoS,
    pub retain: bool,
}

/// A retained message at its broker.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub broker: HostIndex,
    pub topic: Arc<str>,
    pub message: MessageId,
    /// When PUBLISH came.
    pub known: SimTime,
    /// When the broker must have kept it: with PUBLISH, at QoS 2 with PUBREL (MQTT 3.1.1 §4.3.3, method A).
    pub sure: Option<SimTime>,
    /// Whether it has no payload, and so removes what was kept. MQTT 3.1.1 §3.3.1.3
    pub empty: bool,
}

/// One filter of a SUBSCRIBE that the broker has read.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub at: SimTime,
    pub filter: TopicFilter,
    pub qos: QoS,
    /// Whether retained messages are to be sent in any case.
    pub send: bool,
    /// Whether RETAIN stays as the publisher set it. MQTT 5.0 §3.8.3.1
    pub as_published: bool,
}

/// A connection whose CONNECT the broker has read.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub client: HostIndex,
    pub broker: HostIndex,
    pub will: Option<Will>,
    /// When CONNACK let it in.
    pub accepted: Option<SimTime>,
    /// Whether the broker has read a DISCONNECT that discards the will.
    pub left: bool,
    pub asked: Vec<Asked>,
    /// When its last SUBACK came.
    pub subscribed: Option<SimTime>,
    /// Whether a SUBACK refused something.
    pub refused: bool,
    pub copies: Vec<Copy>,
}

/// A direction of a connection.
struct Way {
    decoder: Decoder,
    under_way: VecDeque<(Packet, MessageId)>,
}

impl Default for Way {
    fn default() -> Self {
        Way { decoder: Decoder::new(u32::MAX), under_way: VecDeque::new() }
    }
}

/// The probe of a run that is explored.
#[derive(Default)]
pub struct Heard {
    /// Whether packets are listened to, and not frames only.
    packets: bool,
    /// When each frame left its host.
    pub(super) leaving: Vec<SimTime>,
    /// In the order in which brokers read their CONNECT.
    pub(super) connections: Vec<Connection>,
    pub(super) kept: Vec<Kept>,
    /// Place of each connection, by its ends and the client's port.
    places: BTreeMap<(HostIndex, HostIndex, u16), usize>,
    ways: BTreeMap<(HostIndex, HostIndex, u16), Way>,
    /// Retained messages at QoS 2 that are not released yet: the connection, and the place in `kept`.
    unreleased: BTreeMap<(usize, PacketIdentifier), usize>,
}

impl Heard {
    /// A probe that has heard nothing yet; without `packets` it notes when frames leave, and nothing else.
    #[must_use]
    pub fn new(packets: bool) -> Self {
        Heard { packets, ..Heard::default() }
    }

    /// The broker has read a packet.
    fn read(&mut self, at: SimTime, key: (HostIndex, HostIndex, u16), packet: Packet, message: MessageId) {
        if let Packet::Connect(connect) = packet {
            self.places.insert(key, self.connections.len());
            self.connections.push(Connection {
                client: key.0,
                broker: key.1,
                will: connect.will,
                accepted: None,
                left: false,
                asked: Vec::new(),
                subscribed: None,
                refused: false,
                copies: Vec::new(),
            });
            return;
        }
        let Some(&place) = self.places.get(&key) else { return };
        let connection = &mut self.connections[place];
        match packet {
            // MQTT 5.0 §3.14.2.1: 0x04 asks for the will.
            Packet::Disconnect(disconnect) => {
                connection.left = disconnect.reason_code != ReasonCode::DisconnectWithWill;
            }
            Packet::Subscribe(subscribe) => {
                for (filter, options) in subscribe.filters {
                    let send = options.retain_handling == RetainHandling::Send;
                    let as_published = options.retain_as_published;
                    connection.asked.push(Asked { at, filter, qos: options.qos, send, as_published });
                }
            }
            Packet::Publish(publish) if publish.retain => {
                let sure = (publish.qos != QoS::ExactlyOnce).then_some(at);
                if let (None, Some(identifier)) = (sure, publish.packet_identifier) {
                    self.unreleased.insert((place, identifier), self.kept.len());
                }
                let (topic, empty) = (publish.topic.as_str().into(), publish.payload.is_empty());
                self.kept.push(Kept { broker: key.1, topic, message, known: at, sure, empty });
            }
            Packet::Pubrel(pubrel) => {
                if let Some(kept) = self.unreleased.remove(&(place, pubrel.packet_identifier)) {
                    self.kept[kept].sure = Some(at);
                }
            }
            _ => {}
        }
    }

    /// A client has read a packet.
    fn taken(&mut self, at: SimTime, place: usize, packet: Packet, message: MessageId) {
        let connection = &mut self.connections[place];
        match packet {
            Packet::Suback(suback) => {
                connection.subscribed = Some(at);
                connection.refused |= suback.reason_codes.iter().any(|code| *code as u8 >= 0x80);
            }
            Packet::Publish(publish) => {
                let (qos, retain) = (publish.qos, publish.retain);
                connection.copies.push(Copy {
                    at,
                    topic: publish.topic.as_str().into(),
                    message,
                    qos,
                    retain,
                });
            }
            _ => {}
        }
    }
}

impl Probe for Heard {
    const LISTENS: bool = true;

    fn frame(&mut self, frame: FrameRecord) {
        self.leaving.push(frame.at);
    }

    fn frame_lost(&mut self, _: SimTime, _: u64, _: FrameLoss) {}

    fn too_long(&mut self, _: TooLongRecord) {}

    fn packet(&mut self, record: PacketRecord) {
        if !self.packets {
            return;
        }
        let key = (record.from, record.to, record.client_port);
        let message = record.head.tag.message;
        let way = self.ways.entry(key).or_default();
        way.decoder.feed(record.head);
        if let Some(body) = record.body {
            way.decoder.feed(body);
        }
        // What is no packet is put in as one that tells nothing.
        let packet = way.decoder.next().ok().flatten().map_or(Packet::Pingreq, |received| received.packet);
        let back = (key.1, key.0, key.2);
        match &packet {
            Packet::Connect(connect) if connect.version == Version::V5_0 => {
                self.ways.entry(back).or_default().decoder.set_version(Version::V5_0);
            }
            Packet::Connack(connack) if connack.reason_code == ReasonCode::Success => {
                if let Some(&place) = self.places.get(&back) {
                    self.connections[place].accepted = Some(record.at);
                }
            }
            _ => {}
        }
        if let Some(way) = self.ways.get_mut(&key) {
            way.under_way.push_back((packet, message));
        }
    }

    fn flight(&mut self, _: FlightRecord) {}

    fn packet_taken(&mut self, at: SimTime, from: HostIndex, to: HostIndex, client_port: u16) {
        if !self.packets {
            return;
        }
        let key = (from, to, client_port);
        let oldest = self.ways.get_mut(&key).and_then(|way| way.under_way.pop_front());
        let Some((packet, message)) = oldest else { return };
        match self.places.get(&(to, from, client_port)).copied() {
            Some(place) => self.taken(at, place, packet, message),
            None => self.read(at, key, packet, message),
        }
    }
}

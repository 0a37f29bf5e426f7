//! Control packets to bytes.
//!
//! A packet leaves as one head and, for PUBLISH, the payload as it was handed in: shared, never
//! copied. Heads of up to [`crate::stream::INLINE_BYTES`] need no allocation.

use smallvec::SmallVec;

use crate::mqtt::codec::properties::{PublishProperties, push_properties};
use crate::mqtt::codec::{MAX_REMAINING_LENGTH, remaining_length_bytes};
use crate::mqtt::packet::{
    Acknowledgement, Connack, Connect, Packet, PacketIdentifier, PacketType, Properties,
};
use crate::mqtt::packet::{
    Publish, QoS, ReasonCode, Suback, Subscribe, Unsuback, Unsubscribe, Version, Will,
};
use crate::mqtt::topic::{MAX_STRING_BYTES, TopicName};
use crate::stream::{Chunk, MessageId, Payload, Tag};

/// A control packet on its way out: its bytes, and what charts and counters want to know of it.
///
/// All chunks carry the tag (message, cause of the packet type).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outgoing {
    /// Everything but the payload of a PUBLISH.
    pub head: Chunk,
    /// The payload of a PUBLISH, shared; `None` where there is none or it is empty.
    pub body: Option<Chunk>,
    /// Number of bytes of the whole packet.
    pub wire_len: u32,
    /// The identifier, where the packet has one.
    pub packet_identifier: Option<PacketIdentifier>,
    /// The type of the packet.
    pub packet_type: PacketType,
    /// QoS of a PUBLISH; 0 for the rest.
    pub qos: QoS,
    /// DUP of a PUBLISH; in MQTT 3.1 also of PUBREL, SUBSCRIBE and UNSUBSCRIBE.
    pub dup: bool,
    /// RETAIN of a PUBLISH.
    pub retain: bool,
}

/// What a PUBLISH says beside topic and payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PublishHeader {
    /// Present exactly at QoS 1 and 2.
    pub packet_identifier: Option<PacketIdentifier>,
    /// The Quality of Service of this hop.
    pub qos: QoS,
    /// Whether this may be a repetition.
    pub dup: bool,
    /// RETAIN of this hop.
    pub retain: bool,
}

pub(super) type Bytes = SmallVec<[u8; 64]>;

/// The bytes of `packet` in `version`, tagged with `message` and the cause of its type. A CONNECT is
/// written in its own version. What a version does not have is left out.
///
/// # Panics
/// When a value cannot be written: a string or a will of more than 65,535 bytes, before MQTT 5.0 a
/// password without a user name, a request without a Topic Filter, a QoS that contradicts the presence
/// of a Packet Identifier, AUTH before MQTT 5.0, or a packet beyond 256 MiB. These are errors of the caller.
#[must_use]
pub fn encode(packet: &Packet, version: Version, message: MessageId) -> Outgoing {
    let packet_type = packet.packet_type();
    match packet {
        Packet::Publish(publish) => encode_whole_publish(publish, version, message),
        Packet::Connect(connect) => finish(packet_type, None, &connect_body(connect), message),
        Packet::Connack(connack) => encode_connack(connack, version),
        Packet::Subscribe(subscribe) => {
            let body = subscribe_body(subscribe, version);
            finish(packet_type, Some(subscribe.packet_identifier), &body, message)
        }
        Packet::Suback(suback) => {
            finish(packet_type, Some(suback.packet_identifier), &suback_body(suback, version), message)
        }
        Packet::Unsubscribe(unsubscribe) => {
            let body = unsubscribe_body(unsubscribe, version);
            finish(packet_type, Some(unsubscribe.packet_identifier), &body, message)
        }
        Packet::Unsuback(unsuback) => {
            finish(packet_type, Some(unsuback.packet_identifier), &unsuback_body(unsuback, version), message)
        }
        Packet::Puback(acknowledgement)
        | Packet::Pubrec(acknowledgement)
        | Packet::Pubrel(acknowledgement)
        | Packet::Pubcomp(acknowledgement) => {
            let Acknowledgement { packet_identifier, reason_code, properties } = acknowledgement;
            let mut body = Bytes::from_slice(&packet_identifier.get().to_be_bytes());
            push_reason_and_properties(&mut body, *reason_code, properties.as_deref(), version);
            finish(packet_type, Some(*packet_identifier), &body, message)
        }
        Packet::Pingreq | Packet::Pingresp => encode_bare(packet_type, message),
        Packet::Disconnect(disconnect) => {
            let mut body = Bytes::new();
            let (reason_code, properties) = (disconnect.reason_code, disconnect.properties.as_deref());
            push_reason_and_properties(&mut body, reason_code, properties, version);
            finish(packet_type, None, &body, message)
        }
        Packet::Auth(auth) => {
            assert!(packet_type.exists_in(version), "AUTH is of MQTT 5.0");
            let mut body = Bytes::new();
            push_reason_and_properties(&mut body, auth.reason_code, auth.properties.as_deref(), version);
            finish(packet_type, None, &body, message)
        }
    }
}

fn encode_whole_publish(publish: &Publish, version: Version, message: MessageId) -> Outgoing {
    let Publish { topic, payload, packet_identifier, qos, dup, retain, properties } = publish;
    let header =
        PublishHeader { packet_identifier: *packet_identifier, qos: *qos, dup: *dup, retain: *retain };
    let stored = properties.as_deref();
    let properties = PublishProperties {
        stored,
        message_expiry_interval_s: stored.and_then(|stored| stored.message_expiry_interval_s),
        topic_alias: stored.and_then(|stored| stored.topic_alias),
    };
    let properties = version.has_properties().then_some(properties);
    encode_publish(topic, payload, header, properties, message)
}

/// A packet of two bytes: PINGREQ, PINGRESP, or a DISCONNECT that says nothing.
#[must_use]
pub fn encode_bare(packet_type: PacketType, message: MessageId) -> Outgoing {
    whole(packet_type, None, &[first_byte(packet_type), 0], message)
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP (or, before MQTT 5.0, UNSUBACK) of four bytes: nothing but a Packet
/// Identifier, which means success in every version.
#[must_use]
pub fn encode_acknowledgement(
    packet_type: PacketType,
    packet_identifier: PacketIdentifier,
    message: MessageId,
) -> Outgoing {
    let [high, low] = packet_identifier.get().to_be_bytes();
    whole(packet_type, Some(packet_identifier), &[first_byte(packet_type), 2, high, low], message)
}

/// As [`encode_acknowledgement`], of five bytes: with a Reason Code of MQTT 5.0.
#[must_use]
pub fn encode_acknowledgement_with(
    packet_type: PacketType,
    packet_identifier: PacketIdentifier,
    reason_code: ReasonCode,
    message: MessageId,
) -> Outgoing {
    if reason_code == ReasonCode::Success {
        return encode_acknowledgement(packet_type, packet_identifier, message);
    }
    let [high, low] = packet_identifier.get().to_be_bytes();
    finish(packet_type, Some(packet_identifier), &[high, low, reason_code as u8], message)
}

/// CONNACK. MQTT 3.1.1 §3.2, MQTT 5.0 §3.2
#[must_use]
pub fn encode_connack(connack: &Connack, version: Version) -> Outgoing {
    let Connack { session_present, reason_code, properties } = connack;
    let mut body = Bytes::new();
    match version {
        // MQTT 3.1 §3.2: the first byte is not used
        Version::V3_1 => body.extend_from_slice(&[0, reason_code.return_code()]),
        Version::V3_1_1 => body.extend_from_slice(&[u8::from(*session_present), reason_code.return_code()]),
        Version::V5_0 => {
            body.extend_from_slice(&[u8::from(*session_present), *reason_code as u8]);
            push_properties(&mut body, properties.as_deref());
        }
    }
    finish(PacketType::Connack, None, &body, MessageId::NONE)
}

/// PUBLISH: the payload becomes the body, as it is. MQTT 3.1.1 §3.3, MQTT 5.0 §3.3
///
/// `properties` is `Some` in MQTT 5.0, `None` before.
///
/// # Panics
/// When the QoS contradicts the presence of a Packet Identifier, or the packet exceeds 256 MiB.
#[must_use]
pub fn encode_publish(
    topic: &TopicName,
    payload: &Payload,
    header: PublishHeader,
    properties: Option<PublishProperties<'_>>,
    message: MessageId,
) -> Outgoing {
    let PublishHeader { packet_identifier, qos, dup, retain } = header;
    // MQTT 3.1.1 §3.3.2.2
    assert_eq!(packet_identifier.is_some(), qos != QoS::AtMostOnce, "an identifier exactly at QoS 1 and 2");
    let mut block = Bytes::new();
    if let Some(properties) = properties {
        properties.push(&mut block);
    }
    let identifier_len = if packet_identifier.is_some() { 2 } else { 0 };
    let variable_header = 2 + topic.as_str().len() + identifier_len + block.len();
    let remaining_length = checked_remaining_length(variable_header + payload.len());
    let flags = u8::from(dup) << 3 | qos.level() << 1 | u8::from(retain);
    let mut head = Bytes::new();
    push_fixed_header(&mut head, PacketType::Publish.number() << 4 | flags, remaining_length);
    push_string(&mut head, topic.as_str().as_bytes());
    if let Some(identifier) = packet_identifier {
        head.extend_from_slice(&identifier.get().to_be_bytes());
    }
    head.extend_from_slice(&block);
    let tag = Tag { message, cause: PacketType::Publish.cause() };
    Outgoing {
        head: Chunk::copied(tag, &head),
        body: (!payload.is_empty()).then(|| Chunk::shared(tag, payload.clone())),
        wire_len: (head.len() + payload.len()) as u32,
        packet_identifier,
        packet_type: PacketType::Publish,
        qos,
        dup,
        retain,
    }
}

/// Number of bytes of a PUBLISH with a topic and a payload of these lengths, or `None` beyond what
/// MQTT can carry.
#[must_use]
pub fn publish_wire_len(topic_bytes: usize, payload_bytes: usize, qos: QoS) -> Option<usize> {
    let identifier = if qos == QoS::AtMostOnce { 0 } else { 2 };
    let remaining_length = 2 + topic_bytes + identifier + payload_bytes;
    let field = u32::try_from(remaining_length).ok().filter(|length| *length <= MAX_REMAINING_LENGTH)?;
    Some(1 + remaining_length_bytes(field) + remaining_length)
}

/// A packet of these bytes, without a payload beside them.
#[inline]
fn whole(
    packet_type: PacketType,
    packet_identifier: Option<PacketIdentifier>,
    bytes: &[u8],
    message: MessageId,
) -> Outgoing {
    Outgoing {
        wire_len: bytes.len() as u32,
        head: Chunk::copied(Tag { message, cause: packet_type.cause() }, bytes),
        body: None,
        packet_identifier,
        packet_type,
        qos: QoS::AtMostOnce,
        dup: false,
        retain: false,
    }
}

fn finish(
    packet_type: PacketType,
    packet_identifier: Option<PacketIdentifier>,
    body: &[u8],
    message: MessageId,
) -> Outgoing {
    let mut head = Bytes::new();
    push_fixed_header(&mut head, first_byte(packet_type), checked_remaining_length(body.len()));
    head.extend_from_slice(body);
    whole(packet_type, packet_identifier, &head, message)
}

fn checked_remaining_length(bytes: usize) -> u32 {
    let length = u32::try_from(bytes).unwrap_or(u32::MAX);
    assert!(length <= MAX_REMAINING_LENGTH, "a control packet below 256 MiB");
    length
}

// MQTT 3.1.1 §2.2.1, §2.2.2
fn first_byte(packet_type: PacketType) -> u8 {
    let flags = packet_type.reserved_flags().expect("PUBLISH is encoded on its own");
    packet_type.number() << 4 | flags
}

// MQTT 3.1.1 §2.2
fn push_fixed_header(head: &mut Bytes, first_byte: u8, remaining_length: u32) {
    head.push(first_byte);
    push_variable(head, remaining_length);
}

// MQTT 3.1.1 §2.2.3: seven bits a byte, least significant first
pub(super) fn push_variable(to: &mut Bytes, value: u32) {
    let mut rest = value;
    loop {
        let digit = (rest & 0x7F) as u8;
        rest >>= 7;
        to.push(if rest > 0 { digit | 0x80 } else { digit });
        if rest == 0 {
            return;
        }
    }
}

// MQTT 3.1.1 §1.5.3: two bytes of length, then the string. Binary fields look the same.
pub(super) fn push_string(bytes: &mut Bytes, string: &[u8]) {
    assert!(string.len() <= MAX_STRING_BYTES, "a field of at most 65535 bytes");
    bytes.extend_from_slice(&(string.len() as u16).to_be_bytes());
    bytes.extend_from_slice(string);
}

// MQTT 5.0 §3.4.2.1: left out as far as it says nothing
fn push_reason_and_properties(
    body: &mut Bytes,
    reason_code: ReasonCode,
    properties: Option<&Properties>,
    version: Version,
) {
    if !version.has_properties() || reason_code == ReasonCode::Success && properties.is_none() {
        return;
    }
    body.push(reason_code as u8);
    if properties.is_some() {
        push_properties(body, properties);
    }
}

fn push_properties_in(version: Version, body: &mut Bytes, properties: Option<&Properties>) {
    if version.has_properties() {
        push_properties(body, properties);
    }
}

// MQTT 3.1.1 §3.1.2 and §3.1.3, MQTT 5.0 likewise
fn connect_body(connect: &Connect) -> Bytes {
    let version = connect.version;
    // MQTT 3.1.1 §3.1.2.9
    let alone = connect.user_name.is_none() && connect.password.is_some();
    assert!(!alone || version.has_properties(), "a password only with a user name");
    let will_flags =
        connect.will.as_ref().map_or(0, |will| 1 << 2 | will.qos.level() << 3 | u8::from(will.retain) << 5);
    let flags = u8::from(connect.clean_session) << 1
        | will_flags
        | u8::from(connect.password.is_some()) << 6
        | u8::from(connect.user_name.is_some()) << 7;
    let mut body = Bytes::new();
    push_string(&mut body, version.protocol_name().as_bytes());
    let bridge = connect.bridge && !version.has_properties();
    body.extend_from_slice(&[version.protocol_level() | u8::from(bridge) << 7, flags]);
    body.extend_from_slice(&connect.keep_alive_s.to_be_bytes());
    push_properties_in(version, &mut body, connect.properties.as_deref());
    push_string(&mut body, connect.client_identifier.as_bytes());
    if let Some(Will { topic, payload, properties, .. }) = &connect.will {
        push_properties_in(version, &mut body, properties.as_deref());
        push_string(&mut body, topic.as_str().as_bytes());
        push_string(&mut body, payload.as_slice());
    }
    if let Some(user_name) = &connect.user_name {
        push_string(&mut body, user_name.as_bytes());
    }
    if let Some(password) = &connect.password {
        push_string(&mut body, password);
    }
    body
}

// MQTT 3.1.1 §3.8.3, MQTT 5.0 §3.8.3
fn subscribe_body(subscribe: &Subscribe, version: Version) -> Bytes {
    assert!(!subscribe.filters.is_empty(), "at least one Topic Filter");
    let mut body = Bytes::from_slice(&subscribe.packet_identifier.get().to_be_bytes());
    push_properties_in(version, &mut body, subscribe.properties.as_deref());
    for (filter, options) in &subscribe.filters {
        push_string(&mut body, filter.as_str().as_bytes());
        body.push(if version.has_properties() { options.byte() } else { options.qos.level() });
    }
    body
}

// MQTT 3.1.1 §3.9.3, MQTT 5.0 §3.9.3
fn suback_body(suback: &Suback, version: Version) -> Bytes {
    let mut body = Bytes::from_slice(&suback.packet_identifier.get().to_be_bytes());
    push_properties_in(version, &mut body, suback.properties.as_deref());
    body.extend(suback.reason_codes.iter().map(|code| match version {
        // Before MQTT 5.0 there is one failure only.
        Version::V3_1 | Version::V3_1_1 => (*code as u8).min(0x80),
        Version::V5_0 => *code as u8,
    }));
    body
}

// MQTT 3.1.1 §3.10.3, MQTT 5.0 §3.10.3
fn unsubscribe_body(unsubscribe: &Unsubscribe, version: Version) -> Bytes {
    assert!(!unsubscribe.filters.is_empty(), "at least one Topic Filter");
    let mut body = Bytes::from_slice(&unsubscribe.packet_identifier.get().to_be_bytes());
    push_properties_in(version, &mut body, unsubscribe.properties.as_deref());
    for filter in &unsubscribe.filters {
        push_string(&mut body, filter.as_str().as_bytes());
    }
    body
}

// MQTT 3.1.1 §3.11, MQTT 5.0 §3.11
fn unsuback_body(unsuback: &Unsuback, version: Version) -> Bytes {
    let mut body = Bytes::from_slice(&unsuback.packet_identifier.get().to_be_bytes());
    if version.has_properties() {
        push_properties(&mut body, unsuback.properties.as_deref());
        body.extend(unsuback.reason_codes.iter().map(|code| *code as u8));
    }
    body
}

impl Outgoing {
    /// Marks the packet as a repetition, where its version has a mark for it. MQTT 3.1 §2.1
    #[must_use]
    pub fn repeated_in(mut self, version: Version) -> Self {
        if self.packet_type.has_dup_in(version) && !self.dup {
            let mut bytes = self.head.as_slice().to_vec();
            bytes[0] |= 0x08;
            self.head = Chunk::copied(self.head.tag, &bytes);
            self.dup = true;
        }
        self
    }

    /// All bytes in one piece, for tests and captures; copies.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = self.head.as_slice().to_vec();
        bytes.extend_from_slice(self.body.as_ref().map_or(&[], Chunk::as_slice));
        bytes
    }

    /// The message of the tag.
    #[must_use]
    pub const fn message(&self) -> MessageId {
        self.head.tag.message
    }

    /// The payload of a PUBLISH; empty for the rest.
    #[must_use]
    pub fn payload(&self) -> Payload {
        self.body.clone().map_or_else(Payload::empty, Chunk::into_payload)
    }
}

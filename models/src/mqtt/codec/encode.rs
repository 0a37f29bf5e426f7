//! Control packets to bytes.
//!
//! A packet leaves as one head and, for PUBLISH, the payload as it was handed in: shared, never
//! copied. Heads of up to [`crate::stream::INLINE_BYTES`] need no allocation.

use smallvec::SmallVec;

use crate::mqtt::codec::{MAX_REMAINING_LENGTH, remaining_length_bytes};
use crate::mqtt::packet::{Connack, Connect, Packet, PacketIdentifier, PacketType, Publish, QoS};
use crate::mqtt::packet::{Suback, Subscribe, Unsubscribe, Will};
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
    /// DUP of a PUBLISH.
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

type Bytes = SmallVec<[u8; 64]>;

/// The bytes of `packet`, tagged with `message` and the cause of its type.
///
/// # Panics
/// When a value cannot be written: a string or a will of more than 65,535 bytes, a password without
/// a user name, a request without a Topic Filter, a QoS that contradicts the presence of a Packet
/// Identifier, or a packet beyond 256 MiB. These are errors of the caller.
#[must_use]
pub fn encode(packet: &Packet, message: MessageId) -> Outgoing {
    let packet_type = packet.packet_type();
    match packet {
        Packet::Publish(Publish { topic, payload, packet_identifier, qos, dup, retain }) => {
            let (packet_identifier, qos, dup, retain) = (*packet_identifier, *qos, *dup, *retain);
            encode_publish(topic, payload, PublishHeader { packet_identifier, qos, dup, retain }, message)
        }
        Packet::Connect(connect) => finish(packet_type, None, &connect_body(connect), message),
        Packet::Connack(connack) => encode_connack(*connack),
        Packet::Subscribe(subscribe) => {
            finish(packet_type, Some(subscribe.packet_identifier), &subscribe_body(subscribe), message)
        }
        Packet::Suback(suback) => {
            finish(packet_type, Some(suback.packet_identifier), &suback_body(suback), message)
        }
        Packet::Unsubscribe(unsubscribe) => {
            finish(packet_type, Some(unsubscribe.packet_identifier), &unsubscribe_body(unsubscribe), message)
        }
        Packet::Puback(identifier)
        | Packet::Pubrec(identifier)
        | Packet::Pubrel(identifier)
        | Packet::Pubcomp(identifier)
        | Packet::Unsuback(identifier) => encode_acknowledgement(packet_type, *identifier, message),
        Packet::Pingreq | Packet::Pingresp | Packet::Disconnect => encode_bare(packet_type, message),
    }
}

/// A packet of two bytes: PINGREQ, PINGRESP or DISCONNECT.
#[must_use]
pub fn encode_bare(packet_type: PacketType, message: MessageId) -> Outgoing {
    finish(packet_type, None, &[], message)
}

/// A packet of four bytes that is nothing but a Packet Identifier: PUBACK, PUBREC, PUBREL, PUBCOMP
/// or UNSUBACK.
#[must_use]
pub fn encode_acknowledgement(
    packet_type: PacketType,
    packet_identifier: PacketIdentifier,
    message: MessageId,
) -> Outgoing {
    finish(packet_type, Some(packet_identifier), &packet_identifier.get().to_be_bytes(), message)
}

/// CONNACK. MQTT 3.1.1 §3.2
#[must_use]
pub fn encode_connack(connack: Connack) -> Outgoing {
    let body = [u8::from(connack.session_present), connack.return_code as u8];
    finish(PacketType::Connack, None, &body, MessageId::NONE)
}

/// PUBLISH: the payload becomes the body, as it is. MQTT 3.1.1 §3.3
///
/// # Panics
/// When the QoS contradicts the presence of a Packet Identifier, or the packet exceeds 256 MiB.
#[must_use]
pub fn encode_publish(
    topic: &TopicName,
    payload: &Payload,
    header: PublishHeader,
    message: MessageId,
) -> Outgoing {
    let PublishHeader { packet_identifier, qos, dup, retain } = header;
    // MQTT 3.1.1 §3.3.2.2
    assert_eq!(packet_identifier.is_some(), qos != QoS::AtMostOnce, "an identifier exactly at QoS 1 and 2");
    let variable_header = 2 + topic.as_str().len() + if packet_identifier.is_some() { 2 } else { 0 };
    let remaining_length = checked_remaining_length(variable_header + payload.len());
    let flags = u8::from(dup) << 3 | qos.level() << 1 | u8::from(retain);
    let mut head = Bytes::new();
    push_fixed_header(&mut head, PacketType::Publish, flags, remaining_length);
    push_string(&mut head, topic.as_str().as_bytes());
    if let Some(identifier) = packet_identifier {
        head.extend_from_slice(&identifier.get().to_be_bytes());
    }
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

fn finish(
    packet_type: PacketType,
    packet_identifier: Option<PacketIdentifier>,
    body: &[u8],
    message: MessageId,
) -> Outgoing {
    let flags = packet_type.reserved_flags().expect("PUBLISH is encoded on its own");
    let mut head = Bytes::new();
    push_fixed_header(&mut head, packet_type, flags, checked_remaining_length(body.len()));
    head.extend_from_slice(body);
    Outgoing {
        wire_len: head.len() as u32,
        head: Chunk::copied(Tag { message, cause: packet_type.cause() }, &head),
        body: None,
        packet_identifier,
        packet_type,
        qos: QoS::AtMostOnce,
        dup: false,
        retain: false,
    }
}

fn checked_remaining_length(bytes: usize) -> u32 {
    let length = u32::try_from(bytes).unwrap_or(u32::MAX);
    assert!(length <= MAX_REMAINING_LENGTH, "a control packet below 256 MiB");
    length
}

// MQTT 3.1.1 §2.2
fn push_fixed_header(head: &mut Bytes, packet_type: PacketType, flags: u8, remaining_length: u32) {
    head.push(packet_type.number() << 4 | flags);
    // MQTT 3.1.1 §2.2.3: seven bits a byte, least significant first
    let mut rest = remaining_length;
    loop {
        let digit = (rest & 0x7F) as u8;
        rest >>= 7;
        head.push(if rest > 0 { digit | 0x80 } else { digit });
        if rest == 0 {
            return;
        }
    }
}

// MQTT 3.1.1 §1.5.3: two bytes of length, then the string. Binary fields look the same.
fn push_string(bytes: &mut Bytes, string: &[u8]) {
    assert!(string.len() <= MAX_STRING_BYTES, "a field of at most 65535 bytes");
    bytes.extend_from_slice(&(string.len() as u16).to_be_bytes());
    bytes.extend_from_slice(string);
}

// MQTT 3.1.1 §3.1.2 and §3.1.3
fn connect_body(connect: &Connect) -> Bytes {
    let Connect { version, clean_session, keep_alive_s, client_identifier, will, user_name, password } =
        connect;
    // MQTT 3.1.1 §3.1.2.9
    assert!(user_name.is_some() || password.is_none(), "a password only with a user name");
    let will_flags =
        will.as_ref().map_or(0, |will| 1 << 2 | will.qos.level() << 3 | u8::from(will.retain) << 5);
    let flags = u8::from(*clean_session) << 1
        | will_flags
        | u8::from(password.is_some()) << 6
        | u8::from(user_name.is_some()) << 7;
    let mut body = Bytes::new();
    push_string(&mut body, version.protocol_name().as_bytes());
    body.extend_from_slice(&[version.protocol_level(), flags]);
    body.extend_from_slice(&keep_alive_s.to_be_bytes());
    push_string(&mut body, client_identifier.as_bytes());
    if let Some(Will { topic, payload, .. }) = will {
        push_string(&mut body, topic.as_str().as_bytes());
        push_string(&mut body, payload.as_slice());
    }
    if let Some(user_name) = user_name {
        push_string(&mut body, user_name.as_bytes());
    }
    if let Some(password) = password {
        push_string(&mut body, password);
    }
    body
}

// MQTT 3.1.1 §3.8.3
fn subscribe_body(subscribe: &Subscribe) -> Bytes {
    assert!(!subscribe.filters.is_empty(), "at least one Topic Filter");
    let mut body = Bytes::from_slice(&subscribe.packet_identifier.get().to_be_bytes());
    for (filter, qos) in &subscribe.filters {
        push_string(&mut body, filter.as_str().as_bytes());
        body.push(qos.level());
    }
    body
}

// MQTT 3.1.1 §3.9.3
fn suback_body(suback: &Suback) -> Bytes {
    let mut body = Bytes::from_slice(&suback.packet_identifier.get().to_be_bytes());
    body.extend(suback.return_codes.iter().map(|code| code.map_or(0x80, QoS::level)));
    body
}

// MQTT 3.1.1 §3.10.3
fn unsubscribe_body(unsubscribe: &Unsubscribe) -> Bytes {
    assert!(!unsubscribe.filters.is_empty(), "at least one Topic Filter");
    let mut body = Bytes::from_slice(&unsubscribe.packet_identifier.get().to_be_bytes());
    for filter in &unsubscribe.filters {
        push_string(&mut body, filter.as_str().as_bytes());
    }
    body
}

impl Outgoing {
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

//! Short ways for the packets that come most often.

use super::{Decoder, Received};
use crate::mqtt::packet::{Acknowledgement, Packet, PacketIdentifier, PacketType, Publish, QoS};
use crate::stream::Payload;

// Where the parts of a PUBLISH lie, in bytes from its first.
struct Layout {
    qos: QoS,
    packet_identifier: Option<PacketIdentifier>,
    payload: usize,
    end: usize,
}

impl Decoder {
    // PUBACK, PUBREC, PUBREL or PUBCOMP of four bytes, PINGREQ or PINGRESP, alone in a chunk as they were
    // written. `None`, and nothing changed, for all others.
    #[inline]
    pub(super) fn usual_answer(&mut self) -> Option<Received> {
        let first = self.first.as_ref()?;
        let (first_byte, identifier) = match *first.as_slice() {
            [first_byte, 2, high, low] => (first_byte, u16::from_be_bytes([high, low])),
            [first_byte, 0] => (first_byte, 0),
            _ => return None,
        };
        let acknowledgement = PacketIdentifier::new(identifier).map(Acknowledgement::from);
        // MQTT 3.1.1 §2.2.2: flags other than these are left to the long way.
        let packet = match (first_byte, acknowledgement) {
            (0x40, Some(puback)) => Packet::Puback(puback),
            (0x50, Some(pubrec)) => Packet::Pubrec(pubrec),
            (0x62, Some(pubrel)) => Packet::Pubrel(pubrel),
            (0x70, Some(pubcomp)) => Packet::Pubcomp(pubcomp),
            (0xC0, None) if first.len() == 2 => Packet::Pingreq,
            (0xD0, None) if first.len() == 2 => Packet::Pingresp,
            _ => return None,
        };
        let (tag, wire_len, packet_type) = (first.tag, first.len() as u32, packet.packet_type());
        let refused = self.refused & 1 << packet_type as u16 != 0;
        if self.used > 0 || refused || wire_len > self.max_packet_bytes {
            return None;
        }
        self.next_chunk();
        self.buffered -= wire_len;
        self.wanted = 0;
        self.reading = Some(packet_type);
        Some(Received { packet, tag, wire_len })
    }

    // The most frequent packet: a PUBLISH of less than 16 KiB without properties, to the topic of the last
    // one, that lies in one chunk, or its payload, whole, in the next. `None`, and nothing changed, for any
    // other, faulty ones among them: all that is not checked here is left to the long way.
    #[inline]
    pub(super) fn usual_publish(&mut self) -> Option<Received> {
        let first = self.first.as_ref()?;
        let used = self.used as usize;
        let bytes = first.as_slice().get(used..)?;
        let topic = self.last_topic.as_ref()?;
        let layout = layout(bytes, topic.as_str().as_bytes(), self.version.has_properties())?;
        let flags = bytes[0] & 0x0F;
        let wire_len = layout.end as u32;
        let refused = self.refused & 1 << PacketType::Publish as u16 != 0;
        if refused || wire_len > self.max_packet_bytes {
            return None;
        }
        let (tag, in_chunk) = (first.tag, bytes.len());
        let payload = if in_chunk > layout.end {
            let payload = first.payload(used + layout.payload..used + layout.end);
            self.used += wire_len;
            payload
        } else if in_chunk == layout.end {
            self.next_chunk()?.into_slice(used + layout.payload..used + layout.end)
        } else if in_chunk == layout.payload {
            self.payload_in_next_chunk(layout.end - layout.payload)?
        } else {
            return None;
        };
        self.buffered -= wire_len;
        self.wanted = 0;
        self.reading = Some(PacketType::Publish);
        let publish = Publish {
            topic: self.last_topic.clone()?,
            payload,
            packet_identifier: layout.packet_identifier,
            qos: layout.qos,
            dup: flags & 0x08 != 0,
            retain: flags & 1 != 0,
            properties: None,
        };
        Some(Received { packet: Packet::Publish(publish), tag, wire_len })
    }

    // The chunk after the first, if it is `count` bytes and thus the payload; the first is used up then.
    fn payload_in_next_chunk(&mut self, count: usize) -> Option<Payload> {
        let rest = self.rest.as_mut()?;
        if rest.front()?.len() != count {
            return None;
        }
        let payload = rest.pop_front()?.into_payload();
        self.next_chunk();
        Some(payload)
    }
}

// MQTT 3.1.1 §3.3, MQTT 5.0 §3.3
#[inline]
fn layout(bytes: &[u8], last_topic: &[u8], has_properties: bool) -> Option<Layout> {
    let (&[first, low, high, ..], _) = bytes.split_first_chunk::<4>()?;
    if first >> 4 != PacketType::Publish as u8 {
        return None;
    }
    // MQTT 3.1.1 §2.2.3: seven bits a byte, least significant first
    let (remaining_length, header_len) = match (low & 0x80, high & 0x80) {
        (0, _) => (usize::from(low), 2),
        (_, 0) => (usize::from(low & 0x7F) | usize::from(high) << 7, 3),
        _ => return None,
    };
    let end = header_len + remaining_length;
    let (length, after) = bytes.get(header_len..)?.split_first_chunk::<2>()?;
    if usize::from(u16::from_be_bytes(*length)) != last_topic.len() || !begins_with(after, last_topic) {
        return None;
    }
    let mut payload = header_len + 2 + last_topic.len();
    let qos = QoS::from_bits(first >> 1 & 3)?;
    let packet_identifier = match qos {
        QoS::AtMostOnce if first & 0x08 != 0 => return None,
        QoS::AtMostOnce => None,
        QoS::AtLeastOnce | QoS::ExactlyOnce => {
            let (identifier, _) = bytes.get(payload..)?.split_first_chunk::<2>()?;
            payload += 2;
            Some(PacketIdentifier::new(u16::from_be_bytes(*identifier))?)
        }
    };
    if has_properties {
        // MQTT 5.0 §2.2.2.1: "If there are no properties, this MUST be indicated by including a Property
        // Length of zero."
        if *bytes.get(payload)? != 0 {
            return None;
        }
        payload += 1;
    }
    // What reaches beyond the end is Truncated.
    (payload < end).then_some(Layout { qos, packet_identifier, payload, end })
}

// By words: topics are short, and calling a routine made for long runs costs more than it saves.
#[inline]
fn begins_with(bytes: &[u8], topic: &[u8]) -> bool {
    let Some(bytes) = bytes.get(..topic.len()) else { return false };
    let ((words, end), (topic_words, topic_end)) = (bytes.as_chunks::<8>(), topic.as_chunks::<8>());
    words.iter().zip(topic_words).all(|(one, other)| u64::from_ne_bytes(*one) == u64::from_ne_bytes(*other))
        && end.iter().zip(topic_end).all(|(one, other)| one == other)
}

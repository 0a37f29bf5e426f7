//! A short way for the packet that comes most often.

use super::{Decoder, FixedHeader};
use crate::mqtt::packet::{PacketIdentifier, PacketType, Publish, QoS};

impl Decoder {
    // The most frequent packet: a PUBLISH without properties that lies in one chunk, with a payload, and to
    // the topic of the last one. `None`, and nothing read, for any other, faulty ones among them.
    pub(super) fn publish_in_one_piece(&mut self, header: &FixedHeader) -> Option<Publish> {
        if header.packet_type != PacketType::Publish || self.version.has_properties() {
            return None;
        }
        let first = self.first.as_ref()?;
        let begin = (self.used + header.header_len) as usize;
        let end = begin + header.remaining_length as usize;
        let body = first.as_slice().get(begin..end)?;
        let last_topic = self.last_topic.as_ref()?.as_str().as_bytes();
        let (length, after) = body.split_first_chunk::<2>()?;
        let after = after.strip_prefix(last_topic)?;
        if usize::from(u16::from_be_bytes(*length)) != last_topic.len() {
            return None;
        }
        let qos = QoS::from_bits(header.flags >> 1 & 3)?;
        let (packet_identifier, payload) = match qos {
            QoS::AtMostOnce => (None, after),
            QoS::AtLeastOnce | QoS::ExactlyOnce => {
                let (identifier, payload) = after.split_first_chunk::<2>()?;
                (Some(PacketIdentifier::new(u16::from_be_bytes(*identifier))?), payload)
            }
        };
        if payload.is_empty() {
            return None;
        }
        let payload = first.slice(end - payload.len()..end).into_payload();
        let topic = self.last_topic.clone()?;
        self.used = end as u32;
        self.buffered -= header.header_len + header.remaining_length;
        self.drop_first_if_used_up();
        let (dup, retain) = (header.flags & 0x08 != 0, header.flags & 1 != 0);
        Some(Publish { topic, payload, packet_identifier, qos, dup, retain, properties: None })
    }
}

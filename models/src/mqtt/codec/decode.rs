//! Bytes to control packets, as they arrive.
//!
//! The decoder holds the chunks it is fed, joins those that continue one shared payload, and takes a
//! packet off them once it is complete. The payload of a PUBLISH is a window on what was sent; it is
//! copied only when its parts are not neighbours in one buffer. Faults of the fixed header are found
//! as soon as its bytes are there, all others when the packet is complete.

mod quick;

use std::collections::VecDeque;

use smallvec::SmallVec;

use crate::mqtt::codec::fields::{Fields, utf8};
use crate::mqtt::codec::{MAX_REMAINING_LENGTH, Malformed, Tolerance};
use crate::mqtt::packet::{Packet, PacketIdentifier, PacketType, Publish, QoS, Version};
use crate::mqtt::properties::Place;
use crate::mqtt::topic::TopicName;
use crate::stream::{Chunk, Payload, Tag};

/// A control packet that has arrived.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Received {
    /// The packet.
    pub packet: Packet,
    /// The tag of its first byte.
    pub tag: Tag,
    /// Number of bytes of the whole packet.
    pub wire_len: u32,
}

struct FixedHeader {
    packet_type: PacketType,
    flags: u8,
    header_len: u32,
    remaining_length: u32,
}

/// An incremental decoder of one direction of one connection.
///
/// After an error the stream has no meaning any more: the connection is to be closed.
#[derive(Clone, Debug)]
pub struct Decoder {
    first: Option<Chunk>,
    // What came after `first` and could not be joined to it; rare, so out of line: an idle connection
    // pays for a pointer only.
    #[expect(clippy::box_collection)]
    rest: Option<Box<VecDeque<Chunk>>>,
    // Bytes of `first` that are used up.
    used: u32,
    buffered: u32,
    // Length of the packet at hand once its fixed header is read; 0 before.
    wanted: u32,
    max_packet_bytes: u32,
    // Most senders stay with one topic: its name is made once, not with every PUBLISH.
    last_topic: Option<TopicName>,
    tolerance: Tolerance,
    version: Version,
    // Of the packet at hand, or of the last one.
    reading: Option<PacketType>,
    // Packet types that may not come: bit 0 for type 0, and so on.
    refused: u16,
}

/// What a client never sends. MQTT 3.1.1 table 2.1
const FROM_SERVER_ONLY: u16 = 1 << PacketType::Connack as u16
    | 1 << PacketType::Suback as u16
    | 1 << PacketType::Unsuback as u16
    | 1 << PacketType::Pingresp as u16;

impl Decoder {
    /// A strict decoder that refuses packets of more than `max_packet_bytes` (whole packet; use
    /// `u32::MAX` for no limit beyond the protocol's).
    #[must_use]
    pub const fn new(max_packet_bytes: u32) -> Self {
        Decoder::tolerating(max_packet_bytes, Tolerance { dup_at_qos_0: false, surplus_bytes: false })
    }

    /// As [`Decoder::new`], letting pass what `tolerance` names.
    #[must_use]
    pub const fn tolerating(max_packet_bytes: u32, tolerance: Tolerance) -> Self {
        Decoder {
            first: None,
            rest: None,
            used: 0,
            buffered: 0,
            wanted: 0,
            max_packet_bytes,
            last_topic: None,
            tolerance,
            version: Version::V3_1_1,
            reading: None,
            refused: 0,
        }
    }

    /// For what a client sends to a server: the packets that only a server sends are refused unread, and so
    /// is AUTH until a CONNECT names an Authentication Method.
    #[must_use]
    pub fn of_server(max_packet_bytes: u32, tolerance: Tolerance) -> Self {
        let refused = FROM_SERVER_ONLY | 1 << PacketType::Auth as u16;
        Decoder { refused, ..Decoder::tolerating(max_packet_bytes, tolerance) }
    }

    /// The type of the packet that was read last, or on which reading failed; `None` when it is not known.
    #[must_use]
    pub const fn reading(&self) -> Option<PacketType> {
        self.reading
    }

    /// Says in which version packets are read from now on; 3.1.1 at first. A CONNECT that is read says
    /// so itself: the packets after it are read in its version.
    pub const fn set_version(&mut self, version: Version) {
        self.version = version;
    }

    /// The version in which packets are read.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Forgets all bytes, for a new connection.
    pub fn reset(&mut self) {
        self.first = None;
        self.rest = None;
        (self.used, self.buffered, self.wanted) = (0, 0, 0);
    }

    // Whether a new decoder of the same version would do as well.
    pub(super) const fn is_at_rest(&self) -> bool {
        let awaits_auth = self.refused != 0 && self.refused & 1 << PacketType::Auth as u16 == 0;
        self.buffered == 0 && self.last_topic.is_none() && !awaits_auth
    }

    /// Bytes that are held and belong to no complete packet yet.
    #[must_use]
    pub const fn buffered(&self) -> usize {
        self.buffered as usize
    }

    /// Takes the next bytes of the stream.
    pub fn feed(&mut self, chunk: Chunk) {
        if chunk.is_empty() {
            return;
        }
        self.buffered += chunk.len() as u32;
        let rest = self.rest.as_mut().filter(|rest| !rest.is_empty());
        match (&mut self.first, rest) {
            (None, _) => self.first = Some(chunk),
            (Some(_), Some(rest)) => {
                let joined = rest.back_mut().is_some_and(|last| last.try_join(&chunk));
                if !joined {
                    rest.push_back(chunk);
                }
            }
            (Some(first), None) => {
                if !first.try_join(&chunk) {
                    self.rest.get_or_insert_default().push_back(chunk);
                }
            }
        }
    }

    /// The next complete packet; `None` until more bytes are fed.
    ///
    /// # Errors
    /// When the bytes are no control packet.
    #[allow(clippy::should_implement_trait)] // Fallible and resumable: not an iterator.
    pub fn next(&mut self) -> Result<Option<Received>, Malformed> {
        if self.buffered == 0 || self.buffered < self.wanted {
            return Ok(None);
        }
        match self.usual_answer().or_else(|| self.usual_publish()) {
            Some(received) => Ok(Some(received)),
            None => self.any_packet(),
        }
    }

    // Out of line, so that the short way has no more to set up than it needs.
    #[inline(never)]
    fn any_packet(&mut self) -> Result<Option<Received>, Malformed> {
        let header = match self.fixed_header() {
            Ok(Some(header)) => header,
            Ok(None) => return Ok(None),
            Err(malformed) => {
                let first = self.bytes().next();
                self.reading = first.and_then(|first| PacketType::from_number(first >> 4));
                return Err(malformed);
            }
        };
        self.reading = Some(header.packet_type);
        if self.refused & 1 << header.packet_type as u16 != 0 {
            return Err(Malformed::UnexpectedPacket(header.packet_type));
        }
        let wire_len = header.header_len + header.remaining_length;
        if wire_len > self.max_packet_bytes {
            return Err(Malformed::TooLarge);
        }
        self.wanted = wire_len;
        if self.buffered < wire_len {
            return Ok(None);
        }
        self.wanted = 0;
        let tag = self.first.as_ref().expect("bytes are buffered").tag;
        self.skip(header.header_len as usize);
        let packet = match header.packet_type {
            PacketType::Publish => self.publish(&header)?,
            PacketType::Connect
            | PacketType::Connack
            | PacketType::Puback
            | PacketType::Pubrec
            | PacketType::Pubrel
            | PacketType::Pubcomp
            | PacketType::Subscribe
            | PacketType::Suback
            | PacketType::Unsubscribe
            | PacketType::Unsuback
            | PacketType::Pingreq
            | PacketType::Pingresp
            | PacketType::Disconnect
            | PacketType::Auth => self.other(&header)?,
        };
        Ok(Some(Received { packet, tag, wire_len }))
    }

    // Nearly always in one piece.
    fn fixed_header(&self) -> Result<Option<FixedHeader>, Malformed> {
        match self.read_fixed_header(self.ahead().iter().copied())? {
            Some(header) => Ok(Some(header)),
            None => self.read_fixed_header(self.bytes()),
        }
    }

    // MQTT 3.1.1 §2.2
    fn read_fixed_header(
        &self,
        mut bytes: impl Iterator<Item = u8>,
    ) -> Result<Option<FixedHeader>, Malformed> {
        let Some(first) = bytes.next() else { return Ok(None) };
        let packet_type = PacketType::from_number(first >> 4)
            .filter(|packet_type| packet_type.exists_in(self.version))
            .ok_or(Malformed::ReservedPacketType)?;
        let flags = first & 0x0F;
        let refused = self.refused & 1 << packet_type as u16 != 0;
        match packet_type.reserved_flags() {
            // They do not matter then; as with Mosquitto, those of SUBACK and UNSUBACK do.
            Some(_) if refused && !matches!(packet_type, PacketType::Suback | PacketType::Unsuback) => {}
            // Which version holds, CONNECT is about to say.
            Some(_) if packet_type == PacketType::Connect => {}
            // MQTT 3.1 §2.1: the flags of these are DUP and "not used"
            Some(_) if self.version == Version::V3_1 => {}
            // MQTT 3.1.1 §2.2.2: "If invalid flags are received, the receiver MUST close"
            Some(expected) if flags != expected => return Err(Malformed::FixedHeaderFlags),
            Some(_) => {}
            None => self.check_publish_flags(flags)?,
        }
        let mut remaining_length = 0;
        for i in 0..4 {
            let Some(byte) = bytes.next() else { return Ok(None) };
            remaining_length |= u32::from(byte & 0x7F) << (7 * i);
            if byte & 0x80 == 0 {
                // MQTT 3.1.1 §3.12, §3.13: nothing follows; nobody need wait for it.
                let bare = matches!(packet_type, PacketType::Pingreq | PacketType::Pingresp);
                if bare && remaining_length > 0 && !self.tolerance.surplus_bytes {
                    return Err(Malformed::SurplusBytes);
                }
                return Ok(Some(FixedHeader { packet_type, flags, header_len: i + 2, remaining_length }));
            }
        }
        debug_assert!(remaining_length <= MAX_REMAINING_LENGTH);
        Err(Malformed::RemainingLength)
    }

    fn check_publish_flags(&self, flags: u8) -> Result<(), Malformed> {
        let qos = QoS::from_bits(flags >> 1 & 3).ok_or(Malformed::QoS)?;
        // MQTT 3.1.1 §3.3.1.1
        if qos == QoS::AtMostOnce && flags & 0x08 != 0 && !self.tolerance.dup_at_qos_0 {
            return Err(Malformed::DupAtQoS0);
        }
        Ok(())
    }

    // MQTT 3.1.1 §3.3, MQTT 5.0 §3.3
    fn publish(&mut self, header: &FixedHeader) -> Result<Packet, Malformed> {
        let qos = QoS::from_bits(header.flags >> 1 & 3).ok_or(Malformed::QoS)?;
        let identifier_len = if qos == QoS::AtMostOnce { 0 } else { 2 };
        let remaining_length = header.remaining_length as usize;
        let mut length = [0; 2];
        match self.ahead() {
            [high, low, ..] if remaining_length >= 2 => length = [*high, *low],
            _ => length.iter_mut().zip(self.bytes().take(remaining_length)).for_each(|(to, from)| *to = from),
        }
        let topic_len = usize::from(u16::from_be_bytes(length));
        let mut variable_header = 2 + topic_len + identifier_len;
        if variable_header > remaining_length {
            return Err(Malformed::Truncated);
        }
        let has_properties = self.version.has_properties();
        if has_properties {
            variable_header += self.property_bytes(variable_header, remaining_length)?;
        }
        let mut last_topic = self.last_topic.take();
        let parsed = self.with_bytes(variable_header, |bytes| {
            let topic = match topic_len {
                // MQTT 5.0 §3.3.2.1: an empty Topic Name stands for a Topic Alias
                0 if has_properties => TopicName::aliased(),
                _ => topic_name(&bytes[2..2 + topic_len], last_topic.take())?,
            };
            let mut fields = Fields(&bytes[2 + topic_len..]);
            let packet_identifier: Option<PacketIdentifier> = match identifier_len {
                0 => None,
                _ => Some(fields.packet_identifier()?),
            };
            let properties = match has_properties {
                true => fields.properties(Place::Packet(PacketType::Publish))?,
                false => None,
            };
            Ok((topic, packet_identifier, properties))
        });
        let (topic, packet_identifier, properties) = parsed?;
        // MQTT 5.0 §3.3.2.1: "It is a Protocol Error if the Topic Name is zero length and there is no
        // Topic Alias"
        if topic.is_aliased() && properties.as_ref().is_none_or(|p| p.topic_alias.is_none()) {
            return Err(Malformed::NoTopic);
        }
        if !topic.is_aliased() {
            self.last_topic = Some(topic.clone());
        }
        let payload = self.payload(remaining_length - variable_header);
        let (dup, retain) = (header.flags & 0x08 != 0, header.flags & 1 != 0);
        Ok(Packet::Publish(Publish { topic, payload, packet_identifier, qos, dup, retain, properties }))
    }

    // Bytes of the property length at `at`, and of the properties.
    fn property_bytes(&self, at: usize, end: usize) -> Result<usize, Malformed> {
        let mut field = [0; 4];
        let available = (end - at).min(4);
        match self.ahead().get(at..at + available) {
            Some(bytes) => field[..available].copy_from_slice(bytes),
            None => {
                field.iter_mut().zip(self.bytes().skip(at).take(available)).for_each(|(to, from)| *to = from)
            }
        }
        let mut fields = Fields(&field[..available]);
        let length = fields.variable()? as usize;
        let bytes = available - fields.0.len() + length;
        if at + bytes > end {
            return Err(Malformed::Truncated);
        }
        Ok(bytes)
    }

    fn other(&mut self, header: &FixedHeader) -> Result<Packet, Malformed> {
        let packet_type = header.packet_type;
        let surplus_allowed = self.tolerance.surplus_bytes;
        let version = self.version;
        let mut connects_in = version;
        let packet = self.with_bytes(header.remaining_length as usize, |bytes| {
            if packet_type == PacketType::Connect {
                connects_in = Fields(bytes).connect_version().unwrap_or(version);
            }
            let mut fields = Fields(bytes);
            let packet = fields.packet(packet_type, version)?;
            match fields.0.is_empty() || surplus_allowed {
                true => Ok(packet),
                false => Err(Malformed::SurplusBytes),
            }
        });
        self.version = connects_in;
        let packet = packet?;
        if let Packet::Connect(connect) = &packet {
            // MQTT 3.1 §2.1 does not use the flags of CONNECT, the other versions reserve them.
            if header.flags != 0 && connect.version != Version::V3_1 {
                return Err(Malformed::FixedHeaderFlags);
            }
            let method = connect.properties.as_ref().and_then(|asked| asked.authentication_method.as_ref());
            if method.is_some() {
                self.refused &= !(1 << PacketType::Auth as u16);
            }
        }
        Ok(packet)
    }

    fn bytes(&self) -> impl Iterator<Item = u8> {
        let first = self.first.as_ref().map_or(&[][..], |first| &first.as_slice()[self.used as usize..]);
        let rest = self.rest.iter().flat_map(|rest| rest.iter());
        first.iter().copied().chain(rest.flat_map(|chunk| chunk.as_slice().iter().copied()))
    }

    // Calls `read` with the next `count` bytes in one piece and takes them off.
    fn with_bytes<T>(
        &mut self,
        count: usize,
        read: impl FnOnce(&[u8]) -> Result<T, Malformed>,
    ) -> Result<T, Malformed> {
        let result = match self.ahead().get(..count) {
            Some(bytes) => read(bytes),
            None => read(&self.bytes().take(count).collect::<SmallVec<[u8; 128]>>()),
        };
        self.skip(count);
        result
    }

    fn ahead(&self) -> &[u8] {
        self.first.as_ref().map_or(&[], |first| &first.as_slice()[self.used as usize..])
    }

    fn skip(&mut self, count: usize) {
        self.buffered -= count as u32;
        let mut left = count;
        while left > 0 {
            let step = left.min(self.ahead().len());
            self.used += step as u32;
            left -= step;
            self.drop_first_if_used_up();
        }
    }

    fn drop_first_if_used_up(&mut self) {
        if self.ahead().is_empty() {
            self.next_chunk();
        }
    }

    // Turns to the next chunk; the one before is handed out.
    fn next_chunk(&mut self) -> Option<Chunk> {
        let next = self.rest.as_mut().and_then(|rest| rest.pop_front());
        self.used = 0;
        std::mem::replace(&mut self.first, next)
    }

    // Takes the next `count` bytes as a payload, shared where they lie in one buffer.
    fn payload(&mut self, count: usize) -> Payload {
        if count == 0 {
            return Payload::empty();
        }
        let mut payload = self.piece(count);
        while payload.len() < count {
            let next = self.piece(count - payload.len());
            if !payload.try_join(&next) {
                let mut copied = Vec::with_capacity(count);
                copied.extend_from_slice(payload.as_slice());
                copied.extend_from_slice(next.as_slice());
                copied.extend(self.bytes().take(count - copied.len()));
                self.skip(count - payload.len() - next.len());
                return Payload::from(copied);
            }
        }
        payload
    }

    // At most `count` bytes, as many as the first chunk has.
    fn piece(&mut self, count: usize) -> Payload {
        let first = self.first.as_ref().expect("the packet is complete");
        let start = self.used as usize;
        let end = first.len().min(start + count);
        let piece = match start == 0 && end == first.len() {
            true => first.clone(),
            false => first.slice(start..end),
        };
        self.skip(end - start);
        piece.into_payload()
    }
}

impl Fields<'_> {
    fn packet(&mut self, packet_type: PacketType, version: Version) -> Result<Packet, Malformed> {
        Ok(match packet_type {
            PacketType::Connect => Packet::Connect(Box::new(self.connect()?)),
            PacketType::Connack => Packet::Connack(self.connack(version)?),
            PacketType::Publish => unreachable!("PUBLISH is decoded on its own"),
            PacketType::Puback => Packet::Puback(self.acknowledgement(version, packet_type)?),
            PacketType::Pubrec => Packet::Pubrec(self.acknowledgement(version, packet_type)?),
            PacketType::Pubrel => Packet::Pubrel(self.acknowledgement(version, packet_type)?),
            PacketType::Pubcomp => Packet::Pubcomp(self.acknowledgement(version, packet_type)?),
            PacketType::Subscribe => Packet::Subscribe(self.subscribe(version)?),
            PacketType::Suback => Packet::Suback(self.suback(version)?),
            PacketType::Unsubscribe => Packet::Unsubscribe(self.unsubscribe(version)?),
            PacketType::Unsuback => Packet::Unsuback(self.unsuback(version)?),
            PacketType::Pingreq => Packet::Pingreq,
            PacketType::Pingresp => Packet::Pingresp,
            PacketType::Disconnect => Packet::Disconnect(self.disconnect(version)?),
            PacketType::Auth => Packet::Auth(self.auth(version)?),
        })
    }
}

fn topic_name(bytes: &[u8], last: Option<TopicName>) -> Result<TopicName, Malformed> {
    match last {
        Some(last) if last.as_str().as_bytes() == bytes => Ok(last),
        Some(_) | None => TopicName::new(utf8(bytes)?).map_err(Malformed::TopicName),
    }
}

//! A segment: the unit that TCP hands to IP, and what a simulation knows beside its bytes.

use std::fmt;
use std::ops::BitOr;

use super::options::Options;
use super::sequence::SequenceNumber;
use crate::cause::Cause;
use crate::stream::Chunk;

/// The control bits of a TCP header (RFC 9293 §3.1), with the values of the wire.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u8);

impl Flags {
    /// No flag.
    pub const NONE: Flags = Flags(0);
    /// No more data from the sender.
    pub const FIN: Flags = Flags(0x01);
    /// Synchronize sequence numbers.
    pub const SYN: Flags = Flags(0x02);
    /// Reset the connection.
    pub const RST: Flags = Flags(0x04);
    /// Push: hand what has arrived to the reader.
    pub const PSH: Flags = Flags(0x08);
    /// The acknowledgement number is meaningful.
    pub const ACK: Flags = Flags(0x10);

    /// Whether every flag of `others` is set.
    #[must_use]
    pub const fn contains(self, others: Flags) -> bool {
        self.0 & others.0 == others.0
    }

    /// These flags without those of `others`.
    #[must_use]
    pub const fn without(self, others: Flags) -> Flags {
        Flags(self.0 & !others.0)
    }

    /// The byte of the header that holds them.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The flags of a header byte; CWR, ECE and URG are dropped.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Flags {
        Flags(bits & 0x1f)
    }
}

impl BitOr for Flags {
    type Output = Flags;

    fn bitor(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

/// Letters in the order of the captures: `SA` is a SYN-ACK.
impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names =
            [(Flags::SYN, "S"), (Flags::ACK, "A"), (Flags::PSH, "P"), (Flags::FIN, "F"), (Flags::RST, "R")];
        names.into_iter().filter(|(flag, _)| self.contains(*flag)).try_for_each(|(_, name)| f.write_str(name))
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flags({self})")
    }
}

/// The data of a segment: up to two chunks without an allocation, for the head and the body of a packet.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[repr(C)]
pub struct SegmentPayload {
    /// Bytes of all chunks: asked for at every hop, and so beside the header.
    len: u32,
    /// Filled in this order.
    first: Option<Chunk>,
    second: Option<Chunk>,
    /// Boxed, because it is seldom there.
    #[expect(clippy::box_collection, reason = "8 bytes instead of 24 in every packet under way")]
    others: Option<Box<Vec<Chunk>>>,
}

impl SegmentPayload {
    /// No data.
    #[must_use]
    pub fn new() -> Self {
        SegmentPayload::default()
    }

    /// Number of bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there is no data.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends `chunk`; it joins the last one where it continues the same shared bytes.
    pub fn push(&mut self, chunk: Chunk) {
        if chunk.is_empty() {
            return;
        }
        self.len += chunk.len() as u32;
        let Some(last) = self.last_mut() else {
            self.first = Some(chunk);
            return;
        };
        if last.try_join(&chunk) {
            return;
        }
        if self.second.is_none() {
            self.second = Some(chunk);
        } else {
            self.others.get_or_insert_default().push(chunk);
        }
    }

    fn last_mut(&mut self) -> Option<&mut Chunk> {
        let others = self.others.as_mut().and_then(|others| others.last_mut());
        others.or(self.second.as_mut()).or(self.first.as_mut())
    }

    /// The first run of bytes.
    #[must_use]
    #[inline]
    pub const fn first(&self) -> Option<&Chunk> {
        self.first.as_ref()
    }

    /// The runs of bytes, in order; none is empty.
    pub fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        let others = self.others.iter().flat_map(|others| others.iter());
        self.first.iter().chain(&self.second).chain(others)
    }

    /// Takes the runs of bytes out, in order.
    #[inline]
    pub fn take_chunks(&mut self, mut take: impl FnMut(Chunk)) {
        self.len = 0;
        if let Some(chunk) = self.first.take() {
            take(chunk);
        }
        if let Some(chunk) = self.second.take() {
            take(chunk);
        }
        if let Some(others) = self.others.take() {
            others.into_iter().for_each(take);
        }
    }
}

impl From<Chunk> for SegmentPayload {
    fn from(chunk: Chunk) -> Self {
        let mut payload = SegmentPayload::new();
        payload.push(chunk);
        payload
    }
}

/// What a segment without data is for; it decides the row of the energy ledger.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Purpose {
    /// A part of the three-way handshake.
    Connect,
    /// Data, or the acknowledgement of data.
    #[default]
    Transfer,
    /// FIN, RST and their acknowledgements.
    Close,
}

/// One TCP segment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[repr(C)]
pub struct Segment {
    /// The sequence number of the first data byte, or of the SYN.
    pub seq: SequenceNumber,
    /// The next sequence number expected; meaningful with the ACK flag.
    pub ack: SequenceNumber,
    /// The control bits.
    pub flags: Flags,
    /// The window field as on the wire: in units of the window scale, except on a SYN.
    pub window: u16,
    /// Beside the bytes: some of it was sent before.
    pub retransmission: bool,
    /// Beside the bytes: what a segment without data is for.
    pub purpose: Purpose,
    /// The data.
    pub payload: SegmentPayload,
    /// The options.
    pub options: Options,
}

impl Segment {
    /// The length of the TCP header with its options, in bytes.
    ///
    /// A SYN with MSS, timestamps and window scale has 40, any other segment with timestamps 32, one
    /// without options 20.
    #[must_use]
    pub fn header_len(&self) -> usize {
        20 + self.options.len()
    }

    /// The number of data bytes.
    #[must_use]
    pub fn payload_len(&self) -> usize {
        self.payload.len()
    }

    /// What the segment occupies in the sequence space: data, SYN and FIN (RFC 9293 §3.4).
    #[must_use]
    pub fn sequence_len(&self) -> u32 {
        let control = u32::from(self.flags.contains(Flags::SYN)) + u32::from(self.flags.contains(Flags::FIN));
        self.payload.len() as u32 + control
    }

    /// Whether a client cannot begin before it has arrived: a SYN, a part of a TLS handshake, CONNECT or
    /// CONNACK, sent again or not.
    #[must_use]
    pub fn opens(&self) -> bool {
        let opening = |cause: Cause| matches!(cause, Cause::TlsHandshake | Cause::Connect | Cause::Connack);
        self.flags.contains(Flags::SYN) || self.payload.first().is_some_and(|chunk| opening(chunk.tag.cause))
    }

    /// The row of the energy ledger that this segment belongs to.
    #[must_use]
    pub fn cause(&self) -> Cause {
        if self.retransmission {
            return Cause::Retransmission;
        }
        match (self.payload.first(), self.purpose) {
            (Some(chunk), Purpose::Connect | Purpose::Transfer | Purpose::Close) => chunk.tag.cause,
            (None, Purpose::Connect) => Cause::TcpConnect,
            (None, Purpose::Transfer) => Cause::TcpAck,
            (None, Purpose::Close) => Cause::TcpClose,
        }
    }

    /// Takes the segment out and leaves its header behind.
    #[must_use]
    #[inline]
    pub fn take(&mut self) -> Segment {
        let options = Options { sack: self.options.sack.take(), ..self.options };
        Segment { options, payload: std::mem::take(&mut self.payload), ..*self }
    }

    /// Writes the options as on the wire to the front of `bytes`; returns their length.
    pub fn options_bytes(&self, bytes: &mut [u8; 40]) -> usize {
        self.options.write(bytes)
    }
}

/// What a host answers to a segment for which it has no connection: a reset, or nothing to a reset.
#[must_use]
pub fn reset_for(segment: &Segment) -> Option<Segment> {
    // RFC 9293 §3.10.7.1
    if segment.flags.contains(Flags::RST) {
        return None;
    }
    let mut reset = Segment { flags: Flags::RST, purpose: Purpose::Close, ..Segment::default() };
    if segment.flags.contains(Flags::ACK) {
        reset.seq = segment.ack;
    } else {
        reset.ack = segment.seq + segment.sequence_len();
        reset.flags = Flags::RST | Flags::ACK;
    }
    Some(reset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{Payload, Tag};

    #[test]
    fn a_reset_answers_everything_but_a_reset() {
        let syn = Segment { seq: SequenceNumber(9), flags: Flags::SYN, ..Segment::default() };
        let reset = reset_for(&syn).unwrap();
        assert_eq!((reset.seq, reset.ack), (SequenceNumber(0), SequenceNumber(10)));
        assert_eq!(reset.flags, Flags::RST | Flags::ACK);
        assert_eq!(reset.header_len(), 20);

        let ack = Segment { ack: SequenceNumber(77), flags: Flags::ACK, ..Segment::default() };
        let reset = reset_for(&ack).unwrap();
        assert_eq!((reset.seq, reset.flags), (SequenceNumber(77), Flags::RST));
        assert_eq!(reset_for(&reset), None);
    }

    #[test]
    fn a_payload_joins_what_belongs_together() {
        let tag = Tag::of(Cause::Publish);
        let whole = Payload::from(vec![7; 3_000]);
        let mut payload = SegmentPayload::from(Chunk::copied(tag, &[1, 2]));
        payload.push(Chunk::shared(tag, whole.slice(0..100)));
        payload.push(Chunk::shared(tag, whole.slice(100..200)));
        payload.push(Chunk::shared(tag, Payload::empty()));
        assert_eq!(payload.chunks().count(), 2);
        payload.push(Chunk::copied(tag, &[3]));
        assert_eq!((payload.chunks().count(), payload.len()), (3, 203));
        let mut taken = Vec::new();
        payload.take_chunks(|chunk| taken.push(chunk.len()));
        assert_eq!((taken, payload.len()), (vec![2, 200, 1], 0));
        assert!(payload.chunks().next().is_none());
        payload.push(Chunk::shared(tag, whole.slice(0..202)));
        assert_eq!(payload.len(), 202);
    }

    #[test]
    fn causes_follow_what_the_segment_is_for() {
        let data = SegmentPayload::from(Chunk::copied(Tag::of(Cause::Puback), &[0x40, 2, 0, 1]));
        let segment = Segment { payload: data, ..Segment::default() };
        assert_eq!(segment.cause(), Cause::Puback);
        assert_eq!(Segment { retransmission: true, ..segment }.cause(), Cause::Retransmission);
        assert_eq!(Segment::default().cause(), Cause::TcpAck);
        assert_eq!(Segment { purpose: Purpose::Connect, ..Segment::default() }.cause(), Cause::TcpConnect);
        assert_eq!(Segment { purpose: Purpose::Close, ..Segment::default() }.cause(), Cause::TcpClose);
    }
}

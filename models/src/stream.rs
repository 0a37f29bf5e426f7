//! Bytes on their way through the machines, and what a simulation knows beside them.
//!
//! The bytes are real: everything that crosses a TCP connection was encoded and will be decoded.
//! Two things make that affordable. Short runs of bytes live inside the [`Chunk`] itself, and long
//! ones are shared [`Payload`]s that segmentation slices and reassembly joins again without a copy
//! (that rejoining is why this is not the `bytes` crate, whose slices cannot be put together
//! again).

use std::ops::Range;
use std::rc::Rc;

use crate::cause::Cause;

/// Names a message in the simulation's ledger; it travels beside the bytes, never inside them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MessageId(pub u32);

impl MessageId {
    /// Bytes that belong to no application message.
    pub const NONE: MessageId = MessageId(u32::MAX);

    /// Whether this names a message.
    #[must_use]
    pub const fn is_some(self) -> bool {
        self.0 != u32::MAX
    }
}

/// What a simulation knows of a span of a byte stream: the message it carries and what it is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tag {
    /// The application message, or [`MessageId::NONE`].
    pub message: MessageId,
    /// What the bytes are for; for MQTT the type of the control packet.
    pub cause: Cause,
}

impl Tag {
    /// A tag for bytes that belong to no message.
    #[must_use]
    pub const fn of(cause: Cause) -> Self {
        Tag { message: MessageId::NONE, cause }
    }
}

impl Default for Tag {
    fn default() -> Self {
        Tag::of(Cause::Application)
    }
}

/// A shared, immutable run of bytes: a window on a reference-counted buffer.
///
/// Cloning and slicing cost a reference count. Two windows that touch can be joined again.
///
/// A run stays on one thread, so its references are counted without atomic instructions, which
/// cost ten times as much; what several threads share, like a checked scenario, holds its bytes in another way.
#[derive(Clone)]
pub struct Payload {
    buffer: Rc<[u8]>,
    start: u32,
    end: u32,
}

impl Payload {
    /// Shares `bytes`.
    ///
    /// # Panics
    /// When there are 4 GiB or more: MQTT's largest packet is 256 MiB.
    #[must_use]
    pub fn new(bytes: impl Into<Rc<[u8]>>) -> Self {
        let buffer: Rc<[u8]> = bytes.into();
        let end = u32::try_from(buffer.len()).expect("a payload below 4 GiB");
        Payload { buffer, start: 0, end }
    }

    /// No bytes.
    #[must_use]
    pub fn empty() -> Self {
        Payload { buffer: Rc::default(), start: 0, end: 0 }
    }

    /// Number of bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether there are no bytes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The bytes.
    #[must_use]
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        &self.buffer[self.start as usize..self.end as usize]
    }

    /// The window on `range` of this payload.
    ///
    /// # Panics
    /// When `range` reaches beyond the end.
    #[must_use]
    #[inline]
    pub fn slice(&self, range: Range<usize>) -> Payload {
        assert!(range.start <= range.end && range.end <= self.len(), "a slice within the payload");
        let start = self.start + range.start as u32;
        Payload { buffer: self.buffer.clone(), start, end: self.start + range.end as u32 }
    }

    /// The window on `range` of this payload, which is given up: no reference is counted.
    ///
    /// # Panics
    /// When `range` reaches beyond the end.
    #[must_use]
    #[inline]
    pub fn into_slice(mut self, range: Range<usize>) -> Payload {
        assert!(range.start <= range.end && range.end <= self.len(), "a slice within the payload");
        self.end = self.start + range.end as u32;
        self.start += range.start as u32;
        self
    }

    /// Appends `next` without copying if it is the continuation of the same buffer.
    /// Returns whether it did.
    pub fn try_join(&mut self, next: &Payload) -> bool {
        if self.end == next.start && Rc::ptr_eq(&self.buffer, &next.buffer) {
            self.end = next.end;
            return true;
        }
        false
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Payload {}

impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Payload({} B)", self.len())
    }
}

impl From<&[u8]> for Payload {
    fn from(bytes: &[u8]) -> Self {
        Payload::new(bytes)
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Payload::new(bytes)
    }
}

/// The longest run of bytes that a [`Chunk`] holds in itself.
pub const INLINE_BYTES: usize = 30;

#[derive(Clone)]
enum Data {
    Inline { len: u8, bytes: [u8; INLINE_BYTES] },
    Shared(Payload),
}

/// A run of stream bytes that share one [`Tag`].
#[derive(Clone)]
pub struct Chunk {
    /// What the simulation knows of these bytes.
    pub tag: Tag,
    data: Data,
}

impl Chunk {
    /// Copies `bytes`; up to [`INLINE_BYTES`] of them without an allocation.
    #[must_use]
    #[inline]
    pub fn copied(tag: Tag, bytes: &[u8]) -> Self {
        if bytes.len() <= INLINE_BYTES {
            let mut inline = [0; INLINE_BYTES];
            inline[..bytes.len()].copy_from_slice(bytes);
            Chunk { tag, data: Data::Inline { len: bytes.len() as u8, bytes: inline } }
        } else {
            Chunk::shared(tag, Payload::new(bytes))
        }
    }

    /// Takes part in a shared payload.
    #[must_use]
    pub const fn shared(tag: Tag, payload: Payload) -> Self {
        Chunk { tag, data: Data::Shared(payload) }
    }

    /// Number of bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        match &self.data {
            Data::Inline { len, .. } => *len as usize,
            Data::Shared(payload) => payload.len(),
        }
    }

    /// Whether there are no bytes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes.
    #[must_use]
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        match &self.data {
            Data::Inline { len, bytes } => &bytes[..*len as usize],
            Data::Shared(payload) => payload.as_slice(),
        }
    }

    /// The part of the chunk on `range`, under the same tag.
    ///
    /// # Panics
    /// When `range` reaches beyond the end.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Chunk {
        match &self.data {
            Data::Inline { .. } => Chunk::copied(self.tag, &self.as_slice()[range]),
            Data::Shared(payload) => Chunk::shared(self.tag, payload.slice(range)),
        }
    }

    /// Appends `next` without copying if it continues the same shared payload under the same tag.
    /// Returns whether it did.
    pub fn try_join(&mut self, next: &Chunk) -> bool {
        match (&mut self.data, &next.data) {
            (Data::Shared(payload), Data::Shared(more)) if self.tag == next.tag => payload.try_join(more),
            (Data::Shared(_) | Data::Inline { .. }, Data::Shared(_) | Data::Inline { .. }) => false,
        }
    }

    /// The bytes on `range` as a payload; copies only what is held inline.
    ///
    /// # Panics
    /// When `range` reaches beyond the end.
    #[must_use]
    #[inline]
    pub fn payload(&self, range: Range<usize>) -> Payload {
        match &self.data {
            Data::Inline { .. } => Payload::from(&self.as_slice()[range]),
            Data::Shared(payload) => payload.slice(range),
        }
    }

    /// As [`Chunk::payload`], of a chunk that is given up: no reference is counted.
    ///
    /// # Panics
    /// When `range` reaches beyond the end.
    #[must_use]
    #[inline]
    pub fn into_slice(self, range: Range<usize>) -> Payload {
        match self.data {
            Data::Inline { len, bytes } => Payload::from(&bytes[..len as usize][range]),
            Data::Shared(payload) => payload.into_slice(range),
        }
    }

    /// The bytes as a payload; copies only what is held inline.
    #[must_use]
    pub fn into_payload(self) -> Payload {
        match self.data {
            Data::Inline { len, bytes } => Payload::from(&bytes[..len as usize]),
            Data::Shared(payload) => payload,
        }
    }
}

impl PartialEq for Chunk {
    fn eq(&self, other: &Self) -> bool {
        self.tag == other.tag && self.as_slice() == other.as_slice()
    }
}

impl Eq for Chunk {}

impl std::fmt::Debug for Chunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Chunk({} B, {:?})", self.len(), self.tag.cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_of_a_payload_join_again_without_a_copy() {
        let whole = Payload::from((0..=255).collect::<Vec<u8>>());
        let mut left = whole.slice(0..100);
        assert!(left.try_join(&whole.slice(100..256)));
        assert_eq!(left, whole);
        assert!(Rc::ptr_eq(&left.buffer, &whole.buffer));
        assert!(!left.try_join(&whole.slice(0..1)), "not the continuation");
        assert!(!whole.slice(0..1).try_join(&Payload::from(&[1][..])), "another buffer");
    }

    #[test]
    fn a_chunk_stays_small() {
        assert_eq!(size_of::<Chunk>(), 40);
        assert_eq!(size_of::<Tag>(), 8);
    }

    #[test]
    fn slices_keep_the_tag_and_the_bytes() {
        let tag = Tag { message: MessageId(7), cause: Cause::Publish };
        for len in [3, INLINE_BYTES, INLINE_BYTES + 1, 500] {
            let bytes: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let chunk = Chunk::copied(tag, &bytes);
            assert_eq!(chunk.slice(1..len - 1).as_slice(), &bytes[1..len - 1]);
            assert_eq!(chunk.slice(1..2).tag, tag);
            assert_eq!(chunk.into_payload().as_slice(), &bytes[..]);
        }
    }
}

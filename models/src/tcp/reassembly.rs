//! What arrived ahead of a gap.

use super::segment::SegmentPayload;
use super::sequence::SequenceNumber;
use crate::stream::Chunk;

#[derive(Clone, Debug)]
struct Held {
    seq: SequenceNumber,
    chunk: Chunk,
}

impl Held {
    fn end(&self) -> SequenceNumber {
        self.seq + self.chunk.len() as u32
    }
}

/// The out-of-order queue: runs of bytes in sequence order that do not overlap, all within the receive
/// window, and the FIN if it came early.
#[derive(Clone, Debug, Default)]
pub(super) struct Reassembly {
    held: Vec<Held>,
    bytes: usize,
    fin: Option<SequenceNumber>,
}

impl Reassembly {
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.held.is_empty() && self.fin.is_none()
    }

    /// Where the stream ends, if the FIN has been seen.
    pub(super) const fn fin(&self) -> Option<SequenceNumber> {
        self.fin
    }

    pub(super) fn insert_fin(&mut self, seq: SequenceNumber) {
        self.fin.get_or_insert(seq);
    }

    /// Keeps what is new of `payload`; all of it lies at or after `base`, RCV.NXT.
    pub(super) fn insert(&mut self, base: SequenceNumber, mut seq: SequenceNumber, payload: SegmentPayload) {
        for chunk in payload.into_chunks() {
            let len = chunk.len() as u32;
            self.insert_chunk(base, seq, &chunk);
            seq += len;
        }
    }

    fn insert_chunk(&mut self, base: SequenceNumber, seq: SequenceNumber, chunk: &Chunk) {
        let end = seq + chunk.len() as u32;
        let mut from = seq;
        let mut index = self.held.partition_point(|held| held.end().since(base) <= seq.since(base));
        while from.before(end) {
            let next = self.held.get(index).map_or(end, |held| held.seq);
            let until = if next.before(end) { next } else { end };
            if from.before(until) {
                let piece = chunk.slice(from.since(seq) as usize..until.since(seq) as usize);
                self.bytes += piece.len();
                self.held.insert(index, Held { seq: from, chunk: piece });
                index += 1;
            }
            let Some(held) = self.held.get(index) else { break };
            from = from.latest(held.end());
            index += 1;
        }
    }

    /// Hands out everything that continues the stream at `next`; returns where that ends.
    pub(super) fn drain(
        &mut self,
        mut next: SequenceNumber,
        mut deliver: impl FnMut(Chunk),
    ) -> SequenceNumber {
        let mut ready = 0;
        while let Some(held) = self.held.get(ready)
            && held.seq.at_or_before(next)
        {
            let len = held.chunk.len();
            // An in-order segment may have covered the front of what is held, or all of it.
            let known = next.since(held.seq) as usize;
            if known < len {
                deliver(if known == 0 { held.chunk.clone() } else { held.chunk.slice(known..len) });
                next = held.end();
            }
            self.bytes -= len;
            ready += 1;
        }
        self.held.drain(..ready);
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Tag;

    const BASE: SequenceNumber = SequenceNumber(u32::MAX - 4);

    fn insert(queue: &mut Reassembly, range: std::ops::Range<u8>) {
        let bytes: Vec<u8> = range.clone().collect();
        queue.insert(BASE, BASE + u32::from(range.start), Chunk::copied(Tag::default(), &bytes).into());
    }

    fn drain(queue: &mut Reassembly, from: u8) -> Vec<u8> {
        let mut bytes = Vec::new();
        let end = queue.drain(BASE + u32::from(from), |chunk| bytes.extend(chunk.as_slice()));
        assert_eq!(end.since(BASE) as usize, from as usize + bytes.len());
        bytes
    }

    #[test]
    fn overlaps_are_kept_once() {
        let mut queue = Reassembly::default();
        for range in [10..12, 3..5, 7..8, 4..11, 3..5, 2..13, 20..22] {
            insert(&mut queue, range);
        }
        assert_eq!(queue.bytes(), 11 + 2);
        assert_eq!(drain(&mut queue, 1), [0; 0]);
        assert_eq!(drain(&mut queue, 2), (2..13).collect::<Vec<_>>());
        assert_eq!(queue.bytes(), 2);
        assert_eq!(drain(&mut queue, 21), [21], "an in-order segment covered byte 20");
        assert!(queue.is_empty());
    }
}

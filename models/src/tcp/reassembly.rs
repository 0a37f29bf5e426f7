//! What arrived ahead of a gap.

use super::options::{SackBlock, SackBlocks};
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
    /// What is held, in runs without a gap, in sequence order.
    runs: Vec<Run>,
    /// Counts arrivals: the stamp of the run that the last one extended.
    arrivals: u32,
    /// Acknowledgements sent at once since RCV.NXT last moved, and RCV.NXT then.
    at_once: u8,
    at_once_for: SequenceNumber,
    /// The last arrival changed a run that was not among the two that grew last.
    crowded: bool,
}

/// So many runs one acknowledgement is sure to report, even beside a duplicate and timestamps (Linux
/// `TCP_SACK_BLOCKS_EXPECTED`).
const REPORTED_RUNS: usize = 2;

/// A run of bytes without a gap.
#[derive(Clone, Copy, Debug)]
struct Run {
    block: SackBlock,
    stamp: u32,
}

impl Reassembly {
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.held.is_empty() && self.fin.is_none()
    }

    /// Where the last run ends.
    pub(super) fn end(&self) -> Option<SequenceNumber> {
        self.runs.last().map(|run| run.block.end)
    }

    /// Where the stream ends, if the FIN has been seen.
    pub(super) const fn fin(&self) -> Option<SequenceNumber> {
        self.fin
    }

    pub(super) fn insert_fin(&mut self, seq: SequenceNumber) {
        self.fin.get_or_insert(seq);
        self.extend_run(SackBlock { start: seq, end: seq + 1 });
    }

    /// The runs to report in an acknowledgement, at most `room`: first the one that grew last, then the
    /// others as they grew (RFC 2018 §4).
    pub(super) fn blocks(&self, blocks: &mut SackBlocks, room: usize) {
        let mut newer_than = u32::MAX;
        for _ in 0..room.min(self.runs.len()) {
            let next = self.runs.iter().filter(|run| run.stamp < newer_than).max_by_key(|run| run.stamp);
            let Some(run) = next else { break };
            newer_than = run.stamp;
            blocks.push(run.block);
        }
    }

    /// Whether the acknowledgement of a segment beyond the gap at `nxt` may wait for more: the first three
    /// may not (Linux `tcp_comp_sack`).
    pub(super) fn acknowledgement_may_wait(&mut self, nxt: SequenceNumber) -> bool {
        if self.at_once_for != nxt {
            self.at_once_for = nxt;
            self.at_once = 0;
        }
        if self.at_once < 3 {
            self.at_once += 1;
            return false;
        }
        true
    }

    /// Whether an acknowledgement that waits would report less with each further arrival: the runs are
    /// more than it has room for (Linux `tcp_sack_compress_send_ack`).
    pub(super) const fn crowded(&self) -> bool {
        self.crowded
    }

    fn extend_run(&mut self, block: SackBlock) {
        self.arrivals = self.arrivals.wrapping_add(1);
        let mut run = Run { block, stamp: self.arrivals };
        let first = self.runs.partition_point(|held| held.block.end.before(block.start));
        let mut last = first;
        while let Some(held) = self.runs.get(last)
            && held.block.start.at_or_before(block.end)
        {
            if held.block.start.before(run.block.start) {
                run.block.start = held.block.start;
            }
            run.block.end = run.block.end.latest(held.block.end);
            last += 1;
        }
        let grown = self.runs[first..last].iter().map(|run| run.stamp).max();
        let newer = self.runs.iter().filter(|run| grown.is_none_or(|grown| run.stamp > grown)).count();
        self.crowded = newer >= REPORTED_RUNS;
        self.runs.splice(first..last, [run]);
    }

    /// Keeps what is new of `payload`; all of it lies at or after `base`, RCV.NXT. Returns how many bytes
    /// are new.
    pub(super) fn insert(
        &mut self,
        base: SequenceNumber,
        mut seq: SequenceNumber,
        payload: &mut SegmentPayload,
    ) -> usize {
        let before = self.bytes;
        let len = payload.len() as u32;
        if len > 0 {
            self.extend_run(SackBlock { start: seq, end: seq + len });
        }
        payload.take_chunks(|chunk| {
            let len = chunk.len() as u32;
            self.insert_chunk(base, seq, &chunk);
            seq += len;
        });
        self.bytes - before
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
        let done = self.runs.partition_point(|run| run.block.end.at_or_before(next));
        self.runs.drain(..done);
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
        let mut payload = Chunk::copied(Tag::default(), &bytes).into();
        queue.insert(BASE, BASE + u32::from(range.start), &mut payload);
    }

    fn drain(queue: &mut Reassembly, from: u8) -> Vec<u8> {
        let mut bytes = Vec::new();
        let end = queue.drain(BASE + u32::from(from), |chunk| bytes.extend(chunk.as_slice()));
        assert_eq!(end.since(BASE) as usize, from as usize + bytes.len());
        bytes
    }

    #[test]
    fn the_run_that_grew_last_is_reported_first() {
        let mut queue = Reassembly::default();
        let reported = |queue: &Reassembly| {
            let mut blocks = SackBlocks::default();
            queue.blocks(&mut blocks, 3);
            blocks.as_slice().iter().map(|b| (b.start.since(BASE), b.end.since(BASE))).collect::<Vec<_>>()
        };
        for range in [2..4, 10..12, 20..22, 30..32] {
            insert(&mut queue, range);
        }
        assert_eq!(reported(&queue), [(30, 32), (20, 22), (10, 12)], "RFC 2018 §4");
        insert(&mut queue, 4..6);
        assert_eq!(reported(&queue), [(2, 6), (30, 32), (20, 22)]);
        insert(&mut queue, 6..20);
        assert_eq!(reported(&queue), [(2, 22), (30, 32)], "three runs became one");
        assert_eq!(drain(&mut queue, 2).len(), 20);
        assert_eq!(reported(&queue), [(30, 32)]);
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

//! The send sequence variables (RFC 9293 §3.3.1) and the bytes behind them.

use super::rope::Rope;
use super::segment::SegmentPayload;
use super::sequence::SequenceNumber;
use crate::stream::Chunk;

/// The bytes from SND.UNA on: sent and unacknowledged, then unsent.
///
/// A cursor stands at SND.NXT, so that cutting the next segment costs the same at any place of a long
/// queue.
#[derive(Clone, Debug, Default)]
pub(super) struct SendBuffer {
    chunks: Rope,
    len: usize,
    /// The bytes of the first chunk that are acknowledged already.
    acknowledged: u32,
    cursor_chunk: u32,
    cursor_offset: u32,
}

impl SendBuffer {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn push(&mut self, chunk: Chunk) {
        if !chunk.is_empty() {
            self.len += chunk.len();
            self.chunks.push(chunk);
        }
    }

    /// Cuts the next `len` bytes at the cursor and moves it behind them.
    pub(super) fn take(&mut self, len: usize) -> SegmentPayload {
        let (payload, chunk, offset) = self.cut(self.cursor_chunk, self.cursor_offset, len);
        self.cursor_chunk = chunk;
        self.cursor_offset = offset;
        payload
    }

    /// The first `len` unacknowledged bytes again; the cursor stays.
    pub(super) fn first(&self, len: usize) -> SegmentPayload {
        self.cut(0, self.acknowledged, len).0
    }

    /// `len` bytes from `offset` on again; the cursor stays.
    pub(super) fn at(&self, offset: usize, len: usize) -> SegmentPayload {
        let (mut index, mut skip) = (0, self.acknowledged as usize + offset);
        while let Some(chunk) = self.chunks.get(index as usize)
            && skip >= chunk.len()
        {
            skip -= chunk.len();
            index += 1;
        }
        self.cut(index, skip as u32, len).0
    }

    /// Puts the cursor back to the first unacknowledged byte.
    pub(super) fn rewind(&mut self) {
        self.cursor_chunk = 0;
        self.cursor_offset = self.acknowledged;
    }

    /// Drops the first `len` bytes.
    pub(super) fn acknowledge(&mut self, len: usize) {
        self.len -= len;
        let mut rest = len;
        while rest > 0 {
            let first = self.chunks.first().expect("as many bytes as the buffer counts");
            let left = first.len() - self.acknowledged as usize;
            if rest < left {
                self.acknowledged += rest as u32;
                break;
            }
            rest -= left;
            self.chunks.pop();
            self.acknowledged = 0;
            if self.cursor_chunk > 0 {
                self.cursor_chunk -= 1;
            } else {
                self.cursor_offset = 0;
            }
        }
        if self.cursor_chunk == 0 {
            self.cursor_offset = self.cursor_offset.max(self.acknowledged);
        }
    }

    /// Cuts `len` bytes from `offset` in chunk number `index` on; returns where the cut ends.
    fn cut(&self, mut index: u32, mut offset: u32, len: usize) -> (SegmentPayload, u32, u32) {
        let mut payload = SegmentPayload::new();
        let mut rest = len;
        while rest > 0 {
            let chunk = self.chunks.get(index as usize).expect("as many bytes as the buffer counts");
            let start = offset as usize;
            let end = chunk.len().min(start + rest);
            payload.push(if end - start == chunk.len() { chunk.clone() } else { chunk.slice(start..end) });
            rest -= end - start;
            if end == chunk.len() {
                index += 1;
                offset = 0;
            } else {
                offset = end as u32;
            }
        }
        (payload, index, offset)
    }
}

/// The send side of a connection; the names are those of RFC 9293 §3.3.1.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    /// SND.UNA: the oldest unacknowledged sequence number.
    pub(super) una: SequenceNumber,
    /// SND.NXT: the next to send; a timeout moves it back to SND.UNA.
    pub(super) nxt: SequenceNumber,
    /// One past the highest ever sent.
    pub(super) max: SequenceNumber,
    /// SND.WND: the peer's window, in bytes.
    pub(super) wnd: u32,
    /// The largest window the peer ever offered.
    pub(super) max_wnd: u32,
    /// SND.WL1: the sequence number of the last window update.
    pub(super) wl1: SequenceNumber,
    /// SND.WL2: the acknowledgement number of the last window update.
    pub(super) wl2: SequenceNumber,
    /// The end of the last segment that was smaller than the MSS (for Nagle's algorithm).
    pub(super) small_end: SequenceNumber,
    /// When data was last sent, in ticks of the timestamp clock.
    pub(super) last_data_ticks: u32,
    /// The data bytes that fit in a segment, options taken off.
    pub(super) mss: u16,
    /// Retransmissions or probes since the peer last answered.
    pub(super) retries: u8,
    /// How often the persist timer has doubled.
    pub(super) persist_backoff: u8,
    /// The written bytes.
    pub(super) buffer: SendBuffer,
}

impl Sender {
    pub(super) fn new(iss: SequenceNumber, mss: u16) -> Self {
        Sender {
            una: iss,
            nxt: iss,
            max: iss,
            wnd: 0,
            max_wnd: 0,
            wl1: SequenceNumber(0),
            wl2: iss,
            small_end: iss,
            last_data_ticks: 0,
            mss,
            retries: 0,
            persist_backoff: 0,
            buffer: SendBuffer::default(),
        }
    }

    /// The sequence space that was sent and is not acknowledged.
    pub(super) const fn outstanding(&self) -> u32 {
        self.max.since(self.una)
    }

    /// The sequence space between SND.UNA and SND.NXT.
    pub(super) const fn flight(&self) -> u32 {
        self.nxt.since(self.una)
    }

    /// The written bytes from SND.NXT on.
    pub(super) fn unsent(&self) -> usize {
        self.buffer.len().saturating_sub(self.flight() as usize)
    }

    /// Whether SND.NXT lies behind a FIN: past all the written bytes.
    pub(super) fn fin_sent(&self) -> bool {
        self.flight() as usize > self.buffer.len()
    }

    /// Whether an earlier small segment is unacknowledged (Minshall's test).
    pub(super) const fn small_outstanding(&self) -> bool {
        self.small_end.after(self.una) && self.small_end.at_or_before(self.max)
    }

    /// Takes the window of an acknowledgement unless a later segment told it already.
    /// Returns whether the window changed.
    pub(super) fn update_window(&mut self, seq: SequenceNumber, ack: SequenceNumber, window: u32) -> bool {
        // RFC 9293 §3.10.7.4
        let newer = self.wl1.before(seq) || (self.wl1 == seq && self.wl2.at_or_before(ack));
        if !newer {
            return false;
        }
        let changed = self.wnd != window;
        self.wnd = window;
        self.max_wnd = self.max_wnd.max(window);
        self.wl1 = seq;
        self.wl2 = ack;
        changed
    }

    /// Moves SND.UNA up to `ack` over `data` bytes of the buffer.
    pub(super) fn acknowledge(&mut self, ack: SequenceNumber, data: usize) {
        self.una = ack;
        self.buffer.acknowledge(data);
        self.nxt = self.nxt.latest(ack);
        self.retries = 0;
        self.persist_backoff = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{Payload, Tag};

    fn bytes(payload: &SegmentPayload) -> Vec<u8> {
        payload.chunks().flat_map(|chunk| chunk.as_slice().to_vec()).collect()
    }

    #[test]
    fn the_cursor_follows_writes_acknowledgements_and_rewinds() {
        let mut buffer = SendBuffer::default();
        buffer.push(Chunk::copied(Tag::default(), &[0, 1, 2]));
        buffer.push(Chunk::copied(Tag::default(), &[]));
        buffer.push(Chunk::shared(Tag::default(), Payload::from((3..100).collect::<Vec<u8>>())));
        assert_eq!(bytes(&buffer.take(2)), [0, 1]);
        assert_eq!(bytes(&buffer.take(8)), (2..10).collect::<Vec<_>>());
        buffer.acknowledge(5);
        assert_eq!(bytes(&buffer.first(3)), [5, 6, 7]);
        assert_eq!(bytes(&buffer.at(2, 3)), [7, 8, 9]);
        assert_eq!(buffer.at(95, 0).len(), 0);
        assert_eq!(bytes(&buffer.take(1)), [10]);
        buffer.rewind();
        assert_eq!(bytes(&buffer.take(1)), [5]);
        buffer.acknowledge(20);
        assert_eq!(bytes(&buffer.take(2)), [25, 26], "an acknowledgement overtakes the cursor");
        buffer.acknowledge(75);
        assert_eq!(buffer.len(), 0);
        buffer.push(Chunk::copied(Tag::default(), &[100]));
        assert_eq!(bytes(&buffer.take(1)), [100]);
    }
}

//! The receive sequence variables (RFC 9293 §3.3.1), the window we offer, and the bytes to read.

use sim_core::time::SimTime;

use super::config::Config;
use super::options::{SackBlock, SackBlocks};
use super::reassembly::Reassembly;
use super::receive_buffer::Tuning;
use super::rope::Rope;
use super::segment::{Segment, SegmentPayload};
use super::sequence::SequenceNumber;
use crate::stream::Chunk;

/// Segments with less data do not let the window grow (Linux `tcp_event_data_recv`).
const GROWTH_MIN_BYTES: usize = 128;

/// What became of the text of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Arrival {
    /// New bytes became readable.
    pub(super) readable: bool,
    /// It lies behind a gap, filled one, or reached beyond the window: acknowledge at once
    /// (RFC 5681 §4.2).
    pub(super) at_once: bool,
    /// The peer's FIN is the next thing in the stream.
    pub(super) fin: bool,
}

/// What an idle connection has no use for.
#[derive(Clone, Debug, Default)]
struct Aside {
    /// The receive buffer of a stack that tunes it, from the first full segment on.
    tuning: Option<Tuning>,
    /// A segment that brought nothing new, to be told once (RFC 2883); empty while there is none.
    duplicate: SackBlock,
}

/// The receive side of a connection.
#[derive(Clone, Debug)]
pub(super) struct Receiver {
    /// RCV.NXT: the next sequence number expected.
    pub(super) nxt: SequenceNumber,
    /// The right edge of the window offered so far; it never moves back (RFC 9293 §3.8.6).
    pub(super) edge: SequenceNumber,
    /// Last.ACK.sent of RFC 7323 §4.3.
    pub(super) acknowledged: SequenceNumber,
    /// The window while little waits to be read, in bytes.
    limit: u32,
    /// What most connections of an idle fleet never have.
    aside: Option<Box<Aside>>,
    /// TS.Recent of RFC 7323 §4.3.
    pub(super) ts_recent: u32,
    /// When TS.Recent was taken, in ticks of the timestamp clock.
    pub(super) ts_recent_at: u32,
    /// When data last arrived, in ticks of the timestamp clock.
    pub(super) last_data_ticks: Option<u32>,
    /// Acknowledgements that may still go out at once.
    pub(super) quick_acks: u8,
    /// The connection is interactive: an answer will carry the acknowledgement.
    pub(super) interactive: bool,
    /// Small segments since the last acknowledgement; counts to two.
    pub(super) small_segments: u8,
    /// Our window scale.
    pub(super) shift: u8,
    /// Bytes that wait to be read; no more than a window.
    unread: u32,
    readable: Rope,
    reassembly: Option<Box<Reassembly>>,
}

impl Receiver {
    pub(super) fn new(config: &Config) -> Self {
        Receiver {
            nxt: SequenceNumber(0),
            edge: SequenceNumber(0),
            acknowledged: SequenceNumber(0),
            limit: whole_segments(config, config.mss),
            aside: None,
            ts_recent: 0,
            ts_recent_at: 0,
            last_data_ticks: None,
            quick_acks: config.quickack_segments,
            interactive: false,
            small_segments: 0,
            shift: 0,
            unread: 0,
            readable: Rope::default(),
            reassembly: None,
        }
    }

    /// Takes the peer's initial sequence number from its SYN.
    pub(super) fn synchronize(&mut self, irs: SequenceNumber) {
        self.nxt = irs + 1;
        self.acknowledged = self.nxt;
        self.edge = self.nxt + u32::from(self.syn_window());
    }

    /// The window field of our SYN, in bytes: it is never scaled (RFC 7323 §2.2).
    pub(super) fn syn_window(&self) -> u16 {
        u16::try_from(self.limit).unwrap_or(u16::MAX)
    }

    /// Cuts the window to whole segments of `mss` bytes: a passive open knows their size before it
    /// offers a window.
    pub(super) fn set_segment_size(&mut self, config: &Config, mss: u16) {
        self.limit = whole_segments(config, mss);
    }

    /// The handshake is over: the window is told in units of the scale from now on.
    pub(super) fn established(&mut self) {
        // To the nearest unit, as measured: 64,240 becomes 64,256 and 65,160 becomes 65,152.
        let unit = 1 << self.shift;
        self.limit = (self.limit + unit / 2) / unit * unit;
    }

    fn tuning(&self) -> Option<&Tuning> {
        self.aside.as_ref().and_then(|aside| aside.tuning.as_ref())
    }

    /// Bytes that wait to be read or for a gap to be filled.
    pub(super) fn buffered(&self) -> usize {
        self.unread as usize + self.reassembly.as_ref().map_or(0, |queue| queue.bytes())
    }

    /// Bytes that wait to be read.
    pub(super) const fn unread(&self) -> u32 {
        self.unread
    }

    /// The window as offered so far, in bytes.
    pub(super) const fn offered(&self) -> u32 {
        self.edge.since(self.nxt)
    }

    /// The window that could be offered now.
    fn available(&self) -> u32 {
        if let Some(tuning) = self.tuning() {
            return self.limit.min(self.free(tuning));
        }
        // The buffer holds a quarter more than the window promises, so that what is read a moment later
        // does not narrow it (Linux: a buffer for 84 kB behind a window of 65 kB, measured).
        let capacity = self.limit + self.limit / 4;
        self.limit.min(capacity.saturating_sub(self.unread))
    }

    /// The value of the window field now; moves the right edge of the window up to it.
    pub(super) fn window(&mut self, mss: u16) -> u16 {
        let available = self.available();
        // RFC 9293 §3.8.6.2.2: no silly small steps while the window is nearly closed.
        if available >= u32::from(mss).min(self.limit / 2) {
            self.edge = self.edge.latest(self.nxt + available);
        }
        let unit = 1_u32 << self.shift;
        let field = self.offered().div_ceil(unit).min(u32::from(u16::MAX));
        self.edge = self.edge.latest(self.nxt + field * unit);
        field as u16
    }

    /// Whether reading has opened a nearly closed window so far that the peer must be told. As Linux
    /// (`tcp_cleanup_rbuf`): when at least twice of what is offered can be offered.
    pub(super) fn window_update_due(&self, mss: u16) -> bool {
        let (available, offered) = (self.available(), self.offered());
        available >= u32::from(mss).min(self.limit / 2)
            && 2 * offered <= self.limit
            && available >= 2 * offered
    }

    /// The segment acceptability test of RFC 9293 §3.4, table 6.
    pub(super) fn is_acceptable(&self, segment: &Segment) -> bool {
        let len = segment.sequence_len();
        if len == 0 {
            // One past the edge is where a peer stands that has filled the window.
            return segment.seq.at_or_after(self.nxt) && segment.seq.at_or_before(self.edge);
        }
        // At RCV.NXT even a closed window lets the acknowledgement through (RFC 9293 §3.10.7.4).
        (segment.seq.before(self.edge) || segment.seq == self.nxt) && (segment.seq + len).after(self.nxt)
    }

    /// Takes the text and the FIN of an acceptable segment.
    pub(super) fn arrive(
        &mut self,
        mut seq: SequenceNumber,
        payload: &mut SegmentPayload,
        fin: bool,
    ) -> Arrival {
        let before = self.nxt;
        let end = seq + payload.len() as u32;
        let beyond_window = end.after(self.edge);
        let fin = (fin && !beyond_window).then_some(end);
        if beyond_window {
            skip_and_keep(payload, 0, self.edge.latest(seq).since(seq));
        }
        if seq.before(self.nxt) {
            skip_and_keep(payload, self.nxt.since(seq), u32::MAX);
            seq = self.nxt;
        }
        if seq == self.nxt && self.reassembly.is_none() {
            self.deliver(payload);
            return Arrival { readable: self.nxt != before, at_once: beyond_window, fin: fin.is_some() };
        }
        self.arrive_at_gap(seq, payload, fin)
    }

    /// The same where bytes are missing, before or after these.
    #[cold]
    #[inline(never)]
    fn arrive_at_gap(
        &mut self,
        seq: SequenceNumber,
        payload: &mut SegmentPayload,
        fin: Option<SequenceNumber>,
    ) -> Arrival {
        let before = self.nxt;
        let queue = self.reassembly.get_or_insert_default();
        if let Some(fin) = fin {
            queue.insert_fin(fin);
        }
        if seq == self.nxt {
            self.deliver(payload);
        } else {
            let len = payload.len();
            if queue.insert(self.nxt, seq, payload) == 0 && len > 0 {
                self.aside.get_or_insert_default().duplicate =
                    SackBlock { start: seq, end: seq + len as u32 };
            }
        }
        let fin = self.drain_reassembly();
        Arrival { readable: self.nxt != before, at_once: true, fin }
    }

    /// Notes a segment all of which arrived before.
    pub(super) fn note_duplicate(&mut self, seq: SequenceNumber, len: u32) {
        let end = seq + len;
        if len > 0 && end.at_or_before(self.nxt) {
            self.aside.get_or_insert_default().duplicate = SackBlock { start: seq, end };
        }
    }

    /// The blocks to report, at most `room`; `None` when nothing lies beyond a gap.
    pub(super) fn sack_blocks(&mut self, room: usize) -> Option<Box<SackBlocks>> {
        if room == 0 || (self.reassembly.is_none() && !self.has_duplicate()) {
            return None;
        }
        let mut blocks = SackBlocks::default();
        let duplicate = self.has_duplicate();
        if duplicate && let Some(aside) = &mut self.aside {
            blocks.push(std::mem::take(&mut aside.duplicate));
        }
        if let Some(queue) = &self.reassembly {
            queue.blocks(&mut blocks, room - usize::from(duplicate));
        }
        (!blocks.as_slice().is_empty()).then(|| Box::new(blocks))
    }

    /// Whether bytes are missing before others that arrived.
    pub(super) const fn has_gap(&self) -> bool {
        self.reassembly.is_some()
    }

    /// Whether a duplicate waits to be told.
    pub(super) fn has_duplicate(&self) -> bool {
        self.aside.as_ref().is_some_and(|aside| aside.duplicate.start != aside.duplicate.end)
    }

    /// Whether a selective acknowledgement may wait for more to report.
    pub(super) fn sack_may_wait(&mut self) -> bool {
        let nxt = self.nxt;
        self.reassembly.as_mut().is_some_and(|queue| queue.acknowledgement_may_wait(nxt))
    }

    /// Whether a selective acknowledgement that waits must go, before its blocks tell less.
    pub(super) fn sack_is_crowded(&self) -> bool {
        self.reassembly.as_ref().is_some_and(|queue| queue.crowded())
    }

    /// Steps over the peer's FIN.
    pub(super) fn take_fin(&mut self) {
        self.reassembly = None;
        self.nxt += 1;
        self.edge = self.edge.latest(self.nxt);
    }

    /// Whether Linux would acknowledge what has been read: more than a segment, or all there was (see
    /// [`Config::ack_on_read`]).
    pub(super) fn read_acknowledges(&self, mss: u16) -> bool {
        let reads = self.tuning().is_some_and(|tuning| tuning.fresh() == 0);
        if reads && self.nxt.since(self.acknowledged) > u32::from(mss) {
            return true;
        }
        let due = self.small_segments > 1 || (self.small_segments == 1 && !self.interactive);
        due && self.unread == 0 && self.acknowledged != self.nxt
    }

    /// The next bytes to read.
    pub(super) fn read(&mut self) -> Option<Chunk> {
        if self.unread == 0 {
            return None;
        }
        let chunk = self.readable.pop()?;
        self.unread -= chunk.len() as u32;
        Some(chunk)
    }

    /// Drops what can never be completed.
    pub(super) fn abandon(&mut self) {
        self.reassembly = None;
    }

    /// A full segment of `mss` bytes arrives that echoes our timestamp `echo`; `capacity` is the buffer at first.
    pub(super) fn time(&mut self, now: SimTime, echo: u32, mss: u16, capacity: u32) {
        let (read, keeps_up) = (self.nxt - self.unread, self.unread == 0);
        let begin = || Tuning::new(now, read, u32::from(mss), capacity);
        self.aside.get_or_insert_default().tuning.get_or_insert_with(begin).sample(now, echo, keeps_up);
    }

    /// Lets the buffer and the window grow after an arrival of `bytes`, by two segments (Linux
    /// `tcp_grow_window`); `unread` bytes waited before it, and `max` is what the buffer may become.
    pub(super) fn tune(
        &mut self,
        now: SimTime,
        arrival: Arrival,
        (bytes, unread): (usize, u32),
        (mss, sack): (u16, bool),
        max: u32,
    ) {
        let (len, mss) = (bytes as u32, u32::from(mss));
        let end = self.reassembly.as_ref().and_then(|queue| queue.end());
        let gap = end.map_or(0, |end| end.since(self.nxt));
        let Some(tuning) = self.aside.as_mut().and_then(|aside| aside.tuning.as_mut()) else { return };
        if arrival.readable {
            tuning.arrive(now, len);
            if let Some(wanted) = tuning.measure(now, (self.nxt, len, mss), unread, gap) {
                tuning.enlarge(wanted, max);
            }
        } else if gap > 0 {
            tuning.enlarge(tuning.beyond_gap(gap), max);
        }
        let Some(tuning) = self.tuning() else { return };
        let free = self.free(tuning);
        // Linux `tcp_data_queue_ofo`: a duplicate acknowledgement that opens the window would be no duplicate.
        let may_grow = arrival.readable || sack;
        if may_grow && bytes >= GROWTH_MIN_BYTES && free > self.limit {
            self.limit += (free - self.limit).min(2 * mss);
        }
    }

    /// Whether a reader that was woken by what arrived reads it by now.
    pub(super) fn wake_reader(&mut self, now: SimTime) -> bool {
        self.aside
            .as_mut()
            .and_then(|aside| aside.tuning.as_mut())
            .is_some_and(|tuning| tuning.wake_reader(now))
    }

    /// When the reader that was woken will have read what arrived, if there is one.
    pub(super) fn reader_wakes_at(&self) -> Option<SimTime> {
        self.tuning().filter(|tuning| tuning.fresh() > 0).map(|tuning| tuning.wakes_at())
    }

    /// What of the receive buffer is free.
    fn free(&self, tuning: &Tuning) -> u32 {
        let beyond_gap = self.reassembly.as_ref().map_or(0, |queue| queue.bytes() as u32);
        // Of what a reader has still to read half of the buffer at most: a small one would stay closed for a
        // reader of whose progress nobody is told.
        let fresh = tuning.fresh().min(tuning.capacity() / 2);
        let held = self.unread.max(fresh) + beyond_gap;
        // A segment of 1,448 bytes takes the room of 1,260, as what waits shares its memory: by the windows of
        // c08s_cubic_none and c08s_cubic_drop_seg10 with 2, 6, 9 and 10 segments waiting.
        tuning.capacity().saturating_sub(held - held / 8)
    }

    /// Whether an acknowledgement now would take nothing back of the window offered last (Linux
    /// `__tcp_ack_snd_check`).
    pub(super) fn keeps_its_window(&self) -> bool {
        let unit = 1_u32 << self.shift;
        self.tuning().is_none()
            || self.available().next_multiple_of(unit) >= self.edge.since(self.acknowledged)
    }

    /// Whether the receive buffer is tuned.
    pub(super) fn is_tuned(&self) -> bool {
        self.tuning().is_some()
    }

    /// Lets a simple window grow as data arrives, while the reader keeps up.
    pub(super) fn grow(&mut self, bytes: usize, mss: u16, max: u32) {
        let reader_keeps_up = self.unread <= self.limit / 4;
        if bytes >= GROWTH_MIN_BYTES && reader_keeps_up && self.limit < max {
            self.limit = (self.limit + 2 * u32::from(mss)).min(max);
        }
    }

    fn deliver(&mut self, payload: &mut SegmentPayload) {
        self.nxt += payload.len() as u32;
        payload.take_chunks(|chunk| push(&mut self.readable, &mut self.unread, chunk));
    }

    /// Delivers what is held and continues the stream; returns whether that reaches the FIN.
    fn drain_reassembly(&mut self) -> bool {
        let Some(queue) = &mut self.reassembly else { return false };
        let (readable, unread) = (&mut self.readable, &mut self.unread);
        self.nxt = queue.drain(self.nxt, |chunk| push(readable, unread, chunk));
        let fin = queue.fin() == Some(self.nxt);
        if queue.is_empty() {
            self.reassembly = None;
        }
        fin
    }
}

/// Appends to the bytes to read; slices of one payload become one run again.
fn push(readable: &mut Rope, unread: &mut u32, chunk: Chunk) {
    *unread += chunk.len() as u32;
    if !readable.last_mut().is_some_and(|last| last.try_join(&chunk)) {
        readable.push(chunk);
    }
}

/// Of the bytes of `payload` only those from `skip` up to `keep`.
#[cold]
#[inline(never)]
fn skip_and_keep(payload: &mut SegmentPayload, skip: u32, keep: u32) {
    let (skip, keep) = (skip as usize, keep as usize);
    let mut rest = SegmentPayload::new();
    let mut at = 0;
    payload.take_chunks(|chunk| {
        let (start, end) =
            (skip.saturating_sub(at).min(chunk.len()), keep.saturating_sub(at).min(chunk.len()));
        at += chunk.len();
        if start < end {
            rest.push(chunk.slice(start..end));
        }
    });
    *payload = rest;
}

/// Linux `tcp_select_initial_window`: whole segments.
fn whole_segments(config: &Config, mss: u16) -> u32 {
    let (bytes, mss) = (config.receive_window.min(u32::from(u16::MAX)), u32::from(mss).max(1));
    if bytes < mss { bytes } else { bytes / mss * mss }
}

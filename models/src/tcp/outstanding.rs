//! What is under way: every byte between SND.UNA and SND.NXT, when it was sent and what became of it.
//!
//! Bytes that were sent at one instant and share their fate are one piece of eight bytes, so a burst of
//! segments costs as much as a single one. Without loss a piece is pushed for each burst and popped by
//! its acknowledgement.

use sim_core::time::SimTime;
use smallvec::SmallVec;

use super::sequence::SequenceNumber;

/// What is known of a piece.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    /// Sent once and not heard of.
    InFlight,
    /// Arrived beyond a gap (RFC 2018).
    Sacked,
    /// Presumed lost and not yet sent again.
    Lost,
    /// Sent again and not heard of.
    Retransmitted,
}

/// Instants in microseconds modulo 2^30: right for spans below nine minutes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Instant30(u32);

const MASK: u32 = (1 << 30) - 1;

impl Instant30 {
    pub(super) const fn of(now: SimTime) -> Self {
        Instant30((now.as_nanos() / 1_000) as u32 & MASK)
    }

    /// Whether the timestamp clock has advanced since it read `ticks`.
    pub(super) const fn is_ticks_after(self, ticks: u32) -> bool {
        self.since(Instant30(ticks.wrapping_mul(1_000) & MASK)) >= 1_000
    }

    /// Microseconds from `earlier` to `self`; negative when it is the other way round.
    pub(super) const fn since(self, earlier: Self) -> i32 {
        // Shifted up the sign bit of the difference is that of an i32.
        (self.0.wrapping_sub(earlier.0) << 2) as i32 >> 2
    }
}

/// Bytes up to `end` that were sent at one instant and share their fate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) end: SequenceNumber,
    /// The instant above two bits of fate.
    packed: u32,
}

impl Piece {
    const fn new(end: SequenceNumber, at: Instant30, fate: Fate) -> Self {
        Piece { end, packed: at.0 << 2 | fate as u32 }
    }

    pub(super) const fn at(self) -> Instant30 {
        Instant30(self.packed >> 2)
    }

    pub(super) const fn fate(self) -> Fate {
        match self.packed & 3 {
            0 => Fate::InFlight,
            1 => Fate::Sacked,
            2 => Fate::Lost,
            _ => Fate::Retransmitted,
        }
    }
}

/// A piece that was delivered, whole or in part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delivered {
    pub(super) end: SequenceNumber,
    pub(super) len: u32,
    pub(super) at: Instant30,
    pub(super) fate: Fate,
}

/// The pieces in sequence order; each begins where the one before it ends.
#[derive(Clone, Debug, Default)]
pub(super) struct Outstanding {
    pieces: SmallVec<[Piece; 2]>,
    base: SequenceNumber,
    sacked: u32,
    lost: u32,
    /// The latest instant given out: what is sent again at the same instant as other segments is given a
    /// later one, so that instants tell the order.
    latest: Instant30,
}

impl Outstanding {
    /// Starts at the first byte after the handshake.
    pub(super) fn start(&mut self, una: SequenceNumber) {
        self.base = una;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Bytes that arrived beyond a gap.
    pub(super) const fn sacked(&self) -> u32 {
        self.sacked
    }

    /// Bytes that wait to be sent again.
    pub(super) const fn lost(&self) -> u32 {
        self.lost
    }

    /// RFC 6675 §4, SetPipe: the bytes thought to be in the network.
    pub(super) fn pipe(&self) -> u32 {
        let all = self.pieces.last().map_or(0, |last| last.end.since(self.base));
        all - self.sacked - self.lost
    }

    /// When the first byte was sent last.
    pub(super) fn first_sent(&self) -> Option<Instant30> {
        self.pieces.first().map(|piece| piece.at())
    }

    pub(super) fn first_fate(&self) -> Option<Fate> {
        self.pieces.first().map(|piece| piece.fate())
    }

    /// New bytes up to `end` are sent. Returns whether they continue a burst of this instant.
    pub(super) fn push(&mut self, end: SequenceNumber, now: SimTime) -> bool {
        let at = self.instant(now, 0);
        let piece = Piece::new(end, at, Fate::InFlight);
        match self.pieces.last_mut() {
            Some(last) if last.packed == piece.packed => {
                last.end = end;
                true
            }
            Some(_) | None => {
                self.pieces.push(piece);
                false
            }
        }
    }

    /// Everything before `una` has arrived; tells `deliver` what was not known to have.
    pub(super) fn acknowledge(&mut self, una: SequenceNumber, mut deliver: impl FnMut(Delivered)) {
        let mut done = 0;
        while let Some(piece) = self.pieces.get(done).copied()
            && self.base.before(una)
        {
            let end = if piece.end.before(una) { piece.end } else { una };
            let len = end.since(self.base);
            let fate = piece.fate();
            self.count(fate, len, false);
            if fate != Fate::Sacked {
                deliver(Delivered { end, len, at: piece.at(), fate });
            }
            self.base = end;
            if end == piece.end {
                done += 1;
            }
        }
        self.drop_first(done, una);
    }

    /// The same where nothing has another fate than to be in flight, and `una` lies beyond the first byte:
    /// returns when the first and the last of the segments that arrived were sent.
    pub(super) fn acknowledge_in_flight(&mut self, una: SequenceNumber) -> (Instant30, Instant30) {
        let (mut done, mut latest) = (0, None);
        let first = self.pieces[0].at();
        for piece in &self.pieces {
            debug_assert!(piece.fate() == Fate::InFlight);
            latest = Some(piece.at());
            if piece.end.after(una) {
                break;
            }
            done += 1;
            if piece.end == una {
                break;
            }
        }
        self.base = una;
        self.drop_first(done, una);
        (first, latest.unwrap_or(first))
    }

    /// Drops the `done` first pieces.
    fn drop_first(&mut self, done: usize, una: SequenceNumber) {
        let left = self.pieces.len() - done;
        self.pieces.copy_within(done.., 0);
        self.pieces.truncate(left);
        if left == 0 {
            self.base = una;
            if self.pieces.spilled() {
                // An idle connection holds no heap.
                self.pieces.shrink_to_fit();
            }
        }
    }

    /// Marks what lies in a block of a SACK option as arrived; tells `deliver` what is news.
    pub(super) fn sack(
        &mut self,
        start: SequenceNumber,
        end: SequenceNumber,
        mut deliver: impl FnMut(Delivered),
    ) {
        let Some(range) = self.cut_out(start, end) else { return };
        for index in range {
            let piece = self.pieces[index];
            if piece.fate() != Fate::Sacked {
                let len = piece.end.since(self.begin(index));
                deliver(Delivered { end: piece.end, len, at: piece.at(), fate: piece.fate() });
                self.change(index, Fate::Sacked, piece.at());
            }
        }
        self.join_sacked();
    }

    /// Marks as lost each piece that is under way and of which `lost` says so, given the piece and the
    /// sequence number it begins with. Returns the bytes marked.
    pub(super) fn mark_lost(&mut self, mut lost: impl FnMut(Piece, SequenceNumber) -> bool) -> u32 {
        let before = self.lost;
        let mut begin = self.base;
        for index in 0..self.pieces.len() {
            let piece = self.pieces[index];
            let under_way = matches!(piece.fate(), Fate::InFlight | Fate::Retransmitted);
            if under_way && lost(piece, begin) {
                self.change(index, Fate::Lost, piece.at());
            }
            begin = piece.end;
        }
        self.lost - before
    }

    /// Marks as lost what is under way in segments longer than `mss`, which were cut to `old` bytes each;
    /// what is left of a piece at its end was a segment of its own. Returns the bytes marked.
    pub(super) fn lose_longer(&mut self, old: u32, mss: u32) -> u32 {
        let before = self.lost;
        let mut index = 0;
        while let Some(piece) = self.pieces.get(index).copied() {
            let begin = self.begin(index);
            let len = piece.end.since(begin);
            let rest = len % old;
            if matches!(piece.fate(), Fate::InFlight | Fate::Retransmitted) && len > mss {
                if rest > 0 && rest <= mss {
                    self.split(begin + (len - rest));
                }
                self.change(index, Fate::Lost, piece.at());
            }
            index += 1;
        }
        self.lost - before
    }

    /// What was presumed lost is under way after all; it may be either transmission that arrives.
    pub(super) fn find_lost(&mut self) {
        for index in 0..self.pieces.len() {
            if self.pieces[index].fate() == Fate::Lost {
                self.change(index, Fate::Retransmitted, self.pieces[index].at());
            }
        }
    }

    /// The peer has forgotten what it told (RFC 2018 §8): nothing counts as arrived.
    pub(super) fn forget_sacks(&mut self) {
        for index in 0..self.pieces.len() {
            if self.pieces[index].fate() == Fate::Sacked {
                self.change(index, Fate::Lost, self.pieces[index].at());
            }
        }
    }

    /// The first run of lost bytes: where it begins and how long it is, up to `limit`.
    pub(super) fn first_lost(&self, limit: u32) -> Option<(SequenceNumber, u32)> {
        if self.lost == 0 {
            return None;
        }
        let first = self.pieces.iter().position(|piece| piece.fate() == Fate::Lost)?;
        let begin = self.begin(first);
        let run = self.pieces[first..].iter().take_while(|piece| piece.fate() == Fate::Lost);
        let end = run.map(|piece| piece.end).find(|end| end.since(begin) >= limit);
        let len = match end {
            Some(_) => limit,
            None => {
                let run = self.pieces[first..].iter().take_while(|piece| piece.fate() == Fate::Lost);
                run.last().map_or(0, |piece| piece.end.since(begin))
            }
        };
        Some((begin, len))
    }

    /// The bytes from `start` to `end` are sent again.
    pub(super) fn retransmit(&mut self, start: SequenceNumber, end: SequenceNumber, now: SimTime) {
        let range = self.cut_out(start, end).expect("what is sent again is outstanding");
        let at = self.instant(now, 1);
        for index in range {
            self.change(index, Fate::Retransmitted, at);
        }
    }

    /// The pieces in order, each with the sequence number it begins with.
    pub(super) fn iter(&self) -> impl Iterator<Item = (SequenceNumber, Piece)> {
        let mut begin = self.base;
        self.pieces.iter().map(move |piece| (std::mem::replace(&mut begin, piece.end), *piece))
    }

    /// An instant for `now`, at least `step` after the latest.
    fn instant(&mut self, now: SimTime, step: u32) -> Instant30 {
        let (now, next) = (Instant30::of(now), Instant30(self.latest.0.wrapping_add(step) & MASK));
        // An empty queue has no order to keep, and its clock may be long ago.
        let ahead = !self.pieces.is_empty() && next.since(now) > 0;
        self.latest = if ahead { next } else { now };
        self.latest
    }

    fn begin(&self, index: usize) -> SequenceNumber {
        index.checked_sub(1).map_or(self.base, |before| self.pieces[before].end)
    }

    fn count(&mut self, fate: Fate, len: u32, more: bool) {
        let counter = match fate {
            Fate::Sacked => &mut self.sacked,
            Fate::Lost => &mut self.lost,
            Fate::InFlight | Fate::Retransmitted => return,
        };
        *counter = if more { *counter + len } else { *counter - len };
    }

    fn change(&mut self, index: usize, fate: Fate, at: Instant30) {
        let (begin, piece) = (self.begin(index), self.pieces[index]);
        let len = piece.end.since(begin);
        self.count(piece.fate(), len, false);
        self.count(fate, len, true);
        self.pieces[index] = Piece::new(piece.end, at, fate);
    }

    /// Splits pieces so that some of them make up exactly `start` to `end`; returns their indices.
    fn cut_out(&mut self, start: SequenceNumber, end: SequenceNumber) -> Option<std::ops::Range<usize>> {
        let last = self.pieces.last()?.end;
        let (from, to) = (start.latest(self.base), if end.before(last) { end } else { last });
        if to.at_or_before(from) {
            return None;
        }
        let first = self.split(from);
        Some(first..self.split(to))
    }

    /// Makes a piece begin at `at`, which lies between the base and the end; returns its index.
    fn split(&mut self, at: SequenceNumber) -> usize {
        let base = self.base;
        let index = self.pieces.partition_point(|piece| piece.end.since(base) <= at.since(base));
        if index < self.pieces.len() && self.begin(index) != at {
            let piece = Piece { end: at, ..self.pieces[index] };
            self.pieces.insert(index, piece);
            return index + 1;
        }
        index
    }

    /// What arrived is no longer timed: neighbours become one piece.
    fn join_sacked(&mut self) {
        let mut kept = 0;
        for index in 1..self.pieces.len() {
            let piece = self.pieces[index];
            if piece.fate() == Fate::Sacked && self.pieces[kept].fate() == Fate::Sacked {
                self.pieces[kept].end = piece.end;
            } else {
                kept += 1;
                self.pieces[kept] = piece;
            }
        }
        self.pieces.truncate(kept + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: SequenceNumber = SequenceNumber(u32::MAX - 9);

    fn filled() -> Outstanding {
        let mut outstanding = Outstanding::default();
        outstanding.start(BASE);
        for (end, micros) in [(10, 1), (20, 1), (30, 2), (40, 3)] {
            outstanding.push(BASE + end, SimTime::from_micros(micros));
        }
        outstanding
    }

    fn seen(outstanding: &Outstanding) -> Vec<(u32, u32, Fate)> {
        outstanding.iter().map(|(begin, p)| (begin.since(BASE), p.end.since(BASE), p.fate())).collect()
    }

    #[test]
    fn a_burst_is_one_piece_and_blocks_cut_it() {
        let mut outstanding = filled();
        assert_eq!(seen(&outstanding).len(), 3);
        let mut news = Vec::new();
        for (start, end) in [(5, 15), (12, 25), (0, 3), (38, 90)] {
            outstanding.sack(BASE + start, BASE + end, |delivered| news.push(delivered.len));
        }
        assert_eq!(news, [10, 5, 5, 3, 2]);
        assert_eq!((outstanding.sacked(), outstanding.pipe()), (25, 15));
        use Fate::{InFlight, Sacked};
        let expected = [
            (0, 3, Sacked),
            (3, 5, InFlight),
            (5, 25, Sacked),
            (25, 30, InFlight),
            (30, 38, InFlight),
            (38, 40, Sacked),
        ];
        assert_eq!(seen(&outstanding), expected);
    }

    /// An acknowledgement of every second segment lets two go at one instant: four bytes a segment.
    #[test]
    fn a_pair_of_segments_costs_eight_bytes() {
        assert_eq!(std::mem::size_of::<Piece>(), 8);
        let mut outstanding = Outstanding::default();
        outstanding.start(BASE);
        for segment in 1..=100_u64 {
            let end = BASE + 1_448 * segment as u32;
            outstanding.push(end, SimTime::from_micros(segment.div_ceil(2)));
        }
        assert_eq!(outstanding.pieces.len(), 50);
    }

    #[test]
    fn what_is_lost_is_sent_again_in_order() {
        let mut outstanding = filled();
        outstanding.sack(BASE + 20, BASE + 30, |_| {});
        assert_eq!(outstanding.mark_lost(|piece, _| piece.end.before(BASE + 35)), 20);
        assert_eq!(outstanding.pipe(), 10);
        assert_eq!(outstanding.first_lost(12), Some((BASE, 12)));
        outstanding.retransmit(BASE, BASE + 12, SimTime::from_micros(9));
        assert_eq!(outstanding.first_lost(12), Some((BASE + 12, 8)));
        assert_eq!((outstanding.pipe(), outstanding.lost()), (22, 8));
        let mut news = 0;
        outstanding.acknowledge(BASE + 33, |delivered| news += delivered.len);
        assert_eq!((news, outstanding.pipe(), outstanding.lost(), outstanding.sacked()), (23, 7, 0, 0));
        outstanding.acknowledge(BASE + 40, |_| {});
        assert!(outstanding.is_empty() && !outstanding.pieces.spilled());
    }

    #[test]
    fn instants_compare_across_the_wrap() {
        let wrap = SimTime::from_micros(1 << 30);
        let before = Instant30::of(SimTime::from_micros((1 << 30) - 5));
        assert_eq!(Instant30::of(wrap).since(before), 5);
        assert_eq!(before.since(Instant30::of(wrap)), -5);
    }
}

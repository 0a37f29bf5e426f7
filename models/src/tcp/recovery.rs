//! Recovery by selective acknowledgements: the scoreboard of RFC 6675, losses told by time as in RACK
//! (RFC 8985), a flight that shrinks in proportion (RFC 6937).

use sim_core::time::SimTime;

use super::congestion::Phase;
use super::connection::Connection;
use super::event::Event;
use super::options::SackBlock;
use super::outstanding::{Delivered, Fate, Instant30};
use super::segment::Segment;
use super::sequence::SequenceNumber;
use super::undo::{ForwardRto, Originals, Undo};

/// RFC 5681 §3.2, RFC 6675 §2: so many segments beyond it tell that one is lost.
const DUPLICATE_THRESHOLD: u32 = 3;

/// RFC 8985 §6.2, step 4: for so many recoveries the reordering window stays wide.
const WIDE_RECOVERIES: u8 = 16;

/// The widest reordering window in quarters of the round trip (Linux: `reo_wnd_steps` of eight bits).
const MAX_QUARTERS: u32 = 255;

/// A transmission that the peer confirmed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Confirmed {
    at: Instant30,
    end: SequenceNumber,
}

impl Confirmed {
    /// RFC 8985 §5.2, RACK_sent_after: by time, then by place.
    fn after(self, at: Instant30, end: SequenceNumber) -> bool {
        let span = self.at.since(at);
        span > 0 || (span == 0 && self.end.after(end))
    }
}

/// What a connection knows about losses; absent until the first sign of one.
#[derive(Clone, Debug, Default)]
pub(super) struct Recovery {
    /// RACK.xmit_ts and RACK.end_seq: of the confirmed segments the one sent last.
    newest: Option<Confirmed>,
    /// RACK.rtt, in microseconds.
    rtt_us: u32,
    /// RACK.reordering_seen.
    reordering: bool,
    /// RACK.reo_wnd_mult: quarters of the smallest round-trip time.
    reordering_quarters: u32,
    /// RACK.reo_wnd_persist: recoveries until the window is small again.
    reordering_persists: u8,
    /// RACK.dsack_round: the round trip that widened the window lasts until this is acknowledged.
    duplicate_round: Option<SequenceNumber>,
    /// One past the highest byte reported as arrived.
    highest_sacked: Option<SequenceNumber>,
    /// Acknowledgements that reported new arrivals since SND.UNA moved: at least so many segments.
    reports: u32,
    /// RFC 6937: RecoverFS, prr_delivered and prr_out, in bytes.
    flight_before: u32,
    delivered: u32,
    out: u32,
    /// TLP.end_seq (RFC 8985 §7.1), while a probe is unanswered, and whether it was sent before.
    pub(super) probe: Option<(SequenceNumber, bool)>,
    /// What is given back if this episode proves needless.
    pub(super) undo: Option<Undo>,
    /// One past the highest byte under way that was sent again.
    pub(super) again_end: Option<SequenceNumber>,
    /// Whether the last timeout is in doubt.
    pub(super) forward: ForwardRto,
}

/// What one acknowledgement tells.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// When the first and the last of the cumulatively acknowledged segments were sent.
    oldest: Option<Instant30>,
    latest: Option<Instant30>,
    /// The same of those reported in blocks.
    oldest_sacked: Option<Instant30>,
    latest_sacked: Option<Instant30>,
    /// Something sent twice was acknowledged: no sample (RFC 6298 (3)).
    ambiguous: bool,
    newest: Option<(Confirmed, bool)>,
    delivered: u32,
    pub(super) sacked: u32,
    reordered: bool,
    duplicate: bool,
    /// The duplicate reported: its end and its segments.
    pub(super) duplicate_end: Option<SequenceNumber>,
    pub(super) duplicates: u32,
    /// What was sent before a timeout in doubt, and once only, has arrived.
    pub(super) original: bool,
}

impl Tally {
    fn cumulative(&mut self, delivered: Delivered, highest_sacked: Option<SequenceNumber>) {
        self.delivered += delivered.len;
        match delivered.fate {
            Fate::InFlight => {
                self.oldest.get_or_insert(delivered.at);
                self.latest = Some(delivered.at);
                self.reordered |= highest_sacked.is_some_and(|highest| delivered.end.before(highest));
            }
            Fate::Retransmitted | Fate::Lost | Fate::Sacked => self.ambiguous = true,
        }
        self.confirm(delivered);
    }

    fn selective(&mut self, delivered: Delivered, highest_sacked: Option<SequenceNumber>) {
        self.delivered += delivered.len;
        self.sacked += delivered.len;
        if delivered.fate == Fate::InFlight {
            self.oldest_sacked.get_or_insert(delivered.at);
            self.latest_sacked = Some(delivered.at);
            self.reordered |= highest_sacked.is_some_and(|highest| delivered.end.before(highest));
        }
        self.confirm(delivered);
    }

    fn confirm(&mut self, delivered: Delivered) {
        let Delivered { at, end, .. } = delivered;
        if self.newest.is_none_or(|(newest, _)| !newest.after(at, end)) {
            self.newest = Some((Confirmed { at, end }, delivered.fate != Fate::InFlight));
        }
    }

    /// The spans since the first and the last confirmed segment were sent, in microseconds.
    fn samples(&self, now: Instant30) -> Option<(u32, u32)> {
        let cumulative = self.oldest.zip(self.latest).filter(|_| !self.ambiguous);
        let (oldest, latest) = cumulative.or(self.oldest_sacked.zip(self.latest_sacked))?;
        let span = |at: Instant30| now.since(at).max(0) as u32;
        Some((span(oldest), span(self.latest_sacked.unwrap_or(latest))))
    }
}

impl Connection {
    /// An acceptable acknowledgement on a connection with selective acknowledgements; `window` is what
    /// it offers, in bytes.
    pub(super) fn acknowledged_selectively(&mut self, now: SimTime, segment: &Segment, window: u32) {
        if self.acknowledged_plainly(now, segment, window) {
            return;
        }
        let ack = segment.ack;
        let acked = ack.since(self.send.una);
        let flight = self.outstanding.pipe();
        let same_window = !self.send.update_window(segment.seq, ack, window);
        let tally = self.tally(segment);
        let mut fin = false;
        if acked > 0 {
            let data = self.send.buffer.len().min(acked as usize);
            fin = acked as usize > data;
            self.send.acknowledge(ack, data);
        }
        self.take_samples(now, segment, &tally, acked, flight);
        let echo = self.echo(segment);
        if let Some(recovery) = &mut self.recovery {
            recovery.confirm(now, &tally, self.rtt.min_us(), echo);
            recovery.widen(&tally, self.send.una, self.send.max);
            if acked > 0 {
                recovery.reports = 0;
            } else {
                recovery.reports += u32::from(tally.sacked > 0);
            }
        }
        let nothing_new = acked == 0 && tally.sacked == 0 && same_window && segment.payload.is_empty();
        self.answer_to_probe(tally.duplicate, nothing_new);
        self.set_loss_timer(now, acked > 0);
        if self.recovery.is_none() || !self.take_back(&tally, acked, echo) {
            self.respond(now, &tally, acked, flight);
        }
        if acked > 0 && self.send.outstanding() == 0 && self.send.buffer.len() == 0 {
            self.events.insert(Event::Drained);
        }
        if fin {
            self.fin_acknowledged(now);
        }
    }

    /// Takes what `segment` says about single segments into the scoreboard.
    fn tally(&mut self, segment: &Segment) -> Tally {
        let mut tally = Tally::default();
        let highest = self.recovery.as_ref().and_then(|recovery| recovery.highest_sacked);
        let ack = segment.ack;
        let originals = self.originals();
        self.outstanding.acknowledge(ack, |delivered| {
            tally.original |= originals.is_some_and(|originals: Originals| originals.has(&delivered));
            tally.cumulative(delivered, highest);
        });
        let Some(blocks) = &segment.options.sack else { return tally };
        let blocks = blocks.as_slice();
        let inside = |outer: &SackBlock, inner: &SackBlock| {
            outer.start.at_or_before(inner.start) && outer.end.at_or_after(inner.end)
        };
        for (index, block) in blocks.iter().enumerate() {
            if !block.start.before(block.end) || block.end.after(self.send.max) {
                continue;
            }
            // RFC 2883 §4: the first block is a duplicate when it is acknowledged or part of the second.
            let duplicate = index == 0
                && (block.end.at_or_before(ack) || blocks.get(1).is_some_and(|next| inside(next, block)));
            if duplicate || block.start.before(ack) {
                if duplicate {
                    tally.duplicate = true;
                    if block.end.at_or_before(ack) {
                        let len = block.end.since(block.start);
                        tally.duplicate_end = Some(block.end);
                        tally.duplicates = len.div_ceil(u32::from(self.send.mss));
                    }
                }
                continue;
            }
            let recovery = self.recovery.get_or_insert_default();
            self.outstanding.sack(block.start, block.end, |delivered| {
                tally.original |= originals.is_some_and(|originals| originals.has(&delivered));
                tally.selective(delivered, highest);
            });
            let known = recovery.highest_sacked.get_or_insert(block.end);
            *known = known.latest(block.end);
        }
        tally
    }

    fn take_samples(&mut self, now: SimTime, segment: &Segment, tally: &Tally, acked: u32, flight: u32) {
        if let Some((first_us, last_us)) = tally.samples(Instant30::of(now)) {
            self.rtt.sample(first_us, &self.config);
            let mss = u32::from(self.send.mss);
            let ends = (self.send.una, self.send.max);
            self.congestion.sample(now, (last_us, self.rtt.min_us()), ends, flight, mss);
        } else if acked > 0
            && let Some(echo) = self.echo(segment)
        {
            self.rtt.echoed(now, echo, &self.config);
        }
    }

    /// Congestion control and the search for losses.
    fn respond(&mut self, now: SimTime, tally: &Tally, acked: u32, flight: u32) {
        let mss = u32::from(self.send.mss);
        let una = self.send.una;
        let after_timeout = self.congestion.phase() == Phase::LossRecovery;
        if self.congestion.completes(una) {
            self.congestion.complete(mss);
            if let Some(recovery) = &mut self.recovery {
                recovery.forward = ForwardRto::Settled;
                recovery.narrow();
            }
        }
        let again = self.detect_losses(now);
        match self.congestion.phase() {
            Phase::Open if self.outstanding.lost() > 0 => self.begin_recovery(tally),
            Phase::LossRecovery if again => self.begin_recovery(tally),
            Phase::Open | Phase::LossRecovery => {
                if acked > 0 {
                    // Linux `tcp_cong_control`: what was reported in blocks before does not count again.
                    self.congestion.grow(now, tally.delivered, flight, mss, after_timeout, &self.config);
                }
            }
            Phase::FastRecovery { .. } => self.reduce_in_proportion(tally, acked > 0),
        }
    }

    fn begin_recovery(&mut self, tally: &Tally) {
        let mss = u32::from(self.send.mss);
        let flight_before = self.congestion.cwnd;
        self.begin_episode();
        self.congestion.enter_recovery(self.send.outstanding(), self.send.max, mss);
        self.losses().fast_retransmits += 1;
        let recovery = self.recovery.get_or_insert_default();
        recovery.flight_before = flight_before.max(1);
        recovery.delivered = 0;
        recovery.out = 0;
        recovery.probe = None;
        recovery.forward = ForwardRto::Settled;
        self.reduce_in_proportion(tally, false);
    }

    /// RFC 6937 §3.1, with the slow start reduction bound; or RFC 6675 §5 (4.2), the window at once.
    fn reduce_in_proportion(&mut self, tally: &Tally, advanced: bool) {
        let (mss, ssthresh) = (u32::from(self.send.mss), self.congestion.ssthresh);
        let pipe = self.outstanding.pipe();
        let Some(recovery) = self.recovery.as_deref_mut() else { return };
        if !self.config.prr {
            self.congestion.cwnd = ssthresh.max(mss);
            return;
        }
        if tally.delivered == 0 && recovery.out > 0 {
            return;
        }
        recovery.delivered += tally.delivered;
        let mut send = if pipe > ssthresh {
            let share = u64::from(ssthresh) * u64::from(recovery.delivered);
            let due = share.div_ceil(u64::from(recovery.flight_before)) as u32;
            due.saturating_sub(recovery.out)
        } else {
            let conserved = recovery.delivered.saturating_sub(recovery.out).max(tally.delivered);
            (conserved + if advanced { mss } else { 0 }).min(ssthresh - pipe)
        };
        if recovery.out == 0 {
            // The first loss is repaired whatever the window.
            send = send.max(mss);
        }
        self.congestion.cwnd = pipe + send.next_multiple_of(mss);
        self.congestion.cwnd = self.congestion.cwnd.max(mss);
    }

    /// Bytes were sent in recovery (RFC 6937: prr_out).
    pub(super) fn count_recovery(&mut self, bytes: u32) {
        if let (Phase::FastRecovery { .. }, Some(recovery)) = (self.congestion.phase(), &mut self.recovery) {
            recovery.out += bytes;
        }
    }

    /// Looks for losses when no acknowledgement has come.
    pub(super) fn find_losses(&mut self, now: SimTime) {
        let again = self.detect_losses(now);
        match self.congestion.phase() {
            Phase::Open if self.outstanding.lost() > 0 => self.begin_recovery(&Tally::default()),
            Phase::LossRecovery if again => self.begin_recovery(&Tally::default()),
            Phase::Open | Phase::LossRecovery => {}
            Phase::FastRecovery { .. } => self.reduce_in_proportion(&Tally::default(), false),
        }
    }

    /// Marks what must be lost by now. Returns whether something sent twice is among it.
    pub(super) fn detect_losses(&mut self, now: SimTime) -> bool {
        let Some(recovery) = self.recovery.as_deref_mut() else { return false };
        if recovery.highest_sacked.is_some_and(|highest| highest.at_or_before(self.send.una)) {
            recovery.highest_sacked = None;
        }
        if self.outstanding.is_empty() {
            return false;
        }
        if self.config.rack {
            self.detect_by_time(now)
        } else {
            self.detect_by_count();
            false
        }
    }

    /// RFC 8985 §6.2, step 5.
    fn detect_by_time(&mut self, now: SimTime) -> bool {
        let mss = u32::from(self.send.mss);
        let Some(recovery) = self.recovery.as_deref() else { return false };
        let Some(newest) = recovery.newest else { return false };
        let open = self.congestion.is_open();
        let sacked = self.outstanding.sacked().div_ceil(mss).max(recovery.reports);
        let enough = sacked >= DUPLICATE_THRESHOLD && self.outstanding.sacked() > 0;
        // RFC 8985 §6.2, step 4: no window without a sign of reordering.
        let window_us = if !recovery.reordering && (!open || enough) {
            0
        } else {
            let quarters = recovery.reordering_quarters.max(1);
            (self.rtt.min_us() / 4).saturating_mul(quarters).min(self.rtt.srtt_us())
        };
        let (clock, patience) = (Instant30::of(now), recovery.rtt_us.saturating_add(window_us));
        let (mut again, mut wait_us) = (false, None::<u32>);
        self.outstanding.mark_lost(|piece, _| {
            if !newest.after(piece.at(), piece.end) {
                return false;
            }
            let age = clock.since(piece.at()).max(0) as u32;
            if age >= patience {
                again |= piece.fate() == Fate::Retransmitted;
                return true;
            }
            wait_us = Some(wait_us.unwrap_or(0).max(patience - age));
            false
        });
        if let Some(wait_us) = wait_us {
            self.arm_reordering(now, wait_us);
        }
        again
    }

    /// RFC 6675 §4, IsLost: more than two segments, or three runs, have arrived above it.
    fn detect_by_count(&mut self) {
        let mss = u32::from(self.send.mss);
        let sacked = self.outstanding.iter().filter(|(_, piece)| piece.fate() == Fate::Sacked);
        let (mut runs, mut bytes) = (sacked.count() as u32, self.outstanding.sacked());
        let mut last = None;
        for (begin, piece) in self.outstanding.iter() {
            if piece.fate() == Fate::Sacked {
                runs -= 1;
                bytes -= piece.end.since(begin);
            }
            let lost = runs >= DUPLICATE_THRESHOLD || bytes > (DUPLICATE_THRESHOLD - 1) * mss;
            if !lost {
                break;
            }
            last = Some(piece.end);
        }
        let Some(last) = last else { return };
        self.outstanding.mark_lost(|piece, _| piece.fate() == Fate::InFlight && piece.end.at_or_before(last));
    }

    /// The timeout of a connection with selective acknowledgements: everything is lost that is not known
    /// to have arrived (RFC 6675 §5.1).
    pub(super) fn lose_everything(&mut self, now: SimTime) {
        let recovery = self.recovery.get_or_insert_default();
        recovery.probe = None;
        recovery.reports = 0;
        if self.outstanding.first_fate() == Some(Fate::Sacked) {
            // RFC 2018 §8: a peer that dropped what it reported.
            self.outstanding.forget_sacks();
            recovery.highest_sacked = None;
        }
        let (una, clock) = (self.send.una, Instant30::of(now));
        let (rack, patience) = (self.config.rack, self.rtt.srtt_us());
        // RFC 8985 §6.3: what was sent a moment ago may still arrive.
        self.outstanding.mark_lost(|piece, begin| {
            begin == una || !rack || clock.since(piece.at()).max(0) as u32 >= patience
        });
        self.congestion.cwnd = self.outstanding.pipe() + u32::from(self.send.mss);
    }

    /// The next lost segment again, if the window lets it go.
    pub(super) fn transmit_lost(&mut self, now: SimTime) -> Option<Segment> {
        let mss = u32::from(self.send.mss);
        let (start, len) = self.outstanding.first_lost(mss)?;
        if self.sends_new_first() {
            return None;
        }
        if self.outstanding.pipe() + len > self.congestion.cwnd {
            return None;
        }
        self.count_recovery(len);
        Some(self.transmit_again(now, start, len))
    }

    /// `len` bytes from `start` once more, the FIN counted as one.
    pub(super) fn transmit_again(&mut self, now: SimTime, start: SequenceNumber, len: u32) -> Segment {
        let offset = start.since(self.send.una) as usize;
        let bytes = (len as usize).min(self.send.buffer.len() - offset);
        let fin = bytes < len as usize;
        let end = start + len;
        self.outstanding.retransmit(start, end, now);
        self.count_again(now, end);
        let payload = self.send.buffer.at(offset, bytes);
        let push = bytes > 0 && offset + bytes == self.send.buffer.len();
        let segment = self.segment_again(now, start, super::output::data_flags(push, fin), payload);
        if start == self.send.una {
            self.arm_retransmission(now);
        }
        segment
    }
}

impl Recovery {
    /// RFC 8985 §6.2, step 4: what was sent twice for nothing asks to bear more reordering, by a quarter
    /// of the round trip once in a round trip.
    fn widen(&mut self, tally: &Tally, una: SequenceNumber, max: SequenceNumber) {
        if self.duplicate_round.is_some_and(|round| una.at_or_after(round)) {
            self.duplicate_round = None;
        }
        if tally.duplicate && self.duplicate_round.is_none() {
            self.duplicate_round = Some(max);
            self.reordering_quarters = (self.reordering_quarters.max(1) + 1).min(MAX_QUARTERS);
            self.reordering_persists = WIDE_RECOVERIES;
        }
    }

    /// A recovery is over.
    fn narrow(&mut self) {
        self.reordering_persists = self.reordering_persists.saturating_sub(1);
        if self.reordering_persists == 0 {
            self.reordering_quarters = 1;
        }
    }

    /// RFC 8985 §6.2, steps 1 to 4.
    fn confirm(&mut self, now: SimTime, tally: &Tally, min_rtt_us: u32, echo: Option<u32>) {
        self.reordering |= tally.reordered;
        let Some((confirmed, again)) = tally.newest else { return };
        let rtt_us = Instant30::of(now).since(confirmed.at).max(0) as u32;
        // RFC 8985 §6.2, step 2: the peer answers what was sent before the second transmission.
        if again && echo.is_some_and(|echo| confirmed.at.is_ticks_after(echo)) {
            return;
        }
        // Too soon for the second transmission: the first has arrived. (The same step; an eighth
        // less, because instants are made to differ.)
        if again && rtt_us < min_rtt_us - min_rtt_us / 8 {
            return;
        }
        self.rtt_us = rtt_us;
        if self.newest.is_none_or(|newest| !newest.after(confirmed.at, confirmed.end)) {
            self.newest = Some(confirmed);
        }
    }
}

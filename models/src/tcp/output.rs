//! Segments to send.

use sim_core::time::SimTime;

use super::connection::{Connection, State};
use super::options::{Options, SackBlocks, Timestamps};
use super::rtt::{span_ticks, ticks};
use super::segment::{Flags, Purpose, Segment, SegmentPayload};
use super::sequence::SequenceNumber;
use super::timers::Timer;

/// What the next segment carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Cut {
    bytes: usize,
    fin: bool,
}

impl Connection {
    /// The next segment to send, until there is none.
    #[inline]
    pub fn poll_transmit(&mut self, now: SimTime) -> Option<Segment> {
        if self.has_nothing_to_send() {
            return None;
        }
        self.transmit(now)
    }

    /// Most calls ask in vain, which a look at a few fields tells; false does not promise a segment.
    #[inline]
    fn has_nothing_to_send(&self) -> bool {
        self.state == State::Established
            && self.send.unsent() == 0
            && self.outstanding.lost() == 0
            && self.pending.is_nothing()
    }

    #[inline(never)]
    fn transmit(&mut self, now: SimTime) -> Option<Segment> {
        match self.state {
            State::Established
            | State::FinWait1
            | State::FinWait2
            | State::CloseWait
            | State::Closing
            | State::LastAck
            | State::TimeWait => {
                if self.pending.is_urgent() || self.outstanding.lost() > 0 {
                    let urgent = self.transmit_urgent(now);
                    if urgent.is_some() {
                        return urgent;
                    }
                }
                if let Some((cut, unsent)) = self.next_new(now) {
                    return Some(self.transmit_cut(now, cut, unsent));
                }
                if self.pending.acknowledgement {
                    return Some(self.transmit_acknowledgement(now));
                }
                if self.pending.probe { self.transmit_probe(now) } else { None }
            }
            State::Closed | State::Listen | State::SynSent | State::SynReceived => {
                self.transmit_outside_of_transfer(now)
            }
        }
    }

    /// Where no data flows yet, or any more.
    #[cold]
    #[inline(never)]
    fn transmit_outside_of_transfer(&mut self, now: SimTime) -> Option<Segment> {
        if self.pending.reset {
            return Some(self.transmit_reset());
        }
        match self.state {
            State::Closed => self.transmit_abort(now),
            State::SynSent => self.transmit_syn(now),
            State::SynReceived => self
                .transmit_syn(now)
                .or_else(|| self.pending.acknowledgement.then(|| self.transmit_acknowledgement(now))),
            State::Listen
            | State::Established
            | State::FinWait1
            | State::FinWait2
            | State::CloseWait
            | State::Closing
            | State::LastAck
            | State::TimeWait => None,
        }
    }

    /// What goes before new data.
    #[cold]
    #[inline(never)]
    fn transmit_urgent(&mut self, now: SimTime) -> Option<Segment> {
        if self.pending.reset {
            return Some(self.transmit_reset());
        }
        self.transmit_first_again(now)
            .or_else(|| self.transmit_lost(now))
            .or_else(|| self.transmit_loss_probe(now))
    }

    fn transmit_reset(&mut self) -> Segment {
        self.pending.reset = false;
        let seq = self.pending.reset_seq;
        Segment { seq, flags: Flags::RST, purpose: Purpose::Close, ..Segment::default() }
    }

    /// The first unacknowledged segment, whatever the windows say.
    fn transmit_first_again(&mut self, now: SimTime) -> Option<Segment> {
        if !self.pending.retransmit {
            return None;
        }
        self.pending.retransmit = false;
        let outstanding = self.send.outstanding() as usize;
        if outstanding == 0 {
            return None;
        }
        let written = self.send.buffer.len();
        let bytes = written.min(usize::from(self.send.mss)).min(outstanding);
        let fin = bytes == written && outstanding > bytes;
        let end = self.send.una + bytes as u32 + u32::from(fin);
        let payload = if self.send.nxt.before(end) {
            self.send.buffer.rewind();
            self.send.nxt = end;
            self.send.buffer.take(bytes)
        } else {
            self.send.buffer.first(bytes)
        };
        self.rtt.retransmitted();
        let flags = data_flags(bytes > 0 && bytes == written, fin);
        let segment = self.segment_again(now, self.send.una, flags, payload);
        self.ensure_retransmission_timer(now);
        Some(segment)
    }

    /// A segment some of which was sent before.
    pub(super) fn segment_again(
        &mut self,
        now: SimTime,
        seq: SequenceNumber,
        flags: Flags,
        payload: SegmentPayload,
    ) -> Segment {
        self.losses().segments_retransmitted += 1;
        let mut segment = self.segment(now, seq, payload);
        segment.flags = flags;
        segment.retransmission = true;
        segment.purpose = if flags.contains(Flags::FIN) { Purpose::Close } else { Purpose::Transfer };
        segment
    }

    /// What the next segment at SND.NXT carries, and what is unsent with it, if the windows and Nagle's
    /// algorithm let it go.
    fn next_new(&mut self, now: SimTime) -> Option<(Cut, usize)> {
        let (unsent, fin_due) = (self.send.unsent(), self.fin_due());
        if unsent == 0 && !fin_due {
            return None;
        }
        self.restart_after_idle(now);
        let Some(cut) = self.next_cut(unsent, fin_due) else {
            let resting = matches!(self.timers.main(), Timer::Idle | Timer::KeepAlive);
            if self.send.outstanding() == 0 && resting {
                self.arm_persist(now);
            }
            return None;
        };
        Some((cut, unsent))
    }

    fn transmit_cut(&mut self, now: SimTime, cut: Cut, unsent: usize) -> Segment {
        if self.send.outstanding() == 0 {
            self.congestion.idle(now, ticks(now).wrapping_sub(self.send.last_data_ticks));
        }
        self.pending.probe = false;
        let seq = self.send.nxt;
        let payload = self.send.buffer.take(cut.bytes);
        let end = seq + cut.bytes as u32 + u32::from(cut.fin);
        let mut timed = false;
        let retransmission = seq.before(self.send.max);
        self.send.nxt = end;
        self.send.max = self.send.max.latest(end);
        if self.sack {
            let joined = self.outstanding.push(end, now);
            // The deadline of a burst is that of its second segment.
            timed = joined
                && self.timers.main() == Timer::LossProbe
                && self.send.outstanding() > 2 * u32::from(self.send.mss);
            self.count_recovery(end.since(seq));
        } else if retransmission {
            self.rtt.retransmitted();
        } else {
            self.rtt.sent(now, end);
        }
        if cut.bytes > 0 {
            self.data_sent(now, cut, seq);
        }
        if !timed && self.sack {
            self.ensure_loss_timer(now);
        } else if !timed {
            self.ensure_retransmission_timer(now);
        }
        // RFC 9293 §3.9.1.2: push where the queue runs empty.
        let flags = data_flags(cut.bytes > 0 && cut.bytes == unsent, cut.fin);
        if retransmission {
            return self.segment_again(now, seq, flags, payload);
        }
        let mut segment = self.segment(now, seq, payload);
        segment.flags = flags;
        segment.purpose = if cut.fin { Purpose::Close } else { Purpose::Transfer };
        segment
    }

    /// The next new segment although the congestion window is full, if there is one and the peer's window
    /// has room for it.
    pub(super) fn transmit_beyond_window(&mut self, now: SimTime) -> Option<Segment> {
        let (unsent, fin_due) = (self.send.unsent(), self.fin_due());
        let bytes = unsent.min(usize::from(self.send.mss));
        let window = self.send.wnd.min(self.config.send_buffer).saturating_sub(self.send.flight()) as usize;
        let fin = fin_due && bytes == unsent && window > bytes;
        if (bytes == 0 && !fin) || bytes > window {
            return None;
        }
        Some(self.transmit_cut(now, Cut { bytes, fin }, unsent))
    }

    /// Whether a new segment may go now.
    pub(super) fn can_send_new(&self) -> bool {
        let (unsent, fin_due) = (self.send.unsent(), self.fin_due());
        (unsent > 0 || fin_due) && self.next_cut(unsent, fin_due).is_some()
    }

    /// What arrived beyond a gap, as far as there is room beside `payload_len` bytes (RFC 2018 §3).
    #[cold]
    #[inline(never)]
    fn report_gaps(&mut self, payload_len: usize, due: bool) -> Option<Box<SackBlocks>> {
        let room = (usize::from(self.send.mss) - payload_len) / 8;
        let most = if self.timestamps { 3 } else { 4 };
        let blocks = self.receive.sack_blocks(most.min(room.saturating_sub(1)));
        // A full segment has no room: what is due is said without data.
        self.pending.acknowledgement = due && blocks.is_none() && payload_len > 0;
        blocks
    }

    /// How much goes into the next segment; `None` when it has to wait.
    fn next_cut(&self, unsent: usize, fin_due: bool) -> Option<Cut> {
        let send = &self.send;
        let (mss, flight) = (u32::from(send.mss), send.flight());
        let window = send.wnd.min(self.config.send_buffer).saturating_sub(flight);
        if unsent == 0 {
            // A FIN takes a place in the window (RFC 9293 §3.4).
            return (fin_due && window > 0).then_some(Cut { bytes: 0, fin: true });
        }
        let bytes = u32::try_from(unsent).unwrap_or(u32::MAX).min(mss);
        let congestion_window = if self.sack {
            self.congestion.cwnd.saturating_sub(self.outstanding.pipe())
        } else {
            let limited_transmit = self.congestion.limited_transmit(mss);
            self.congestion.cwnd.saturating_add(limited_transmit).saturating_sub(flight)
        };
        if bytes > congestion_window || (self.config.one_at_a_time && send.outstanding() > 0) {
            return None;
        }
        if bytes > window {
            // RFC 9293 §3.8.6.2.1 (3) and (4): avoid the silly window.
            let worthwhile = self.pending.probe || window >= send.max_wnd / 2;
            let alone = send.outstanding() == 0;
            return (alone && worthwhile && window > 0).then_some(Cut { bytes: window as usize, fin: false });
        }
        let new = !send.nxt.before(send.max);
        if bytes < mss && self.config.nagle && !fin_due && new && send.small_outstanding() {
            return None;
        }
        let fin = fin_due && bytes as usize == unsent && window > bytes;
        Some(Cut { bytes: bytes as usize, fin })
    }

    fn data_sent(&mut self, now: SimTime, cut: Cut, seq: SequenceNumber) {
        let tick = ticks(now);
        self.send.last_data_ticks = tick;
        if cut.bytes < usize::from(self.send.mss) {
            self.send.small_end = seq + cut.bytes as u32;
        }
        // Linux `tcp_event_data_sent`: an answer soon after data makes the connection interactive.
        if let Some(last) = self.receive.last_data_ticks {
            self.receive.interactive |= tick.wrapping_sub(last) < span_ticks(self.config.delayed_ack);
        }
    }

    /// RFC 5681 §4.1: after an idle retransmission timeout the window is no longer trusted.
    fn restart_after_idle(&mut self, now: SimTime) {
        if !self.config.restart_after_idle || self.send.outstanding() > 0 {
            return;
        }
        let idle = ticks(now).wrapping_sub(self.send.last_data_ticks);
        if idle > self.rtt.rto_ticks() {
            let initial = self.config.initial_window_segments.saturating_mul(u32::from(self.send.mss));
            self.congestion.restart(initial.max(u32::from(self.send.mss)));
        }
    }

    fn transmit_acknowledgement(&mut self, now: SimTime) -> Segment {
        let handshake = self.pending.handshake;
        let mut segment = self.segment(now, self.send.max, SegmentPayload::new());
        segment.purpose = match self.state {
            State::Established | State::FinWait1 | State::FinWait2 if handshake => Purpose::Connect,
            State::SynSent | State::SynReceived => Purpose::Connect,
            State::Closed | State::Listen | State::Established | State::FinWait1 | State::FinWait2 => {
                Purpose::Transfer
            }
            State::CloseWait | State::Closing | State::LastAck | State::TimeWait => Purpose::Close,
        };
        segment
    }

    /// As Linux (`tcp_xmit_probe_skb`): a segment without data from before the window, which the peer
    /// must answer. RFC 9293 §3.8.6.1 would send a byte of data instead.
    #[cold]
    #[inline(never)]
    fn transmit_probe(&mut self, now: SimTime) -> Option<Segment> {
        self.pending.probe = false;
        matches!(self.timers.main(), Timer::Persist | Timer::KeepAlive)
            .then(|| self.segment(now, self.send.una - 1, SegmentPayload::new()))
    }

    fn transmit_abort(&mut self, now: SimTime) -> Option<Segment> {
        if !self.pending.abort {
            return None;
        }
        let mut segment = self.segment(now, self.send.max, SegmentPayload::new());
        self.pending.abort = false;
        segment.flags = Flags::RST | Flags::ACK;
        segment.purpose = Purpose::Close;
        Some(segment)
    }

    /// A segment with the header that all of them share after the handshake. It acknowledges all that
    /// arrived, and reports what arrived beyond a gap.
    pub(super) fn segment(&mut self, now: SimTime, seq: SequenceNumber, payload: SegmentPayload) -> Segment {
        let due = self.pending.acknowledgement;
        if due || self.receive.acknowledged != self.receive.nxt {
            self.receive.acknowledged = self.receive.nxt;
            self.receive.quick_acks = self.receive.quick_acks.saturating_sub(1);
        }
        self.receive.small_segments = 0;
        self.pending.acknowledgement = false;
        self.pending.handshake = false;
        self.timers.stop_delayed_ack();
        let timestamps =
            self.timestamps.then(|| Timestamps { value: ticks(now), echo_reply: self.receive.ts_recent });
        let reports = self.sack && (self.receive.has_gap() || self.receive.has_duplicate());
        let sack = if reports { self.report_gaps(payload.len(), due) } else { None };
        Segment {
            seq,
            ack: self.receive.nxt,
            flags: Flags::ACK,
            window: self.receive.window(self.send.mss),
            retransmission: false,
            purpose: Purpose::Transfer,
            payload,
            options: Options { timestamps, sack, ..Options::default() },
        }
    }

    /// Whether the FIN is the next thing to send once the data is out.
    fn fin_due(&self) -> bool {
        match self.state {
            State::FinWait1 | State::Closing | State::LastAck => !self.send.fin_sent(),
            State::Closed
            | State::Listen
            | State::SynSent
            | State::SynReceived
            | State::Established
            | State::FinWait2
            | State::CloseWait
            | State::TimeWait => false,
        }
    }

    /// RFC 6298 (5.1)
    fn ensure_retransmission_timer(&mut self, now: SimTime) {
        if self.timers.main() != Timer::Retransmission {
            self.arm_retransmission(now);
        }
    }
}

pub(super) fn data_flags(push: bool, fin: bool) -> Flags {
    let push = if push { Flags::PSH } else { Flags::NONE };
    let fin = if fin { Flags::FIN } else { Flags::NONE };
    Flags::ACK | push | fin
}

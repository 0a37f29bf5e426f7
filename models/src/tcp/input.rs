//! Segments that arrive (RFC 9293 §3.10.7).

use sim_core::time::SimTime;

use super::connection::{Connection, State};
use super::event::Event;
use super::rtt::{expiry_on_tick, ticks};
use super::segment::{Flags, Segment, SegmentPayload};
use super::sequence::SequenceNumber;
use super::timers::Timer;

/// RFC 7323 §5.5: a TS.Recent older than 24 days is not to be believed; in ticks.
const TS_RECENT_LIFETIME: u32 = 24 * 24 * 3600 * 1000;

impl Connection {
    /// Takes a segment from the peer, whatever it contains.
    ///
    /// In CLOSED it is ignored: what to answer to it ([`reset_for`](super::reset_for)) is the host's
    /// matter, as is a new SYN for a connection in TIME-WAIT (RFC 9293 §3.10.7.4).
    #[inline]
    pub fn handle_segment(&mut self, now: SimTime, mut segment: Segment) {
        self.take_segment(now, &mut segment);
    }

    /// As [`handle_segment`](Self::handle_segment), of a segment that lies elsewhere: what is left of it is of
    /// no use.
    pub fn take_segment(&mut self, now: SimTime, segment: &mut Segment) {
        if self.config.keep_alive.is_some() {
            self.heard_ticks = ticks(now);
        }
        match self.state {
            State::Closed => {}
            State::Listen => self.segment_in_listen(now, segment),
            State::SynSent => self.segment_in_syn_sent(now, segment),
            State::SynReceived
            | State::Established
            | State::FinWait1
            | State::FinWait2
            | State::CloseWait
            | State::Closing
            | State::LastAck
            | State::TimeWait => self.segment_in_synchronized(now, segment),
        }
    }

    fn segment_in_synchronized(&mut self, now: SimTime, segment: &mut Segment) {
        if self.state == State::SynReceived && self.repeated_syn(segment) {
            return;
        }
        // First, the timestamp (RFC 7323 §5.3) and the sequence number.
        if self.timestamps && !self.timestamp_acceptable(now, segment) {
            return;
        }
        let reset = segment.flags.contains(Flags::RST);
        if !self.receive.is_acceptable(segment) {
            if !reset {
                self.pending.acknowledgement = true;
                if self.sack {
                    self.receive.note_duplicate(segment.seq, segment.payload.len() as u32);
                }
                if self.state == State::TimeWait && segment.flags.contains(Flags::FIN) {
                    self.enter_time_wait(now);
                }
            }
            return;
        }
        // Second, the reset.
        if reset {
            self.reset_arrived(segment.seq);
            return;
        }
        // Fourth, the SYN: RFC 5961 §4.2, a challenge instead of a reset.
        if segment.flags.contains(Flags::SYN) {
            self.pending.acknowledgement = true;
            return;
        }
        // Fifth, the acknowledgement.
        if !segment.flags.contains(Flags::ACK) {
            return;
        }
        self.remember_timestamp(now, segment);
        if !self.acknowledgement_arrived(now, segment) {
            return;
        }
        // Seventh and eighth, the text and the FIN.
        let fin = segment.flags.contains(Flags::FIN);
        if fin || !segment.payload.is_empty() {
            self.time_receiver(now, segment);
            self.text_arrived(now, segment.seq, &mut segment.payload, fin);
        }
    }

    /// PAWS (RFC 7323 §5.3): an old duplicate has an old timestamp.
    fn timestamp_acceptable(&mut self, now: SimTime, segment: &Segment) -> bool {
        if segment.flags.contains(Flags::RST) {
            return true;
        }
        // RFC 7323 §3.2: once agreed on, a segment without the option is dropped in silence.
        let Some(timestamps) = segment.options.timestamps else { return false };
        let old = (timestamps.value.wrapping_sub(self.receive.ts_recent) as i32) < 0;
        if old && ticks(now).wrapping_sub(self.receive.ts_recent_at) <= TS_RECENT_LIFETIME {
            // R1 asks for an answer. But on a path that duplicates and reorders, each end may take the other's answers
            // for old duplicates, and they would answer each other for ever: what says nothing new is dropped in
            // silence (Linux `tcp_disordered_ack`).
            let empty = segment.payload.is_empty() && !segment.flags.contains(Flags::FIN);
            let known = segment.seq == self.receive.nxt && segment.ack == self.send.una;
            self.pending.acknowledgement |= !(empty && known);
            return false;
        }
        true
    }

    /// RFC 7323 §4.3 (2): the timestamp to echo is that of the segment which fills the left edge.
    fn remember_timestamp(&mut self, now: SimTime, segment: &Segment) {
        if self.timestamps
            && let Some(timestamps) = segment.options.timestamps
            && segment.seq.at_or_before(self.receive.acknowledged)
        {
            self.receive.ts_recent = timestamps.value;
            self.receive.ts_recent_at = ticks(now);
        }
    }

    pub(super) fn echo(&self, segment: &Segment) -> Option<u32> {
        segment.options.timestamps.filter(|_| self.timestamps).map(|timestamps| timestamps.echo_reply)
    }

    #[cold]
    #[inline(never)]
    fn reset_arrived(&mut self, seq: SequenceNumber) {
        // RFC 5961 §3.2: only the exact sequence number resets, any other in the window is challenged.
        if seq != self.receive.nxt {
            self.pending.acknowledgement = true;
            return;
        }
        match self.state {
            State::SynReceived if !self.passive => self.end(Event::Refused),
            State::Closing | State::LastAck | State::TimeWait => self.end(Event::Closed),
            State::Closed
            | State::Listen
            | State::SynSent
            | State::SynReceived
            | State::Established
            | State::FinWait1
            | State::FinWait2
            | State::CloseWait => self.end(Event::Reset),
        }
    }

    /// Returns whether the rest of the segment is to be looked at.
    fn acknowledgement_arrived(&mut self, now: SimTime, segment: &Segment) -> bool {
        let ack = segment.ack;
        if self.state == State::SynReceived {
            if self.send.max == self.send.una || ack != self.send.max {
                self.answer_with_reset(ack);
                return false;
            }
            self.establish(now, segment);
            return true;
        }
        // RFC 5961 §5.2
        if ack.after(self.send.max) || ack.before(self.send.una - self.send.max_wnd) {
            self.pending.acknowledgement = true;
            return false;
        }
        let window = u32::from(segment.window) << self.peer_shift;
        if window == 0 || matches!(self.timers.main(), Timer::Persist | Timer::KeepAlive) {
            // RFC 1122 §4.2.2.17: a peer that answers may keep its window closed for ever.
            self.send.retries = 0;
        }
        if self.sack {
            if ack.at_or_after(self.send.una) {
                self.acknowledged_selectively(now, segment, window);
            }
        } else if ack.after(self.send.una) {
            self.send.update_window(segment.seq, ack, window);
            self.new_acknowledgement(now, segment);
        } else if ack == self.send.una {
            // RFC 5681 §2, the definition of a duplicate acknowledgement.
            let duplicate =
                self.send.outstanding() > 0 && segment.sequence_len() == 0 && window == self.send.wnd;
            self.send.update_window(segment.seq, ack, window);
            let mss = u32::from(self.send.mss);
            if duplicate && self.congestion.duplicate(self.send.una, self.send.max, mss) {
                self.losses().fast_retransmits += 1;
                self.pending.retransmit = true;
            }
        }
        self.state != State::Closed
    }

    /// SEG.ACK lies in (SND.UNA, SND.MAX].
    fn new_acknowledgement(&mut self, now: SimTime, segment: &Segment) {
        let (outstanding, acked) = (self.send.outstanding(), segment.ack.since(self.send.una));
        let data = self.send.buffer.len().min(acked as usize);
        let fin = acked as usize > data;
        self.send.acknowledge(segment.ack, data);
        self.rtt.acknowledged(now, segment.ack, self.echo(segment), &self.config);
        let mss = u32::from(self.send.mss);
        let advance = self.congestion.advance(now, self.send.una, acked, outstanding, mss, &self.config);
        self.pending.retransmit = advance.retransmit;
        if self.congestion.is_open() {
            // Nothing in flight was sent twice.
            self.rtt.unambiguous();
        }
        if acked == outstanding {
            // RFC 6298 (5.2)
            self.rest(now);
            if self.send.buffer.len() == 0 {
                self.events.insert(Event::Drained);
            }
        } else if advance.restart_timer {
            // RFC 6298 (5.3)
            self.arm_retransmission(now);
        }
        if fin {
            self.fin_acknowledged(now);
        }
    }

    pub(super) fn fin_acknowledged(&mut self, now: SimTime) {
        match self.state {
            State::FinWait1 => {
                self.state = State::FinWait2;
                self.restart_fin_wait_2(now);
            }
            State::Closing => self.enter_time_wait(now),
            State::LastAck => self.end(Event::Closed),
            State::Closed
            | State::Listen
            | State::SynSent
            | State::SynReceived
            | State::Established
            | State::FinWait2
            | State::CloseWait
            | State::TimeWait => unreachable!("a FIN is sent in FIN-WAIT-1, CLOSING and LAST-ACK only"),
        }
    }

    /// A peer that still sends is not given up.
    fn restart_fin_wait_2(&mut self, now: SimTime) {
        if self.state == State::FinWait2
            && let Some(wait) = self.config.fin_wait_2_timeout
        {
            self.timers.set(Timer::FinWait2, now + wait);
        }
    }

    fn text_arrived(&mut self, now: SimTime, seq: SequenceNumber, payload: &mut SegmentPayload, fin: bool) {
        match self.state {
            State::Established | State::FinWait1 | State::FinWait2 => {}
            // After the peer's FIN there is no more text (RFC 9293 §3.10.7.4).
            State::Closed
            | State::Listen
            | State::SynSent
            | State::SynReceived
            | State::CloseWait
            | State::Closing
            | State::LastAck
            | State::TimeWait => return,
        }
        self.restart_fin_wait_2(now);
        let (bytes, unread) = (payload.len(), self.receive.unread());
        let arrival = self.receive.arrive(seq, payload, fin);
        if arrival.readable {
            self.events.insert(Event::Readable);
        }
        if self.receive.is_tuned() {
            let max = self.config.max_receive_window;
            self.receive.tune(now, arrival, (bytes, unread), (self.send.mss, self.sack), max);
        } else if arrival.readable {
            let max = match self.config.receive_buffer {
                Some(buffer) if self.timestamps => buffer,
                None if self.timestamps => self.config.max_receive_window,
                Some(_) | None => self.config.max_receive_window_without_timestamps,
            };
            self.receive.grow(bytes, self.send.mss, max);
        }
        let waits_for_our_fin = self.config.delayed_fin_ack && self.state == State::Established;
        if arrival.fin {
            self.fin_arrived(now);
            self.receive.interactive |= waits_for_our_fin;
        }
        self.schedule_acknowledgement(now, bytes, arrival.at_once || (arrival.fin && !waits_for_our_fin));
    }

    /// A full segment tells the receiver a round-trip time, as far as its buffer is tuned.
    fn time_receiver(&mut self, now: SimTime, segment: &Segment) {
        if let Some(buffer) = self.config.receive_buffer
            && let Some(echo) = self.echo(segment)
            && segment.payload.len() >= usize::from(self.send.mss)
        {
            self.receive.time(now, echo, self.send.mss, buffer);
        }
    }

    #[cold]
    #[inline(never)]
    fn fin_arrived(&mut self, now: SimTime) {
        self.receive.take_fin();
        self.events.insert(Event::PeerClosed);
        match self.state {
            State::Established => self.state = State::CloseWait,
            State::FinWait1 => self.state = State::Closing,
            State::FinWait2 => self.enter_time_wait(now),
            State::Closed
            | State::Listen
            | State::SynSent
            | State::SynReceived
            | State::CloseWait
            | State::Closing
            | State::LastAck
            | State::TimeWait => unreachable!("text is taken in ESTABLISHED and FIN-WAIT only"),
        }
    }

    /// Decides between an acknowledgement now and a delayed one.
    fn schedule_acknowledgement(&mut self, now: SimTime, bytes: usize, at_once: bool) {
        if bytes > 0 {
            let tick = ticks(now);
            let idle = self.receive.last_data_ticks.map_or(0, |last| tick.wrapping_sub(last));
            // Linux `tcp_event_data_recv`: a sender that pauses for longer than the RTO starts over.
            if idle > self.rtt.rto_ticks() {
                self.receive.quick_acks = self.config.quickack_segments;
            }
            self.receive.last_data_ticks = Some(tick);
            if bytes < usize::from(self.send.mss) {
                self.receive.small_segments = self.receive.small_segments.saturating_add(1);
            }
        }
        let unacknowledged = self.receive.nxt.since(self.receive.acknowledged);
        // RFC 1122 §4.2.3.2: at least every second full-sized segment.
        let bearable = u32::from(self.config.delayed_ack_segments.max(1) - 1) * u32::from(self.send.mss);
        let quick = self.receive.quick_acks > 0 && !self.receive.interactive;
        if at_once && !quick && unacknowledged <= bearable && self.wait_with_sack(now) {
            return;
        }
        if at_once || quick || (unacknowledged > bearable && self.receive.keeps_its_window()) {
            self.pending.acknowledgement = true;
        } else if unacknowledged > 0 {
            // Linux `tcp_cleanup_rbuf`: a second full segment that waits is acknowledged when it is read.
            match self.receive.reader_wakes_at().filter(|_| unacknowledged > bearable) {
                Some(at) => self.timers.start_delayed_ack(at),
                None => self.start_delayed_ack(now),
            }
        }
    }

    pub(super) fn start_delayed_ack(&mut self, now: SimTime) {
        let at = expiry_on_tick(self.config.rto_rule, now, self.config.delayed_ack);
        self.timers.start_delayed_ack(at);
    }

    /// Lets a selective acknowledgement wait for more to report (Linux `__tcp_ack_snd_check`). Returns
    /// whether it does.
    fn wait_with_sack(&mut self, now: SimTime) -> bool {
        let Some(longest) = self.config.sack_delay.filter(|_| self.sack) else { return false };
        if !self.receive.has_gap() || self.receive.has_duplicate() || !self.receive.sack_may_wait() {
            return false;
        }
        if self.timers.delayed_ack_waits() && self.receive.sack_is_crowded() {
            return false;
        }
        let twentieth = self.rtt.srtt().map_or(longest, |srtt| srtt / 20);
        self.timers.start_delayed_ack(now + longest.min(twentieth));
        true
    }
}

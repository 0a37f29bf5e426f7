//! The three-way handshake (RFC 9293 §3.5) and what it settles: segment size, scale, timestamps.

use std::time::Duration;

use sim_core::time::SimTime;

use super::connection::{Connection, State};
use super::event::Event;
use super::options::{Options, Timestamps};
use super::rtt::ticks;
use super::segment::{Flags, Purpose, Segment};

/// The segment size to assume where the SYN told none (RFC 9293 §3.7.1).
const DEFAULT_MSS: u16 = 536;
/// The smallest segment size to believe, as Linux (`TCP_MIN_SND_MSS`).
const MIN_MSS: u16 = 48;
/// The bytes of the Timestamps option in every segment, padded.
const TIMESTAMPS_LEN: u16 = 12;
/// The timeout for data after a lost SYN (RFC 6298 (5.7)).
const CAUTIOUS_RTO: Duration = Duration::from_secs(3);
/// The largest window scale (RFC 7323 §2.3).
const MAX_SHIFT: u8 = 14;

impl Connection {
    /// RFC 9293 §3.10.7.2: LISTEN.
    #[cold]
    #[inline(never)]
    pub(super) fn segment_in_listen(&mut self, now: SimTime, segment: &Segment) {
        if segment.flags.contains(Flags::RST) {
            return;
        }
        if segment.flags.contains(Flags::ACK) {
            self.answer_with_reset(segment.ack);
            return;
        }
        if segment.flags.contains(Flags::SYN) {
            self.take_syn(now, segment);
            self.receive.set_segment_size(&self.config, self.send.mss);
            self.receive.synchronize(segment.seq);
            self.state = State::SynReceived;
            self.pending.syn = true;
        }
    }

    /// RFC 9293 §3.10.7.3: SYN-SENT.
    #[cold]
    #[inline(never)]
    pub(super) fn segment_in_syn_sent(&mut self, now: SimTime, segment: &Segment) {
        let acknowledges = segment.flags.contains(Flags::ACK);
        let sent = self.send.max.after(self.send.una);
        if acknowledges && (!sent || segment.ack != self.send.max) {
            if !segment.flags.contains(Flags::RST) {
                self.answer_with_reset(segment.ack);
            }
            return;
        }
        if segment.flags.contains(Flags::RST) {
            if acknowledges {
                self.end(Event::Refused);
            }
            return;
        }
        if !segment.flags.contains(Flags::SYN) {
            return;
        }
        self.take_syn(now, segment);
        self.receive.synchronize(segment.seq);
        if acknowledges {
            self.establish(now, segment);
            self.pending.acknowledgement = true;
            self.pending.handshake = true;
        } else {
            // Simultaneous open (RFC 9293 §3.5, figure 7).
            self.state = State::SynReceived;
            self.pending.syn = true;
        }
    }

    /// A SYN that arrives again in SYN-RECEIVED. Returns whether the segment is dealt with.
    #[cold]
    #[inline(never)]
    pub(super) fn repeated_syn(&mut self, segment: &mut Segment) -> bool {
        let again = segment.flags.contains(Flags::SYN) && segment.seq + 1 == self.receive.nxt;
        if !again || segment.flags.contains(Flags::RST) {
            return false;
        }
        if segment.flags.contains(Flags::ACK) {
            // The SYN-ACK of a simultaneous open: the SYN in it is known, the rest is an acknowledgement.
            segment.flags = segment.flags.without(Flags::SYN);
            segment.seq += 1;
            // Its window is not scaled, that of the acknowledgement it becomes is.
            segment.window >>= self.peer_shift;
            return false;
        }
        self.pending.syn = true;
        true
    }

    /// Our SYN is acknowledged by `segment`.
    #[cold]
    #[inline(never)]
    pub(super) fn establish(&mut self, now: SimTime, segment: &Segment) {
        self.rtt.acknowledged(now, segment.ack, self.echo(segment), &self.config);
        if self.rtt.srtt().is_none() {
            let lost = self.send.retries > 0;
            // RFC 6298 (5.7): without a sample, a lost SYN makes for a careful start.
            self.rtt.set_rto(if lost { CAUTIOUS_RTO } else { self.config.initial_rto });
        }
        self.rtt.unambiguous();
        let segments = if self.send.retries > 1 {
            // RFC 6928 §2: only after more than one lost SYN does the initial window shrink.
            1
        } else {
            self.config.initial_window_segments
        };
        self.congestion.cwnd =
            segments.saturating_mul(u32::from(self.send.mss)).max(u32::from(self.send.mss));
        self.send.acknowledge(segment.ack, 0);
        let shift = if segment.flags.contains(Flags::SYN) { 0 } else { self.peer_shift };
        self.send.wl1 = segment.seq;
        self.send.update_window(segment.seq, segment.ack, u32::from(segment.window) << shift);
        self.receive.established();
        self.pending.syn = false;
        self.state = if self.pending.close { State::FinWait1 } else { State::Established };
        self.outstanding.start(segment.ack);
        self.heard_ticks = ticks(now);
        self.rest(now);
        self.events.insert(Event::Connected);
    }

    /// The SYN or SYN-ACK that is pending.
    #[cold]
    #[inline(never)]
    pub(super) fn transmit_syn(&mut self, now: SimTime) -> Option<Segment> {
        if !self.pending.syn {
            return None;
        }
        self.pending.syn = false;
        self.pending.acknowledgement = false;
        let answers = self.state == State::SynReceived;
        let retransmission = self.send.max.after(self.send.una);
        let options = Options {
            mss: Some(self.config.mss),
            window_scale: self.config.window_scale.filter(|_| !answers || self.window_scaling),
            sack_permitted: if answers { self.sack } else { self.config.sack },
            sack: None,
            timestamps: (if answers { self.timestamps } else { self.config.timestamps }).then(|| {
                Timestamps { value: ticks(now), echo_reply: if answers { self.receive.ts_recent } else { 0 } }
            }),
        };
        let end = self.send.una + 1;
        self.send.nxt = end;
        self.send.max = end;
        if retransmission {
            self.losses().segments_retransmitted += 1;
            self.rtt.retransmitted();
        } else {
            self.rtt.sent(now, end);
            self.arm_retransmission(now);
        }
        Some(Segment {
            seq: self.send.una,
            ack: self.receive.nxt,
            flags: if answers { Flags::SYN | Flags::ACK } else { Flags::SYN },
            window: self.receive.syn_window(),
            options,
            retransmission,
            purpose: Purpose::Connect,
            ..Segment::default()
        })
    }

    /// What the peer's SYN settles.
    fn take_syn(&mut self, now: SimTime, segment: &Segment) {
        let options = &segment.options;
        self.timestamps = self.config.timestamps && options.timestamps.is_some();
        if let Some(timestamps) = options.timestamps {
            self.receive.ts_recent = timestamps.value;
            self.receive.ts_recent_at = ticks(now);
        }
        self.sack = self.config.sack && options.sack_permitted;
        // RFC 7323 §2.2: scaling needs the option in both SYNs.
        if let (Some(ours), Some(theirs)) = (self.config.window_scale, options.window_scale) {
            self.window_scaling = true;
            self.receive.shift = ours.min(MAX_SHIFT);
            self.peer_shift = theirs.min(MAX_SHIFT);
        }
        // RFC 9293 §3.7.1
        let told = options.mss.unwrap_or(DEFAULT_MSS).max(MIN_MSS).min(self.config.mss.max(MIN_MSS));
        self.send.mss = told - if self.timestamps { TIMESTAMPS_LEN } else { 0 };
        self.send.wl1 = segment.seq;
    }
}

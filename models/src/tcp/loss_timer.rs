//! The deadlines of a flight with selective acknowledgements (the tail loss probe of RFC 8985 §7, the
//! reordering window of its §6.2), and keep-alive (RFC 1122 §4.2.3.6).

use std::time::Duration;

use sim_core::time::SimTime;

use super::connection::{Connection, State};
use super::event::Event;
use super::outstanding::Instant30;
use super::rtt::{expiry_us, micros, span_ticks, ticks};
use super::segment::Segment;
use super::timers::Timer;

/// What Linux adds to a probe or reordering timer beside the delays of the path (`TCP_TIMEOUT_MIN_US`).
const SLACK_US: u32 = 2_000;
/// The probe timeout without a sample of the round-trip time (RFC 8985 §7.2).
const BLIND_PROBE_US: u32 = 1_000_000;

/// `span_us` after `now`.
const fn later(now: SimTime, span_us: u32) -> SimTime {
    SimTime::from_nanos(now.as_nanos().saturating_add(span_us as u64 * 1_000))
}

impl Connection {
    /// The deadline after an acknowledgement; `progress` says that SND.UNA moved.
    pub(super) fn set_loss_timer(&mut self, now: SimTime, progress: bool) {
        if self.send.outstanding() == 0 {
            if progress {
                self.rest(now);
            }
        } else if progress {
            if self.may_probe() {
                self.arm_loss_probe(now, self.rtt.rto_us());
            } else {
                // RFC 6298 (5.3)
                self.arm_retransmission(now);
            }
        }
    }

    /// The deadline after new data was sent.
    pub(super) fn ensure_loss_timer(&mut self, now: SimTime) {
        if self.may_probe() {
            self.arm_loss_probe(now, self.left_of_rto(now));
            return;
        }
        match self.timers.main() {
            Timer::Retransmission | Timer::Reordering | Timer::LossProbe => {}
            Timer::Idle | Timer::Persist | Timer::TimeWait | Timer::FinWait2 | Timer::KeepAlive => {
                self.arm_retransmission(now);
            }
        }
    }

    /// RFC 8985 §7.2: only while no loss is known.
    fn may_probe(&self) -> bool {
        self.config.tail_loss_probe && self.congestion.is_open() && self.outstanding.sacked() == 0
    }

    /// RFC 8985 §7.2, TLP_calc_PTO, as Linux (`tcp_schedule_loss_probe`): a lone segment is given the
    /// time of a delayed acknowledgement, and the retransmission timeout is not exceeded.
    pub(super) fn arm_loss_probe(&mut self, now: SimTime, rto_us: u32) {
        let srtt_us = self.rtt.srtt_us();
        let lone = self.send.outstanding() <= u32::from(self.send.mss);
        let probe_us = if srtt_us == 0 {
            BLIND_PROBE_US
        } else {
            let slack_us = if lone { micros(self.config.min_rto) } else { SLACK_US };
            srtt_us.saturating_mul(2).saturating_add(slack_us)
        };
        let wait_us = expiry_us(self.config.rto_rule, probe_us.min(rto_us));
        self.timers.set(Timer::LossProbe, later(now, wait_us));
    }

    /// What is left of the retransmission timeout of the first byte, in microseconds.
    fn left_of_rto(&self, now: SimTime) -> u32 {
        let clock = Instant30::of(now);
        let age = clock.since(self.outstanding.first_sent().unwrap_or(clock)).max(0) as u32;
        self.rtt.rto_us().saturating_sub(age).max(1)
    }

    fn arm_rest_of_rto(&mut self, now: SimTime) {
        let wait_us = expiry_us(self.config.rto_rule, self.left_of_rto(now));
        self.timers.set(Timer::Retransmission, later(now, wait_us));
    }

    /// Segments that are late have `wait_us` more before they are lost.
    pub(super) fn arm_reordering(&mut self, now: SimTime, wait_us: u32) {
        let wait_us = expiry_us(self.config.rto_rule, wait_us.saturating_add(SLACK_US));
        self.timers.set(Timer::Reordering, later(now, wait_us));
    }

    pub(super) fn reordering_timeout(&mut self, now: SimTime) {
        self.arm_rest_of_rto(now);
        self.find_losses(now);
    }

    pub(super) fn loss_probe_timeout(&mut self, now: SimTime) {
        self.arm_rest_of_rto(now);
        let unanswered = self.recovery.as_ref().is_some_and(|recovery| recovery.probe.is_some());
        self.pending.loss_probe = !unanswered && self.send.outstanding() > 0;
    }

    /// RFC 8985 §7.3: the next new segment, or the last one again.
    pub(super) fn transmit_loss_probe(&mut self, now: SimTime) -> Option<Segment> {
        if !self.pending.loss_probe {
            return None;
        }
        self.pending.loss_probe = false;
        let outstanding = self.send.outstanding();
        if outstanding == 0 {
            return None;
        }
        let mss = u32::from(self.send.mss);
        let fresh = self.transmit_beyond_window(now);
        let again = fresh.is_none();
        let segment = fresh.unwrap_or_else(|| {
            let (begin, last) = self.outstanding.iter().last().expect("something is outstanding");
            let run = last.end.since(begin);
            let len = (run - 1) % mss + 1;
            self.transmit_again(now, last.end - len, len)
        });
        self.recovery.get_or_insert_default().probe = Some((self.send.max, again));
        self.arm_rest_of_rto(now);
        Some(segment)
    }

    /// RFC 8985 §7.4: an acknowledgement may answer the probe; `duplicate` says that it reports a
    /// duplicate, `nothing_new` that it says nothing else.
    pub(super) fn answer_to_probe(&mut self, duplicate: bool, nothing_new: bool) {
        let una = self.send.una;
        let Some(recovery) = self.recovery.as_deref_mut() else { return };
        let Some((end, again)) = recovery.probe else { return };
        if una.before(end) {
            return;
        }
        if !again || duplicate || nothing_new {
            recovery.probe = None;
        } else if una.after(end) {
            // The probe repaired a loss, which counts as one.
            recovery.probe = None;
            if self.congestion.is_open() {
                self.congestion.reduce_once(u32::from(self.send.mss));
            }
        }
    }

    /// Nothing is outstanding: only a silent peer may be asked whether it is still there.
    pub(super) fn rest(&mut self, now: SimTime) {
        self.timers.stop();
        if let Some(keep_alive) = self.config.keep_alive
            && matches!(self.state, State::Established | State::CloseWait | State::FinWait1)
        {
            self.timers.set(Timer::KeepAlive, now + keep_alive.idle);
        }
    }

    pub(super) fn keep_alive_timeout(&mut self, now: SimTime) {
        let Some(keep_alive) = self.config.keep_alive else { return };
        let silence = ticks(now).wrapping_sub(self.heard_ticks);
        let idle = span_ticks(keep_alive.idle);
        if silence < idle {
            let rest = Duration::from_millis(u64::from(idle - silence));
            self.send.retries = 0;
            self.timers.set(Timer::KeepAlive, now + rest);
        } else if self.send.retries >= keep_alive.probes {
            self.end(Event::TimedOut);
        } else {
            self.send.retries += 1;
            self.pending.probe = true;
            self.timers.set(Timer::KeepAlive, now + keep_alive.interval);
        }
    }
}

//! The congestion window: slow start and congestion avoidance (RFC 5681), fast recovery (RFC 6582).

use sim_core::time::SimTime;

use super::config::{Config, CongestionControl};
use super::cubic::Cubic;
use super::sequence::SequenceNumber;

/// RFC 5681 §3.2: the third duplicate is taken for a loss.
const DUPLICATE_THRESHOLD: u8 = 3;

/// Where the sender stands in the recovery of a loss.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// No loss is known.
    Open,
    /// Fast recovery (RFC 6582 §3.2).
    FastRecovery {
        /// A partial acknowledgement has restarted the retransmission timer already.
        timer_restarted: bool,
    },
    /// After a retransmission timeout, until everything sent before it is acknowledged.
    LossRecovery,
}

/// What the connection does after an acknowledgement of new data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Advance {
    /// Send the first unacknowledged segment again: the acknowledgement was a partial one.
    pub(super) retransmit: bool,
    /// Restart the retransmission timer.
    pub(super) restart_timer: bool,
}

/// The congestion state of one connection; windows in bytes.
#[derive(Clone, Debug)]
pub(super) struct Congestion {
    pub(super) cwnd: u32,
    pub(super) ssthresh: u32,
    /// Bytes acknowledged in congestion avoidance since the window last grew (RFC 3465 §2.1).
    counted: u32,
    /// One past the highest sequence number sent when the last recovery began.
    recover: SequenceNumber,
    phase: Phase,
    duplicates: u8,
    algorithm: CongestionControl,
    /// Absent until the window grows for the first time.
    cubic: Option<Box<Cubic>>,
}

impl Congestion {
    pub(super) const fn new(algorithm: CongestionControl, iss: SequenceNumber) -> Self {
        Congestion {
            cwnd: 0,
            // RFC 5681 §3.1: arbitrarily high.
            ssthresh: u32::MAX,
            counted: 0,
            recover: iss,
            phase: Phase::Open,
            duplicates: 0,
            algorithm,
            cubic: None,
        }
    }

    /// Whether no loss is being repaired.
    pub(super) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Where the sender stands in the recovery of a loss.
    pub(super) const fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether a loss told by acknowledgements is being repaired.
    pub(super) const fn in_fast_recovery(&self) -> bool {
        matches!(self.phase, Phase::FastRecovery { .. })
    }

    /// Whether an acknowledgement up to `una` ends the recovery of a loss.
    pub(super) fn completes(&self, una: SequenceNumber) -> bool {
        self.phase != Phase::Open && una.at_or_after(self.recover)
    }

    /// Enters fast recovery by selective acknowledgements; the window itself follows from the pipe.
    pub(super) fn enter_recovery(&mut self, flight: u32, max: SequenceNumber, mss: u32) {
        self.reduce(flight.min(self.cwnd), mss);
        self.recover = max;
        self.counted = 0;
        self.phase = Phase::FastRecovery { timer_restarted: false };
    }

    /// Everything up to `max` may be sent again, but not for congestion: the window stays (RFC 1191
    /// §6.4; Linux `tcp_simple_retransmit`).
    pub(super) fn resend(&mut self, max: SequenceNumber) {
        self.recover = max;
        self.duplicates = 0;
        self.phase = Phase::LossRecovery;
    }

    /// Segments have `mss` bytes instead of `old`: the windows keep their number of segments.
    pub(super) fn rescale(&mut self, old: u32, mss: u32) {
        let scaled = |bytes: u32| (u64::from(bytes) * u64::from(mss) / u64::from(old)) as u32;
        self.cwnd = scaled(self.cwnd).max(mss);
        self.counted = scaled(self.counted);
        if self.ssthresh != u32::MAX {
            self.ssthresh = scaled(self.ssthresh).max(2 * mss);
        }
    }

    /// Everything that was out when the loss was told is acknowledged.
    pub(super) fn complete(&mut self, mss: u32) {
        match self.phase {
            Phase::FastRecovery { .. } => self.cwnd = self.ssthresh.max(mss),
            Phase::LossRecovery | Phase::Open => {}
        }
        self.phase = Phase::Open;
    }

    /// One past the highest sequence number sent when the last recovery began.
    pub(super) const fn recover(&self) -> SequenceNumber {
        self.recover
    }

    /// RFC 5682 §3.1 (2b): the recovery lasts until `max` is acknowledged.
    pub(super) fn move_recover(&mut self, max: SequenceNumber) {
        self.recover = max;
    }

    /// A reduction is taken back (Linux `tcp_undo_cwnd_reduction`).
    pub(super) fn restore(&mut self, cwnd: u32, ssthresh: u32) {
        self.cwnd = self.cwnd.max(cwnd);
        self.ssthresh = self.ssthresh.max(ssthresh);
        self.phase = Phase::Open;
    }

    /// A loss that is repaired already still counts as congestion (RFC 8985 §7.4.2).
    pub(super) fn reduce_once(&mut self, mss: u32) {
        self.reduce(self.cwnd, mss);
        self.cwnd = self.ssthresh;
    }

    /// A sample of the round-trip time from an acknowledgement.
    pub(super) fn sample(
        &mut self,
        now: SimTime,
        rtt_us: (u32, u32),
        ends: (SequenceNumber, SequenceNumber),
        flight: u32,
        mss: u32,
    ) {
        let used = self.cwnd < flight.saturating_mul(2);
        if self.algorithm == CongestionControl::Cubic && self.cubic.is_none() && used {
            self.cubic = Some(Box::default());
        }
        let (window, slow_start) = (self.cwnd / mss, self.cwnd < self.ssthresh);
        if let Some(cubic) = &mut self.cubic
            && cubic.sample(now, rtt_us, window, slow_start, ends)
        {
            self.ssthresh = self.cwnd;
        }
    }

    /// What may be in flight beyond the window: a segment for each of the first two duplicates.
    pub(super) const fn limited_transmit(&self, mss: u32) -> u32 {
        // RFC 3042 §2
        match self.phase {
            Phase::Open if self.duplicates < DUPLICATE_THRESHOLD => self.duplicates as u32 * mss,
            Phase::Open | Phase::FastRecovery { .. } | Phase::LossRecovery => 0,
        }
    }

    /// A duplicate acknowledgement (RFC 5681 §2). Returns whether it is the one that starts a fast
    /// retransmit.
    pub(super) fn duplicate(&mut self, una: SequenceNumber, max: SequenceNumber, mss: u32) -> bool {
        self.duplicates = self.duplicates.saturating_add(1);
        match self.phase {
            Phase::FastRecovery { .. } => {
                // RFC 6582 §3.2 (3)
                self.cwnd = self.cwnd.saturating_add(mss);
                false
            }
            // RFC 6582 §3.2 (2): not for the duplicates that an earlier recovery caused.
            Phase::Open if self.duplicates == DUPLICATE_THRESHOLD && una.after(self.recover) => {
                // RFC 5681 §3.2 (2): the flight without what limited transmit added.
                let flight = max.since(una).min(self.cwnd);
                self.reduce(flight, mss);
                self.cwnd = self.ssthresh.saturating_add(u32::from(DUPLICATE_THRESHOLD) * mss);
                self.recover = max;
                self.phase = Phase::FastRecovery { timer_restarted: false };
                true
            }
            Phase::Open | Phase::LossRecovery => false,
        }
    }

    /// An acknowledgement moved SND.UNA to `una` over `acked` bytes, of `flight` that were out.
    pub(super) fn advance(
        &mut self,
        now: SimTime,
        una: SequenceNumber,
        acked: u32,
        flight: u32,
        mss: u32,
        config: &Config,
    ) -> Advance {
        self.duplicates = 0;
        let complete = una.at_or_after(self.recover);
        match self.phase {
            Phase::FastRecovery { .. } if complete => {
                // RFC 6582 §3.2 (3), full acknowledgement, the first of its two choices.
                let flight = flight.saturating_sub(acked);
                self.cwnd = self.ssthresh.min(flight.max(mss).saturating_add(mss));
                self.counted = 0;
                self.phase = Phase::Open;
                Advance { retransmit: false, restart_timer: true }
            }
            Phase::FastRecovery { timer_restarted } => {
                // RFC 6582 §3.2 (3), partial acknowledgement.
                self.cwnd = self.cwnd.saturating_sub(acked).max(mss);
                if acked >= mss {
                    self.cwnd = self.cwnd.saturating_add(mss);
                }
                self.phase = Phase::FastRecovery { timer_restarted: true };
                Advance { retransmit: true, restart_timer: !timer_restarted || config.slow_but_steady }
            }
            Phase::Open | Phase::LossRecovery => {
                let after_timeout = self.phase == Phase::LossRecovery && !complete;
                self.grow(now, acked, flight, mss, after_timeout, config);
                if complete {
                    self.phase = Phase::Open;
                }
                Advance { retransmit: false, restart_timer: true }
            }
        }
    }

    /// The retransmission timer expired; `first` says that it was not for the same segment again.
    pub(super) fn timeout(&mut self, now: SimTime, flight: u32, max: SequenceNumber, mss: u32, first: bool) {
        if first {
            self.reduce(flight, mss);
        }
        if let Some(cubic) = &mut self.cubic {
            cubic.timeout(now, max);
        }
        // RFC 5681 §3.1: the loss window.
        self.cwnd = mss;
        self.counted = 0;
        self.duplicates = 0;
        self.recover = max;
        self.phase = Phase::LossRecovery;
    }

    /// RFC 5681 §4.1: start over after an idle period.
    pub(super) fn restart(&mut self, initial_window: u32) {
        self.cwnd = self.cwnd.min(initial_window);
    }

    /// Nothing was sent for `span` milliseconds.
    pub(super) fn idle(&mut self, now: SimTime, span_ms: u32) {
        if let Some(cubic) = &mut self.cubic {
            cubic.idle(now, span_ms);
        }
    }

    fn reduce(&mut self, flight: u32, mss: u32) {
        self.ssthresh = match self.algorithm {
            // RFC 5681 (4)
            CongestionControl::NewReno => (flight / 2).max(2 * mss),
            CongestionControl::Cubic => {
                self.cubic.get_or_insert_default().reduce(self.cwnd / mss).saturating_mul(mss)
            }
        };
    }

    pub(super) fn grow(
        &mut self,
        now: SimTime,
        mut acked: u32,
        flight: u32,
        mss: u32,
        after_timeout: bool,
        config: &Config,
    ) {
        if self.cwnd < self.ssthresh {
            // RFC 7661 asks not to grow a window that is not used; Linux `tcp_is_cwnd_limited` lets slow
            // start run up to twice the flight.
            if self.cwnd >= flight.saturating_mul(2) {
                return;
            }
            // RFC 3465 §2.3: after a timeout one segment for each acknowledgement.
            let limit = match config.slow_start_limit {
                Some(segments) => {
                    if after_timeout {
                        mss
                    } else {
                        segments.saturating_mul(mss)
                    }
                }
                None => u32::MAX,
            };
            let room = self.ssthresh - self.cwnd;
            self.cwnd += acked.min(limit).min(room).min(u32::MAX - self.cwnd);
            match self.algorithm {
                CongestionControl::Cubic if acked > room => acked -= room,
                CongestionControl::Cubic | CongestionControl::NewReno => return,
            }
        }
        // The window does not limit the sender: do not let it grow (RFC 7661 §4.3).
        if flight.saturating_add(2 * mss) < self.cwnd {
            return;
        }
        if self.algorithm == CongestionControl::Cubic {
            let (window, acked) = (self.cwnd / mss, acked.div_ceil(mss));
            let growth = self.cubic.get_or_insert_default().avoid(now, window, acked);
            self.cwnd = self.cwnd.saturating_add(growth.saturating_mul(mss));
            return;
        }
        // RFC 3465 §2.1
        self.counted = self.counted.saturating_add(acked);
        if self.counted >= self.cwnd {
            self.counted -= self.cwnd;
            self.cwnd = self.cwnd.saturating_add(mss);
        }
    }
}

//! The congestion window: slow start and congestion avoidance (RFC 5681), fast recovery (RFC 6582).

use super::config::{Config, CongestionControl};
use super::sequence::SequenceNumber;

/// RFC 5681 §3.2: the third duplicate is taken for a loss.
const DUPLICATE_THRESHOLD: u8 = 3;

/// Where the sender stands in the recovery of a loss.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
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
        }
    }

    /// Whether no loss is being repaired.
    pub(super) fn is_open(&self) -> bool {
        self.phase == Phase::Open
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
                Advance { retransmit: true, restart_timer: !timer_restarted }
            }
            Phase::Open | Phase::LossRecovery => {
                let after_timeout = self.phase == Phase::LossRecovery && !complete;
                self.grow(acked, flight, mss, after_timeout, config);
                if complete {
                    self.phase = Phase::Open;
                }
                Advance { retransmit: false, restart_timer: true }
            }
        }
    }

    /// The retransmission timer expired; `first` says that it was not for the same segment again.
    pub(super) fn timeout(&mut self, flight: u32, max: SequenceNumber, mss: u32, first: bool) {
        if first {
            self.reduce(flight, mss);
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

    fn reduce(&mut self, flight: u32, mss: u32) {
        self.ssthresh = match self.algorithm {
            // RFC 5681 (4)
            CongestionControl::NewReno => (flight / 2).max(2 * mss),
        };
    }

    fn grow(&mut self, acked: u32, flight: u32, mss: u32, after_timeout: bool, config: &Config) {
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
            self.cwnd = self.cwnd.saturating_add(acked.min(limit)).min(self.ssthresh);
            return;
        }
        // The window does not limit the sender: do not let it grow (RFC 7661 §4.3).
        if flight.saturating_add(2 * mss) < self.cwnd {
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

//! The round-trip time and the retransmission timeout (RFC 6298).

use std::time::Duration;

use sim_core::time::SimTime;

use super::config::{Config, RtoRule};
use super::sequence::SequenceNumber;

/// The clock granularity G of RFC 6298: one tick of the timestamp clock.
const GRANULARITY_US: u32 = 1_000;

/// One tick of a kernel at 250 Hz, in microseconds (the captured timeouts are multiples of it).
const TICK_US: u32 = 4_000;

/// A longer sample (9 minutes less 4 s) is a peer's nonsense; below it the sums of RFC 6298 fit in 32 bits.
const MAX_SAMPLE_US: u32 = 536_000_000;

/// The timestamp clock: milliseconds, wrapping (RFC 7323 §5.4 allows ticks of 1 ms to 1 s).
pub(super) const fn ticks(now: SimTime) -> u32 {
    (now.as_nanos() / 1_000_000) as u32
}

/// A span in ticks of the timestamp clock.
pub(super) const fn span_ticks(span: Duration) -> u32 {
    (span.as_secs() as u32).saturating_mul(1_000).saturating_add(span.subsec_millis())
}

/// The estimator of one connection; spans in microseconds, which reach for more than an hour.
// Packed, as all small parts of a connection are.
#[derive(Clone, Copy, Debug)]
#[repr(Rust, packed)]
pub(super) struct RoundTripTime {
    srtt_us: u32,
    rttvar_us: u32,
    rto_us: u32,
    /// The smallest sample; zero before there is one.
    min_us: u32,
    /// When the segment that ends at `timed_end` was sent; [`SimTime::MAX`] while none is timed.
    timed_at: SimTime,
    timed_end: SequenceNumber,
    /// The flight contains a retransmission, so that only an echoed timestamp can be trusted.
    ambiguous: bool,
}

impl RoundTripTime {
    pub(super) fn new(initial_rto: Duration) -> Self {
        RoundTripTime {
            srtt_us: 0,
            rttvar_us: 0,
            rto_us: micros(initial_rto),
            min_us: 0,
            timed_at: SimTime::MAX,
            timed_end: SequenceNumber(0),
            ambiguous: false,
        }
    }

    /// The smoothed round-trip time, once there is a sample.
    pub(super) fn srtt(&self) -> Option<Duration> {
        (self.srtt_us > 0).then(|| Duration::from_micros(u64::from(self.srtt_us)))
    }

    pub(super) const fn rto(&self) -> Duration {
        Duration::from_micros(self.rto_us as u64)
    }

    /// The timeout in microseconds.
    pub(super) const fn rto_us(&self) -> u32 {
        self.rto_us
    }

    /// The smoothed round-trip time in microseconds, zero before there is a sample.
    pub(super) const fn srtt_us(&self) -> u32 {
        self.srtt_us
    }

    /// The smallest round-trip time in microseconds, zero before there is a sample.
    pub(super) const fn min_us(&self) -> u32 {
        self.min_us
    }

    /// Takes the span between one transmission and its acknowledgement.
    pub(super) fn sample(&mut self, sample_us: u32, config: &Config) {
        self.update(sample_us, config);
    }

    /// Takes a sample from an echoed timestamp (RFC 7323 §4.1).
    pub(super) fn echoed(&mut self, now: SimTime, echo: u32, config: &Config) {
        let elapsed = ticks(now).wrapping_sub(echo) as i32;
        if elapsed >= 0 {
            self.update((elapsed.max(1) as u32).saturating_mul(GRANULARITY_US), config);
        }
    }

    /// The timeout in ticks of the timestamp clock.
    pub(super) const fn rto_ticks(&self) -> u32 {
        self.rto_us / 1_000
    }

    /// Times new data that ends at `end`, unless a segment is timed already: one sample a round trip.
    pub(super) fn sent(&mut self, now: SimTime, end: SequenceNumber) {
        let timed_at = self.timed_at;
        if timed_at == SimTime::MAX && !self.ambiguous {
            self.timed_at = now;
            self.timed_end = end;
        }
    }

    /// RFC 6298 (3), Karn's algorithm: a retransmission spoils the segment being timed.
    pub(super) fn retransmitted(&mut self) {
        self.timed_at = SimTime::MAX;
        self.ambiguous = true;
    }

    /// Takes a sample from an acknowledgement of new data; `echo` is its TSecr.
    pub(super) fn acknowledged(
        &mut self,
        now: SimTime,
        ack: SequenceNumber,
        echo: Option<u32>,
        config: &Config,
    ) {
        let timed_at = self.timed_at;
        if timed_at != SimTime::MAX {
            if ack.at_or_after(self.timed_end) {
                let sample = now.saturating_since(timed_at);
                self.timed_at = SimTime::MAX;
                self.update(micros(sample), config);
            }
        } else if self.ambiguous
            && let Some(echo) = echo
        {
            // An echoed timestamp tells the transmissions apart.
            if ticks(now).wrapping_sub(echo) as i32 >= 0 {
                self.ambiguous = false;
                self.echoed(now, echo, config);
            }
        }
    }

    /// All that was sent twice is acknowledged.
    pub(super) fn unambiguous(&mut self) {
        self.ambiguous = false;
    }

    /// RFC 6298 (5.5): back off.
    pub(super) fn back_off(&mut self, max_rto: Duration) {
        self.rto_us = (self.rto_us * 2).min(micros(max_rto));
    }

    /// Sets the timeout where no sample can.
    pub(super) fn set_rto(&mut self, rto: Duration) {
        self.rto_us = micros(rto);
    }

    fn update(&mut self, sample_us: u32, config: &Config) {
        let sample_us = sample_us.min(MAX_SAMPLE_US);
        if self.min_us == 0 || sample_us < self.min_us {
            self.min_us = sample_us.max(1);
        }
        if self.srtt_us == 0 {
            // RFC 6298 (2.2)
            self.srtt_us = sample_us.max(1);
            self.rttvar_us = sample_us / 2;
        } else {
            // RFC 6298 (2.3)
            self.rttvar_us = (3 * self.rttvar_us + self.srtt_us.abs_diff(sample_us)) / 4;
            self.srtt_us = ((7 * self.srtt_us + sample_us) / 8).max(1);
        }
        let (variance_us, min_us) = (4 * self.rttvar_us, micros(config.min_rto));
        let rto_us = match config.rto_rule {
            RtoRule::Rfc6298 => (self.srtt_us + variance_us.max(GRANULARITY_US)).max(min_us),
            RtoRule::Fixed => micros(config.initial_rto),
            RtoRule::Linux => (self.srtt_us + variance_us.max(min_us)).next_multiple_of(TICK_US),
        };
        self.rto_us = rto_us.min(micros(config.max_rto));
    }
}

/// When a timer of `span` expires by the kernel of `rule`.
pub(super) fn expiry(rule: RtoRule, span: Duration) -> Duration {
    match rule {
        RtoRule::Rfc6298 | RtoRule::Fixed => span,
        RtoRule::Linux => Duration::from_micros(u64::from(expiry_us(rule, micros(span)))),
    }
}

/// The same in microseconds.
pub(super) fn expiry_us(rule: RtoRule, span_us: u32) -> u32 {
    match rule {
        RtoRule::Rfc6298 | RtoRule::Fixed => span_us,
        RtoRule::Linux => {
            let ticks = span_us.min(MAX_SAMPLE_US).div_ceil(TICK_US);
            // Linux kernel/time/timer.c: 64 slots a level, each level eight times coarser; timers expire
            // at the next slot, never early. The phase of a level is unknown: a timer is set on a slot.
            let mut shift = 0;
            while ticks >= 63 << shift {
                shift += 3;
            }
            (((ticks >> shift) + 1) << shift) * TICK_US
        }
    }
}

/// When a timer of `span` that is set at `now` expires, where the tick of the kernel is told by the clock:
/// Linux acknowledges 40 ms later at the earliest and 44 ms at the latest (captured: 40.0 to 44).
pub(super) fn expiry_on_tick(rule: RtoRule, now: SimTime, span: Duration) -> SimTime {
    match rule {
        RtoRule::Rfc6298 | RtoRule::Fixed => now + span,
        RtoRule::Linux => {
            let ticks = now.as_nanos() / (u64::from(TICK_US) * 1_000) + 1;
            SimTime::from_micros(ticks * u64::from(TICK_US))
                + Duration::from_micros(u64::from(micros(span).next_multiple_of(TICK_US)))
        }
    }
}

/// Saturates at [`MAX_SAMPLE_US`].
pub(super) const fn micros(span: Duration) -> u32 {
    if span.as_secs() >= (MAX_SAMPLE_US / 1_000_000) as u64 {
        return MAX_SAMPLE_US;
    }
    span.as_secs() as u32 * 1_000_000 + span.subsec_micros()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimator(config: &Config, samples_ms: &[u64]) -> RoundTripTime {
        let mut rtt = RoundTripTime::new(config.initial_rto);
        for ms in samples_ms {
            rtt.sent(SimTime::ZERO, SequenceNumber(1));
            rtt.acknowledged(SimTime::from_millis(*ms), SequenceNumber(1), None, config);
        }
        rtt
    }

    #[test]
    fn the_first_sample_sets_both_estimates() {
        let rtt = estimator(&Config::linux(), &[300]);
        assert_eq!(rtt.srtt(), Some(Duration::from_millis(300)));
        assert_eq!(rtt.rto(), Duration::from_millis(300 + 600));
    }

    // RFC 6298 (2.3): "The value of SRTT used in the update to RTTVAR is its value before updating SRTT itself"
    #[test]
    fn the_variation_is_taken_from_the_mean_before_the_sample() {
        let rtt = estimator(&Config::linux(), &[400, 800]);
        // SRTT = 7/8 x 400 + 1/8 x 800, RTTVAR = 3/4 x 200 + 1/4 x |400 - 800|.
        assert_eq!(rtt.srtt(), Some(Duration::from_millis(450)));
        assert_eq!(rtt.rto(), Duration::from_millis((450_u64 + 4 * 250).next_multiple_of(4)));
    }

    #[test]
    fn the_two_rules_differ_in_where_the_minimum_stands() {
        let steady = [40; 40];
        let linux = estimator(&Config::linux(), &steady).rto();
        assert_eq!(linux, Duration::from_millis(240));
        assert_eq!(estimator(&Config::rfc(), &steady).rto(), Duration::from_secs(1));
    }

    /// real-software-facts, "Path cut": 0.21, 0.42, 0.83, 1.66, 3.4, 6.7, 13.3 s; c08s: 245 and 246 ms.
    #[test]
    fn timers_of_linux_expire_on_the_wheel() {
        let expired: Vec<u128> = [204, 408, 816, 1_632, 3_264, 6_528, 13_056, 244]
            .iter()
            .map(|ms| expiry(RtoRule::Linux, Duration::from_millis(*ms)).as_millis())
            .collect();
        assert_eq!(expired, [208, 416, 832, 1_664, 3_328, 6_656, 13_312, 248]);
        assert_eq!(expiry(RtoRule::Rfc6298, Duration::from_millis(204)), Duration::from_millis(204));
    }

    #[test]
    fn a_retransmission_leaves_only_the_echo() {
        let config = Config::linux();
        let mut rtt = RoundTripTime::new(config.initial_rto);
        rtt.sent(SimTime::ZERO, SequenceNumber(1));
        rtt.retransmitted();
        rtt.acknowledged(SimTime::from_millis(900), SequenceNumber(1), None, &config);
        assert_eq!(rtt.srtt(), None);
        rtt.acknowledged(SimTime::from_millis(900), SequenceNumber(1), Some(860), &config);
        assert_eq!(rtt.srtt(), Some(Duration::from_millis(40)));
    }

    #[test]
    fn backing_off_doubles_up_to_the_maximum() {
        let config = Config::rfc();
        let mut rtt = RoundTripTime::new(config.initial_rto);
        let doubled: Vec<u64> = (0..8)
            .map(|_| {
                rtt.back_off(config.max_rto);
                rtt.rto().as_secs()
            })
            .collect();
        assert_eq!(doubled, [2, 4, 8, 16, 32, 60, 60, 60]);
    }
}

//! Simulated time: an instant on one clock that only the engine moves.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

/// An instant of simulated time, in nanoseconds since the start of the run.
///
/// `SimTime` is always an instant and [`Duration`] always a span, so that the two cannot be mixed
/// up. The last representable instant lies 584 years after the start.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SimTime(u64);

impl SimTime {
    /// The start of every run.
    pub const ZERO: SimTime = SimTime(0);
    /// The last instant; used for "never" where a sentinel is cheaper than an `Option`.
    pub const MAX: SimTime = SimTime(u64::MAX);

    /// The instant `nanos` nanoseconds after the start.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        SimTime(nanos)
    }

    /// The instant `micros` microseconds after the start.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        SimTime(micros * 1_000)
    }

    /// The instant `millis` milliseconds after the start.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        SimTime(millis * 1_000_000)
    }

    /// The instant `secs` seconds after the start.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        SimTime(secs * 1_000_000_000)
    }

    /// Nanoseconds since the start.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Seconds since the start, for output only: never compare instants as floats.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The span from `earlier` to `self`; zero when `earlier` is the later one.
    #[must_use]
    pub const fn saturating_since(self, earlier: SimTime) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// `self + span`, or [`SimTime::MAX`] where that lies beyond the end of time.
    #[must_use]
    pub fn saturating_add(self, span: Duration) -> SimTime {
        SimTime(self.0.saturating_add(saturating_nanos(span)))
    }
}

/// The whole nanoseconds of `span`, or `u64::MAX` where it is longer than 584 years.
///
/// Through seconds and the rest: [`Duration::as_nanos`] is 128-bit and slow where this is hot.
#[must_use]
pub const fn saturating_nanos(span: Duration) -> u64 {
    span.as_secs().saturating_mul(1_000_000_000).saturating_add(span.subsec_nanos() as u64)
}

impl Add<Duration> for SimTime {
    type Output = SimTime;

    /// # Panics
    /// When the result lies beyond the last representable instant.
    fn add(self, span: Duration) -> SimTime {
        SimTime(
            self.0.checked_add(saturating_nanos(span)).expect("an instant beyond the end of simulated time"),
        )
    }
}

impl AddAssign<Duration> for SimTime {
    fn add_assign(&mut self, span: Duration) {
        *self = *self + span;
    }
}

impl Sub<SimTime> for SimTime {
    type Output = Duration;

    /// # Panics
    /// When `earlier` is the later instant: simulated time never goes back.
    fn sub(self, earlier: SimTime) -> Duration {
        Duration::from_nanos(self.0.checked_sub(earlier.0).expect("a span that ends before it begins"))
    }
}

impl fmt::Debug for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Seconds with nine decimals, exactly: `12.000350000 s`.
impl fmt::Display for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09} s", self.0 / 1_000_000_000, self.0 % 1_000_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_prints_every_nanosecond() {
        assert_eq!(SimTime::from_nanos(12_000_350_000).to_string(), "12.000350000 s");
        assert_eq!(SimTime::MAX.to_string(), "18446744073.709551615 s");
    }

    #[test]
    fn instants_and_spans_add_up() {
        let start = SimTime::from_millis(1_500);
        assert_eq!(start + Duration::from_micros(7), SimTime::from_micros(1_500_007));
        assert_eq!(start - SimTime::from_secs(1), Duration::from_millis(500));
        assert_eq!(SimTime::ZERO.saturating_since(start), Duration::ZERO);
    }

    #[test]
    fn the_end_of_time_is_a_wall() {
        assert_eq!(SimTime::from_nanos(1).saturating_add(Duration::MAX), SimTime::MAX);
        assert_eq!(saturating_nanos(Duration::MAX), u64::MAX);
        assert_eq!(SimTime::ZERO + Duration::from_nanos(u64::MAX), SimTime::MAX);
    }

    #[test]
    #[should_panic(expected = "beyond the end of simulated time")]
    fn an_instant_past_the_end_of_time_panics() {
        let _ = SimTime::MAX + Duration::from_nanos(1);
    }

    #[test]
    #[should_panic(expected = "ends before it begins")]
    fn a_negative_span_panics() {
        let _ = SimTime::ZERO - SimTime::from_nanos(1);
    }
}

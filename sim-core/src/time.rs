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
        SimTime(self.0.saturating_add(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl Add<Duration> for SimTime {
    type Output = SimTime;

    /// # Panics
    /// When the result lies beyond the last representable instant.
    fn add(self, span: Duration) -> SimTime {
        // Through seconds and the rest: `as_nanos` is 128-bit and slow where this is hot.
        let nanos = span.as_secs() * 1_000_000_000 + u64::from(span.subsec_nanos());
        SimTime(self.0.checked_add(nanos).expect("an instant beyond the end of simulated time"))
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

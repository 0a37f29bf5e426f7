//! The mean over time of a value that changes in steps.

use crate::time::SimTime;

/// The exact integral over time of an integer that changes in steps: jobs in a queue, bytes of
/// memory, microwatts.
///
/// A value of `u64` times a time of `u64` nanoseconds cannot overflow the `u128` it is summed in.
///
/// ```
/// use sim_core::{stats::TimeAverage, time::SimTime};
/// let mut queue = TimeAverage::new(SimTime::ZERO, 0);
/// queue.set(SimTime::from_secs(1), 10);
/// queue.set(SimTime::from_secs(3), 4);
/// assert_eq!(queue.mean(SimTime::from_secs(4)), 6.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeAverage {
    start: SimTime,
    changed: SimTime,
    value: u64,
    max: u64,
    integral: u128,
}

impl TimeAverage {
    /// Begins at `start` with `value`.
    #[must_use]
    pub const fn new(start: SimTime, value: u64) -> Self {
        TimeAverage { start, changed: start, value, max: value, integral: 0 }
    }

    /// From `now` on the value is `value`.
    ///
    /// # Panics
    /// When `now` lies before the last change.
    #[inline]
    pub fn set(&mut self, now: SimTime, value: u64) {
        self.integral = self.integral(now);
        self.changed = now;
        self.value = value;
        self.max = self.max.max(value);
    }

    /// From `now` on the value is greater by `step`.
    ///
    /// # Panics
    /// When `now` lies before the last change.
    #[inline]
    pub fn increase(&mut self, now: SimTime, step: u64) {
        self.set(now, self.value + step);
    }

    /// From `now` on the value is less by `step`.
    ///
    /// # Panics
    /// When `now` lies before the last change, or `step` exceeds the value.
    #[inline]
    pub fn decrease(&mut self, now: SimTime, step: u64) {
        self.set(now, self.value.checked_sub(step).expect("a value below zero"));
    }

    /// Forgets everything before `now` but the value: the end of the warm-up.
    ///
    /// # Panics
    /// When `now` lies before the last change.
    pub fn restart(&mut self, now: SimTime) {
        assert!(now >= self.changed, "{now} lies before the change at {}", self.changed);
        *self = TimeAverage::new(now, self.value);
    }

    /// The value since the last change.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.value
    }

    /// The greatest value since the start, however briefly it was held.
    #[must_use]
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The integral from the start to `now`, in units of the value times nanoseconds.
    ///
    /// # Panics
    /// When `now` lies before the last change.
    #[must_use]
    #[inline]
    pub fn integral(&self, now: SimTime) -> u128 {
        assert!(now >= self.changed, "{now} lies before the change at {}", self.changed);
        self.integral + u128::from(self.value) * u128::from(now.as_nanos() - self.changed.as_nanos())
    }

    /// The mean from the start to `now`; the value itself when no time has passed.
    ///
    /// # Panics
    /// When `now` lies before the last change.
    #[must_use]
    pub fn mean(&self, now: SimTime) -> f64 {
        let span = now.as_nanos() - self.start.as_nanos();
        if span == 0 { self.value as f64 } else { self.integral(now) as f64 / span as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_by_hand() {
        let s = SimTime::from_secs;
        let mut queue = TimeAverage::new(s(10), 1);
        assert_eq!(queue.mean(s(10)), 1.0);
        queue.increase(s(12), 2);
        queue.increase(s(12), 5);
        queue.decrease(s(12), 5);
        queue.decrease(s(14), 3);
        assert_eq!(queue.integral(s(18)), (2 + 2 * 3) * 1_000_000_000);
        assert_eq!(queue.mean(s(18)), 1.0);
        assert_eq!((queue.value(), queue.max()), (0, 8));
    }

    #[test]
    fn the_warm_up_is_forgotten() {
        let s = SimTime::from_secs;
        let mut value = TimeAverage::new(s(0), 100);
        value.set(s(5), 2);
        value.restart(s(7));
        assert_eq!(value.mean(s(7)), 2.0);
        value.set(s(9), 4);
        assert_eq!(value.mean(s(11)), 3.0);
        assert_eq!(value.max(), 4);
    }

    #[test]
    fn the_longest_run_at_the_greatest_value_does_not_overflow() {
        let value = TimeAverage::new(SimTime::ZERO, u64::MAX);
        assert_eq!(value.integral(SimTime::MAX), u128::from(u64::MAX) * u128::from(u64::MAX));
        assert_eq!(value.mean(SimTime::MAX), u64::MAX as f64);
    }

    #[test]
    #[should_panic(expected = "lies before the change")]
    fn time_does_not_go_back() {
        let mut value = TimeAverage::new(SimTime::from_secs(2), 0);
        value.set(SimTime::from_secs(1), 1);
    }

    #[test]
    #[should_panic(expected = "below zero")]
    fn a_value_is_not_negative() {
        TimeAverage::new(SimTime::ZERO, 1).decrease(SimTime::ZERO, 2);
    }
}

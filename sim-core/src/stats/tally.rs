//! Mean, variance and extremes of samples, in one pass.

use super::student::{Interval, interval_of};

/// Mean, variance, least and greatest of the samples recorded.
///
/// B. P. Welford, "Note on a method for calculating corrected sums of squares and products",
/// Technometrics 4(3), 1962: no cancellation, however far the mean lies from zero.
///
/// ```
/// use sim_core::stats::Tally;
/// let tally: Tally = [2.0, 4.0, 9.0].into_iter().collect();
/// assert_eq!((tally.count(), tally.mean(), tally.variance()), (3, 5.0, 13.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tally {
    count: u64,
    mean: f64,
    /// The sum of the squared distances from the mean.
    squares: f64,
    min: f64,
    max: f64,
}

impl Default for Tally {
    fn default() -> Self {
        Self::new()
    }
}

impl Tally {
    /// A tally of no samples.
    #[must_use]
    pub const fn new() -> Self {
        Tally { count: 0, mean: 0.0, squares: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }

    /// Records a sample.
    #[inline]
    pub fn record(&mut self, sample: f64) {
        self.count += 1;
        let distance = sample - self.mean;
        self.mean += distance / self.count as f64;
        self.squares += distance * (sample - self.mean);
        self.min = self.min.min(sample);
        self.max = self.max.max(sample);
    }

    /// Adds the samples of `other`. The result depends on the order of merging in its last bits.
    ///
    /// T. F. Chan, G. H. Golub and R. J. LeVeque, "Algorithms for computing the sample variance",
    /// The American Statistician 37(3), 1983.
    pub fn merge(&mut self, other: &Tally) {
        if other.count == 0 {
            return;
        }
        let count = self.count + other.count;
        let (ours, theirs, all) = (self.count as f64, other.count as f64, count as f64);
        let distance = other.mean - self.mean;
        self.mean += distance * theirs / all;
        self.squares += other.squares + distance * distance * ours * theirs / all;
        self.count = count;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// The number of samples.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The mean; 0 of no samples.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The sum, to the accuracy of the mean.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.mean * self.count as f64
    }

    /// The sample variance, with n - 1 in the denominator; 0 of fewer than two samples.
    #[must_use]
    pub fn variance(&self) -> f64 {
        if self.count < 2 { 0.0 } else { self.squares / (self.count - 1) as f64 }
    }

    /// The square root of the variance.
    #[must_use]
    pub fn standard_deviation(&self) -> f64 {
        libm::sqrt(self.variance())
    }

    /// The least sample; `None` of no samples.
    #[must_use]
    pub fn min(&self) -> Option<f64> {
        (self.count > 0).then_some(self.min)
    }

    /// The greatest sample; `None` of no samples.
    #[must_use]
    pub fn max(&self) -> Option<f64> {
        (self.count > 0).then_some(self.max)
    }

    /// The interval that covers the true mean with probability `level`, if the samples are
    /// independent and about normally distributed; see [`super::confidence_interval`].
    #[must_use]
    pub fn confidence_interval(&self, level: f64) -> Interval {
        interval_of(self, level)
    }
}

impl Extend<f64> for Tally {
    fn extend<I: IntoIterator<Item = f64>>(&mut self, samples: I) {
        samples.into_iter().for_each(|sample| self.record(sample));
    }
}

impl FromIterator<f64> for Tally {
    fn from_iter<I: IntoIterator<Item = f64>>(samples: I) -> Self {
        let mut tally = Tally::new();
        tally.extend(samples);
        tally
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_samples_and_one() {
        let mut tally = Tally::new();
        assert_eq!(
            (tally.count(), tally.mean(), tally.variance(), tally.min(), tally.max()),
            (0, 0.0, 0.0, None, None)
        );
        tally.record(-4.0);
        assert_eq!(
            (tally.mean(), tally.variance(), tally.min(), tally.max()),
            (-4.0, 0.0, Some(-4.0), Some(-4.0))
        );
    }

    #[test]
    fn a_mean_far_from_zero_costs_no_accuracy() {
        let tally: Tally = [4.0, 7.0, 13.0, 16.0].map(|sample| sample + 1e9).into_iter().collect();
        assert_eq!(tally.mean(), 1e9 + 10.0);
        assert_eq!(tally.variance(), 30.0);
        assert_eq!(tally.standard_deviation(), libm::sqrt(30.0));
        assert_eq!(tally.sum(), 4e9 + 40.0);
    }

    #[test]
    fn merging_none_changes_nothing() {
        let mut tally: Tally = [1.0, 5.0].into_iter().collect();
        let before = tally;
        tally.merge(&Tally::new());
        assert_eq!(tally, before);
        let mut empty = Tally::new();
        empty.merge(&before);
        assert_eq!(empty, before);
    }

    proptest! {
        #[test]
        fn parts_merge_to_the_whole(
            samples in prop::collection::vec(-1e6..1e6f64, 2..100), at in any::<prop::sample::Index>(),
        ) {
            let (left, right) = samples.split_at(at.index(samples.len()));
            let mut merged: Tally = left.iter().copied().collect();
            merged.merge(&right.iter().copied().collect());
            let count = samples.len() as f64;
            let mean = samples.iter().sum::<f64>() / count;
            let variance = samples.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (count - 1.0);
            prop_assert_eq!(merged.count(), samples.len() as u64);
            prop_assert!((merged.mean() - mean).abs() < 1e-6);
            prop_assert!((merged.variance() / variance - 1.0).abs() < 1e-9);
            prop_assert_eq!(merged.min(), samples.iter().copied().reduce(f64::min));
            prop_assert_eq!(merged.max(), samples.iter().copied().reduce(f64::max));
        }
    }
}

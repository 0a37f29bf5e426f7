//! Percentiles of very many samples in little memory.

use super::nearest_rank;

/// Each power of two is divided into 2^7 buckets.
const DIVISION_BITS: u32 = 7;
const DIVISIONS: u64 = 1 << DIVISION_BITS;

/// A log-linear histogram of `u64` samples (nanoseconds, bytes).
///
/// Values up to 255 have a bucket of their own; above, each power of two is divided into 128
/// buckets of equal width. A percentile is reported as the middle of its bucket, so it differs from
/// the exact one by at most 1/256 of it, 0.4 %. Count, sum, least and greatest are exact. Takes
/// 8 bytes a bucket up to the greatest sample: 35 KiB for samples up to an hour in nanoseconds,
/// at most 58 KiB.
///
/// The scheme is that of G. Tene's HdrHistogram.
///
/// ```
/// use sim_core::stats::Histogram;
/// let mut latencies = Histogram::new();
/// (1..=1_000).for_each(|us| latencies.record(us * 1_000));
/// let p99 = latencies.percentile(99.0).unwrap();
/// assert!(p99.abs_diff(990_000) <= 990_000 / 256);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    sum: u128,
    min: u64,
    max: u64,
}

/// A bucket of a [`Histogram`]: how many samples lie from `low` to `high`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The least value that falls into the bucket.
    pub low: u64,
    /// The greatest value that falls into the bucket.
    pub high: u64,
    /// The number of samples.
    pub count: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

/// A value is its leading eight bits, shifted; the bucket is told by the shift and those bits.
fn bucket_of(value: u64) -> usize {
    let shift = (value | DIVISIONS).ilog2() - DIVISION_BITS;
    (u64::from(shift) * DIVISIONS + (value >> shift)) as usize
}

fn bounds_of(bucket: usize) -> (u64, u64) {
    let shift = ((bucket as u64 / DIVISIONS).saturating_sub(1)) as u32;
    let leading = bucket as u64 - u64::from(shift) * DIVISIONS;
    let low = leading << shift;
    (low, low + ((1 << shift) - 1))
}

impl Histogram {
    /// A histogram of no samples.
    #[must_use]
    pub const fn new() -> Self {
        Histogram { buckets: Vec::new(), count: 0, sum: 0, min: u64::MAX, max: 0 }
    }

    /// Records a sample.
    #[inline]
    pub fn record(&mut self, value: u64) {
        self.record_many(value, 1);
    }

    /// Records `times` samples of the same value.
    #[inline]
    pub fn record_many(&mut self, value: u64, times: u64) {
        if times == 0 {
            return;
        }
        let bucket = bucket_of(value);
        if bucket >= self.buckets.len() {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] += times;
        self.count += times;
        self.sum += u128::from(value) * u128::from(times);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// Adds the samples of `other`; in any order, the result is the same.
    pub fn merge(&mut self, other: &Histogram) {
        if other.buckets.len() > self.buckets.len() {
            self.buckets.resize(other.buckets.len(), 0);
        }
        for (ours, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *ours += theirs;
        }
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// The number of samples.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The sum of the samples, exactly.
    #[must_use]
    pub fn sum(&self) -> u128 {
        self.sum
    }

    /// The mean; `None` of no samples.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }

    /// The least sample, exactly; `None` of no samples.
    #[must_use]
    pub fn min(&self) -> Option<u64> {
        (self.count > 0).then_some(self.min)
    }

    /// The greatest sample, exactly; `None` of no samples.
    #[must_use]
    pub fn max(&self) -> Option<u64> {
        (self.count > 0).then_some(self.max)
    }

    /// The `p`-th percentile by the nearest rank, as [`super::percentile`] defines it, off by at most
    /// 1/256 of it; the 0th and the 100th are exact. `None` of no samples.
    ///
    /// # Panics
    /// When `p` is not in 0..=100.
    #[must_use]
    pub fn percentile(&self, p: f64) -> Option<u64> {
        let rank = nearest_rank(p, self.count);
        if rank <= 1 || rank == self.count {
            return if rank <= 1 { self.min() } else { self.max() };
        }
        let mut below = 0;
        let bucket = self.buckets.iter().position(|count| {
            below += count;
            below >= rank
        })?;
        let (low, high) = bounds_of(bucket);
        Some((low + (high - low) / 2).clamp(self.min, self.max))
    }

    /// The buckets that hold samples, in ascending order.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> {
        self.buckets.iter().enumerate().filter(|(_, count)| **count > 0).map(|(bucket, &count)| {
            let (low, high) = bounds_of(bucket);
            Bucket { low, high, count }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::percentile;
    use proptest::prelude::*;

    #[test]
    fn buckets_lie_side_by_side_without_gap_or_overlap() {
        let last = bucket_of(u64::MAX);
        assert_eq!(bounds_of(last).1, u64::MAX);
        assert_eq!(bounds_of(0), (0, 0));
        for bucket in 0..last {
            let (low, high) = bounds_of(bucket);
            assert_eq!((bucket_of(low), bucket_of(high)), (bucket, bucket));
            assert_eq!(high + 1, bounds_of(bucket + 1).0);
            assert!(high - low <= low / DIVISIONS, "the width is at most 1/128 of the value");
        }
        assert_eq!((last + 1) * 8 / 1024, 58, "KiB, as documented");
        assert_eq!((bucket_of(3_600_000_000_000) + 1) * 8 / 1024, 35);
    }

    #[test]
    fn no_samples_and_one() {
        let mut histogram = Histogram::new();
        assert_eq!((histogram.percentile(50.0), histogram.mean(), histogram.min()), (None, None, None));
        assert_eq!(histogram.buckets().count(), 0);
        histogram.record(1_000_003);
        for p in [0.0, 50.0, 100.0] {
            assert_eq!(histogram.percentile(p), Some(1_000_003));
        }
        assert_eq!((histogram.mean(), histogram.max()), (Some(1_000_003.0), Some(1_000_003)));
        histogram.record_many(5, 0);
        assert_eq!(histogram.count(), 1);
    }

    fn sample() -> impl Strategy<Value = u64> {
        prop_oneof![0..1_000u64, 0..10_000_000_000u64, any::<u64>()]
    }

    proptest! {
        #[test]
        fn percentiles_are_within_the_documented_error(
            mut samples in prop::collection::vec(sample(), 1..300), p in 0.0..=100.0f64,
        ) {
            let mut histogram = Histogram::new();
            samples.iter().for_each(|sample| histogram.record(*sample));
            samples.sort_unstable();
            let (exact, ours) = (percentile(&samples, p).unwrap(), histogram.percentile(p).unwrap());
            prop_assert!(ours.abs_diff(exact) <= exact / 256, "{ours} for {exact}");
            prop_assert_eq!(histogram.sum(), samples.iter().map(|sample| u128::from(*sample)).sum::<u128>());
            let total: u64 = histogram.buckets().map(|bucket| bucket.count).sum();
            prop_assert_eq!(total, histogram.count());
        }

        #[test]
        fn parts_merge_to_the_whole(
            samples in prop::collection::vec((sample(), 1..4u64), 1..100), at in any::<prop::sample::Index>(),
        ) {
            let of = |samples: &[(u64, u64)]| {
                let mut histogram = Histogram::new();
                samples.iter().for_each(|(value, times)| histogram.record_many(*value, *times));
                histogram
            };
            let (left, right) = samples.split_at(at.index(samples.len()));
            let (mut one, mut other) = (of(left), of(right));
            one.merge(&of(right));
            other.merge(&of(left));
            prop_assert_eq!(&one, &of(&samples));
            prop_assert_eq!(&one, &other);
        }
    }
}

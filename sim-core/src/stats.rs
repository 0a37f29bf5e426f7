//! Statistics of what a run produces.
//!
//! | Question | Type |
//! | --- | --- |
//! | Mean, spread, extremes of samples | [`Tally`] |
//! | Mean over time of a value that changes in steps: a queue, a power | [`TimeAverage`] |
//! | Percentiles of very many samples, to a known error | [`Histogram`] |
//! | Percentiles of samples that were kept, exactly | [`percentile`] |
//! | How far the mean of replications may be off | [`confidence_interval`] |
//!
//! # Determinism
//!
//! Sums of integers are exact, in any order. Sums of floats depend on the order: merge tallies in the
//! order of the runs, never in that of their completion. All functions are computed on `libm`.

mod histogram;
mod student;
mod tally;
mod time_average;

pub use histogram::{Bucket, Histogram};
pub use student::{Interval, confidence_interval, student_t_quantile};
pub use tally::Tally;
pub use time_average::TimeAverage;

/// The `p`-th percentile of samples in ascending order, `p` from 0 to 100, by the nearest rank: the
/// least sample that at least `p` percent of the samples do not exceed. The 0th is the least sample.
/// It is always one of the samples. `None` when there are none.
///
/// ```
/// use sim_core::stats::percentile;
/// assert_eq!(percentile(&[15, 20, 35, 40, 50], 30.0), Some(20));
/// assert_eq!(percentile(&[15, 20, 35, 40, 50], 100.0), Some(50));
/// assert_eq!(percentile(&[], 50.0), None);
/// ```
///
/// # Panics
/// When `p` is not in 0..=100.
#[must_use]
pub fn percentile(sorted: &[u64], p: f64) -> Option<u64> {
    debug_assert!(sorted.is_sorted(), "percentiles are of samples in ascending order");
    let rank = nearest_rank(p, sorted.len() as u64);
    sorted.get((rank as usize).saturating_sub(1)).copied()
}

/// The rank, from 1, of the `p`-th percentile of `count` samples: `p` / 100 x `count` rounded up.
fn nearest_rank(p: f64, count: u64) -> u64 {
    assert!((0.0..=100.0).contains(&p), "a percentile is between 0 and 100, not {p}");
    let exact = p * count as f64 / 100.0;
    // A product that is whole but for the rounding of p is whole: 99.9 % of 1,000 is rank 999.
    let whole = exact.round();
    let rank = if (exact - whole).abs() <= exact * 1e-12 { whole } else { exact.ceil() };
    (rank as u64).clamp(1, count.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranks_are_rounded_up_but_not_for_a_rounding_error() {
        assert_eq!(nearest_rank(99.9, 1_000), 999);
        assert_eq!(nearest_rank(99.9, 1_001), 1_000);
        assert_eq!(nearest_rank(0.0, 10), 1);
        assert_eq!(nearest_rank(100.0, 10), 10);
        assert_eq!(nearest_rank(50.0, 5), 3);
        for tenth in 0..=1_000u64 {
            // In whole numbers: tenth / 1,000 of 7,000 is 7 x tenth.
            assert_eq!(nearest_rank(tenth as f64 / 10.0, 7_000), (7 * tenth).max(1), "{tenth}");
        }
    }

    #[test]
    #[should_panic(expected = "between 0 and 100")]
    fn there_is_no_101st_percentile() {
        let _ = percentile(&[1], 101.0);
    }

    proptest! {
        /// The definition, word by word.
        #[test]
        fn a_percentile_is_the_least_sample_that_covers_its_share(
            mut samples in prop::collection::vec(0..100u64, 1..50), p in 1..=100u32,
        ) {
            samples.sort_unstable();
            let covers = |value: u64| {
                let share = samples.iter().filter(|sample| **sample <= value).count();
                share * 100 >= p as usize * samples.len()
            };
            let expected = samples.iter().copied().find(|value| covers(*value));
            prop_assert_eq!(percentile(&samples, f64::from(p)), expected);
        }
    }
}

//! What several runs of one point tell: means with 95 % intervals, and differences.
//!
//! The samples are replications, never the successive values of one run: those are independent and
//! nearly normal, so Student's t gives the interval (A. M. Law, *Simulation Modeling and Analysis*,
//! 5th ed., §9.4). With common random numbers, run *r* of two points is a pair, and the interval is
//! that of the differences (§10.2.1); without, Welch's (§10.2.2). Held against M/M/1 in `tests/suite`.

use sim_core::stats::{Interval, Tally, confidence_interval, student_t_quantile};

/// Of all intervals.
pub const LEVEL: f64 = 0.95;

/// What the replications of one figure tell.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Description {
    /// Number of replications that have a value.
    pub runs: u64,
    /// Mean and half-width of the 95 % interval; infinite with one replication.
    pub interval: Interval,
    /// Standard deviation over the replications.
    pub standard_deviation: f64,
    /// Least, median and largest; the 5th and 95th percentile between them.
    pub percentiles: [f64; 5],
}

impl Description {
    /// Describes the values of replications; those without a value (NaN) are left out. `None` where
    /// no replication has one.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
        if sorted.is_empty() {
            return None;
        }
        let interval = confidence_interval(&sorted, LEVEL);
        let standard_deviation = deviation(&sorted);
        sorted.sort_by(f64::total_cmp);
        let rank = |percent: f64| {
            let rank = (percent / 100.0 * sorted.len() as f64).ceil().max(1.0) as usize;
            sorted[rank.min(sorted.len()) - 1]
        };
        Some(Description {
            runs: sorted.len() as u64,
            interval,
            standard_deviation,
            percentiles: [0.0, 5.0, 50.0, 95.0, 100.0].map(rank),
        })
    }

    /// The half-width as a share of the mean; 0 where all replications agree.
    #[must_use]
    pub fn relative(&self) -> f64 {
        if self.standard_deviation == 0.0 && self.runs > 1 {
            return 0.0;
        }
        self.interval.half_width / self.interval.mean.abs()
    }

    /// How many replications a half-width of `share` of the mean will take, as far as these tell.
    #[must_use]
    pub fn runs_for(&self, share: f64) -> u64 {
        let ratio = self.relative() / share;
        let runs = (self.runs as f64 * ratio * ratio).ceil();
        if runs.is_finite() { runs as u64 } else { u64::MAX }
    }
}

fn deviation(values: &[f64]) -> f64 {
    let tally: Tally = values.iter().copied().collect();
    if tally.count() < 2 { 0.0 } else { tally.standard_deviation() }
}

/// A difference of two means.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Difference {
    /// `b - a`, with its interval at [`LEVEL`].
    pub interval: Interval,
    /// Replications that the difference rests on, of each side.
    pub runs: u64,
    /// Whether run *r* of both sides was taken as a pair.
    pub paired: bool,
    /// How many times more replications the same half-width takes without pairs; 1 without pairs.
    pub saving: f64,
    /// What `saving` could be at most, were these replications paired in any other way: see [`most`].
    pub at_most: f64,
}

/// The largest ratio `(Var a + Var b) / Var(b - a)` that these values of two sides have in any pairing.
///
/// Of all pairings the one by rank (least with least, largest with largest) has the largest covariance (G. H.
/// Hardy, J. E. Littlewood, G. Pólya, *Inequalities*, §10.2), hence the smallest variance of the
/// differences. Since no correlation exceeds 1, it is itself at most `(s_a² + s_b²) / (s_a - s_b)²`.
fn most(pairs: &[(f64, f64)], sum_of_variances: f64) -> f64 {
    let sorted = |of: fn(&(f64, f64)) -> f64| {
        let mut values: Vec<f64> = pairs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let by_rank: Vec<f64> =
        sorted(|pair| pair.0).iter().zip(sorted(|pair| pair.1)).map(|(a, b)| b - a).collect();
    ratio(sum_of_variances, deviation(&by_rank))
}

fn ratio(sum_of_variances: f64, deviation: f64) -> f64 {
    if deviation == 0.0 { f64::INFINITY } else { sum_of_variances / (deviation * deviation) }
}

impl Difference {
    /// Of pairs: `values[r]` of both sides met the same random numbers.
    #[must_use]
    pub fn paired(a: &[f64], b: &[f64], level: f64) -> Option<Self> {
        let pairs: Vec<(f64, f64)> =
            a.iter().zip(b).map(|(a, b)| (*a, *b)).filter(|(a, b)| !a.is_nan() && !b.is_nan()).collect();
        if pairs.is_empty() {
            return None;
        }
        let differences: Vec<f64> = pairs.iter().map(|(a, b)| b - a).collect();
        let side = |of: fn(&(f64, f64)) -> f64| deviation(&pairs.iter().map(of).collect::<Vec<_>>());
        let (of_a, of_b, of_both) = (side(|pair| pair.0), side(|pair| pair.1), deviation(&differences));
        let sum = of_a * of_a + of_b * of_b;
        let saving = ratio(sum, of_both);
        Some(Difference {
            interval: confidence_interval(&differences, level),
            runs: pairs.len() as u64,
            paired: true,
            saving,
            // Rounding aside, the pairs as they are, are one of all pairings.
            at_most: most(&pairs, sum).max(saving),
        })
    }

    /// Of independent replications, by Welch.
    #[must_use]
    pub fn unpaired(a: &[f64], b: &[f64], level: f64) -> Option<Self> {
        let tally = |values: &[f64]| values.iter().copied().filter(|v| !v.is_nan()).collect::<Tally>();
        let (a, b) = (tally(a), tally(b));
        if a.count() == 0 || b.count() == 0 {
            return None;
        }
        let half_width = if a.count() < 2 || b.count() < 2 {
            f64::INFINITY
        } else {
            let part = |of: &Tally| {
                let deviation = of.standard_deviation();
                deviation * deviation / of.count() as f64
            };
            let (of_a, of_b) = (part(&a), part(&b));
            let sum = of_a + of_b;
            if sum == 0.0 {
                0.0
            } else {
                // B. L. Welch, Biometrika 34, 1947: the degrees of freedom.
                let freedom = |part: f64, count: u64| part * part / (count - 1) as f64;
                let df = sum * sum / (freedom(of_a, a.count()) + freedom(of_b, b.count()));
                student_t_quantile(0.5 + level / 2.0, df) * sum.sqrt()
            }
        };
        let interval = Interval { mean: b.mean() - a.mean(), half_width };
        Some(Difference {
            interval,
            runs: a.count().min(b.count()),
            paired: false,
            saving: 1.0,
            at_most: 1.0,
        })
    }

    /// Whether zero lies outside of the interval.
    #[must_use]
    pub fn is_significant(&self) -> bool {
        // Equal pairs differ by exactly nothing.
        self.interval.mean != 0.0 && !self.interval.contains(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_leaves_out_what_has_no_value() {
        let of = Description::of(&[3.0, f64::NAN, 1.0, 2.0]).unwrap();
        assert_eq!((of.runs, of.interval.mean, of.standard_deviation), (3, 2.0, 1.0));
        assert_eq!(of.percentiles, [1.0, 1.0, 2.0, 3.0, 3.0]);
        // t of 0.975 with two degrees of freedom is 4.303.
        assert!((of.interval.half_width - 4.302_653 / 3_f64.sqrt()).abs() < 1e-5);
        assert!(Description::of(&[f64::NAN]).is_none());
        assert_eq!(Description::of(&[5.0]).unwrap().interval.half_width, f64::INFINITY);
        assert_eq!(Description::of(&[5.0, 5.0]).unwrap().relative(), 0.0);
        assert_eq!(of.runs_for(of.relative() / 2.0), 12, "half as wide takes four times as many");
    }

    #[test]
    fn pairs_see_a_difference_that_their_spread_hides() {
        let a = [10.0, 20.0, 30.0, 40.0];
        let b = [11.0, 21.1, 30.9, 41.0];
        let paired = Difference::paired(&a, &b, LEVEL).unwrap();
        let unpaired = Difference::unpaired(&a, &b, LEVEL).unwrap();
        assert!((paired.interval.mean - 1.0).abs() < 1e-9 && (unpaired.interval.mean - 1.0).abs() < 1e-9);
        assert!(paired.is_significant() && !unpaired.is_significant());
        assert!(paired.saving > 1_000.0, "{}", paired.saving);
        assert!(!Difference::paired(&a, &a, LEVEL).unwrap().is_significant());
    }

    /// All orders of five values, and no correlation above 1.
    #[test]
    fn no_pairing_saves_more_than_the_one_by_rank() {
        let a = [3.0, 10.0, 1.0, 40.0, 4.0];
        let mut orders: Vec<Vec<f64>> = vec![Vec::new()];
        for value in [5.0, 1.0, 9.0, 7.5, 2.0] {
            let longer = |order: &Vec<f64>| -> Vec<Vec<f64>> {
                (0..=order.len()).map(|at| [&order[..at], &[value][..], &order[at..]].concat()).collect()
            };
            orders = orders.iter().flat_map(longer).collect();
        }
        assert_eq!(orders.len(), 120);
        let all: Vec<Difference> = orders.iter().map(|b| Difference::paired(&a, b, LEVEL).unwrap()).collect();
        let best = all.iter().map(|of| of.saving).fold(0.0, f64::max);
        let (of_a, of_b) = (deviation(&a), deviation(&orders[0]));
        let correlated = (of_a * of_a + of_b * of_b) / ((of_a - of_b) * (of_a - of_b));
        for of in &all {
            assert!(of.saving <= of.at_most && (of.at_most - best).abs() < 1e-9, "{of:?} {best}");
            assert!(of.at_most <= correlated, "{of:?} {correlated}");
        }
        // A figure that hardly varies cannot be paired with one that does, whatever the draws are.
        let hardly = Difference::paired(&a, &[5.0, 5.0, 5.0, 5.1, 5.0], LEVEL).unwrap();
        assert!(hardly.at_most < 1.01, "{hardly:?}");
        assert_eq!(Difference::paired(&a, &a, LEVEL).unwrap().at_most, f64::INFINITY);
    }

    /// Two samples from a textbook table of Welch's test, recomputed with 50 digits elsewhere would
    /// not help a reader: equal variances and counts give the pooled test's 2n - 2 degrees instead.
    #[test]
    fn equal_spreads_have_the_degrees_of_freedom_of_the_pooled_test() {
        let (a, b) = ([1.0, 2.0, 3.0], [5.0, 6.0, 7.0]);
        let difference = Difference::unpaired(&a, &b, LEVEL).unwrap();
        let expected = student_t_quantile(0.975, 4.0) * (2.0_f64 / 3.0).sqrt();
        assert!((difference.interval.half_width - expected).abs() < 1e-9);
    }
}

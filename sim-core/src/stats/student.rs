//! Confidence intervals by Student's t distribution.
//!
//! The distribution function is an incomplete beta function, evaluated by its continued fraction
//! (NIST Digital Library of Mathematical Functions, §8.17.22, by the modified Lentz method); the
//! quantile is found by bisection to the last bit. This takes some microseconds: it is for summaries.
//! Held against the printed table of quantiles.

use super::Tally;
use crate::random::standard_normal_quantile;

/// A mean and how far it may be off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The mean of the samples.
    pub mean: f64,
    /// The interval reaches this far to either side of the mean.
    pub half_width: f64,
}

impl Interval {
    /// The lower end.
    #[must_use]
    pub fn low(&self) -> f64 {
        self.mean - self.half_width
    }

    /// The upper end.
    #[must_use]
    pub fn high(&self) -> f64 {
        self.mean + self.half_width
    }

    /// Whether `value` lies in the interval, ends included.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        (value - self.mean).abs() <= self.half_width
    }
}

/// The interval that covers the true mean with probability `level` (0.95, say).
///
/// The samples are independent and about normally distributed: means of replications or of long
/// batches, not the successive values of one run. The half-width is infinite of fewer than two
/// samples, which tell nothing about their spread.
///
/// ```
/// use sim_core::stats::confidence_interval;
/// let interval = confidence_interval(&[9.0, 10.0, 11.0], 0.95);
/// assert_eq!(interval.mean, 10.0);
/// assert!((interval.half_width - 4.302_653 / 3f64.sqrt()).abs() < 1e-6);
/// ```
///
/// # Panics
/// When `level` is not between 0 and 1.
#[must_use]
pub fn confidence_interval(samples: &[f64], level: f64) -> Interval {
    interval_of(&samples.iter().copied().collect(), level)
}

pub(super) fn interval_of(tally: &Tally, level: f64) -> Interval {
    assert!(level > 0.0 && level < 1.0, "a confidence level lies between 0 and 1, not at {level}");
    let half_width = if tally.count() < 2 {
        f64::INFINITY
    } else {
        let t = student_t_quantile(0.5 + level / 2.0, (tally.count() - 1) as f64);
        t * tally.standard_deviation() / libm::sqrt(tally.count() as f64)
    };
    Interval { mean: tally.mean(), half_width }
}

/// The t that a variate of Student's distribution with `df` degrees of freedom stays below with
/// probability `p`. With infinite `df` it is that of the standard normal distribution.
///
/// # Panics
/// When `p` is not between 0 and 1, or `df` is not positive.
#[must_use]
pub fn student_t_quantile(p: f64, df: f64) -> f64 {
    assert!(p > 0.0 && p < 1.0, "a quantile is asked for a probability between 0 and 1, not {p}");
    assert!(df > 0.0, "the degrees of freedom are positive, not {df}");
    // Beyond this the two differ by less than the logarithm of the gamma function is accurate to.
    if df > 1e8 {
        return standard_normal_quantile(p);
    }
    if p < 0.5 {
        return -student_t_quantile(1.0 - p, df);
    }
    let upper = 1.0 - p;
    let (mut low, mut high) = (0.0, 1.0);
    while upper_tail(high, df) > upper {
        (low, high) = (high, high * 2.0);
    }
    loop {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            return middle;
        }
        if upper_tail(middle, df) > upper { low = middle } else { high = middle }
    }
}

/// The probability that a variate with `df` degrees of freedom exceeds `t`, for `t` >= 0.
fn upper_tail(t: f64, df: f64) -> f64 {
    // DLMF §8.17: P(T > t) = I_x(df / 2, 1 / 2) / 2 with x = df / (df + t^2).
    let square = t * t;
    0.5 * incomplete_beta(df / 2.0, 0.5, df / (df + square), square / (df + square))
}

/// The regularized incomplete beta function I_x(a, b); `y` is 1 - `x`, given apart so that no
/// accuracy is lost where `x` is close to 1.
fn incomplete_beta(a: f64, b: f64, x: f64, y: f64) -> f64 {
    if x <= 0.0 || y <= 0.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    // The fraction converges fast on this side of the mean; DLMF 8.17.4 leads here from the other.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(b, a, y, x);
    }
    let log_beta = libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
    libm::exp(a * libm::log(x) + b * libm::log(y) - log_beta) / a * beta_fraction(a, b, x)
}

/// DLMF 8.17.22: 1 / (1 + d1 / (1 + d2 / (1 + ...))).
fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    /// Keeps the denominators of the Lentz method away from zero.
    const TINY: f64 = 1e-300;
    let away = |value: f64| if value.abs() < TINY { TINY } else { value };
    let (mut value, mut c, mut d) = (1.0, 1.0, 0.0);
    for n in 1..10_000 {
        let m = f64::from(n / 2);
        // DLMF 8.17.23
        let coefficient = if n % 2 == 0 {
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        } else {
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        };
        c = away(1.0 + coefficient / c);
        d = 1.0 / away(1.0 + coefficient * d);
        value *= c * d;
        if (c * d - 1.0).abs() < 1e-16 {
            break;
        }
    }
    1.0 / value
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    /// NIST/SEMATECH e-Handbook of Statistical Methods, §1.3.6.7.2: df, then the quantiles of 0.90,
    /// 0.95, 0.975, 0.99, 0.995, 0.999.
    const TABLE: [(f64, [f64; 6]); 20] = [
        (1.0, [3.078, 6.314, 12.706, 31.821, 63.657, 318.309]),
        (2.0, [1.886, 2.920, 4.303, 6.965, 9.925, 22.327]),
        (3.0, [1.638, 2.353, 3.182, 4.541, 5.841, 10.215]),
        (4.0, [1.533, 2.132, 2.776, 3.747, 4.604, 7.173]),
        (5.0, [1.476, 2.015, 2.571, 3.365, 4.032, 5.893]),
        (6.0, [1.440, 1.943, 2.447, 3.143, 3.707, 5.208]),
        (7.0, [1.415, 1.895, 2.365, 2.998, 3.499, 4.785]),
        (8.0, [1.397, 1.860, 2.306, 2.896, 3.355, 4.501]),
        (9.0, [1.383, 1.833, 2.262, 2.821, 3.250, 4.297]),
        (10.0, [1.372, 1.812, 2.228, 2.764, 3.169, 4.144]),
        (12.0, [1.356, 1.782, 2.179, 2.681, 3.055, 3.930]),
        (15.0, [1.341, 1.753, 2.131, 2.602, 2.947, 3.733]),
        (19.0, [1.328, 1.729, 2.093, 2.539, 2.861, 3.579]),
        (20.0, [1.325, 1.725, 2.086, 2.528, 2.845, 3.552]),
        (29.0, [1.311, 1.699, 2.045, 2.462, 2.756, 3.396]),
        (30.0, [1.310, 1.697, 2.042, 2.457, 2.750, 3.385]),
        (40.0, [1.303, 1.684, 2.021, 2.423, 2.704, 3.307]),
        (60.0, [1.296, 1.671, 2.000, 2.390, 2.660, 3.232]),
        (120.0, [1.289, 1.658, 1.980, 2.358, 2.617, 3.160]),
        (f64::INFINITY, [1.282, 1.645, 1.960, 2.326, 2.576, 3.090]),
    ];

    #[test]
    fn table_values() {
        for (df, quantiles) in TABLE {
            for (p, expected) in [0.90, 0.95, 0.975, 0.99, 0.995, 0.999].into_iter().zip(quantiles) {
                let t = student_t_quantile(p, df);
                assert!((t - expected).abs() < 0.000_51, "df {df}, p {p}: {t}, the table has {expected}");
            }
        }
    }

    /// With 1, 2 and 4 degrees of freedom there are closed forms.
    #[test]
    fn closed_forms() {
        for p in [0.55, 0.6, 0.75, 0.9, 0.975, 0.995, 0.9999, 0.999_999] {
            let close = |df: f64, expected: f64| {
                let t = student_t_quantile(p, df);
                assert!((t / expected - 1.0).abs() < 1e-9, "df {df}, p {p}: {t}, not {expected}");
                assert!((student_t_quantile(1.0 - p, df) + t).abs() < 1e-9 * t.max(1.0));
            };
            close(1.0, libm::tan(PI * (p - 0.5)));
            let a = 4.0 * p * (1.0 - p);
            close(2.0, 2.0 * (p - 0.5) * (2.0 / a).sqrt());
            let q = libm::cos(libm::acos(a.sqrt()) / 3.0) / a.sqrt();
            close(4.0, 2.0 * (q - 1.0).sqrt());
        }
    }

    #[test]
    fn many_degrees_of_freedom_approach_the_normal_distribution() {
        for p in [0.6, 0.9, 0.975, 0.999] {
            let z = standard_normal_quantile(p);
            for df in [1e3, 1e5, 1e7, 1e9] {
                // The first two terms of the expansion: Abramowitz and Stegun 26.7.5.
                let (z3, z5) = (z * z * z, z * z * z * z * z);
                let expected =
                    z + (z3 + z) / (4.0 * df) + (5.0 * z5 + 16.0 * z3 + 3.0 * z) / (96.0 * df * df);
                let t = student_t_quantile(p, df);
                assert!(
                    (t - expected).abs() < 50.0 / (df * df * df) + 1e-8,
                    "df {df}, p {p}: {t}, not {expected}"
                );
            }
        }
    }

    #[test]
    fn the_median_is_zero() {
        assert!(student_t_quantile(0.5, 5.0).abs() < 1e-12);
    }

    #[test]
    fn one_sample_tells_nothing_about_the_spread() {
        assert_eq!(confidence_interval(&[3.0], 0.95), Interval { mean: 3.0, half_width: f64::INFINITY });
        let same = confidence_interval(&[3.0, 3.0], 0.95);
        assert_eq!((same.low(), same.high(), same.contains(3.0)), (3.0, 3.0, true));
    }

    /// Of 2,000 intervals from 8 normal samples each, 95 % cover the true mean.
    #[test]
    fn intervals_cover_the_mean_as_often_as_they_say() {
        let mut stream = crate::random::Streams::new(3, 0).stream("coverage");
        let covered = (0..2_000)
            .filter(|_| {
                let samples: [f64; 8] = std::array::from_fn(|_| stream.normal(5.0, 2.0));
                confidence_interval(&samples, 0.95).contains(5.0)
            })
            .count();
        // The standard deviation is 9.7.
        assert!((1_865..=1_935).contains(&covered), "{covered}");
    }

    #[test]
    #[should_panic(expected = "a confidence level")]
    fn a_level_of_95_is_refused() {
        let _ = confidence_interval(&[1.0, 2.0], 95.0);
    }
}

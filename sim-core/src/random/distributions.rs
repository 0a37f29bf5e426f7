//! Distributions by inverse transform on `libm`: plain data, one number of the stream per sample.

use rand::Rng;
use rand_distr::Distribution;

use super::normal::standard_normal_quantile;

/// A multiple of 2^-53 in [0, 1).
#[inline]
pub(super) fn half_open_unit<R: Rng + ?Sized>(rng: &mut R) -> f64 {
    (rng.next_u64() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
}

/// An odd multiple of 2^-53 in (0, 1), for quantile functions that are infinite at the ends.
#[inline]
fn open_unit<R: Rng + ?Sized>(rng: &mut R) -> f64 {
    ((rng.next_u64() >> 12) as f64 + 0.5) * (1.0 / 4_503_599_627_370_496.0)
}

/// A standard exponential number, from 0 to 36.7.
#[inline]
fn standard_exponential<R: Rng + ?Sized>(rng: &mut R) -> f64 {
    -libm::log1p(-half_open_unit(rng))
}

/// The exponential distribution: gaps of a Poisson process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exponential {
    /// The mean, in the unit of the samples.
    pub mean: f64,
}

impl Distribution<f64> for Exponential {
    #[inline]
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.mean * standard_exponential(rng)
    }
}

/// The normal distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normal {
    /// The mean, in the unit of the samples.
    pub mean: f64,
    /// The standard deviation, in the unit of the samples.
    pub sd: f64,
}

impl Distribution<f64> for Normal {
    #[inline]
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.mean + self.sd * standard_normal_quantile(open_unit(rng))
    }
}

/// The log-normal distribution: service times and delays with a long tail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogNormal {
    /// The median, in the unit of the samples. The mean is `median` * exp(`sigma`^2 / 2).
    pub median: f64,
    /// The standard deviation of the natural logarithm, a pure number.
    pub sigma: f64,
}

impl Distribution<f64> for LogNormal {
    #[inline]
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.median * libm::exp(self.sigma * standard_normal_quantile(open_unit(rng)))
    }
}

/// The Weibull distribution: times to failure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weibull {
    /// The 63.2 % quantile, in the unit of the samples.
    pub scale: f64,
    /// The shape, a pure number: below 1 failures become rarer with age, above 1 more frequent.
    pub shape: f64,
}

impl Distribution<f64> for Weibull {
    #[inline]
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.scale * libm::pow(standard_exponential(rng), 1.0 / self.shape)
    }
}

/// The Pareto distribution: sizes with a heavy tail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pareto {
    /// The least value, in the unit of the samples.
    pub scale: f64,
    /// The exponent of the tail, a pure number: the mean is infinite at 1 or less.
    pub shape: f64,
}

impl Distribution<f64> for Pareto {
    #[inline]
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.scale * libm::exp(standard_exponential(rng) / self.shape)
    }
}

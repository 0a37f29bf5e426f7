//! Random numbers: one named, seeded, portable stream per component.
//!
//! # What it gives
//!
//! A run is identified by a seed and a run number. Every component draws from a stream of its own,
//! known by a name and, for members of a fleet, an index. The numbers of a stream depend on the seed,
//! the run, the name and the index, on nothing else: a node added to a scenario leaves the draws of
//! the others alone, and two settings compared under one seed meet the same draws (common random
//! numbers: A. M. Law, *Simulation Modeling and Analysis*, 5th ed., §11.2).
//!
//! # How
//!
//! 1. The key of a ChaCha8 generator: bytes 0-7 the seed, 8-15 the run, both little-endian, 16-31
//!    the ASCII text `mqtt-twin/stream`. ChaCha numbers 2^64 independent streams under one key.
//! 2. The number of the stream: FNV-1a (64 bit) over the UTF-8 bytes of the name and, where there is
//!    an index, the byte 0xff, which no UTF-8 text contains, and the index in 8 bytes little-endian;
//!    then the finalizer of MurmurHash3 (`fmix64`).
//! 3. The first 32 bytes of that stream are the state of a Xoshiro256++, which makes the draws:
//!    32 bytes a component and about a nanosecond a draw. Its period is 2^256 - 1.
//!
//! Two of a million names share a stream with a probability of 3 in 100 million.
//!
//! # Distributions
//!
//! By inverse transform, so that one number of the distribution takes one number of the stream, and
//! on `libm`, so that the bits are the same on every machine and in every build. The samplers of
//! `rand_distr` are not: they change with the features of other crates in the build. Its
//! [`Distribution`] trait is implemented for ours, and a [`Stream`] is a
//! generator in the sense of `rand`.
//!
//! # Validation
//!
//! Golden values; Kolmogorov-Smirnov tests against `rand_distr` on 100,000 draws; moments.
//!
//! # References
//!
//! D. J. Bernstein, "ChaCha, a variant of Salsa20", 2008. D. Blackman and S. Vigna, "Scrambled
//! linear pseudorandom number generators", ACM TOMS 47(4), 2021. FNV-1a: RFC 9923.

mod distributions;
mod normal;

#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::time::Duration;

use rand::{Rng, SeedableRng, TryRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::Distribution;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::time::saturating_nanos;
pub use distributions::{Exponential, LogNormal, Normal, Pareto, Weibull};
pub use normal::standard_normal_quantile;

/// The source of all streams of one run.
///
/// ```
/// use sim_core::random::Streams;
///
/// let streams = Streams::new(42, 0);
/// let mut loss = streams.stream("wifi/loss");
/// let mut phase = streams.stream_indexed("sensor/phase", 17);
/// assert!(loss.uniform() < 1.0);
/// assert!(phase.below(10) < 10);
/// assert_eq!(streams.stream("wifi/loss"), Streams::new(42, 0).stream("wifi/loss"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streams {
    seed: u64,
    run: u64,
}

impl Streams {
    /// The streams of replication `run` under `seed`.
    #[must_use]
    pub const fn new(seed: u64, run: u64) -> Self {
        Streams { seed, run }
    }

    /// The stream called `name`, from its beginning.
    #[must_use]
    pub fn stream(&self, name: &str) -> Stream {
        self.numbered(finalize(fnv1a(FNV_OFFSET, name.as_bytes())))
    }

    /// The stream of member `index` of the fleet called `name`, from its beginning.
    #[must_use]
    pub fn stream_indexed(&self, name: &str, index: u64) -> Stream {
        let hash = fnv1a(fnv1a(FNV_OFFSET, name.as_bytes()), &[0xff]);
        self.numbered(finalize(fnv1a(hash, &index.to_le_bytes())))
    }

    fn numbered(&self, number: u64) -> Stream {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.seed.to_le_bytes());
        key[8..16].copy_from_slice(&self.run.to_le_bytes());
        key[16..].copy_from_slice(b"mqtt-twin/stream");
        let mut chacha = ChaCha8Rng::from_seed(key);
        chacha.set_stream(number);
        let mut state = [0; 32];
        chacha.fill_bytes(&mut state);
        Stream { generator: Xoshiro256PlusPlus::from_seed(state) }
    }
}

/// RFC 9923 §5: the offset basis and the prime for 64 bits.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

fn fnv1a(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME))
}

/// `fmix64` of MurmurHash3: every bit of the input sways every bit of the output.
fn finalize(mut hash: u64) -> u64 {
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

/// The random numbers of one component: 32 bytes of state.
///
/// Each method takes one number from the stream (only [`Stream::below`] and its like may, very
/// rarely, take another), whatever its parameters. So a stream stays in step between two points of a
/// sweep: the same packet meets the same draw at 1 % and at 2 % loss.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    generator: Xoshiro256PlusPlus,
}

impl Stream {
    /// A number uniform in [0, 1): a multiple of 2^-53.
    #[inline]
    pub fn uniform(&mut self) -> f64 {
        distributions::half_open_unit(self)
    }

    /// A number uniform from `low` to `high`.
    ///
    /// Less than `high`, unless rounding lifts it there.
    #[inline]
    pub fn uniform_range(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// An integer uniform in 0..`n`, without bias.
    ///
    /// D. Lemire, "Fast random integer generation in an interval", ACM TOMACS 29(1), 2019.
    ///
    /// # Panics
    /// When `n` is zero.
    #[inline]
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0, "no integer is below zero");
        let mut product = u128::from(self.next_u64()) * u128::from(n);
        // The low half is below n with a probability of n / 2^64; only then may there be a bias.
        if (product as u64) < n {
            let excess = n.wrapping_neg() % n;
            while (product as u64) < excess {
                product = u128::from(self.next_u64()) * u128::from(n);
            }
        }
        (product >> 64) as u64
    }

    /// True with probability `p`: never at 0 or less, always at 1 or more.
    #[inline]
    pub fn bernoulli(&mut self, p: f64) -> bool {
        let draw = self.next_u64();
        // p in units of 2^-64; the conversion saturates, and makes 0 of NaN.
        draw < (p * 18_446_744_073_709_551_616.0) as u64 || p >= 1.0
    }

    /// An exponentially distributed number with the given mean.
    #[inline]
    pub fn exponential(&mut self, mean: f64) -> f64 {
        Exponential { mean }.sample(self)
    }

    /// A normally distributed number with the given mean and standard deviation.
    #[inline]
    pub fn normal(&mut self, mean: f64, sd: f64) -> f64 {
        Normal { mean, sd }.sample(self)
    }

    /// A log-normally distributed number: its logarithm is normal with mean ln `median` and standard
    /// deviation `sigma`.
    #[inline]
    pub fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        LogNormal { median, sigma }.sample(self)
    }

    /// A Weibull distributed number with the given scale (its 63.2 % quantile) and shape.
    #[inline]
    pub fn weibull(&mut self, scale: f64, shape: f64) -> f64 {
        Weibull { scale, shape }.sample(self)
    }

    /// A Pareto distributed number with the given scale (its least value) and shape.
    #[inline]
    pub fn pareto(&mut self, scale: f64, shape: f64) -> f64 {
        Pareto { scale, shape }.sample(self)
    }

    /// A span uniform from zero to just below `span`, or zero where `span` is: a phase, a jitter.
    #[inline]
    pub fn uniform_duration(&mut self, span: Duration) -> Duration {
        Duration::from_nanos(self.below(saturating_nanos(span).max(1)))
    }

    /// An exponentially distributed span, to the nearest nanosecond.
    #[inline]
    pub fn exponential_duration(&mut self, mean: Duration) -> Duration {
        nanoseconds(self.exponential(saturating_nanos(mean) as f64))
    }

    /// A normally distributed span, to the nearest nanosecond; zero where it would be negative.
    #[inline]
    pub fn normal_duration(&mut self, mean: Duration, sd: Duration) -> Duration {
        nanoseconds(self.normal(saturating_nanos(mean) as f64, saturating_nanos(sd) as f64))
    }

    /// A log-normally distributed span, to the nearest nanosecond; see [`Stream::log_normal`].
    #[inline]
    pub fn log_normal_duration(&mut self, median: Duration, sigma: f64) -> Duration {
        nanoseconds(self.log_normal(saturating_nanos(median) as f64, sigma))
    }
}

/// Rounds to the nearest nanosecond; saturates at zero and at 584 years.
fn nanoseconds(value: f64) -> Duration {
    Duration::from_nanos((value + 0.5) as u64)
}

/// A stream is a generator in the sense of `rand`.
impl TryRng for Stream {
    type Error = Infallible;

    #[inline]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.generator.next_u32())
    }

    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.generator.next_u64())
    }

    #[inline]
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.generator.fill_bytes(bytes);
        Ok(())
    }
}

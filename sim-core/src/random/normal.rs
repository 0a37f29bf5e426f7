//! The quantile function of the standard normal distribution.
//!
//! Algorithm AS 241, PPND16: M. J. Wichura, "The percentage points of the normal distribution",
//! Applied Statistics 37(3), 1988, pp. 477-484. Three rational approximations, accurate to about one
//! part in 10^16: one for the middle, in q = p - 1/2, and two for the tails, in r = sqrt(-ln p).

#![expect(clippy::excessive_precision, reason = "the coefficients as the paper prints them")]

/// Coefficients of a polynomial of degree 7, the constant term first.
type Polynomial = [f64; 8];

/// |q| <= 0.425
const MIDDLE: (Polynomial, Polynomial) = (
    [
        3.387_132_872_796_366_608,
        133.141_667_891_784_377_45,
        1_971.590_950_306_551_442_7,
        13_731.693_765_509_461_125,
        45_921.953_931_549_871_457,
        67_265.770_927_008_700_853,
        33_430.575_583_588_128_105,
        2_509.080_928_730_122_672_7,
    ],
    [
        1.0,
        42.313_330_701_600_911_252,
        687.187_007_492_057_908_3,
        5_394.196_021_424_751_107_7,
        21_213.794_301_586_595_867,
        39_307.895_800_092_710_61,
        28_729.085_735_721_942_674,
        5_226.495_278_852_854_561,
    ],
);

/// r <= 5: probabilities in the tail from 1.4e-11
const TAIL: (Polynomial, Polynomial) = (
    [
        1.423_437_110_749_683_577_34,
        4.630_337_846_156_545_295_9,
        5.769_497_221_460_691_405_5,
        3.647_848_324_763_204_605_04,
        1.270_458_252_452_368_382_58,
        0.241_780_725_177_450_611_77,
        0.022_723_844_989_269_184_583_3,
        7.745_450_142_783_414_076_4e-4,
    ],
    [
        1.0,
        2.053_191_626_637_758_821_87,
        1.676_384_830_183_803_849_4,
        0.689_767_334_985_100_004_55,
        0.148_103_976_427_480_074_59,
        0.015_198_666_563_616_457_196_6,
        5.475_938_084_995_344_946e-4,
        1.050_750_071_644_416_843_24e-9,
    ],
);

/// r > 5
const FAR_TAIL: (Polynomial, Polynomial) = (
    [
        6.657_904_643_501_103_777_2,
        5.463_784_911_164_114_369_9,
        1.784_826_539_917_291_335_8,
        0.296_560_571_828_504_891_23,
        0.026_532_189_526_576_123_093,
        0.001_242_660_947_388_078_438_6,
        2.711_555_568_743_487_578_15e-5,
        2.010_334_399_292_288_132_65e-7,
    ],
    [
        1.0,
        0.599_832_206_555_887_937_69,
        0.136_929_880_922_735_805_31,
        0.014_875_361_290_850_614_852_5,
        7.868_691_311_456_132_591e-4,
        1.846_318_317_510_054_681_8e-5,
        1.421_511_758_316_445_888_7e-7,
        2.044_263_103_389_939_785_64e-15,
    ],
);

fn ratio((numerator, denominator): &(Polynomial, Polynomial), x: f64) -> f64 {
    let horner = |polynomial: &Polynomial| polynomial.iter().rev().fold(0.0, |sum, c| sum * x + c);
    horner(numerator) / horner(denominator)
}

/// The z that a standard normal variate stays below with probability `p`.
///
/// Negative infinity at 0, infinity at 1, NaN outside of 0..=1.
///
/// ```
/// use sim_core::random::standard_normal_quantile;
/// assert!((standard_normal_quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-15);
/// ```
#[must_use]
#[inline]
pub fn standard_normal_quantile(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 { q * ratio(&MIDDLE, 0.180_625 - q * q) } else { tail(p) }
}

fn tail(p: f64) -> f64 {
    if p == 0.0 || p == 1.0 {
        return if p == 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    let r = libm::sqrt(-libm::log(p.min(1.0 - p)));
    let z = if r <= 5.0 { ratio(&TAIL, r - 1.6) } else { ratio(&FAR_TAIL, r - 5.0) };
    if p < 0.5 { -z } else { z }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_inverse_of_the_distribution_function() {
        let mut p = 1e-300;
        while p < 0.5 {
            let z = standard_normal_quantile(p);
            let back = 0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2);
            // An error of z is amplified by about |z| * |z|.
            assert!((back / p - 1.0).abs() < 1e-15 * (2.0 + z * z), "p {p}, z {z}, back {back}");
            p *= 1.37;
        }
    }

    #[test]
    fn it_is_symmetric_and_zero_at_the_middle() {
        assert_eq!(standard_normal_quantile(0.5), 0.0);
        for sixteenth in 1..8 {
            let p = f64::from(sixteenth) / 16.0;
            assert_eq!(standard_normal_quantile(p), -standard_normal_quantile(1.0 - p));
        }
    }

    #[test]
    fn the_ends_are_infinite_and_beyond_them_is_nothing() {
        assert_eq!(standard_normal_quantile(0.0), f64::NEG_INFINITY);
        assert_eq!(standard_normal_quantile(1.0), f64::INFINITY);
        assert!(standard_normal_quantile(-0.1).is_nan());
        assert!(standard_normal_quantile(1.1).is_nan());
        assert!(standard_normal_quantile(f64::NAN).is_nan());
    }

    /// Table 26.5 of Abramowitz and Stegun, *Handbook of Mathematical Functions*.
    #[test]
    fn table_values() {
        for (p, z) in
            [(0.75, 0.674_49), (0.9, 1.281_55), (0.975, 1.959_96), (0.995, 2.575_83), (0.9999, 3.719_02)]
        {
            assert!((standard_normal_quantile(p) - z).abs() < 1e-5);
        }
    }
}

use super::*;
use crate::stats::Tally;
use rand_distr as reference;

const DRAWS: usize = 100_000;

// Computed by an independent implementation, in another language, of the three steps of the module
// documentation and of the quantile functions.
const GOLDEN_EMPTY: [u64; 3] = [0x206b_582d_445e_0b96, 0xeafc_2e2e_4025_b1fd, 0xd25f_ed99_99bb_e7e5];
const GOLDEN_WIFI: [u64; 3] = [0x89a9_86fc_1fd1_d7b3, 0x712a_27e3_0b70_d4ad, 0x9343_14ea_0979_844a];
const GOLDEN_SENSOR: [u64; 3] = [0x3eb5_6c0a_28b9_6b24, 0xb636_d494_94f4_40a4, 0x7fb3_fa5c_23ee_11cc];
const GOLDEN_SAMPLES: [u64; 6] = [
    0x3fd7_fb1b_a5da_01ac,
    0x4002_2f0b_fb76_88bc,
    0x4000_0729_03b5_2fd2,
    0x4011_5b12_76a4_5498,
    0x4007_ac9a_c720_ed04,
    0x3ff6_2667_19dc_2e86,
];
const GOLDEN_SPANS: [u128; 4] = [51_909_445, 9_322_038, 7_279_570, 41_229_823_237];
const GOLDEN_BELOW: [u64; 3] = [6, 764, 17_086_340_642_200_338_441];

fn stream(name: &str) -> Stream {
    Streams::new(2026, 7).stream(name)
}

#[test]
fn golden_values() {
    let draws = |mut stream: Stream| [stream.next_u64(), stream.next_u64(), stream.next_u64()];
    assert_eq!(draws(Streams::new(0, 0).stream("")), GOLDEN_EMPTY);
    assert_eq!(draws(Streams::new(42, 3).stream("wifi/loss")), GOLDEN_WIFI);
    assert_eq!(draws(Streams::new(42, 3).stream_indexed("sensor", 499)), GOLDEN_SENSOR);
}

#[test]
fn golden_samples() {
    let mut s = Streams::new(1, 1).stream("golden");
    let bits = [
        s.uniform(),
        s.exponential(2.0),
        s.normal(1.0, 3.0),
        s.log_normal(5.0, 0.5),
        s.weibull(2.0, 1.5),
        s.pareto(1.0, 2.5),
    ]
    .map(f64::to_bits);
    assert_eq!(bits, GOLDEN_SAMPLES, "{bits:#018x?}");
    let spans = [
        s.exponential_duration(Duration::from_millis(10)),
        s.normal_duration(Duration::from_millis(10), Duration::from_millis(1)),
        s.log_normal_duration(Duration::from_millis(10), 0.3),
        s.uniform_duration(Duration::from_secs(60)),
    ]
    .map(|span| span.as_nanos());
    assert_eq!(spans, GOLDEN_SPANS);
    assert_eq!([s.below(10), s.below(1_000), s.below(u64::MAX)], GOLDEN_BELOW);
}

#[test]
fn streams_depend_on_seed_run_name_and_index_and_on_nothing_else() {
    let streams = Streams::new(5, 0);
    let mut all = vec![
        streams.stream("a"),
        streams.stream("b"),
        streams.stream("ab"),
        streams.stream("a0"),
        streams.stream_indexed("a", 0),
        streams.stream_indexed("a", 1),
        streams.stream_indexed("b", 0),
        Streams::new(6, 0).stream("a"),
        Streams::new(5, 1).stream("a"),
        Streams::new(0, 5).stream("a"),
    ];
    let first: std::collections::BTreeSet<u64> = all.iter_mut().map(Stream::next_u64).collect();
    assert_eq!(first.len(), all.len());
    // Those drawn from in between do not matter.
    let mut again = streams.stream("a");
    assert!(first.contains(&again.next_u64()));
    assert_eq!(again, all[0]);
}

#[test]
fn members_of_a_fleet_are_uncorrelated() {
    let streams = Streams::new(11, 0);
    let draws: Vec<f64> = (0..20_000).map(|index| streams.stream_indexed("node", index).uniform()).collect();
    let tally: Tally = draws.iter().copied().collect();
    assert!((tally.mean() - 0.5).abs() < 0.01 && (tally.variance() - 1.0 / 12.0).abs() < 0.002);
    let product: f64 = draws.windows(2).map(|pair| (pair[0] - 0.5) * (pair[1] - 0.5)).sum();
    // The standard deviation of the lag-1 correlation is 1 / sqrt(20,000) = 0.007.
    assert!((product * 12.0 / 20_000.0).abs() < 0.025);
}

/// The two-sample Kolmogorov-Smirnov statistic: the largest gap between the distribution functions.
fn kolmogorov_smirnov(mut ours: Vec<f64>, mut theirs: Vec<f64>) -> f64 {
    ours.sort_unstable_by(f64::total_cmp);
    theirs.sort_unstable_by(f64::total_cmp);
    let mut gap = 0.0f64;
    let mut below = 0;
    for (index, value) in ours.iter().enumerate() {
        while below < theirs.len() && theirs[below] <= *value {
            below += 1;
        }
        gap = gap.max(((index + 1) as f64 / ours.len() as f64 - below as f64 / theirs.len() as f64).abs());
    }
    gap
}

fn draw(name: &str, distribution: impl Distribution<f64>) -> Vec<f64> {
    let mut stream = stream(name);
    (0..DRAWS).map(|_| distribution.sample(&mut stream)).collect()
}

/// Exceeded by two samples of 100,000 from one distribution once in 10,000 times:
/// sqrt(ln(2 / 0.0001) / 100,000).
const BOUND: f64 = 0.00995;

#[test]
fn samples_are_distributed_as_those_of_rand_distr() {
    let cases = [
        (
            "exponential",
            draw("ours", Exponential { mean: 4.0 }),
            draw("theirs", reference::Exp::new(0.25).unwrap()),
        ),
        (
            "normal",
            draw("ours", Normal { mean: -3.0, sd: 2.0 }),
            draw("theirs", reference::Normal::new(-3.0, 2.0).unwrap()),
        ),
        (
            "log-normal",
            draw("ours", LogNormal { median: 7.0, sigma: 0.8 }),
            draw("theirs", reference::LogNormal::new(libm::log(7.0), 0.8).unwrap()),
        ),
        (
            "Weibull",
            draw("ours", Weibull { scale: 3.0, shape: 0.7 }),
            draw("theirs", reference::Weibull::new(3.0, 0.7).unwrap()),
        ),
        (
            "Pareto",
            draw("ours", Pareto { scale: 2.0, shape: 1.5 }),
            draw("theirs", reference::Pareto::new(2.0, 1.5).unwrap()),
        ),
    ];
    for (name, ours, theirs) in cases {
        let shifted = ours.iter().map(|value| value * 1.05).collect();
        let gap = kolmogorov_smirnov(shifted, theirs.clone());
        assert!(gap > BOUND, "{name}: the test would not see an error of 5 %: {gap}");
        let gap = kolmogorov_smirnov(ours, theirs);
        assert!(gap < BOUND, "{name}: {gap}");
    }
}

#[test]
fn means_and_variances_are_those_of_theory() {
    let sigma = 0.5f64;
    let log_normal_mean = 5.0 * libm::exp(sigma * sigma / 2.0);
    let log_normal_variance = log_normal_mean * log_normal_mean * libm::expm1(sigma * sigma);
    let gamma = libm::tgamma;
    let weibull_mean = 2.0 * gamma(1.0 + 1.0 / 1.5);
    let weibull_variance = 4.0 * gamma(1.0 + 2.0 / 1.5) - weibull_mean * weibull_mean;
    let cases: [(&str, Vec<f64>, f64, f64); 5] = [
        ("exponential", draw("m", Exponential { mean: 3.0 }), 3.0, 9.0),
        ("normal", draw("m", Normal { mean: 10.0, sd: 4.0 }), 10.0, 16.0),
        ("log-normal", draw("m", LogNormal { median: 5.0, sigma }), log_normal_mean, log_normal_variance),
        ("Weibull", draw("m", Weibull { scale: 2.0, shape: 1.5 }), weibull_mean, weibull_variance),
        ("Pareto", draw("m", Pareto { scale: 1.0, shape: 6.0 }), 1.2, 0.06),
    ];
    for (name, draws, mean, variance) in cases {
        let tally: Tally = draws.into_iter().collect();
        assert!((tally.mean() / mean - 1.0).abs() < 0.01, "{name}: mean {} not {mean}", tally.mean());
        assert!((tally.variance() / variance - 1.0).abs() < 0.05, "{name}: variance {}", tally.variance());
    }
}

#[test]
fn quantiles_of_spans() {
    let mut stream = stream("spans");
    let mean = Duration::from_millis(20);
    let mut spans: Vec<u64> =
        (0..DRAWS).map(|_| stream.exponential_duration(mean).as_nanos() as u64).collect();
    spans.sort_unstable();
    // The median of the exponential distribution is ln 2 times its mean, the 95 % quantile ln 20.
    for (share, factor) in [(0.5, std::f64::consts::LN_2), (0.95, 2.995_732)] {
        let quantile = spans[(share * DRAWS as f64) as usize] as f64;
        assert!((quantile / (20e6 * factor) - 1.0).abs() < 0.015, "{share}: {quantile}");
    }
    assert_eq!(stream.exponential_duration(Duration::ZERO), Duration::ZERO);
    assert_eq!(stream.uniform_duration(Duration::ZERO), Duration::ZERO);
    assert!((0..1_000).all(|_| stream.uniform_duration(Duration::from_nanos(3)).as_nanos() < 3));
    let wide = (0..1_000).map(|_| stream.normal_duration(Duration::from_nanos(1), Duration::from_secs(1)));
    assert!((400..600).contains(&wide.filter(Duration::is_zero).count()));
}

#[test]
fn uniform_numbers_fill_the_unit_interval() {
    let mut stream = stream("uniform");
    let mut tenths = [0u32; 10];
    for _ in 0..DRAWS {
        let number = stream.uniform();
        assert!((0.0..1.0).contains(&number));
        tenths[(number * 10.0) as usize] += 1;
        assert!((-2.0..5.0).contains(&stream.uniform_range(-2.0, 5.0)));
    }
    // The standard deviation of a count is 95.
    assert!(tenths.iter().all(|count| (9_600..10_400).contains(count)), "{tenths:?}");
}

#[test]
fn integers_below_a_bound_are_equally_frequent() {
    let mut stream = stream("below");
    let mut counts = [0u32; 7];
    (0..70_000).for_each(|_| counts[stream.below(7) as usize] += 1);
    // The standard deviation of a count is 93.
    assert!(counts.iter().all(|count| (9_600..10_400).contains(count)), "{counts:?}");
    assert_eq!(stream.below(1), 0);
    // Three quarters of 2^64: without rejection every other integer would be a multiple of 3.
    let n = 3u64 << 62;
    let multiples = (0..30_000).filter(|_| stream.below(n).is_multiple_of(3)).count();
    assert!((9_600..10_400).contains(&multiples), "{multiples}");
}

#[test]
#[should_panic(expected = "no integer is below zero")]
fn there_is_no_integer_below_zero() {
    stream("zero").below(0);
}

#[test]
fn a_bernoulli_draw_takes_one_number_whatever_its_probability() {
    let (mut never, mut always, mut plain) = (stream("b"), stream("b"), stream("b"));
    for _ in 0..10_000 {
        assert!(!never.bernoulli(0.0));
        assert!(always.bernoulli(1.0));
        plain.next_u64();
    }
    assert_eq!(never, plain);
    assert_eq!(always, plain);
    assert!(!never.bernoulli(f64::NAN));
    assert!(!never.bernoulli(-1.0));
    assert!(never.bernoulli(2.0));
    let hits = (0..DRAWS).filter(|_| plain.bernoulli(0.01)).count();
    // The standard deviation is 31.
    assert!((880..1_120).contains(&hits), "{hits}");
}

#[test]
fn losses_at_a_lower_rate_are_among_those_at_a_higher() {
    let (mut low, mut high) = (stream("loss"), stream("loss"));
    assert!((0..10_000).all(|_| {
        let (low, high) = (low.bernoulli(0.01), high.bernoulli(0.02));
        high || !low
    }));
}

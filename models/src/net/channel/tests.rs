//! Each model by itself, against its theory.

use sim_core::random::Streams;

use super::*;
use crate::net::{Framing, GilbertElliott, LossList, Queued, RadioTimes};

fn parameters() -> LinkParameters {
    LinkParameters {
        rate_bps: Some(8_000_000),
        propagation: Duration::from_millis(10),
        mtu: 1500,
        queue_bytes: None,
        framing: Framing::Ethernet,
        impairment: None,
    }
}

fn channel(impairment: Impairment, outages: Vec<Outage>) -> Channel {
    let streams = Streams::new(7, 0);
    Channel::new(Arc::new(impairment), outages, u32::MAX, &|purpose| streams.stream(purpose))
}

/// What becomes of `count` frames of `bytes`, `gap` apart from the beginning of one to the next.
fn crossings(channel: &mut Channel, count: u64, bytes: u32, gap: Duration) -> Vec<Crossing> {
    let (mut direction, parameters) = (Direction::new(0, 0), parameters());
    let mut ready = SimTime::ZERO;
    (0..count)
        .map(|_| {
            let crossing = channel.transmit(&mut direction, None, ready, bytes, &parameters);
            ready += gap;
            crossing
        })
        .collect()
}

fn lost(impairment: Impairment, count: u64, bytes: u32) -> Vec<bool> {
    let crossings = crossings(&mut channel(impairment, Vec::new()), count, bytes, Duration::from_millis(5));
    crossings.iter().map(|crossing| crossing.fate == Fate::Lost).collect()
}

/// Whether `share` of `count` independent trials is within 4 standard errors of `theory`; `factor`
/// widens this for trials that hang together.
fn agrees(share: f64, theory: f64, count: f64, factor: f64) -> bool {
    let standard_error = f64::sqrt(theory * (1.0 - theory) / count) * factor;
    (share - theory).abs() <= 4.0 * standard_error
}

fn share(lost: &[bool]) -> f64 {
    lost.iter().filter(|lost| **lost).count() as f64 / lost.len() as f64
}

/// Lengths of runs of losses.
fn bursts(lost: &[bool]) -> Vec<usize> {
    lost.split(|lost| !lost).map(<[bool]>::len).filter(|len| *len > 0).collect()
}

#[test]
fn independent_losses_have_their_rate_and_no_memory() {
    let lost = lost(Impairment { loss: Loss::independent(0.1), ..Impairment::default() }, 200_000, 100);
    assert!(agrees(share(&lost), 0.1, 200_000.0, 1.0), "{}", share(&lost));
    let bursts = bursts(&lost);
    let mean = bursts.iter().sum::<usize>() as f64 / bursts.len() as f64;
    // Geometric with mean 1 / (1 - p).
    assert!((mean - 1.0 / 0.9).abs() < 0.02, "{mean}");
}

/// The five presets seen in use, hardware facts §11.1: p, r, 1-h, 1-k, share of bad, mean loss.
const PRESETS: [(f64, f64, f64, f64, f64, f64); 5] = [
    (0.01, 0.3, 0.7, 0.001, 0.032, 0.0235),
    (0.03, 0.4, 0.95, 0.01, 0.07, 0.076),
    (0.02, 0.3, 1.0, 0.0, 0.0625, 0.0625),
    (0.006_579, 0.125, 1.0, 0.0, 0.05, 0.05),
    (0.058_824, 0.3333, 1.0, 0.0, 0.15, 0.15),
];

#[test]
fn gilbert_elliott_loses_at_the_rate_of_theory() {
    for (p, r, not_h, not_k, bad, loss) in PRESETS {
        let model = GilbertElliott { p, r, h: 1.0 - not_h, k: 1.0 - not_k };
        assert!((model.bad_share() - bad).abs() < 0.0005, "{}", model.bad_share());
        assert!((model.mean_loss() - loss).abs() < 0.0005, "{}", model.mean_loss());
        let lost =
            lost(Impairment { loss: Loss::GilbertElliott(model), ..Impairment::default() }, 400_000, 100);
        // Autocorrelation (1 - p - r)^n of the state widens the error by sqrt((1 + a) / (1 - a)).
        let a = 1.0 - p - r;
        let factor = f64::sqrt((1.0 + a) / (1.0 - a));
        assert!(agrees(share(&lost), model.mean_loss(), 400_000.0, factor), "{p} {r}: {}", share(&lost));
    }
}

#[test]
fn gilbert_bursts_are_geometric() {
    let model = GilbertElliott { p: 0.006_579, r: 0.125, h: 0.0, k: 1.0 };
    let lost =
        lost(Impairment { loss: Loss::GilbertElliott(model), ..Impairment::default() }, 1_000_000, 100);
    let bursts = bursts(&lost);
    let count = bursts.len() as f64;
    let mean = bursts.iter().sum::<usize>() as f64 / count;
    // Mean 1/r = 8, standard deviation sqrt(1 - r)/r.
    assert!((mean - 8.0).abs() < 4.0 * f64::sqrt(0.875) * 8.0 / f64::sqrt(count), "{mean}");
    // One frame with probability r, more than 16 with (1 - r)^16.
    let of = |long: fn(usize) -> bool| bursts.iter().filter(|len| long(**len)).count() as f64 / count;
    assert!(agrees(of(|len| len == 1), 0.125, count, 1.0));
    assert!(agrees(of(|len| len > 16), power(0.875, 16), count, 1.0));
}

#[test]
fn a_recorded_trace_is_replayed_exactly() {
    let trace = "# recorded yesterday\n..x. x...\n.xx.  # the end\n";
    let fates = |repeat, count| {
        let list = LossList::of_trace(trace, repeat).unwrap();
        let lost = lost(Impairment { loss: Loss::Listed(list), ..Impairment::default() }, count, 100);
        lost.iter().map(|lost| if *lost { 'x' } else { '.' }).collect::<String>()
    };
    assert_eq!(fates(false, 15), "..x.x....xx....");
    assert_eq!(fates(true, 27), "..x.x....xx...x.x....xx...x");
    let numbers = LossList::of_numbers(vec![17, 3, 3]);
    assert_eq!(numbers.numbers(), [3, 17]);
    let lost = lost(Impairment { loss: Loss::Listed(numbers), ..Impairment::default() }, 40, 100);
    let places: Vec<usize> = (1..).zip(&lost).filter(|(_, lost)| **lost).map(|(place, _)| place).collect();
    assert_eq!(places, [3, 17]);
}

#[test]
fn a_trace_says_what_is_wrong_with_it() {
    let error = |text: &str| LossList::of_trace(text, false).unwrap_err().to_string();
    assert_eq!(error("..\n.1."), "`1` in line 2 is no packet's fate");
    assert_eq!(error("# nothing\n"), "there are no packets in it");
}

#[test]
fn a_long_frame_meets_more_bit_errors_than_a_short_one() {
    let rate = 1e-5;
    for bytes in [100, 1514] {
        let lost = lost(Impairment { bit_errors: rate, ..Impairment::default() }, 200_000, bytes);
        let theory = 1.0 - power(1.0 - rate, 8 * bytes);
        assert!(agrees(share(&lost), theory, 200_000.0, 1.0), "{bytes} B: {}", share(&lost));
    }
}

/// Delays beyond the transmission time, and whether arrivals are in order.
fn delays(impairment: Impairment, gap: Duration) -> (Vec<f64>, bool) {
    let crossings = crossings(&mut channel(impairment, Vec::new()), 100_000, 1000, gap);
    let arrivals: Vec<(SimTime, SimTime)> = crossings
        .iter()
        .map(|crossing| match crossing.fate {
            Fate::Arrives(at) => (crossing.wire_end, at),
            other => panic!("{other:?}"),
        })
        .collect();
    let milliseconds = |(end, at): &(SimTime, SimTime)| at.saturating_since(*end).as_secs_f64() * 1e3;
    let ordered = arrivals.windows(2).all(|pair| pair[0].1 <= pair[1].1);
    (arrivals.iter().map(milliseconds).collect(), ordered)
}

#[test]
fn jitter_has_its_distribution() {
    let two = Duration::from_millis(2);
    let moments = |jitter| {
        // Frames so far apart that none waits for the one before.
        let impairment = Impairment { jitter: Some(jitter), ..Impairment::default() };
        let (mut delays, ordered) = delays(impairment, Duration::from_secs(1));
        assert!(ordered);
        let count = delays.len() as f64;
        let mean = delays.iter().sum::<f64>() / count;
        let variance = delays.iter().map(|delay| (delay - mean) * (delay - mean)).sum::<f64>() / count;
        delays.sort_by(f64::total_cmp);
        (mean, f64::sqrt(variance), delays[delays.len() / 2], delays[0], delays[delays.len() - 1])
    };
    let (mean, sd, _, least, most) = moments(Jitter::Uniform { most: two });
    assert!((mean - 10.0).abs() < 0.02 && (sd - 2.0 / f64::sqrt(3.0)).abs() < 0.01, "{mean} {sd}");
    assert!(least >= 8.0 && most < 12.0 && least < 8.01 && most > 11.99);
    let (mean, sd, ..) = moments(Jitter::Normal { sd: two });
    assert!((mean - 10.0).abs() < 0.03 && (sd - 2.0).abs() < 0.03, "{mean} {sd}");
    let (mean, _, median, least, _) = moments(Jitter::LogNormal { median: two, sigma: 0.5 });
    assert!((median - 12.0).abs() < 0.02 && least > 10.0, "{median}");
    assert!((mean - 10.0 - 2.0 * 1.133_148).abs() < 0.03, "{mean}");
}

#[test]
fn jitter_reorders_only_where_it_may() {
    let jitter = Some(Jitter::Normal { sd: Duration::from_millis(5) });
    let close = Duration::from_millis(1);
    let (_, ordered) = delays(Impairment { jitter, ..Impairment::default() }, close);
    assert!(ordered, "nobody overtakes");
    let (_, ordered) = delays(Impairment { jitter, overtaking: true, ..Impairment::default() }, close);
    assert!(!ordered, "the switch allows it");
}

#[test]
fn frames_hurry_ahead_with_their_probability_after_their_gap() {
    let hurried = |probability, gap| {
        let reordering = Some(Reordering { probability, gap });
        let (delays, _) =
            delays(Impairment { reordering, ..Impairment::default() }, Duration::from_millis(1));
        delays.iter().map(|delay| *delay == 0.0).collect::<Vec<_>>()
    };
    // Every fifth, as netem's `reorder 100% gap 5`.
    let fifth = hurried(1.0, 5);
    assert!((1_usize..).zip(&fifth).all(|(number, hurried)| *hurried == number.is_multiple_of(5)));
    let quarter = share(&hurried(0.25, 1));
    assert!(agrees(quarter, 0.25, 100_000.0, 1.0), "{quarter}");
    // Cycles of 2 frames and a geometric wait of mean 4.
    let rarer = share(&hurried(0.25, 3));
    assert!(agrees(rarer, 1.0 / 6.0, 100_000.0, 1.0), "{rarer}");
}

#[test]
fn duplicates_arrive_right_behind_at_their_rate() {
    let mut channel = channel(Impairment { duplicate: 0.2, ..Impairment::default() }, Vec::new());
    let crossings = crossings(&mut channel, 100_000, 100, Duration::from_millis(1));
    let twice: Vec<bool> =
        crossings.iter().map(|crossing| matches!(crossing.fate, Fate::ArrivesTwice(_))).collect();
    assert!(agrees(share(&twice), 0.2, 100_000.0, 1.0));
}

#[test]
fn a_queue_in_frames_takes_so_many_and_frees_them_as_they_leave() {
    let mut channel = channel(Impairment { queue_frames: Some(3), ..Impairment::default() }, Vec::new());
    let (mut direction, parameters) = (Direction::new(0, 0), parameters());
    // 1000 B take 1 ms.
    let mut offer = |at_us, bytes| {
        let ready = SimTime::from_micros(at_us);
        channel.transmit(&mut direction, None, ready, bytes, &parameters).fate != Fate::QueueFull
    };
    let taken: Vec<bool> = (0..5).map(|_| offer(0, 1000)).collect();
    assert_eq!(taken, [true, true, true, false, false]);
    assert!(!offer(999, 40), "small ones need a place, too");
    assert!(offer(1_000, 1000), "the first has left");
    assert!(!offer(1_000, 40));
    assert!(offer(9_000, 1000) && offer(9_000, 1000) && offer(9_000, 1000) && !offer(9_000, 1));
}

#[test]
fn an_outage_loses_what_is_sent_and_keeps_or_loses_what_waits() {
    let outage = |queued| {
        let at = SimTime::from_micros;
        let mut channel =
            channel(Impairment::default(), vec![Outage { from: at(1_500), to: at(5_000), queued }]);
        let (mut direction, parameters) = (Direction::new(0, 0), parameters());
        let mut offer = |us| channel.transmit(&mut direction, None, at(us), 1000, &parameters);
        // Three at once, 1 ms each; one while the link is down; one when it is up again.
        [offer(0), offer(0), offer(0), offer(1_500), offer(5_000)]
    };
    let arrives = |us| Fate::Arrives(SimTime::from_micros(us));
    let fates = outage(Queued::Survive).map(|crossing| crossing.fate);
    assert_eq!(fates, [arrives(11_000), arrives(16_000), arrives(17_000), Fate::Lost, arrives(18_000)]);
    let fates = outage(Queued::Lost).map(|crossing| crossing.fate);
    assert_eq!(fates, [arrives(11_000), Fate::Lost, Fate::Lost, Fate::Lost, arrives(16_000)]);
}

#[test]
fn an_outage_and_a_promotion_are_no_bytes_in_the_queue() {
    let at = SimTime::from_millis;
    let outage = Outage { from: at(2), to: at(1_000), queued: Queued::Survive };
    let mut channel = channel(Impairment::default(), vec![outage]);
    let parameters = LinkParameters { queue_bytes: Some(4_000), ..parameters() };
    let mut direction = Direction::new(0, 0);
    let mut radio =
        Radio::new(RadioTimes { promotion: Duration::from_millis(1), tail: Duration::from_secs(9) });
    let mut offer = |ready| {
        let crossing = channel.transmit(&mut direction, Some(&mut radio), at(ready), 1000, &parameters);
        crossing.fate
    };
    let arrives = |ms| Fate::Arrives(SimTime::from_millis(ms));
    // The first is sent from 1 to 2 ms, the others after the outage: 4,000 B wait, 5,000 do not.
    assert_eq!([offer(0), offer(0), offer(0), offer(0)], [12, 1_011, 1_012, 1_013].map(arrives));
    assert_eq!(offer(0), Fate::QueueFull);
    assert_eq!(offer(1), Fate::QueueFull);
    assert_eq!(offer(1_000), arrives(1_014), "no promotion within the tail");
}

#[test]
fn switching_one_thing_on_leaves_the_draws_of_the_others_alone() {
    let loss = Loss::independent(0.1);
    let plain = lost(Impairment { loss: loss.clone(), ..Impairment::default() }, 10_000, 100);
    let both = Impairment {
        loss,
        jitter: Some(Jitter::Normal { sd: Duration::from_millis(1) }),
        duplicate: 0.5,
        ..Impairment::default()
    };
    assert_eq!(plain, lost(both, 10_000, 100));
}

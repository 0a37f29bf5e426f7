//! Recovery by selective acknowledgements beyond what was captured: lost retransmissions, short queues,
//! heavy loss, outages, reordering, probes.

use std::time::Duration;

use super::harness::{CLIENT, Fate, Frame, Path, SERVER, ms, packet, publish};
use crate::cause::Cause;
use crate::tcp::{Config, CongestionControl, Event, KeepAlive, State};

const IMAGE: usize = 209_481;

fn image(config: Config, rate: Option<(u64, usize)>, fate: impl FnMut(&Frame) -> Fate + 'static) -> Path {
    let mut path = Path::established(config.clone(), config, ms(20));
    path.rate = rate;
    path.answer = Some((IMAGE, packet(Cause::Puback, 4)));
    path.fate(fate);
    for chunk in publish(1, IMAGE) {
        path.write(CLIENT, chunk);
    }
    path.run_for(ms(300_000));
    assert_eq!(path.received_bytes(SERVER).len(), IMAGE);
    assert_eq!(path.ends[CLIENT].buffered(), 0);
    path
}

fn puback_ms(path: &Path) -> u128 {
    (path.when(CLIENT, Event::Readable).unwrap() - path.frames[0].at).as_millis()
}

fn again_at(path: &Path) -> Vec<u128> {
    let start = path.frames[0].at;
    path.frames.iter().filter(|f| f.retransmission).map(|f| (f.at - start).as_millis()).collect()
}

/// Loses data segments by the number of the transmission.
fn lose(numbers: &'static [usize]) -> impl FnMut(&Frame) -> Fate + 'static {
    let mut sent = 0;
    move |frame| {
        sent += usize::from(frame.payload > 0);
        if frame.payload > 0 && numbers.contains(&sent) { Fate::Lose } else { Fate::Deliver }
    }
}

/// real-software-facts: SACK resends several losses of a window in one round trip.
#[test]
fn several_losses_of_a_window_are_repaired_in_one_round_trip() {
    let all = [
        Config::linux(),
        Config { rack: false, ..Config::linux() },
        Config { prr: false, ..Config::linux() },
        Config { congestion: CongestionControl::NewReno, ..Config::linux() },
    ];
    for config in all {
        let path = image(config, None, lose(&[32, 35, 36, 40]));
        let again = again_at(&path);
        assert_eq!(again.len(), 4);
        assert!(again[3] - again[0] <= 2, "{again:?}");
        let statistics = path.ends[CLIENT].statistics();
        assert_eq!((statistics.fast_retransmits, statistics.timeouts), (1, 0));
    }
}

/// real-software-facts: RACK resends a retransmission that was lost again.
#[test]
fn a_lost_retransmission_is_sent_again_without_a_timeout() {
    let lost_twice = || {
        let mut left = 2;
        move |frame: &Frame| {
            let unlucky = frame.from == CLIENT && frame.seq == 1 + 20 * 1_448 && left > 0;
            left -= i32::from(unlucky);
            if unlucky { Fate::Lose } else { Fate::Deliver }
        }
    };
    let path = image(Config::linux(), None, lost_twice());
    assert_eq!(again_at(&path).len(), 2);
    assert_eq!(path.ends[CLIENT].statistics().timeouts, 0);
    let path = image(Config { rack: false, ..Config::linux() }, None, lost_twice());
    assert_eq!(path.ends[CLIENT].statistics().timeouts, 1, "RFC 6675 needs the timeout");
}

#[test]
fn a_queue_of_20_packets_costs_only_what_it_drops() {
    for config in [Config::linux(), Config { congestion: CongestionControl::NewReno, ..Config::linux() }] {
        let path = image(config, Some((10_000_000, 20 * 1_514)), |_| Fate::Deliver);
        let statistics = path.ends[CLIENT].statistics();
        assert!(statistics.segments_retransmitted > 0, "slow start overruns the queue");
        assert!(statistics.timeouts == 0, "{statistics:?}");
        // 145 segments at 10 Mbit/s take 175 ms, the path 40 ms; recovery leaves the link idle now and then.
        assert!((230..420).contains(&puback_ms(&path)), "{}", puback_ms(&path));
    }
}

#[test]
fn heavy_loss_sends_again_hardly_more_than_was_lost() {
    let (mut lost, mut again) = (0_u32, 0_u32);
    for seed in 1..=20_u64 {
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let counter = std::rc::Rc::new(std::cell::Cell::new(0));
        let losses = counter.clone();
        let path = image(Config::linux(), None, move |frame| {
            // A linear congruential generator (Knuth, MMIX).
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let unlucky = (random >> 33) % 100 < 5;
            losses.set(losses.get() + u32::from(unlucky && frame.payload > 0 && frame.from == CLIENT));
            if unlucky { Fate::Lose } else { Fate::Deliver }
        });
        lost += counter.get();
        again += path.ends[CLIENT].statistics().segments_retransmitted;
    }
    assert!(lost > 100);
    assert!(again >= lost && again <= lost + lost / 10 + 3, "{again} for {lost}");
}

/// The path is dead from 100 ms on: a probe, then timeouts that double, and the first of them after the
/// end of the outage brings everything back.
#[test]
fn an_outage_is_survived_by_doubling_timeouts() {
    for seconds in 1..=5_u64 {
        let mut start = None;
        let path = image(Config::linux(), None, move |frame| {
            let since = frame.at - *start.get_or_insert(frame.at);
            let dead = since >= ms(100) && since < ms(100 + 1_000 * seconds);
            if dead { Fate::Lose } else { Fate::Deliver }
        });
        let first_after = again_at(&path).into_iter().find(|at| *at >= u128::from(100 + 1_000 * seconds));
        let first_after = first_after.expect("something was lost");
        assert!(first_after <= u128::from(2 * (100 + 1_000 * seconds) + 250), "{first_after}");
        assert!(puback_ms(&path) < first_after + 500, "{} after {first_after}", puback_ms(&path));
    }
}

/// real-software-facts, "Path cut": after 0.21, 0.21, 0.42, 0.83, 1.66, 3.4, 6.7, 13.3 s.
#[test]
fn the_probe_does_not_back_off_and_the_timeout_doubles() {
    let mut path = Path::established(Config::linux(), Config::linux(), Duration::from_micros(500));
    path.fate(|frame| if frame.from == CLIENT { Fate::Lose } else { Fate::Deliver });
    path.close(CLIENT);
    path.run_for(ms(30_000));
    let at: Vec<_> = path.frames.iter().map(|f| (f.at - path.frames[0].at).as_millis()).collect();
    let gaps: Vec<_> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let captured = [210, 210, 420, 830, 1_660, 3_400, 6_700, 13_300];
    assert_eq!(gaps.len(), captured.len(), "{gaps:?}");
    for (ours, captured) in gaps.iter().zip(captured) {
        assert!(ours.abs_diff(captured) * 40 <= captured, "{gaps:?}");
    }
}

// RFC 8985 §7.2: PTO = 2 x SRTT; Linux adds 2 ms where more than one segment is under way. The timeout is at 300 ms.
#[test]
fn the_probe_comes_after_two_round_trips() {
    let mut path = Path::established(Config::linux(), Config::linux(), ms(50));
    path.fate(|frame| if frame.from == CLIENT { Fate::Lose } else { Fate::Deliver });
    path.write(CLIENT, packet(Cause::Publish, 2 * 1_448));
    path.run_for(ms(250));
    let at: Vec<_> =
        path.data(CLIENT).iter().map(|frame| (frame.at - path.frames[0].at).as_millis()).collect();
    assert_eq!(at[..2], [0, 0]);
    assert!(at.len() == 3 && (200..=210).contains(&at[2]), "{at:?}");
}

#[test]
fn a_late_segment_is_sent_again_for_nothing_at_most_once() {
    // Every eighth segment is 5 ms late: more than three segments overtake it.
    let mut sent = 0;
    let path = image(Config::linux(), Some((20_000_000, 1_500_000)), move |frame| {
        sent += usize::from(frame.payload > 0);
        if frame.payload > 0 && sent % 8 == 0 { Fate::Late(ms(5)) } else { Fate::Deliver }
    });
    let statistics = path.ends[CLIENT].statistics();
    assert!(statistics.segments_retransmitted <= 3, "{statistics:?}");
}

#[test]
fn keep_alive_asks_a_silent_peer_and_gives_it_up() {
    let keep_alive = Some(KeepAlive { idle: ms(10_000), interval: ms(1_000), probes: 3 });
    let config = Config { keep_alive, ..Config::linux() };
    let mut path = Path::established(config, Config::linux(), ms(20));
    path.run_for(ms(35_000));
    // A probe every 10 s, each answered, from the last segment heard.
    let probes: Vec<_> = path.script(CLIENT).iter().map(|frame| frame.0 / 100).collect();
    assert_eq!(probes, [100, 200, 301]);
    assert_eq!(path.acknowledgements(SERVER).len(), 3);
    path.fate(|frame| if frame.from == SERVER { Fate::Lose } else { Fate::Deliver });
    path.run_for(ms(20_000));
    assert_eq!(path.events[CLIENT].last().unwrap().1, Event::TimedOut);
    assert_eq!(path.script(CLIENT).len(), 3 + 3);
}

/// A peer that restarted answers the probe with a reset: half-open connections end (RFC 9293 §3.5.1).
#[test]
fn keep_alive_discovers_a_half_open_connection() {
    let config = Config { keep_alive: Some(KeepAlive::default()), ..Config::linux() };
    let mut path = Path::established(config, Config::linux(), ms(20));
    path.ends[SERVER].abort(path.now);
    while path.ends[SERVER].poll_transmit(path.now).is_some() {}
    let hour = ms(3_600_000);
    path.run_for(hour);
    assert_eq!(path.ends[CLIENT].state(), State::Established);
    path.run_for(hour - ms(1_000));
    let now = path.ends[CLIENT].poll_timeout().expect("a probe is due after two hours");
    path.ends[CLIENT].handle_timeout(now);
    let probe = path.ends[CLIENT].poll_transmit(now).expect("the probe");
    path.ends[CLIENT].handle_segment(now, crate::tcp::reset_for(&probe).unwrap());
    // The reset answers a number before the window, so it must be exact: that of the acknowledgement.
    assert_eq!(path.ends[CLIENT].state(), State::Closed);
    assert_eq!(path.ends[CLIENT].poll_event(), Some(Event::Reset));
}

//! Paths whose MTU is smaller than both ends think.

use std::time::Duration;

use sim_core::time::SimTime;

use super::harness::{CLIENT, Fate, ISS, Path, SERVER, ms, publish};
use crate::tcp::{Config, Event, SequenceNumber};

const ETHERNET: usize = 14;

/// An established path that swallows frames with an IP packet longer than `mtu`, and `bytes` to send on it.
fn narrow(config: Config, mtu: usize, bytes: usize) -> Path {
    let mut path = Path::established(config, Config::linux(), ms(10));
    path.fate(move |frame| if frame.len - ETHERNET > mtu { Fate::Lose } else { Fate::Deliver });
    for chunk in publish(1, bytes) {
        path.write(CLIENT, chunk);
    }
    path.run_for(ms(12));
    path
}

fn again(path: &Path) -> Vec<(SimTime, usize)> {
    let again = path.frames.iter().filter(|frame| frame.retransmission);
    again.map(|frame| (frame.at, frame.payload)).collect()
}

#[test]
fn what_was_too_long_is_cut_and_sent_again_at_once() {
    let all = [(Config::linux(), 1_448), (Config::linux_newreno(), 1_460)];
    for (config, mss) in all {
        let mut path = narrow(config, 1_400, 60_000);
        assert_eq!(path.data(CLIENT).len(), 10);
        assert!(path.data(CLIENT).iter().all(|frame| frame.payload == mss));
        let (now, window) = (path.now, path.ends[CLIENT].cwnd());
        path.ends[CLIENT].path_mtu_changed(now, 1_400);
        let shorter = u32::from(path.ends[CLIENT].mss());
        assert_eq!((mss - shorter as usize, window / mss as u32), (100, 10));
        assert_eq!(path.ends[CLIENT].cwnd(), 10 * shorter, "as many segments");
        path.run_for(ms(1));
        let first: Vec<_> = again(&path);
        assert_eq!(first.len(), 10);
        assert!(first.iter().all(|(at, payload)| *at == now && *payload == shorter as usize));
        path.run_for(ms(2_000));
        assert_eq!(path.received_bytes(SERVER).len(), 60_000);
        // Ten segments of old length are eleven of the new.
        assert_eq!(again(&path).len(), 11);
        assert_eq!(path.ends[CLIENT].statistics().timeouts, 0);
        assert_eq!(path.ends[CLIENT].ssthresh(), u32::MAX, "no sign of congestion");
    }
}

#[test]
fn a_short_segment_at_the_end_of_a_burst_has_arrived() {
    // Two full segments and one of 604 bytes.
    let mut path = narrow(Config::linux(), 1_000, 3_500);
    let now = path.now;
    path.ends[CLIENT].path_mtu_changed(now, 1_000);
    path.run_for(ms(2_000));
    assert_eq!(path.received_bytes(SERVER).len(), 3_500);
    assert_eq!(again(&path).iter().map(|(_, payload)| payload).sum::<usize>(), 2 * 1_448);
}

#[test]
fn what_says_nothing_new_or_nothing_true_is_ignored() {
    let mut path = narrow(Config::linux(), 1_400, 6_000);
    let (now, una) = (path.now, SequenceNumber(ISS[CLIENT]) + 1);
    let end = &mut path.ends[CLIENT];
    end.path_mtu_changed(now, 1_500);
    // RFC 5927 §4.1: sequence numbers that are not under way.
    end.fragmentation_needed(now, una - 1, 1_000);
    end.fragmentation_needed(now, una + 6_000, 1_000);
    assert_eq!(end.mss(), 1_448);
    end.fragmentation_needed(now, una, 1_400);
    end.fragmentation_needed(now, una + 1_448, 1_400);
    assert_eq!(end.mss(), 1_348);
    path.run_for(ms(2_000));
    assert_eq!(again(&path).len(), 5);
    assert_eq!(path.received_bytes(SERVER).len(), 6_000);
}

/// Linux: `tcp_retries2`, 15 retransmissions, 924.6 s at a timeout of 200 ms.
#[test]
fn a_black_hole_ends_a_connection() {
    let mut path = narrow(Config::linux(), 1_400, 6_000);
    path.run_for(Duration::from_secs(2_000));
    let ended = path.when(CLIENT, Event::TimedOut).expect("the application is told");
    assert!(
        (Duration::from_secs(920)..Duration::from_secs(1_100)).contains(&(ended - SimTime::ZERO)),
        "{ended}"
    );
    assert!(path.received_bytes(SERVER).len() < 1_448);
}

#[test]
fn probing_finds_a_way_through_a_black_hole() {
    // The second number: data in the first segment that is short enough.
    for (mtu, found) in [(1_400, 1_024), (1_000, 512), (300, 128), (100, 48)] {
        for sack in [true, false] {
            let config = Config { mtu_probing: true, sack, ..Config::linux() };
            let mut path = narrow(config, mtu, 4 * 1_448);
            path.run_for(Duration::from_secs(300));
            assert_eq!(path.received_bytes(SERVER).len(), 4 * 1_448, "MTU {mtu}");
            assert_eq!(usize::from(path.ends[CLIENT].mss()), found);
            let again = again(&path);
            let (first, _) = again.iter().find(|(_, payload)| *payload == 1_448).unwrap();
            let (shorter, _) = again.iter().find(|(_, payload)| *payload <= 1_024).unwrap();
            let after = *shorter - *first;
            assert!(after >= ms(2_900) && after < ms(8_000), "{after:?}");
        }
    }
}

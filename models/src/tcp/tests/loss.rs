//! Loss: timeouts, fast retransmit, NewReno.

use std::collections::BTreeSet;

use super::harness::{CLIENT, Fate, Frame, Path, SERVER, ms, packet, publish};
use crate::cause::Cause;
use crate::tcp::{Config, Event, State};

/// Loses the first transmission of the data segments with these numbers, counted from 1.
fn lose_segments(numbers: &[usize]) -> impl FnMut(&Frame) -> Fate + 'static {
    let lost: BTreeSet<usize> = numbers.iter().copied().collect();
    let mut sent = 0;
    move |frame| {
        if frame.from != CLIENT || frame.payload == 0 || frame.retransmission {
            return Fate::Deliver;
        }
        sent += 1;
        if lost.contains(&sent) { Fate::Lose } else { Fate::Deliver }
    }
}

/// Linux with timestamps but without selective acknowledgements.
fn newreno() -> Config {
    Config { timestamps: true, ..Config::linux_newreno() }
}

fn send(config: Config, bytes: usize, lost: &[usize]) -> Path {
    let mut path = Path::established(config.clone(), config, ms(20));
    // One packet each way first, as CONNECT and CONNACK: windows are told in their unit from then on.
    path.write(CLIENT, packet(Cause::Connect, 1));
    path.run_for(ms(300));
    path.received[SERVER].clear();
    path.frames.clear();
    path.fate(lose_segments(lost));
    for chunk in publish(1, bytes) {
        path.write(CLIENT, chunk);
    }
    path.run_for(ms(60_000));
    assert_eq!(path.received_bytes(SERVER).len(), bytes);
    assert_eq!(path.ends[CLIENT].buffered(), 0);
    path
}

fn retransmitted_at(path: &Path) -> Vec<u64> {
    let start = path.data(CLIENT)[0].at;
    let again = path.data(CLIENT).into_iter().filter(|frame| frame.retransmission);
    again.map(|frame| (frame.at - start).as_millis() as u64).collect()
}

#[test]
fn a_lone_lost_packet_waits_for_the_timeout() {
    // Linux: SRTT 40 + 4 RTTVAR 80 -> the minimum 200: 240 ms, and a tick; c08s_cubic_16B: 246 ms.
    assert_eq!(retransmitted_at(&send(Config::linux_newreno(), 26, &[1])), [244]);
    assert_eq!(retransmitted_at(&send(Config::rfc(), 26, &[1])), [1_000]);
}

#[test]
fn the_timeout_doubles_until_the_connection_is_given_up() {
    let config = Config::rfc();
    let mut path = Path::established(config.clone(), config, ms(20));
    path.fate(|frame| if frame.from == CLIENT { Fate::Lose } else { Fate::Deliver });
    path.write(CLIENT, packet(Cause::Pingreq, 2));
    path.run();
    assert_eq!(retransmitted_at(&path), [1_000, 3_000, 7_000, 15_000, 31_000, 63_000]);
    let (end, event) = *path.events[CLIENT].last().unwrap();
    assert_eq!(event, Event::TimedOut);
    assert_eq!((end - path.frames[0].at).as_secs(), 63 + 60, "60 s is the maximum");
    assert_eq!(path.states()[CLIENT], State::Closed);
    assert_eq!(path.ends[CLIENT].buffered(), 0);
    assert_eq!(path.ends[CLIENT].statistics().timeouts, 7);
}

#[test]
fn three_duplicates_bring_a_fast_retransmit() {
    for config in [Config::linux(), newreno()] {
        let path = send(config, 100_000, &[3]);
        assert_eq!(retransmitted_at(&path), [40]);
        let statistics = path.ends[CLIENT].statistics();
        assert_eq!((statistics.fast_retransmits, statistics.timeouts), (1, 0));
        let again: Vec<_> = path.frames.iter().filter(|frame| frame.retransmission).collect();
        assert_eq!(again.len(), 1);
        assert_eq!((again[0].payload, again[0].cause), (1_448, Cause::Retransmission));
        assert_eq!(again[0].seq, 2 + 2 * 1_448);
    }
}

#[test]
fn fast_recovery_halves_the_flight() {
    // 10 segments out, the first two acknowledged (4 more go), the third lost.
    let path = send(Config { quickack_segments: 0, ..newreno() }, 60_000, &[3]);
    let ssthresh = path.ends[CLIENT].ssthresh();
    assert_eq!(ssthresh, 12 * 1_448 / 2);
}

#[test]
fn newreno_repairs_one_loss_a_round_trip() {
    // RFC 6582 §3.2: each partial acknowledgement brings the next retransmission.
    let path = send(newreno(), 100_000, &[12, 14, 17]);
    assert_eq!(retransmitted_at(&path), [80, 120, 160]);
    assert_eq!(path.ends[CLIENT].statistics().timeouts, 0);
    assert_eq!(path.ends[CLIENT].statistics().fast_retransmits, 1);
}

#[test]
fn limited_transmit_makes_up_for_a_short_flight() {
    // RFC 3042: three segments, the first lost, two duplicates; two new segments bring the third.
    let config = Config { initial_window_segments: 3, ..newreno() };
    let path = send(config.clone(), 8 * 1_448, &[1]);
    assert_eq!(path.ends[CLIENT].statistics().timeouts, 0);
    assert_eq!(retransmitted_at(&path), [80]);
    // With nothing more to send only the timer can help.
    let path = send(config, 3 * 1_448, &[1]);
    assert_eq!(path.ends[CLIENT].statistics().timeouts, 1);
}

#[test]
fn a_lost_retransmission_waits_for_the_timeout() {
    let config = newreno();
    let mut path = Path::established(config.clone(), config, ms(20));
    let mut left = 2;
    path.fate(move |frame| {
        let unlucky = frame.from == CLIENT && frame.seq == 1 + 1_448 && left > 0;
        left -= i32::from(unlucky);
        if unlucky { Fate::Lose } else { Fate::Deliver }
    });
    for chunk in publish(1, 100_000) {
        path.write(CLIENT, chunk);
    }
    path.run_for(ms(10_000));
    assert_eq!(path.received_bytes(SERVER).len(), 100_000);
    let statistics = path.ends[CLIENT].statistics();
    assert_eq!((statistics.fast_retransmits, statistics.timeouts), (1, 1));
}

#[test]
fn a_timeout_falls_back_to_one_segment_and_slow_start() {
    // The whole first flight is lost.
    let config = Config::rfc();
    let mut path = Path::established(config.clone(), config, ms(20));
    path.fate(lose_segments(&(1..=10).collect::<Vec<_>>()));
    for chunk in publish(1, 30_000) {
        path.write(CLIENT, chunk);
    }
    path.run_for(ms(999));
    assert_eq!(path.data(CLIENT).len(), 10);
    path.run_for(ms(30));
    assert_eq!(path.ends[CLIENT].cwnd(), 1_448);
    assert_eq!(path.ends[CLIENT].ssthresh(), 5 * 1_448);
    assert_eq!(path.data(CLIENT).len(), 11, "one segment, not the flight");
    path.run_for(ms(60_000));
    assert_eq!(path.received_bytes(SERVER).len(), 30_000);
    assert_eq!(path.ends[CLIENT].statistics().timeouts, 1);
}

#[test]
fn a_lost_acknowledgement_costs_nothing_when_a_later_one_comes() {
    let config = Config::linux();
    let mut path = Path::established(config.clone(), config, ms(20));
    let mut count = 0;
    path.fate(move |frame| {
        count += usize::from(frame.from == SERVER);
        if frame.from == SERVER && count % 2 == 1 { Fate::Lose } else { Fate::Deliver }
    });
    for chunk in publish(1, 50_000) {
        path.write(CLIENT, chunk);
    }
    path.run_for(ms(5_000));
    assert_eq!(path.received_bytes(SERVER).len(), 50_000);
    assert!(retransmitted_at(&path).len() <= 1, "at most the last, whose acknowledgement may be lost");
}

#[test]
fn reordering_by_two_places_is_not_taken_for_a_loss() {
    let config = newreno();
    let mut path = Path::established(config.clone(), config, ms(20));
    let mut sent = 0;
    path.fate(move |frame| {
        sent += usize::from(frame.from == CLIENT);
        if frame.from == CLIENT && sent == 4 {
            Fate::Late(std::time::Duration::from_nanos(1))
        } else {
            Fate::Deliver
        }
    });
    for chunk in publish(1, 20_000) {
        path.write(CLIENT, chunk);
    }
    path.run_for(ms(25));
    assert!(path.received_bytes(SERVER).len() >= 10 * 1_448);
    path.run_for(ms(1_000));
    assert_eq!(path.received_bytes(SERVER).len(), 20_000);
}

//! Closing, in every order.

use super::harness::{CLIENT, Fate, Path, SERVER, ms, packet};
use crate::cause::Cause;
use crate::tcp::{Config, Event, State};

fn established() -> Path {
    Path::established(Config::linux(), Config::linux(), ms(20))
}

#[test]
fn the_one_who_closes_first_waits_in_time_wait() {
    let config = Config { delayed_fin_ack: false, ..Config::linux() };
    let mut path = Path::established(config.clone(), config, ms(20));
    path.close(CLIENT);
    path.run_for(ms(30));
    assert_eq!(path.states(), [State::FinWait1, State::CloseWait]);
    path.run_for(ms(20));
    assert_eq!(path.states(), [State::FinWait2, State::CloseWait]);
    path.close(SERVER);
    path.run_for(ms(30));
    assert_eq!(path.states(), [State::TimeWait, State::LastAck]);
    path.run_for(ms(20));
    assert_eq!(path.states(), [State::TimeWait, State::Closed]);
    let start = path.now;
    path.run();
    assert_eq!(path.states(), [State::Closed; 2]);
    assert!((ms(59_000)..=ms(60_000)).contains(&(path.now - start)));
    assert_eq!(path.events[CLIENT].last().unwrap().1, Event::Closed);
}

#[test]
fn closing_frames_are_booked_as_such() {
    let mut path = Path::established(Config::rfc(), Config::rfc(), ms(20));
    path.close(CLIENT);
    path.run_for(ms(45));
    path.close(SERVER);
    path.run_for(ms(60));
    let frames: Vec<_> = path.frames.iter().map(|f| (f.from, f.flags.as_str(), f.len, f.cause)).collect();
    let closing = Cause::TcpClose;
    assert_eq!(
        frames,
        [
            (CLIENT, "AF", 66, closing),
            (SERVER, "A", 66, closing),
            (SERVER, "AF", 66, closing),
            (CLIENT, "A", 66, closing)
        ]
    );
}

/// c01_mosquitto_q0_16, the subscriber: DISCONNECT, FIN, FIN, ACK.
#[test]
fn on_linux_a_prompt_fin_carries_the_acknowledgement_of_the_other() {
    for (config, frames) in [(Config::linux(), 3), (Config::rfc(), 4)] {
        let mut path = Path::established(config.clone(), config, ms(20));
        path.close(CLIENT);
        path.run_for(ms(25));
        path.close(SERVER);
        path.run_for(ms(100));
        assert_eq!(path.frames.len(), frames);
        assert_eq!(path.states(), [State::TimeWait, State::Closed]);
    }
}

/// c01_mosquitto_q0_16, the publisher: PUBLISH, then DISCONNECT with the FIN; the broker's reading of the
/// second small segment is acknowledged before it closes.
#[test]
fn on_linux_reading_a_second_small_packet_acknowledges_it() {
    let mut path = established();
    path.write(CLIENT, packet(Cause::Connect, 18));
    path.run_for(ms(20));
    path.write(SERVER, packet(Cause::Connack, 4));
    path.run_for(ms(200));
    path.frames.clear();
    path.ends[CLIENT].write(path.now, packet(Cause::Publish, 24));
    path.run_for(ms(1));
    path.write(CLIENT, packet(Cause::Disconnect, 2));
    path.close(CLIENT);
    path.run_for(ms(20));
    path.close(SERVER);
    path.run_for(ms(100));
    let seen: Vec<_> = path.frames.iter().map(|f| (f.from, f.flags.as_str(), f.payload)).collect();
    let captured =
        [(CLIENT, "AP", 24), (CLIENT, "APF", 2), (SERVER, "A", 0), (SERVER, "AF", 0), (CLIENT, "A", 0)];
    assert_eq!(seen, captured);
}

#[test]
fn both_close_at_once() {
    let mut path = established();
    path.close(CLIENT);
    path.close(SERVER);
    path.run_for(ms(30));
    assert_eq!(path.states(), [State::Closing; 2]);
    path.run_for(ms(20));
    assert_eq!(path.states(), [State::TimeWait; 2]);
    path.run();
    assert_eq!(path.states(), [State::Closed; 2]);
}

#[test]
fn the_fin_follows_the_data_and_rides_on_it() {
    let mut path = established();
    path.write(CLIENT, packet(Cause::Disconnect, 2));
    path.close(CLIENT);
    path.write(CLIENT, packet(Cause::Publish, 20));
    path.run_for(ms(100));
    // c01_mosquitto_q0_16: DISCONNECT and FIN in one segment of 68 bytes.
    let first = &path.frames[0];
    assert_eq!((first.flags.as_str(), first.len, first.cause), ("APF", 68, Cause::Disconnect));
    assert_eq!(path.received_bytes(SERVER), [2, 2], "what is written after the close is dropped");
    assert!(path.when(SERVER, Event::PeerClosed).is_some());
}

#[test]
fn a_half_closed_connection_still_carries_the_other_direction() {
    let mut path = established();
    path.close(CLIENT);
    path.run_for(ms(100));
    path.write(SERVER, packet(Cause::Publish, 25));
    path.run_for(ms(100));
    assert_eq!(path.received_bytes(CLIENT).len(), 25);
    path.close(SERVER);
    path.run();
    assert_eq!(path.states(), [State::Closed; 2]);
}

#[test]
fn a_lost_fin_is_sent_again() {
    // A tail loss probe; real-software-facts: after 246 to 285 ms.
    let mut path = established();
    let mut first = true;
    path.fate(move |_| if std::mem::take(&mut first) { Fate::Lose } else { Fate::Deliver });
    let start = path.now;
    path.close(CLIENT);
    path.run_for(ms(1_000));
    let fins: Vec<_> =
        path.frames.iter().filter(|f| f.from == CLIENT).map(|f| (f.at - start).as_millis()).collect();
    assert_eq!(fins, [0, 244]);
    assert_eq!(path.states(), [State::FinWait2, State::CloseWait]);
    assert_eq!(path.frames[1].cause, Cause::Retransmission);
}

#[test]
fn a_lost_last_acknowledgement_is_repeated_from_time_wait() {
    let mut path = established();
    path.close(CLIENT);
    path.run_for(ms(100));
    path.fate({
        let mut first = true;
        move |frame| {
            if frame.from == CLIENT && std::mem::take(&mut first) { Fate::Lose } else { Fate::Deliver }
        }
    });
    path.close(SERVER);
    path.run_for(ms(1_000));
    assert_eq!(path.states(), [State::TimeWait, State::Closed]);
    assert_eq!(path.frames.iter().filter(|f| f.from == SERVER && f.flags == "AF").count(), 2);
}

#[test]
fn an_abort_resets_the_peer() {
    let mut path = established();
    path.write(CLIENT, packet(Cause::Publish, 25));
    path.ends[CLIENT].abort(path.now);
    path.run();
    assert_eq!(path.script(CLIENT).len(), 1);
    assert_eq!(path.frames[0].flags, "AR");
    assert_eq!(path.frames[0].cause, Cause::TcpClose);
    assert_eq!(path.states(), [State::Closed; 2]);
    assert_eq!(path.events[CLIENT].last().unwrap().1, Event::Closed);
    assert_eq!(path.events[SERVER].last().unwrap().1, Event::Reset);
}

#[test]
fn a_vanished_peer_does_not_hold_fin_wait_2_for_ever() {
    let mut path = established();
    path.close(CLIENT);
    path.run();
    assert_eq!(path.states(), [State::Closed, State::CloseWait]);
}

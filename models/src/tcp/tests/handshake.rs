//! The three-way handshake.

use std::sync::Arc;

use super::harness::{CLIENT, Fate, ISS, Path, SERVER, ms, packet};
use crate::cause::Cause;
use crate::tcp::{Config, Connection, Event, Flags, Segment, SequenceNumber, State, reset_for};
use sim_core::time::SimTime;

fn without_options(config: Config) -> Config {
    Config { timestamps: false, ..config }
}

#[test]
fn frames_are_as_long_as_on_the_wire() {
    // (timestamps, window scale) -> SYN, SYN-ACK, ACK; real-software-facts, "Frame sizes".
    let table = [
        (true, true, Some(7), [74, 74, 66]),
        (true, false, Some(7), [74, 74, 66]),
        (false, true, Some(7), [66, 66, 54]),
        (false, false, Some(7), [62, 62, 54]),
        (false, false, None, [58, 58, 54]),
    ];
    for (timestamps, sack, window_scale, lengths) in table {
        let config = Config { timestamps, sack, window_scale, ..Config::linux() };
        let mut path = Path::new(config.clone(), config, ms(20));
        path.run();
        let seen: Vec<_> = path.frames.iter().map(|frame| (frame.flags.as_str(), frame.len)).collect();
        assert_eq!(seen, [("S", lengths[0]), ("SA", lengths[1]), ("A", lengths[2])]);
        assert!(path.frames.iter().all(|frame| frame.cause == Cause::TcpConnect));
    }
}

#[test]
fn windows_are_those_of_linux() {
    let mut path = Path::new(Config::linux(), Config::linux(), ms(20));
    path.run();
    path.write(CLIENT, packet(Cause::Connect, 18));
    path.run();
    let windows: Vec<_> = path.frames.iter().map(|f| (f.from, f.payload, f.window)).collect();
    // ground truth c01_mosquitto_q0_16
    let captured = [
        (CLIENT, 0, 64_240),
        (SERVER, 0, 65_160),
        (CLIENT, 0, 64_256),
        (CLIENT, 18, 64_256),
        (SERVER, 0, 65_152),
    ];
    assert_eq!(windows, captured);
}

#[test]
fn both_sides_hear_of_it_and_measure_the_path() {
    let mut path = Path::new(Config::linux(), Config::linux(), ms(20));
    path.run();
    assert_eq!(path.when(CLIENT, Event::Connected), Some(SimTime::from_millis(40)));
    assert_eq!(path.when(SERVER, Event::Connected), Some(SimTime::from_millis(60)));
    for end in &path.ends {
        assert_eq!(end.srtt(), Some(ms(40)));
        assert_eq!(end.mss(), 1448);
        assert_eq!(end.cwnd(), 14_480);
    }
}

#[test]
fn the_smaller_segment_size_and_only_common_options_are_used() {
    let small = Config { mss: 536, window_scale: None, sack: false, ..without_options(Config::linux()) };
    let mut path = Path::new(Config::linux(), small, ms(1));
    path.run();
    assert_eq!(path.ends[CLIENT].mss(), 536);
    assert_eq!(path.ends[SERVER].mss(), 536);
    assert_eq!(path.frames[1].options, 4);
    assert_eq!(path.frames[2].options, 0);
    assert_eq!(path.frames[2].window, 64_240);
}

#[test]
fn a_lost_syn_is_sent_again_after_a_second_and_four_times_evenly() {
    // Linux since 6.5; ground truth c08s_drop_syn has the first at 1.03 s.
    let mut path = Path::new(Config::linux(), Config::linux(), ms(20));
    path.fate(|frame| if frame.flags == "S" { Fate::Lose } else { Fate::Deliver });
    path.run();
    let at: Vec<_> = path.script(CLIENT).iter().map(|frame| frame.0).collect();
    assert_eq!(at, [0, 1_032, 2_064, 3_096, 4_128, 5_160, 7_224]);
    assert_eq!(path.events[CLIENT], [(SimTime::from_millis(11_352), Event::TimedOut)]);
    assert_eq!(path.states()[CLIENT], State::Closed);
}

#[test]
fn by_the_rfc_the_syn_timeout_doubles_from_three_seconds() {
    let mut path = Path::new(Config::rfc(), Config::rfc(), ms(20));
    let mut losses = 0;
    path.fate(move |frame| {
        losses += u32::from(frame.flags == "S");
        if frame.flags == "S" && losses <= 3 { Fate::Lose } else { Fate::Deliver }
    });
    path.run();
    let at: Vec<_> = path.script(CLIENT).iter().map(|frame| frame.0).collect();
    assert_eq!(at, [0, 3_000, 9_000, 21_000, 21_040]);
    assert_eq!(path.ends[CLIENT].rto().as_millis(), 1_000, "the echoed timestamp gives a sample");
    assert_eq!(path.ends[CLIENT].cwnd(), 1_448, "more than one lost SYN");
}

#[test]
fn without_a_sample_a_lost_syn_makes_for_a_careful_start() {
    // RFC 6298 (5.7)
    let config = without_options(Config::rfc());
    let mut path = Path::new(config.clone(), config, ms(20));
    let mut first = true;
    path.fate(move |_| if std::mem::take(&mut first) { Fate::Lose } else { Fate::Deliver });
    path.run();
    assert_eq!(path.ends[CLIENT].srtt(), None);
    assert_eq!(path.ends[CLIENT].rto().as_secs(), 3);
    assert_eq!(path.ends[CLIENT].cwnd(), 14_600, "one lost SYN leaves the initial window");
}

#[test]
fn a_lost_syn_ack_is_repeated() {
    let mut path = Path::new(Config::linux(), Config::linux(), ms(20));
    let mut first = true;
    path.fate(
        move |f| if f.flags == "SA" && std::mem::take(&mut first) { Fate::Lose } else { Fate::Deliver },
    );
    path.run();
    assert_eq!(path.script(SERVER), [(20, "SA", 0, 0), (1_052, "SA", 0, 0), (1_052, "SA", 0, 0)]);
    assert_eq!(path.states(), [State::Established; 2]);
}

#[test]
fn a_lost_last_acknowledgement_is_made_good_by_data() {
    let mut path = Path::new(Config::linux(), Config::linux(), ms(20));
    path.fate(|frame| if frame.flags == "A" && frame.from == CLIENT { Fate::Lose } else { Fate::Deliver });
    path.run_for(ms(50));
    path.write(CLIENT, packet(Cause::Connect, 17));
    path.run_for(ms(50));
    assert_eq!(path.states(), [State::Established; 2]);
    assert_eq!(path.received_bytes(SERVER).len(), 17);
}

#[test]
fn two_syns_that_cross_make_one_connection() {
    // RFC 9293 §3.5, figure 7.
    let config = Arc::new(Config::linux());
    let ends = ISS.map(|iss| Connection::connect(config.clone(), SimTime::ZERO, iss));
    let mut path = Path::between(ends, ms(20));
    path.run();
    assert_eq!(path.states(), [State::Established; 2]);
    assert_eq!(path.script(CLIENT)[..2], [(0, "S", 0, 0), (20, "SA", 0, 0)]);
    path.write(CLIENT, packet(Cause::Publish, 20));
    path.run();
    assert_eq!(path.received_bytes(SERVER).len(), 20);
}

#[test]
fn a_reset_refuses_the_connection() {
    let mut client = Connection::connect(Arc::new(Config::linux()), SimTime::ZERO, 5);
    let syn = client.poll_transmit(SimTime::ZERO).unwrap();
    let reset = reset_for(&syn).unwrap();
    let blind = Segment { ack: SequenceNumber(99), ..reset.clone() };
    client.handle_segment(SimTime::ZERO, blind);
    assert_eq!(client.state(), State::SynSent, "a reset that acknowledges something else");
    client.handle_segment(SimTime::ZERO, reset);
    assert_eq!((client.state(), client.poll_event()), (State::Closed, Some(Event::Refused)));
    assert_eq!(client.poll_timeout(), None);
}

#[test]
fn listen_answers_an_acknowledgement_with_a_reset() {
    let now = SimTime::ZERO;
    let mut server = Connection::accept(Arc::new(Config::linux()), now, 5);
    server.handle_segment(now, Segment { ack: SequenceNumber(42), flags: Flags::ACK, ..Segment::default() });
    let reset = server.poll_transmit(now).unwrap();
    assert_eq!((reset.seq, reset.flags), (SequenceNumber(42), Flags::RST));
    assert_eq!(server.state(), State::Listen);
}

#[test]
fn closing_before_the_handshake_is_over() {
    let mut path = Path::new(Config::linux(), Config::linux(), ms(20));
    path.close(CLIENT);
    path.run();
    assert_eq!(path.frames, []);
    assert_eq!(path.events[CLIENT], [(SimTime::ZERO, Event::Closed)]);

    let mut path = Path::new(Config::linux(), Config::linux(), ms(20));
    path.run_for(ms(30));
    assert_eq!(path.states()[SERVER], State::SynReceived);
    path.close(SERVER);
    path.run_for(ms(150));
    assert_eq!(path.states(), [State::CloseWait, State::FinWait2]);
}

//! Data without loss: segments, flights, acknowledgements, Nagle.

use super::harness::{CLIENT, LOWER_HEADERS, Path, SERVER, ms, packet, publish};
use crate::cause::Cause;
use crate::stream::MessageId;
use crate::tcp::{Config, Connection, Event};
use sim_core::time::SimTime;

/// A QoS 1 PUBLISH with 209,469 bytes of payload (real-software-facts, "Frame sizes").
const IMAGE: usize = 209_481;

fn without_timestamps(config: Config) -> Config {
    Config { timestamps: false, ..config }
}

/// Sends the image from client to server; returns the path and the flights in segments.
fn send_image(client: Config, server: Config) -> (Path, Vec<usize>) {
    let mut path = Path::established(client, server, ms(20));
    let start = path.now;
    for chunk in publish(1, IMAGE) {
        path.write(CLIENT, chunk);
    }
    while path.received_bytes(SERVER).len() < IMAGE {
        path.run_for(ms(1));
    }
    path.write(SERVER, packet(Cause::Puback, 4));
    path.run_for(ms(400));
    let mut flights: Vec<usize> = Vec::new();
    for frame in path.data(CLIENT) {
        let round = ((frame.at - start).as_millis() / 40) as usize;
        flights.resize(flights.len().max(round + 1), 0);
        flights[round] += 1;
    }
    (path, flights)
}

/// From the write to the arrival of the PUBACK, in milliseconds.
fn completion_ms(path: &Path) -> f64 {
    let start = path.data(CLIENT)[0].at;
    let answered = path.when(CLIENT, Event::Readable).unwrap();
    (answered - start).as_secs_f64() * 1e3
}

#[test]
fn the_image_takes_145_segments_in_flights_of_10_20_40_75() {
    let (path, flights) = send_image(Config::linux(), Config::linux());
    assert_eq!(flights, [10, 20, 40, 75]);
    let data = path.data(CLIENT);
    assert!(data[..144].iter().all(|frame| frame.payload == 1_448 && frame.len == 1_514));
    assert_eq!(data[144].payload, 969, "ground truth c08s_cubic_none");
    assert_eq!(data[144].len, 1_035);
    // c08_cubic_d20, where slow start is the same: median 162.3 ms on a real host.
    assert!((completion_ms(&path) - 162.3).abs() < 0.02 * 162.3);
}

#[test]
fn without_timestamps_it_takes_144_segments_and_five_round_trips() {
    let config = without_timestamps(Config::linux());
    let (path, flights) = send_image(config.clone(), config);
    assert_eq!(flights, [10, 20, 40, 68, 6], "the receive window ends the fourth flight");
    assert!(path.data(CLIENT)[..143].iter().all(|frame| frame.payload == 1_460 && frame.len == 1_514));
    // c08_newreno_d20: t_all_acked_ms, median of 20 runs 202.1.
    assert!((completion_ms(&path) - 202.1).abs() < 0.02 * 202.1);
}

#[test]
fn by_the_rfc_the_flights_are_the_same() {
    let config = Config { max_receive_window: 300_000, ..Config::rfc() };
    let (path, flights) = send_image(config.clone(), config);
    assert_eq!(flights, [10, 20, 40, 75]);
    assert_eq!(path.acknowledgements(SERVER).len(), 72, "one for two segments; the last waits");
}

#[test]
fn acknowledgements_cover_two_segments_and_open_the_window() {
    let mut path = Path::established(Config::linux(), Config::linux(), ms(20));
    path.write(CLIENT, packet(Cause::Connect, 17));
    path.run_for(ms(20));
    path.write(SERVER, packet(Cause::Connack, 4));
    path.run_for(ms(300));
    path.frames.clear();
    for chunk in publish(1, IMAGE) {
        path.write(CLIENT, chunk);
    }
    path.run_for(ms(400));
    let acks = path.acknowledgements(SERVER);
    // The interactive start ended quick acknowledgements, as in c08s_cubic_none.
    assert_eq!(acks[0].ack - 18, 2 * 1_448);
    assert_eq!((acks[0].window, acks[1].window), (71_040, 76_800));
    let windows: Vec<u32> = acks[..5].iter().map(|ack| ack.window).collect();
    assert_eq!(windows[2..], [79_232, 79_744, 84_352], "the reader has not read yet");
    // Captured: 33 to 42. A second segment waits for the reader while the window cannot grow.
    assert!((42..=56).contains(&acks.len()), "{}", acks.len());
    assert_eq!(path.acknowledgements(CLIENT).len(), 0);
}

#[test]
fn the_bytes_the_tags_and_the_payload_come_through() {
    let mut path = Path::established(Config::linux(), Config::linux(), ms(5));
    path.readers[SERVER] = false;
    let [header, body] = publish(77, 50_000);
    path.write(CLIENT, header.clone());
    path.write(CLIENT, body.clone());
    path.run_for(ms(300));
    assert_eq!(path.ends[SERVER].buffered(), 50_000);
    assert_eq!(path.ends[SERVER].read(), Some(header));
    let joined = path.ends[SERVER].read().unwrap();
    assert_eq!(joined.tag.message, MessageId(77));
    assert!(joined == body, "slices of one payload are one chunk again");
    assert_eq!(path.ends[SERVER].read(), None);
}

#[test]
fn push_marks_the_end_of_a_burst() {
    let mut path = Path::established(Config::linux(), Config::linux(), ms(5));
    for chunk in publish(1, 3_000) {
        path.write(CLIENT, chunk);
    }
    path.run_for(ms(100));
    let flags: Vec<_> = path.data(CLIENT).iter().map(|frame| frame.flags.as_str()).collect();
    assert_eq!(flags, ["A", "A", "AP"]);
}

#[test]
fn small_packets_share_a_segment_and_it_names_the_first() {
    let mut path = Path::established(Config::linux(), Config::linux(), ms(5));
    for cause in [Cause::Puback, Cause::Pubrec, Cause::Pubcomp, Cause::Disconnect] {
        path.write(CLIENT, packet(cause, 4));
    }
    path.run_for(ms(100));
    let data = path.data(CLIENT);
    assert_eq!(data.len(), 1);
    assert_eq!((data[0].len, data[0].cause), (LOWER_HEADERS + 32 + 16, Cause::Puback));
    let causes: Vec<_> = path.received[SERVER].iter().map(|chunk| chunk.tag.cause).collect();
    assert_eq!(causes, [Cause::Puback, Cause::Pubrec, Cause::Pubcomp, Cause::Disconnect]);
}

/// CONNECT, CONNACK, SUBSCRIBE, SUBACK as in c01_mosquitto_q0_16: the first packet each way is
/// acknowledged at once, the SUBACK after 40 ms, on the next tick of 4 ms (captured: 40 to 44 ms).
#[test]
fn the_first_packets_are_acknowledged_at_once_and_later_ones_wait() {
    let mut path = Path::established(Config::linux(), Config::linux(), ms(1));
    path.write(CLIENT, packet(Cause::Connect, 18));
    path.run_for(ms(2));
    path.write(SERVER, packet(Cause::Connack, 4));
    path.run_for(ms(2));
    path.write(CLIENT, packet(Cause::Subscribe, 11));
    path.run_for(ms(1));
    path.write(SERVER, packet(Cause::Suback, 5));
    path.run_for(ms(100));
    assert_eq!(path.script(SERVER), [(5, "A", 1, 0), (6, "AP", 1, 4), (9, "AP", 5, 5)]);
    assert_eq!(path.script(CLIENT), [(4, "AP", 1, 18), (7, "A", 19, 0), (8, "AP", 19, 11), (52, "A", 30, 0)]);
    let last = path.frames.last().unwrap();
    assert_eq!((last.cause, last.ack), (Cause::TcpAck, 10));
}

#[test]
fn by_the_rfc_a_lone_segment_waits_200_ms() {
    let mut path = Path::established(Config::rfc(), Config::rfc(), ms(1));
    path.write(CLIENT, packet(Cause::Connect, 30));
    path.run_for(ms(500));
    assert_eq!(path.script(SERVER), [(4 + 1 + 200, "A", 1, 0)]);
}

#[test]
fn an_answer_carries_the_acknowledgement() {
    let mut path = Path::established(Config::rfc(), Config::rfc(), ms(1));
    path.write(CLIENT, packet(Cause::Publish, 30));
    path.run_for(ms(1));
    path.write(SERVER, packet(Cause::Puback, 4));
    path.run_for(ms(50));
    assert_eq!(path.script(SERVER), [(5, "AP", 1, 4)]);
    assert_eq!(path.frames.last().unwrap().ack, 31);
    assert_eq!(path.ends[CLIENT].unacknowledged(), 0);
}

/// A small packet waits for the delayed acknowledgement of an earlier small one: 40 to 44 ms as captured,
/// here from 5 ms to the tick at 48 ms.
#[test]
fn nagle_holds_a_second_small_packet() {
    let two_packets = |nagle: bool| {
        let config = Config { nagle, quickack_segments: 0, ack_on_read: false, ..Config::linux() };
        let mut path = Path::established(config.clone(), config, ms(1));
        path.write(CLIENT, packet(Cause::Puback, 4));
        path.run_for(ms(1));
        path.write(CLIENT, packet(Cause::Pubcomp, 4));
        path.run_for(ms(200));
        path.data(CLIENT).iter().map(|frame| frame.at.as_nanos() / 1_000_000).collect::<Vec<_>>()
    };
    assert_eq!(two_packets(true), [4, 4 + 45]);
    assert_eq!(two_packets(false), [4, 5]);
}

#[test]
fn nagle_lets_the_tail_of_a_long_write_go() {
    let mut path = Path::established(Config::linux(), Config::linux(), ms(20));
    for chunk in publish(1, 1_448 + 22) {
        path.write(CLIENT, chunk);
    }
    path.run_for(ms(10));
    assert_eq!(path.data(CLIENT).len(), 2);
}

#[test]
fn an_idle_connection_starts_over_on_linux_only() {
    let cwnd_after_pause = |config: Config| {
        let mut path = Path::established(config.clone(), config, ms(20));
        for chunk in publish(1, IMAGE) {
            path.write(CLIENT, chunk);
        }
        path.run_for(ms(10_000));
        assert!(path.ends[CLIENT].cwnd() > 80 * 1_448);
        path.write(CLIENT, packet(Cause::Pingreq, 2));
        path.run_for(ms(1));
        path.ends[CLIENT].cwnd()
    };
    assert_eq!(cwnd_after_pause(Config::linux()), 14_480);
    assert!(cwnd_after_pause(Config::rfc()) > 80 * 1_448);
}

#[test]
fn an_unused_window_does_not_grow() {
    let mut path = Path::established(Config::linux(), Config::linux(), ms(5));
    for _ in 0..100 {
        path.write(CLIENT, packet(Cause::Publish, 26));
        path.run_for(ms(60));
    }
    assert_eq!(path.ends[CLIENT].cwnd(), 14_480);
}

#[test]
fn an_idle_connection_is_small_and_holds_no_heap() {
    assert!(size_of::<Connection>() <= 384, "{} bytes", size_of::<Connection>());
    let mut path = Path::established(Config::linux(), Config::linux(), ms(5));
    for chunk in publish(1, 100_000) {
        path.write(CLIENT, chunk);
    }
    path.run_for(ms(500));
    assert!(path.ends.iter().all(|end| end.buffered() == 0));
    assert_eq!(path.ends[CLIENT].poll_timeout(), None, "an idle connection asks for nothing");
    assert_eq!(path.ends[SERVER].poll_timeout(), None);
    assert!(path.now > SimTime::ZERO);
}

/// An idle connection wants nothing of the world: no deadline, no segment, no event, and it holds no heap
/// for what was acknowledged.
#[test]
fn an_idle_connection_costs_no_events() {
    for config in [Config::linux(), Config::linux_newreno(), Config::rfc(), Config::lwip(), Config::w5500()] {
        let mut path = Path::established(config.clone(), config, ms(5));
        path.write(CLIENT, packet(Cause::Publish, 2_000));
        path.run_for(ms(1_000));
        path.write(SERVER, packet(Cause::Puback, 4));
        path.run_for(ms(1_000));
        path.frames.clear();
        path.events = Default::default();
        assert_eq!(path.received_bytes(SERVER).len(), 2_000);
        for end in &mut path.ends {
            assert_eq!(end.poll_timeout(), None);
            assert!(end.poll_transmit(path.now).is_none() && end.poll_event().is_none());
            assert_eq!(end.buffered(), 0);
        }
        path.run_for(ms(3_600_000));
        assert!(path.frames.is_empty() && path.events.iter().all(Vec::is_empty));
    }
}

//! A hostile peer: whatever arrives, nothing panics and nothing is corrupted.

use std::sync::Arc;

use proptest::prelude::*;

use super::harness::{CLIENT, Path, SERVER, ms, packet};
use crate::cause::Cause;
use crate::stream::{Chunk, Tag};
use crate::tcp::{
    Config, Connection, Event, Flags, Options, SackBlock, SackBlocks, Segment, SequenceNumber, State,
    Timestamps,
};
use sim_core::time::SimTime;

/// Sequence numbers near the real ones, or anything.
fn number(near: u32) -> impl Strategy<Value = SequenceNumber> {
    prop_oneof![
        3 => (0..4_000_u32).prop_map(move |off| SequenceNumber(near.wrapping_sub(100).wrapping_add(off))),
        1 => any::<u32>().prop_map(SequenceNumber),
    ]
}

fn options() -> impl Strategy<Value = Options> {
    let timestamps = (0..2_000_u32, 0..2_000_u32, any::<bool>()).prop_map(|(value, echo_reply, wild)| {
        let value = if wild { value.wrapping_mul(0x9e37_79b9) } else { value };
        Timestamps { value, echo_reply }
    });
    let block = (number(5_000), number(5_000)).prop_map(|(start, end)| SackBlock { start, end });
    let sack = prop::collection::vec(block, 1..5).prop_map(|list| {
        let mut blocks = SackBlocks::default();
        list.into_iter().for_each(|block| blocks.push(block));
        Box::new(blocks)
    });
    let rest = (prop::option::weighted(0.7, timestamps), prop::option::weighted(0.5, sack));
    (any::<Option<u16>>(), any::<Option<u8>>(), any::<bool>(), rest).prop_map(
        |(mss, window_scale, sack_permitted, (timestamps, sack))| Options {
            mss,
            window_scale,
            sack_permitted,
            timestamps,
            sack,
        },
    )
}

fn segments() -> impl Strategy<Value = Segment> {
    (number(9_000), number(5_000), any::<u8>(), any::<u16>(), options(), 0..2_000_usize).prop_map(
        |(seq, ack, bits, window, options, len)| Segment {
            seq,
            ack,
            flags: Flags::from_bits(bits) | if bits > 40 { Flags::ACK } else { Flags::NONE },
            window,
            options,
            payload: Chunk::copied(Tag::of(Cause::Publish), &vec![0xaa; if bits % 3 == 0 { len } else { 0 }])
                .into(),
            ..Segment::default()
        },
    )
}

/// A step of the world around one connection.
#[derive(Clone, Debug)]
enum Step {
    Arrive(Segment),
    Wait(u64),
    Write(usize),
    Read,
    Close,
    Abort,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        20 => segments().prop_map(Step::Arrive),
        4 => (0..3_000_u64).prop_map(Step::Wait),
        3 => (1..5_000_usize).prop_map(Step::Write),
        2 => Just(Step::Read),
        1 => Just(Step::Close),
        1 => Just(Step::Abort),
    ];
    prop::collection::vec(step, 0..200)
}

pub(super) fn check(connection: &Connection) {
    assert!(
        connection.cwnd() >= u32::from(connection.mss()) || connection.cwnd() == 0,
        "{}",
        connection.cwnd()
    );
    assert!(connection.mss() >= 36);
    assert!(connection.unacknowledged() + connection.unsent() <= connection.buffered());
    if connection.state() == State::Closed {
        assert_eq!(connection.poll_timeout(), None);
    } else if connection.unacknowledged() > 0 {
        assert!(connection.poll_timeout().is_some(), "unacknowledged data needs a timer");
    }
}

fn live(mut connection: Connection, steps: Vec<Step>) {
    let mut now = SimTime::from_secs(1);
    for step in steps {
        match step {
            Step::Arrive(segment) => connection.handle_segment(now, segment),
            Step::Wait(millis) => now += ms(millis),
            Step::Write(len) => connection.write(now, packet(Cause::Publish, len)),
            Step::Read => while connection.read().is_some() {},
            Step::Close => connection.close(now),
            Step::Abort => connection.abort(now),
        }
        connection.handle_timeout(now);
        let mut sent = 0;
        while let Some(segment) = connection.poll_transmit(now) {
            assert!(segment.payload_len() <= usize::from(connection.mss()));
            assert!(segment.header_len() <= 60);
            sent += 1;
            assert!(sent < 100_000, "one step, endless segments");
        }
        while connection.poll_event().is_some() {}
        check(&connection);
        assert!(connection.poll_timeout().is_none_or(|at| at > now));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(300), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_segments_never_panic(steps in steps(), passive in any::<bool>(), rfc in any::<bool>()) {
        let config = Arc::new(if rfc { Config::rfc() } else { Config::linux() });
        let open = if passive { Connection::accept } else { Connection::connect };
        live(open(config, SimTime::ZERO, 5_000), steps);
    }

    #[test]
    fn an_established_connection_survives_random_segments(steps in steps(), timestamps in any::<bool>()) {
        let config = Arc::new(Config { timestamps, ..Config::linux() });
        let now = SimTime::from_secs(1);
        let mut connection = Connection::connect(config, now, 5_000);
        let syn = connection.poll_transmit(now).unwrap();
        let echo = syn.options.timestamps.map(|ours| Timestamps { value: 1_000, echo_reply: ours.value });
        connection.handle_segment(now, Segment {
            seq: SequenceNumber(9_000),
            ack: SequenceNumber(5_001),
            flags: Flags::SYN | Flags::ACK,
            window: 60_000,
            options: Options {
                timestamps: echo,
                mss: Some(1460),
                sack_permitted: true,
                ..Options::default()
            },
            ..Segment::default()
        });
        prop_assert_eq!(connection.state(), State::Established);
        live(connection, steps);
    }

    /// Segments from elsewhere, with numbers outside the windows, change nothing (RFC 5961).
    #[test]
    fn blind_segments_do_not_disturb_a_transfer(blind in prop::collection::vec(segments(), 1..40)) {
        let mut path = Path::established(Config::linux(), Config::linux(), ms(5));
        let mut blind = blind.into_iter();
        for round in 0..40 {
            path.write(CLIENT, packet(Cause::Publish, 100 + round));
            if let Some(mut segment) = blind.next() {
                // Half the sequence space away from both windows.
                segment.seq = SequenceNumber(7_000) + 0x8000_0000 + segment.seq.0 % 0x1000_0000;
                path.ends[CLIENT].handle_segment(path.now, segment);
            }
            path.run_for(ms(50));
        }
        let expected: Vec<u8> = (0..40).flat_map(|round| vec![(100 + round) as u8; 100 + round]).collect();
        prop_assert!(path.received_bytes(SERVER) == expected);
        prop_assert_eq!(path.states(), [State::Established; 2]);
    }
}

fn from_server(path: &Path, ahead: u32, flags: Flags) -> Segment {
    let timestamps = Some(Timestamps { value: (path.now.as_nanos() / 1_000_000) as u32, echo_reply: 0 });
    Segment {
        seq: SequenceNumber(7_001 + ahead),
        ack: SequenceNumber(super::harness::ISS[CLIENT]) + 1,
        flags,
        window: 500,
        options: Options { timestamps, ..Options::default() },
        ..Segment::default()
    }
}

#[test]
fn only_an_exact_reset_resets() {
    // RFC 5961 §3.2
    let mut path = Path::established(Config::linux(), Config::linux(), ms(5));
    let near = from_server(&path, 1, Flags::RST);
    path.ends[CLIENT].handle_segment(path.now, near);
    assert_eq!(path.ends[CLIENT].state(), State::Established);
    assert!(path.ends[CLIENT].poll_transmit(path.now).is_some(), "a challenge");
    let exact = from_server(&path, 0, Flags::RST);
    path.ends[CLIENT].handle_segment(path.now, exact);
    assert_eq!(path.ends[CLIENT].state(), State::Closed);
    path.run_for(ms(1));
    assert_eq!(path.events[CLIENT].last().unwrap().1, Event::Reset);
}

#[test]
fn a_syn_in_the_window_is_challenged() {
    // RFC 5961 §4.2
    let mut path = Path::established(Config::linux(), Config::linux(), ms(5));
    let syn = from_server(&path, 3, Flags::SYN);
    path.ends[CLIENT].handle_segment(path.now, syn);
    let challenge = path.ends[CLIENT].poll_transmit(path.now).unwrap();
    assert_eq!((challenge.flags, challenge.payload_len()), (Flags::ACK, 0));
    assert_eq!(path.ends[CLIENT].state(), State::Established);
}

#[test]
fn an_old_timestamp_is_an_old_duplicate() {
    // RFC 7323 §5.3
    let mut path = Path::established(Config::linux(), Config::linux(), ms(5));
    path.run_for(ms(1_000));
    let payload = |mut segment: Segment| {
        segment.payload = packet(Cause::Publish, 10).into();
        segment
    };
    let mut old = payload(from_server(&path, 0, Flags::ACK));
    old.options.timestamps = Some(Timestamps { value: 0, echo_reply: 0 });
    path.ends[CLIENT].handle_segment(path.now, old.clone());
    assert_eq!(path.ends[CLIENT].buffered(), 0);
    old.options.timestamps = None;
    path.ends[CLIENT].handle_segment(path.now, old);
    assert_eq!(path.ends[CLIENT].buffered(), 0, "and one without a timestamp is dropped");
    let fresh = payload(from_server(&path, 0, Flags::ACK));
    path.ends[CLIENT].handle_segment(path.now, fresh);
    assert_eq!(path.ends[CLIENT].buffered(), 10);
}

#[test]
fn an_acknowledgement_of_what_was_never_sent_is_answered_and_ignored() {
    let mut path = Path::established(Config::linux(), Config::linux(), ms(5));
    let mut segment = from_server(&path, 0, Flags::ACK);
    segment.ack += 1_000;
    path.ends[CLIENT].handle_segment(path.now, segment);
    assert!(path.ends[CLIENT].poll_transmit(path.now).is_some());
    path.write(CLIENT, packet(Cause::Publish, 10));
    path.run_for(ms(50));
    assert_eq!(path.received_bytes(SERVER).len(), 10);
}

// Linux `tcp_disordered_ack`: two ends that answer each other's old acknowledgements would never stop.
#[test]
fn an_old_acknowledgement_that_says_nothing_is_not_answered() {
    let mut path = Path::established(Config::linux(), Config::linux(), ms(5));
    path.run_for(ms(1_000));
    let answered = |path: &mut Path, change: &dyn Fn(&mut Segment)| {
        let mut old = from_server(path, 0, Flags::ACK);
        old.options.timestamps = Some(Timestamps { value: 0, echo_reply: 0 });
        change(&mut old);
        path.ends[CLIENT].handle_segment(path.now, old);
        path.ends[CLIENT].poll_transmit(path.now).is_some()
    };
    assert!(!answered(&mut path, &|_| {}));
    assert!(answered(&mut path, &|old| old.payload = packet(Cause::Publish, 10).into()));
    assert!(answered(&mut path, &|old| old.seq = old.seq - 1));
    assert!(answered(&mut path, &|old| old.ack = old.ack - 1));
    assert!(answered(&mut path, &|old| old.flags = Flags::ACK | Flags::FIN));
}

//! Two connections on a path that changes segments: real exchanges, wrong in one field. Every state of
//! RFC 9293 meets such segments, nothing panics, and the books stay in order.
//!
//! `FUZZ_CASES` asks for another number of exchanges.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use sim_core::random::{Stream, Streams};
use sim_core::time::SimTime;

use super::harness::{ms, packet};
use super::hostile::check;
use crate::cause::Cause;
use crate::tcp::{Config, Connection, Flags, Segment, State};

/// Most segments on the path at a time; a storm of answers to answers is cut here.
const PATH: usize = 500;

struct Exchange {
    ends: [Connection; 2],
    /// Segments on their way to each end.
    under_way: [VecDeque<Segment>; 2],
    now: SimTime,
    draws: Stream,
    /// Share of segments that are changed, in hundredths.
    changed: u64,
    /// Segments that arrived.
    arrived: u64,
}

impl Exchange {
    fn new(mut draws: Stream) -> Self {
        let config = |draws: &mut Stream| {
            let config = [Config::linux(), Config::rfc()][draws.below(2) as usize].clone();
            Arc::new(Config { timestamps: draws.bernoulli(0.7), ..config })
        };
        let (of_client, of_server) = (config(&mut draws), config(&mut draws));
        let now = SimTime::from_secs(1);
        let client = Connection::connect(of_client, now, draws.below(1 << 32) as u32);
        let server = Connection::accept(of_server, now, draws.below(1 << 32) as u32);
        let changed = draws.below(40);
        Exchange { ends: [client, server], under_way: Default::default(), now, draws, changed, arrived: 0 }
    }

    fn step(&mut self) {
        let end = self.draws.below(2) as usize;
        match self.draws.below(40) {
            0..20 => {
                if let Some(segment) = self.under_way[end].pop_front() {
                    self.arrive(end, segment);
                }
            }
            20..24 => {
                let len = 1 + self.draws.below(4_000) as usize;
                self.ends[end].write(self.now, packet(Cause::Publish, len));
            }
            24..28 => while self.ends[end].read().is_some() {},
            28..37 => self.now += ms(self.draws.below(400)),
            37..39 => self.ends[end].close(self.now),
            _ => {
                if self.draws.bernoulli(0.1) {
                    self.ends[end].abort(self.now);
                }
            }
        }
        for end in 0..2 {
            self.drain(end);
        }
    }

    fn drain(&mut self, end: usize) {
        self.ends[end].handle_timeout(self.now);
        let mut sent = 0;
        while let Some(segment) = self.ends[end].poll_transmit(self.now) {
            sent += 1;
            assert!(sent < 100_000, "one step, endless segments");
            if self.under_way[1 - end].len() < PATH {
                self.under_way[1 - end].push_back(segment);
            }
        }
        while self.ends[end].poll_event().is_some() {}
        check(&self.ends[end]);
    }

    fn arrive(&mut self, end: usize, mut segment: Segment) {
        if self.draws.below(100) < self.changed {
            if self.draws.bernoulli(0.2) {
                // A copy comes first, as it was.
                self.arrived += 1;
                self.ends[end].handle_segment(self.now, segment.clone());
            }
            change(&mut segment, &mut self.draws);
        }
        self.arrived += 1;
        self.ends[end].handle_segment(self.now, segment);
    }
}

/// One field, wrong: by a bit, by a little, or altogether.
fn change(segment: &mut Segment, draws: &mut Stream) {
    let number = |draws: &mut Stream, was: u32| match draws.below(3) {
        0 => was ^ (1 << draws.below(32)),
        1 => was.wrapping_add(draws.below(3_000) as u32).wrapping_sub(1_500),
        _ => draws.below(1 << 32) as u32,
    };
    match draws.below(9) {
        0 => segment.seq.0 = number(draws, segment.seq.0),
        1 => segment.ack.0 = number(draws, segment.ack.0),
        2 => segment.flags = Flags::from_bits(segment.flags.bits() ^ (1 << draws.below(8))),
        3 => segment.flags = Flags::from_bits(draws.below(256) as u8),
        4 => segment.window = draws.below(1 << 16) as u16,
        5 => segment.payload = packet(Cause::Publish, 1 + draws.below(3_000) as usize).into(),
        6 => segment.payload = crate::tcp::SegmentPayload::new(),
        7 => {
            segment.options.mss = Some(draws.below(1 << 16) as u16);
            segment.options.window_scale = Some(draws.below(256) as u8);
        }
        _ => {
            if let Some(timestamps) = &mut segment.options.timestamps {
                timestamps.value = number(draws, timestamps.value);
                timestamps.echo_reply = number(draws, timestamps.echo_reply);
            }
        }
    }
}

#[test]
fn every_state_survives_changed_segments() {
    let cases =
        std::env::var("FUZZ_CASES").map_or(300, |cases| cases.parse().expect("a number of exchanges"));
    let streams = Streams::new(2026, 0);
    let mut seen = BTreeSet::new();
    let mut arrived = 0_u64;
    for case in 0..cases {
        let mut exchange = Exchange::new(streams.stream_indexed("exchange", case));
        for _ in 0..200 {
            exchange.step();
            seen.extend(exchange.ends.iter().map(|end| format!("{:?}", end.state())));
        }
        arrived += exchange.arrived;
    }
    let all = [
        State::Closed,
        State::Listen,
        State::SynSent,
        State::SynReceived,
        State::Established,
        State::FinWait1,
        State::FinWait2,
        State::CloseWait,
        State::Closing,
        State::LastAck,
        State::TimeWait,
    ];
    for state in all {
        assert!(seen.contains(&format!("{state:?}")), "{state:?} was never reached: {seen:?}");
    }
    println!("{cases} exchanges, {arrived} segments");
}

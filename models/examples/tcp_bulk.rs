//! A bulk transfer between two connections and nothing else, to count the instructions of a stack.
//!
//! `valgrind --tool=callgrind target/release/examples/tcp_bulk linux 100` sends 100 MB on the path of
//! 1 ms; the stacks are `linux`, `newreno` (NewReno without selective acknowledgements and timestamps).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use models::cause::Cause;
use models::stream::{Chunk, Payload, Tag};
use models::tcp::{Config, Connection, Segment};
use sim_core::time::SimTime;

const DELAY: Duration = Duration::from_millis(1);
const PUBLISH: usize = 1_000_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let config = match arguments.next().as_deref() {
        Some("linux") => Config::linux(),
        Some("newreno") => Config::linux_newreno(),
        other => panic!("`linux` or `newreno`, not {other:?}"),
    };
    let megabytes: usize = arguments.next().map_or(10, |text| text.parse().expect("a number of MB"));
    let (config, mut now) = (Arc::new(config), SimTime::ZERO);
    let mut ends = [Connection::connect(config.clone(), now, 1_000), Connection::accept(config, now, 2_000)];
    let mut under_way: VecDeque<(SimTime, usize, Segment)> = VecDeque::new();
    let payload = Payload::from(vec![7; PUBLISH]);
    let (mut read, mut segments) = (0, 0_u64);
    for _ in 0..megabytes {
        ends[0].write(now, Chunk::shared(Tag::of(Cause::Publish), payload.clone()));
    }
    while read < megabytes * PUBLISH {
        for (from, end) in ends.iter_mut().enumerate() {
            while let Some(segment) = end.poll_transmit(now) {
                segments += 1;
                under_way.push_back((now + DELAY, 1 - from, segment));
            }
        }
        while let Some(chunk) = ends[1].read() {
            read += chunk.len();
        }
        while ends.iter_mut().any(|end| end.poll_event().is_some()) {}
        let arrival = under_way.front().map(|first| first.0);
        let deadlines = ends.iter().filter_map(Connection::poll_timeout);
        let Some(next) = deadlines.chain(arrival).min() else { continue };
        now = now.max(next);
        if arrival.is_some_and(|arrival| arrival <= now) {
            let (_, to, segment) = under_way.pop_front().expect("one is under way");
            ends[to].handle_segment(now, segment);
        } else {
            ends.iter_mut().for_each(|end| end.handle_timeout(now));
        }
    }
    println!("{segments} segments, {} sent again", ends[0].statistics().segments_retransmitted);
}

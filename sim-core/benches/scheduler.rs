//! Cost of one pop and one push in the "hold" model: each event executed inserts another, so the
//! number that wait stays the same. `cargo bench -p sim-core --bench scheduler`
//!
//! A `BinaryHeap` does the same work beside it. Lower is better; the smallest of five runs.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;

use sim_core::random::{Stream, Streams};
use sim_core::scheduler::Scheduler;
use sim_core::time::SimTime;

/// As large as the events of a network simulation.
type Event = [u64; 3];

/// Spans in nanoseconds, drawn beforehand so that only the list is timed.
fn spans(mut draw: impl FnMut(&mut Stream) -> f64) -> Vec<u64> {
    let mut stream = Streams::new(1, 0).stream("spans");
    (0..1 << 16).map(|_| draw(&mut stream) as u64).collect()
}

fn wheel(pending: usize, turns: usize, spans: &[u64]) -> f64 {
    let mut list = Scheduler::<Event>::new();
    for turn in 0..pending {
        list.at(SimTime::from_nanos(spans[turn % spans.len()]), [turn as u64; 3]);
    }
    nanoseconds_per_turn(pending, turns, |turn| {
        let (now, event) = list.pop().expect("events wait");
        list.at(SimTime::from_nanos(now.as_nanos() + spans[turn % spans.len()]), black_box(event));
    })
}

fn heap(pending: usize, turns: usize, spans: &[u64]) -> f64 {
    let mut list = BinaryHeap::new();
    let mut inserted = 0u64;
    for turn in 0..pending {
        list.push(Reverse((spans[turn % spans.len()], inserted, [turn as u64; 3])));
        inserted += 1;
    }
    nanoseconds_per_turn(pending, turns, |turn| {
        let Reverse((now, _, event)) = list.pop().expect("events wait");
        list.push(Reverse((now + spans[turn % spans.len()], inserted, black_box(event))));
        inserted += 1;
    })
}

#[expect(clippy::disallowed_types, reason = "a bench reads the wall clock")]
fn nanoseconds_per_turn(warm_up: usize, turns: usize, mut turn: impl FnMut(usize)) -> f64 {
    (0..2 * warm_up).for_each(&mut turn);
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let start = std::time::Instant::now();
        (0..turns).for_each(&mut turn);
        best = best.min(start.elapsed().as_nanos() as f64 / turns as f64);
    }
    best
}

fn main() {
    let shapes = [
        ("exponential, mean 1 s", spans(|stream| stream.exponential(1e9))),
        ("uniform to 1 ms", spans(|stream| stream.uniform_range(0.0, 1e6))),
        ("1 s exactly", spans(|_| 1e9)),
        (
            "9 in 10 to 100 us, else 1 min",
            spans(|stream| if stream.bernoulli(0.9) { stream.uniform_range(0.0, 1e5) } else { 60e9 }),
        ),
    ];
    println!("{:<32}{:>10}{:>12}{:>12}", "spans", "pending", "ns/hold", "BinaryHeap");
    for (name, spans) in &shapes {
        for pending in [10, 1_000, 10_000, 100_000, 1_000_000] {
            let turns = 1_000_000;
            let (ours, theirs) = (wheel(pending, turns, spans), heap(pending, turns, spans));
            println!("{name:<32}{pending:>10}{ours:>12.1}{theirs:>12.1}");
        }
    }
}

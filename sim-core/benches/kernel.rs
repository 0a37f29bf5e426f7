//! Cost of the small things of the kernel, and of a whole simulation of a queue.
//! `cargo bench -p sim-core --bench kernel`
//!
//! Lower is better; the smallest of five runs.

use std::hint::black_box;
use std::time::Duration;

use sim_core::engine::{Simulation, World};
use sim_core::fingerprint::Fingerprint;
use sim_core::random::{Stream, Streams};
use sim_core::resource::Resource;
use sim_core::scheduler::Scheduler;
use sim_core::stats::{Histogram, Tally};
use sim_core::time::SimTime;

const TURNS: u64 = 1_000_000;

#[expect(clippy::disallowed_types, reason = "a bench reads the wall clock")]
fn report<R>(what: &str, mut turn: impl FnMut(u64) -> R) {
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let start = std::time::Instant::now();
        for index in 0..TURNS {
            black_box(turn(index));
        }
        best = best.min(start.elapsed().as_nanos() as f64 / TURNS as f64);
    }
    println!("{what:<32}{best:>8.2} ns");
}

struct Queue {
    server: Resource,
    gaps: Stream,
    services: Stream,
    fingerprint: Fingerprint,
}

enum Event {
    Arrival,
    Departure(u32),
}

impl World for Queue {
    type Event = Event;

    fn handle(&mut self, now: SimTime, event: Event, scheduler: &mut Scheduler<Event>) {
        match event {
            Event::Arrival => {
                let service = self.services.exponential_duration(Duration::from_millis(7));
                let grant = self.server.admit(now, service);
                self.fingerprint.mix_event(now, 0, grant.start.as_nanos(), 0);
                scheduler.at(grant.end, Event::Departure(grant.server));
                scheduler.after(self.gaps.exponential_duration(Duration::from_millis(10)), Event::Arrival);
            }
            Event::Departure(server) => self.fingerprint.mix_event(now, 1, u64::from(server), 0),
        }
    }
}

fn main() {
    let streams = Streams::new(1, 0);
    let mut stream = streams.stream("bench");
    report("a stream", |index| streams.stream_indexed("node", index));
    report("uniform", |_| stream.uniform());
    report("below 1,000", |_| stream.below(1_000));
    report("bernoulli", |_| stream.bernoulli(0.01));
    report("exponential", |_| stream.exponential(1.0));
    report("normal", |_| stream.normal(0.0, 1.0));
    report("log-normal", |_| stream.log_normal(1.0, 0.5));

    let mut fingerprint = Fingerprint::new();
    report("mix one event", |turn| fingerprint.mix_event(SimTime::from_nanos(turn), 1, turn, turn));
    black_box(fingerprint.finish());

    for servers in [1, 4] {
        let mut resource = Resource::new(servers);
        let mut now = SimTime::ZERO;
        report(&format!("admit, {servers} servers"), |turn| {
            now += Duration::from_nanos(turn % 16);
            resource.admit(now, Duration::from_nanos(turn % 11))
        });
    }

    let (mut tally, mut histogram) = (Tally::new(), Histogram::new());
    report("record in a tally", |turn| tally.record(turn as f64));
    report("record in a histogram", |turn| histogram.record(turn.wrapping_mul(0x9e37_79b9) % 1_000_000_000));
    black_box((tally, histogram));

    let mut simulation = Simulation::new(Queue {
        server: Resource::new(1),
        gaps: streams.stream("gaps"),
        services: streams.stream("services"),
        fingerprint: Fingerprint::new(),
    });
    simulation.scheduler_mut().at(SimTime::ZERO, Event::Arrival);
    report("M/M/1, an event", |_| simulation.step());
}

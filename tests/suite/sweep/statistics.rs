//! The intervals held against a queue whose truth is known.

use std::time::Duration;

use mqtt_twin::study::replications::Description;
use sim_core::engine::{Simulation, World};
use sim_core::random::{Stream, Streams};
use sim_core::resource::Resource;
use sim_core::scheduler::Scheduler;
use sim_core::stats::Tally;
use sim_core::time::SimTime;

const MEAN_GAP: Duration = Duration::from_millis(10);
const MEAN_SERVICE: Duration = Duration::from_millis(5);
/// Of an M/M/1 queue, W = 1 / (mu - lambda): D. Gross et al., Fundamentals of Queueing Theory, §2.2.
const TRUE_TIME_MS: f64 = 10.0;
const WARM_UP: Duration = Duration::from_millis(500);
const LENGTH: Duration = Duration::from_secs(8);
const REPLICATIONS: u64 = 10;
const REPEATS: u64 = 1_000;

enum Event {
    Arrival,
    Departure { arrived: SimTime },
}

struct Queue {
    server: Resource,
    gaps: Stream,
    services: Stream,
    times_ms: Tally,
}

impl World for Queue {
    type Event = Event;

    fn handle(&mut self, now: SimTime, event: Event, scheduler: &mut Scheduler<Event>) {
        match event {
            Event::Arrival => {
                let service = self.services.exponential_duration(MEAN_SERVICE);
                scheduler.at(self.server.admit(now, service).end, Event::Departure { arrived: now });
                scheduler.after(self.gaps.exponential_duration(MEAN_GAP), Event::Arrival);
            }
            Event::Departure { arrived } => {
                if arrived >= SimTime::ZERO + WARM_UP {
                    self.times_ms.record((now - arrived).as_secs_f64() * 1e3);
                }
            }
        }
    }
}

/// One replication: the mean time in the system after the warm-up.
fn mean_time_ms(seed: u64, run: u64) -> f64 {
    let streams = Streams::new(seed, run);
    let mut simulation = Simulation::new(Queue {
        server: Resource::new(1),
        gaps: streams.stream("gaps"),
        services: streams.stream("services"),
        times_ms: Tally::new(),
    });
    simulation.scheduler_mut().at(SimTime::ZERO, Event::Arrival);
    simulation.run_until(SimTime::ZERO + LENGTH);
    simulation.world.times_ms.mean()
}

/// Whether the interval over the replications under `seed` covers the truth.
fn covers(seed: u64) -> bool {
    let means: Vec<f64> = (0..REPLICATIONS).map(|run| mean_time_ms(seed, run)).collect();
    Description::of(&means).unwrap().interval.contains(TRUE_TIME_MS)
}

#[test]
fn the_intervals_cover_the_truth_of_m_m_1_as_often_as_they_say() {
    let share = |first: u64| (first..REPEATS).step_by(2).filter(|seed| covers(*seed)).count();
    let covered = std::thread::scope(|scope| {
        let odd = scope.spawn(|| share(1));
        share(0) + odd.join().unwrap()
    });
    let percent = 100.0 * covered as f64 / REPEATS as f64;
    assert!(
        (93.0..=97.0).contains(&percent),
        "95 % intervals covered the truth in {percent} % of {REPEATS} repeats"
    );
}

//! The discrete-event kernel of mqtt-twin. It knows nothing of networks.
//!
//! | Room | What it holds |
//! | --- | --- |
//! | [`time`] | [`SimTime`](time::SimTime): an instant, in integer nanoseconds |
//! | [`scheduler`] | [`Scheduler`](scheduler::Scheduler): the future event list, ordered by (time, insertion number) |
//! | [`engine`] | [`World`](engine::World) and [`Simulation`](engine::Simulation): the only event loop |
//! | [`random`] | [`Streams`](random::Streams): one named, seeded, portable stream of random numbers per component |
//! | [`resource`] | [`Resource`](resource::Resource): k servers and a queue (a CPU, a disk, a lock, a radio) |
//! | [`fingerprint`] | [`Fingerprint`](fingerprint::Fingerprint): a 128-bit hash of the trajectory |
//! | [`stats`] | tallies, time averages, histograms, percentiles, confidence intervals |
//!
//! # One answer everywhere
//!
//! A result depends on the scenario, the seed and the run number, on nothing else: not on the machine,
//! the build, the number of threads or the day. So there is no clock but that of the simulation, no
//! thread, no global and no file here; order is exact; sums are of integers where they can be; and
//! mathematical functions come from `libm`.
//!
//! # A queue, held against theory
//!
//! Customers come to one server at random (a Poisson process), on average one in 10 ms; service takes
//! an exponentially distributed time, 7 ms on average. This is the M/M/1 queue, and the mean time a
//! customer waits in line is known: rho / (1 - rho) service times with rho = 0.7, 16.33 ms. The 95 %
//! confidence interval covers it, as it does for about 19 seeds in 20 (`tests/theory.rs` counts).
//!
//! ```
//! use sim_core::engine::{Outcome, Simulation, World};
//! use sim_core::random::{Stream, Streams};
//! use sim_core::resource::Resource;
//! use sim_core::scheduler::Scheduler;
//! use sim_core::stats::{Tally, confidence_interval};
//! use sim_core::time::SimTime;
//! use std::time::Duration;
//!
//! const MEAN_GAP: Duration = Duration::from_millis(10);
//! const MEAN_SERVICE: Duration = Duration::from_millis(7);
//!
//! /// Events are a plain enum: the whole vocabulary of the simulation.
//! enum Event {
//!     Arrival,
//!     Departure { arrived: SimTime, served_from: SimTime },
//! }
//!
//! /// The world: one server, and what each source of chance draws from.
//! struct Queue {
//!     server: Resource,
//!     gaps: Stream,
//!     services: Stream,
//!     waits_ms: Tally,
//! }
//!
//! impl World for Queue {
//!     type Event = Event;
//!
//!     fn handle(&mut self, now: SimTime, event: Event, scheduler: &mut Scheduler<Event>) {
//!         match event {
//!             Event::Arrival => {
//!                 let service = self.services.exponential_duration(MEAN_SERVICE);
//!                 let grant = self.server.admit(now, service);
//!                 let departure = Event::Departure { arrived: now, served_from: grant.start };
//!                 scheduler.at(grant.end, departure);
//!                 scheduler.after(self.gaps.exponential_duration(MEAN_GAP), Event::Arrival);
//!             }
//!             Event::Departure { arrived, served_from } => {
//!                 self.waits_ms.record((served_from - arrived).as_secs_f64() * 1e3);
//!             }
//!         }
//!     }
//! }
//!
//! /// One replication: the mean wait over 400 s, after 20 s of warm-up.
//! fn mean_wait_ms(run: u64) -> f64 {
//!     let streams = Streams::new(1, run);
//!     let mut simulation = Simulation::new(Queue {
//!         server: Resource::new(1),
//!         gaps: streams.stream("gaps"),
//!         services: streams.stream("services"),
//!         waits_ms: Tally::new(),
//!     });
//!     simulation.scheduler_mut().at(SimTime::ZERO, Event::Arrival);
//!     simulation.run_until(SimTime::from_secs(20));
//!     simulation.world.waits_ms = Tally::new();
//!     assert_eq!(simulation.run_until(SimTime::from_secs(420)), Outcome::LimitReached);
//!     simulation.world.waits_ms.mean()
//! }
//!
//! // Replications are independent of each other, successive customers are not.
//! let means: Vec<f64> = (0..10).map(mean_wait_ms).collect();
//! let interval = confidence_interval(&means, 0.95);
//! let theory_ms = 0.7 / (1.0 - 0.7) * 7.0;
//! assert!(interval.contains(theory_ms), "{interval:?} against {theory_ms}");
//! assert!(interval.half_width < 0.06 * theory_ms, "{interval:?}");
//! ```

pub mod engine;
pub mod fingerprint;
pub mod random;
pub mod resource;
pub mod scheduler;
pub mod stats;
pub mod time;

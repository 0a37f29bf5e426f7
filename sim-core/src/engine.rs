//! The only event loop.
//!
//! A [`World`] is everything that is simulated; a [`Simulation`] is a world and its future event
//! list. The loop takes the next event, sets the clock to its time and hands it to the world, which
//! changes its state and inserts further events. Events are plain values, never closures, so a
//! simulation whose world is `Clone` can be copied in full and run ahead.
//!
//! # Example
//!
//! A lamp that blinks every second:
//!
//! ```
//! use sim_core::{engine::{Outcome, Simulation, World}, scheduler::Scheduler, time::SimTime};
//! use std::time::Duration;
//!
//! struct Lamp { on: bool }
//! struct Toggle;
//!
//! impl World for Lamp {
//!     type Event = Toggle;
//!     fn handle(&mut self, _now: SimTime, event: Toggle, scheduler: &mut Scheduler<Toggle>) {
//!         self.on = !self.on;
//!         scheduler.after(Duration::from_secs(1), event);
//!     }
//! }
//!
//! let mut simulation = Simulation::new(Lamp { on: false });
//! simulation.scheduler_mut().at(SimTime::ZERO, Toggle);
//! assert_eq!(simulation.run_until(SimTime::from_secs(10)), Outcome::LimitReached);
//! assert!(simulation.world.on);
//! assert_eq!(simulation.events(), 11);
//! ```

use crate::scheduler::Scheduler;
use crate::time::SimTime;

/// Everything that is simulated, as the event loop sees it.
pub trait World {
    /// The vocabulary of the simulation: an enum of small plain values.
    type Event;

    /// Executes `event`, which was inserted for the instant `now`, and inserts what follows from it.
    fn handle(&mut self, now: SimTime, event: Self::Event, scheduler: &mut Scheduler<Self::Event>);

    /// Whether the run has reached its goal and may end early. Asked after every event.
    #[inline]
    fn finished(&self) -> bool {
        false
    }
}

/// Why a run came to rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No event is left: nothing more can ever happen by itself.
    Exhausted,
    /// Events are left, all of them after the limit.
    LimitReached,
    /// The world said that it is [finished](World::finished).
    Finished,
}

/// A world, its clock and its future event list.
#[derive(Debug)]
pub struct Simulation<W: World> {
    /// What is simulated.
    pub world: W,
    scheduler: Scheduler<W::Event>,
}

impl<W: World + Clone> Clone for Simulation<W>
where
    W::Event: Clone,
{
    fn clone(&self) -> Self {
        Simulation { world: self.world.clone(), scheduler: self.scheduler.clone() }
    }
}

impl<W: World> Simulation<W> {
    /// A simulation at [`SimTime::ZERO`] without any event yet.
    #[must_use]
    pub fn new(world: W) -> Self {
        Simulation { world, scheduler: Scheduler::new() }
    }

    /// The future event list, to look at.
    #[must_use]
    pub fn scheduler(&self) -> &Scheduler<W::Event> {
        &self.scheduler
    }

    /// The future event list, to insert the first events, or events from outside between two runs.
    pub fn scheduler_mut(&mut self) -> &mut Scheduler<W::Event> {
        &mut self.scheduler
    }

    /// World and future event list at once, for a world whose commands insert events.
    pub fn parts_mut(&mut self) -> (&mut W, &mut Scheduler<W::Event>) {
        (&mut self.world, &mut self.scheduler)
    }

    /// The clock.
    #[must_use]
    pub fn now(&self) -> SimTime {
        self.scheduler.now()
    }

    /// The number of events executed so far.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.scheduler.executed()
    }

    /// Executes the next event. Returns its time, or `None` when no event is left.
    pub fn step(&mut self) -> Option<SimTime> {
        let (now, event) = self.scheduler.pop()?;
        self.world.handle(now, event, &mut self.scheduler);
        Some(now)
    }

    /// Executes all events up to and including the instant `limit`, then sets the clock to `limit`.
    ///
    /// When the world is finished before that, the clock stays at its last event. A world that is
    /// already finished at the call executes nothing.
    ///
    /// # Panics
    /// When `limit` lies before the clock.
    pub fn run_until(&mut self, limit: SimTime) -> Outcome {
        assert!(limit >= self.now(), "time never goes back: it is {}, the limit is {limit}", self.now());
        if self.execute_until(limit) {
            return Outcome::Finished;
        }
        self.scheduler.advance_to(limit);
        if self.scheduler.is_empty() { Outcome::Exhausted } else { Outcome::LimitReached }
    }

    /// Executes events until none is left or the world is finished. The clock stays at the last
    /// event. Does not return for a world that goes on for ever.
    pub fn run(&mut self) -> Outcome {
        if self.execute_until(SimTime::MAX) { Outcome::Finished } else { Outcome::Exhausted }
    }

    /// Executes events up to `limit`; returns whether the world is finished.
    #[inline]
    fn execute_until(&mut self, limit: SimTime) -> bool {
        while !self.world.finished() {
            let Some((now, event)) = self.scheduler.pop_until(limit) else {
                return false;
            };
            self.world.handle(now, event, &mut self.scheduler);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Writes down what happens; an event with `generations` left has a child after `span`.
    #[derive(Clone, Default)]
    struct Diary {
        lines: Vec<(u64, u32)>,
        stop_after: Option<usize>,
    }

    #[derive(Clone)]
    struct Happening {
        generations: u32,
        span: Duration,
    }

    impl World for Diary {
        type Event = Happening;

        fn handle(&mut self, now: SimTime, event: Happening, scheduler: &mut Scheduler<Happening>) {
            self.lines.push((now.as_nanos(), event.generations));
            if event.generations > 0 {
                let child = Happening { generations: event.generations - 1, ..event };
                scheduler.after(child.span, child);
            }
        }

        fn finished(&self) -> bool {
            self.stop_after.is_some_and(|lines| self.lines.len() >= lines)
        }
    }

    fn diary(generations: u32, span: Duration) -> Simulation<Diary> {
        let mut simulation = Simulation::new(Diary::default());
        simulation.scheduler_mut().at(SimTime::ZERO, Happening { generations, span });
        simulation
    }

    #[test]
    fn events_at_exactly_the_limit_are_executed() {
        let mut simulation = diary(5, Duration::from_nanos(10));
        assert_eq!(simulation.run_until(SimTime::from_nanos(30)), Outcome::LimitReached);
        assert_eq!(simulation.world.lines, [(0, 5), (10, 4), (20, 3), (30, 2)]);
        assert_eq!(simulation.run_until(SimTime::from_nanos(35)), Outcome::LimitReached);
        assert_eq!(simulation.now(), SimTime::from_nanos(35));
        assert_eq!(simulation.events(), 4);
    }

    #[test]
    fn an_exhausted_run_leaves_the_clock_at_the_limit() {
        let mut simulation = diary(1, Duration::from_nanos(10));
        assert_eq!(simulation.run_until(SimTime::from_secs(1)), Outcome::Exhausted);
        assert_eq!(simulation.now(), SimTime::from_secs(1));
    }

    #[test]
    fn run_leaves_the_clock_at_the_last_event() {
        let mut simulation = diary(3, Duration::from_nanos(10));
        assert_eq!(simulation.run(), Outcome::Exhausted);
        assert_eq!(simulation.now(), SimTime::from_nanos(30));
        assert_eq!(simulation.step(), None);
    }

    #[test]
    fn events_can_be_inserted_after_a_limit_ahead_of_those_that_wait() {
        let mut simulation = diary(1, Duration::from_secs(3600));
        simulation.run_until(SimTime::from_secs(1));
        let between = Happening { generations: 0, span: Duration::ZERO };
        simulation.scheduler_mut().after(Duration::ZERO, between);
        assert_eq!(simulation.step(), Some(SimTime::from_secs(1)));
        assert_eq!(simulation.step(), Some(SimTime::from_secs(3600)));
    }

    #[test]
    fn a_finished_world_ends_the_run() {
        let mut simulation = diary(u32::MAX, Duration::from_nanos(1));
        simulation.world.stop_after = Some(4);
        assert_eq!(simulation.run(), Outcome::Finished);
        assert_eq!(simulation.now(), SimTime::from_nanos(3));
        assert_eq!(simulation.run_until(SimTime::from_secs(1)), Outcome::Finished);
        assert_eq!(simulation.events(), 4);
    }

    #[test]
    fn a_copy_runs_ahead_and_meets_the_same_future() {
        let mut simulation = diary(200, Duration::from_nanos(700));
        simulation.run_until(SimTime::from_micros(50));
        let mut copy = simulation.clone();
        copy.run();
        simulation.run();
        assert_eq!(copy.world.lines, simulation.world.lines);
        assert_eq!(copy.world.lines.len(), 201);
    }

    #[test]
    #[should_panic(expected = "time never goes back")]
    fn a_limit_in_the_past_panics() {
        let mut simulation = diary(3, Duration::from_secs(1));
        simulation.run();
        simulation.run_until(SimTime::from_secs(1));
    }
}

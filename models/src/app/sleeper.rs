//! A client that sleeps between its messages: wakes by a reset, comes up step by step, does its
//! work, goes down.
//!
//! **Models** deep sleep, in which RAM is lost: every waking is a start of the program with a new
//! MQTT client; the steps up to a working network are spans of time with a power of their own. What
//! follows (TCP, MQTT) is simulated packet by packet.
//!
//! **Leaves out** the packets of scanning, association, key handshake and DHCP: their spans include
//! them.
//!
//! **Parameters**: [`SleepPlan`], from `wake` of the board's profile and `sleep` of the scenario.

use std::sync::Arc;
use std::time::Duration;

use sim_core::time::SimTime;

use crate::cause::Cause;
use crate::host::energy::State;

/// One step from reset to a working network.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// The board's state meanwhile.
    pub state: State,
    /// What it is done for.
    pub cause: Cause,
    /// How long it takes.
    pub span: Duration,
}

/// When and how a client sleeps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SleepPlan {
    /// From one waking to the next.
    pub every: Duration,
    /// The steps from reset to a working network, in their order.
    pub steps: Vec<Step>,
    /// How long the radio stays on after the connection is closed.
    pub lingers: Duration,
    /// How long it takes to shut the radio down.
    pub shut_down: Duration,
    /// So long after waking it goes back to sleep, whatever it has not done.
    pub give_up: Duration,
}

/// Where a sleeper is in its cycle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    /// Asleep until this instant.
    Asleep(SimTime),
    /// In the step of this number, until this instant.
    Rising(usize, SimTime),
    /// The network works; at this instant it gives up.
    Up(SimTime),
    /// The connection was closed at this instant.
    Done(SimTime),
    /// The work is done; the radio stays on until this instant.
    Lingering(SimTime),
    /// The radio shuts down until this instant.
    ShuttingDown(SimTime),
}

/// What a sleeper's deadline brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turned {
    /// Nothing but another state.
    Further(State, Cause),
    /// The network works now: connect.
    Ready,
    /// Everything in RAM is lost; asleep from now on.
    Off,
}

/// A sleeper at work.
#[derive(Clone, Debug)]
pub(super) struct Sleeper {
    plan: Arc<SleepPlan>,
    stage: Stage,
    woken: SimTime,
}

impl Sleeper {
    /// A sleeper that first wakes at `wake`.
    pub(super) fn new(plan: Arc<SleepPlan>, wake: SimTime) -> Self {
        Sleeper { plan, stage: Stage::Asleep(wake), woken: wake }
    }

    pub(super) fn is_up(&self) -> bool {
        matches!(self.stage, Stage::Up(_))
    }

    pub(super) fn deadline(&self) -> SimTime {
        match self.stage {
            Stage::Asleep(at)
            | Stage::Rising(_, at)
            | Stage::Up(at)
            | Stage::Done(at)
            | Stage::Lingering(at)
            | Stage::ShuttingDown(at) => at,
        }
    }

    /// The connection is over in good order.
    pub(super) fn done(&mut self, now: SimTime) {
        self.stage = Stage::Done(now);
    }

    /// Goes on where the stage's time is over.
    pub(super) fn turn(&mut self, now: SimTime) -> Option<Turned> {
        if self.deadline() > now {
            return None;
        }
        Some(match self.stage {
            Stage::Asleep(_) => {
                self.woken = now;
                self.rise(now, 0)
            }
            Stage::Rising(step, _) => self.rise(now, step + 1),
            Stage::Done(at) => {
                self.stage = Stage::Lingering(at + self.plan.lingers);
                Turned::Further(State::RadioOn, Cause::Listen)
            }
            Stage::Up(_) | Stage::Lingering(_) => {
                self.stage = Stage::ShuttingDown(now + self.plan.shut_down);
                Turned::Further(State::RadioOn, Cause::ShutDown)
            }
            Stage::ShuttingDown(_) => {
                let mut next = self.woken + self.plan.every;
                while next <= now {
                    next += self.plan.every;
                }
                self.stage = Stage::Asleep(next);
                Turned::Off
            }
        })
    }

    /// Begins the step of this number, or is up after the last.
    fn rise(&mut self, now: SimTime, step: usize) -> Turned {
        match self.plan.steps.get(step) {
            Some(Step { state, cause, span }) => {
                self.stage = Stage::Rising(step, now + *span);
                Turned::Further(*state, *cause)
            }
            None => {
                self.stage = Stage::Up(self.woken + self.plan.give_up);
                Turned::Ready
            }
        }
    }
}

//! A client whose board sleeps, is reset, or has no room for a connection.

use std::sync::Arc;

use sim_core::time::SimTime;

use super::super::sleeper::{Sleeper, Turned};
use super::super::{SleepPlan, Workplace};
use super::{ClientProgram, Phase};
use crate::cause::Cause;
use crate::host::Surroundings;
use crate::host::energy::State;

impl ClientProgram {
    /// Lets the client sleep, from the start of the run to `wake` and then by `plan`.
    #[must_use]
    pub fn sleeping(mut self, plan: Arc<SleepPlan>, wake: SimTime) -> Self {
        self.sleeper = Some(Box::new(Sleeper::new(plan, wake)));
        self.phase = Phase::Away(SimTime::MAX);
        self
    }

    /// Whether it sleeps between its messages.
    #[must_use]
    pub const fn sleeps(&self) -> bool {
        self.sleeper.is_some()
    }

    /// Whether it sleeps between its messages and is up now.
    #[must_use]
    pub fn is_between_sleeps(&self) -> bool {
        self.sleeper.as_ref().is_some_and(|sleeper| sleeper.is_up())
    }

    /// The board was reset: the client starts anew at `start`, or never.
    pub fn reset(&mut self, start: Option<SimTime>) {
        self.mqtt = self.mqtt.restarted();
        self.phase = start.map_or(Phase::Over, Phase::Away);
        self.leaving = false;
        self.stay();
        self.forget_failures();
        self.role.reset();
    }

    /// Moves a sleeper on; whether the program can do anything else now.
    pub(super) fn cycle(&mut self, now: SimTime, place: &mut Workplace<'_, impl Surroundings>) -> bool {
        let Some(sleeper) = &mut self.sleeper else { return true };
        match sleeper.turn(now) {
            Some(Turned::Ready) => {
                place.requests.state = Some((State::Awake, Cause::TcpConnect));
                place.requests.on = true;
                self.phase = Phase::Away(now);
            }
            Some(Turned::Further(state, cause)) => {
                place.requests.state = Some((state, cause));
                place.requests.on = true;
            }
            Some(Turned::Off) => {
                place.requests.state = Some((State::DeepSleep, Cause::Sleep));
                place.requests.off = true;
                self.reset(Some(SimTime::MAX));
            }
            None => {}
        }
        self.is_between_sleeps()
    }

    /// What a sleeper is awake for from now on.
    pub(super) fn awake_for(&self, cause: Cause, place: &mut Workplace<'_, impl Surroundings>) {
        if self.is_between_sleeps() {
            place.requests.state = Some((State::Awake, cause));
        }
    }

    /// There was no room for the connection that was asked for.
    pub fn not_opened(&mut self, now: SimTime) {
        if matches!(self.phase, Phase::Away(at) if at <= now) {
            self.connection_over(now);
        }
    }
}

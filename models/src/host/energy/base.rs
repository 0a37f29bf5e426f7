//! The board's power underneath its busy components: awake, asleep, or on the way from one to the
//! other.
//!
//! Boards that are awake all the time have none of this: their base is one figure times the whole
//! run. A board that sleeps changes its state when its program says so. A board in power save is
//! awake for a while after each frame and dozes otherwise; that needs no event, since the time
//! since the last frame is known when the next one comes.

use std::collections::BTreeMap;

use super::Power;
use crate::cause::Cause;

/// State of a board as a whole.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum State {
    /// The program runs, the radio listens.
    Awake = 0,
    /// From reset to the program.
    Booting = 1,
    /// The radio calibrates itself.
    Calibrating = 2,
    /// The radio is on, before there is a network or after it is left.
    RadioOn = 3,
    /// Only a clock runs.
    DeepSleep = 4,
    /// Connected, CPU stopped and radio off between beacons: a mean.
    LightSleep = 5,
    /// Connected, radio off between beacons: a mean.
    ModemSleep = 6,
}

/// Number of states.
pub const STATES: usize = 7;

/// How a connected board saves power.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Doze {
    /// The state between frames.
    pub state: State,
    /// Time after a frame for which the board stays awake, in nanoseconds.
    pub lingers_ns: u64,
}

/// Time in each state, by cause.
#[derive(Clone, Debug)]
pub struct Base {
    state: State,
    cause: Cause,
    since: u64,
    doze: Option<Doze>,
    /// When the interface was last in use.
    active: u64,
    by_cause: BTreeMap<(State, Cause), u64>,
    /// The integral's side of the books: nanoseconds in each state.
    in_state: [u64; STATES],
}

impl Base {
    /// A base that begins in `state` at time 0.
    #[must_use]
    pub fn new(state: State, cause: Cause, doze: Option<Doze>) -> Self {
        Base { state, cause, since: 0, doze, active: 0, by_cause: BTreeMap::new(), in_state: [0; STATES] }
    }

    /// Enters `state` for `cause` at `now`.
    pub fn enter(&mut self, now: u64, state: State, cause: Cause) {
        self.account(now);
        (self.state, self.cause) = (state, cause);
        self.active = self.active.max(now);
    }

    /// The interface is in use from `now` to `end`.
    pub fn used(&mut self, now: u64, end: u64) {
        if self.doze.is_some() {
            self.account(now);
            self.active = self.active.max(end);
        }
    }

    /// Books the time since the last change.
    fn account(&mut self, now: u64) {
        let span = now - self.since;
        match self.doze {
            Some(Doze { state, lingers_ns }) if self.state == State::Awake => {
                let until = (self.active + lingers_ns).clamp(self.since, now);
                self.book(State::Awake, Cause::Listen, until - self.since);
                self.book(state, self.cause, now - until);
            }
            Some(_) | None => self.book(self.state, self.cause, span),
        }
        self.in_state[self.state as usize] += span;
        if let (Some(Doze { state, lingers_ns }), State::Awake) = (self.doze, self.state) {
            // How long it dozed, from the instant at which that begins.
            let dozed = now.saturating_sub(self.since.max(self.active + lingers_ns));
            self.in_state[State::Awake as usize] -= dozed;
            self.in_state[state as usize] += dozed;
        }
        self.since = now;
    }

    fn book(&mut self, state: State, cause: Cause, ns: u64) {
        if ns > 0 {
            *self.by_cause.entry((state, cause)).or_insert(0) += ns;
        }
    }

    /// See [`super::EnergyAccount::drawing_w`].
    #[must_use]
    pub fn drawing_w(&self, end: u64, power: &Power) -> f64 {
        let mut closed = self.clone();
        closed.account(end);
        let (mut energy, mut weighted) = (0.0, 0.0);
        for (state, ns) in (0..STATES).zip(closed.in_state) {
            let watts = power.in_states_uw(state) as f64 * 1e-6;
            energy += watts * ns as f64;
            weighted += watts * watts * ns as f64;
        }
        if energy > 0.0 { weighted / energy } else { 0.0 }
    }

    /// Adds the energy up to `end` to `energy`, in femtojoule by cause, and returns the integral.
    #[must_use]
    pub fn close(&self, end: u64, power: &Power, energy: &mut [u128]) -> u128 {
        let mut closed = self.clone();
        closed.account(end);
        for ((state, cause), ns) in &closed.by_cause {
            energy[*cause as usize] += u128::from(power.state_uw(*state)) * u128::from(*ns);
        }
        let states = (0..STATES).zip(closed.in_state);
        states.map(|(state, ns)| u128::from(power.in_states_uw(state)) * u128::from(ns)).sum()
    }
}

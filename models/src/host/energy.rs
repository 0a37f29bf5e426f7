//! Where each joule went.
//!
//! **Models** a board's power as one idle figure plus, for each component, a rise while it is busy.
//! What is kept while the simulation runs is integer time per component and cause; energy is that
//! time multiplied with integer power, so that sums are exact: microwatt x nanosecond = femtojoule.
//!
//! Boards that sleep have several idle figures, one for each state ([`base`]); what lies between
//! two states (booting, calibrating, scanning) is a state with its own time and power.
//!
//! **Leaves out** that a regulator's efficiency changes with the load: powers are those at the
//! board's supply.
//!
//! **Validated** at the end of every run: the sum over causes must equal the integral of power over
//! time, which is kept separately as the busy time of each component.

mod base;
mod booked;

pub use base::{Base, Doze, STATES, State};

use std::collections::VecDeque;

use sim_core::time::SimTime;

use crate::cause::Cause;
use booked::{Booked, Kind};

/// A part of the board whose power rises while it is busy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Component {
    /// A core of the CPU.
    Cpu = 0,
    /// The network interface, sending.
    Transmit = 1,
    /// The network interface, receiving.
    Receive = 2,
    /// The camera.
    Camera = 3,
    /// The accelerator for inference.
    Accelerator = 4,
}

impl Component {
    /// All components.
    pub const ALL: [Component; COMPONENTS] =
        [Component::Cpu, Component::Transmit, Component::Receive, Component::Camera, Component::Accelerator];
}

/// Number of components.
pub const COMPONENTS: usize = 5;

/// A board's power figures, in microwatt.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Power {
    /// The whole board with every component idle.
    pub idle_uw: u64,
    /// Rise while a component is busy, by [`Component`]; for the CPU per busy core.
    pub active_uw: [u64; COMPONENTS],
    /// The whole board in each state but [`State::Awake`], which is `idle_uw`.
    pub asleep_uw: [u64; STATES],
}

impl Power {
    /// The board's power in `state` with every component idle.
    #[must_use]
    pub const fn state_uw(&self, state: State) -> u64 {
        self.in_states_uw(state as usize)
    }

    /// The most that is drawn at once: the highest state, a busy core, the busiest of the network
    /// interface's two directions, the camera and the accelerator.
    #[must_use]
    pub fn peak_uw(&self) -> u64 {
        let base = self.asleep_uw.iter().copied().fold(self.idle_uw, u64::max);
        let [cpu, transmit, receive, camera, accelerator] = self.active_uw;
        base + cpu + transmit.max(receive) + camera + accelerator
    }

    const fn in_states_uw(&self, state: usize) -> u64 {
        if state == State::Awake as usize { self.idle_uw } else { self.asleep_uw[state] }
    }
}

/// A span in which a component is busy with one kind of work: 16 bytes, since a fleet has many. One that
/// ends at 0 is none.
#[derive(Clone, Copy, Debug, Default)]
struct Interval {
    start: u64,
    /// The length in nanoseconds, above one byte for the kind of work.
    packed: u64,
}

impl Interval {
    /// Two years; what takes longer is several intervals.
    const LONGEST: u64 = (1 << 56) - 1;

    const fn new(start: u64, span: u64, kind: Kind) -> Self {
        Interval { start, packed: span << 8 | kind.byte() as u64 }
    }

    const fn end(self) -> u64 {
        self.start + (self.packed >> 8)
    }

    const fn kind(self) -> Kind {
        Kind::from_byte(self.packed as u8)
    }

    /// The part of it after `end`.
    fn beyond(self, end: u64) -> u64 {
        self.end().saturating_sub(end.max(self.start))
    }
}

/// One host's energy, by component and cause.
///
/// Work is announced when it is given to the component, often before it begins, and booked at once. The run may
/// end in the middle of it: what lay beyond its end is then taken back, so intervals are remembered until they
/// have passed.
#[derive(Clone, Debug, Default)]
pub struct EnergyAccount {
    /// Busy time announced so far of CPU and network interface, in nanoseconds: the integral's side of the books.
    announced_ns: [u64; OFTEN],
    /// Nanoseconds announced, by component and cause.
    booked: Booked,
    /// Places for intervals that may not have passed, which are enough for a node that keeps up.
    open: [Interval; 4],
    aside: Option<Box<Aside>>,
}

/// The components that every board has come first: CPU, sending, receiving.
const OFTEN: usize = 3;

/// What the account of a node that is always awake, keeps up and takes no pictures has no need of.
#[derive(Clone, Debug, Default)]
struct Aside {
    /// Busy time announced of the other components.
    announced_ns: [u64; COMPONENTS - OFTEN],
    /// More intervals that may not have passed; only overloaded nodes have any.
    further: VecDeque<Interval>,
    /// The states of a board that is not awake all the time.
    base: Option<Base>,
}

impl EnergyAccount {
    /// Books nothing but the idle power from now on, the beginning of the run: a bench sees with it what the
    /// books cost.
    pub fn leave_off(&mut self) {
        self.booked = Booked::LeftOff;
    }

    /// Follows the board's states from now on, the beginning of the run.
    pub fn follow(&mut self, base: Base) {
        self.aside.get_or_insert_default().base = Some(base);
    }

    /// The board enters `state` for `cause`. A board whose states were not followed was awake and idle up
    /// to now.
    pub fn enter(&mut self, now: SimTime, state: State, cause: Cause) {
        let base = &mut self.aside.get_or_insert_default().base;
        let base = base.get_or_insert_with(|| Base::new(State::Awake, Cause::Idle, None));
        base.enter(now.as_nanos(), state, cause);
    }

    /// The interface is in use until `end`, which matters to boards that doze.
    pub fn interface_used(&mut self, now: SimTime, end: SimTime) {
        if let Some(base) = self.aside.as_mut().and_then(|aside| aside.base.as_mut()) {
            base.used(now.as_nanos(), end.as_nanos());
        }
    }

    /// Announces at `now` that `component` is busy for `cause` from `start` to `end`, which may lie
    /// ahead. Intervals may overlap: a CPU has several cores.
    #[inline]
    pub fn busy(&mut self, now: SimTime, component: Component, start: SimTime, end: SimTime, cause: Cause) {
        let (now, start, end) = (now.as_nanos(), start.as_nanos(), end.as_nanos());
        debug_assert!(start <= end, "work that ends before it begins");
        let span = end - start;
        if span == 0 || self.booked.is_left_off() {
            return;
        }
        let kind = Kind::new(component, cause);
        match self.announced_ns.get_mut(component as usize) {
            Some(announced_ns) => *announced_ns += span,
            None => self.aside.get_or_insert_default().announced_ns[component as usize - OFTEN] += span,
        }
        self.booked.add(kind, span);
        if span <= Interval::LONGEST {
            self.remember(now, component, Interval::new(start, span, kind));
        } else {
            self.remember_in_parts(now, component, start, end, kind);
        }
    }

    #[cold]
    fn remember_in_parts(&mut self, now: u64, component: Component, mut start: u64, end: u64, kind: Kind) {
        while start < end {
            let interval = Interval::new(start, Interval::LONGEST.min(end - start), kind);
            self.remember(now, component, interval);
            start = interval.end();
        }
    }

    /// Keeps an interval announced at `now`, before which no run will end.
    #[inline]
    fn remember(&mut self, now: u64, component: Component, interval: Interval) {
        let own = &mut self.open[component as usize % self.open.len()];
        if own.end() <= now {
            *own = interval;
        } else {
            self.remember_elsewhere(now, interval);
        }
    }

    /// The component was given its next work before it was done.
    #[inline(never)]
    fn remember_elsewhere(&mut self, now: u64, interval: Interval) {
        match self.open.iter_mut().find(|place| place.end() <= now) {
            Some(place) => *place = interval,
            None => self.remember_further(now, interval),
        }
    }

    #[cold]
    fn remember_further(&mut self, now: u64, interval: Interval) {
        let further = &mut self.aside.get_or_insert_default().further;
        while further.front().is_some_and(|first| first.end() <= now) {
            further.pop_front();
        }
        further.push_back(interval);
    }

    fn base(&self) -> Option<&Base> {
        self.aside.as_ref()?.base.as_ref()
    }

    /// Intervals of which a part may lie beyond the end of the run.
    fn open(&self) -> impl Iterator<Item = Interval> {
        let open = self.open.iter().chain(self.aside.iter().flat_map(|aside| aside.further.iter()));
        open.copied().filter(|interval| interval.packed != 0)
    }

    /// Busy time of `component` up to `end`, in nanoseconds, over all cores.
    fn busy_ns(&self, component: Component, end: u64) -> u64 {
        let own = self.open().filter(|interval| interval.kind().component() == component as usize);
        self.announced_ns(component) - own.map(|interval| interval.beyond(end)).sum::<u64>()
    }

    fn announced_ns(&self, component: Component) -> u64 {
        let seldom = self.aside.as_ref().map_or([0; COMPONENTS - OFTEN], |aside| aside.announced_ns);
        let announced_ns = self.announced_ns.iter().chain(&seldom).nth(component as usize);
        announced_ns.copied().unwrap_or(0)
    }

    /// CPU time up to `end`, over all cores, in nanoseconds.
    #[must_use]
    pub fn cpu_ns(&self, end: SimTime) -> u64 {
        self.busy_ns(Component::Cpu, end.as_nanos())
    }

    /// The power at which the average joule of the board's states is drawn, in watt: the mean of
    /// their powers, weighted with their energies. Busy components are left out.
    #[must_use]
    pub fn drawing_w(&self, end: SimTime, power: &Power) -> f64 {
        match self.base() {
            Some(base) => base.drawing_w(end.as_nanos(), power),
            None => power.idle_uw as f64 * 1e-6,
        }
    }

    /// Closes the books at `end`: energy by cause in femtojoule, in the order of [`Cause::ALL`].
    ///
    /// # Panics
    /// When the sum over causes is not the integral of power: a joule was lost.
    #[must_use]
    pub fn by_cause(&self, end: SimTime, power: &Power) -> Vec<(Cause, u128)> {
        let end_ns = end.as_nanos();
        let mut energy = [0_u128; Cause::ALL.len()];
        let mut integral = match self.base() {
            Some(base) => base.close(end_ns, power, &mut energy),
            None => {
                energy[Cause::Idle as usize] = u128::from(power.idle_uw) * u128::from(end_ns);
                energy[Cause::Idle as usize]
            }
        };
        let power_of = |kind: Kind| u128::from(power.active_uw[kind.component()]);
        self.booked.each(|kind, ns| energy[kind.cause()] += power_of(kind) * u128::from(ns));
        for component in Component::ALL {
            let active_uw = u128::from(power.active_uw[component as usize]);
            integral += active_uw * u128::from(self.announced_ns(component));
        }
        for interval in self.open().filter(|interval| interval.end() > end_ns) {
            let beyond = power_of(interval.kind()) * u128::from(interval.beyond(end_ns));
            energy[interval.kind().cause()] -= beyond;
            integral -= beyond;
        }
        assert_eq!(energy.iter().sum::<u128>(), integral, "energy by cause and the integral of power");
        let used = Cause::ALL.into_iter().zip(energy).filter(|(_, fj)| *fj > 0);
        // One list for each of maybe a million nodes: none is longer than it need be.
        let mut list = Vec::with_capacity(used.clone().count());
        list.extend(used);
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POWER: Power =
        Power { idle_uw: 1_855_000, active_uw: [575_000, 1_280_000, 0, 0, 0], asleep_uw: [0; STATES] };

    fn at(ms: u64) -> SimTime {
        SimTime::from_millis(ms)
    }

    #[test]
    fn an_image_costs_its_power_for_its_time() {
        let mut account = EnergyAccount::default();
        account.busy(at(1_000), Component::Transmit, at(1_000), at(1_800), Cause::Publish);
        let energy = account.by_cause(at(10_000), &POWER);
        // 1.855 W x 10 s and 1.28 W x 0.8 s, in femtojoule.
        assert_eq!(
            energy,
            vec![(Cause::Idle, 18_550_000_000_000_000), (Cause::Publish, 1_024_000_000_000_000)]
        );
    }

    #[test]
    fn work_beyond_the_end_is_not_counted() {
        let mut account = EnergyAccount::default();
        account.busy(at(0), Component::Cpu, at(0), at(10), Cause::Connect);
        account.busy(at(0), Component::Cpu, at(10), at(30), Cause::Publish);
        account.busy(at(0), Component::Cpu, at(30), at(40), Cause::Pingreq);
        assert_eq!(account.cpu_ns(at(20)), 20_000_000);
        let energy = account.by_cause(at(20), &POWER);
        assert_eq!(energy[1], (Cause::Connect, 575_000 * 10_000_000));
        assert_eq!(energy[2], (Cause::Publish, 575_000 * 10_000_000));
        assert_eq!(energy.len(), 3);
    }

    #[test]
    fn a_board_that_sleeps_pays_for_each_state() {
        let power = Power { asleep_uw: [0, 200, 0, 300, 5, 0, 20], idle_uw: 100, ..Power::default() };
        let mut account = EnergyAccount::default();
        account.follow(Base::new(State::DeepSleep, Cause::Sleep, None));
        account.enter(at(1_000), State::Booting, Cause::Boot);
        account.enter(at(1_100), State::RadioOn, Cause::Scan);
        account.enter(at(3_100), State::DeepSleep, Cause::Sleep);
        let energy = account.by_cause(at(4_100), &power);
        let fj = |uw: u128, ms: u128| uw * ms * 1_000_000;
        let due = [(Cause::Boot, fj(200, 100)), (Cause::Sleep, fj(5, 2_000)), (Cause::Scan, fj(300, 2_000))];
        for (cause, fj) in due {
            assert!(energy.contains(&(cause, fj)), "{cause:?} in {energy:?}");
        }
    }

    #[test]
    fn a_board_that_dozes_is_awake_for_a_while_after_each_frame() {
        let power = Power { asleep_uw: [0, 0, 0, 0, 0, 0, 20], idle_uw: 100, ..Power::default() };
        let doze = Doze { state: State::ModemSleep, lingers_ns: 500_000_000 };
        let mut account = EnergyAccount::default();
        account.follow(Base::new(State::Awake, Cause::Idle, Some(doze)));
        // Awake until 0.5 s, from 2 s to 2.7 s (two frames, 0.2 s apart) and from 9.9 s on.
        for ms in [2_000, 2_200, 9_900] {
            account.interface_used(at(ms), at(ms));
        }
        let energy = account.by_cause(at(10_000), &power);
        let fj = |uw: u128, ms: u128| uw * ms * 1_000_000;
        assert_eq!(energy, [(Cause::Idle, fj(20, 8_700)), (Cause::Listen, fj(100, 1_300))]);
    }

    proptest! {
        /// Whatever is announced, the books balance at any end (the assertion is in `by_cause`).
        #[test]
        fn the_books_always_balance(
            work in prop::collection::vec((0_u64..50, 0_u64..60, 0_u64..80, 0_usize..Cause::ALL.len(), 0_usize..2), 0..60),
            beyond in 0_u64..100,
        ) {
            let mut account = EnergyAccount::default();
            let mut now = 0;
            let mut by_hand = 0_u128;
            let end = work.iter().map(|w| w.0).sum::<u64>() + beyond;
            for (gap, wait, span, cause, component) in work {
                now += gap;
                let start = now + wait;
                let component = [Component::Cpu, Component::Transmit][component];
                account.busy(at(now), component, at(start), at(start + span), Cause::ALL[cause]);
                let done = (start + span).min(end).saturating_sub(start.min(end));
                by_hand += u128::from(POWER.active_uw[component as usize]) * u128::from(done) * 1_000_000;
            }
            by_hand += u128::from(POWER.idle_uw) * u128::from(end) * 1_000_000;
            let energy = account.by_cause(at(end), &POWER);
            prop_assert_eq!(energy.iter().map(|(_, fj)| fj).sum::<u128>(), by_hand);
        }
    }
}

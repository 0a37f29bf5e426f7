//! A scenario run to its end.

use models::network::{Blueprint, Network};
use models::record::{NoProbe, Outcome, Probe};
use sim_core::engine::{Simulation, World};
use sim_core::time::SimTime;

use crate::capture::recorder::{Recorder, RecorderOptions};
use crate::scenario::schema::Stop;
use crate::scenario::{Diagnostic, Loaded, assemble};

/// What distinguishes the runs of one scenario.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunOptions {
    /// Number of the run, from 0: another run draws other random numbers under the same seed.
    pub run: u64,
}

/// How far a run is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standing {
    /// Simulated time.
    pub now: SimTime,
    /// Events executed.
    pub events: u64,
    /// Hash of the trajectory so far.
    pub fingerprint: u128,
}

/// A run reports its standing about so many times.
const REPORTS: u32 = 200;

/// In a run that ends when nothing is left to happen, a report comes after so many events.
const EVENTS_PER_REPORT: u64 = 100_000;

/// Runs `loaded` with nothing listening.
///
/// # Errors
/// When a host cannot reach its broker.
pub fn outcome(
    loaded: &Loaded,
    options: &RunOptions,
    report: &mut dyn FnMut(Standing),
) -> Result<Outcome, Diagnostic> {
    run(loaded, options, NoProbe, report).map(|(outcome, _)| outcome)
}

/// Runs `loaded` and records what `listening` asks for.
///
/// # Errors
/// When a host cannot reach its broker.
pub fn recorded(
    loaded: &Loaded,
    options: &RunOptions,
    listening: RecorderOptions,
    report: &mut dyn FnMut(Standing),
) -> Result<(Outcome, Recorder), Diagnostic> {
    run(loaded, options, Recorder::new(listening), report)
}

/// Runs `loaded` with `probe` listening.
///
/// # Errors
/// When a host cannot reach its broker.
pub fn listened<P: Probe>(
    loaded: &Loaded,
    options: &RunOptions,
    probe: P,
) -> Result<(Outcome, P), Diagnostic> {
    run(loaded, options, probe, &mut |_| {})
}

/// A scenario assembled once, for any number of its runs.
#[derive(Clone, Debug)]
pub struct Prepared {
    blueprint: Blueprint,
    stop: Stop,
    limit: SimTime,
    warm_up: SimTime,
}

impl Prepared {
    /// Assembles `loaded`.
    #[must_use]
    pub fn of(loaded: &Loaded) -> Self {
        Prepared {
            blueprint: assemble::blueprint(loaded, loaded.scenario.seed, 0),
            stop: loaded.scenario.stop,
            limit: SimTime::ZERO + loaded.scenario.duration.0,
            warm_up: SimTime::ZERO + loaded.scenario.warm_up.0,
        }
    }

    /// Runs it with nothing listening, under `seed` instead of the scenario's own.
    ///
    /// # Errors
    /// When a host cannot reach its broker.
    pub fn outcome(&self, seed: u64, run: u64) -> Result<Outcome, Diagnostic> {
        let blueprint = Blueprint { seed, run, ..self.blueprint.clone() };
        Ok(self.run(blueprint, NoProbe, &mut |_| {})?.0)
    }

    fn run<P: Probe>(
        &self,
        blueprint: Blueprint,
        probe: P,
        report: &mut dyn FnMut(Standing),
    ) -> Result<(Outcome, P), Diagnostic> {
        let (network, end, events) = {
            let mut simulation = start(blueprint, probe)?;
            match self.stop {
                Stop::AtDuration => run_to(self.limit, &mut simulation, report),
                Stop::WhenQuiet => run_until_quiet(self.limit, &mut simulation, report),
            }
            // The future event list goes here: only the network is needed from now on.
            let (end, events) = (simulation.now(), simulation.events());
            (simulation.world, end, events)
        };
        Ok(network.close(self.warm_up, end, events))
    }
}

fn run<P: Probe>(
    loaded: &Loaded,
    options: &RunOptions,
    probe: P,
    report: &mut dyn FnMut(Standing),
) -> Result<(Outcome, P), Diagnostic> {
    let mut prepared = Prepared::of(loaded);
    let blueprint = Blueprint { run: options.run, ..std::mem::take(&mut prepared.blueprint) };
    prepared.run(blueprint, probe, report)
}

fn standing<P: Probe>(simulation: &Simulation<Network<P>>) -> Standing {
    Standing {
        now: simulation.now(),
        events: simulation.events(),
        fingerprint: simulation.world.fingerprint(),
    }
}

/// The network of a scenario with its programs started.
///
/// # Errors
/// When a host cannot reach its broker.
pub fn started<P: Probe>(loaded: &Loaded, run: u64, probe: P) -> Result<Simulation<Network<P>>, Diagnostic> {
    start(assemble::blueprint(loaded, loaded.scenario.seed, run), probe)
}

fn start<P: Probe>(blueprint: Blueprint, probe: P) -> Result<Simulation<Network<P>>, Diagnostic> {
    let network = Network::build(blueprint, probe).map_err(|error| Diagnostic::error(error.to_string()))?;
    let mut simulation = Simulation::new(network);
    let (network, scheduler) = simulation.parts_mut();
    network.start(scheduler);
    Ok(simulation)
}

/// Runs to `limit` in slices; where they end makes no difference to what happens.
fn run_to<P: Probe>(
    limit: SimTime,
    simulation: &mut Simulation<Network<P>>,
    report: &mut dyn FnMut(Standing),
) {
    let slice = limit.saturating_since(SimTime::ZERO) / REPORTS;
    for number in 1..REPORTS {
        simulation.run_until(SimTime::ZERO + slice * number);
        report(standing(simulation));
    }
    simulation.run_until(limit);
}

fn run_until_quiet<P: Probe>(
    limit: SimTime,
    simulation: &mut Simulation<Network<P>>,
    report: &mut dyn FnMut(Standing),
) {
    while simulation.scheduler().peek_time().is_some_and(|next| next <= limit) {
        simulation.step();
        if simulation.events().is_multiple_of(EVENTS_PER_REPORT) {
            report(standing(simulation));
        }
    }
}

/// A run that is taken event by event.
#[derive(Debug)]
pub struct Stepper {
    simulation: Simulation<Network<NoProbe>>,
    limit: SimTime,
}

impl Stepper {
    /// The run at its beginning.
    ///
    /// # Errors
    /// When a host cannot reach its broker.
    pub fn new(loaded: &Loaded, options: &RunOptions) -> Result<Self, Diagnostic> {
        let limit = SimTime::ZERO + loaded.scenario.duration.0;
        Ok(Stepper { simulation: started(loaded, options.run, NoProbe)?, limit })
    }

    /// Where the run is.
    #[must_use]
    pub fn standing(&self) -> Standing {
        standing(&self.simulation)
    }

    /// Executes events until so many have been executed.
    pub fn skip_to(&mut self, events: u64) {
        while self.simulation.events() < events && self.step().is_some() {}
    }

    /// Executes the next event, if one is left before the end of the run: its time, and what it is.
    pub fn told_step(&mut self) -> Option<(SimTime, String)> {
        let (network, scheduler) = self.simulation.parts_mut();
        let (now, event) = scheduler.pop_until(self.limit)?;
        let words = network.describe(event);
        network.handle(now, event, scheduler);
        Some((now, words))
    }

    fn step(&mut self) -> Option<SimTime> {
        let (network, scheduler) = self.simulation.parts_mut();
        let (now, event) = scheduler.pop_until(self.limit)?;
        network.handle(now, event, scheduler);
        Some(now)
    }

    /// Executes all events up to `instant`, and tells the energy of each host until then, in
    /// femtojoule.
    pub fn energy_at(&mut self, instant: SimTime) -> Vec<u128> {
        self.simulation.run_until(instant.max(self.simulation.now()));
        self.simulation.world.energy_fj(instant)
    }
}

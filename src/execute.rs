//! A scenario run to its end.

use models::network::Network;
use models::record::{NoProbe, Outcome, Probe};
use sim_core::engine::Simulation;
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
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// Simulated time.
    pub now: SimTime,
    /// Events executed.
    pub events: u64,
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

fn run<P: Probe>(
    loaded: &Loaded,
    options: &RunOptions,
    probe: P,
    report: &mut dyn FnMut(Standing),
) -> Result<(Outcome, P), Diagnostic> {
    let mut simulation = started(loaded, options.run, probe)?;
    let limit = SimTime::ZERO + loaded.scenario.duration.0;
    match loaded.scenario.stop {
        Stop::AtDuration => run_to(limit, &mut simulation, report),
        Stop::WhenQuiet => run_until_quiet(limit, &mut simulation, report),
    }
    let end = simulation.now();
    let warm_up = SimTime::ZERO + loaded.scenario.warm_up.0;
    let outcome = simulation.world.outcome(warm_up, end, simulation.events());
    Ok((outcome, simulation.world.into_probe()))
}

/// The network of a scenario with its programs started.
///
/// # Errors
/// When a host cannot reach its broker.
pub fn started<P: Probe>(loaded: &Loaded, run: u64, probe: P) -> Result<Simulation<Network<P>>, Diagnostic> {
    let blueprint = assemble::blueprint(loaded, loaded.scenario.seed, run);
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
        report(Standing { now: simulation.now(), events: simulation.events() });
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
            report(Standing { now: simulation.now(), events: simulation.events() });
        }
    }
}

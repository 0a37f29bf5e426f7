//! What the energy account costs: the same workload with the books of every host kept and left off, in turns.
//!
//! `cargo bench --bench energy` prints the best CPU time of each and their difference. For figures that do not
//! depend on the machine's mood, count instructions: the bench's program with the arguments `bench-a on` or
//! `bench-a off` runs once, under `valgrind --tool=callgrind`; with `bench-a build` it only builds the network.

#![expect(clippy::disallowed_types, reason = "a bench is what the wall clock is for")]

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use models::host::Board;
use models::network::{Blueprint, Network};
use models::record::NoProbe;
use mqtt_twin::scenario::{self, Loaded, assemble};
use sim_core::engine::Simulation;
use sim_core::time::SimTime;

/// Scenario and counted runs of each kind.
const WORKLOADS: [(&str, usize); 2] = [("bench-a", 15), ("smart-home-publisher", 15)];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    if let [name, what] = &words[..] {
        let (blueprint, end) = workload(name, what != "off");
        simulate(blueprint, if what == "build" { SimTime::ZERO } else { end });
        return;
    }
    println!("{:<22} {:>10} {:>10} {:>10}", "workload", "on s", "off s", "share");
    for (name, runs) in WORKLOADS {
        let mut best = [f64::MAX; 2];
        for _ in 0..runs {
            for (place, metered) in [true, false].into_iter().enumerate() {
                let (blueprint, end) = workload(name, metered);
                let begin = Instant::now();
                simulate(blueprint, end);
                best[place] = best[place].min(begin.elapsed().as_secs_f64());
            }
        }
        let [on, off] = best;
        println!("{name:<22} {on:>10.4} {off:>10.4} {:>9.1} %", 100.0 * (on - off) / on);
    }
}

fn workload(name: &str, metered: bool) -> (Blueprint, SimTime) {
    let loaded = load(name);
    let mut blueprint = assemble::blueprint(&loaded, loaded.scenario.seed, 0);
    for host in &mut blueprint.hosts {
        host.board = Arc::new(Board { metered, ..(*host.board).clone() });
    }
    (blueprint, SimTime::ZERO + loaded.scenario.duration.0)
}

fn load(name: &str) -> Loaded {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(format!("{name}.ron"));
    scenario::load(&path, &scenario::Overrides::default()).unwrap_or_else(|diagnostic| {
        eprintln!("{}", diagnostic.render(false));
        std::process::exit(2);
    })
}

/// Runs to `end` and closes the books, as every run does.
fn simulate(blueprint: Blueprint, end: SimTime) {
    let network = Network::build(blueprint, NoProbe).expect("a bench scenario has its links");
    let mut simulation = Simulation::new(network);
    let (network, scheduler) = simulation.parts_mut();
    network.start(scheduler);
    simulation.run_until(end);
    let outcome = simulation.world.outcome(SimTime::ZERO, end, simulation.events());
    assert!(end == SimTime::ZERO || outcome.tcp.hops > 0, "a workload sends something");
}

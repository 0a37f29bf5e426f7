//! The four workloads that are compared side by side with other simulators, full stack: MQTT, TCP,
//! CPU, RAM, energy and fingerprint on, captures off.
//!
//! `cargo bench` prints, for each, the CPU time of the simulation (best and median of several runs,
//! process start not included), packet hops and events per second, and the bytes of the largest
//! working set per client. Instructions per event come from
//! `valgrind --tool=callgrind target/release/mqtt-twin run scenarios/bench-a.ron --quiet`.
//!
//! Wall times on a shared machine are noise: compare ratios of one run.

#![expect(clippy::disallowed_types, reason = "a bench is what the wall clock is for")]

use std::path::Path;
use std::time::Instant;

use mqtt_twin::execute::{self, RunOptions};
use mqtt_twin::scenario;

/// Scenario, counted runs, and the CPU seconds of ns-3.48 optimised on the reference machine.
const WORKLOADS: [(&str, usize, f64); 4] =
    [("bench-a", 9, 0.216), ("bench-b1000", 5, 3.39), ("bench-c5k", 5, 24.6), ("bench-d1h", 5, 10.5)];

fn main() {
    println!(
        "{:<12} {:>10} {:>10} {:>12} {:>12} {:>10} {:>10} {:>12}",
        "workload", "best s", "median s", "hops", "hops/s", "events", "events/s", "ns-3 / best"
    );
    for (name, runs, ns3_s) in WORKLOADS {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(format!("{name}.ron"));
        let loaded = match scenario::load(&path, &scenario::Overrides::default()) {
            Ok(loaded) => loaded,
            Err(diagnostic) => {
                eprintln!("{}", diagnostic.render(false));
                std::process::exit(2);
            }
        };
        let mut seconds = Vec::with_capacity(runs);
        let mut totals = (0, 0);
        for _ in 0..runs {
            let begin = Instant::now();
            let outcome = execute::outcome(&loaded, &RunOptions::default(), &mut |_| {})
                .expect("a bench scenario runs");
            seconds.push(begin.elapsed().as_secs_f64());
            totals = (outcome.tcp.hops, outcome.events);
        }
        seconds.sort_by(f64::total_cmp);
        let (best, median) = (seconds[0], seconds[runs / 2]);
        let (hops, events) = totals;
        println!(
            "{name:<12} {best:>10.4} {median:>10.4} {hops:>12} {:>12.0} {events:>10} {:>10.0} {:>12.1}",
            hops as f64 / best,
            events as f64 / best,
            ns3_s / best,
        );
    }
}

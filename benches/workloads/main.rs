//! The speed targets, measured side by side in one run: the workloads that are compared with other simulators, full
//! stack (MQTT, TCP, CPU, RAM, energy and fingerprint on; captures off), and a bare loop that only moves packets.
//!
//! `cargo bench --bench workloads` prints a table of the workloads, one of heavy loads, and one of the targets with
//! what was met. Times are CPU seconds, the best of several runs, in which the bare loop and the full stack take turns.
//! On a shared machine absolute times are noise: what counts is the ratio to the bare loop of the same run. The
//! seconds of ns-3.48 (optimised) were measured once, on a machine of the same kind.
//!
//! Instructions come from `valgrind --tool=callgrind target/release/mqtt-twin run scenarios/bench-a.ron --quiet`,
//! or from the example `fleet` of the crate `models`, which is built sooner.

mod bare;
mod measure;

use measure::{Alone, Clock, alone, command, load, run};

/// A workload of the side-by-side comparison.
struct Workload {
    name: &'static str,
    scenario: &'static str,
    sets: &'static [&'static str],
    /// CPU seconds of ns-3.
    ns3_s: f64,
    bare: fn() -> u64,
    /// Runs of which the best counts.
    rounds: u32,
    /// Millions of packet hops per second to reach.
    hops_target: f64,
}

const WORKLOADS: [Workload; 5] = [
    Workload {
        name: "A",
        scenario: "bench-a",
        sets: &[],
        ns3_s: 0.216,
        bare: || bare::burst(500, 1),
        rounds: 25,
        hops_target: 3.0,
    },
    Workload {
        name: "B1000",
        scenario: "bench-b1000",
        sets: &[],
        ns3_s: 3.39,
        bare: || bare::bulk(1000),
        rounds: 7,
        hops_target: 8.0,
    },
    Workload {
        name: "C5k",
        scenario: "bench-c5k",
        sets: &[],
        ns3_s: 24.6,
        bare: || bare::burst(5_000, 10),
        rounds: 7,
        hops_target: 3.0,
    },
    Workload {
        name: "C20k",
        scenario: "bench-c5k",
        sets: &["hosts.client.count=20000"],
        ns3_s: 326.0,
        bare: || bare::burst(20_000, 10),
        rounds: 3,
        hops_target: 3.0,
    },
    Workload {
        name: "D1h",
        scenario: "bench-d1h",
        sets: &[],
        ns3_s: 10.5,
        bare: || bare::idle(1_000, 60),
        rounds: 7,
        hops_target: 3.0,
    },
];

/// Five rounds of workload D for so many clients, who connect in 10 s and are spread over each minute.
const IDLE_1K: [&str; 2] = ["hosts.client.role.count=5", "duration=\"400 s\""];
const IDLE_100K: [&str; 5] = [
    "hosts.client.role.count=5",
    "duration=\"400 s\"",
    "hosts.client.count=100000",
    "hosts.client.mqtt.stagger=\"100 us\"",
    "hosts.client.role.stagger=\"600 us\"",
];

/// Loads that no other tool was given: name, scenario, keys.
const LOADS: [(&str, &str, &[&str]); 4] = [
    ("a day of 1,000 idle clients", "bench-d1h", &["hosts.client.role.count=1440", "duration=\"86500 s\""]),
    (
        "a million QoS 2 messages of 5,000 clients",
        "bench-c5k",
        &["hosts.client.role.messages=200", "duration=\"60 min\""],
    ),
    ("1,000 idle clients, 400 s", "bench-d1h", &IDLE_1K),
    ("100,000 idle clients, 400 s", "bench-d1h", &IDLE_100K),
];

/// One line of the last table.
struct Verdict {
    target: String,
    here: String,
    met: bool,
}

/// What a workload took, in seconds, and its packet hops.
struct Measured {
    hops: f64,
    here_s: f64,
    /// Of the bare loop for as many hops.
    bare_s: f64,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let ["one", scenario, sets @ ..] = &words[..] {
        measure::tell(scenario, sets);
        return;
    }
    let mut verdicts = Vec::new();
    workloads(&words, &mut verdicts);
    if words.is_empty() {
        loads(&mut verdicts);
        sweeps(&mut verdicts);
    }
    println!("\n{:<58} {:>24}  met", "target", "here");
    for Verdict { target, here, met } in verdicts {
        println!("{target:<58} {here:>24}  {}", if met { "yes" } else { "no" });
    }
}

fn workloads(names: &[&str], verdicts: &mut Vec<Verdict>) {
    println!(
        "{:<8}{:>11}{:>11}{:>10}{:>11}{:>10}{:>8}{:>9}{:>12}{:>10}",
        "workload",
        "hops",
        "bare s",
        "Mhops/s",
        "here s",
        "Mhops/s",
        "/ bare",
        "ns-3 /",
        "command s",
        "peak MiB"
    );
    for workload in WORKLOADS.iter().filter(|workload| names.is_empty() || names.contains(&workload.name)) {
        let Measured { hops, here_s, bare_s } = in_turns(workload);
        let own = alone(workload.scenario, workload.sets);
        let path = measure::file(workload.scenario);
        let mut arguments = vec!["run", path.to_str().expect("a path"), "--quiet"];
        arguments.extend(workload.sets.iter().flat_map(|set| ["--set", set]));
        let (command_s, _) = command(&arguments, workload.rounds);
        let (to_bare, to_ns3) = (here_s / bare_s, workload.ns3_s / here_s);
        println!(
            "{:<8}{hops:>11.0}{bare_s:>11.4}{:>10.1}{here_s:>11.4}{:>10.2}{to_bare:>8.1}{to_ns3:>9.1}{command_s:>12.4}{:>10.0}",
            workload.name,
            hops / bare_s / 1e6,
            hops / here_s / 1e6,
            own.peak_mib,
        );
        judge(workload, &Measured { hops, here_s, bare_s }, verdicts);
    }
}

fn judge(workload: &Workload, measured: &Measured, verdicts: &mut Vec<Verdict>) {
    let &Measured { hops, here_s, bare_s } = measured;
    let name = workload.name;
    let (to_bare, to_ns3) = (here_s / bare_s, workload.ns3_s / here_s);
    let rate = hops / here_s / 1e6;
    verdicts.push(Verdict {
        target: format!("{name}: at most 6 times the bare loop"),
        here: format!("{to_bare:.1} times"),
        met: to_bare <= 6.0,
    });
    verdicts.push(Verdict {
        target: format!("{name}: at least 30 times faster than ns-3"),
        here: format!("{to_ns3:.0} times"),
        met: to_ns3 >= 30.0,
    });
    verdicts.push(Verdict {
        target: format!("{name}: at least {} million hops/s", workload.hops_target),
        here: format!("{rate:.2} million"),
        met: rate >= workload.hops_target,
    });
    if name == "A" {
        verdicts.push(Verdict {
            target: "A: under 10 ms of CPU after start-up".to_owned(),
            here: format!("{:.1} ms", 1e3 * here_s),
            met: here_s < 0.010,
        });
    }
}

/// Best times of the bare loop and of the full stack, one after the other in each round.
fn in_turns(workload: &Workload) -> Measured {
    let loaded = load(workload.scenario, workload.sets);
    let (mut here_s, mut bare_s_per_hop, mut hops) = (f64::MAX, f64::MAX, 0.0);
    for _ in 0..workload.rounds {
        let clock = Clock::start();
        let moved = (workload.bare)();
        bare_s_per_hop = bare_s_per_hop.min(clock.cpu_s() / moved as f64);
        let clock = Clock::start();
        let outcome = run(&loaded);
        here_s = here_s.min(clock.cpu_s());
        hops = outcome.tcp.hops as f64;
    }
    Measured { hops, here_s, bare_s: bare_s_per_hop * hops }
}

fn loads(verdicts: &mut Vec<Verdict>) {
    println!(
        "\n{:<44}{:>12}{:>12}{:>10}{:>10}{:>10}{:>10}",
        "load", "hops", "messages", "wall s", "CPU s", "Mhops/s", "peak MiB"
    );
    let mut rates = Vec::new();
    for (name, scenario, sets) in LOADS {
        let Alone { hops, messages, cpu_s, wall_s, peak_mib } = alone(scenario, sets);
        let rate = hops / cpu_s / 1e6;
        rates.push(rate);
        println!(
            "{name:<44}{hops:>12.0}{messages:>12.0}{wall_s:>10.2}{cpu_s:>10.2}{rate:>10.2}{peak_mib:>10.0}"
        );
    }
    let [.., small, large] = rates[..] else { return };
    verdicts.push(Verdict {
        target: "100,000 clients: at least half the hops/s of 1,000".to_owned(),
        here: format!("{:.2}", large / small),
        met: large >= 0.5 * small,
    });
}

/// A hundred seeds of A with one command, on one core and on two.
fn sweeps(verdicts: &mut Vec<Verdict>) {
    let path = measure::file("bench-a");
    let sweep = |jobs| command(&["sweep", path.to_str().expect("a path"), "--fresh", "-j", jobs], 3);
    let ((one_cpu, one_wall), (cpu, wall)) = (sweep("1"), sweep("2"));
    println!(
        "\n100 seeds of A: one core {one_wall:.2} s (CPU {one_cpu:.2} s), two cores {wall:.2} s (CPU {cpu:.2} s)"
    );
    verdicts.push(Verdict {
        target: "100 seeds of A on 2 cores, one command: 0.5 s".to_owned(),
        here: format!("{wall:.2} s, {:.2} s a core", cpu / 2.0),
        met: wall <= 0.5,
    });
    let efficiency = one_wall / (2.0 * wall);
    verdicts.push(Verdict {
        target: "a sweep: 0.9 parallel efficiency on 2 cores".to_owned(),
        here: format!("{efficiency:.2}"),
        met: efficiency >= 0.9,
    });
}

//! CPU time, memory, and workloads in processes of their own.

#![expect(clippy::disallowed_types, reason = "a bench is what the wall clock is for")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use models::record::Outcome;
use mqtt_twin::execute::{self, RunOptions};
use mqtt_twin::scenario::{self, Loaded, Overrides};

/// CPU time of this thread so far, in seconds; where the system does not tell (only Linux does), the wall clock's.
pub struct Clock {
    begin: Instant,
    cpu_ns: Option<u64>,
}

impl Clock {
    /// Begins to measure.
    pub fn start() -> Self {
        Clock { begin: Instant::now(), cpu_ns: cpu_ns() }
    }

    /// CPU seconds since then.
    pub fn cpu_s(&self) -> f64 {
        match (self.cpu_ns, cpu_ns()) {
            (Some(begin), Some(end)) => (end - begin) as f64 * 1e-9,
            (Some(_) | None, Some(_) | None) => self.wall_s(),
        }
    }

    /// Seconds of the wall clock since then.
    pub fn wall_s(&self) -> f64 {
        self.begin.elapsed().as_secs_f64()
    }
}

fn cpu_ns() -> Option<u64> {
    // The scheduler brings its account up to date when a thread yields.
    std::thread::yield_now();
    std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
}

/// CPU seconds of all processes started and ended so far, to a hundredth.
pub fn children_cpu_s() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    // proc(5): fields 16 and 17, counted behind the name in parentheses, in ticks of 1/100 s.
    let mut fields = text.rsplit_once(") ")?.1.split(' ').skip(13);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some((ticks()? + ticks()?) as f64 / 100.0)
}

/// The most memory that this process ever had, in MiB.
pub fn peak_mib() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse::<f64>().ok().map(|kib| kib / 1024.0)
}

/// Where a bench scenario lies.
pub fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(format!("{name}.ron"))
}

/// A bench scenario with some of its keys set.
pub fn load(name: &str, sets: &[&str]) -> Loaded {
    let sets = sets.iter().map(|set| (*set).to_owned()).collect();
    scenario::load(&file(name), &Overrides { sets, ..Overrides::default() }).unwrap_or_else(|diagnostic| {
        eprintln!("{}", diagnostic.render(false));
        std::process::exit(2);
    })
}

/// Assembles and runs a scenario with nothing listening.
pub fn run(loaded: &Loaded) -> Outcome {
    execute::outcome(loaded, &RunOptions::default(), &mut |_| {}).expect("a bench scenario runs")
}

/// What a workload took in a process of its own.
#[derive(Clone, Copy, Debug)]
pub struct Alone {
    /// Packet hops.
    pub hops: f64,
    /// Messages that the broker took over.
    pub messages: f64,
    /// CPU seconds from the scenario file to the outcome.
    pub cpu_s: f64,
    /// Seconds of the wall clock.
    pub wall_s: f64,
    /// Peak memory in MiB.
    pub peak_mib: f64,
}

/// Runs a workload in this process and prints what it took, for [`alone`].
pub fn tell(name: &str, sets: &[&str]) {
    let clock = Clock::start();
    let outcome = run(&load(name, sets));
    let (cpu_s, wall_s) = (clock.cpu_s(), clock.wall_s());
    let messages = outcome.messages.iter().filter(|message| message.accepted.is_some()).count();
    println!("{} {messages} {cpu_s} {wall_s} {}", outcome.tcp.hops, peak_mib().unwrap_or(f64::NAN));
}

/// Runs a workload in a process of its own.
pub fn alone(name: &str, sets: &[&str]) -> Alone {
    let this = std::env::current_exe().expect("a program knows where it lies");
    let output = Command::new(this).arg("one").arg(name).args(sets).stderr(Stdio::inherit()).output();
    let output = output.expect("a bench can start itself");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let figures: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [hops, messages, cpu_s, wall_s, peak_mib] = figures[..] else {
        panic!("{name}: {text}");
    };
    Alone { hops, messages, cpu_s, wall_s, peak_mib }
}

/// CPU and wall seconds of the command `mqtt-twin` with some arguments, results written, a mean of `times`.
pub fn command(arguments: &[&str], times: u32) -> (f64, f64) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (clock, before) = (Clock::start(), children_cpu_s());
    for _ in 0..times {
        let status = Command::new(env!("CARGO_BIN_EXE_mqtt-twin"))
            .args(arguments)
            .arg("--out")
            .arg(folder.path().join("out"))
            .stdout(Stdio::null())
            .status()
            .expect("the command can be started");
        // A workload of another size fails its file's expectation, which is an exit code of its own.
        assert!(matches!(status.code(), Some(0 | 1)), "mqtt-twin {}", arguments.join(" "));
    }
    let wall_s = clock.wall_s();
    let cpu_s = match (before, children_cpu_s()) {
        (Some(before), Some(after)) => after - before,
        (Some(_) | None, Some(_) | None) => wall_s,
    };
    (cpu_s / f64::from(times), wall_s / f64::from(times))
}

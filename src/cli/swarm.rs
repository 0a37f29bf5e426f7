//! `swarm`: random whole scenarios from a seed, each run with everything asserted that must hold in every run.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rayon::ThreadPoolBuilder;
use serde_json::json;

use super::progress::Stopwatch;
use super::{Finished, Format};
use crate::scenario::Diagnostic;
use crate::scenario::profiles::Library;
use crate::swarm::{Failure, Options, Plan, Report, check, draw, shrink, swarm};

/// `swarm`
#[derive(Args, Clone, PartialEq, Eq, Debug)]
pub struct SwarmArguments {
    /// Number of scenarios
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub runs: u64,
    /// Seed of all scenarios
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Number of the first scenario
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub first: u64,
    /// Run one scenario only: the one with this number
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["runs", "first"])]
    pub only: Option<u64>,
    /// Runs done at the same time [default: one a core]
    #[arg(short, long, value_name = "NUMBER")]
    pub jobs: Option<usize>,
    /// Write the scenario of --only, or the shrunken one that fails, into this file instead of `swarm-SEED-NUMBER.ron`
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Leave a scenario that fails as large as it is
    #[arg(long)]
    pub no_shrink: bool,
    /// Folder of hardware profiles, instead of the `hw-profiles` that is found
    #[arg(long, value_name = "DIR")]
    pub profiles: Option<PathBuf>,
    /// How the result is shown
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Show nothing but problems
    #[arg(short, long)]
    pub quiet: bool,
}

/// A scenario that failed, and the file with the smallest one that fails in the same way.
struct Shown {
    number: u64,
    failure: Failure,
    file: PathBuf,
    hosts: (usize, usize),
}

pub(super) fn run(arguments: &SwarmArguments, out: &mut impl Write) -> Result<Finished, Diagnostic> {
    let library = Library::find(Path::new("."), arguments.profiles.as_deref())?.remembering();
    if let (Some(number), Some(file)) = (arguments.only, &arguments.out) {
        write(&draw::plan(arguments.seed, number), file)?;
    }
    let pool = ThreadPoolBuilder::new()
        .num_threads(arguments.jobs.unwrap_or(0))
        .build()
        .map_err(|error| Diagnostic::error(format!("cannot start threads: {error}")))?;
    let watch = Stopwatch::start();
    let (first, runs) = arguments.only.map_or((arguments.first, arguments.runs), |only| (only, 1));
    let options = Options { seed: arguments.seed, first, runs };
    let bar = Mutex::new(bar(runs, arguments.quiet));
    let progress = |done: u64, failed: u64| {
        // A bar that another thread is moving need not be moved by this one.
        if let Ok(bar) = bar.try_lock() {
            bar.set_position(done);
            bar.set_message(format!("{failed} failed"));
        }
    };
    let report = pool.install(|| swarm(&options, &library, &progress));
    if let Ok(bar) = bar.lock() {
        bar.finish_and_clear();
    }
    let wall = watch.elapsed();
    let shown = report.first().map(|(number, failure)| shown(arguments, &library, number, failure));
    let shown = shown.transpose()?;
    let text = match arguments.format {
        Format::Text => in_words(&report, wall, arguments, shown.as_ref()),
        Format::Json => as_json(&report, wall, arguments, shown.as_ref()),
    };
    if !arguments.quiet || report.failed() > 0 {
        // A reader that has gone is no failure of the swarm.
        let _ = out.write_all(text.as_bytes());
    }
    Ok(if report.failed() == 0 { Finished::Held } else { Finished::Failed })
}

fn bar(runs: u64, quiet: bool) -> ProgressBar {
    let visible = !quiet && io::stderr().is_terminal();
    let target = if visible { ProgressDrawTarget::stderr_with_hz(5) } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(runs), target);
    let template = "{bar:32} {pos} of {len} runs  {per_sec}  {msg}  {eta} left";
    bar.with_style(ProgressStyle::with_template(template).expect("a template that indicatif knows"))
}

fn write(plan: &Plan, file: &Path) -> Result<(), Diagnostic> {
    fs::write(file, plan.to_string()).map_err(|error| {
        Diagnostic::error(format!("cannot write `{}`: {error}", file.display()))
            .help("give another file with --out")
    })
}

fn shown(
    arguments: &SwarmArguments,
    library: &Library,
    number: u64,
    failure: &Failure,
) -> Result<Shown, Diagnostic> {
    let plan = draw::plan(arguments.seed, number);
    let small =
        if arguments.no_shrink { plan.clone() } else { shrink::shrink(&plan, &failure.kind, library) };
    let failure = check::check(&small, library, true).failure.unwrap_or_else(|| failure.clone());
    let usual = || PathBuf::from(format!("swarm-{}-{number}.ron", arguments.seed));
    let file = arguments.out.clone().unwrap_or_else(usual);
    write(&small, &file)?;
    Ok(Shown { number, failure, file, hosts: (plan.hosts(), small.hosts()) })
}

fn command(arguments: &SwarmArguments, number: u64) -> String {
    format!("mqtt-twin swarm --seed {} --only {number}", arguments.seed)
}

fn in_words(report: &Report, wall: Duration, arguments: &SwarmArguments, shown: Option<&Shown>) -> String {
    let seconds = wall.as_secs_f64().max(1e-9);
    let rate = report.runs as f64 / seconds;
    let million = report.events as f64 / 1e6;
    let mut text = format!(
        "{} runs of seed {} ({} of them twice) in {seconds:.1} s, {rate:.0} runs/s, {million:.1} million events\n",
        report.runs, arguments.seed, report.twice,
    );
    text += &format!("fingerprint of all: {:032x}\n", report.fingerprints);
    let Some(shown) = shown else { return text + "everything held\n" };
    text += &format!("{} runs failed:\n", report.failed());
    for (kind, (times, number, _)) in &report.failures {
        text += &format!("    {times:>6} x {kind}; the first: {}\n", command(arguments, *number));
    }
    let (before, after) = shown.hosts;
    text +=
        &format!("\nrun {} ({before} hosts, shrunken to {after}):\n    {}\n", shown.number, shown.failure);
    text += &format!("\nrepeat it: {}\n", command(arguments, shown.number));
    text += &format!("the shrunken scenario: {}\n", shown.file.display());
    text
}

fn as_json(report: &Report, wall: Duration, arguments: &SwarmArguments, shown: Option<&Shown>) -> String {
    let kinds: Vec<_> = report
        .failures
        .iter()
        .map(|(kind, (times, number, failure))| {
            json!({ "kind": kind, "times": times, "first": number, "what": failure.what,
                "repeat": command(arguments, *number) })
        })
        .collect();
    let object = json!({
        "seed": arguments.seed,
        "runs": report.runs,
        "twice": report.twice,
        "failed": report.failed(),
        "events": report.events,
        "fingerprint": format!("{:032x}", report.fingerprints),
        "failures": kinds,
        "shrunken": shown.map(|shown| shown.file.display().to_string()),
        "wall_s": wall.as_secs_f64(),
    });
    format!("{object:#}\n")
}

//! `explore`: a scenario under every single fault and every pair of them.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rayon::ThreadPoolBuilder;
use serde_json::json;

use super::progress::Stopwatch;
use super::{Finished, Format, ScenarioArguments, Span};
use crate::capture::chart;
use crate::capture::recorder::RecorderOptions;
use crate::execute::{self, RunOptions};
use crate::explore::contract::Terms;
use crate::explore::{self, Found, Kinds, Noted, Options, Report, Spans, fault};
use crate::results::file::put;
use crate::scenario::load::load_text;
use crate::scenario::profiles::Library;
use crate::scenario::{Diagnostic, Loaded, Overrides, load};

/// `explore`
#[derive(Args, Clone, PartialEq, Debug)]
pub struct ExploreArguments {
    /// Scenario file
    pub file: PathBuf,
    /// What changes the scenario.
    #[command(flatten)]
    pub scenario: ScenarioArguments,
    /// Try pairs of faults as well
    #[arg(long)]
    pub pairs: bool,
    /// Try so many pairs at most, evenly spread over all
    #[arg(long, value_name = "NUMBER", requires = "pairs", value_parser = clap::value_parser!(u64).range(1..))]
    pub most: Option<u64>,
    /// Which faults: of frames (lost, late, twice), cuts of links, crashes of clients and brokers
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        value_name = "KINDS",
        default_value = "frames,cuts,crashes"
    )]
    pub faults: Vec<Kind>,
    /// How much later a delayed frame comes [default: 300 ms]
    #[arg(long, value_name = "SPAN")]
    pub delay: Option<Span>,
    /// How long a link is cut [default: 3 s]
    #[arg(long, value_name = "SPAN")]
    pub cut: Option<Span>,
    /// How long a program that was killed is down [default: 1 s]
    #[arg(long, value_name = "SPAN")]
    pub down: Option<Span>,
    /// Time to heal: nothing is put in and no message judged later than this before the end; a scenario that is
    /// not longer is simulated for so much longer [default: 15 s]
    #[arg(long, value_name = "SPAN")]
    pub settle: Option<Span>,
    /// Number of the replication
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    pub run: u64,
    /// Runs done at the same time [default: one a core]
    #[arg(short, long, value_name = "NUMBER")]
    pub jobs: Option<usize>,
    /// Folder for the counterexample, if there is one: `scenario.ron` repeats it by itself, `chart.txt` shows it
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Folder in which every finished run is noted: an exploration that was interrupted goes on
    #[arg(long, value_name = "DIR")]
    pub journal: Option<PathBuf>,
    /// How the result is shown
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Show nothing but problems
    #[arg(short, long)]
    pub quiet: bool,
}

/// Kinds of faults.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Of single frames
    Frames,
    /// Of links
    Cuts,
    /// Of programs
    Crashes,
}

impl ExploreArguments {
    fn options(&self) -> Options {
        let (spans, terms) = (Spans::default(), Terms::default());
        let has = |kind| self.faults.contains(&kind);
        Options {
            kinds: Kinds { frames: has(Kind::Frames), cuts: has(Kind::Cuts), crashes: has(Kind::Crashes) },
            spans: Spans {
                delay: self.delay.map_or(spans.delay, Span::get),
                cut: self.cut.map_or(spans.cut, Span::get),
                down: self.down.map_or(spans.down, Span::get),
            },
            pairs: self.pairs.then_some(self.most.unwrap_or(u64::MAX)),
            terms: Terms { settle: self.settle.map_or(terms.settle, Span::get), ..terms },
            run: self.run,
        }
    }
}

/// The scenario with time to heal at its end: one that is over before a fault could heal goes on for that long, by
/// an `--until` that its user could have given.
fn with_time_to_heal(arguments: &ExploreArguments) -> Result<(ExploreArguments, Loaded), Diagnostic> {
    let mut arguments = arguments.clone();
    let loaded = load(&arguments.file, &arguments.scenario.overrides())?;
    let settle = arguments.options().terms.settle;
    let duration = loaded.scenario.duration.0;
    if duration > settle {
        return Ok((arguments, loaded));
    }
    let longer = Span(duration.saturating_add(settle));
    if let Some(until) = arguments.scenario.until {
        let settle = Span(settle);
        return Err(Diagnostic::error(format!(
            "`--until '{until}'` leaves no time for faults: each needs {settle} to heal"
        ))
        .help(format!("give `--until '{longer}'` or more, or a shorter `--settle`")));
    }
    arguments.scenario.until = Some(longer);
    let loaded = load(&arguments.file, &arguments.scenario.overrides())?;
    Ok((arguments, loaded))
}

pub(super) fn explore(arguments: &ExploreArguments, out: &mut impl Write) -> Result<Finished, Diagnostic> {
    let (arguments, loaded) = &with_time_to_heal(arguments)?;
    let pool = ThreadPoolBuilder::new()
        .num_threads(arguments.jobs.unwrap_or(0))
        .build()
        .map_err(|error| Diagnostic::error(format!("cannot start threads: {error}")))?;
    let watch = Stopwatch::start();
    let bar = Mutex::new(bar(arguments.quiet));
    let progress = |at: explore::search::Progress| {
        // A bar that another thread is moving need not be moved by this one.
        if let Ok(bar) = bar.try_lock() {
            bar.set_length(at.total);
            bar.set_position(at.done);
            bar.set_message(format!("{} broke a promise", at.violating));
        }
    };
    let options = arguments.options();
    let journal =
        arguments.journal.as_ref().map(|folder| Noted::open(folder, loaded, &options)).transpose()?;
    let report = pool.install(|| explore::explore(loaded, &options, journal.as_ref(), &progress))?;
    journal.map_or(Ok(()), Noted::finish)?;
    if let Ok(bar) = bar.lock() {
        bar.finish_and_clear();
    }
    let wall = watch.elapsed();
    let repeated = match &report.minimal {
        Some(found) => Some(repeat(loaded, found, arguments)?),
        None => None,
    };
    if let (Some(repeated), Some(folder)) = (&repeated, &arguments.out) {
        write(repeated, folder)?;
    }
    let text = match arguments.format {
        Format::Text => in_words(loaded, &report, wall, repeated.as_ref(), arguments),
        Format::Json => as_json(loaded, &report, wall, repeated.as_ref(), options.terms),
    };
    if !arguments.quiet || report.violating > 0 {
        // A reader that has gone is no failure of the exploration.
        let _ = out.write_all(text.as_bytes());
    }
    Ok(if report.violating == 0 { Finished::Held } else { Finished::Failed })
}

fn bar(quiet: bool) -> ProgressBar {
    let visible = !quiet && io::stderr().is_terminal();
    let target = if visible { ProgressDrawTarget::stderr_with_hz(5) } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(0), target);
    let template = "{bar:32} {pos} of {len} runs  {per_sec}  {msg}  {eta} left";
    bar.with_style(ProgressStyle::with_template(template).expect("a template that indicatif knows"))
}

/// A counterexample: as files, and as a command.
struct Repeated {
    scenario: String,
    chart: String,
    fingerprint: u128,
    command: String,
}

/// The scenario with the faults in it, read and run again from its own text.
fn repeat(loaded: &Loaded, found: &Found, arguments: &ExploreArguments) -> Result<Repeated, Diagnostic> {
    let mut sets = Vec::new();
    if !found.faults.is_empty() {
        sets.push(format!("faults={}", fault::list(loaded, &found.faults)));
    }
    if let Some(seed) = arguments.scenario.seed {
        sets.push(format!("seed={seed}"));
    }
    if let Some(until) = arguments.scenario.until {
        sets.push(format!("duration=\"{until}\""));
    }
    let library = Library::find(&loaded.file, arguments.scenario.profiles.as_deref())?;
    let command = command(loaded, found, arguments);
    let again = load_text(&loaded.file, &loaded.text, &Overrides { sets, ..Overrides::default() }, library)?;
    let listening = RecorderOptions { frames: true, packets: true };
    let run = RunOptions { run: arguments.run };
    let (outcome, recorder) = execute::recorded(&again, &run, listening, &mut |_| {})?;
    let options = chart::ChartOptions { segments: true, ..chart::ChartOptions::default() };
    let chart = chart::draw(&recorder, &outcome.nodes, &options);
    Ok(Repeated { scenario: again.text, chart, fingerprint: outcome.fingerprint, command })
}

/// The command that repeats the counterexample: with the scenario that is written, or with the one that was given.
fn command(loaded: &Loaded, found: &Found, arguments: &ExploreArguments) -> String {
    let mut words = vec!["mqtt-twin run".to_owned()];
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
    match &arguments.out {
        Some(folder) => words.push(folder.join("scenario.ron").display().to_string()),
        None => {
            words.push(loaded.file.display().to_string());
            words.extend(arguments.scenario.sets.iter().map(|set| format!("--set {}", quoted(set))));
            words.extend(arguments.scenario.seed.map(|seed| format!("--seed {seed}")));
            words.extend(arguments.scenario.until.map(|until| format!("--until '{until}'")));
            if !found.faults.is_empty() {
                let faults = format!("faults={}", fault::list(loaded, &found.faults));
                words.push(format!("--set {}", quoted(&faults)));
            }
        }
    }
    let profiles = arguments.scenario.profiles.as_ref();
    words.extend(profiles.map(|folder| format!("--profiles {}", folder.display())));
    words.extend((arguments.run > 0).then(|| format!("--run {}", arguments.run)));
    words.join(" ")
}

fn write(repeated: &Repeated, folder: &Path) -> Result<(), Diagnostic> {
    let wrong = |error: io::Error| {
        Diagnostic::error(format!("cannot write `{}`: {error}", folder.display()))
            .help("give another folder with --out")
    };
    fs::create_dir_all(folder).map_err(wrong)?;
    put(&folder.join("scenario.ron"), repeated.scenario.as_bytes()).map_err(wrong)?;
    put(&folder.join("chart.txt"), repeated.chart.as_bytes()).map_err(wrong)
}

fn in_words(
    loaded: &Loaded,
    report: &Report,
    wall: Duration,
    repeated: Option<&Repeated>,
    arguments: &ExploreArguments,
) -> String {
    let runs = 1 + report.singles + report.pairs;
    let seconds = wall.as_secs_f64().max(1e-9);
    let mut text = format!("{}: {} frames, {} single faults", loaded.name, report.frames, report.singles);
    if arguments.pairs {
        text += &format!(", {} of {} pairs", report.pairs, report.pairs_there_are);
    }
    let done = runs - report.noted;
    text += &format!("; {done} runs in {seconds:.2} s, {:.0} runs/s", done as f64 / seconds);
    text += &if report.noted > 0 { format!("; {} noted before\n", report.noted) } else { "\n".to_owned() };
    let Terms { settle, .. } = arguments.options().terms;
    let duration = loaded.scenario.duration.0;
    let (faulty, duration, settle) = (Span(duration.saturating_sub(settle)), Span(duration), Span(settle));
    text += &format!("faults in the first {faulty} of {duration}; {settle} to heal\n");
    let (Some(found), Some(repeated)) = (&report.minimal, repeated) else {
        let held = "every message came as promised\n";
        return text
            + if report.singles > 0 { held } else { "nothing was tried: no such fault fits in there\n" };
    };
    text += &format!("{} runs broke a promise; the first with the fewest faults:\n\n", report.violating);
    text += &format!("    {}\n", fault::words(loaded, &found.faults));
    for violation in &found.violations {
        text += &format!("    {violation}\n");
    }
    text += &format!("\n{}", repeated.chart);
    text += &format!("\nrepeat it: {}\n", repeated.command);
    text
}

fn as_json(
    loaded: &Loaded,
    report: &Report,
    wall: Duration,
    repeated: Option<&Repeated>,
    terms: Terms,
) -> String {
    let duration = loaded.scenario.duration.0;
    let minimal = report.minimal.as_ref().map(|found| {
        let written = |fault: &explore::Fault| fault.written(loaded);
        json!({
            "faults": found.faults.iter().map(written).collect::<Vec<_>>(),
            "violations": found.violations.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "chart": repeated.map(|repeated| &repeated.chart),
            "fingerprint": repeated.map(|repeated| format!("{:032x}", repeated.fingerprint)),
            "repeat": repeated.map(|repeated| &repeated.command),
        })
    });
    let object = json!({
        "scenario": loaded.name,
        "simulated_s": duration.as_secs_f64(),
        "faults_until_s": duration.saturating_sub(terms.settle).as_secs_f64(),
        "frames": report.frames,
        "singles": report.singles,
        "pairs": report.pairs,
        "pairs_there_are": report.pairs_there_are,
        "noted": report.noted,
        "violating": report.violating,
        "events": report.events,
        "minimal": minimal,
        "wall_s": wall.as_secs_f64(),
    });
    format!("{object:#}\n")
}

//! `run`: simulates a scenario, shows its summary, writes its results.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use models::record::Outcome;

use super::progress::Progress;
use super::{Finished, Format, Options, RunArguments, colourful};
use crate::capture::chart;
use crate::capture::pcapng::Capture;
use crate::capture::recorder::{Recorder, RecorderOptions};
use crate::execute::{self, RunOptions, Standing};
use crate::report;
use crate::results::folder::RunFiles;
use crate::results::manifest::{ContentHash, Manifest, Profile};
use crate::results::summary::{ExpectationResult, RunIdentity, Summary};
use crate::results::text::TextStyle;
use crate::scenario::named_files::to_json;
use crate::scenario::{Diagnostic, Loaded};
use crate::study::expected::load_to_run;

pub(super) fn run(arguments: &RunArguments, out: &mut impl Write) -> Result<Finished, Diagnostic> {
    if let Some(draws) = arguments.uncertainty {
        return super::uncertainty::intervals(arguments, draws, out);
    }
    let loaded = load_to_run(&arguments.file, &arguments.scenario.overrides())?;
    let options = &arguments.options;
    let folder = options.out.clone().unwrap_or_else(|| default_folder(&loaded, arguments));
    let Simulated { outcome, recorder, wall, checkpoints } = simulate(&loaded, options)?;
    let summary = summarise(&loaded, options, &outcome, wall);
    let until = arguments.scenario.until.map(|until| until.to_string());
    let manifest = Manifest { until, ..manifest(&loaded, &arguments.scenario.sets, &summary) };
    let drawn =
        options.chart.then(|| chart::draw(&recorder, &outcome.nodes, &chart::ChartOptions::default()));
    let picture = options.plot.then(|| picture(&loaded, &outcome, &recorder)).transpose()?;
    let capture = Capture {
        frames: recorder.frames(),
        too_long: recorder.too_long(),
        nodes: &outcome.nodes,
        scenario: &loaded.name,
    };
    let files = (!loaded.files.is_empty()).then(|| to_json(&loaded.files));
    RunFiles {
        summary: &summary,
        manifest: &manifest,
        outcome: &outcome,
        csv: options.csv,
        capture: options.pcap.then_some(capture),
        chart: drawn.as_deref(),
        picture: picture.as_deref(),
        scenario: Some(&loaded.text),
        files: files.as_deref(),
        checkpoints: &checkpoints,
        durable: true,
    }
    .write(&folder)
    .map_err(|error| Diagnostic::error(error.to_string()))?;
    if !options.quiet {
        // A reader that has gone is no failure of the run.
        let _ = match options.format {
            Format::Json => out.write_all(summary.to_json().as_bytes()),
            Format::Text => {
                let style = TextStyle { colour: colourful(io::stdout().is_terminal()) };
                writeln!(out, "{}\nresults in {}", summary.to_text(style), folder.display())
            }
        };
    }
    let held = summary.expectations.iter().all(|expectation| expectation.held);
    Ok(if held { Finished::Held } else { Finished::Failed })
}

/// A finished run, what was heard of it, and where it was from time to time.
struct Simulated {
    outcome: Outcome,
    recorder: Recorder,
    wall: Duration,
    checkpoints: Vec<Standing>,
}

/// Runs with as little listening as the files asked for need.
fn simulate(loaded: &Loaded, options: &Options) -> Result<Simulated, Diagnostic> {
    let listening = RecorderOptions { frames: options.pcap || options.plot, packets: options.chart };
    let mut progress = Progress::start(loaded.scenario.duration.0, options.quiet);
    let run = RunOptions { run: options.run };
    let mut checkpoints = Vec::new();
    let mut report = |at| {
        progress.show(at);
        checkpoints.push(at);
    };
    let (outcome, recorder) = if listening.frames || listening.packets {
        execute::recorded(loaded, &run, listening, &mut report)?
    } else {
        (execute::outcome(loaded, &run, &mut report)?, Recorder::new(listening))
    };
    Ok(Simulated { outcome, recorder, wall: progress.finish(), checkpoints })
}

fn picture(loaded: &Loaded, outcome: &Outcome, recorder: &Recorder) -> Result<String, Diagnostic> {
    let title = loaded.scenario.title.as_str();
    report::draw_svg(&report::Picture { title, outcome, frames: recorder.frames() })
        .map_err(|error| Diagnostic::error(format!("the picture cannot be drawn: {error}")))
}

pub(super) fn summarise(loaded: &Loaded, options: &Options, outcome: &Outcome, wall: Duration) -> Summary {
    let identity = RunIdentity {
        scenario: loaded.name.clone(),
        title: loaded.scenario.title.clone(),
        seed: loaded.scenario.seed,
        run: options.run,
    };
    let mut summary = Summary::of(outcome, &identity, wall, Vec::new());
    summary.expectations = loaded
        .expectations
        .iter()
        .map(|expectation| {
            let verdict = expectation.evaluate(|path| summary.figure(path));
            ExpectationResult { check: verdict.check, held: verdict.held, value: verdict.value }
        })
        .collect();
    summary
}

pub(super) fn manifest(loaded: &Loaded, sets: &[String], summary: &Summary) -> Manifest {
    let profiles = loaded.profiles.iter();
    let profiles = profiles.map(|used| Profile { name: used.name.clone(), hash: ContentHash(used.hash) });
    let file = loaded.file.display().to_string();
    Manifest::of(summary, &file, loaded.text.as_bytes(), profiles.collect(), sets.to_vec())
}

/// `results/SCENARIO/POINT/RUN`, where the point says what differs from the file.
fn default_folder(loaded: &Loaded, arguments: &RunArguments) -> PathBuf {
    let scenario = &arguments.scenario;
    let mut differences: Vec<String> = scenario.sets.clone();
    differences.extend(scenario.seed.map(|seed| format!("seed={seed}")));
    differences.extend(scenario.until.map(|until| format!("until={until}")));
    let point = if differences.is_empty() { "base".to_owned() } else { point_name(&differences) };
    PathBuf::from("results").join(&loaded.name).join(point).join(arguments.options.run.to_string())
}

/// A folder name for some differences: themselves where they are short and plain, else with what a
/// path cannot hold replaced and a hash behind it.
fn point_name(differences: &[String]) -> String {
    let joined = differences.join(",");
    let plain: String = joined
        .chars()
        .map(|c| if c.is_alphanumeric() || matches!(c, '=' | '.' | ',' | '-' | '_') { c } else { '-' })
        .take(80)
        .collect();
    // A name must not begin with a dot: it would be hidden, or mean another folder.
    if plain == joined && !plain.starts_with('.') {
        return plain;
    }
    let hash = ContentHash::of(joined.as_bytes()).0;
    format!("{}-{:08x}", plain.trim_start_matches('.'), hash as u32)
}

//! `sweep`: runs every point of a scenario's sweep, and writes its tables.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::progress::SweepProgress;
use super::study::{SweepArguments, SweepOptions};
use super::{Finished, Format};
use crate::scenario::Diagnostic;
use crate::scenario::schema::sweep::Precision;
use crate::study::journal::Journal;
use crate::study::manifest::{FILE, Manifest};
use crate::study::points::{Choice, Plan, known_figure, plan};
use crate::study::runner;
use crate::study::tables::{self, Also};

pub(super) fn sweep(arguments: &SweepArguments, out: &mut impl Write) -> Result<Finished, Diagnostic> {
    let options = &arguments.options;
    let choice = Choice {
        selection: arguments.selection.clone(),
        runs: options.runs,
        independent: options.independent,
    };
    let mut plan = plan(&arguments.file, &arguments.scenario.overrides(), &choice)?;
    precision(&mut plan, options)?;
    let mut manifest = Manifest::of(&plan, &arguments.scenario.sets, options.shard);
    let folder = options.out.clone().unwrap_or_else(|| default_folder(&manifest));
    check_folder(&folder)?;
    let wrong = |error: std::io::Error| {
        Diagnostic::error(format!("cannot write `{}`: {error}", folder.display()))
            .help("give another folder with --out")
    };
    let mut journal = Journal::open(&folder.join("journal"), &plan.columns).map_err(wrong)?;
    if options.fresh {
        journal.clear().map_err(wrong)?;
    }
    let others = journal.other_versions();
    if !others.is_empty() && !options.mix_versions {
        return Err(Diagnostic::error(format!(
            "`{}` holds runs of another version of this program: {}",
            folder.display(),
            others.join(", ")
        ))
        .help("--fresh runs them again, --mix-versions keeps them, --out takes another folder"));
    }
    let mut progress = SweepProgress::start(options.quiet);
    let jobs = options.jobs.unwrap_or_else(cores);
    let done = runner::run(&plan, &mut manifest, &mut journal, jobs, &mut |at| progress.show(at))?;
    let wall = progress.finish();
    let short_of = runner::short_of_precision(&manifest, &journal)?;
    manifest.other_versions = others;
    let held = finish(&folder, &plan, &manifest, &mut journal, Also { csv: options.csv })?;
    if !options.quiet {
        let told = Told { folder: &folder, manifest: &manifest, done, wall, held, short_of };
        // A reader that has gone is no failure of the sweep.
        let _ = told.tell(options.format, out);
    }
    Ok(if held.0 == held.1 { Finished::Held } else { Finished::Failed })
}

/// Writes the tables, or for a share what `merge` needs; counts the runs whose expectations held.
fn finish(
    folder: &Path,
    plan: &Plan,
    manifest: &Manifest,
    journal: &mut Journal,
    also: Also,
) -> Result<(u64, u64), Diagnostic> {
    let wrong = |error: std::io::Error| {
        Diagnostic::error(format!("cannot write `{}`: {error}", folder.display()))
            .help("check the disk, or give another folder with --out")
    };
    let files = plan.files();
    let scenario = tables::Scenario { text: &plan.base.text, files: &files };
    if manifest.shard.is_some() {
        scenario.write(folder).map_err(wrong)?;
        tables::replace(folder, FILE, |to| to.write_all(manifest.to_json().as_bytes())).map_err(wrong)?;
    } else {
        tables::write(folder, manifest, journal, scenario, also)?;
    }
    let (mut held, mut runs) = (0, 0);
    for (point, run) in manifest.rows() {
        if let Some(row) = journal.row(point.key(), run).map_err(wrong)? {
            runs += 1;
            held += u64::from(row.held);
        }
    }
    Ok((held, runs))
}

/// `--precision` goes before what the scenario asks for.
fn precision(plan: &mut Plan, options: &SweepOptions) -> Result<(), Diagnostic> {
    if let Some(half_width) = options.precision {
        if let Some(of) = &options.of {
            known_figure(of, &plan.columns)?;
        }
        plan.sweep.precision = Some(Precision { of: options.of.clone(), half_width, most: options.most });
    }
    if options.shard.is_some() && plan.sweep.precision.is_some() {
        return Err(Diagnostic::error(
            "a share of a sweep cannot add replications until a precision is reached",
        )
        .help("the other shares decide it as well: remove `precision` with --set, or run without --shard"));
    }
    Ok(())
}

fn default_folder(manifest: &Manifest) -> PathBuf {
    let name = match manifest.shard {
        Some(shard) => format!("sweep-{}-of-{}", shard.part, shard.of),
        None => "sweep".to_owned(),
    };
    PathBuf::from("results").join(&manifest.scenario).join(name)
}

/// A folder that holds something else is left alone.
fn check_folder(folder: &Path) -> Result<(), Diagnostic> {
    let Ok(mut entries) = fs::read_dir(folder) else { return Ok(()) };
    let empty = entries.next().is_none();
    if empty || folder.join("journal").is_dir() {
        return Ok(());
    }
    Err(Diagnostic::error(format!("`{}` holds something that no sweep wrote", folder.display()))
        .help("give another folder with --out"))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// What the user is told at the end.
struct Told<'a> {
    folder: &'a Path,
    manifest: &'a Manifest,
    done: u64,
    wall: Duration,
    held: (u64, u64),
    /// Points whose interval is still wider than asked for.
    short_of: Vec<String>,
}

impl Told<'_> {
    fn tell(&self, format: Format, out: &mut impl Write) -> std::io::Result<()> {
        let (points, runs) = (self.manifest.points.len(), self.manifest.rows().count() as u64);
        let wall = self.wall.as_secs_f64();
        let (held, of) = self.held;
        match format {
            Format::Json => {
                let told = json!({
                    "folder": self.folder.display().to_string(),
                    "points": points,
                    "runs": runs,
                    "runs_done_now": self.done,
                    "expectations_held": held,
                    "points_short_of_precision": self.short_of,
                    "wall_s": wall,
                });
                writeln!(out, "{told:#}")
            }
            Format::Text => {
                writeln!(out, "{}\n{}", self.manifest.title, self.manifest.question)?;
                let there = runs.min(of) - self.done.min(of);
                let rate = self.done as f64 / wall.max(1e-9);
                writeln!(
                    out,
                    "{points} points, {runs} runs: {} run now in {wall:.1} s ({rate:.1} runs/s), {there} were there",
                    self.done
                )?;
                if let Some(precision) = &self.manifest.precision {
                    let (share, of) = (100.0 * precision.half_width, &precision.of);
                    let within = points - self.short_of.len();
                    writeln!(out, "{of}: within {share} % at {within} of {points} points")?;
                    if let Some(point) = self.short_of.first() {
                        let most = precision.most;
                        writeln!(out, "not with {most} runs at {point}; --most allows more")?;
                    }
                }
                if held < of {
                    writeln!(out, "expectations failed in {} of {of} runs", of - held)?;
                }
                writeln!(out, "results in {}", self.folder.display())
            }
        }
    }
}

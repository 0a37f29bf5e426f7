//! Runs what is missing, in parallel across points and runs, and appends every finished run to the
//! journal.
//!
//! A worker assembles a point once and then runs it again and again; it never touches a file: rows go
//! to one thread that appends them. The first run of a point tells how many events its others have;
//! points with the longest runs come first, so that no long run is left alone at the end. What is
//! run in which order on which thread makes no difference to any row.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use models::cause::Cause;
use models::record::Outcome;

use super::journal::{Journal, Row};
use super::manifest::Manifest;
use super::points::{ABOVE_IDLE, Plan, Point};
use super::replications::Description;
use crate::execute::Prepared;
use crate::results::summary::{RunIdentity, Summary};
use crate::scenario::Diagnostic;

/// Rows that may wait for the writing thread.
const WAITING: usize = 256;

/// How far a sweep is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Runs done by this call.
    pub done: u64,
    /// Runs that this call has to do, as far as is known.
    pub total: u64,
    /// Events executed by this call.
    pub events: u64,
}

/// A run that is missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Task {
    point: usize,
    run: u64,
}

/// Runs all that `manifest` asks for and the journal has not. Where a precision is asked for, the
/// numbers of runs in `manifest` are raised until it is reached.
///
/// Returns the number of runs done.
///
/// # Errors
/// When a file cannot be written, or a run cannot be made.
pub fn run(
    plan: &Plan,
    manifest: &mut Manifest,
    journal: &mut Journal,
    jobs: usize,
    report: &mut dyn FnMut(Progress),
) -> Result<u64, Diagnostic> {
    let mut progress = Progress { done: 0, total: 0, events: 0 };
    loop {
        let missing = missing(manifest, journal);
        progress.total = progress.done + missing.len() as u64;
        let (first, others) = firsts(&missing, manifest, journal);
        for mut wave in [first, others] {
            sort_longest_first(&mut wave, plan, journal)?;
            execute(plan, journal, jobs, &wave, &mut progress, report)?;
        }
        if !raise(manifest, journal)? {
            return Ok(progress.done);
        }
    }
}

fn missing(manifest: &Manifest, journal: &Journal) -> Vec<Task> {
    let mut missing = Vec::new();
    let mut number = 0;
    for (place, point) in manifest.points.iter().enumerate() {
        let key = point.key();
        for run in 0..point.runs {
            let ours = manifest.shard.is_none_or(|shard| shard.has(number));
            if ours && !journal.has(key, run) {
                missing.push(Task { point: place, run });
            }
            number += 1;
        }
    }
    missing
}

/// The first run of every point of which nothing is known, and the others.
fn firsts(missing: &[Task], manifest: &Manifest, journal: &Journal) -> (Vec<Task>, Vec<Task>) {
    let mut known = vec![false; manifest.points.len()];
    for (known, point) in known.iter_mut().zip(&manifest.points) {
        let key = point.key();
        *known = (0..point.runs).any(|run| journal.has(key, run));
    }
    missing.iter().partition(|task| !std::mem::replace(&mut known[task.point], true))
}

/// By the events of a run of the point that is there, else by hosts and simulated time; the runs of a
/// point stay together.
fn sort_longest_first(tasks: &mut [Task], plan: &Plan, journal: &Journal) -> Result<(), Diagnostic> {
    let mut length = vec![None; plan.points.len()];
    for task in tasks.iter() {
        let point = &plan.points[task.point];
        if length[task.point].is_none() {
            let known = (0..plan.sweep.runs).find(|run| journal.has(point.key, *run));
            let events = match known {
                Some(run) => journal.row(point.key, run).map_err(told)?.map(|row| row.events),
                None => None,
            };
            length[task.point] = Some(events.unwrap_or_else(|| guess(point)));
        }
    }
    tasks.sort_by_key(|task| (std::cmp::Reverse(length[task.point]), task.point, task.run));
    Ok(())
}

fn guess(point: &Point) -> u64 {
    let seconds = point.loaded.scenario.duration.get().as_secs() + 1;
    point.loaded.host_count().saturating_mul(seconds)
}

/// What the workers share.
struct Shared<'a> {
    plan: &'a Plan,
    tasks: &'a [Task],
    next: AtomicUsize,
    failed: AtomicBool,
}

fn execute(
    plan: &Plan,
    journal: &mut Journal,
    jobs: usize,
    tasks: &[Task],
    progress: &mut Progress,
    report: &mut dyn FnMut(Progress),
) -> Result<(), Diagnostic> {
    if tasks.is_empty() {
        return Ok(());
    }
    let shared = Shared { plan, tasks, next: AtomicUsize::new(0), failed: AtomicBool::new(false) };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(jobs.max(1))
        .build()
        .map_err(|error| Diagnostic::error(format!("cannot start {jobs} threads: {error}")))?;
    let mut writer = journal.begin().map_err(told)?;
    let (rows, finished) = sync_channel::<Result<Row, Diagnostic>>(WAITING);
    let written = std::thread::scope(|scope| {
        let (shared, pool) = (&shared, &pool);
        scope.spawn(move || {
            pool.broadcast(|_| work(shared, &rows));
        });
        for row in finished {
            let row = match row.and_then(|row| writer.append(&row).map_err(told).map(|()| row)) {
                Ok(row) => row,
                Err(diagnostic) => {
                    // The workers stop at their next row; the receiver is gone by then.
                    shared.failed.store(true, Ordering::Relaxed);
                    return Err(diagnostic);
                }
            };
            progress.done += 1;
            progress.events += row.events;
            report(*progress);
        }
        Ok(())
    });
    written?;
    journal.take_in(writer).map_err(told)
}

/// One worker: takes the next task until none is left.
fn work(shared: &Shared<'_>, rows: &SyncSender<Result<Row, Diagnostic>>) {
    let mut at: Option<(usize, Prepared)> = None;
    while !shared.failed.load(Ordering::Relaxed) {
        let Some(task) = shared.tasks.get(shared.next.fetch_add(1, Ordering::Relaxed)) else { return };
        let point = &shared.plan.points[task.point];
        // The point before is given up before this one is assembled.
        at = at.take().filter(|(place, _)| *place == task.point);
        let (_, prepared) = at.get_or_insert_with(|| (task.point, Prepared::of(&point.loaded)));
        let row = one_run(prepared, point, &shared.plan.columns, task.run);
        if rows.send(row).is_err() {
            return;
        }
    }
}

fn one_run(prepared: &Prepared, point: &Point, columns: &[String], run: u64) -> Result<Row, Diagnostic> {
    let outcome = prepared.outcome(point.seed, run)?;
    let loaded = &point.loaded;
    let identity = RunIdentity {
        scenario: loaded.name.clone(),
        title: loaded.scenario.title.clone(),
        seed: point.seed,
        run,
    };
    let summary = Summary::of(&outcome, &identity, Duration::ZERO, Vec::new());
    let held =
        loaded.expectations.iter().all(|expectation| expectation.evaluate(|path| summary.figure(path)).held);
    let value = |column: &String| {
        derived(column, &outcome, &summary).or_else(|| summary.figure(column)).unwrap_or(f64::NAN)
    };
    Ok(Row {
        key: point.key,
        run,
        fingerprint: outcome.fingerprint,
        events: outcome.events,
        held,
        values: columns.iter().map(value).collect(),
    })
}

/// The figures that a sweep adds: see [`DERIVED`](super::points::DERIVED) and [`ABOVE_IDLE`].
fn derived(column: &str, outcome: &Outcome, summary: &Summary) -> Option<f64> {
    let energy = |idle: bool, group: Option<&str>| {
        let nodes = outcome.nodes.iter().filter(|node| group.is_none_or(|group| *node.group == *group));
        let all = nodes.flat_map(|node| &node.energy_fj).filter(|(cause, _)| idle || *cause != Cause::Idle);
        all.map(|(_, fj)| fj).sum::<u128>() as f64 / 1e15
    };
    match column {
        "delivery" => {
            let (delivered, lost) = (summary.messages.delivered as f64, summary.messages.lost as f64);
            Some(if delivered + lost > 0.0 { delivered / (delivered + lost) } else { f64::NAN })
        }
        "energy_j" => Some(energy(true, None)),
        "energy_above_idle_j" => Some(energy(false, None)),
        _ => {
            let group = column.strip_prefix("nodes.")?.strip_suffix(ABOVE_IDLE)?.strip_suffix('.')?;
            let members = outcome.nodes.iter().filter(|node| *node.group == *group).count();
            Some(energy(false, Some(group)) / members.max(1) as f64)
        }
    }
}

/// Adds replications to points that are not known well enough; whether there are any. Depends on
/// finished runs only, so the same runs are added at any number of jobs.
fn raise(manifest: &mut Manifest, journal: &Journal) -> Result<bool, Diagnostic> {
    let Some(precision) = manifest.precision.clone() else { return Ok(false) };
    let Some(column) = manifest.columns.iter().position(|column| *column == precision.of) else {
        return Ok(false);
    };
    let mut raised = false;
    for point in &mut manifest.points {
        let of = described(point, journal, column)?;
        if of.is_none_or(|of| of.relative() <= precision.half_width) || point.runs >= precision.most {
            continue;
        }
        // At most twice as many at a time: the first few replications say little about the spread.
        let wanted = of.map_or(0, |of| of.runs_for(precision.half_width));
        let next = wanted.clamp(point.runs + 1, (2 * point.runs).max(point.runs + 2));
        point.runs = next.min(precision.most);
        raised = true;
    }
    Ok(raised)
}

/// What the finished runs of a point say about a figure.
fn described(
    point: &super::manifest::Point,
    journal: &Journal,
    column: usize,
) -> Result<Option<Description>, Diagnostic> {
    let mut values = Vec::new();
    for run in 0..point.runs {
        values.extend(journal.row(point.key(), run).map_err(told)?.map(|row| row.values[column]));
    }
    Ok(Description::of(&values))
}

/// The points that are not known as well as asked for, with all the runs that were allowed.
///
/// # Errors
/// When the journal cannot be read.
pub fn short_of_precision(manifest: &Manifest, journal: &Journal) -> Result<Vec<String>, Diagnostic> {
    let Some(precision) = &manifest.precision else { return Ok(Vec::new()) };
    let Some(column) = manifest.columns.iter().position(|column| *column == precision.of) else {
        return Ok(Vec::new());
    };
    let mut short = Vec::new();
    for point in &manifest.points {
        let of = described(point, journal, column)?;
        if of.is_some_and(|of| of.relative() > precision.half_width) {
            short.push(point.label.clone());
        }
    }
    Ok(short)
}

pub(super) fn told(error: io::Error) -> Diagnostic {
    Diagnostic::error(format!("the results of the sweep: {error}"))
        .help("check the disk and the folder, or give another folder with --out")
}

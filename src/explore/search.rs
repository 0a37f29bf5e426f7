//! All single faults of a scenario, and all pairs, in parallel.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use models::network::{FrameFault, Mishap};
use models::record::Outcome;
use rayon::prelude::*;
use sim_core::time::SimTime;

use super::contract::{Contract, Terms, Violation};
use super::fault::{Fault, Spans};
use crate::capture::recorder::RecorderOptions;
use crate::execute::{self, RunOptions};
use crate::scenario::load::{End, PlannedLink};
use crate::scenario::{Diagnostic, Loaded};

/// Which faults are tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kinds {
    /// A frame is lost, comes late, or comes twice.
    pub frames: bool,
    /// A link is cut.
    pub cuts: bool,
    /// A client or a broker is killed.
    pub crashes: bool,
}

impl Default for Kinds {
    fn default() -> Self {
        Kinds { frames: true, cuts: true, crashes: true }
    }
}

/// What is explored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Which faults.
    pub kinds: Kinds,
    /// How long they last.
    pub spans: Spans,
    /// Pairs as well: all of them, or so many, evenly spread.
    pub pairs: Option<u64>,
    /// What the contract leaves to the user.
    pub terms: Terms,
    /// Number of the replication.
    pub run: u64,
}

/// A run that broke a promise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// The faults that were put into it; none if the scenario breaks its promises by itself.
    pub faults: Vec<Fault>,
    /// What it broke.
    pub violations: Vec<Violation>,
}

/// What an exploration found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Frames of the run without faults.
    pub frames: u64,
    /// Runs with one fault.
    pub singles: u64,
    /// Pairs there are; 0 if they were not asked for.
    pub pairs_there_are: u64,
    /// Runs with two faults.
    pub pairs: u64,
    /// Runs that broke a promise.
    pub violating: u64,
    /// Events of all runs.
    pub events: u64,
    /// The first of those with the fewest faults.
    pub minimal: Option<Found>,
}

/// How far an exploration is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Runs done.
    pub done: u64,
    /// Runs to be done, as far as is known.
    pub total: u64,
    /// Runs that broke a promise.
    pub violating: u64,
}

/// Explores `loaded`.
///
/// A pair is only tried if its first fault alone breaks nothing: what it would show is known already.
///
/// # Errors
/// When a host cannot reach its broker.
pub fn explore(
    loaded: &Loaded,
    options: &Options,
    report: &(dyn Fn(Progress) + Sync),
) -> Result<Report, Diagnostic> {
    let (outcome, leaving) = watched(loaded, options.run)?;
    let mut found = Report { frames: leaving.len() as u64, events: outcome.events, ..Report::default() };
    let search = Search {
        loaded,
        options,
        contract: Contract::of(loaded, &outcome, options.terms),
        done: AtomicU64::new(0),
        events: AtomicU64::new(0),
        violating: AtomicU64::new(0),
        first: Mutex::new(None),
    };
    let violations = search.contract.judge(loaded, &outcome);
    if !violations.is_empty() {
        found.violating = 1;
        found.minimal = Some(Found { faults: Vec::new(), violations });
        return Ok(found);
    }
    let singles = faults(loaded, options, &leaving);
    found.singles = singles.len() as u64;
    let followed = search.singles(&singles, report)?;
    if options.pairs.is_some() {
        found.pairs_there_are = followed.iter().map(|seconds| seconds.len() as u64).sum();
        found.pairs = search.pairs(&singles, &followed, found.pairs_there_are, report)?;
    }
    found.violating = search.violating.into_inner();
    found.events += search.events.into_inner();
    let first = search.first.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.minimal = first.map(|(_, found)| found);
    Ok(found)
}

/// A run, and when its frames left their hosts.
fn watched(loaded: &Loaded, run: u64) -> Result<(Outcome, Vec<SimTime>), Diagnostic> {
    let listening = RecorderOptions { frames: true, packets: false };
    let (outcome, recorder) = execute::recorded(loaded, &RunOptions { run }, listening, &mut |_| {})?;
    Ok((outcome, recorder.frames().iter().map(|captured| captured.frame.at).collect()))
}

/// All faults of a run whose frames left at these instants.
fn faults(loaded: &Loaded, options: &Options, leaving: &[SimTime]) -> Vec<Fault> {
    let Spans { delay, cut, down } = options.spans;
    let mut faults = Vec::new();
    if options.kinds.frames {
        for serial in 0..leaving.len() as u64 {
            for what in [Mishap::Drop, Mishap::Delay(delay), Mishap::Duplicate] {
                faults.push(Fault::Frame(FrameFault { serial, what }));
            }
        }
    }
    let mut instants = leaving.to_vec();
    instants.sort_unstable();
    instants.dedup();
    if options.kinds.cuts {
        for (link, planned) in loaded.links.iter().enumerate() {
            for member in 0..members(loaded, planned) {
                faults.extend(instants.iter().map(|&at| Fault::Cut { link, member, at, span: cut }));
            }
        }
    }
    if options.kinds.crashes {
        for (group, host) in loaded.groups.iter().enumerate() {
            for member in 0..host.count {
                faults.extend(instants.iter().map(|&at| Fault::Crash { group, member, at, span: down }));
            }
        }
    }
    faults.retain(|fault| fault.fits(loaded));
    faults
}

fn members(loaded: &Loaded, link: &PlannedLink) -> u32 {
    match link.from {
        End::Group(group) => loaded.groups[group].count,
        End::Forwarding(_) => 1,
    }
}

/// Number of faults, and the places of the first and the second.
type Order = (usize, usize, usize);

struct Search<'a> {
    loaded: &'a Loaded,
    options: &'a Options,
    contract: Contract,
    done: AtomicU64,
    events: AtomicU64,
    violating: AtomicU64,
    /// The first violation in the order of the faults, however the threads took turns.
    first: Mutex<Option<(Order, Found)>>,
}

impl Search<'_> {
    /// Runs every single fault; returns for each the faults that may follow it, if pairs are wanted.
    fn singles(
        &self,
        singles: &[Fault],
        report: &(dyn Fn(Progress) + Sync),
    ) -> Result<Vec<Vec<Fault>>, Diagnostic> {
        let total = singles.len() as u64;
        singles
            .par_iter()
            .enumerate()
            .map(|(place, fault)| {
                let mut loaded = self.loaded.clone();
                fault.put(&mut loaded);
                let (outcome, leaving) = if self.options.pairs.is_some() {
                    watched(&loaded, self.options.run)?
                } else {
                    (self.run(&loaded)?, Vec::new())
                };
                let kept = self.judge(&loaded, &outcome, (1, place, 0), &[*fault]);
                self.told(total, report);
                let mut seconds = Vec::new();
                if kept && self.options.pairs.is_some() {
                    seconds = faults(&loaded, self.options, &leaving);
                    seconds.retain(|second| second.follows(fault));
                }
                Ok(seconds)
            })
            .collect()
    }

    /// Runs the pairs, or as many as are wanted; returns how many.
    fn pairs(
        &self,
        singles: &[Fault],
        followed: &[Vec<Fault>],
        there_are: u64,
        report: &(dyn Fn(Progress) + Sync),
    ) -> Result<u64, Diagnostic> {
        let stride = there_are.div_ceil(self.options.pairs.unwrap_or(u64::MAX).max(1)).max(1);
        let mut before = 0;
        let numbered: Vec<u64> = followed
            .iter()
            .map(|seconds| {
                let first = before;
                before += seconds.len() as u64;
                first
            })
            .collect();
        let total = singles.len() as u64 + there_are.div_ceil(stride);
        singles
            .par_iter()
            .enumerate()
            .map(|(place, first)| {
                let mut loaded = self.loaded.clone();
                first.put(&mut loaded);
                let mut runs = 0;
                for (number, second) in followed[place].iter().enumerate() {
                    if !(numbered[place] + number as u64).is_multiple_of(stride) {
                        continue;
                    }
                    let mut loaded = loaded.clone();
                    second.put(&mut loaded);
                    let outcome = self.run(&loaded)?;
                    self.judge(&loaded, &outcome, (2, place, number), &[*first, *second]);
                    self.told(total, report);
                    runs += 1;
                }
                Ok(runs)
            })
            .sum()
    }

    fn run(&self, loaded: &Loaded) -> Result<Outcome, Diagnostic> {
        execute::outcome(loaded, &RunOptions { run: self.options.run }, &mut |_| {})
    }

    /// Whether the run kept its promises; if not, it is noted.
    fn judge(&self, loaded: &Loaded, outcome: &Outcome, order: Order, faults: &[Fault]) -> bool {
        self.events.fetch_add(outcome.events, Ordering::Relaxed);
        let violations = self.contract.judge(loaded, outcome);
        if violations.is_empty() {
            return true;
        }
        self.violating.fetch_add(1, Ordering::Relaxed);
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if first.as_ref().is_none_or(|(known, _)| order < *known) {
            *first = Some((order, Found { faults: faults.to_vec(), violations }));
        }
        false
    }

    fn told(&self, total: u64, report: &(dyn Fn(Progress) + Sync)) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        report(Progress { done, total, violating: self.violating.load(Ordering::Relaxed) });
    }
}

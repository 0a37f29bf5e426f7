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
use super::heard::Heard;
use super::noted::Noted;
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
    /// Of all runs, those that an earlier exploration had noted.
    pub noted: u64,
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
    journal: Option<&Noted>,
    report: &(dyn Fn(Progress) + Sync),
) -> Result<Report, Diagnostic> {
    // Each run gets a copy with its faults in it; what only a reader needs is left out.
    let loaded = &Loaded { figures: Vec::new(), profiles: Vec::new(), text: String::new(), ..loaded.clone() };
    let (outcome, heard) = watched(loaded, options.run, true)?;
    let leaving = &heard.leaving;
    let mut found = Report { frames: leaving.len() as u64, events: outcome.events, ..Report::default() };
    let search = Search {
        loaded,
        options,
        journal,
        noted: AtomicU64::new(0),
        contract: Contract::of(loaded, &outcome, options.terms),
        done: AtomicU64::new(0),
        events: AtomicU64::new(0),
        violating: AtomicU64::new(0),
        first: Mutex::new(None),
    };
    let violations = search.contract.judge_all(loaded, &outcome, &heard);
    if !violations.is_empty() {
        found.violating = 1;
        found.minimal = Some(Found { faults: Vec::new(), violations });
        return Ok(found);
    }
    let singles = faults(loaded, options, leaving);
    found.singles = singles.len() as u64;
    let followed = search.singles(&singles, report)?;
    if options.pairs.is_some() {
        found.pairs_there_are = followed.iter().map(|seconds| seconds.len() as u64).sum();
        found.pairs = search.pairs(&singles, &followed, found.pairs_there_are, report)?;
    }
    found.violating = search.violating.into_inner();
    found.noted = search.noted.into_inner();
    found.events += search.events.into_inner();
    let first = search.first.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.minimal = first.map(|(_, found)| found);
    Ok(found)
}

/// A run, and what was heard in it: when its frames left their hosts, and, if `packets`, what was said.
fn watched(loaded: &Loaded, run: u64, packets: bool) -> Result<(Outcome, Heard), Diagnostic> {
    execute::listened(loaded, &RunOptions { run }, Heard::new(packets))
}

/// All faults of a run whose frames left at these instants.
fn faults(loaded: &Loaded, options: &Options, leaving: &[SimTime]) -> Vec<Fault> {
    let Spans { delay, cut, down } = options.spans;
    let mut faults = Vec::new();
    let end = loaded.scenario.duration.0.saturating_sub(options.terms.settle);
    let heals = |at: SimTime| at <= SimTime::ZERO + end;
    if options.kinds.frames {
        for (serial, _) in leaving.iter().enumerate().filter(|(_, at)| heals(**at)) {
            let serial = serial as u64;
            for what in [Mishap::Drop, Mishap::Delay(delay), Mishap::Duplicate] {
                faults.push(Fault::Frame(FrameFault { serial, what }));
            }
        }
    }
    let mut instants: Vec<SimTime> = leaving.iter().copied().filter(|at| heals(*at)).collect();
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
pub(super) type Order = (usize, usize, usize);

struct Search<'a> {
    loaded: &'a Loaded,
    options: &'a Options,
    journal: Option<&'a Noted>,
    noted: AtomicU64,
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
                // Which faults may follow it, only the run itself can tell.
                if self.options.pairs.is_none() && self.known((1, place, 0)) {
                    self.told(total, report);
                    return Ok(Vec::new());
                }
                let mut loaded = self.loaded.clone();
                fault.put(&mut loaded);
                let (outcome, heard) = self.run(&loaded, self.options.pairs.is_some())?;
                let kept = self.judge(&loaded, &outcome, &heard, (1, place, 0), &[*fault]);
                self.told(total, report);
                let mut seconds = Vec::new();
                if kept && self.options.pairs.is_some() {
                    seconds = faults(&loaded, self.options, &heard.leaving);
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
                    runs += 1;
                    if self.known((2, place, number)) {
                        self.told(total, report);
                        continue;
                    }
                    let mut loaded = loaded.clone();
                    second.put(&mut loaded);
                    let (outcome, heard) = self.run(&loaded, false)?;
                    self.judge(&loaded, &outcome, &heard, (2, place, number), &[*first, *second]);
                    self.told(total, report);
                }
                Ok(runs)
            })
            .sum()
    }

    /// Whether a run is noted, and kept its promises.
    fn known(&self, order: Order) -> bool {
        let events = self.journal.and_then(|journal| journal.held(order));
        if let Some(events) = events {
            self.events.fetch_add(events, Ordering::Relaxed);
            self.noted.fetch_add(1, Ordering::Relaxed);
        }
        events.is_some()
    }

    /// A run, listened to if its frames are wanted or the contract needs it.
    fn run(&self, loaded: &Loaded, frames: bool) -> Result<(Outcome, Heard), Diagnostic> {
        let packets = self.contract.listens();
        if frames || packets {
            return watched(loaded, self.options.run, packets);
        }
        let outcome = execute::outcome(loaded, &RunOptions { run: self.options.run }, &mut |_| {})?;
        Ok((outcome, Heard::default()))
    }

    /// Whether the run kept its promises; if not, it is noted.
    fn judge(
        &self,
        loaded: &Loaded,
        outcome: &Outcome,
        heard: &Heard,
        order: Order,
        faults: &[Fault],
    ) -> bool {
        self.events.fetch_add(outcome.events, Ordering::Relaxed);
        let violations = self.contract.judge_all(loaded, outcome, heard);
        if let Some(journal) = self.journal {
            journal.note(order, outcome, violations.is_empty());
        }
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

//! Many runs, in parallel.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use sim_core::fingerprint::Fingerprint;
use sim_core::time::SimTime;

use super::check::{Failure, check};
use super::draw;
use crate::scenario::profiles::Library;

/// One run in so many is done twice.
const AGAIN: u64 = 16;

/// Runs that a thread takes at a time.
const SHARE: u64 = 256;

/// What is run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// Seed of all scenarios.
    pub seed: u64,
    /// Number of the first.
    pub first: u64,
    /// How many.
    pub runs: u64,
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Runs done.
    pub runs: u64,
    /// Of these, done twice.
    pub twice: u64,
    /// Events of all runs.
    pub events: u64,
    /// Hash of all fingerprints, in the order of the runs.
    pub fingerprints: u128,
    /// The number of runs that failed, and the first of them, for each kind of failure.
    pub failures: BTreeMap<String, (u64, u64, Failure)>,
}

impl Report {
    /// Number of runs that failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failures.values().map(|(times, _, _)| times).sum()
    }

    /// The first run that failed, and how.
    #[must_use]
    pub fn first(&self) -> Option<(u64, &Failure)> {
        self.failures
            .values()
            .map(|(_, number, failure)| (*number, failure))
            .min_by_key(|(number, _)| *number)
    }
}

/// Runs the swarm; `report` is told the number of runs done and of those that failed.
pub fn swarm(options: &Options, library: &Library, report: &(dyn Fn(u64, u64) + Sync)) -> Report {
    let (done, failed) = (AtomicU64::new(0), AtomicU64::new(0));
    let failures: Mutex<BTreeMap<String, (u64, u64, Failure)>> = Mutex::new(BTreeMap::new());
    let mut found = Report { runs: options.runs, ..Report::default() };
    let mut all = Fingerprint::new();
    let mut next = options.first;
    let end = options.first + options.runs;
    while next < end {
        let until = (next + SHARE * rayon::current_num_threads() as u64).min(end);
        let verdicts: Vec<(u64, u128)> = (next..until)
            .into_par_iter()
            .map(|number| {
                let plan = draw::plan(options.seed, number);
                let verdict = check(&plan, library, number.is_multiple_of(AGAIN));
                if let Some(failure) = verdict.failure {
                    failed.fetch_add(1, Ordering::Relaxed);
                    let mut known = failures.lock().unwrap_or_else(PoisonError::into_inner);
                    let entry = known.entry(failure.kind.clone()).or_insert((0, number, failure.clone()));
                    entry.0 += 1;
                    if number < entry.1 {
                        (entry.1, entry.2) = (number, failure);
                    }
                }
                report(done.fetch_add(1, Ordering::Relaxed) + 1, failed.load(Ordering::Relaxed));
                (verdict.events, verdict.fingerprint)
            })
            .collect();
        for (place, (events, fingerprint)) in verdicts.into_iter().enumerate() {
            let number = next + place as u64;
            found.events += events;
            found.twice += u64::from(number.is_multiple_of(AGAIN));
            let (high, low) = ((fingerprint >> 64) as u64, fingerprint as u64);
            all.mix_event(SimTime::from_nanos(number), 0, high, low);
        }
        next = until;
    }
    found.fingerprints = all.finish();
    found.failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    found
}

//! Where two runs part: the first event that differs, and what led to it.
//!
//! A run leaves checkpoints, hashes of its trajectory at certain instants. The last one that two runs
//! share is found first; both are then run to it and on, event by event, with their hashes compared
//! after each.

use std::collections::VecDeque;
use std::fs;
use std::path::Path;

use sim_core::time::SimTime;

use super::repeat::{self, Repeat};
use crate::execute::{Standing, Stepper};
use crate::scenario::Diagnostic;

/// Events told before the first that differs.
const BEFORE: usize = 8;
/// Events told from there on.
const BEHIND: usize = 3;

/// An event: when, and what.
pub type Told = (SimTime, String);

/// Where two runs part.
#[derive(Clone, PartialEq, Debug)]
pub struct Parting {
    /// Events that are the same.
    pub same: u64,
    /// The last of them.
    pub before: Vec<Told>,
    /// What the first run does then; nothing where it ends.
    pub first: Vec<Told>,
    /// What the second run does then; nothing where it ends.
    pub second: Vec<Told>,
    /// Events skipped because a checkpoint says that they are the same.
    pub skipped: u64,
}

/// Two runs compared.
#[derive(Clone, PartialEq, Debug)]
pub enum Verdict {
    /// They did the same, so many events.
    Same(u64),
    /// They part.
    Parted(Box<Parting>),
}

/// Compares the runs in two folders; what has changed since they were run goes to `warn`.
///
/// # Errors
/// When a folder is none of a run, or its scenario cannot be run any more.
pub fn runs(
    first: &Path,
    second: &Path,
    profiles: Option<&Path>,
    warn: &mut dyn FnMut(String),
) -> Result<Verdict, Diagnostic> {
    let mut open = |folder: &Path| -> Result<(Repeat, Vec<Standing>), Diagnostic> {
        let repeat = repeat::open(folder, profiles)?;
        repeat.changed.iter().for_each(|what| warn(format!("`{}`: {what}", folder.display())));
        // Checkpoints of another program or of other profiles tell nothing.
        let checkpoints = if repeat.changed.is_empty() { checkpoints(folder) } else { Vec::new() };
        Ok((repeat, checkpoints))
    };
    let (first, of_first) = open(first)?;
    let (second, of_second) = open(second)?;
    let skip = last_common(&of_first, &of_second);
    let mut a = Stepper::new(&first.loaded, &first.options)?;
    let mut b = Stepper::new(&second.loaded, &second.options)?;
    let mut skipped = skip.map_or(0, |at| at.events);
    a.skip_to(skipped);
    b.skip_to(skipped);
    if a.standing().fingerprint != b.standing().fingerprint {
        // The checkpoints were not of these runs after all: look at every event.
        a = Stepper::new(&first.loaded, &first.options)?;
        b = Stepper::new(&second.loaded, &second.options)?;
        skipped = 0;
    }
    Ok(in_step(&mut a, &mut b, skipped))
}

/// Steps through both until their hashes differ.
fn in_step(a: &mut Stepper, b: &mut Stepper, skipped: u64) -> Verdict {
    let mut before: VecDeque<Told> = VecDeque::with_capacity(BEFORE + 1);
    loop {
        let same = a.standing().events;
        let (one, other) = (a.told_step(), b.told_step());
        let equal = a.standing().fingerprint == b.standing().fingerprint && one.is_some() == other.is_some();
        match (one, other) {
            (None, None) => return Verdict::Same(same),
            (Some(one), Some(_)) if equal => {
                before.push_back(one);
                if before.len() > BEFORE {
                    before.pop_front();
                }
            }
            (one, other) => {
                let on = |run: &mut Stepper, next: Option<Told>| {
                    let mut told: Vec<Told> = next.into_iter().collect();
                    while !told.is_empty() && told.len() < BEHIND {
                        let Some(next) = run.told_step() else { break };
                        told.push(next);
                    }
                    told
                };
                return Verdict::Parted(Box::new(Parting {
                    same,
                    before: before.into(),
                    first: on(a, one),
                    second: on(b, other),
                    skipped,
                }));
            }
        }
    }
}

fn last_common(a: &[Standing], b: &[Standing]) -> Option<Standing> {
    // Once parted, runs never meet again: the common checkpoints are the first ones.
    a.iter().rev().find(|at| b.contains(at)).copied()
}

/// The checkpoints of a run's folder; none where they cannot be read.
fn checkpoints(folder: &Path) -> Vec<Standing> {
    let Ok(text) = fs::read_to_string(folder.join("checkpoints.csv")) else { return Vec::new() };
    let line = |line: &str| {
        let mut cells = line.split(',');
        Some(Standing {
            now: SimTime::from_nanos(cells.next()?.parse().ok()?),
            events: cells.next()?.parse().ok()?,
            fingerprint: u128::from_str_radix(cells.next()?, 16).ok()?,
        })
    };
    text.lines().skip(1).filter_map(line).collect()
}

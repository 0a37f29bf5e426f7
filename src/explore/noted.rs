//! Finished runs of an exploration, noted in a folder: an interrupted exploration goes on.
//!
//! The folder holds the journal of a sweep ([`crate::study::journal`]): one record a run, written with one call, so
//! `kill -9` loses only runs that are under way. Its key is a hash of all that decides what a run is (the scenario's
//! text, its profiles, seed, duration, and the options of the exploration); its run number is made of the places of the
//! faults. Runs that broke a promise are done again: what they broke is not in the journal.

use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use models::record::Outcome;

use super::search::{Options, Order};
use crate::scenario::profiles::content_hash;
use crate::scenario::{Diagnostic, Loaded};
use crate::study::journal::{Journal, Row, Writer};

/// The runs noted in a folder.
pub struct Noted {
    key: u128,
    journal: Journal,
    writer: Mutex<(Writer, io::Result<()>)>,
}

impl Noted {
    /// Opens `folder`, or makes it.
    ///
    /// # Errors
    /// When it cannot be read or written, or another version of the program has written it.
    pub fn open(folder: &Path, loaded: &Loaded, options: &Options) -> Result<Self, Diagnostic> {
        let wrong = |error: io::Error| {
            Diagnostic::error(format!("cannot use the journal in `{}`: {error}", folder.display()))
                .help("give another folder with --journal")
        };
        let journal = Journal::open(folder, &[]).map_err(wrong)?;
        if !journal.other_versions().is_empty() {
            let text = format!("another version of the program has written `{}`", folder.display());
            return Err(Diagnostic::error(text).help("remove it, or give another folder with --journal"));
        }
        let profiles: Vec<u128> = loaded.profiles.iter().map(|profile| profile.hash).collect();
        let scenario = (loaded.hash, profiles, loaded.scenario.seed, loaded.scenario.duration);
        // How many pairs are tried decides which, but not what they are.
        let decisive = Options { pairs: None, ..*options };
        let key = content_hash(format!("{scenario:?} {decisive:?}").as_bytes());
        let writer = Mutex::new((journal.begin().map_err(wrong)?, Ok(())));
        Ok(Noted { key, journal, writer })
    }

    /// Events of a run that is noted and kept its promises.
    pub(super) fn held(&self, order: Order) -> Option<u64> {
        let row = self.journal.row(self.key, number(order)).ok().flatten()?;
        row.held.then_some(row.events)
    }

    /// Notes a run.
    pub(super) fn note(&self, order: Order, outcome: &Outcome, held: bool) {
        let (fingerprint, events) = (outcome.fingerprint, outcome.events);
        let row = Row { key: self.key, run: number(order), fingerprint, events, held, values: Vec::new() };
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if writer.1.is_ok() {
            writer.1 = writer.0.append(&row);
        }
    }

    /// Whether all could be written.
    ///
    /// # Errors
    /// The first thing that went wrong.
    pub fn finish(self) -> Result<(), Diagnostic> {
        let (_, written) = self.writer.into_inner().unwrap_or_else(PoisonError::into_inner);
        written.map_err(|error| Diagnostic::error(format!("cannot write the journal: {error}")))
    }
}

/// The places of the first and of the second fault in one number; a run with one fault has no second.
fn number((faults, first, second): Order) -> u64 {
    let second = if faults == 2 { second as u64 + 1 } else { 0 };
    (first as u64) << 32 | second
}

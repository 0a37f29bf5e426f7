//! Profiles that are read once only, for many scenarios in a row: explore and swarm.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Library, Profile, UsedFigure, UsedProfile};
use crate::scenario::error::{Diagnostic, Place};

/// Complete profiles by folder and name.
pub(super) type Memory = Arc<Mutex<BTreeMap<(&'static str, String), Remembered>>>;

/// A complete profile, and what it rests on.
#[derive(Clone, Debug)]
pub(super) struct Remembered {
    profile: Arc<dyn Any + Send + Sync>,
    used: Vec<UsedProfile>,
    figures: Vec<UsedFigure>,
}

impl Library {
    /// The same, each file read once only, also by clones: for many scenarios in a row.
    #[must_use]
    pub fn remembering(self) -> Self {
        Library { memory: Some(Arc::default()), ..self }
    }

    /// The profile of this name, complete. `place` is where the name stands.
    ///
    /// # Errors
    /// When there is no such profile, or something is wrong with its file or with what it rests on.
    pub fn load<P: Profile>(&mut self, name: &str, place: Place) -> Result<Arc<P::Complete>, Diagnostic> {
        let Some(memory) = self.memory.clone() else { return self.load_from_files::<P>(name, place) };
        let key = (P::FOLDER, name.to_owned());
        let known = memory.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(Remembered { profile, used, figures }) = known
            && let Ok(profile) = profile.downcast::<P::Complete>()
        {
            self.used.extend(used);
            self.figures.extend(figures);
            return Ok(profile);
        }
        let (used, figures) = (self.used.len(), self.figures.len());
        let profile = self.load_from_files::<P>(name, place)?;
        let (used, figures) = (self.used[used..].to_vec(), self.figures[figures..].to_vec());
        let remembered = Remembered { profile: profile.clone(), used, figures };
        memory.lock().unwrap_or_else(PoisonError::into_inner).insert(key, remembered);
        Ok(profile)
    }
}

//! The files that a scenario names besides profiles: traces, configurations of the alert network.
//!
//! They stand beside the scenario. A folder of results keeps their text in `files.json`, because
//! whoever makes a report of it, or looks for where two runs part, does so without the scenario's own
//! folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::error::Diagnostic;
use super::profiles::{UsedProfile, content_hash};
use super::text::read_text;

/// Name of the file in a folder of results.
pub const FILE: &str = "files.json";

/// Texts by the name that the scenario gives the file.
pub type Texts = BTreeMap<String, String>;

/// The files that one scenario names.
#[derive(Clone, Debug, Default)]
pub struct NamedFiles {
    kept: Arc<Texts>,
    read: Texts,
}

impl NamedFiles {
    /// Those that a folder of results has kept; what is not among them is looked for beside the
    /// scenario.
    ///
    /// # Errors
    /// When they are there and cannot be read.
    pub fn kept_in(results: &Path) -> Result<Self, Diagnostic> {
        Ok(NamedFiles { kept: Arc::new(texts_in(results)?), read: Texts::new() })
    }

    /// The text of the file that a scenario in `folder` calls `name`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn text(&mut self, folder: &Path, name: &str) -> Result<String, Diagnostic> {
        let text = match self.kept.get(name) {
            Some(text) => text.clone(),
            None => read_text(&folder.join(name)).map_err(|error| match error.help.is_empty() {
                true => error.help("it is looked for beside the scenario"),
                false => error,
            })?,
        };
        self.read.insert(name.to_owned(), text.clone());
        Ok(text)
    }

    /// What was read, for the manifest of a run.
    pub fn used(&self) -> impl Iterator<Item = UsedProfile> {
        self.read
            .iter()
            .map(|(name, text)| UsedProfile { name: name.clone(), hash: content_hash(text.as_bytes()) })
    }

    /// What was read.
    #[must_use]
    pub fn into_texts(self) -> Texts {
        self.read
    }
}

/// The files that a folder of results has kept; none where there is no such file.
///
/// # Errors
/// When it is there and cannot be read.
pub fn texts_in(results: &Path) -> Result<Texts, Diagnostic> {
    let path = results.join(FILE);
    if !path.exists() {
        return Ok(Texts::new());
    }
    let wrong = |error: String| Diagnostic::error(format!("cannot read `{}`: {error}", path.display()));
    let text = fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))
}

/// The text of [`FILE`].
#[must_use]
pub fn to_json(texts: &Texts) -> String {
    format!("{:#}\n", serde_json::json!(texts))
}

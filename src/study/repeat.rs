//! A run made again from its folder.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::execute::RunOptions;
use crate::scenario::load::load_text;
use crate::scenario::named_files::NamedFiles;
use crate::scenario::profiles::Library;
use crate::scenario::quantity::Span;
use crate::scenario::{Diagnostic, Loaded, Overrides};

/// A run's folder, ready to be run again.
#[derive(Clone, Debug)]
pub struct Repeat {
    /// The scenario as it was run.
    pub loaded: Loaded,
    /// Which run it was.
    pub options: RunOptions,
    /// The fingerprint it had.
    pub fingerprint: String,
    /// What has changed since: the program's version, profiles.
    pub changed: Vec<String>,
}

/// What is needed of a run's manifest.
#[derive(Deserialize)]
struct Manifest {
    version: String,
    scenario: File,
    profiles: Vec<Profile>,
    seed: u64,
    run: u64,
    until: Option<String>,
    fingerprint: String,
}

#[derive(Deserialize)]
struct File {
    file: String,
}

#[derive(Deserialize)]
struct Profile {
    name: String,
    hash: String,
}

/// Reads the folder of a run. Profiles are looked for in `profiles`, or as `run` does.
///
/// # Errors
/// When it is no folder of a run, or the scenario cannot be loaded any more.
pub fn open(folder: &Path, profiles: Option<&Path>) -> Result<Repeat, Diagnostic> {
    let read = |name: &str| {
        let path = folder.join(name);
        fs::read_to_string(&path).map_err(|error| {
            Diagnostic::error(format!("`{}` is no folder of a run: `{name}`: {error}", folder.display()))
                .help("`mqtt-twin run FILE` writes one: results/SCENARIO/POINT/RUN")
        })
    };
    let manifest: Manifest = serde_json::from_str(&read("manifest.json")?).map_err(|error| {
        let path = folder.join("manifest.json");
        Diagnostic::error(format!("`{}` is not the manifest of a run: {error}", path.display()))
    })?;
    let text = read("scenario.ron")?;
    let until = manifest.until.as_deref().map(Span::parse).transpose();
    let until = until.map_err(|refusal| Diagnostic::error(refusal.message))?;
    let overrides = Overrides { seed: Some(manifest.seed), until, ..Overrides::default() };
    let file = Path::new(&manifest.scenario.file);
    let library = Library::find(&folder.join("scenario.ron"), profiles)?;
    let library = library.with_files(NamedFiles::kept_in(folder)?);
    let loaded = load_text(file, &text, &overrides, library)?;
    let mut changed = Vec::new();
    if manifest.version != env!("CARGO_PKG_VERSION") {
        changed.push(format!("it was run by version {}", manifest.version));
    }
    for profile in &manifest.profiles {
        let now = loaded.profiles.iter().find(|used| used.name == profile.name);
        if now.is_none_or(|used| format!("{:032x}", used.hash) != profile.hash) {
            changed.push(format!("the profile {} is another one now", profile.name));
        }
    }
    Ok(Repeat {
        loaded,
        options: RunOptions { run: manifest.run },
        fingerprint: manifest.fingerprint,
        changed,
    })
}

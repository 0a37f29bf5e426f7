//! Shares of a sweep joined: the bytes of a sweep that was run in one go.

use std::fs;
use std::path::{Path, PathBuf};

use super::journal::Journal;
use super::manifest::Manifest;
use super::runner::told;
use super::tables::{self, Also};
use crate::scenario::Diagnostic;
use crate::scenario::named_files::texts_in;

/// Joins the shares in `parts` into `folder`.
///
/// # Errors
/// When the shares are not of one sweep or one version, when runs are missing, or a file cannot be
/// read or written.
pub fn merge(
    folder: &Path,
    parts: &[PathBuf],
    mix_versions: bool,
    also: Also,
) -> Result<Manifest, Diagnostic> {
    let manifests = parts.iter().map(|part| Manifest::read(part)).collect::<Result<Vec<_>, _>>()?;
    let Some(first) = manifests.first() else {
        return Err(Diagnostic::error("nothing to merge").help("name the folders of the shares"));
    };
    let mut whole = Manifest { shard: None, ..first.clone() };
    for (part, manifest) in parts.iter().zip(&manifests) {
        let mut other = Manifest { shard: None, ..manifest.clone() };
        if other.version != whole.version {
            if !mix_versions {
                return Err(Diagnostic::error(format!(
                    "`{}` was made by version {}, `{}` by {}",
                    part.display(),
                    other.version,
                    parts[0].display(),
                    whole.version
                ))
                .help(
                    "results of different versions may differ: run the share again, or say --mix-versions",
                ));
            }
            whole.other_versions.push(std::mem::replace(&mut other.version, whole.version.clone()));
        }
        other.other_versions.clone_from(&whole.other_versions);
        if other != whole {
            return Err(Diagnostic::error(format!("`{}` is a share of another sweep", part.display()))
                .help(difference(&whole, &other)));
        }
    }
    fs::create_dir_all(folder).map_err(told)?;
    let mut journal = Journal::open(&folder.join("journal"), &whole.columns).map_err(told)?;
    let mut writer = journal.begin().map_err(told)?;
    for part in parts {
        let share = Journal::open(&part.join("journal"), &whole.columns).map_err(told)?;
        for (point, run) in whole.rows() {
            if !journal.has(point.key(), run)
                && let Some(row) = share.row(point.key(), run).map_err(told)?
            {
                writer.append(&row).map_err(told)?;
            }
        }
    }
    journal.take_in(writer).map_err(told)?;
    complete(&whole, &journal, &manifests)?;
    let scenario = fs::read_to_string(parts[0].join("scenario.ron")).map_err(told)?;
    let files = texts_in(&parts[0])?;
    let scenario = tables::Scenario { text: &scenario, files: &files };
    tables::write(folder, &whole, &mut journal, scenario, also)?;
    Ok(whole)
}

fn difference(a: &Manifest, b: &Manifest) -> &'static str {
    if a.hash != b.hash || a.set != b.set {
        "the scenarios differ"
    } else if a.points != b.points {
        "the points, seeds or numbers of runs differ"
    } else {
        "the profiles or figures differ"
    }
}

fn complete(whole: &Manifest, journal: &Journal, manifests: &[Manifest]) -> Result<(), Diagnostic> {
    let missing: Vec<(u64, &str, u64)> = whole
        .rows()
        .zip(0..)
        .filter(|((point, run), _)| !journal.has(point.key(), *run))
        .map(|((point, run), number)| (number, point.label.as_str(), run))
        .collect();
    let Some((number, label, run)) = missing.first() else { return Ok(()) };
    let total = whole.rows().count();
    let mut diagnostic = Diagnostic::error(format!(
        "{} of {total} runs are missing, the first is run {run} of {label}",
        missing.len()
    ));
    let of = manifests.iter().find_map(|manifest| manifest.shard).map(|shard| shard.of);
    if let Some(of) = of {
        diagnostic = diagnostic.help(format!("it belongs to the share {}/{of}", number % of + 1));
    }
    Err(diagnostic)
}

//! `list`: the scenarios of a folder and of those in it, each with its title and question.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Format, ListArguments, tell};
use crate::scenario::parse::parse;
use crate::scenario::profiles;
use crate::scenario::schema::Scenario;
use crate::scenario::source::Source;
use crate::scenario::text::read_text;
use crate::scenario::{Diagnostic, Overrides};
use crate::study::points::{self, Choice};

pub(super) fn list(arguments: &ListArguments, out: &mut impl Write, problems: &mut impl Write) -> u8 {
    if arguments.points {
        return match points(arguments, out) {
            Ok(()) => 0,
            Err(diagnostic) => {
                tell(&diagnostic, problems);
                2
            }
        };
    }
    let files = match files(&arguments.folder) {
        Ok(files) => files,
        Err(diagnostic) => {
            tell(&diagnostic, problems);
            return 2;
        }
    };
    let mut code = 0;
    let mut rows = Vec::new();
    for file in files {
        let own = file.parent() == Some(arguments.folder.as_path());
        match read(&file, own) {
            Ok(None) => {}
            Ok(Some(scenario)) => rows.push((file.display().to_string(), scenario.title, scenario.question)),
            Err(diagnostic) => {
                tell(&diagnostic, problems);
                code = 2;
            }
        }
    }
    let _ = match arguments.format {
        Format::Text => text(&rows, out),
        Format::Json => {
            let rows: Vec<_> = rows
                .iter()
                .map(|(file, title, question)| json!({ "file": file, "title": title, "question": question }))
                .collect();
            writeln!(out, "{:#}", json!(rows))
        }
    };
    code
}

/// The plan of a sweep: every point is loaded and checked, none is run.
fn points(arguments: &ListArguments, out: &mut impl Write) -> Result<(), Diagnostic> {
    let choice = Choice { selection: arguments.selection.clone(), ..Choice::default() };
    let plan = points::plan(&arguments.folder, &Overrides::default(), &choice)?;
    let runs = plan.sweep.runs;
    // A reader that has gone is no failure of the list.
    let _ = match arguments.format {
        Format::Text => {
            plan.points.iter().try_for_each(|point| writeln!(out, "{}", point.label)).and_then(|()| {
                let (count, total) = (plan.points.len(), plan.points.len() as u64 * runs);
                writeln!(out, "{count} points x {runs} runs = {total} runs")
            })
        }
        Format::Json => {
            let labels: Vec<&str> = plan.points.iter().map(|point| point.label.as_str()).collect();
            writeln!(out, "{:#}", json!({ "points": labels, "runs": runs }))
        }
    };
    Ok(())
}

fn text(rows: &[(String, String, String)], out: &mut impl Write) -> std::io::Result<()> {
    for (file, title, question) in rows {
        writeln!(out, "{file}\n    {title}\n    {question}")?;
    }
    Ok(())
}

/// The scenario files of a folder, then those of the folders in it, each sorted by name.
///
/// Left out are hidden folders, profiles, folders of results, each of which holds a copy of its
/// scenario, and in inner folders what is RON of another kind. Links to folders are not followed, so that this ends.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    let entries = fs::read_dir(folder)
        .map_err(|error| Diagnostic::error(format!("cannot list `{}`: {error}", folder.display())))?;
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            folders.push(path);
        } else if path.extension().is_some_and(|extension| extension == "ron") {
            files.push(path);
        }
    }
    files.sort();
    folders.sort();
    for inner in folders.iter().filter(|inner| may_hold_scenarios(inner)) {
        files.append(&mut self::files(inner)?);
    }
    Ok(files)
}

fn may_hold_scenarios(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    !name.starts_with('.') && name != profiles::FOLDER && !folder.join("manifest.json").is_file()
}

/// A scenario as it is written: a list needs no profiles. `None` for RON of another kind, unless it lies in the
/// listed folder's `own` files.
fn read(file: &Path, own: bool) -> Result<Option<Scenario>, Diagnostic> {
    let text = read_text(file)?;
    if !own && !opens_as_struct(&text) {
        return Ok(None);
    }
    let source = Source::new(file.display().to_string(), text);
    Ok(Some(parse::<Scenario>(&source)?.0))
}

/// Whether no list or map opens behind the comments.
fn opens_as_struct(text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with("//"));
    first.is_none_or(|line| !line.starts_with(['[', '{']))
}

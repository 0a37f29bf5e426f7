//! `compare`: the levels of a sweep's axes with each other, or two folders of results.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use serde_json::Value;

use super::Finished;
use super::study::{CompareArguments, LevelTable, TableFormat};
use crate::scenario::Diagnostic;
use crate::study::adjusted;
use crate::study::compare::{self, Changes};
use crate::study::manifest::Manifest;
use crate::study::read::Results;
use crate::study::table::{Cell, Table};

pub(super) fn compare(arguments: &CompareArguments, out: &mut impl Write) -> Result<Finished, Diagnostic> {
    let (tables, changed) = match &arguments.other {
        Some(other) if is_run(&arguments.folder) && is_run(other) => runs(&arguments.folder, other)?,
        Some(other) => {
            let figures = figures(arguments)?;
            let (first, second) =
                (Results::open(&arguments.folder, &figures)?, Results::open(other, &figures)?);
            let changes = compare::sweeps(&first, &second, &figures);
            (of_sweeps(&changes, arguments.all), changes.any())
        }
        None => {
            let figures = figures(arguments)?;
            let results = Results::open(&arguments.folder, &read(&figures, arguments.adjust))?;
            let first = || results.manifest.axes.iter().take(1).map(|axis| axis.name.clone()).collect();
            let by: Vec<String> = if arguments.by.is_empty() { first() } else { arguments.by.clone() };
            let mut compared = compare::levels(&results, &figures, &by, arguments.baseline.as_deref())?;
            if arguments.adjust {
                compare::adjust(&mut compared, &results);
            }
            let tables = compare::tables(&compared, &results.manifest, &by);
            (chosen(tables, arguments.table)?, false)
        }
    };
    // A reader that has gone is no failure of the comparison.
    let _ = show(&tables, arguments.format, out);
    Ok(if changed && arguments.fail_on_change { Finished::Failed } else { Finished::Held })
}

/// The table that was asked for, or all of them.
fn chosen(tables: Vec<Table>, asked: Option<LevelTable>) -> Result<Vec<Table>, Diagnostic> {
    let place = match asked {
        None => return Ok(tables),
        Some(LevelTable::Levels) => 0,
        Some(LevelTable::Differences) => 1,
        Some(LevelTable::Saving) => 2,
        Some(LevelTable::AtMost) => 3,
    };
    let Some(table) = tables.get(place) else {
        let error = Diagnostic::error("this comparison has no such table");
        return Err(error.help(match tables.len() {
            1 => "there is only one level: nothing it differs from",
            _ => "the points of this sweep have random numbers of their own, so there are no pairs",
        }));
    };
    Ok(vec![table.clone()])
}

fn figures(arguments: &CompareArguments) -> Result<Vec<String>, Diagnostic> {
    if arguments.figures.is_empty() {
        return Ok(Manifest::read(&arguments.folder)?.figures);
    }
    Ok(arguments.figures.clone())
}

/// What is read: the figures, and what the differences are adjusted for.
fn read(figures: &[String], adjust: bool) -> Vec<String> {
    let covariates = figures.iter().flat_map(|figure| adjusted::covariates(figure));
    figures.iter().cloned().chain(covariates.map(|of| (*of).to_owned()).filter(|_| adjust)).collect()
}

pub(super) fn show(tables: &[Table], format: TableFormat, out: &mut impl Write) -> std::io::Result<()> {
    match format {
        TableFormat::Text => tables.iter().try_for_each(|table| writeln!(out, "{}", table.to_text())),
        TableFormat::Markdown => tables.iter().try_for_each(|table| writeln!(out, "{}", table.to_markdown())),
        // One table a file: the first is the one that was asked for.
        TableFormat::Csv => tables.first().map_or(Ok(()), |table| out.write_all(table.to_csv().as_bytes())),
        TableFormat::Json => {
            let tables: Vec<Value> = tables.iter().map(Table::to_json).collect();
            writeln!(out, "{:#}", Value::Array(tables))
        }
    }
}

fn of_sweeps(changes: &Changes, all: bool) -> Vec<Table> {
    let shown: Vec<_> = changes.changes.iter().filter(|change| all || change.significant).collect();
    let significant = changes.changes.iter().filter(|change| change.significant).count();
    let rows = shown.iter().map(|change| {
        vec![
            Cell::Text(change.label.clone()),
            Cell::Text(change.figure.clone()),
            Cell::Number(change.means.0),
            Cell::Number(change.means.1),
            Cell::Interval(change.difference.interval),
            Cell::Text(if change.difference.paired { "paired" } else { "independent" }.to_owned()),
            Cell::Text(if change.significant { "yes" } else { "no" }.to_owned()),
        ]
    });
    let headings = ["point", "figure", "first", "second", "difference", "runs", "significant"];
    let title = format!(
        "{significant} of {} figures changed (95 % for all of them together: each interval at {:.4} %)",
        changes.changes.len(),
        100.0 * changes.level
    );
    let mut tables =
        vec![Table { title, headings: headings.map(str::to_owned).into(), rows: rows.collect() }];
    for (which, points) in [("first", &changes.only_first), ("second", &changes.only_second)] {
        if !points.is_empty() {
            tables.push(Table {
                title: format!("{} points are in the {which} sweep only", points.len()),
                headings: vec!["point".to_owned()],
                rows: points.iter().map(|label| vec![Cell::Text(label.clone())]).collect(),
            });
        }
    }
    tables
}

fn is_run(folder: &Path) -> bool {
    folder.join("summary.json").is_file()
}

/// Two single runs: their figures are equal or not; one run of each has no interval.
fn runs(first: &Path, second: &Path) -> Result<(Vec<Table>, bool), Diagnostic> {
    let (a, b) = (numbers(first)?, numbers(second)?);
    let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let cell = |of: Option<&f64>| of.map_or(Cell::Nothing, |number| Cell::Number(*number));
    let rows: Vec<Vec<Cell>> = keys
        .into_iter()
        .filter(|key| a.get(*key) != b.get(*key))
        .map(|key| {
            let (one, other) = (a.get(key), b.get(key));
            let difference = one.zip(other).map_or(Cell::Nothing, |(one, other)| Cell::Number(other - one));
            vec![Cell::Text(key.clone()), cell(one), cell(other), difference]
        })
        .collect();
    let changed = !rows.is_empty();
    let title = format!("{} figures differ between two runs; one run of each tells no interval", rows.len());
    let headings = ["figure", "first", "second", "difference"].map(str::to_owned).into();
    Ok((vec![Table { title, headings, rows }], changed))
}

/// The figures of a run's summary by path.
fn numbers(folder: &Path) -> Result<BTreeMap<String, f64>, Diagnostic> {
    let path = folder.join("summary.json");
    let wrong = |error: String| Diagnostic::error(format!("cannot read `{}`: {error}", path.display()));
    let text = fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
    let summary: Value = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let mut numbers = BTreeMap::new();
    flatten(&summary, String::new(), &mut numbers);
    // How long the computer took says nothing about the scenario.
    numbers.remove("wall_s");
    Ok(numbers)
}

fn flatten(value: &Value, path: String, numbers: &mut BTreeMap<String, f64>) {
    match value {
        Value::Number(number) => {
            numbers.insert(path, number.as_f64().unwrap_or(f64::NAN));
        }
        Value::Object(entries) => {
            for (key, value) in entries {
                let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                flatten(value, below, numbers);
            }
        }
        Value::Array(_) | Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

//! The final files of a sweep: the same bytes at any number of jobs, in one call or several, on one
//! machine or many.
//!
//! Tables are written in row groups of a fixed size, so memory does not grow with the number of
//! runs. Every file is written under another name and renamed.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use polars::prelude::{Column, DataFrame, NamedFrom, PolarsResult, Series};
use polars_io::SerWriter;
use polars_io::csv::write::CsvWriter;
use polars_io::parquet::write::{ParquetCompression, ParquetWriter};

use super::journal::{Journal, Row};
use super::manifest::{FILE, Manifest, Point};
use super::replications::Description;
use super::runner::told;
use crate::scenario::Diagnostic;
use crate::scenario::named_files::{self, Texts};

/// Rows of a row group.
const ROW_GROUP: usize = 4096;
/// Points whose rows of `points.parquet` are held at a time.
const POINTS_AT_ONCE: usize = 64;

/// What can be written beside the Parquet tables.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Also {
    /// The same tables as CSV.
    pub csv: bool,
}

/// A sweep's scenario, as its folder keeps it.
#[derive(Clone, Copy, Debug)]
pub struct Scenario<'a> {
    /// Its text.
    pub text: &'a str,
    /// The files that it names.
    pub files: &'a Texts,
}

impl Scenario<'_> {
    /// Writes it into `folder`.
    ///
    /// # Errors
    /// When that fails.
    pub fn write(self, folder: &Path) -> io::Result<()> {
        replace(folder, "scenario.ron", |to| to.write_all(self.text.as_bytes()))?;
        if self.files.is_empty() {
            return Ok(());
        }
        replace(folder, named_files::FILE, |to| to.write_all(named_files::to_json(self.files).as_bytes()))
    }
}

/// Writes all files of a sweep into `folder`, and puts its journal in order.
///
/// # Errors
/// When a run is missing in the journal, or a file cannot be written.
pub fn write(
    folder: &Path,
    manifest: &Manifest,
    journal: &mut Journal,
    scenario: Scenario<'_>,
    also: Also,
) -> Result<(), Diagnostic> {
    let rows: Vec<(u128, u64)> = manifest.rows().map(|(point, run)| (point.key(), run)).collect();
    journal.compact(&rows).map_err(told)?;
    let columns = &manifest.columns;
    in_batches(folder, "runs", also, &mut RunBatches { manifest, journal, columns, point: 0, run: 0 })?;
    in_batches(folder, "points", also, &mut PointBatches { manifest, journal, point: 0 })?;
    scenario.write(folder).map_err(told)?;
    replace(folder, FILE, |to| to.write_all(manifest.to_json().as_bytes())).map_err(told)
}

/// Writes a file under another name and renames it.
///
/// # Errors
/// When that fails; the file is then as it was.
pub fn replace(
    folder: &Path,
    name: &str,
    content: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let draft = folder.join(format!(".{name}.{}.partial", std::process::id()));
    let write = || {
        let mut to = BufWriter::with_capacity(1 << 16, File::create(&draft)?);
        content(&mut to)?;
        to.into_inner().map_err(io::IntoInnerError::into_error)?.sync_data()?;
        fs::rename(&draft, folder.join(name))
    };
    let written = write();
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written
}

/// A table that comes in pieces.
trait Batches {
    /// The next piece, if there is one.
    fn next(&mut self) -> Result<Option<DataFrame>, Diagnostic>;
    /// Back to the first piece.
    fn rewind(&mut self);
}

fn in_batches(folder: &Path, name: &str, also: Also, batches: &mut dyn Batches) -> Result<(), Diagnostic> {
    let mut failure = None;
    let written = replace(folder, &format!("{name}.parquet"), |to| {
        let mut open = None;
        loop {
            let frame = match batches.next() {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(diagnostic) => {
                    failure = Some(diagnostic);
                    return Err(io::Error::other("a run is missing"));
                }
            };
            if open.is_none() {
                let writer = ParquetWriter::new(&mut *to)
                    .with_compression(ParquetCompression::Zstd(None))
                    .set_parallel(false);
                open = Some(writer.batched(frame.schema()).map_err(io::Error::other)?);
            }
            if let Some(writer) = &mut open {
                writer.write_batch(&frame).map_err(io::Error::other)?;
            }
        }
        open.map_or(Ok(()), |writer| writer.finish().map(|_| ()).map_err(io::Error::other))
    });
    if let Some(diagnostic) = failure {
        return Err(diagnostic);
    }
    written.map_err(told)?;
    if also.csv {
        batches.rewind();
        replace(folder, &format!("{name}.csv"), |to| {
            let mut header = true;
            while let Ok(Some(mut frame)) = batches.next() {
                CsvWriter::new(&mut *to)
                    .include_header(header)
                    .finish(&mut frame)
                    .map_err(io::Error::other)?;
                header = false;
            }
            Ok(())
        })
        .map_err(told)?;
    }
    Ok(())
}

/// Reads a row that must be there.
fn row(journal: &Journal, point: &Point, run: u64) -> Result<Row, Diagnostic> {
    journal
        .row(point.key(), run)
        .map_err(told)?
        .ok_or_else(|| Diagnostic::error(format!("run {run} of the point {} is missing", point.label)))
}

fn column<T, Kind: ?Sized>(name: &str, values: T) -> Column
where
    Series: NamedFrom<T, Kind>,
{
    Column::new(name.into(), values)
}

/// The columns of the axes: numbers where all values are plain numbers, else labels.
fn axis_columns(manifest: &Manifest, points: &[&Point]) -> Vec<Column> {
    let axes = manifest.axes.iter().enumerate();
    let of = |(place, axis): (usize, &super::manifest::Axis)| {
        let labels = points.iter().map(|point| axis.labels[point.levels[place]].as_str());
        if axis.labels.iter().all(|label| label.parse::<i64>().is_ok()) {
            column(&axis.name, labels.map(|label| label.parse().unwrap_or(0)).collect::<Vec<i64>>())
        } else if axis.is_plain() {
            column(&axis.name, labels.map(|label| label.parse().unwrap_or(0.0)).collect::<Vec<f64>>())
        } else {
            column(&axis.name, labels.collect::<Vec<&str>>())
        }
    };
    axes.map(of).collect()
}

fn optional(value: f64) -> Option<f64> {
    (!value.is_nan()).then_some(value)
}

/// Numbers of points: their places in the manifest.
fn places(first: usize, points: &[&Point], manifest: &Manifest) -> Vec<u32> {
    let mut place = first;
    points
        .iter()
        .map(|point| {
            while !std::ptr::eq(&raw const manifest.points[place], *point) {
                place += 1;
            }
            place as u32
        })
        .collect()
}

/// `runs`: a row a run.
struct RunBatches<'a> {
    manifest: &'a Manifest,
    journal: &'a Journal,
    columns: &'a [String],
    point: usize,
    run: u64,
}

impl Batches for RunBatches<'_> {
    fn next(&mut self) -> Result<Option<DataFrame>, Diagnostic> {
        let first = self.point;
        let mut points: Vec<&Point> = Vec::with_capacity(ROW_GROUP);
        let mut rows: Vec<Row> = Vec::with_capacity(ROW_GROUP);
        while rows.len() < ROW_GROUP
            && let Some(point) = self.manifest.points.get(self.point)
        {
            if self.run >= point.runs {
                (self.point, self.run) = (self.point + 1, 0);
                continue;
            }
            points.push(point);
            rows.push(row(self.journal, point, self.run)?);
            self.run += 1;
        }
        if rows.is_empty() {
            return Ok(None);
        }
        let mut columns = vec![column("point", places(first, &points, self.manifest))];
        columns.extend(axis_columns(self.manifest, &points));
        columns.push(column("run", rows.iter().map(|row| row.run).collect::<Vec<u64>>()));
        columns.push(column("seed", points.iter().map(|point| point.seed).collect::<Vec<u64>>()));
        let fingerprints = rows.iter().map(|row| format!("{:032x}", row.fingerprint));
        columns.push(column("fingerprint", fingerprints.collect::<Vec<String>>()));
        columns.push(column("held", rows.iter().map(|row| row.held).collect::<Vec<bool>>()));
        for (place, name) in self.columns.iter().enumerate() {
            let values = rows.iter().map(|row| optional(row.values[place]));
            columns.push(column(name, values.collect::<Vec<Option<f64>>>()));
        }
        framed(rows.len(), columns)
    }

    fn rewind(&mut self) {
        (self.point, self.run) = (0, 0);
    }
}

/// `points`: a row a point and figure.
struct PointBatches<'a> {
    manifest: &'a Manifest,
    journal: &'a Journal,
    point: usize,
}

impl Batches for PointBatches<'_> {
    fn next(&mut self) -> Result<Option<DataFrame>, Diagnostic> {
        let first = self.point;
        let end = (first + POINTS_AT_ONCE).min(self.manifest.points.len());
        self.point = end;
        let (mut points, mut figures, mut described) = (Vec::new(), Vec::new(), Vec::new());
        for point in &self.manifest.points[first..end] {
            let mut values = vec![Vec::with_capacity(point.runs as usize); self.manifest.columns.len()];
            for run in 0..point.runs {
                let row = row(self.journal, point, run)?;
                values.iter_mut().zip(&row.values).for_each(|(all, value)| all.push(*value));
            }
            for (figure, values) in self.manifest.columns.iter().zip(&values) {
                if let Some(description) = Description::of(values) {
                    points.push(point);
                    figures.push(figure.as_str());
                    described.push(description);
                }
            }
        }
        if described.is_empty() {
            return Ok(None);
        }
        let mut columns = vec![column("point", places(first, &points, self.manifest))];
        columns.extend(axis_columns(self.manifest, &points));
        columns.push(column("figure", figures));
        let numbers = |of: &dyn Fn(&Description) -> f64| -> Vec<Option<f64>> {
            described.iter().map(|d| Some(of(d)).filter(|value| value.is_finite())).collect()
        };
        columns.push(column("runs", described.iter().map(|d| d.runs).collect::<Vec<u64>>()));
        columns.push(column("mean", numbers(&|d| d.interval.mean)));
        columns.push(column("ci95", numbers(&|d| d.interval.half_width)));
        columns.push(column("sd", numbers(&|d| d.standard_deviation)));
        for (place, name) in ["min", "p5", "p50", "p95", "max"].into_iter().enumerate() {
            columns.push(column(name, numbers(&|d| d.percentiles[place])));
        }
        framed(described.len(), columns)
    }

    fn rewind(&mut self) {
        self.point = 0;
    }
}

fn framed(rows: usize, columns: Vec<Column>) -> Result<Option<DataFrame>, Diagnostic> {
    let frame: PolarsResult<DataFrame> = DataFrame::new(rows, columns);
    frame.map(Some).map_err(|error| {
        Diagnostic::error(format!("the table cannot be made: {error}"))
            .help("an axis must not be called like a figure or another column")
    })
}

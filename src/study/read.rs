//! The results of a sweep, read back from its folder.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use polars_io::SerReader;
use polars_io::parquet::read::ParquetReader;

use super::manifest::Manifest;
use super::points::known_figure;
use crate::scenario::Diagnostic;

/// Some figures of all runs of a sweep.
#[derive(Clone, Debug)]
pub struct Results {
    /// What the sweep is about.
    pub manifest: Manifest,
    /// By figure, then by point, then by run; NaN where a run has no value.
    values: BTreeMap<String, Vec<Vec<f64>>>,
}

impl Results {
    /// Reads these figures from the sweep in `folder`.
    ///
    /// # Errors
    /// When the folder is not a complete sweep, or has no such figure.
    pub fn open(folder: &Path, figures: &[String]) -> Result<Self, Diagnostic> {
        let manifest = Manifest::read(folder)?;
        if let Some(shard) = manifest.shard {
            let message = format!("`{}` holds a share, {} of {}", folder.display(), shard.part, shard.of);
            return Err(Diagnostic::error(message).help("join the shares with `merge` first"));
        }
        for figure in figures {
            known_figure(figure, &manifest.columns)?;
        }
        let path = folder.join("runs.parquet");
        let wrong = |error: String| Diagnostic::error(format!("cannot read `{}`: {error}", path.display()));
        let mut columns = vec!["point".to_owned()];
        columns.extend(figures.iter().filter(|figure| *figure != "point").cloned());
        columns.sort();
        columns.dedup();
        let file = File::open(&path).map_err(|error| wrong(error.to_string()))?;
        let read = ParquetReader::new(file).with_columns(Some(columns)).finish();
        let frame = read.map_err(|error| wrong(error.to_string()))?;
        let wrong = |error: polars::error::PolarsError| wrong(error.to_string());
        let points: Vec<Option<u32>> =
            frame.column("point").and_then(|column| Ok(column.u32()?.iter().collect())).map_err(wrong)?;
        let mut values = BTreeMap::new();
        for figure in figures {
            let column = frame.column(figure).map_err(wrong)?;
            let mut by_point = vec![Vec::new(); manifest.points.len()];
            for (point, value) in points.iter().zip(column.f64().map_err(wrong)?.iter()) {
                if let Some(runs) = point.and_then(|point| by_point.get_mut(point as usize)) {
                    runs.push(value.unwrap_or(f64::NAN));
                }
            }
            values.insert(figure.clone(), by_point);
        }
        Ok(Results { manifest, values })
    }

    /// A figure of every run of a point, by run number; nothing for a figure that was not read.
    #[must_use]
    pub fn of(&self, figure: &str, point: usize) -> &[f64] {
        self.values.get(figure).and_then(|points| points.get(point)).map_or(&[], Vec::as_slice)
    }
}

//! What is left of a run: figures, tables, and the folder they are kept in.
//!
//! | File | Holds | Made by |
//! | --- | --- | --- |
//! | `summary.json` | the run on one page | [`summary`] |
//! | `messages.parquet`, `nodes.parquet`, `energy.parquet` | every message, node and joule | [`tables`] |
//! | `manifest.json` | what must be known to repeat the run | [`manifest`] |
//! | `capture.pcapng`, `chart.txt` | on demand: the wire | [`crate::capture`] |
//!
//! Two runs of the same scenario, seed and run number leave byte-identical files, with one
//! exception: `wall_s` in `summary.json` is how long the computer took, and varies.
//!
//! [`accounts`] decides what counts as delivered, lost and late, for the summary and the tables
//! alike; [`figures`] finds a figure of a summary by its name; [`text`] prints a summary for people;
//! [`folder`] writes the files, all or nothing; [`file`](mod@file) does so for a single one.

pub mod accounts;
pub mod figures;
pub mod file;
pub mod folder;
pub mod manifest;
pub mod refused;
pub mod summary;
pub mod tables;
pub mod text;

#[cfg(test)]
pub(crate) mod sample;

pub use figures::UnknownFigure;
pub use folder::{FolderError, RunFiles};
pub use manifest::{ContentHash, Manifest, Profile};
pub use summary::{ExpectationResult, RunIdentity, Summary};
pub use text::TextStyle;

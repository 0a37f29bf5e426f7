//! Sweeps: a scenario varied along axes, each point run several times, and what that tells.
//!
//! | Room | What it does |
//! | --- | --- |
//! | [`points`] | the plan: every point of the axes, loaded and checked before anything runs |
//! | [`adjusted`] | differences less what known chance explains of them: control variates |
//! | [`expected`] | whether results will have the figures that a scenario expects something of |
//! | [`runner`] | runs what is missing, in parallel, the longest first |
//! | [`journal`] | every finished run appended to a file at once, found again by its content |
//! | [`replications`] | means and their intervals, paired and unpaired differences |
//! | [`tables`] | the final files, the same bytes however the runs were done |
//! | [`manifest`] | what the files say about themselves |
//! | [`read`] | the results of a sweep, read back |
//! | [`compare`], [`table`] | levels of an axis, or two sweeps, compared and shown |
//! | [`repeat`], [`diff`] | a run made again from its folder; where two runs part |
//! | [`merge`] | the shares of several machines joined |
//!
//! # The folder of a sweep
//!
//! | File | Holds |
//! | --- | --- |
//! | `runs.parquet` | a row a run: the values of the axes, every figure |
//! | `points.parquet` | a row a point and figure: mean, 95 % interval, percentiles over the replications |
//! | `manifest.json` | scenario, axes, points, versions, seeds |
//! | `scenario.ron` | the scenario as it was run |
//! | `journal/` | every run by its content, for a later call |
//!
//! A run is known by the hash of what decides its result: the scenario's text with the point's values
//! set and without its sweep, the profiles, the seed and the run number. So points can be added to a
//! sweep, or replications, and only what is missing is run.

pub mod adjusted;
pub mod compare;
pub mod diff;
pub mod expected;
pub mod journal;
pub mod manifest;
pub mod merge;
pub mod points;
pub mod read;
pub mod repeat;
pub mod replications;
pub mod runner;
pub mod table;
pub mod tables;

/// The version of this program and of the sources that results depend on.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "+", env!("MQTT_TWIN_SOURCES"));

//! `manifest.json` of a sweep: what its files are about, and all that is needed to repeat it.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::VERSION;
use super::points::Plan;
use crate::scenario::Diagnostic;

/// Name of the file.
pub const FILE: &str = "manifest.json";

/// What a sweep's files are about.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Always `sweep`.
    pub kind: String,
    /// Version of the program and of the sources that results depend on.
    pub version: String,
    /// Versions of other programs that some runs come from.
    #[serde(default)]
    pub other_versions: Vec<String>,
    /// Name of the scenario.
    pub scenario: String,
    /// Its title.
    pub title: String,
    /// Its question.
    pub question: String,
    /// The file, without its folder.
    pub file: String,
    /// Hash of its text with `set` applied.
    pub hash: String,
    /// Overrides from the command line.
    pub set: Vec<String>,
    /// Seed of the random streams.
    pub seed: u64,
    /// Whether run *r* of every point draws the same random numbers.
    pub common_random_numbers: bool,
    /// Replications of each point asked for.
    pub runs: u64,
    /// The condition that selected points.
    pub selection: Option<String>,
    /// What precision was asked for, if one was.
    pub precision: Option<Precision>,
    /// Which share of the runs is in this folder, if not all.
    pub shard: Option<Shard>,
    /// The profiles used by any point.
    pub profiles: Vec<Profile>,
    /// The axes.
    pub axes: Vec<Axis>,
    /// The figures that comparisons and reports begin with.
    pub figures: Vec<String>,
    /// All figures of a run.
    pub columns: Vec<String>,
    /// The points, in the order of the tables.
    pub points: Vec<Point>,
}

/// When a point has been run often enough.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Precision {
    /// The figure.
    pub of: String,
    /// Largest half-width of the 95 % interval as a share of the mean.
    pub half_width: f64,
    /// Most replications.
    pub most: u64,
}

/// A share of the runs: part `part` of `of`, from 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Shard {
    /// Which part, from 1.
    pub part: u64,
    /// Of how many.
    pub of: u64,
}

impl Shard {
    /// Reads `2/5`.
    ///
    /// # Errors
    /// When it is nothing of the kind.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no share; write `2/5` for the second of five");
        let (part, of) = text.split_once('/').ok_or_else(wrong)?;
        let shard = Shard {
            part: part.trim().parse().map_err(|_| wrong())?,
            of: of.trim().parse().map_err(|_| wrong())?,
        };
        if shard.part >= 1 && shard.part <= shard.of { Ok(shard) } else { Err(wrong()) }
    }

    /// Whether the run of this number, counted over all points, belongs to it.
    #[must_use]
    pub fn has(self, number: u64) -> bool {
        number % self.of == self.part - 1
    }
}

/// A profile and its content.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Profile {
    /// Folder and name.
    pub name: String,
    /// Its content.
    pub hash: String,
}

/// An axis.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Axis {
    /// Its name.
    pub name: String,
    /// The keys it sets; empty where each level sets its own.
    pub keys: Vec<String>,
    /// What its values are called.
    pub labels: Vec<String>,
    /// Its values as numbers, where they are; quantities in seconds, bit/s or bytes.
    pub numbers: Vec<Option<f64>>,
}

impl Axis {
    /// Whether its values are plain numbers, without units.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.labels.iter().all(|label| label.parse::<f64>().is_ok())
    }

    /// Whether its values lie on a scale.
    #[must_use]
    pub fn is_numeric(&self) -> bool {
        self.numbers.iter().all(Option::is_some)
    }
}

/// A point.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Point {
    /// `qos=2,loss=0.01`.
    pub label: String,
    /// The level of each axis.
    pub levels: Vec<usize>,
    /// What decides its results, apart from the run number.
    pub key: String,
    /// Seed of its random streams.
    pub seed: u64,
    /// Its replications.
    pub runs: u64,
}

impl Point {
    /// The key as the journal has it.
    #[must_use]
    pub fn key(&self) -> u128 {
        u128::from_str_radix(&self.key, 16).unwrap_or(0)
    }
}

impl Manifest {
    /// The manifest of a plan, every point with the replications asked for.
    #[must_use]
    pub fn of(plan: &Plan, sets: &[String], shard: Option<Shard>) -> Self {
        let base = &plan.base;
        let mut profiles: Vec<Profile> = plan
            .points
            .iter()
            .flat_map(|point| &point.loaded.profiles)
            .map(|used| Profile { name: used.name.clone(), hash: format!("{:032x}", used.hash) })
            .collect();
        profiles.sort();
        profiles.dedup();
        let file = base.file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let figures = headline(plan);
        Manifest {
            kind: "sweep".to_owned(),
            version: VERSION.to_owned(),
            other_versions: Vec::new(),
            scenario: base.name.clone(),
            title: base.scenario.title.clone(),
            question: base.scenario.question.clone(),
            file,
            hash: format!("{:032x}", base.hash),
            set: sets.to_vec(),
            seed: base.scenario.seed,
            common_random_numbers: plan.sweep.common_random_numbers,
            runs: plan.sweep.runs,
            selection: plan.selection.clone(),
            precision: plan.sweep.precision.as_ref().map(|precision| Precision {
                of: precision.of.clone().unwrap_or_else(|| figures[0].clone()),
                half_width: precision.half_width.0,
                most: precision.most,
            }),
            shard,
            profiles,
            axes: plan.sweep.axes.iter().map(axis).collect(),
            figures,
            columns: plan.columns.clone(),
            points: plan.points.iter().map(|of| point(of, plan.sweep.runs)).collect(),
        }
    }

    /// The rows of the tables: every point with each of its runs.
    pub fn rows(&self) -> impl Iterator<Item = (&Point, u64)> {
        self.points.iter().flat_map(|point| (0..point.runs).map(move |run| (point, run)))
    }

    /// The content of the file.
    ///
    /// # Panics
    /// Never: a manifest is plain data.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string_pretty(self).expect("a manifest is plain data");
        json.push('\n');
        json
    }

    /// Reads the manifest of a sweep's folder.
    ///
    /// # Errors
    /// When there is none.
    pub fn read(folder: &Path) -> Result<Self, Diagnostic> {
        let path = folder.join(FILE);
        let wrong = |why: String| {
            Diagnostic::error(format!("`{}` is no folder of a sweep: {why}", folder.display()))
                .help("`mqtt-twin sweep FILE --out DIR` writes one")
        };
        let text = fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
        serde_json::from_str(&text).map_err(|_| wrong(format!("`{FILE}` is not that of a sweep")))
    }
}

/// The figures to begin with: the scenario's choice, or delivery, latency and energy.
fn headline(plan: &Plan) -> Vec<String> {
    if !plan.sweep.figures.is_empty() {
        return plan.sweep.figures.clone();
    }
    ["delivery", "latency.p50", "latency.p99", "energy_j"].map(str::to_owned).into()
}

fn axis(axis: &crate::scenario::load::PlannedAxis) -> Axis {
    Axis {
        name: axis.name.clone(),
        keys: axis.keys.clone(),
        labels: axis.levels.iter().map(|level| level.value.label.clone()).collect(),
        numbers: axis.levels.iter().map(|level| level.value.number).collect(),
    }
}

fn point(point: &super::points::Point, runs: u64) -> Point {
    Point {
        label: point.label.clone(),
        levels: point.levels.clone(),
        key: format!("{:032x}", point.key),
        seed: point.seed,
        runs,
    }
}

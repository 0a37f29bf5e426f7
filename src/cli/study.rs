//! The arguments of the commands about sweeps.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Format, ScenarioArguments};
use crate::scenario::schema::sweep::Share;
use crate::study::manifest::Shard;

/// `sweep`
#[derive(Args, Clone, PartialEq, Debug)]
pub struct SweepArguments {
    /// Scenario file with a `sweep`
    pub file: PathBuf,
    /// Only points of this condition: 'qos == 2 && loss > 0.01'
    pub selection: Option<String>,
    /// What changes the scenario.
    #[command(flatten)]
    pub scenario: ScenarioArguments,
    /// What is run.
    #[command(flatten)]
    pub options: SweepOptions,
}

/// How a sweep is done and what it writes.
#[derive(Args, Clone, PartialEq, Debug, Default)]
pub struct SweepOptions {
    /// Replications of each point, instead of the scenario's
    #[arg(long, value_name = "NUMBER")]
    pub runs: Option<u64>,
    /// Add replications until the 95 % interval of --of is no wider than this share of its mean to
    /// either side: `2%`
    #[arg(long, value_name = "SHARE", value_parser = parse_share, conflicts_with = "shard")]
    pub precision: Option<Share>,
    /// The figure that --precision is about [default: the first of the scenario's figures]
    #[arg(long, value_name = "FIGURE", requires = "precision")]
    pub of: Option<String>,
    /// Most replications of a point that --precision may ask for
    #[arg(long, value_name = "NUMBER", requires = "precision", default_value_t = 1_000)]
    pub most: u64,
    /// Give every point random numbers of its own; otherwise run N of all points draws the same
    #[arg(long)]
    pub independent: bool,
    /// Runs done at the same time [default: one a core]
    #[arg(short, long, value_name = "NUMBER")]
    pub jobs: Option<usize>,
    /// Run only a share of the runs, for `merge`: `2/5` is the second of five
    #[arg(long, value_name = "PART/OF", value_parser = Shard::parse)]
    pub shard: Option<Shard>,
    /// Run everything again
    #[arg(long)]
    pub fresh: bool,
    /// Keep runs that another version of this program made
    #[arg(long, conflicts_with = "fresh")]
    pub mix_versions: bool,
    /// Folder for the results [default: results/SCENARIO/sweep]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Write tables as CSV as well
    #[arg(long)]
    pub csv: bool,
    /// How the summary is shown
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Show nothing but problems
    #[arg(short, long)]
    pub quiet: bool,
}

/// `merge`
#[derive(Args, Clone, PartialEq, Eq, Debug)]
pub struct MergeArguments {
    /// Folder for the whole sweep
    pub out: PathBuf,
    /// Folders of the shares
    #[arg(required = true)]
    pub parts: Vec<PathBuf>,
    /// Join shares that different versions of this program ran
    #[arg(long)]
    pub mix_versions: bool,
    /// Write tables as CSV as well
    #[arg(long)]
    pub csv: bool,
    /// Show nothing but problems
    #[arg(short, long)]
    pub quiet: bool,
}

fn parse_share(text: &str) -> Result<Share, String> {
    Share::parse(text).map_err(|refusal| format!("{}; {}", refusal.message, refusal.help))
}

/// How tables are shown.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TableFormat {
    /// Aligned columns.
    #[default]
    Text,
    /// For programs.
    Json,
    /// For spreadsheets: one table, the first if none is asked for, with all digits.
    Csv,
    /// For documents.
    Markdown,
}

/// A table of the levels of an axis.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum LevelTable {
    /// The figures of each level.
    Levels,
    /// The differences from the baseline.
    Differences,
    /// How many times more runs the same interval would take without pairs.
    Saving,
    /// How many times it could be at most, however the runs were paired.
    AtMost,
}

/// `compare`
#[derive(Args, Clone, PartialEq, Eq, Debug)]
pub struct CompareArguments {
    /// Folder of a sweep
    pub folder: PathBuf,
    /// Another one: compares the two, point by point (or two folders of single runs)
    pub other: Option<PathBuf>,
    /// Compare the values of these axes [default: the first axis]
    #[arg(long, value_delimiter = ',', value_name = "AXES", conflicts_with = "other")]
    pub by: Vec<String>,
    /// The level that the others are compared with [default: the first]
    #[arg(long, value_name = "LEVEL", conflicts_with = "other")]
    pub baseline: Option<String>,
    /// The figures [default: those of the scenario's sweep]
    #[arg(long, value_delimiter = ',', value_name = "FIGURES")]
    pub figures: Vec<String>,
    /// Take from differences what the losses of the runs beyond those expected explain (docs/pairs.md)
    #[arg(long, conflicts_with = "other")]
    pub adjust: bool,
    /// Show only this table; CSV has the first one else
    #[arg(long, value_enum, value_name = "TABLE", conflicts_with = "other")]
    pub table: Option<LevelTable>,
    /// Of two sweeps, show what did not change as well
    #[arg(long, requires = "other")]
    pub all: bool,
    /// Exit code 1 when a figure changed significantly, or a point is missing
    #[arg(long, requires = "other")]
    pub fail_on_change: bool,
    /// How the tables are shown
    #[arg(long, value_enum, default_value_t)]
    pub format: TableFormat,
}

/// `diff`
#[derive(Args, Clone, PartialEq, Eq, Debug)]
pub struct DiffArguments {
    /// Folder of a run
    pub first: PathBuf,
    /// Folder of another one
    pub second: PathBuf,
    /// Folder of hardware profiles, instead of the `hw-profiles` that is found
    #[arg(long, value_name = "DIR")]
    pub profiles: Option<PathBuf>,
}

/// `report`
#[derive(Args, Clone, PartialEq, Eq, Debug)]
pub struct ReportArguments {
    /// Folder of a run or of a sweep
    pub folder: PathBuf,
    /// The file to write; pictures go beside it [default: report.html in the folder]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Folder of hardware profiles, instead of the `hw-profiles` that is found
    #[arg(long, value_name = "DIR")]
    pub profiles: Option<PathBuf>,
    /// Write the page alone, without the pictures as files of their own
    #[arg(long)]
    pub no_pictures: bool,
    /// Show nothing but problems
    #[arg(short, long)]
    pub quiet: bool,
}

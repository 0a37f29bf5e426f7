//! `run --uncertainty N`: the same run with the numbers of the profiles drawn anew each time.
//!
//! A figure's uncertainty is one relative standard deviation. A draw multiplies it with a
//! log-normal factor of mean 1 and that deviation, so that no power and no time becomes negative.
//! Each figure has a random stream of its own, named after it: another figure more or less leaves
//! the other draws alone. A figure that several profiles inherit is one number and drawn once.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use models::profile::Figure;
use serde_json::json;
use sim_core::random::Streams;

use super::{Finished, Format, RunArguments};
use crate::execute::{self, RunOptions};
use crate::results::summary::{RunIdentity, Summary};
use crate::scenario::load::load_with_factors;
use crate::scenario::profiles::Factors;
use crate::scenario::{Diagnostic, Loaded, Overrides, load};

/// A figure that may be another.
#[derive(Clone, Debug)]
pub(super) struct Factor {
    /// Its name among [`Factors`].
    pub(super) name: String,
    /// What stands in the profile.
    pub(super) figure: Figure,
    /// Standard deviation of its logarithm.
    sigma: f64,
}

impl Factor {
    /// What the figure is multiplied with at level `x`, 0 to 1, of its range.
    pub(super) fn at_level(&self, x: f64) -> f64 {
        // A uniform distribution of standard deviation sigma reaches sqrt(3) sigma to each side.
        libm::exp(self.sigma * 3.0_f64.sqrt() * (2.0 * x - 1.0))
    }
}

/// The figures of a scenario that have an uncertainty. Those of brokers and clients are left out:
/// limits and periods are what a program does, and it does exactly that.
pub(super) fn factors_of(loaded: &Loaded) -> Vec<Factor> {
    let behaviour = |name: &str| name.starts_with("brokers/") || name.starts_with("clients/");
    let uncertain = loaded
        .figures
        .iter()
        .filter(|used| used.figure.uncertainty > 0.0 && used.figure.value > 0.0 && !behaviour(&used.name));
    uncertain
        .map(|used| Factor {
            name: used.name.clone(),
            figure: used.figure.clone(),
            // The logarithm's deviation for which the factor has the given relative deviation.
            sigma: libm::log1p(used.figure.uncertainty * used.figure.uncertainty).sqrt(),
        })
        .collect()
}

/// The figure `result` of a run with figures multiplied by `factors`.
pub(super) fn evaluate(
    file: &Path,
    overrides: &Overrides,
    factors: Arc<Factors>,
    run: u64,
    result: &str,
) -> Result<f64, Diagnostic> {
    let summary = summarise(file, overrides, factors, run)?;
    match summary.resolve(result) {
        Ok(Some(value)) => Ok(value),
        Ok(None) => Err(Diagnostic::error(format!("this run has no value for `{result}`"))),
        Err(unknown) => Err(Diagnostic::error(unknown.to_string())),
    }
}

fn summarise(
    file: &Path,
    overrides: &Overrides,
    factors: Arc<Factors>,
    run: u64,
) -> Result<Summary, Diagnostic> {
    let loaded = load_with_factors(file, overrides, factors)?;
    let outcome = execute::outcome(&loaded, &RunOptions { run }, &mut |_| {})?;
    let identity = RunIdentity {
        scenario: loaded.name.clone(),
        title: loaded.scenario.title.clone(),
        seed: loaded.scenario.seed,
        run,
    };
    Ok(Summary::of(&outcome, &identity, Duration::ZERO, Vec::new()))
}

/// Runs the scenario `draws` times and tells between which values each result lies.
pub(super) fn intervals(
    arguments: &RunArguments,
    draws: u32,
    out: &mut impl Write,
) -> Result<Finished, Diagnostic> {
    let overrides = arguments.scenario.overrides();
    let loaded = load(&arguments.file, &overrides)?;
    let factors = factors_of(&loaded);
    let run = arguments.options.run;
    let nominal = summarise(&arguments.file, &overrides, Arc::default(), run)?;
    let paths: Vec<String> = nominal.paths().into_iter().filter(|path| depends(path)).collect();
    let mut found: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for draw in 0..draws {
        // The draw is the replication of the figures' streams; the scenario's own stay as they are.
        let streams = Streams::new(loaded.scenario.seed, u64::from(draw));
        let drawn: Factors = factors
            .iter()
            .map(|factor| {
                let median = 1.0 / (1.0 + factor.figure.uncertainty * factor.figure.uncertainty).sqrt();
                let name = format!("figure/{}", factor.name);
                (factor.name.clone(), streams.stream(&name).log_normal(median, factor.sigma))
            })
            .collect();
        let summary = summarise(&arguments.file, &overrides, Arc::new(drawn), run)?;
        for path in &paths {
            if let Some(value) = summary.figure(path) {
                found.entry(path).or_default().push(value);
            }
        }
    }
    let rows: Vec<Interval> = paths
        .iter()
        .filter_map(|path| Interval::of(path, nominal.figure(path)?, found.get(path.as_str())?))
        .collect();
    // A reader that has gone is no failure.
    let _ = match arguments.options.format {
        Format::Json => {
            let rows: Vec<_> = rows.iter().map(Interval::json).collect();
            writeln!(out, "{:#}", json!({ "draws": draws, "figures": factors.len(), "results": rows }))
        }
        Format::Text => out.write_all(text(draws, factors.len(), &rows).as_bytes()),
    };
    Ok(Finished::Held)
}

/// Whether a result can depend on what devices are like, and is worth a line.
fn depends(path: &str) -> bool {
    let device = path.starts_with("nodes.") && !path.ends_with(".count");
    device || path.starts_with("latency.") || path == "delivered" || path == "lost"
}

/// A result over all draws.
struct Interval {
    path: String,
    nominal: f64,
    mean: f64,
    low: f64,
    high: f64,
}

impl Interval {
    /// `None` where nothing moved.
    fn of(path: &str, nominal: f64, values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (first, last) = (sorted.first()?, sorted.last()?);
        if first == last {
            return None;
        }
        // Nearest rank: the least value that p percent of the draws do not exceed.
        let rank = |p: f64| ((p / 100.0 * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len()) - 1;
        Some(Interval {
            path: path.to_owned(),
            nominal,
            mean: sorted.iter().sum::<f64>() / sorted.len() as f64,
            low: sorted[rank(2.5)],
            high: sorted[rank(97.5)],
        })
    }

    fn json(&self) -> serde_json::Value {
        let Interval { path, nominal, mean, low, high } = self;
        json!({ "result": path, "nominal": nominal, "mean": mean, "p2_5": low, "p97_5": high })
    }
}

fn text(draws: u32, figures: usize, rows: &[Interval]) -> String {
    let mut text =
        format!("{draws} draws of {figures} figures; results that moved, with 95 % of the draws\n");
    let width = rows.iter().map(|row| row.path.len()).max().unwrap_or(6);
    text.push_str(&format!(
        "  {:width$}  {:>14}  {:>14}  {:>14}  {:>14}\n",
        "result", "as written", "mean", "from", "to"
    ));
    for Interval { path, nominal, mean, low, high } in rows {
        text.push_str(&format!(
            "  {path:width$}  {nominal:>14.6}  {mean:>14.6}  {low:>14.6}  {high:>14.6}\n"
        ));
    }
    text
}

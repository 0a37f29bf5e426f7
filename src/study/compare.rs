//! Comparisons: the levels of an axis with each other, and two sweeps with each other.
//!
//! A level of an axis stands for all points that have it. Its figure in run *r* is the mean over these
//! points; the interval is over the runs, which alone are independent. Two levels are compared on
//! the points that both have, run by run where the points met the same random numbers.

use std::collections::BTreeMap;

use super::adjusted;
use super::manifest::Manifest;
use super::read::Results;
use super::replications::{Description, Difference, LEVEL};
use super::table::{Cell, Table};
use crate::scenario::Diagnostic;
use crate::scenario::error::name_help;

/// A combination of values of the axes that are compared by.
#[derive(Clone, PartialEq, Debug)]
pub struct Level {
    /// `qos=2`.
    pub label: String,
    /// The levels of the axes that are compared by.
    pub levels: Vec<usize>,
    /// Its points by the levels of the other axes.
    pub points: BTreeMap<Vec<usize>, usize>,
    /// A description for each figure; none where no run has a value.
    pub figures: Vec<Option<Description>>,
    /// The difference from the first level for each figure; none at the first level itself.
    pub differences: Vec<Option<Difference>>,
    /// Whether no other level is at least as good in every figure and better in one.
    pub on_front: bool,
}

/// A table of levels.
#[derive(Clone, PartialEq, Debug)]
pub struct Comparison {
    /// The figures.
    pub figures: Vec<String>,
    /// The levels; the first one is what the others are compared with.
    pub levels: Vec<Level>,
    /// Whether run *r* of all points met the same random numbers.
    pub paired: bool,
    /// Whether the differences are less what the losses of the runs explain of them: see [`adjust`].
    pub adjusted: bool,
}

/// Whether more of a figure is better.
#[must_use]
pub fn more_is_better(figure: &str) -> bool {
    let last = figure.rsplit('.').find(|part| !["mean", "min", "max"].contains(part)).unwrap_or(figure);
    ["delivery", "delivered", "received", "stored", "stored_per_s", "battery_days"].contains(&last)
}

/// Compares the levels of the axes `by`.
///
/// # Errors
/// When there is no such axis, or no such baseline.
pub fn levels(
    results: &Results,
    figures: &[String],
    by: &[String],
    baseline: Option<&str>,
) -> Result<Comparison, Diagnostic> {
    let manifest = &results.manifest;
    let axes = by.iter().map(|name| axis(manifest, name)).collect::<Result<Vec<_>, _>>()?;
    let others = free_axes(manifest, &axes);
    let mut levels: Vec<Level> = Vec::new();
    for (place, point) in manifest.points.iter().enumerate() {
        let own: Vec<usize> = axes.iter().map(|axis| point.levels[*axis]).collect();
        let rest: Vec<usize> = others.iter().map(|axis| point.levels[*axis]).collect();
        match levels.iter_mut().find(|level| level.levels == own) {
            Some(level) => {
                level.points.insert(rest, place);
            }
            None => levels.push(Level {
                label: label(manifest, &axes, &own),
                levels: own,
                points: BTreeMap::from([(rest, place)]),
                figures: Vec::new(),
                differences: Vec::new(),
                on_front: true,
            }),
        }
    }
    if let Some(wanted) = baseline {
        let short = |label: &str| {
            label
                .split(',')
                .filter_map(|part| part.split_once('='))
                .map(|part| part.1.to_owned())
                .collect::<Vec<_>>()
                .join(",")
        };
        let place = levels.iter().position(|level| level.label == wanted || short(&level.label) == wanted);
        let Some(place) = place else {
            let mut error = Diagnostic::error(format!("there is no level `{wanted}`"));
            error.help = name_help(wanted, levels.iter().map(|level| level.label.as_str()));
            return Err(error);
        };
        let first = levels.remove(place);
        levels.insert(0, first);
    }
    let paired = manifest.common_random_numbers;
    let first = levels[0].points.clone();
    for (number, level) in levels.iter_mut().enumerate() {
        let all: Vec<usize> = level.points.values().copied().collect();
        for figure in figures {
            level.figures.push(Description::of(&averages(results, figure, &all)));
            level.differences.push(if number == 0 {
                None
            } else {
                let common =
                    level.points.iter().filter_map(|(rest, place)| Some((*first.get(rest)?, *place)));
                let (a, b): (Vec<usize>, Vec<usize>) = common.unzip();
                let (a, b) = (averages(results, figure, &a), averages(results, figure, &b));
                if paired { Difference::paired(&a, &b, LEVEL) } else { Difference::unpaired(&a, &b, LEVEL) }
            });
        }
    }
    mark_front(&mut levels, figures);
    Ok(Comparison { figures: figures.to_vec(), levels, paired, adjusted: false })
}

/// Takes from every difference what the losses of its runs explain of it, which narrows its interval (see
/// [`adjusted`]). `results` holds the [`adjusted::covariates`] as well; without pairs nothing changes.
pub fn adjust(compared: &mut Comparison, results: &Results) {
    let Some((first, others)) = compared.levels.split_first_mut() else { return };
    if !compared.paired {
        return;
    }
    for level in others {
        let common = level.points.iter().filter_map(|(rest, place)| Some((*first.points.get(rest)?, *place)));
        let (a, b): (Vec<usize>, Vec<usize>) = common.unzip();
        for (figure, difference) in compared.figures.iter().zip(&mut level.differences) {
            let of = |figure: &str| (averages(results, figure, &a), averages(results, figure, &b));
            let covariates = adjusted::known(figure, of);
            let (a, b) = of(figure);
            *difference = adjusted::difference(&a, &b, &covariates, LEVEL);
        }
    }
    compared.adjusted = true;
}

fn axis(manifest: &Manifest, name: &str) -> Result<usize, Diagnostic> {
    manifest.axes.iter().position(|axis| axis.name == name).ok_or_else(|| {
        let mut error = Diagnostic::error(format!("there is no axis `{name}`"));
        error.help = name_help(name, manifest.axes.iter().map(|axis| axis.name.as_str()));
        error
    })
}

fn label(manifest: &Manifest, axes: &[usize], levels: &[usize]) -> String {
    let parts = axes.iter().zip(levels).map(|(axis, level)| {
        let axis = &manifest.axes[*axis];
        format!("{}={}", axis.name, axis.labels[*level])
    });
    parts.collect::<Vec<_>>().join(",")
}

/// The other axes, without those that follow from the ones compared by, as zipped axes do.
fn free_axes(manifest: &Manifest, axes: &[usize]) -> Vec<usize> {
    let follows = |other: usize| {
        let mut seen: BTreeMap<Vec<usize>, usize> = BTreeMap::new();
        manifest.points.iter().all(|point| {
            let own: Vec<usize> = axes.iter().map(|axis| point.levels[*axis]).collect();
            *seen.entry(own).or_insert(point.levels[other]) == point.levels[other]
        })
    };
    (0..manifest.axes.len()).filter(|axis| !axes.contains(axis) && !follows(*axis)).collect()
}

/// The mean over these points in each run that all of them have.
fn averages(results: &Results, figure: &str, points: &[usize]) -> Vec<f64> {
    let runs = points.iter().map(|point| results.of(figure, *point).len()).min().unwrap_or(0);
    (0..runs)
        .map(|run| {
            let values = points.iter().map(|point| results.of(figure, *point)[run]).filter(|v| !v.is_nan());
            let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
            if count == 0 { f64::NAN } else { sum / f64::from(count) }
        })
        .collect()
}

/// Marks the levels that no other one beats, by their means.
fn mark_front(levels: &mut [Level], figures: &[String]) {
    let costs: Vec<Vec<Option<f64>>> = levels
        .iter()
        .map(|level| {
            let cost = |(figure, of): (&String, &Option<Description>)| {
                let mean = of.as_ref()?.interval.mean;
                Some(if more_is_better(figure) { -mean } else { mean })
            };
            figures.iter().zip(&level.figures).map(cost).collect()
        })
        .collect();
    for (place, level) in levels.iter_mut().enumerate() {
        level.on_front = !costs.iter().any(|other| beats(other, &costs[place]));
    }
}

/// Whether `a` is no worse than `b` in anything and better in something. What has no value is worse
/// than any.
pub(crate) fn beats(a: &[Option<f64>], b: &[Option<f64>]) -> bool {
    let cost = |value: &Option<f64>| value.unwrap_or(f64::INFINITY);
    a.iter().zip(b).all(|(a, b)| cost(a) <= cost(b)) && a.iter().zip(b).any(|(a, b)| cost(a) < cost(b))
}

/// The comparison as tables: the levels, their differences from the first, what pairs save, and what they could
/// save at most. Without pairs the last two are not there.
#[must_use]
pub fn tables(compared: &Comparison, manifest: &Manifest, by: &[String]) -> Vec<Table> {
    let runs = manifest.points.iter().map(|point| point.runs).min().unwrap_or(0);
    let mut headings = vec!["level".to_owned()];
    headings.extend(compared.figures.iter().cloned());
    let interval =
        |of: &Option<Description>| of.as_ref().map_or(Cell::Nothing, |of| Cell::Interval(of.interval));
    let rows = compared.levels.iter().map(|level| {
        let mut row = vec![Cell::Text(level.label.clone())];
        row.extend(level.figures.iter().map(interval));
        row.push(Cell::Text(if level.on_front { "yes" } else { "no" }.to_owned()));
        row
    });
    let mut with_front = headings.clone();
    with_front.push("Pareto front".to_owned());
    let title = format!(
        "{} by {}: means over the other axes with 95 % intervals over {runs} runs; on the Pareto front no other level is as good in every figure{}",
        manifest.scenario,
        by.join(", "),
        uneven(&compared.levels)
    );
    let mut tables = vec![Table { title, headings: with_front, rows: rows.collect() }];
    let (Some(first), true) = (compared.levels.first(), compared.levels.len() > 1) else { return tables };
    let difference = |of: &Option<Difference>| of.map_or(Cell::Nothing, |of| Cell::Interval(of.interval));
    let saving = |of: &Option<Difference>| of.map_or(Cell::Nothing, |of| Cell::Number(of.saving));
    let at_most = |of: &Option<Difference>| of.map_or(Cell::Nothing, |of| Cell::Number(of.at_most));
    let row = |cell: &dyn Fn(&Option<Difference>) -> Cell| -> Vec<Vec<Cell>> {
        let others = compared.levels[1..].iter();
        others
            .map(|level| {
                let mut row = vec![Cell::Text(level.label.clone())];
                row.extend(level.differences.iter().map(cell));
                row
            })
            .collect()
    };
    let how = match (compared.paired, compared.adjusted) {
        (true, true) => "run by run on the same random numbers, less what the runs' losses explain",
        (true, false) => "run by run on the same random numbers",
        (false, _) => "of independent runs",
    };
    let title = format!("differences from {}, {how}, with 95 % intervals", first.label);
    tables.push(Table { title, headings: headings.clone(), rows: row(&difference) });
    if compared.paired {
        let without = if compared.adjusted { "pairs and adjustment" } else { "pairs" };
        let title = format!("how many times more runs the same interval would take without {without}");
        tables.push(Table { title, headings: headings.clone(), rows: row(&saving) });
        let title = "at most, were the same runs paired perfectly: by rank, least with least".to_owned();
        tables.push(Table { title, headings, rows: row(&at_most) });
    }
    tables
}

/// A warning where conditions between the axes leave the levels different points: their means are then of
/// different things, while their differences are of the points that both have.
fn uneven(levels: &[Level]) -> String {
    let same = |level: &Level| level.points.keys().eq(levels[0].points.keys());
    if levels.iter().all(same) {
        return String::new();
    }
    let counts: Vec<String> = levels.iter().map(|level| level.points.len().to_string()).collect();
    format!(
        "; the levels have different points ({}), so compare them by their differences",
        counts.join(", ")
    )
}

/// A figure of a point in two sweeps.
#[derive(Clone, PartialEq, Debug)]
pub struct Change {
    /// The point.
    pub label: String,
    /// The figure.
    pub figure: String,
    /// The means in the first and the second sweep.
    pub means: (f64, f64),
    /// The difference.
    pub difference: Difference,
    /// Whether it is significant among all that were looked at.
    pub significant: bool,
}

/// Two sweeps compared point by point.
#[derive(Clone, PartialEq, Debug)]
pub struct Changes {
    /// Every point and figure that both have.
    pub changes: Vec<Change>,
    /// Points of the first sweep only.
    pub only_first: Vec<String>,
    /// Points of the second sweep only.
    pub only_second: Vec<String>,
    /// Level of each interval, so that all of them together hold at [`LEVEL`] (Bonferroni).
    pub level: f64,
}

impl Changes {
    /// Whether anything changed.
    #[must_use]
    pub fn any(&self) -> bool {
        self.changes.iter().any(|change| change.significant)
            || !self.only_first.is_empty()
            || !self.only_second.is_empty()
    }
}

/// Compares two sweeps, point by point.
#[must_use]
pub fn sweeps(first: &Results, second: &Results, figures: &[String]) -> Changes {
    let places = |results: &Results| -> BTreeMap<String, usize> {
        results
            .manifest
            .points
            .iter()
            .enumerate()
            .map(|(place, point)| (point.label.clone(), place))
            .collect()
    };
    let (of_first, of_second) = (places(first), places(second));
    let both = first.manifest.points.iter().filter(|point| of_second.contains_key(&point.label)).count();
    let looks = (both * figures.len()).max(1);
    let level = 1.0 - (1.0 - LEVEL) / looks as f64;
    let mut changes = Vec::new();
    for (place, point) in first.manifest.points.iter().enumerate() {
        let Some(&other) = of_second.get(&point.label) else { continue };
        let same_draws = point.seed == second.manifest.points[other].seed;
        for figure in figures {
            let (a, b) = (first.of(figure, place), second.of(figure, other));
            let difference =
                if same_draws { Difference::paired(a, b, level) } else { Difference::unpaired(a, b, level) };
            let (Some(of_a), Some(of_b), Some(difference)) =
                (Description::of(a), Description::of(b), difference)
            else {
                continue;
            };
            changes.push(Change {
                label: point.label.clone(),
                figure: figure.clone(),
                means: (of_a.interval.mean, of_b.interval.mean),
                significant: difference.is_significant(),
                difference,
            });
        }
    }
    let without = |a: &BTreeMap<String, usize>, b: &BTreeMap<String, usize>| {
        a.keys().filter(|label| !b.contains_key(*label)).cloned().collect()
    };
    Changes {
        changes,
        only_first: without(&of_first, &of_second),
        only_second: without(&of_second, &of_first),
        level,
    }
}

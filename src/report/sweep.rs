//! The pictures of a sweep: figures along an axis, the trade-off with its Pareto front, energy by
//! cause.

use super::canvas::{Body, Lines, Picture, Series};
use super::run::stacked;
use crate::scenario::Diagnostic;
use crate::study::compare::{self, Comparison, Level, beats, more_is_better};
use crate::study::manifest::Manifest;
use crate::study::read::Results;

/// Lines in one picture; more would not be told apart.
const MOST_LINES: usize = 7;
/// Points of the trade-off that are drawn with their intervals.
const MOST_INTERVALS: usize = 60;

/// The figures that the pictures of this sweep need.
#[must_use]
pub fn needed(manifest: &Manifest) -> Vec<String> {
    let mut figures = manifest.figures.clone();
    figures.extend(manifest.columns.iter().filter(|column| is_cause(column)).cloned());
    figures.extend(manifest.columns.iter().filter(|column| is_battery(column)).cloned());
    figures.sort();
    figures.dedup();
    figures
}

fn is_cause(column: &str) -> bool {
    column.contains(".energy_by_cause_j.") && !column.contains(".energy_by_cause_j.idle")
}

fn is_battery(column: &str) -> bool {
    column.ends_with(".battery_days") || column.ends_with(".battery_days.mean")
}

/// All pictures that this sweep has something to show in.
///
/// # Errors
/// Never for a sweep that was read: its axes are its own.
pub fn pictures(results: &Results) -> Result<Vec<Picture>, Diagnostic> {
    let manifest = &results.manifest;
    let mut pictures = Vec::new();
    let (along, lines) = axes(manifest);
    for (place, figure) in manifest.figures.iter().enumerate() {
        pictures.extend(along_axis(results, figure, along, lines, place)?);
    }
    let all: Vec<String> = manifest.axes.iter().map(|axis| axis.name.clone()).collect();
    let points = compare::levels(results, &manifest.figures, &all, None)?;
    pictures.extend(trade_offs(&points, manifest));
    pictures.extend(energy(results)?);
    pictures.extend(battery(results)?);
    Ok(pictures)
}

/// The axis to draw along, the one with a scale and most values, and the axis whose values are lines.
fn axes(manifest: &Manifest) -> (usize, Option<usize>) {
    let order = |axis: &usize| {
        let axis = &manifest.axes[*axis];
        (axis.is_numeric() && axis.labels.len() > 2, axis.labels.len())
    };
    let along = (0..manifest.axes.len()).rev().max_by_key(order).unwrap_or(0);
    let lines = (0..manifest.axes.len())
        .find(|axis| *axis != along && (2..=MOST_LINES).contains(&manifest.axes[*axis].labels.len()));
    (along, lines)
}

/// A figure with its intervals along one axis, a line for each value of another, means over the rest.
fn along_axis(
    results: &Results,
    figure: &str,
    along: usize,
    lines: Option<usize>,
    place: usize,
) -> Result<Option<Picture>, Diagnostic> {
    let manifest = &results.manifest;
    let axis = &manifest.axes[along];
    let by: Vec<String> =
        lines.into_iter().chain([along]).map(|axis| manifest.axes[axis].name.clone()).collect();
    let compared = compare::levels(results, &[figure.to_owned()], &by, None)?;
    let mut series: Vec<Series> = Vec::new();
    for level in &compared.levels {
        let Some(of) = &level.figures[0] else { continue };
        let (line, at) = match level.levels[..] {
            [line, at] => (Some(line), at),
            _ => (None, level.levels[0]),
        };
        let name = match (line, lines) {
            (Some(line), Some(lines)) => format!("{} {}", by[0], manifest.axes[lines].labels[line]),
            (_, _) => String::new(),
        };
        let x = axis.numbers[at].filter(|_| axis.is_numeric()).unwrap_or(at as f64);
        let of_line = match series.iter().position(|series| series.name == name) {
            Some(known) => &mut series[known],
            None => {
                let colour = series.len();
                series.push(Series {
                    name,
                    joined: axis.is_numeric(),
                    marked: true,
                    colour,
                    ..Series::default()
                });
                series.last_mut().expect("just added")
            }
        };
        of_line.points.push((x, of.interval.mean));
        of_line.errors.push((0.0, of.interval.half_width));
    }
    if series.is_empty() {
        return Ok(None);
    }
    let scale = Scale::of(figure, series.iter().flat_map(|series| &series.points).map(|point| point.1));
    for series in &mut series {
        series.points.iter_mut().for_each(|point| point.1 *= scale.factor);
        series.errors.iter_mut().for_each(|error| error.1 *= scale.factor);
    }
    let rest = manifest.axes.len() - by.len();
    let over = if rest > 0 { ", means over the other axes" } else { "" };
    Ok(Some(Picture {
        name: format!("plot-{}-{}", place + 1, plain(figure)),
        title: format!("{}{over}", scale.label),
        description: format!("{} lines along {}, with 95 % intervals", series.len(), axis.name),
        body: Body::Lines(Lines {
            x: axis_label(manifest, along),
            y: scale.label,
            names: if axis.is_numeric() { Vec::new() } else { axis.labels.clone() },
            series,
            from_zero: false,
        }),
    }))
}

/// Each later figure against the first cost, point by point, with those points that no other beats.
fn trade_offs(points: &Comparison, manifest: &Manifest) -> Vec<Picture> {
    // What does not vary is no trade-off.
    let varies = |place: usize| {
        let means: Vec<f64> = points
            .levels
            .iter()
            .filter_map(|level| Some(level.figures[place].as_ref()?.interval.mean))
            .collect();
        means.iter().any(|mean| *mean != means[0])
    };
    let varying: Vec<usize> = (0..points.figures.len()).filter(|place| varies(*place)).collect();
    let energy = varying.iter().copied().find(|place| points.figures[*place].contains("energy"));
    let Some(across) = energy.or(varying.first().copied()) else { return Vec::new() };
    varying
        .iter()
        .copied()
        .filter(|up| *up != across)
        .take(3)
        .map(|up| trade_off(points, manifest, across, up))
        .collect()
}

fn trade_off(points: &Comparison, manifest: &Manifest, across: usize, up: usize) -> Picture {
    let (x, y) = (&points.figures[across], &points.figures[up]);
    let cost = |figure: &str, mean: f64| Some(if more_is_better(figure) { -mean } else { mean });
    let place = |level: &Level| {
        let (x, y) = (level.figures[across].as_ref()?, level.figures[up].as_ref()?);
        Some((x.interval, y.interval))
    };
    let all: Vec<(&Level, (_, _))> =
        points.levels.iter().filter_map(|level| Some((level, place(level)?))).collect();
    let costs: Vec<[Option<f64>; 2]> =
        all.iter().map(|(_, (a, b))| [cost(x, a.mean), cost(y, b.mean)]).collect();
    let on_front = |place: usize| !costs.iter().any(|other| beats(other, &costs[place]));
    let first = (manifest.axes[0].labels.len() <= MOST_LINES).then_some(0_usize);
    let mut series: Vec<Series> = Vec::new();
    for (level, (of_x, of_y)) in &all {
        let value = first.map_or(0, |axis| level.levels[axis]);
        let name = first.map_or(String::new(), |axis| {
            format!("{} {}", manifest.axes[axis].name, manifest.axes[axis].labels[value])
        });
        let of = match series.iter().position(|series| series.colour == value) {
            Some(known) => &mut series[known],
            None => {
                series.push(Series { name, marked: true, colour: value, ..Series::default() });
                series.last_mut().expect("just added")
            }
        };
        of.points.push((of_x.mean, of_y.mean));
        if all.len() <= MOST_INTERVALS {
            of.errors.push((of_x.half_width, of_y.half_width));
        }
    }
    let mut front: Vec<(f64, f64)> = (0..all.len())
        .filter(|place| on_front(*place))
        .map(|place| (all[place].1.0.mean, all[place].1.1.mean))
        .collect();
    front.sort_by(|a, b| a.0.total_cmp(&b.0));
    let on = front.len();
    let reach = |pick: fn(&(f64, f64)) -> f64| series.iter().flat_map(|s| &s.points).map(pick);
    let (of_x, of_y) = (Scale::of(x, reach(|point| point.0)), Scale::of(y, reach(|point| point.1)));
    series.push(Series {
        name: "Pareto front".to_owned(),
        points: front,
        joined: true,
        colour: 7,
        ..Series::default()
    });
    for point in series.iter_mut().flat_map(|series| series.points.iter_mut().chain(&mut series.errors)) {
        *point = (point.0 * of_x.factor, point.1 * of_y.factor);
    }
    Picture {
        name: format!("plot-tradeoff-{}-{}", plain(x), plain(y)),
        title: format!("Trade-off: {} against {}", of_y.name, of_x.name),
        description: format!(
            "every point of the sweep: {y} against {x}; {on} of {} points are on the Pareto front",
            all.len()
        ),
        body: Body::Lines(Lines { x: of_x.label, y: of_y.label, series, ..Lines::default() }),
    }
}

/// Energy above idle by cause for each value of the first axis, of the host entry that uses most.
fn energy(results: &Results) -> Result<Option<Picture>, Diagnostic> {
    let manifest = &results.manifest;
    let columns: Vec<&String> = manifest.columns.iter().filter(|column| is_cause(column)).collect();
    let host = |column: &str| column.split(".energy_by_cause_j.").next().unwrap_or_default().to_owned();
    let figures: Vec<String> = columns.iter().map(|column| (*column).clone()).collect();
    let by = [manifest.axes[0].name.clone()];
    let compared = compare::levels(results, &figures, &by, None)?;
    let mean = |level: &Level, place: usize| level.figures[place].as_ref().map_or(0.0, |of| of.interval.mean);
    let mut hosts: Vec<String> = figures.iter().map(|figure| host(figure)).collect();
    hosts.dedup();
    // The entry that the sweep is about: one that its figures name, a fleet, the one that uses most.
    let use_of = |wanted: &String| -> f64 {
        let all = compared.levels.iter().flat_map(|level| {
            figures
                .iter()
                .enumerate()
                .filter(|(_, f)| host(f) == *wanted)
                .map(|(place, _)| mean(level, place))
        });
        all.sum()
    };
    let named = |name: &String| manifest.figures.iter().any(|figure| figure.starts_with(name));
    let fleet =
        |name: &String| figures.iter().any(|figure| host(figure) == *name && figure.ends_with(".mean"));
    let rank = |name: &String| (named(name), fleet(name));
    let chosen = hosts.iter().max_by(|a, b| rank(a).cmp(&rank(b)).then(use_of(a).total_cmp(&use_of(b))));
    let Some(chosen) = chosen else { return Ok(None) };
    let rows: Vec<(String, Vec<(String, f64)>)> = compared
        .levels
        .iter()
        .map(|level| {
            let causes = figures.iter().enumerate().filter(|(_, figure)| host(figure) == *chosen);
            let cause = |(place, figure): (usize, &String)| {
                let name = figure.rsplit(".energy_by_cause_j.").next().unwrap_or_default();
                (name.trim_end_matches(".mean").replace('_', " "), 1e3 * mean(level, place))
            };
            (manifest.axes[0].labels[level.levels[0]].clone(), causes.map(cause).collect())
        })
        .collect();
    let name = chosen.trim_start_matches("nodes.");
    Ok(stacked(&rows, "plot-energy", &format!("Energy above idle of one {name} by {}", by[0])))
}

/// Battery days by the first axis, where any host has a battery.
fn battery(results: &Results) -> Result<Option<Picture>, Diagnostic> {
    let manifest = &results.manifest;
    let figures: Vec<String> = manifest.columns.iter().filter(|column| is_battery(column)).cloned().collect();
    let (along, lines) = axes(manifest);
    for figure in &figures {
        let picture = along_axis(results, figure, along, lines, manifest.figures.len())?;
        if let Some(picture) = picture {
            return Ok(Some(Picture { name: "plot-battery".to_owned(), ..picture }));
        }
    }
    Ok(None)
}

fn axis_label(manifest: &Manifest, place: usize) -> String {
    let axis = &manifest.axes[place];
    if axis.is_plain() || !axis.is_numeric() {
        return axis.name.clone();
    }
    let unit = axis.labels[0].rsplit(' ').next().unwrap_or_default();
    let unit = match unit {
        unit if unit.ends_with("bit/s") => "bit/s",
        unit if unit.ends_with('B') => "B",
        unit if unit.ends_with('%') => "",
        _ => "s",
    };
    if unit.is_empty() { axis.name.clone() } else { format!("{} ({unit})", axis.name) }
}

/// A figure as people write it: its name and unit, and what its values are multiplied with.
struct Scale {
    name: String,
    label: String,
    factor: f64,
}

impl Scale {
    fn of(figure: &str, values: impl Iterator<Item = f64>) -> Self {
        let largest = values.map(f64::abs).fold(0.0, f64::max);
        let stem = figure.strip_suffix(".mean").unwrap_or(figure).trim_start_matches("nodes.");
        let plain = |name: &str, unit: &str, factor: f64| Scale {
            name: name.to_owned(),
            label: if unit.is_empty() { name.to_owned() } else { format!("{name} ({unit})") },
            factor,
        };
        if figure.starts_with("latency") {
            return plain(figure, "ms", 1.0);
        }
        let units =
            [("_ms", "ms"), ("_bytes", "B"), ("_days", "days"), ("_j", "J"), ("_w", "W"), ("_s", "s")];
        let unit = units.iter().find(|(ending, _)| stem.ends_with(ending) && !stem.ends_with("per_s"));
        match unit {
            Some((ending, unit @ ("J" | "W"))) if largest < 0.1 => {
                plain(stem.trim_end_matches(ending), &format!("m{unit}"), 1e3)
            }
            Some((ending, unit)) => plain(stem.trim_end_matches(ending), unit, 1.0),
            None => plain(stem, "", 1.0),
        }
    }
}

/// A name for a file.
fn plain(figure: &str) -> String {
    figure.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

//! The axes of a sweep, checked, each value with the `--set` arguments that it stands for.

use super::View;
use crate::scenario::condition::{Condition, Value};
use crate::scenario::error::{Diagnostic, Place, name_help};
use crate::scenario::expect::Nonsense;
use crate::scenario::schema::Sweep;
use crate::scenario::schema::sweep::{Axis, LogRange, Precision, Range, Written};

mod steps;

/// Most points of a sweep.
pub const MOST_POINTS: u128 = 100_000;

/// The axes of a sweep and its replications, checked as far as the axes alone go.
#[derive(Clone, Debug)]
pub struct PlannedSweep {
    /// The axes, in the order of the file.
    pub axes: Vec<PlannedAxis>,
    /// Axes that advance together, the slowest group first; most groups have one member.
    pub groups: Vec<Vec<usize>>,
    /// Conditions that every point meets.
    pub only: Vec<Condition>,
    /// Replications of each point.
    pub runs: u64,
    /// Whether run *r* of every point draws the same random numbers.
    pub common_random_numbers: bool,
    /// The figures that comparisons and reports begin with.
    pub figures: Vec<String>,
    /// Where each of them stands.
    pub figure_places: Vec<Place>,
    /// When a point has been run often enough, if that is not a fixed number.
    pub precision: Option<Precision>,
    /// Where the figure that this is about stands.
    pub precision_place: Option<Place>,
}

/// One axis.
#[derive(Clone, Debug)]
pub struct PlannedAxis {
    /// Its name.
    pub name: String,
    /// The keys it sets; empty where each level sets its own.
    pub keys: Vec<String>,
    /// Its values.
    pub levels: Vec<PlannedLevel>,
    /// Where its keys stand.
    pub place: Place,
}

/// One value of an axis.
#[derive(Clone, Debug)]
pub struct PlannedLevel {
    /// What labels and tables call it, and its number.
    pub value: Value,
    /// Arguments of `--set` that make it so.
    pub sets: Vec<String>,
    /// Where it stands.
    pub place: Place,
}

impl PlannedSweep {
    /// Number of points before any condition.
    #[must_use]
    pub fn size(&self) -> u128 {
        self.groups.iter().map(|group| self.axes[group[0]].levels.len() as u128).product()
    }
}

/// Checks the axes of `sweep`.
///
/// # Errors
/// The first thing that is wrong.
pub(super) fn plan(view: &View<'_>, sweep: &Sweep) -> Result<PlannedSweep, Diagnostic> {
    if sweep.axes.is_empty() {
        return Err(view
            .error("a sweep without axes", &["sweep", "axes"], "at least one")
            .help("write `axes: [(name: \"qos\", values: [0, 1, 2])]`"));
    }
    if sweep.runs == 0 {
        return Err(view
            .error("no runs", &["sweep", "runs"], "at least 1")
            .help("10 is usual, and what is taken without `runs`"));
    }
    let sizes = sizes(view, sweep)?;
    let groups = groups(view, sweep, &sizes)?;
    let points = groups.iter().map(|group| sizes[group[0]]).fold(1_u128, u128::saturating_mul);
    if points > MOST_POINTS {
        let product: Vec<String> = groups.iter().map(|group| sizes[group[0]].to_string()).collect();
        return Err(view
            .error(format!("the sweep has {points} points"), &["sweep", "axes"], "too many")
            .help(format!("{} values: at most {MOST_POINTS} points", product.join(" x ")))
            .help("take fewer values, wider steps, or advance axes together with `zip`"));
    }
    let axes = sweep.axes.iter().enumerate().map(|(index, axis)| planned(view, index, axis));
    let axes = axes.collect::<Result<Vec<_>, _>>()?;
    distinct(&axes, &groups)?;
    let names: Vec<&str> = axes.iter().map(|axis| axis.name.as_str()).collect();
    let only = sweep.only.iter().enumerate().map(|(index, text)| {
        Condition::parse(text, &names)
            .map_err(|nonsense| nonsense_at(view, &["sweep", "where", &index.to_string()], text, &nonsense))
    });
    let here = |path: &[&str]| view.source.place(view.outline.shown(path), "unknown figure");
    let figure_places = (0..sweep.figures.len()).map(|place| here(&["sweep", "figures", &place.to_string()]));
    Ok(PlannedSweep {
        figure_places: figure_places.collect(),
        precision_place: sweep.precision.as_ref().map(|_| here(&["sweep", "precision", "of"])),
        only: only.collect::<Result<Vec<_>, _>>()?,
        runs: sweep.runs,
        common_random_numbers: sweep.common_random_numbers,
        figures: sweep.figures.clone(),
        precision: sweep.precision.clone(),
        axes,
        groups,
    })
}

/// An axis that advances alone has no value twice; one that is zipped may.
fn distinct(axes: &[PlannedAxis], groups: &[Vec<usize>]) -> Result<(), Diagnostic> {
    for group in groups.iter().filter(|group| group.len() == 1) {
        let axis = &axes[group[0]];
        for (at, level) in axis.levels.iter().enumerate() {
            if axis.levels[..at].iter().any(|earlier| earlier.value.label == level.value.label) {
                let message = format!("the axis `{}` has the value `{}` twice", axis.name, level.value.label);
                return Err(Diagnostic::error(message).at(level.place.clone()));
            }
        }
    }
    Ok(())
}

fn nonsense_at(view: &View<'_>, path: &[&str], text: &str, nonsense: &Nonsense) -> Diagnostic {
    let shown = view.outline.shown(path);
    let written = &view.source.text()[shown.clone()];
    let span = match written.find(text) {
        Some(inside) if !text.is_empty() => {
            shown.start + inside + nonsense.span.start..shown.start + inside + nonsense.span.end
        }
        Some(_) | None => shown,
    };
    Diagnostic::error(nonsense.refusal.message.clone())
        .at(view.source.place(span, "in this condition"))
        .help(nonsense.refusal.help.clone())
}

/// How many values each axis has, before any of them is made.
fn sizes(view: &View<'_>, sweep: &Sweep) -> Result<Vec<u128>, Diagnostic> {
    let mut sizes = Vec::new();
    for (index, axis) in sweep.axes.iter().enumerate() {
        let number = index.to_string();
        let at = |key: &'static str| ["sweep", "axes", number.as_str(), key];
        if axis.name.trim().is_empty() || axis.name.contains(['=', ',', '<', '>', '!', '&', '|']) {
            return Err(view
                .error(format!("`{}` is no name of an axis", axis.name), &at("name"), "refused")
                .help("a name goes into labels and conditions: letters, digits, `_`, `-` and `.`"));
        }
        if sweep.axes[..index].iter().any(|earlier| earlier.name == axis.name) {
            let message = format!("two axes are called `{}`", axis.name);
            return Err(view.error(message, &at("name"), "again here"));
        }
        let given = [
            ("values", axis.values.is_some()),
            ("range", axis.range.is_some()),
            ("log", axis.log.is_some()),
            ("levels", axis.levels.is_some()),
        ];
        let given: Vec<&str> = given.iter().filter(|(_, there)| *there).map(|(key, _)| *key).collect();
        let [kind] = given[..] else {
            let what = if given.is_empty() { "no values" } else { "values of more than one kind" };
            return Err(view
                .error(format!("the axis `{}` has {what}", axis.name), &["sweep", "axes", &number], "here")
                .help("give one of `values`, `range`, `log`, `levels`"));
        };
        let size = size(view, axis, &number)?;
        if size == 0 {
            return Err(view
                .error(
                    format!("the axis `{}` has no values", axis.name),
                    &["sweep", "axes", &number, kind],
                    "empty",
                )
                .help("give at least one value, or remove the axis"));
        }
        sizes.push(size);
    }
    Ok(sizes)
}

fn size(view: &View<'_>, axis: &Axis, number: &str) -> Result<u128, Diagnostic> {
    if let Some(values) = &axis.values {
        return Ok(values.len() as u128);
    }
    if let Some(Range { from, to, step }) = &axis.range {
        return steps::count(from, to, step).map_err(|(key, refusal)| {
            view.error(refusal.message, &["sweep", "axes", number, "range", key], "refused")
                .help(refusal.help)
        });
    }
    if let Some(LogRange { from, to, points }) = &axis.log {
        return steps::ratio(from, to, *points).map(|_| u128::from(*points)).map_err(|(key, refusal)| {
            view.error(refusal.message, &["sweep", "axes", number, "log", key], "refused").help(refusal.help)
        });
    }
    Ok(axis.levels.as_ref().map_or(0, |levels| levels.0.len() as u128))
}

/// Every axis in a group of its own, but those that are zipped.
fn groups(view: &View<'_>, sweep: &Sweep, sizes: &[u128]) -> Result<Vec<Vec<usize>>, Diagnostic> {
    let mut groups: Vec<Vec<usize>> = (0..sizes.len()).map(|axis| vec![axis]).collect();
    for (index, names) in sweep.zip.iter().enumerate() {
        let number = index.to_string();
        let mut members = Vec::new();
        for (place, name) in names.iter().enumerate() {
            let place = place.to_string();
            let path = ["sweep", "zip", number.as_str(), place.as_str()];
            let Some(axis) = sweep.axes.iter().position(|axis| axis.name == *name) else {
                let mut error = view.error(format!("there is no axis `{name}`"), &path, "unknown name");
                error.help = name_help(name, sweep.axes.iter().map(|axis| axis.name.as_str()));
                return Err(error);
            };
            if !groups.contains(&vec![axis]) || members.contains(&axis) {
                return Err(view.error(format!("`{name}` is zipped twice"), &path, "again here"));
            }
            if let Some(first) = members.first()
                && sizes[*first] != sizes[axis]
            {
                let (this, that) = (sizes[axis], sizes[*first]);
                let other = &sweep.axes[*first].name;
                return Err(view
                    .error(
                        format!("`{name}` has {this} values, `{other}` has {that}"),
                        &path,
                        "does not match",
                    )
                    .help("axes that advance together have the same number of values"));
            }
            members.push(axis);
        }
        let Some(first) = members.iter().min().copied() else { continue };
        groups.retain(|group| group == &vec![first] || !members.contains(&group[0]));
        if let Some(group) = groups.iter_mut().find(|group| group[0] == first) {
            *group = members;
        }
    }
    Ok(groups)
}

fn planned(view: &View<'_>, index: usize, axis: &Axis) -> Result<PlannedAxis, Diagnostic> {
    let number = index.to_string();
    let place = |path: &[&str]| {
        let whole: Vec<&str> = ["sweep", "axes", &number].into_iter().chain(path.iter().copied()).collect();
        view.source.place(view.outline.shown(&whole), "of this axis")
    };
    let keys = match (&axis.set, &axis.levels) {
        (Some(keys), _) => keys.0.clone(),
        (None, Some(_)) => Vec::new(),
        (None, None) => vec![axis.name.clone()],
    };
    let level = |written: &str, place: Place| PlannedLevel {
        value: Value::of(&label(written)),
        sets: keys.iter().map(|key| format!("{key}={written}")).collect(),
        place,
    };
    let levels = if let Some(values) = &axis.values {
        let with_place =
            |(at, value): (usize, &Written)| level(&value.0, place(&["values", &at.to_string()]));
        values.iter().enumerate().map(with_place).collect()
    } else if let Some(Range { from, to, step }) = &axis.range {
        steps::range(from, to, step).iter().map(|value| level(value, place(&["range"]))).collect()
    } else if let Some(LogRange { from, to, points }) = &axis.log {
        steps::log(from, to, *points).iter().map(|value| level(value, place(&["log"]))).collect()
    } else {
        let levels = axis.levels.iter().flat_map(|levels| &levels.0);
        let named =
            |(name, sets): &(String, crate::scenario::schema::sweep::FileOrder<Written>)| PlannedLevel {
                value: Value { label: name.clone(), number: None },
                sets: sets.0.iter().map(|(key, value)| format!("{key}={}", value.0)).collect(),
                place: place(&["levels", name]),
            };
        levels.map(named).collect()
    };
    let levels: Vec<PlannedLevel> = levels;
    let at = if axis.set.is_some() { place(&["set"]) } else { place(&["name"]) };
    Ok(PlannedAxis { name: axis.name.clone(), keys, levels, place: at })
}

/// How a value is shown: a string without its quotes, anything else as it is written.
fn label(written: &str) -> String {
    let plain = ron::from_str::<String>(written).unwrap_or_else(|_| written.to_owned());
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

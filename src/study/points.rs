//! The plan of a sweep: every point, loaded and checked before anything runs.

use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use super::expected::figures_are_known;
use crate::results::figures::paths_for;
use crate::scenario::condition::{Condition, Value};
use crate::scenario::error::{Diagnostic, Place};
use crate::scenario::load::{PlannedLevel, PlannedSweep, load_text};
use crate::scenario::named_files::Texts;
use crate::scenario::profiles::{Library, content_hash};
use crate::scenario::text::read_text;
use crate::scenario::{Loaded, Overrides, outline};

/// Figures that a sweep adds to those of a run: the share of expected deliveries that happened, and
/// the energy of all hosts together, with and without what they use when idle.
pub const DERIVED: [&str; 3] = ["delivery", "energy_j", "energy_above_idle_j"];

/// For each host entry a sweep adds `nodes.NAME.` and this: the mean over its members.
pub const ABOVE_IDLE: &str = "energy_above_idle_j";

/// One point of a sweep.
#[derive(Clone, Debug)]
pub struct Point {
    /// The level of each axis.
    pub levels: Vec<usize>,
    /// `qos=2,loss=0.01`.
    pub label: String,
    /// The scenario with the point's values.
    pub loaded: Arc<Loaded>,
    /// Seed of its random streams.
    pub seed: u64,
    /// What decides its results, apart from the run number.
    pub key: u128,
}

/// A sweep, ready to be run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The scenario without any point's values.
    pub base: Loaded,
    /// Its axes.
    pub sweep: PlannedSweep,
    /// The condition that selects points, if there is one.
    pub selection: Option<String>,
    /// The points, the last axis varying fastest.
    pub points: Vec<Point>,
    /// The figures of every run, the same for all points.
    pub columns: Vec<String>,
}

impl Plan {
    /// The files that the scenario of any point names.
    #[must_use]
    pub fn files(&self) -> Texts {
        let all = self.points.iter().map(|point| &point.loaded.files).chain([&self.base.files]);
        all.flatten().map(|(name, text)| (name.clone(), text.clone())).collect()
    }
}

/// What a call asks of a sweep beyond its scenario.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Choice {
    /// Only points of this condition.
    pub selection: Option<String>,
    /// Another number of replications.
    pub runs: Option<u64>,
    /// Random numbers of its own for every point, whatever the scenario says.
    pub independent: bool,
}

/// Reads a scenario and the axes of its sweep, and names the points without loading them.
///
/// # Errors
/// When something is wrong with the scenario, its axes or the selection.
pub fn outline_of(
    file: &Path,
    overrides: &Overrides,
    choice: &Choice,
) -> Result<(Loaded, PlannedSweep, Vec<Vec<usize>>), Diagnostic> {
    let text = read_text(file)?;
    let library = Library::find(file, overrides.profiles.as_deref())?;
    let base = load_text(file, &text, overrides, library)?;
    let Some(mut sweep) = base.sweep.clone() else {
        return Err(Diagnostic::error(format!("`{}` has no sweep", file.display()))
            .help("add `sweep: (axes: [(name: \"qos\", values: [0, 1, 2])], runs: 10)` to the scenario"));
    };
    if let Some(runs) = choice.runs {
        sweep.runs = runs.max(1);
    }
    sweep.common_random_numbers &= !choice.independent;
    let names: Vec<&str> = sweep.axes.iter().map(|axis| axis.name.as_str()).collect();
    let selection = choice.selection.as_ref().map(|text| {
        Condition::parse(text, &names).map_err(|nonsense| {
            let file = "the selection".to_owned();
            let label = "in this condition".to_owned();
            let place = Place { file, text: text.as_str().into(), span: nonsense.span, label };
            Diagnostic::error(nonsense.refusal.message).at(place).help(nonsense.refusal.help)
        })
    });
    let selection = selection.transpose()?;
    let points = enumerate(&sweep, selection.as_ref());
    if points.is_empty() {
        return Err(Diagnostic::error("no point is left")
            .help("no point meets all conditions: `list --points` without a selection shows them all"));
    }
    Ok((base, sweep, points))
}

/// The points that meet all conditions, the last axis varying fastest.
fn enumerate(sweep: &PlannedSweep, selection: Option<&Condition>) -> Vec<Vec<usize>> {
    let mut points = Vec::new();
    for number in 0..sweep.size() as usize {
        let mut rest = number;
        let mut levels = vec![0; sweep.axes.len()];
        for group in sweep.groups.iter().rev() {
            let size = sweep.axes[group[0]].levels.len();
            for axis in group {
                levels[*axis] = rest % size;
            }
            rest /= size;
        }
        let values: Vec<&Value> = chosen(sweep, &levels).map(|level| &level.value).collect();
        if sweep.only.iter().chain(selection).all(|condition| condition.holds(&values)) {
            points.push(levels);
        }
    }
    points
}

/// The level of each axis at a point.
pub fn chosen<'a>(sweep: &'a PlannedSweep, levels: &'a [usize]) -> impl Iterator<Item = &'a PlannedLevel> {
    sweep.axes.iter().zip(levels).map(|(axis, level)| &axis.levels[*level])
}

/// `qos=2,loss=0.01`.
#[must_use]
pub fn label(sweep: &PlannedSweep, levels: &[usize]) -> String {
    let parts = sweep.axes.iter().zip(chosen(sweep, levels));
    parts.map(|(axis, level)| format!("{}={}", axis.name, level.value.label)).collect::<Vec<_>>().join(",")
}

/// Reads a scenario, and loads and checks every point of its sweep.
///
/// # Errors
/// The first thing that is wrong, at its place: in an axis, where a value does not fit.
pub fn plan(file: &Path, overrides: &Overrides, choice: &Choice) -> Result<Plan, Diagnostic> {
    let (base, sweep, levels) = outline_of(file, overrides, choice)?;
    let text = read_text(file)?;
    let library = Library::find(file, overrides.profiles.as_deref())?;
    let loader = Loader { file, text: &text, overrides, library: &library, sweep: &sweep };
    // Collected in the order of the points: the first that is wrong is told at any number of jobs.
    let points: Vec<Result<Point, Diagnostic>> = levels.into_par_iter().map(|at| loader.point(at)).collect();
    let points = points.into_iter().collect::<Result<Vec<_>, _>>()?;
    let columns = columns(&points);
    check_figures(&sweep, &columns)?;
    Ok(Plan { base, sweep, selection: choice.selection.clone(), points, columns })
}

struct Loader<'a> {
    file: &'a Path,
    text: &'a str,
    overrides: &'a Overrides,
    library: &'a Library,
    sweep: &'a PlannedSweep,
}

impl Loader<'_> {
    fn point(&self, levels: Vec<usize>) -> Result<Point, Diagnostic> {
        let label = label(self.sweep, &levels);
        let mut overrides = self.overrides.clone();
        overrides.sets.extend(chosen(self.sweep, &levels).flat_map(|level| level.sets.iter().cloned()));
        let loaded = load_text(self.file, self.text, &overrides, self.library.clone())
            .map_err(|diagnostic| self.placed(diagnostic, &levels, &label))?;
        figures_are_known(&loaded).map_err(|diagnostic| diagnostic.help(format!("at the point {label}")))?;
        let common = self.sweep.common_random_numbers;
        let own_text = without_sweep(&loaded.text);
        let mut known = format!("{own_text}\u{0}{:?}\u{0}", loaded.scenario.duration);
        for profile in &loaded.profiles {
            known.push_str(&format!("{} {:032x}\n", profile.name, profile.hash));
        }
        let seed = match common {
            true => loaded.scenario.seed,
            false => loaded.scenario.seed ^ content_hash(own_text.as_bytes()) as u64,
        };
        known.push_str(&format!("seed {seed}"));
        Ok(Point { levels, label, seed, key: content_hash(known.as_bytes()), loaded: Arc::new(loaded) })
    }

    /// An error in a value of an axis is shown where the value stands.
    fn placed(&self, mut diagnostic: Diagnostic, levels: &[usize], label: &str) -> Diagnostic {
        let shown = diagnostic.place.take();
        if let Some(place) = &shown {
            for (axis, level) in self.sweep.axes.iter().zip(chosen(self.sweep, levels)) {
                let Some(set) = level.sets.iter().find(|set| place.file == format!("--set {set}")) else {
                    continue;
                };
                // Before the `=` stands the key, behind it the value.
                let in_key = set.find('=').is_some_and(|equals| place.span.start < equals);
                let mut at = if in_key { axis.place.clone() } else { level.place.clone() };
                at.label.clone_from(&place.label);
                return diagnostic.at(at).help(format!("the axis `{}` sets `{set}`", axis.name));
            }
        }
        diagnostic.place = shown;
        diagnostic.help(format!("at the point {label}"))
    }
}

/// The text of a scenario without its sweep, which decides nothing about a point's runs.
fn without_sweep(text: &str) -> String {
    let Ok(outline) = outline::scan(text) else { return text.to_owned() };
    match outline.entries().iter().find(|entry| entry.key == "sweep") {
        Some(entry) => format!("{}{}", &text[..entry.span.start], &text[entry.value.span.end..]),
        None => text.to_owned(),
    }
}

/// The figures of the runs of all points: those that every summary has, then the derived ones.
fn columns(points: &[Point]) -> Vec<String> {
    let mut columns: Vec<String> = DERIVED.map(str::to_owned).into();
    let mut seen: std::collections::BTreeSet<String> = columns.iter().cloned().collect();
    let mut last: Option<Vec<(&str, bool)>> = None;
    for point in points {
        let hosts: Vec<(&str, bool)> =
            point.loaded.groups.iter().map(|group| (&*group.name, group.count > 1)).collect();
        if last.as_ref() == Some(&hosts) {
            continue;
        }
        let added = hosts.iter().map(|(name, _)| format!("nodes.{name}.{ABOVE_IDLE}"));
        for path in added.chain(paths_for(hosts.iter().copied())) {
            // The extremes of every cause of every fleet would be most of the table.
            let extreme =
                path.contains(".energy_by_cause_j.") && (path.ends_with(".min") || path.ends_with(".max"));
            if !extreme && seen.insert(path.clone()) {
                columns.push(path);
            }
        }
        last = Some(hosts);
    }
    columns
}

fn check_figures(sweep: &PlannedSweep, columns: &[String]) -> Result<(), Diagnostic> {
    let precise = sweep.precision.iter().filter_map(|precision| precision.of.as_ref());
    let asked = sweep.figures.iter().zip(&sweep.figure_places);
    for (figure, place) in asked.chain(precise.zip(&sweep.precision_place)) {
        known_figure(figure, columns).map_err(|error| error.at(place.clone()))?;
    }
    Ok(())
}

/// Whether a sweep of these columns has the figure.
///
/// # Errors
/// When it has not, with the nearest one that it has.
pub fn known_figure(figure: &str, columns: &[String]) -> Result<(), Diagnostic> {
    if columns.iter().any(|column| column == figure) {
        return Ok(());
    }
    let unknown = crate::results::figures::unknown_among(figure, columns.to_vec());
    let diagnostic = Diagnostic::error(format!("`{figure}` is no figure of these runs"));
    Err(match unknown.nearest {
        Some(nearest) => diagnostic.help(format!("did you mean `{nearest}`?")),
        None => diagnostic
            .help("figures are named as in summary.json: `latency.p99`, `nodes.sensor.energy_j.mean`"),
    })
}

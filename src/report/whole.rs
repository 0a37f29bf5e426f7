//! The report of a run or of a sweep: a folder in, one page and its pictures out.

use std::fs;
use std::path::{Path, PathBuf};

use super::canvas::Picture;
use super::page::Page;
use super::run::{Drawn, pictures, power};
use super::{provenance, sweep};
use crate::capture::chart;
use crate::capture::recorder::RecorderOptions;
use crate::execute::{self, RunOptions, Stepper};
use crate::results::file::{put, put_with};
use crate::results::summary::{RunIdentity, Summary};
use crate::results::text::TextStyle;
use crate::scenario::load::load_text;
use crate::scenario::named_files::NamedFiles;
use crate::scenario::profiles::Library;
use crate::scenario::{Diagnostic, Loaded, Overrides};
use crate::study::manifest::Manifest;
use crate::study::read::Results;
use crate::study::table::{Cell, Table};
use crate::study::{compare, repeat};

/// Lines of the sequence chart in a report; `chart` draws all of them.
const CHART_LINES: usize = 80;

/// A report: the page, and its pictures for files of their own.
#[derive(Clone, PartialEq, Debug)]
pub struct Report {
    /// The page.
    pub html: String,
    /// The pictures.
    pub pictures: Vec<Picture>,
}

/// Makes the report of the run or the sweep in `folder`.
///
/// # Errors
/// When the folder holds neither, or the run cannot be repeated.
pub fn of(folder: &Path, profiles: Option<&Path>) -> Result<Report, Diagnostic> {
    if folder.join("summary.json").is_file() { of_run(folder, profiles) } else { of_sweep(folder, profiles) }
}

impl Report {
    /// Writes the page to `file`, and each picture beside it as SVG and PNG if `pictures`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, file: &Path, pictures: bool) -> Result<Vec<PathBuf>, Diagnostic> {
        let wrong = |path: &Path, error: String| {
            Diagnostic::error(format!("cannot write `{}`: {error}", path.display()))
                .help("give another file with --out")
        };
        let put = |path: &Path, content: &str| {
            put(path, content.as_bytes()).map_err(|error| wrong(path, error.to_string()))
        };
        put(file, &self.html)?;
        let mut written = vec![file.to_owned()];
        let beside = file.parent().map_or_else(PathBuf::new, Path::to_owned);
        for picture in self.pictures.iter().filter(|_| pictures) {
            let svg = beside.join(format!("{}.svg", picture.name));
            put(&svg, &drawn(picture)?)?;
            let png = beside.join(format!("{}.png", picture.name));
            put_with(&png, |draft| picture.png(draft)).map_err(|error| wrong(&png, error.to_string()))?;
            written.extend([svg, png]);
        }
        Ok(written)
    }
}

fn drawn(picture: &Picture) -> Result<String, Diagnostic> {
    picture
        .svg()
        .map_err(|error| Diagnostic::error(format!("the picture {} cannot be drawn: {error}", picture.name)))
}

fn show(page: &mut Page, pictures: &[Picture]) -> Result<(), Diagnostic> {
    let svgs = pictures.iter().map(drawn).collect::<Result<Vec<_>, _>>()?;
    let below = pictures.iter().map(|picture| picture.description.as_str());
    page.pictures(svgs.iter().map(String::as_str).zip(below));
    Ok(())
}

/// A run made again with everything listening.
struct Again {
    summary: Summary,
    pictures: Vec<Picture>,
    chart: String,
}

fn again(loaded: &Loaded, run: u64) -> Result<Again, Diagnostic> {
    let options = RunOptions { run };
    let listening = RecorderOptions { frames: true, packets: true };
    let (outcome, recorder) = execute::recorded(loaded, &options, listening, &mut |_| {})?;
    let identity = RunIdentity {
        scenario: loaded.name.clone(),
        title: loaded.scenario.title.clone(),
        seed: loaded.scenario.seed,
        run,
    };
    let summary = Summary::of(&outcome, &identity, std::time::Duration::ZERO, Vec::new());
    let power = power(&mut Stepper::new(loaded, &options)?, &outcome);
    let drawn = Drawn { outcome: &outcome, summary: &summary, frames: recorder.frames(), power: &power };
    let pictures = pictures(&drawn);
    let whole = chart::draw(&recorder, &outcome.nodes, &chart::ChartOptions::default());
    let lines = whole.lines().count();
    let mut chart: String = whole.lines().take(CHART_LINES).map(|line| format!("{line}\n")).collect();
    if lines > CHART_LINES {
        chart
            .push_str(&format!("... and {} more lines: `mqtt-twin chart` draws them\n", lines - CHART_LINES));
    }
    Ok(Again { summary, pictures, chart })
}

fn of_run(folder: &Path, profiles: Option<&Path>) -> Result<Report, Diagnostic> {
    let repeat = repeat::open(folder, profiles)?;
    let loaded = &repeat.loaded;
    let Again { summary, pictures, chart } = again(loaded, repeat.options.run)?;
    let mut page = Page::new(&loaded.scenario.title, &loaded.scenario.question);
    if summary.fingerprint == repeat.fingerprint {
        page.paragraph(&format!(
            "Made by running run {} again: the same events, fingerprint {}.",
            repeat.options.run, repeat.fingerprint
        ));
    } else {
        page.paragraph(&format!(
            "NOT the run that is in the folder: running it again gave the fingerprint {}, the folder has {}. {}",
            summary.fingerprint,
            repeat.fingerprint,
            repeat.changed.join("; ")
        ));
    }
    page.section("Results");
    page.verbatim(&summary.to_text(TextStyle { colour: false }));
    page.section("Pictures");
    show(&mut page, &pictures)?;
    ending(&mut page, folder, profiles, loaded, &chart)?;
    Ok(Report { html: page.html(), pictures })
}

/// Chart, scenario, provenance and manifest, which every report ends in.
fn ending(
    page: &mut Page,
    folder: &Path,
    profiles: Option<&Path>,
    loaded: &Loaded,
    chart: &str,
) -> Result<(), Diagnostic> {
    page.section("Sequence chart");
    page.verbatim(chart);
    page.section("Where the numbers come from");
    let names: Vec<String> = loaded.profiles.iter().map(|profile| profile.name.clone()).collect();
    page.table(&provenance_table(&provenance::of(&names, &folder.join("scenario.ron"), profiles)));
    page.section("Parameters and manifest");
    page.folded("The scenario as it was run", &loaded.text);
    let manifest = fs::read_to_string(folder.join("manifest.json"))
        .map_err(|error| Diagnostic::error(format!("cannot read the manifest: {error}")))?;
    page.folded("manifest.json", &manifest);
    Ok(())
}

fn provenance_table(rows: &[provenance::Provenance]) -> Table {
    let cells = |row: &provenance::Provenance| {
        let texts = [&row.profile, &row.path, &row.value, &row.kind, &row.uncertainty, &row.source];
        texts.map(|text| Cell::Text(text.clone())).into()
    };
    Table {
        title: format!(
            "{} numbers of the profiles used; a profile's own number goes before its base's",
            rows.len()
        ),
        headings: ["profile", "number", "value", "kind", "uncertainty", "source"].map(str::to_owned).into(),
        rows: rows.iter().map(cells).collect(),
    }
}

fn of_sweep(folder: &Path, profiles: Option<&Path>) -> Result<Report, Diagnostic> {
    let manifest = Manifest::read(folder)?;
    let results = Results::open(folder, &sweep::needed(&manifest))?;
    let mut page = Page::new(&manifest.title, &manifest.question);
    let runs = manifest.rows().count();
    page.paragraph(&format!(
        "{} points, {runs} runs; intervals are 95 % (Student) over the replications. {}",
        manifest.points.len(),
        if manifest.common_random_numbers {
            "Run r of every point met the same random numbers, so differences are taken run by run."
        } else {
            "Every point had random numbers of its own."
        }
    ));
    page.section("Axes");
    page.table(&axes_table(&manifest));
    page.section("Pictures");
    let mut all = sweep::pictures(&results)?;
    show(&mut page, &all)?;
    page.section("By axis");
    for axis in &manifest.axes {
        let by = [axis.name.clone()];
        let compared = compare::levels(&results, &manifest.figures, &by, None)?;
        compare::tables(&compared, &manifest, &by).iter().for_each(|table| page.table(table));
    }
    let first = point(folder, &manifest, 0, profiles)?;
    let of_first = again(&first, 0)?;
    page.section(&format!("One run: {}", manifest.points[0].label));
    show(&mut page, &of_first.pictures)?;
    all.extend(of_first.pictures.into_iter().map(|picture| {
        let name = picture.name.replacen("plot-", "plot-one-run-", 1);
        Picture { name, ..picture }
    }));
    ending(&mut page, folder, profiles, &first, &of_first.chart)?;
    Ok(Report { html: page.html(), pictures: all })
}

/// A point of a sweep, loaded from the sweep's own folder.
fn point(
    folder: &Path,
    manifest: &Manifest,
    place: usize,
    profiles: Option<&Path>,
) -> Result<Loaded, Diagnostic> {
    let text = fs::read_to_string(folder.join("scenario.ron"))
        .map_err(|error| Diagnostic::error(format!("cannot read the sweep's scenario: {error}")))?;
    let library = Library::find(&folder.join("scenario.ron"), profiles)?;
    let library = library.with_files(NamedFiles::kept_in(folder)?);
    let file = Path::new(&manifest.file);
    let base = load_text(file, &text, &Overrides::default(), library.clone())?;
    let point = &manifest.points[place];
    let axes = base.sweep.iter().flat_map(|sweep| &sweep.axes).zip(&point.levels);
    let sets = axes.flat_map(|(axis, level)| axis.levels.get(*level)).flat_map(|level| level.sets.clone());
    let overrides = Overrides { sets: sets.collect(), seed: Some(point.seed), ..Overrides::default() };
    load_text(file, &text, &overrides, library)
}

fn axes_table(manifest: &Manifest) -> Table {
    let rows = manifest.axes.iter().map(|axis| {
        let keys = if axis.keys.is_empty() { "several, by level".to_owned() } else { axis.keys.join(", ") };
        vec![Cell::Text(axis.name.clone()), Cell::Text(keys), Cell::Text(axis.labels.join(", "))]
    });
    Table {
        title: format!("{} axes", manifest.axes.len()),
        headings: ["axis", "sets", "values"].map(str::to_owned).into(),
        rows: rows.collect(),
    }
}

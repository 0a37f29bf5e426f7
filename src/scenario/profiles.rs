//! The files in `hw-profiles/`: found, read, completed from what they rest on, and hashed.

use std::any::Any;
use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use models::profile::{
    BatteryFile, BoardFile, BrokerFile, BrokerProfile, ClientFile, Figure, Incomplete, Inherit, Kind,
    LinkFile, SoftwareFile,
};
use serde::de::DeserializeOwned;

use self::memory::Memory;
use super::error::{Diagnostic, Place, Refusal, name_help};
use super::named_files::NamedFiles;
use super::outline::Node;
use super::parse::parse;
use super::source::Source;
use super::text::read_text;

mod memory;

/// Name of the folder that is looked for.
pub const FOLDER: &str = "hw-profiles";

/// A kind of profile: where its files are and what it is called.
pub trait Profile: Inherit<Complete: Any + Send + Sync> + DeserializeOwned {
    /// Its folder in `hw-profiles/`.
    const FOLDER: &'static str;
    /// What one is called.
    const NOUN: &'static str;
}

impl Profile for BoardFile {
    const FOLDER: &'static str = "boards";
    const NOUN: &'static str = "board";
}

impl Profile for SoftwareFile {
    const FOLDER: &'static str = "software";
    const NOUN: &'static str = "software";
}

impl Profile for BatteryFile {
    const FOLDER: &'static str = "batteries";
    const NOUN: &'static str = "battery";
}

impl Profile for LinkFile {
    const FOLDER: &'static str = "links";
    const NOUN: &'static str = "link profile";
}

impl Profile for BrokerFile {
    const FOLDER: &'static str = "brokers";
    const NOUN: &'static str = "broker";
}

impl Profile for ClientFile {
    const FOLDER: &'static str = "clients";
    const NOUN: &'static str = "client";
}

/// A profile file that a scenario rests on, for the manifest of a run.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct UsedProfile {
    /// Folder and name: `boards/ideal`.
    pub name: String,
    /// Hash of the file's bytes, see [`content_hash`].
    pub hash: u128,
}

/// The `hw-profiles/` folder.
#[derive(Clone, Debug)]
pub struct Library {
    root: PathBuf,
    used: Vec<UsedProfile>,
    /// What each figure is multiplied with, by [`figure_name`]; 1 for those that are not in here.
    factors: Arc<Factors>,
    figures: Vec<UsedFigure>,
    /// Other files that the scenario names.
    pub(super) files: NamedFiles,
    /// Profiles that were read before, where they are remembered.
    memory: Option<Memory>,
}

/// Factors of figures, by [`UsedFigure::name`].
pub type Factors = BTreeMap<String, f64>;

/// A figure that a scenario rests on.
#[derive(Clone, PartialEq, Debug)]
pub struct UsedFigure {
    /// The file and the path in it: `boards/esp8266-nodemcu:network.transmit`.
    pub name: String,
    /// What stands in the file.
    pub figure: Figure,
}

/// A figure of a profile and the file it comes from.
#[derive(Clone, PartialEq, Debug)]
pub struct Inherited {
    /// Name of the profile that gives it: the one asked for, or one it rests on.
    pub from: String,
    /// Path of its key.
    pub path: String,
    /// The figure.
    pub figure: Figure,
}

/// A choice of a profile that is no number, and the file it comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InheritedChoice {
    /// Name of the profile that makes it: the one asked for, or one it rests on.
    pub from: String,
    /// Its key.
    pub key: String,
    /// What is chosen, as it stands in the file.
    pub value: String,
    /// How it was found.
    pub kind: Kind,
    /// Where it comes from.
    pub source: String,
}

impl Library {
    /// The folder at `root`.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Library {
            root: root.into(),
            used: Vec::new(),
            factors: Arc::default(),
            figures: Vec::new(),
            files: NamedFiles::default(),
            memory: None,
        }
    }

    /// Finds the folder: `given`, or else above the scenario file, above the current folder, or
    /// beside the sources this program was built from.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(scenario: &Path, given: Option<&Path>) -> Result<Self, Diagnostic> {
        if let Some(given) = given {
            return if given.is_dir() {
                Ok(Library::new(given))
            } else {
                Err(Diagnostic::error(format!("there is no folder `{}`", given.display()))
                    .help("`--profiles` takes the folder that holds `boards`, `software` and `links`"))
            };
        }
        let above = |path: &Path| -> Option<PathBuf> {
            let start = path.canonicalize().ok()?;
            start.ancestors().map(|folder| folder.join(FOLDER)).find(|folder| folder.is_dir())
        };
        let built = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER);
        let found = above(scenario).or_else(|| above(Path::new("."))).or(built.is_dir().then_some(built));
        found.map(Library::new).ok_or_else(|| {
            Diagnostic::error(format!("there is no folder `{FOLDER}`"))
                .help("it belongs above the scenario file or the current folder; `--profiles DIR` names another one")
        })
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The profiles read so far, each once, in the order of their names.
    #[must_use]
    pub fn used(&self) -> Vec<UsedProfile> {
        let mut used = self.used.clone();
        used.sort();
        used.dedup();
        used
    }

    /// The same folder, with figures multiplied by `factors` as they are read; none is remembered from before.
    #[must_use]
    pub fn with_factors(mut self, factors: Arc<Factors>) -> Self {
        self.factors = factors;
        self.memory = None;
        self
    }

    /// The same folder; other files that the scenario names are among `files`, or beside it.
    #[must_use]
    pub fn with_files(mut self, files: NamedFiles) -> Self {
        self.files = files;
        self
    }

    /// The figures read so far, each once, in the order of their names; files that are overridden
    /// as a whole by others give only what they still contribute.
    #[must_use]
    pub fn figures(&self) -> Vec<UsedFigure> {
        let mut figures = self.figures.clone();
        figures.sort_by(|a, b| a.name.cmp(&b.name));
        figures.dedup_by(|a, b| a.name == b.name);
        figures
    }

    /// Every figure of a profile, its own and those it inherits, in the order of the files.
    ///
    /// # Errors
    /// As for [`Library::load`].
    pub fn inherited<P: Profile>(&mut self, name: &str, place: Place) -> Result<Vec<Inherited>, Diagnostic> {
        let mut found: Vec<Inherited> = Vec::new();
        self.each_base::<P>(name, place, |from, read| {
            for (path, figure) in read.profile.figures() {
                let path = path.join(".");
                if !found.iter().any(|known| known.path == path) {
                    found.push(Inherited { from: from.to_owned(), path, figure: figure.clone() });
                }
            }
        })?;
        Ok(found)
    }

    /// Every choice of a profile that is no number, its own and those it inherits, in the order of the files.
    ///
    /// # Errors
    /// As for [`Library::load`].
    pub fn inherited_choices<P: Profile>(
        &mut self,
        name: &str,
        place: Place,
    ) -> Result<Vec<InheritedChoice>, Diagnostic> {
        let mut found: Vec<InheritedChoice> = Vec::new();
        self.each_base::<P>(name, place, |from, read| {
            for (key, kind, source) in read.profile.choices() {
                if found.iter().any(|known| known.key == key) {
                    continue;
                }
                let span = read.outline.find(&[key, "value"]).map_or(0..0, |value| value.span.clone());
                found.push(InheritedChoice {
                    from: from.to_owned(),
                    key: key.to_owned(),
                    value: read.source.text()[span].to_owned(),
                    kind,
                    source: source.to_owned(),
                });
            }
        })?;
        Ok(found)
    }

    /// Shows `look` a profile, and then what it rests on, each with its name.
    fn each_base<P: Profile>(
        &mut self,
        name: &str,
        place: Place,
        mut look: impl FnMut(&str, &Read<P>),
    ) -> Result<(), Diagnostic> {
        let (mut from, mut place, mut depth) = (name.to_owned(), place, 0);
        loop {
            let read = self.read::<P>(&from, place)?;
            look(&from, &read);
            let Some(base) = read.profile.base() else { return Ok(()) };
            depth += 1;
            if depth > DEEPEST_BASE {
                let circle = format!("`{name}` rests on more than {DEEPEST_BASE} profiles, or on itself");
                return Err(Diagnostic::error(circle));
            }
            place = read.source.place(read.outline.shown(&["base"]), "named here");
            from = base.to_owned();
        }
    }

    /// The names of all profiles of a kind, sorted.
    #[must_use]
    pub fn names<P: Profile>(&self) -> Vec<String> {
        let Ok(files) = fs::read_dir(self.root.join(P::FOLDER)) else { return Vec::new() };
        let mut names: Vec<String> = files
            .filter_map(|file| Some(file.ok()?.file_name().to_str()?.strip_suffix(".ron")?.to_owned()))
            .collect();
        names.sort();
        names
    }

    fn load_from_files<P: Profile>(
        &mut self,
        name: &str,
        place: Place,
    ) -> Result<Arc<P::Complete>, Diagnostic> {
        let contributing = self.inherited::<P>(name, place.clone());
        let first = self.read::<P>(name, place)?;
        let (source, outline) = (first.source, first.outline);
        let mut profile = first.profile;
        let mut seen = vec![name.to_owned()];
        let mut where_base = source.place(outline.shown(&["base"]), "named here");
        while let Some(base) = profile.base().map(str::to_owned) {
            if seen.contains(&base) {
                let circle = format!("the profiles {} rest on each other in a circle", seen.join(", "));
                return Err(Diagnostic::error(circle)
                    .at(where_base)
                    .help("rest one of them on another profile, or on none"));
            }
            let below = self.read::<P>(&base, where_base)?;
            where_base = below.source.place(below.outline.shown(&["base"]), "named here");
            profile = profile.over(below.profile);
            seen.push(base);
        }
        match profile.complete(name) {
            Ok(complete) => {
                self.figures.extend(contributing?.into_iter().map(|one| UsedFigure {
                    name: figure_name::<P>(&one.from, &one.path),
                    figure: one.figure,
                }));
                Ok(Arc::new(complete))
            }
            Err(Incomplete::Missing { path }) => {
                let message = format!("the {} `{name}` has no `{}`", P::NOUN, path.join("."));
                Err(Diagnostic::error(message)
                    .at(source.place(outline.shown(&path), "missing in here"))
                    .help("give the figure here or in a profile named as `base`"))
            }
            Err(Incomplete::Unit { path, error }) => {
                let whole: Vec<&str> = path.iter().copied().chain(["unit"]).collect();
                let Refusal { message, help } = Refusal::from_text(&error.to_string());
                let message = format!("`{}` of the {} `{name}`: {message}", path.join("."), P::NOUN);
                let place = source.place(outline.shown(&whole), "refused");
                Err(Diagnostic::error(message).at(place).help(help))
            }
        }
    }

    /// How the broker of this name behaves: what `live` serves. `place` is where the name stands.
    ///
    /// # Errors
    /// When there is no such broker, or something is wrong with its file.
    pub fn broker_profile(&mut self, name: &str, place: Place) -> Result<Arc<BrokerProfile>, Diagnostic> {
        if self.has::<SoftwareFile>(name) && !self.has::<BrokerFile>(name) {
            let mut diagnostic =
                Diagnostic::error(format!("`{name}` is the software of a client, not of a broker")).at(place);
            let names = self.names::<BrokerFile>();
            diagnostic.help = name_help(name, names.iter().map(String::as_str));
            return Err(diagnostic);
        }
        self.load::<BrokerFile>(name, place)
    }

    /// Whether there is a profile of this kind and name.
    #[must_use]
    pub fn has<P: Profile>(&self, name: &str) -> bool {
        self.root.join(P::FOLDER).join(format!("{name}.ron")).is_file()
    }

    /// Reads one file, without what it rests on.
    ///
    /// # Errors
    /// When there is no such file, or something is wrong with it.
    pub fn read<P: Profile>(&mut self, name: &str, place: Place) -> Result<Read<P>, Diagnostic> {
        let names = self.names::<P>();
        if !names.iter().any(|known| known == name) {
            let mut diagnostic = Diagnostic::error(format!("there is no {} `{name}`", P::NOUN)).at(place);
            diagnostic.help = name_help(name, names.iter().map(String::as_str));
            return Err(diagnostic);
        }
        let path = self.root.join(P::FOLDER).join(format!("{name}.ron"));
        let text = read_text(&path)?;
        self.used
            .push(UsedProfile { name: format!("{}/{name}", P::FOLDER), hash: content_hash(text.as_bytes()) });
        let source = Source::new(path.display().to_string(), text);
        let (profile, outline) = parse::<P>(&source)?;
        match self.multiplied(name, &profile, &source, &outline) {
            None => Ok(Read { profile, source, outline }),
            Some(text) => {
                let source = Source::new(source.file(), text);
                let (profile, outline) = parse::<P>(&source)?;
                Ok(Read { profile, source, outline })
            }
        }
    }

    /// The text of a profile with its figures multiplied by their factors; `None` where no figure
    /// has one. The text and not the profile is changed, so that this holds for every kind of
    /// profile, whatever figures it has.
    fn multiplied<P: Profile>(
        &self,
        name: &str,
        profile: &P,
        source: &Source,
        outline: &Node,
    ) -> Option<String> {
        let mut changes: Vec<(Range<usize>, f64)> = Vec::new();
        for (path, figure) in profile.figures() {
            if let Some(factor) = self.factors.get(&figure_name::<P>(name, &path.join("."))) {
                let place: Vec<&str> = path.iter().copied().chain(["value"]).collect();
                changes.push((outline.find(&place)?.span.clone(), multiplied(figure, *factor)));
            }
        }
        if changes.is_empty() {
            return None;
        }
        changes.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
        let mut text = source.text().to_owned();
        for (span, value) in changes {
            text.replace_range(span, &format!("{value:?}"));
        }
        Some(text)
    }
}

/// More profiles than this do not rest on each other in good order.
const DEEPEST_BASE: usize = 16;

/// What a figure is called in [`Factors`].
fn figure_name<P: Profile>(profile: &str, path: &str) -> String {
    format!("{}/{profile}:{path}", P::FOLDER)
}

/// A figure's value times `factor`: bytes and bits per second stay whole, a share stays a share.
fn multiplied(figure: &Figure, factor: f64) -> f64 {
    let value = figure.value * factor;
    let whole = |size: f64| (value * size).round() / size;
    match figure.unit.as_str() {
        "B" | "bit/s" => whole(1.0),
        "kB" | "kbit/s" => whole(1e3),
        "KiB" => whole(1024.0),
        "MB" | "Mbit/s" => whole(1e6),
        "MiB" => whole(1_048_576.0),
        "GB" | "Gbit/s" => whole(1e9),
        "GiB" => whole(1_073_741_824.0),
        "%" => value.min(100.0),
        _ => value,
    }
}

/// A profile file as it is.
#[derive(Clone, Debug)]
pub struct Read<P> {
    /// What stands in it.
    pub profile: P,
    /// Its text.
    pub source: Source,
    /// Where things stand in the text.
    pub outline: Node,
}

/// 128-bit FNV-1a of some bytes: names a file's content in a manifest. It tells changed files
/// apart; it is no protection against forgery.
///
/// Reference: Fowler, Noll, Vo, draft-eastlake-fnv, parameters for 128 bits.
#[must_use]
pub fn content_hash(bytes: &[u8]) -> u128 {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.iter().fold(BASIS, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME))
}

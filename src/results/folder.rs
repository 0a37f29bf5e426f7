//! A run's folder, written all or nothing.
//!
//! Everything goes into a temporary folder beside the final one, which is then renamed into place:
//! whoever finds a run's folder finds all of its files, complete. A folder of an earlier run is
//! replaced only by the complete new one; a folder that holds anything else is never touched.
//! (Between two renames there is a moment without either; a crash in just that moment leaves the
//! earlier run under its temporary name, `.NAME.PID-N.replaced`.)

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use models::record::Outcome;

use super::tables::{Table, write_csv, write_parquet};
use super::{Manifest, Summary};
use crate::capture::pcapng::Capture;
use crate::execute::Standing;

/// What a run's folder may hold; whatever has another name is somebody else's.
const OWN_FILES: [&str; 16] = [
    "summary.json",
    "manifest.json",
    "messages.parquet",
    "nodes.parquet",
    "energy.parquet",
    "messages.csv",
    "nodes.csv",
    "energy.csv",
    "capture.pcapng",
    "chart.txt",
    "picture.svg",
    "scenario.ron",
    "checkpoints.csv",
    "report.html",
    "live.json",
    "files.json",
];

/// How the names of a report's pictures begin.
const PICTURE: &str = "plot-";

/// What file browsers leave behind uninvited; nobody misses it.
const LITTER: [&str; 3] = [".DS_Store", "Thumbs.db", "desktop.ini"];

/// The files of a run, ready to be written.
#[derive(Clone, Copy, Debug)]
pub struct RunFiles<'a> {
    /// `summary.json`.
    pub summary: &'a Summary,
    /// `manifest.json`.
    pub manifest: &'a Manifest,
    /// The tables.
    pub outcome: &'a Outcome,
    /// Whether the tables are written as CSV, too.
    pub csv: bool,
    /// `capture.pcapng`, if wanted.
    pub capture: Option<Capture<'a>>,
    /// `chart.txt`, if wanted.
    pub chart: Option<&'a str>,
    /// `picture.svg`, if wanted.
    pub picture: Option<&'a str>,
    /// `scenario.ron`: the text that was run, `--set` values included.
    pub scenario: Option<&'a str>,
    /// `files.json`: the files that the scenario names, if there are any.
    pub files: Option<&'a str>,
    /// `checkpoints.csv`: where the run was from time to time, so that `diff` finds where two part.
    pub checkpoints: &'a [Standing],
    /// Whether to wait until the files have reached the disk, so that they survive a power cut.
    /// Costs milliseconds a file: right for a single run, wasteful for each of a sweep's thousands.
    pub durable: bool,
}

/// What could not be done, where, why, and how to mend it.
#[derive(Debug)]
pub struct FolderError {
    /// What was being done, as in "cannot *write*".
    pub doing: &'static str,
    /// With which file or folder.
    pub path: PathBuf,
    /// Why it failed.
    pub reason: io::Error,
    /// What the user can do about it.
    pub remedy: &'static str,
}

impl fmt::Display for FolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} `{}`: {}; {}", self.doing, self.path.display(), self.reason, self.remedy)
    }
}

impl std::error::Error for FolderError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.reason)
    }
}

impl FolderError {
    fn new(doing: &'static str, path: &Path, reason: io::Error) -> Self {
        let remedy = remedy(reason.kind());
        FolderError { doing, path: path.to_owned(), reason, remedy }
    }
}

fn remedy(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space there, or give a folder on another disk with --out"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "give a folder that you may write to with --out"
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "a file stands where a folder should be: move it away, or give another folder with --out"
        }
        io::ErrorKind::DirectoryNotEmpty => {
            "it is not a run's folder, so it is left alone: give another folder with --out"
        }
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidFilename => {
            "give a shorter or simpler folder name with --out"
        }
        _ => "check the disk and the folder, or give another folder with --out",
    }
}

impl RunFiles<'_> {
    /// Writes the folder `path`, with its parents where they are missing.
    ///
    /// # Errors
    /// When a file cannot be written, or when `path` holds something that no run wrote. Whatever
    /// was at `path` is then still there, and no temporary folder is left behind. (With one
    /// exception: if the new folder is in place and only the earlier one, under its temporary
    /// name, cannot be removed, the error says so.)
    pub fn write(&self, path: &Path) -> Result<(), FolderError> {
        let place = Place::find(path)?;
        place.check_replaceable()?;
        let draft = place.create_draft()?;
        let written = self.write_files(&draft).and_then(|()| place.swap_in(&draft, self.durable));
        if written.is_err() {
            // Nothing can be done about a failure here; the first error is the one to tell.
            let _ = fs::remove_dir_all(&draft);
        }
        written
    }

    fn write_files(&self, folder: &Path) -> Result<(), FolderError> {
        self.file(folder, "summary.json", |to| to.write_all(self.summary.to_json().as_bytes()))?;
        for table in Table::ALL {
            let name = table.name();
            let parts = || table.parts(self.outcome);
            self.file(folder, &format!("{name}.parquet"), |to| write_parquet(parts(), to))?;
            if self.csv {
                self.file(folder, &format!("{name}.csv"), |to| write_csv(parts(), to))?;
            }
        }
        if let Some(capture) = &self.capture {
            self.file(folder, "capture.pcapng", |to| capture.write(to))?;
        }
        if let Some(chart) = self.chart {
            self.file(folder, "chart.txt", |to| to.write_all(chart.as_bytes()))?;
        }
        if let Some(picture) = self.picture {
            self.file(folder, "picture.svg", |to| to.write_all(picture.as_bytes()))?;
        }
        if let Some(scenario) = self.scenario {
            self.file(folder, "scenario.ron", |to| to.write_all(scenario.as_bytes()))?;
        }
        if let Some(files) = self.files {
            self.file(folder, "files.json", |to| to.write_all(files.as_bytes()))?;
        }
        if !self.checkpoints.is_empty() {
            self.file(folder, "checkpoints.csv", |to| {
                writeln!(to, "time_ns,events,fingerprint")?;
                self.checkpoints.iter().try_for_each(|at| {
                    writeln!(to, "{},{},{:032x}", at.now.as_nanos(), at.events, at.fingerprint)
                })
            })?;
        }
        self.file(folder, "manifest.json", |to| to.write_all(self.manifest.to_json().as_bytes()))
    }

    fn file(
        &self,
        folder: &Path,
        name: &str,
        content: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<(), FolderError> {
        debug_assert!(OWN_FILES.contains(&name), "{name} would not be known as a run's file");
        let path = folder.join(name);
        let write = || {
            let mut to = BufWriter::with_capacity(1 << 16, File::create_new(&path)?);
            content(&mut to)?;
            to.flush()?;
            if self.durable { to.get_ref().sync_data() } else { Ok(()) }
        };
        write().map_err(|reason| FolderError::new("write", &path, reason))
    }
}

/// Where a run's folder is to be.
struct Place {
    folder: PathBuf,
    parent: PathBuf,
    name: String,
}

impl Place {
    /// Creates the parents. A link to a folder is followed, so that the link stays.
    fn find(path: &Path) -> Result<Self, FolderError> {
        let folder = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let Some(name) = folder.file_name() else {
            let reason = io::Error::new(io::ErrorKind::InvalidInput, "the path does not end in a name");
            return Err(FolderError::new("write a run into", path, reason));
        };
        let name = name.to_string_lossy().into_owned();
        let parent = match folder.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        fs::create_dir_all(&parent)
            .map_err(|reason| FolderError::new("create the folder", &parent, reason))?;
        Ok(Place { folder, parent, name })
    }

    /// Refuses to replace what is not a run's folder.
    fn check_replaceable(&self) -> Result<(), FolderError> {
        let refuse = |reason| FolderError::new("replace", &self.folder, reason);
        match fs::metadata(&self.folder) {
            Err(reason) if reason.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(reason) => return Err(refuse(reason)),
            Ok(found) if !found.is_dir() => {
                return Err(refuse(io::Error::new(io::ErrorKind::NotADirectory, "it is a file")));
            }
            Ok(_) => {}
        }
        for entry in fs::read_dir(&self.folder).map_err(refuse)? {
            let entry = entry.map_err(refuse)?;
            let name = entry.file_name();
            let is_folder = entry.file_type().map_err(refuse)?.is_dir();
            let is_picture = name.to_string_lossy().starts_with(PICTURE);
            if is_folder || !(is_picture || OWN_FILES.iter().chain(&LITTER).any(|own| name == *own)) {
                let what = format!("it holds `{}`", name.to_string_lossy());
                return Err(refuse(io::Error::new(io::ErrorKind::DirectoryNotEmpty, what)));
            }
        }
        Ok(())
    }

    /// The first free name of its kind. The process number keeps processes apart, the number behind
    /// it the threads of one.
    fn free_name<T>(&self, ending: &str, take: impl Fn(&Path) -> io::Result<T>) -> io::Result<PathBuf> {
        let process = std::process::id();
        let mut number = 0u32;
        loop {
            let path = self.parent.join(format!(".{}.{process}-{number}.{ending}", self.name));
            match take(&path) {
                Ok(_) => return Ok(path),
                Err(error) if number < 9_999 && is_taken(error.kind()) => number += 1,
                Err(error) => return Err(error),
            }
        }
    }

    fn create_draft(&self) -> Result<PathBuf, FolderError> {
        self.free_name("partial", |path| fs::create_dir(path))
            .map_err(|reason| FolderError::new("create a folder in", &self.parent, reason))
    }

    fn swap_in(&self, draft: &Path, durable: bool) -> Result<(), FolderError> {
        let failed = |reason| FolderError::new("replace", &self.folder, reason);
        if durable {
            sync_folder(draft).map_err(failed)?;
        }
        let replaced = match fs::symlink_metadata(&self.folder) {
            Ok(_) => Some(self.free_name("replaced", |path| fs::rename(&self.folder, path)).map_err(failed)?),
            Err(_) => None,
        };
        if let Err(reason) = fs::rename(draft, &self.folder) {
            if let Some(replaced) = &replaced {
                // Back to where it was; if even that fails, the first error is the one to tell.
                let _ = fs::rename(replaced, &self.folder);
            }
            return Err(failed(reason));
        }
        if durable {
            sync_folder(&self.parent).map_err(failed)?;
        }
        match replaced {
            Some(replaced) => fs::remove_dir_all(&replaced)
                .map_err(|reason| FolderError::new("remove the earlier run at", &replaced, reason)),
            None => Ok(()),
        }
    }
}

fn is_taken(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty)
}

/// Makes a rename survive a power cut. Only Unix opens a folder like a file.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests;

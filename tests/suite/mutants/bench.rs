//! A copy of the workspace with all mistakes in it, built once, and its tests.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::Mutant;
use super::plant::{SWITCH, plant, switches};
use crate::root;

/// A test program that is silent for so long hangs.
const PATIENCE: Duration = Duration::from_secs(400);

/// The packages in which mistakes are planted, the lowest first.
const PACKAGES: [&str; 2] = ["sim-core", "models"];

pub(super) struct Bench {
    copy: tempfile::TempDir,
    unit_tests: Vec<Binary>,
    // Built when a mistake survives the unit tests.
    other_tests: OnceCell<Vec<Binary>>,
    suite: OnceCell<Vec<Binary>>,
    whole: bool,
}

/// A built test program and the folder in which it runs.
#[derive(Clone, Debug)]
struct Binary {
    package: &'static str,
    executable: PathBuf,
    folder: PathBuf,
}

impl Bench {
    /// A fresh copy, its unit tests built. With `whole`, what survives these and the other tests of the models is shown
    /// to the suite.
    pub(super) fn new(mutants: &[Mutant], whole: bool) -> Self {
        let copy = tempfile::tempdir().unwrap();
        copy_folder(&root(), copy.path());
        let files: BTreeSet<&str> = mutants.iter().map(|mutant| mutant.file.as_str()).collect();
        for file in files {
            let path = copy.path().join(file);
            let text = fs::read_to_string(&path).unwrap();
            fs::write(path, plant(&text, &switches(mutants, file)).unwrap()).unwrap();
        }
        for package in PACKAGES {
            let path = copy.path().join(package).join("src/lib.rs");
            let text = fs::read_to_string(&path).unwrap();
            fs::write(path, text + SWITCH).unwrap();
        }
        let unit_tests = all_pass(build_each(copy.path(), &["--lib"]));
        Bench { copy, unit_tests, other_tests: OnceCell::new(), suite: OnceCell::new(), whole }
    }

    fn other_tests(&self) -> &[Binary] {
        self.other_tests.get_or_init(|| all_pass(build_each(self.copy.path(), &["--test", "*"])))
    }

    fn suite(&self) -> &[Binary] {
        let kind: &[&str] = &["--lib", "--test", "*"];
        self.suite.get_or_init(|| match self.whole {
            true => all_pass(build(self.copy.path(), "mqtt-twin", kind)),
            false => Vec::new(),
        })
    }

    /// The first test that notices a mistake.
    pub(super) fn noticed_by(&self, number: u32, mutant: &Mutant) -> Option<String> {
        let fails = |binary: &Binary| first_failure(binary, number, &[]);
        let mut own = self.unit_tests.iter().filter(|binary| binary.package == mutant.package());
        own.find_map(|binary| first_failure(binary, number, &mutant.tests))
            .or_else(|| self.unit_tests.iter().find_map(fails))
            .or_else(|| self.other_tests().iter().find_map(fails))
            .or_else(|| self.suite().iter().find_map(fails))
    }
}

/// The same tests, all of which pass as long as no mistake is switched on.
fn all_pass(binaries: Vec<Binary>) -> Vec<Binary> {
    let failed = binaries.iter().find_map(|binary| first_failure(binary, 0, &[]));
    assert_eq!(failed, None, "with all mistakes switched off");
    binaries
}

fn build_each(copy: &Path, kind: &[&str]) -> Vec<Binary> {
    PACKAGES.iter().flat_map(|package| build(copy, package, kind)).collect()
}

/// Builds tests of a package.
fn build(copy: &Path, package: &'static str, kind: &[&str]) -> Vec<Binary> {
    let target =
        std::env::var_os("MUTANTS_TARGET").map_or_else(|| root().join("target/mutants"), PathBuf::from);
    let output = Command::new(env!("CARGO"))
        .args(["test", "--no-run", "--quiet", "--message-format=json", "-p", package])
        .args(kind)
        .arg("--target-dir")
        .arg(target)
        .current_dir(copy)
        .env("CARGO_PROFILE_DEV_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let messages: Vec<serde_json::Value> =
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    if !output.status.success() {
        let rendered = messages.iter().filter_map(|message| message["message"]["rendered"].as_str());
        let errors: String = rendered.filter(|text| text.starts_with("error")).collect();
        panic!("{package} does not build with the mistakes in it:\n{errors}");
    }
    let folder = if package == "mqtt-twin" { copy.to_owned() } else { copy.join(package) };
    let tests = messages.iter().filter(|message| message["profile"]["test"] == true);
    tests
        .filter_map(|message| message["executable"].as_str())
        .map(|executable| Binary { package, executable: executable.into(), folder: folder.clone() })
        .collect()
}

/// The first test that fails, or what else goes wrong, with one mistake switched on.
fn first_failure(binary: &Binary, number: u32, filters: &[String]) -> Option<String> {
    let mut child = bounded(&binary.executable)
        .args(filters)
        // The copy's sources are not those that the list fits, nor as tidy; nobody else's programs are asked.
        .args(["--skip", "mutants", "--skip", "tidy", "--skip", "interoperability"])
        .current_dir(&binary.folder)
        .env("MUTANT", number.to_string())
        .env("RUST_BACKTRACE", "0")
        .env("INSTA_UPDATE", "no")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let (send, lines) = mpsc::channel();
    let reader = thread::spawn(move || {
        for line in out.lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                break;
            }
        }
    });
    let began = Instant::now();
    let failed = loop {
        match lines.recv_timeout(PATIENCE.saturating_sub(began.elapsed())) {
            Ok(line) => {
                let failed = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED"));
                if let Some(failed) = failed {
                    break Some(failed.to_owned());
                }
            }
            Err(mpsc::RecvTimeoutError::Timeout) => break Some("a test that does not end".to_owned()),
            Err(mpsc::RecvTimeoutError::Disconnected) => break None,
        }
    };
    if failed.is_some() {
        let _ = child.kill();
    }
    let status = child.wait().unwrap();
    drop(lines);
    reader.join().unwrap();
    failed.or_else(|| (!status.success()).then(|| "a test that ends the program".to_owned()))
}

/// A program that may not take all memory: a mistake can be a loop that fills a queue.
fn bounded(executable: &Path) -> Command {
    if !cfg!(unix) {
        return Command::new(executable);
    }
    let mut shell = Command::new("sh");
    // In kB.
    shell.args(["-c", "ulimit -v 6000000; exec \"$0\" \"$@\""]).arg(executable);
    shell
}

/// Copies the sources: neither what is built nor what is hidden.
fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, name) = (entry.path(), entry.file_name());
        if name == "target" || name == "results" || name.to_string_lossy().starts_with(".git") {
            continue;
        }
        let copy = to.join(&name);
        if path.is_dir() {
            copy_folder(&path, &copy);
        } else {
            fs::copy(&path, &copy).unwrap();
        }
    }
}

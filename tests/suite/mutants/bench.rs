//! A copy of the workspace with all mistakes in it, built once, and its tests.

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
    // Kept: its folder goes with it.
    _copy: tempfile::TempDir,
    unit_tests: Vec<Binary>,
    other_tests: Vec<Binary>,
    suite: Vec<Binary>,
}

/// A built test program and the folder in which it runs.
#[derive(Clone, Debug)]
struct Binary {
    package: &'static str,
    executable: PathBuf,
    folder: PathBuf,
}

impl Bench {
    /// A fresh copy, built, whose tests all pass as long as no mistake is switched on. With `whole`, the suite is
    /// part of it.
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
        let build = |kind: &[&str]| -> Vec<Binary> {
            PACKAGES.iter().flat_map(|package| build(copy.path(), package, kind)).collect()
        };
        let (unit_tests, other_tests) = (build(&["--lib"]), build(&["--test", "*"]));
        let suite = match whole {
            true => self::build(copy.path(), "mqtt-twin", &["--lib", "--test", "*"]),
            false => Vec::new(),
        };
        let bench = Bench { _copy: copy, unit_tests, other_tests, suite };
        for binary in bench.all() {
            let failed = first_failure(binary, 0, &[]);
            assert_eq!(failed, None, "with all mistakes switched off");
        }
        bench
    }

    fn all(&self) -> impl Iterator<Item = &Binary> {
        self.unit_tests.iter().chain(&self.other_tests).chain(&self.suite)
    }

    /// The first test that notices a mistake.
    pub(super) fn noticed_by(&self, number: u32, mutant: &Mutant) -> Option<String> {
        let own = self.unit_tests.iter().filter(|binary| binary.package == mutant.package());
        let named = own.map(|binary| (binary, mutant.tests.as_slice()));
        let mut steps = named.chain(self.all().map(|binary| (binary, &[][..])));
        steps.find_map(|(binary, tests)| first_failure(binary, number, tests))
    }
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

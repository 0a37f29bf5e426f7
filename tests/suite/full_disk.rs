//! Results on a full disk, a read-only one, or where no folder can be: one error, exit code 2, and no
//! half of a file.
//!
//! The disks are small file systems in memory, mounted in a namespace of the test's own; where that is
//! not allowed, the test says so and looks at the rest.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::root;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mqtt-twin");

/// Mounts a file system on `$1` with the options `$2`, fills it if `$3` says so, runs the rest, and lists
/// what is left.
const ON_A_DISK: &str = r#"
mount -t tmpfs -o "$2" tmpfs "$1" || exit 99
if [ "$3" = full ]; then cat /dev/zero > "$1/filler" 2>/dev/null; fi
disk=$1
shift 3
"$@" > /dev/null
code=$?
cd "$disk" && find . -mindepth 1 ! -name filler
exit $code
"#;

fn on_a_disk(disk: &Path, options: &str, filled: &str, arguments: &[&str]) -> Option<Output> {
    fs::create_dir_all(disk).unwrap();
    let output = Command::new("unshare")
        .args(["-rm", "sh", "-c", ON_A_DISK, "sh"])
        .arg(disk)
        .args([options, filled, PROGRAM])
        .args(arguments)
        .output()
        .ok()?;
    // The shell's own words where a namespace or a mount is refused.
    let allowed = output.status.code().is_some_and(|code| code != 99)
        && !String::from_utf8_lossy(&output.stderr).contains("unshare:");
    allowed.then_some(output)
}

/// One error that names what could not be written, and nothing of `left` half-written.
fn refused(output: &Output, what: &str) -> Vec<String> {
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{what}: {told}");
    assert_eq!(told.lines().filter(|line| line.starts_with("error")).count(), 1, "{what}: {told}");
    assert!(!told.contains("panicked"), "{what}: {told}");
    let why = ["No space left", "Read-only", "Not a directory", "a file stands", "Permission denied"];
    assert!(why.iter().any(|why| told.contains(why)), "{what}: why: {told}");
    assert!(told.contains("--out") || told.contains("--journal"), "{what}: what to do: {told}");
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

/// Every command that writes, with its results below `at`.
fn commands(at: &str, run: &str) -> Vec<(&'static str, Vec<String>)> {
    let scenario = |name: &str| root().join("scenarios").join(name).display().to_string();
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let publish = scenario("one-publish.ron");
    vec![
        ("run", words(&["run", &publish, "--csv", "--out", &format!("{at}/run")])),
        (
            "sweep",
            words(&[
                "sweep",
                &scenario("keepalive-tradeoff.ron"),
                "keep_alive == \"600 s\" && qos == 0",
                "--runs",
                "2",
                "--quiet",
                "--out",
                &format!("{at}/sweep"),
            ]),
        ),
        ("report", words(&["report", run, "--out", &format!("{at}/report.html")])),
        ("chart", words(&["chart", &publish, "--out", &format!("{at}/chart.txt")])),
        (
            "explore",
            words(&["explore", &scenario("explore/overflow.ron"), "--out", &format!("{at}/explore")]),
        ),
        (
            "live",
            words(&["live", "--listen", "127.0.0.1:0", "--journal", &format!("{at}/journal"), "--out", at]),
        ),
    ]
}

fn a_run(home: &Path) -> String {
    let run = home.join("run").display().to_string();
    let scenario = root().join("scenarios/one-publish.ron").display().to_string();
    crate::sweep::fine(&["run", &scenario, "--quiet", "--out", &run]);
    run
}

/// Runs each command on a disk of its own, holds it to be refused, and has `check` look at what it left.
fn refused_on(options: &str, filled: &str, check: impl Fn(&str, &[String])) {
    let home = tempfile::tempdir().unwrap();
    let (disk, run) = (home.path().join("disk"), a_run(home.path()));
    let mut tested = 0;
    for (what, arguments) in commands(&disk.display().to_string(), &run) {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let Some(output) = on_a_disk(&disk, options, filled, &arguments) else { continue };
        check(what, &refused(&output, what));
        tested += 1;
    }
    said_if_untested(tested);
}

#[test]
fn a_full_disk_leaves_no_half_of_a_file() {
    refused_on("size=256k", "full", |what, left| {
        // A journal of runs is made for being cut off; and empty folders are no files.
        let kept = |name: &&String| name.contains("journal/") && name.ends_with(".rows");
        let is_file = |name: &&String| name.trim_start_matches("./").contains('.');
        let files: Vec<&String> = left.iter().filter(is_file).filter(|name| !kept(name)).collect();
        assert!(files.is_empty(), "{what} left {files:?}");
    });
}

#[test]
fn a_read_only_disk_is_told_as_such() {
    refused_on("ro", "empty", |what, left| assert_eq!(left, Vec::<String>::new(), "{what}"));
}

fn said_if_untested(tested: usize) {
    if tested == 0 {
        eprintln!("NOT TESTED: no file system could be mounted here, so no disk was full or read-only");
    }
}

#[test]
fn where_a_file_stands_there_is_no_folder() {
    let home = tempfile::tempdir().unwrap();
    let run = a_run(home.path());
    let file = home.path().join("file");
    fs::write(&file, "mine").unwrap();
    for (what, arguments) in commands(&file.display().to_string(), &run) {
        let output = Command::new(PROGRAM).args(&arguments).output().unwrap();
        refused(&output, what);
        assert_eq!(fs::read(&file).unwrap(), b"mine", "{what}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_device_that_takes_nothing_is_told() {
    let scenario = root().join("scenarios/one-publish.ron").display().to_string();
    let output = Command::new(PROGRAM).args(["chart", &scenario, "--out", "/dev/full"]).output().unwrap();
    refused(&output, "chart");
}

//! Bad input, as the program itself meets it: every file of `tests/corpus` has one fault and is refused
//! with exit code 2, one error, its place, and what would be right. The files end in `.ron.bad`, so that
//! `list` does not take them for scenarios, and are copied without that ending.

#![expect(clippy::disallowed_types, reason = "how long a user waits for a refusal")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use crate::root;

/// A refusal takes hundredths of a second; this is for a machine with much else to do.
const LIMIT: Duration = Duration::from_secs(20);

/// Files that are no text, or in which there is nothing to point at.
const WITHOUT_PLACE: [&str; 3] = ["empty", "only-white-space", "only-a-comment"];

/// Names of the bad files of a folder, without `.bad`.
fn corpus(folder: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(root().join("tests/corpus").join(folder))
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".bad").map(str::to_owned))
        .collect();
    names.sort();
    names
}

/// A folder of the corpus with its files as users would name them.
fn copied(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let target = to.join(name.strip_suffix(".bad").unwrap_or(name));
        if path.is_dir() {
            copied(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

fn called(folder: &Path, arguments: &[&str]) -> Output {
    let start = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_mqtt-twin")).args(arguments).current_dir(folder).output();
    assert!(start.elapsed() < LIMIT, "{arguments:?} takes {:?}", start.elapsed());
    output.unwrap()
}

/// What is wrong with the way in which a file was refused, and what the user was told.
fn refused(folder: &Path, arguments: &[&str], name: &str) -> String {
    let output = called(folder, arguments);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{name}: {told}");
    assert!(output.stdout.is_empty(), "{name}: {told}");
    assert_eq!(told.lines().filter(|line| line.starts_with("error")).count(), 1, "one error: {name}: {told}");
    assert!(told.contains("help: "), "what would be right: {name}: {told}");
    assert!(!told.contains("panicked"), "{name}: {told}");
    told
}

fn has_place(told: &str, file: &str) -> bool {
    told.split(file).skip(1).any(|rest| {
        let mut numbers = rest.split(|c: char| !c.is_ascii_digit());
        rest.starts_with(':') && numbers.nth(1).is_some_and(|line| !line.is_empty())
    })
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

/// Lines as long as a reader's patience.
fn shortened(told: &str) -> String {
    let line = |line: &str| match line.char_indices().nth(150) {
        Some((at, _)) => format!("{} ..\n", &line[..at]),
        None => format!("{}\n", line.trim_end()),
    };
    told.lines().map(line).collect()
}

#[test]
fn bad_scenarios_are_refused_at_their_place() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path();
    copied(&root().join("tests/corpus/scenarios"), folder);
    let results = tempfile::tempdir().unwrap();
    let out = results.path().join("out").display().to_string();
    let good = "base-is-good.ron";
    assert_eq!(
        called(folder, &["check", good]).status.code(),
        Some(0),
        "every other file has one fault more"
    );
    let mut all = String::new();
    let files = corpus("scenarios");
    assert!(files.len() > 100, "{}", files.len());
    for file in files {
        let name = file.trim_end_matches(".ron");
        let told = refused(folder, &["check", &file], name);
        assert!(told.contains(&file), "{told}");
        assert!(has_place(&told, &file) || WITHOUT_PLACE.contains(&name), "its place: {told}");
        // Whatever would run it refuses it, too, and writes nothing.
        let runs = if name.starts_with("sweep-") { "sweep" } else { "run" };
        assert_eq!(refused(folder, &[runs, &file, "--out", &out], name), told);
        assert!(is_empty(results.path()), "{name}");
        all.push_str(&format!("## {name}\n{}\n", shortened(&told)));
    }
    insta::assert_snapshot!("bad_scenarios", all);
}

/// A copy of the profiles with one bad one, and a scenario that uses it.
#[test]
fn bad_profiles_are_refused_at_their_place() {
    let home = tempfile::tempdir().unwrap();
    let profiles = home.path().join("hw-profiles");
    copied(&root().join("hw-profiles"), &profiles);
    copied(&root().join("tests/corpus/profiles"), &profiles);
    let good = fs::read_to_string(root().join("tests/corpus/scenarios/base-is-good.ron")).unwrap();
    let mut all = String::new();
    let mut count = 0;
    for (kind, key) in [("boards", "board"), ("software", "software"), ("links", "profile")] {
        for file in corpus(&format!("profiles/{kind}")) {
            count += 1;
            let name = file.trim_end_matches(".ron");
            let used = format!("{key}: \"{name}\", ");
            let text = match kind {
                "links" => good.replace("rate: \"1 Mbit/s\", delay: \"2 ms\"", used.trim_end_matches(", ")),
                _ => good.replacen("\"sensor\": (", &format!("\"sensor\": ({used}"), 1),
            };
            assert_ne!(text, good);
            fs::write(home.path().join("one.ron"), text).unwrap();
            let told = refused(home.path(), &["check", "one.ron"], name);
            let told = told.replace(&format!("{}/", fs::canonicalize(home.path()).unwrap().display()), "");
            assert!(has_place(&told, ".ron"), "its place: {told}");
            all.push_str(&format!("## {kind}/{name}\n{}\n", shortened(&told)));
        }
    }
    assert!(count > 20, "{count}");
    insta::assert_snapshot!("bad_profiles", all);
}

#[test]
fn what_is_no_file_or_far_too_large_is_refused_in_time() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("folder.ron")).unwrap();
    for (size, many) in [("large", 200_000), ("far-too-large", 10_000_000)] {
        refused_however_large(home.path(), size, many);
    }
    for name in ["nowhere.ron", "folder.ron"] {
        told_of(home.path(), name);
    }
}

fn told_of(home: &Path, name: &str) {
    let output = called(home, &["check", name]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{name}");
    assert!(told.starts_with("error: ") && told.contains(name), "{name}: {}", shortened(&told));
    assert!(told.len() < 10_000, "{name}: {} bytes are no message", told.len());
}

fn refused_however_large(home: &Path, size: &str, many: usize) {
    let write = |name: &str, text: &[u8]| {
        let name = format!("{size}-{name}");
        fs::write(home.join(&name), text).unwrap();
        told_of(home, &name);
    };
    write("brackets.ron", &vec![b'['; many]);
    write("parentheses.ron", &vec![b'('; many]);
    write("braces.ron", &vec![b'{'; many]);
    write("quotes.ron", &vec![b'"'; many]);
    write("comments.ron", "/*".repeat(many / 2).as_bytes());
    write("nested.ron", [vec![b'['; many / 2], vec![b']'; many / 2]].concat().as_slice());
    write("one-long-word.ron", &vec![b'a'; many]);
    write("one-long-number.ron", &[b"(seed: ".to_vec(), vec![b'9'; many], b")".to_vec()].concat());
}

#[test]
fn a_byte_order_mark_is_no_fault() {
    let home = tempfile::tempdir().unwrap();
    let good = fs::read(root().join("tests/corpus/scenarios/base-is-good.ron")).unwrap();
    fs::write(home.path().join("marked.ron"), [b"\xef\xbb\xbf", good.as_slice()].concat()).unwrap();
    let output = called(home.path(), &["check", "marked.ron"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

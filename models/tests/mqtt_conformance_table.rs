//! The table of normative statements in `docs/mqtt-conformance.md` names tests that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn functions_below(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions_below(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.extend(tests_in(&fs::read_to_string(&path).unwrap()));
        }
    }
}

// The names of the functions that follow a `#[test]`, with other attributes or comments between.
fn tests_in(source: &str) -> Vec<String> {
    let mut names = vec![];
    let mut is_test = false;
    for line in source.lines().map(str::trim) {
        if line == "#[test]" {
            is_test = true;
        } else if let Some(rest) = line.strip_prefix("fn ").filter(|_| is_test) {
            names.extend(rest.split('(').next().map(str::to_owned));
            is_test = false;
        }
    }
    names
}

/// The rows of a document's tables: the first cell and the second.
fn rows(document: &str) -> Vec<(&str, &str)> {
    let lines = document.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let cells = lines.filter_map(|line| line.split_once(" | "));
    cells.filter(|(first, _)| first.starts_with(|c: char| c.is_ascii_digit())).collect()
}

#[test]
fn mqtt_every_test_in_the_table_exists() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = BTreeSet::new();
    functions_below(&package.join("src/mqtt"), &mut tests);
    functions_below(&package.join("tests"), &mut tests);
    let document = fs::read_to_string(package.join("../docs/mqtt-conformance.md")).unwrap();
    let rows = rows(&document);
    assert!(rows.len() > 250, "{} rows", rows.len());
    for (statement, held_by) in rows {
        let named: Vec<_> = held_by.split('`').skip(1).step_by(2).collect();
        for name in &named {
            assert!(tests.contains(*name), "{statement}: there is no test {name}");
        }
        let reason = held_by.len() > 20 && held_by.ends_with('.');
        assert!(!named.is_empty() || reason, "{statement}: neither a test nor a reason");
    }
}

// The list has the numbers under a line with the version.
#[test]
fn mqtt_the_table_is_complete() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = fs::read_to_string(package.join("tests/mqtt_statements.txt")).unwrap();
    let document = fs::read_to_string(package.join("../docs/mqtt-conformance.md")).unwrap();
    let parts: Vec<_> = document.split("\n## ").collect();
    let mut wanted: Vec<(&str, BTreeSet<&str>)> = vec![];
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        match (line.contains('-'), wanted.last_mut()) {
            (true, Some((_, numbers))) => assert!(numbers.insert(line), "{line} twice"),
            (_, _) => wanted.push((line, BTreeSet::new())),
        }
    }
    assert_eq!(wanted.iter().map(|(version, _)| *version).collect::<Vec<_>>(), ["3.1.1", "5.0"]);
    for (version, numbers) in wanted {
        let heading = format!("MQTT {version} (");
        let part = parts.iter().find(|part| part.starts_with(&heading)).unwrap();
        let found: BTreeSet<_> = rows(part).into_iter().map(|(statement, _)| statement).collect();
        assert_eq!(found, numbers, "statements of MQTT {version}");
    }
}

#[test]
fn mqtt_no_statement_has_two_rows() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = fs::read_to_string(package.join("../docs/mqtt-conformance.md")).unwrap();
    for part in document.split("\n## ") {
        let mut seen = BTreeSet::new();
        for (statement, _) in rows(part) {
            assert!(seen.insert(statement), "{statement} twice");
        }
    }
}

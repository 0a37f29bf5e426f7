//! The house in order: who may know whom, and nothing too long to read.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file under `folder` whose name ends in `suffix`, sorted.
fn files(folder: &str, suffix: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap_or_else(|e| panic!("{}: {e}", next.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(suffix) {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no {suffix} under {folder}");
    found
}

fn sources() -> Vec<PathBuf> {
    ["sim-core/src", "models/src", "src", "tests"].iter().flat_map(|folder| files(folder, ".rs")).collect()
}

fn name(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_string_lossy().into_owned()
}

#[test]
fn no_file_is_too_long_to_read() {
    let long: Vec<String> = sources()
        .iter()
        .map(|path| (name(path), fs::read_to_string(path).unwrap().lines().count()))
        .filter(|(_, lines)| *lines > 500)
        .map(|(name, lines)| format!("{name}: {lines} lines"))
        .collect();
    assert!(long.is_empty(), "split by what they hold: {long:#?}");
}

/// Functions as rustfmt lays them out: from a line that declares one to the closing brace at the
/// same indentation.
#[test]
fn no_function_is_too_long_to_read() {
    let mut long = Vec::new();
    for path in sources() {
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for (start, line) in lines.iter().enumerate() {
            let indentation = line.len() - line.trim_start().len();
            let words = line.trim_start();
            let declares =
                ["fn ", "pub fn ", "pub(crate) fn ", "pub(super) fn ", "pub const fn ", "const fn "]
                    .iter()
                    .any(|opening| words.starts_with(opening));
            if !declares || line.ends_with([';', '}']) {
                continue;
            }
            let close = format!("{}}}", " ".repeat(indentation));
            let length = lines[start..].iter().position(|line| *line == close).unwrap_or(0);
            if length > 70 {
                long.push(format!("{}:{}: {length} lines: {words}", name(&path), start + 1));
            }
        }
    }
    assert!(long.is_empty(), "split what they do: {long:#?}");
}

const OF_ALERT: &[&str] =
    &["sim_core::time", "sim_core::random", "crate::alert", "crate::stream", "crate::mqtt", "super", "self"];

/// What a room may import of our own code. A path that begins with none of these is a breach.
fn allowed(file: &str) -> Option<&'static [&'static str]> {
    let rooms: &[(&str, &[&str])] = &[
        (
            "models/src/mqtt/",
            &[
                "sim_core::time",
                "crate::mqtt",
                "crate::queue",
                "crate::stream",
                "crate::cause",
                "super",
                "self",
            ],
        ),
        (
            "models/src/tcp/",
            &["sim_core::time", "crate::tcp", "crate::stream", "crate::cause", "super", "self"],
        ),
        (
            "models/src/tls/",
            &["sim_core::time", "crate::tls", "crate::stream", "crate::cause", "super", "self"],
        ),
        ("models/src/net/", &["sim_core::time", "sim_core::random", "crate::net", "super", "self"]),
        (
            "models/src/host/",
            &[
                "sim_core::time",
                "sim_core::resource",
                "crate::app",
                "crate::cause",
                "crate::host",
                "crate::ledger",
                "crate::mqtt",
                "crate::queue",
                "crate::record",
                "crate::stream",
                "crate::tcp",
                "crate::tls",
                "super",
                "self",
            ],
        ),
        (
            "models/src/app/",
            &[
                "sim_core::time",
                "sim_core::random",
                "crate::alert",
                "crate::app",
                "crate::cause",
                "crate::host",
                "crate::ledger",
                "crate::mqtt",
                "crate::record",
                "crate::stream",
                "super",
                "self",
            ],
        ),
        ("models/src/alert/", OF_ALERT),
        ("models/src/profile", &["crate::profile", "crate::mqtt", "super", "self"]),
        ("sim-core/src/", &["crate", "super", "self", "sim_core"]),
    ];
    rooms.iter().find(|(room, _)| file.starts_with(room)).map(|(_, allowed)| *allowed)
}

#[test]
fn every_room_knows_only_what_it_may_know() {
    let mut breaches = Vec::new();
    for path in sources() {
        let file = name(&path);
        let Some(allowed) = allowed(&file) else { continue };
        for line in fs::read_to_string(&path).unwrap().lines() {
            let Some(used) =
                line.trim_start().strip_prefix("use ").or(line.trim_start().strip_prefix("pub use "))
            else {
                continue;
            };
            let ours = ["crate::", "super::", "self::", "sim_core::", "models::", "mqtt_twin::"]
                .iter()
                .any(|root| used.starts_with(root));
            let fine = allowed.iter().any(|prefix| {
                used.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(['{', ':', ';', ' ']))
            });
            // A test may draw what it sends.
            let draws = file.contains("/tests/") && used.starts_with("sim_core::random::");
            if ours && !fine && !draws {
                breaches.push(format!("{file}: use {used}"));
            }
        }
    }
    assert!(breaches.is_empty(), "a room looks where it should not: {breaches:#?}");
}

#[test]
fn only_the_network_sees_the_scheduler() {
    for path in files("models/src", ".rs") {
        let file = name(&path);
        if file.starts_with("models/src/network/") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("sim_core::scheduler"), "{file} sees the scheduler");
    }
}

#[test]
fn the_kernel_and_the_models_open_no_file_and_print_nothing() {
    let banned = [
        "std::fs",
        "std::io",
        "std::net",
        "std::thread",
        "println!",
        "eprintln!",
        "std::env",
        "Instant::now",
    ];
    for path in files("sim-core/src", ".rs").into_iter().chain(files("models/src", ".rs")) {
        let file = name(&path);
        if file.contains("/tests") || file.contains("/benches") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for word in banned {
            let used = code.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(word));
            assert!(!used, "{file} uses {word}");
        }
    }
}

/// Without the line of rules below its head a table is a paragraph full of bars.
#[test]
fn every_table_of_a_page_has_rules_below_its_head() {
    let columns = |line: &str| line.replace("\\|", "").matches('|').count();
    let mut wrong = Vec::new();
    let top = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].map(|page| root().join(page));
    for path in files("docs", ".md").into_iter().chain(top) {
        let text = fs::read_to_string(&path).unwrap();
        let mut before = "";
        let mut lines = text.lines().enumerate().peekable();
        while let Some((number, line)) = lines.next() {
            if line.starts_with('|') && !before.starts_with('|') {
                let rule = lines.peek().map_or("", |(_, rule)| rule);
                if !rule.starts_with("| -") || columns(rule) != columns(line) {
                    wrong.push(format!("{}:{}: {line}", name(&path), number + 1));
                }
            }
            before = line;
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

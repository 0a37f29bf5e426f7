//! Seeded mistakes of protocol implementers, each of which a test must notice.
//!
//! `tests/mutants/*.ron` holds the list. What it says is checked with every run of the tests; to make the mistakes one
//! by one and see whether they are noticed:
//!
//! ```text
//! cargo test --test suite mutants -- --ignored --nocapture
//! ```
//!
//! The sources are copied to a temporary folder, so nothing here is touched; what is built there stays in
//! `target/mutants`. All mistakes are planted at once, each behind a switch, so one build is enough; with all switches
//! off every test must pass. Then one after the other is switched on and shown first to the tests that its entry names,
//! then to all unit tests, then to all other tests of the models, at last to the suite of the whole. It is noticed by
//! the first test that fails, or that does not end.
//!
//! `MUTANTS="word,word"` takes only those whose name or file has one of the words, `MUTANTS_QUICK=1` leaves out the
//! suite.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "real programs are waited for")]

mod bench;
mod plant;

use std::collections::BTreeSet;
use std::fs;
use std::time::Instant;

use serde::Deserialize;

use crate::root;
use bench::Bench;
use plant::Site;

/// One mistake.
#[derive(Deserialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
struct Mutant {
    /// What it is called; unique.
    name: String,
    /// What the implementer does wrong, and what comes of it.
    mistake: String,
    /// What it offends against.
    section: String,
    /// Where it is planted.
    file: String,
    /// The right text, exactly once in the file; between `⟦` and `⟧` the expression that is done wrong.
    right: String,
    /// The wrong expression.
    instead: String,
    /// Which unit tests of the file's package are asked first: parts of their names.
    tests: Vec<String>,
}

/// The least share that has to be noticed, in percent.
const NOTICED_AT_LEAST_PERCENT: usize = 95;

fn mutants() -> Vec<Mutant> {
    let folder = root().join("tests/mutants");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |file: &std::path::PathBuf| -> Vec<Mutant> {
        ron::from_str(&fs::read_to_string(file).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    };
    files.iter().flat_map(read).collect()
}

impl Mutant {
    /// The package of its file.
    fn package(&self) -> &str {
        self.file.split_once("/src/").expect("a file of a package").0
    }
}

#[test]
fn the_list_of_mutants_fits_the_sources() {
    let mutants = mutants();
    assert!(mutants.len() >= 60, "only {} mutants", mutants.len());
    let names: BTreeSet<&str> = mutants.iter().map(|mutant| mutant.name.as_str()).collect();
    assert_eq!(names.len(), mutants.len(), "two mutants of one name");
    let changes: BTreeSet<(&str, &str, &str)> =
        mutants.iter().map(|mutant| (&*mutant.file, &*mutant.right, &*mutant.instead)).collect();
    assert_eq!(changes.len(), mutants.len(), "two mutants that do the same");
    let files: BTreeSet<&str> = mutants.iter().map(|mutant| mutant.file.as_str()).collect();
    let mut faults = Vec::new();
    for file in files {
        let text = fs::read_to_string(root().join(file)).unwrap_or_default();
        if let Err(fault) = plant::plant(&text, &plant::switches(&mutants, file)) {
            faults.push(format!("{file}: {fault}"));
        }
    }
    for mutant in &mutants {
        if mutant.mistake.is_empty() || mutant.section.is_empty() || mutant.tests.iter().all(String::is_empty)
        {
            faults.push(format!("`{}` does not say what is wrong, or names no tests", mutant.name));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a_mutant_is_planted_behind_its_switch() {
    let site = |number, right: &str, instead: &str| Site::new(number, right, instead);
    let text = "let a = b + 1;\nlet c = b + 1;";
    let sites = [site(3, "a = ⟦b⟧ + 1", "d"), site(4, "a = ⟦b⟧ + 1", "e"), site(5, "c = b⟦ + 1⟧", "")];
    assert_eq!(
        plant::plant(text, &sites).unwrap(),
        "let a = (if crate::planted(3) { d } else if crate::planted(4) { e } else { b }) + 1;\n\
         let c = b(if crate::planted(5) {  } else {  + 1 });"
    );
    let faults = [
        (vec![site(1, "⟦b⟧ + 1", "d")], "2 times"),
        (vec![site(1, "a = b", "d")], "⟦"),
        (vec![site(1, "a = ⟦b⟧", "b")], "nothing"),
        (vec![site(1, "a = ⟦b⟧", "d"), site(2, "a = ⟦b +⟧ 1", "d")], "overlap"),
    ];
    for (sites, fault) in faults {
        let refused = plant::plant(text, &sites).unwrap_err();
        assert!(refused.contains(fault), "{fault} in {refused}");
    }
}

#[test]
#[ignore = "builds a copy of the workspace and runs tests once for each mutant: many minutes"]
fn mutants_are_noticed() {
    let wanted = std::env::var("MUTANTS").unwrap_or_default();
    let words: Vec<&str> = wanted.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
    let all = mutants();
    let chosen: Vec<(u32, &Mutant)> = (1..)
        .zip(&all)
        .filter(|(_, mutant)| {
            words.is_empty()
                || words.iter().any(|word| mutant.name.contains(word) || mutant.file.contains(word))
        })
        .collect();
    let bench = Bench::new(&all, std::env::var_os("MUTANTS_QUICK").is_none());
    let built = Instant::now();
    println!("| mutant | against | noticed by | s |\n| --- | --- | --- | --- |");
    let mut noticed = 0;
    for (number, mutant) in &chosen {
        let start = Instant::now();
        let by = bench.noticed_by(*number, mutant);
        noticed += usize::from(by.is_some());
        let by = by.map_or_else(|| "**nothing**".to_owned(), |by| format!("`{by}`"));
        println!("| {} | {} | {by} | {:.0} |", mutant.name, mutant.section, start.elapsed().as_secs_f64());
    }
    let minutes = built.elapsed().as_secs_f64() / 60.0;
    println!("\n{noticed} of {} noticed, in {minutes:.1} minutes", chosen.len());
    assert!(100 * noticed >= NOTICED_AT_LEAST_PERCENT * chosen.len(), "{noticed} of {}", chosen.len());
}

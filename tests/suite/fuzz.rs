//! Random damage to what users write: scenarios, profiles. Whatever comes, it
//! is read or refused, at once and never with a panic.
//!
//! `FUZZ_CASES` asks for another number of damaged texts a file; docs/robustness.md has the numbers.

#![expect(clippy::disallowed_types, reason = "how long a user waits for an answer")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use models::profile::{BatteryFile, BoardFile, BrokerFile, ClientFile, Inherit, LinkFile, SoftwareFile};
use mqtt_twin::scenario::Overrides;
use mqtt_twin::scenario::load::load_text;
use mqtt_twin::scenario::parse::parse;
use mqtt_twin::scenario::profiles::Library;
use mqtt_twin::scenario::source::Source;
use sim_core::random::{Stream, Streams};

use crate::root;

/// Damaged texts of each file.
fn cases(usual: u64) -> u64 {
    std::env::var("FUZZ_CASES").map_or(usual, |cases| cases.parse().expect("a number of texts a file"))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "ron") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// What a wrong hand, a wrong tool or a wrong disk writes instead of a token.
const TOKENS: [&str; 32] = [
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "\"",
    "'",
    "//",
    "/*",
    "*/",
    "#",
    "r#\"",
    "\\u{10ffff}",
    "-1",
    "0",
    "18446744073709551616",
    "1e999",
    "NaN",
    "inf",
    "-0.0",
    "0x",
    "\"1 s\"",
    "\"99999999999 h\"",
    "None",
    "Some(",
    "true",
    "()",
    "é\u{0}",
    "\u{feff}",
];

/// A text with one to three things wrong with it; some of them come from `other`, a text of its kind.
fn damaged(text: &str, other: &str, draws: &mut Stream) -> String {
    let mut text = text.to_owned();
    for _ in 0..=draws.below(3) {
        text = match draws.below(10) {
            0 => lines_exchanged(&text, other, draws),
            1 => words_exchanged(&text, other, draws),
            _ => once_damaged(&text, draws),
        };
    }
    text
}

/// Up to five lines in place of up to five others.
fn lines_exchanged(text: &str, other: &str, draws: &mut Stream) -> String {
    let slice = |text: &str, draws: &mut Stream| {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let from = draws.below(lines.len() as u64 + 1) as usize;
        let to = (from + draws.below(6) as usize).min(lines.len());
        (lines, from, to)
    };
    let (mut lines, from, to) = slice(text, draws);
    let (others, other_from, other_to) = slice(other, draws);
    lines.splice(from..to, others[other_from..other_to].iter().cloned());
    lines.join("\n")
}

/// A number, name or string in place of another one: the text stays well-formed, its sense does not.
fn words_exchanged(text: &str, other: &str, draws: &mut Stream) -> String {
    let (own, others) = (words(text), words(other));
    if own.is_empty() || others.is_empty() {
        return text.to_owned();
    }
    let (from, to) = own[draws.below(own.len() as u64) as usize];
    let (other_from, other_to) = others[draws.below(others.len() as u64) as usize];
    format!("{}{}{}", &text[..from], &other[other_from..other_to], &text[to..])
}

/// Where the numbers, names and strings of a text are.
fn words(text: &str) -> Vec<(usize, usize)> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at + first.len_utf8()..];
        let length = match first {
            '"' => rest.find(['"', '\n']).map_or(rest.len(), |end| end + 1),
            _ if first.is_ascii_alphanumeric() => {
                rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.').unwrap_or(rest.len())
            }
            _ => {
                at += first.len_utf8();
                continue;
            }
        };
        found.push((at, at + first.len_utf8() + length));
        at += first.len_utf8() + length;
    }
    found
}

/// The longest that reading one text took.
#[derive(Default)]
struct Slowest {
    took: Duration,
}

impl Slowest {
    /// Ten seconds are a thousand times what the longest good text takes, and no answer to a user.
    fn watch<R>(&mut self, text: &str, read: impl FnOnce() -> R) -> R {
        let start = Instant::now();
        let result = read();
        self.took = self.took.max(start.elapsed());
        assert!(start.elapsed() < Duration::from_secs(10), "{:?} for {text}", start.elapsed());
        result
    }
}

fn once_damaged(text: &str, draws: &mut Stream) -> String {
    let at = |draws: &mut Stream| {
        let mut at = draws.below(text.len() as u64 + 1) as usize;
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let (one, other) = (at(draws), at(draws));
    let (from, to) = (one.min(other), one.max(other));
    let near = (from + draws.below(30) as usize).min(text.len());
    let near = (from..=near).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(from);
    match draws.below(8) {
        0 => format!("{}{}", &text[..from], &text[near..]),
        1 => format!("{}{}", &text[..from], &text[to..]),
        2 => text[..to].to_owned(),
        3 => format!("{}{}{}", &text[..to], &text[from..near], &text[to..]),
        4 => {
            let token = TOKENS[draws.below(TOKENS.len() as u64) as usize];
            format!("{}{token}{}", &text[..from], &text[near..])
        }
        5 => {
            let token = TOKENS[draws.below(TOKENS.len() as u64) as usize];
            format!("{}{token}{}", &text[..from], &text[from..])
        }
        6 => {
            let mut bytes = text.as_bytes().to_vec();
            if let Some(byte) = bytes.get_mut(from) {
                *byte ^= 1 << draws.below(8);
            }
            String::from_utf8_lossy(&bytes).into_owned()
        }
        // A number grows.
        _ => match text[from..].find(|c: char| c.is_ascii_digit()) {
            Some(digit) => {
                let (before, behind) = text.split_at(from + digit);
                format!("{before}{}{behind}", "9".repeat(1 + draws.below(25) as usize))
            }
            None => text.to_string(),
        },
    }
}

#[test]
fn damaged_scenarios_are_read_or_refused() {
    let library = Library::new(root().join("hw-profiles"));
    let streams = Streams::new(2026, 0);
    let mut refused = 0_u64;
    let mut all = 0_u64;
    let mut slowest = Slowest::default();
    let files = files(&root().join("scenarios"));
    let texts: Vec<String> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    for (file, text) in files.iter().zip(&texts) {
        let mut draws = streams.stream(&file.file_name().unwrap().to_string_lossy());
        for _ in 0..cases(12) {
            let other = &texts[draws.below(texts.len() as u64) as usize];
            let damaged = damaged(text, other, &mut draws);
            all += 1;
            let read = || load_text(file, &damaged, &Overrides::default(), library.clone());
            if let Err(error) = slowest.watch(&damaged, read) {
                refused += 1;
                let told = error.render(false);
                assert!(told.starts_with("error: ") && told.len() < 20_000, "{told}");
            }
        }
    }
    println!("{all} damaged scenarios, {refused} refused, the slowest in {:?}", slowest.took);
    assert!(refused > all / 2 && refused < all, "{refused} of {all}");
}

type Reader = fn(&str) -> bool;

/// Reads a profile as far as one file alone goes.
fn read<P: Inherit + serde::de::DeserializeOwned>(text: &str) -> bool {
    match parse::<P>(&Source::new("profile.ron", text)) {
        Ok((profile, _)) => profile.complete("profile").is_ok(),
        Err(error) => {
            let told = error.render(false);
            assert!(told.starts_with("error: ") && told.len() < 20_000, "{told}");
            false
        }
    }
}

#[test]
fn damaged_profiles_are_read_or_refused() {
    let streams = Streams::new(2026, 1);
    let kinds: [(&str, Reader); 6] = [
        ("boards", read::<BoardFile>),
        ("software", read::<SoftwareFile>),
        ("links", read::<LinkFile>),
        ("brokers", read::<BrokerFile>),
        ("clients", read::<ClientFile>),
        ("batteries", read::<BatteryFile>),
    ];
    let (mut good, mut all, mut slowest) = (0_u64, 0_u64, Slowest::default());
    for (kind, reads) in kinds {
        let files = files(&root().join("hw-profiles").join(kind));
        let texts: Vec<String> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
        for (file, text) in files.iter().zip(&texts) {
            let mut draws =
                streams.stream(&file.to_string_lossy().replace(&root().display().to_string(), ""));
            for _ in 0..cases(25) {
                all += 1;
                let other = &texts[draws.below(texts.len() as u64) as usize];
                let damaged = damaged(text, other, &mut draws);
                good += u64::from(slowest.watch(&damaged, || reads(&damaged)));
            }
        }
    }
    println!("{all} damaged profiles, {good} still good, the slowest in {:?}", slowest.took);
    assert!(good > 0 && good < all / 2, "{good} of {all}");
}

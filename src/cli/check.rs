//! `check`: reads scenario files and says whether they are right.

use std::io::Write;
use std::path::Path;

use serde_json::json;

use super::{CheckArguments, Format, tell};
use crate::scenario::{Diagnostic, Loaded, Overrides};
use crate::study::expected::load_to_run;
use crate::study::points::{self, Choice};

pub(super) fn check(arguments: &CheckArguments, out: &mut impl Write, problems: &mut impl Write) -> u8 {
    let overrides = arguments.scenario.overrides();
    let mut code = 0;
    let mut rows = Vec::new();
    for file in &arguments.files {
        let name = file.display().to_string();
        match checked(file, &overrides) {
            Ok(loaded) => {
                let (hosts, links) = (loaded.host_count(), loaded.link_count());
                if arguments.format == Format::Text && !arguments.quiet {
                    let _ =
                        writeln!(out, "ok {name}: {}, {}", counted(hosts, "host"), counted(links, "link"));
                }
                rows.push(json!({ "file": name, "ok": true, "hosts": hosts, "links": links }));
            }
            Err(diagnostic) => {
                tell(&diagnostic, problems);
                rows.push(json!({ "file": name, "ok": false, "error": diagnostic.message }));
                code = 2;
            }
        }
    }
    if arguments.format == Format::Json && !arguments.quiet {
        let _ = writeln!(out, "{:#}", json!(rows));
    }
    code
}

/// A scenario that can be run, and if it has a sweep, every point of it.
fn checked(file: &Path, overrides: &Overrides) -> Result<Loaded, Diagnostic> {
    let loaded = load_to_run(file, overrides)?;
    if loaded.sweep.is_some() {
        points::plan(file, overrides, &Choice::default())?;
    }
    Ok(loaded)
}

fn counted(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

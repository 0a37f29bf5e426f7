//! `replay`: repeats a session of `live` in virtual time.

use std::io::Write;

use super::{Finished, Format, ReplayArguments};
use crate::live::replay::{Replay, replay};
use crate::live::report::Report;
use crate::scenario::Diagnostic;

pub(super) fn run(arguments: &ReplayArguments, out: &mut impl Write) -> Result<Finished, Diagnostic> {
    let repeated = replay(&arguments.journal).map_err(|error| Diagnostic::error(error.to_string()))?;
    let report = Report::of(&repeated.machine, repeated.end, None, repeated.header.broker.clone());
    if !arguments.quiet {
        // A reader that has gone is no failure of the replay.
        let _ = match arguments.format {
            Format::Json => out.write_all(report.to_json().as_bytes()),
            Format::Text => write!(out, "{report}{}", remarks(&repeated)),
        };
    }
    Ok(match repeated.agrees() {
        Some(false) => Finished::Failed,
        Some(true) | None => Finished::Held,
    })
}

// What is to be said about the journal.
fn remarks(repeated: &Replay) -> String {
    let mut text = String::new();
    if repeated.cut_off {
        text.push_str("the last record is cut off and was left out\n");
    }
    if !repeated.same_broker() {
        text.push_str("this version makes another broker of these settings than the one that was served (");
        text.push_str(&repeated.header.written_by);
        text.push_str(")\n");
    }
    match (repeated.agrees(), repeated.recorded) {
        (Some(true), _) => text.push_str("the session had the same fingerprint\n"),
        (Some(false), Some(recorded)) => {
            text.push_str(&format!("DIFFERS: the session had the fingerprint {recorded:032x}\n"));
        }
        (_, _) => text.push_str("the journal does not reach the end of its session\n"),
    }
    text
}

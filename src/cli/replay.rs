//! `replay`: repeats a session of `live` in virtual time.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use super::run::summarise;
use super::{Finished, Format, Options, ReplayArguments, colourful};
use crate::live::replay::{Repeated, Replay, replay};
use crate::live::report::{Report, VisitReport};
use crate::live::settings::BrokerSettings;
use crate::results::TextStyle;
use crate::scenario::Diagnostic;

pub(super) fn run(arguments: &ReplayArguments, out: &mut impl Write) -> Result<Finished, Diagnostic> {
    let replayed = replay(&arguments.journal).map_err(|error| Diagnostic::error(error.to_string()))?;
    if !arguments.quiet {
        // A reader that has gone is no failure of the replay.
        let _ = out.write_all(shown(&replayed, arguments.format).as_bytes());
    }
    Ok(match replayed.agrees() {
        Some(false) => Finished::Failed,
        Some(true) | None => Finished::Held,
    })
}

fn shown(replayed: &Replay, format: Format) -> String {
    match &replayed.repeated {
        Repeated::Broker(machine) => {
            let broker: BrokerSettings = replayed.header.broker.clone().unwrap_or_default();
            let report = Report::of(machine, replayed.end, None, broker);
            match format {
                Format::Json => report.to_json(),
                Format::Text => format!("{report}{}", remarks(replayed)),
            }
        }
        Repeated::Scenario(twin, loaded) => {
            let summary = summarise(loaded, &Options::default(), &twin.outcome(), Duration::ZERO);
            match format {
                Format::Json => summary.to_json(),
                Format::Text => {
                    let style = TextStyle { colour: colourful(io::stdout().is_terminal()) };
                    let visits = VisitReport::of(twin, replayed.end, None);
                    format!("{}\n{visits}{}", summary.to_text(style), remarks(replayed))
                }
            }
        }
    }
}

// What is to be said about the journal.
fn remarks(replayed: &Replay) -> String {
    let mut text = String::new();
    if replayed.cut_off {
        text.push_str("the last record is cut off and was left out\n");
    }
    let differences = replayed.differences();
    if !differences.is_empty() {
        let (names, version) = (differences.join(", "), &replayed.header.written_by);
        text.push_str(&format!("not the same as in the session (of version {version}): {names}\n"));
    }
    match (replayed.agrees(), replayed.recorded) {
        (Some(true), _) => text.push_str("the session had the same fingerprint\n"),
        (Some(false), Some(recorded)) => {
            text.push_str(&format!("DIFFERS: the session had the fingerprint {recorded:032x}\n"));
        }
        (_, _) => text.push_str("the journal does not reach the end of its session\n"),
    }
    text
}

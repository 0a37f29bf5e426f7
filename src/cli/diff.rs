//! `diff`: where two runs part.

use std::io::{self, IsTerminal, Write};

use super::Finished;
use super::colourful;
use super::study::DiffArguments;
use crate::scenario::Diagnostic;
use crate::scenario::error::Severity;
use crate::study::diff::{self, Parting, Told, Verdict};

pub(super) fn diff(arguments: &DiffArguments, out: &mut impl Write) -> Result<Finished, Diagnostic> {
    let mut warn = |what: String| {
        let warning = Diagnostic { severity: Severity::Warning, ..Diagnostic::error(what) };
        eprint!("{}", warning.render(colourful(io::stderr().is_terminal())));
    };
    let profiles = arguments.profiles.as_deref();
    // A reader that has gone is no failure of the comparison.
    match diff::runs(&arguments.first, &arguments.second, profiles, &mut warn)? {
        Verdict::Same(events) => {
            let _ = writeln!(out, "the same: {events} events");
            Ok(Finished::Held)
        }
        Verdict::Parted(parting) => {
            let _ = tell(&parting, out);
            Ok(Finished::Failed)
        }
    }
}

fn tell(parting: &Parting, out: &mut impl Write) -> io::Result<()> {
    let Parting { same, skipped, .. } = parting;
    writeln!(out, "{same} events are the same ({skipped} of them by a checkpoint), the last ones:")?;
    let list = |out: &mut dyn Write, events: &[Told]| {
        events.iter().try_for_each(|(at, what)| writeln!(out, "  {:>14.9} s  {what}", at.as_secs_f64()))
    };
    list(out, &parting.before)?;
    for (which, events) in [("first", &parting.first), ("second", &parting.second)] {
        writeln!(out, "then the {which} run:")?;
        if events.is_empty() {
            writeln!(out, "  ends")?;
        }
        list(out, events)?;
    }
    Ok(())
}

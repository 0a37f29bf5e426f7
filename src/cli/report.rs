//! `report`: one HTML file about a run or a sweep, with its pictures beside it.

use std::io::Write;

use super::Finished;
use super::study::ReportArguments;
use crate::report::whole;
use crate::scenario::Diagnostic;

pub(super) fn report(arguments: &ReportArguments, out: &mut impl Write) -> Result<Finished, Diagnostic> {
    let report = whole::of(&arguments.folder, arguments.profiles.as_deref())?;
    let file = arguments.out.clone().unwrap_or_else(|| arguments.folder.join("report.html"));
    let written = report.write(&file, !arguments.no_pictures)?;
    if !arguments.quiet {
        // A reader that has gone is no failure of the report.
        let _ = writeln!(out, "{} and {} pictures", file.display(), (written.len() - 1) / 2);
    }
    Ok(Finished::Held)
}

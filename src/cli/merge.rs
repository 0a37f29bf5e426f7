//! `merge`: the shares of a sweep joined.

use std::io::Write;

use super::Finished;
use super::study::MergeArguments;
use crate::scenario::Diagnostic;
use crate::study::merge as join;
use crate::study::tables::Also;

pub(super) fn merge(arguments: &MergeArguments, out: &mut impl Write) -> Result<Finished, Diagnostic> {
    let also = Also { csv: arguments.csv };
    let manifest = join::merge(&arguments.out, &arguments.parts, arguments.mix_versions, also)?;
    if !arguments.quiet {
        let (points, runs) = (manifest.points.len(), manifest.rows().count());
        // A reader that has gone is no failure of the merge.
        let _ = writeln!(out, "{points} points, {runs} runs in {}", arguments.out.display());
    }
    Ok(Finished::Held)
}

//! Whether a scenario expects what its results will have, before it is run.

use crate::results::figures::{is_among, paths_for, unknown_among};
use crate::scenario::{Diagnostic, Loaded, Overrides, load};

/// Reads a scenario that is to be run, and looks for every figure that it expects something of.
///
/// # Errors
/// The first thing that is wrong with it, or the first expectation about a figure that no run has.
pub fn load_to_run(file: &std::path::Path, overrides: &Overrides) -> Result<Loaded, Diagnostic> {
    let loaded = load(file, overrides)?;
    figures_are_known(&loaded)?;
    Ok(loaded)
}

/// Whether every expectation is about a figure that the results will have.
///
/// # Errors
/// At the first that is not, with the nearest figure that they will have.
pub fn figures_are_known(loaded: &Loaded) -> Result<(), Diagnostic> {
    if loaded.expectations.is_empty() {
        return Ok(());
    }
    let paths = paths_for(loaded.groups.iter().map(|group| (&*group.name, group.count > 1)));
    for (expectation, place) in loaded.expectations.iter().zip(&loaded.expectation_places) {
        if !is_among(&expectation.path, &paths) {
            let message = format!("`{}` is no figure of this run", expectation.path);
            let help = match unknown_among(&expectation.path, paths).nearest {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => "figures are named as in summary.json: `latency.p99`, `packets.PINGREQ`".to_owned(),
            };
            return Err(Diagnostic::error(message).at(place.clone()).help(help));
        }
    }
    Ok(())
}

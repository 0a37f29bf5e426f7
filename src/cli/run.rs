//! `run`: simulates a scenario.

use super::{Finished, Laboratory, RunArguments};
use crate::scenario::{Diagnostic, load};

pub(super) fn run(arguments: &RunArguments, laboratory: &impl Laboratory) -> Result<Finished, Diagnostic> {
    let loaded = load(&arguments.file, &arguments.scenario.overrides())?;
    laboratory.run(&loaded, &arguments.options)
}

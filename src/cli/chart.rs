//! `chart`: draws the sequence chart of a scenario.

use super::{ChartArguments, Finished, Laboratory};
use crate::scenario::error::name_help;
use crate::scenario::{Diagnostic, load};

pub(super) fn chart(
    arguments: &ChartArguments,
    laboratory: &impl Laboratory,
) -> Result<Finished, Diagnostic> {
    let loaded = load(&arguments.file, &arguments.scenario.overrides())?;
    let options = &arguments.options;
    for name in &options.hosts {
        // A fleet's member has its number behind the name.
        let group = name.split('[').next().unwrap_or(name);
        if !loaded.groups.iter().any(|known| &*known.name == group) {
            let mut diagnostic = Diagnostic::error(format!("`--hosts`: there is no host `{name}`"));
            diagnostic.help = name_help(group, loaded.groups.iter().map(|known| &*known.name));
            return Err(diagnostic);
        }
    }
    if let (Some(from), Some(to)) = (options.from, options.to)
        && from > to
    {
        return Err(Diagnostic::error(format!("`--from {from}` lies behind `--to {to}`")));
    }
    laboratory.chart(&loaded, options)?;
    Ok(Finished::Held)
}

//! `chart`: draws the sequence chart of a scenario.

use std::io::Write;

use models::record::{HostIndex, NodeRecord};
use sim_core::time::SimTime;

use super::{ChartArguments, ChartOptions, Finished};
use crate::capture::chart;
use crate::capture::recorder::RecorderOptions;
use crate::execute::{self, RunOptions};
use crate::results::file::put;
use crate::scenario::error::name_help;
use crate::scenario::{Diagnostic, Loaded, load};

pub(super) fn chart(arguments: &ChartArguments, out: &mut impl Write) -> Result<Finished, Diagnostic> {
    let loaded = load(&arguments.file, &arguments.scenario.overrides())?;
    let options = &arguments.options;
    check(&loaded, options)?;
    let listening = RecorderOptions { frames: options.segments, packets: true };
    let run = RunOptions { run: options.run };
    let (outcome, recorder) = execute::recorded(&loaded, &run, listening, &mut |_| {})?;
    let instant = |span: super::Span| SimTime::ZERO + span.0;
    let window = (options.from.map_or(SimTime::ZERO, instant), options.to.map_or(SimTime::MAX, instant));
    let hosts = if options.hosts.is_empty() { None } else { Some(chosen(&outcome.nodes, &options.hosts)?) };
    let wanted = chart::ChartOptions {
        segments: options.segments,
        hosts,
        window: Some(window),
        ..chart::ChartOptions::default()
    };
    let drawn = chart::draw(&recorder, &outcome.nodes, &wanted);
    match &options.out {
        Some(file) => put(file, drawn.as_bytes()).map_err(|error| {
            Diagnostic::error(format!("cannot write `{}`: {error}", file.display()))
                .help("give another file with --out")
        })?,
        // A reader that has gone is no failure of the chart.
        None => drop(out.write_all(drawn.as_bytes())),
    }
    Ok(Finished::Held)
}

fn check(loaded: &Loaded, options: &ChartOptions) -> Result<(), Diagnostic> {
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
    Ok(())
}

/// The hosts of these names; a fleet's name alone stands for all of its members.
fn chosen(nodes: &[NodeRecord], names: &[String]) -> Result<Vec<HostIndex>, Diagnostic> {
    let mut hosts = Vec::new();
    for name in names {
        let before = hosts.len();
        let meant = |node: &NodeRecord| node.name == *name || *node.group == **name;
        hosts.extend((0_u32..).zip(nodes).filter(|(_, node)| meant(node)).map(|(place, _)| HostIndex(place)));
        if hosts.len() == before {
            return Err(Diagnostic::error(format!("`--hosts`: the fleet has no member `{name}`")));
        }
    }
    Ok(hosts)
}

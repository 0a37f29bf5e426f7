//! The pictures of a single run.

use models::cause::Cause;
use models::record::{NodeRecord, Outcome};
use sim_core::time::SimTime;

use super::canvas::{Bars, Body, Lines, Picture, Series};
use crate::capture::recorder::CapturedFrame;
use crate::execute::Stepper;
use crate::results::accounts::Accounts;
use crate::results::summary::{Node, Summary};

/// Places along a time axis.
const BINS: usize = 200;
/// Host entries drawn; more would not be told apart.
const MOST: usize = 6;

/// What a run's pictures are drawn from.
#[derive(Clone, Copy, Debug)]
pub struct Drawn<'a> {
    /// The finished run.
    pub outcome: &'a Outcome,
    /// Its summary.
    pub summary: &'a Summary,
    /// All its frames.
    pub frames: &'a [CapturedFrame],
    /// Mean power of each host entry over time, see [`power`].
    pub power: &'a [(String, Vec<(f64, f64)>)],
}

/// All pictures that this run has something to show in.
#[must_use]
pub fn pictures(drawn: &Drawn<'_>) -> Vec<Picture> {
    let all =
        [latency(drawn.outcome), throughput(drawn), energy(drawn.outcome), over_time(drawn), battery(drawn)];
    all.into_iter().flatten().collect()
}

fn latency(outcome: &Outcome) -> Option<Picture> {
    let mut latencies = Vec::new();
    Accounts::of(outcome).count(&mut latencies);
    latencies.sort_unstable();
    let last = latencies.len().checked_sub(1)?;
    // At most so many points: a line of a million would look the same.
    let places = last.min(400);
    let points = (0..=places).map(|place| {
        let rank = place * last / places.max(1);
        (latencies[rank] as f64 / 1e6, 100.0 * (rank + 1) as f64 / (last + 1) as f64)
    });
    let ms = |rank: usize| crate::study::table::short(latencies[rank] as f64 / 1e6);
    Some(Picture {
        name: "plot-latency".to_owned(),
        title: "How many deliveries are how late".to_owned(),
        description: format!(
            "half of the deliveries take up to {} ms, all up to {} ms",
            ms(last / 2),
            ms(last)
        ),
        body: Body::Lines(Lines {
            x: "latency, publish call to application (ms)".to_owned(),
            y: "deliveries no later (%)".to_owned(),
            series: vec![Series { points: points.collect(), joined: true, ..Series::default() }],
            from_zero: true,
            ..Lines::default()
        }),
    })
}

/// The groups of hosts, in the order of the scenario.
fn groups(outcome: &Outcome) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for node in &outcome.nodes {
        if names.last() != Some(&&*node.group) && !names.contains(&&*node.group) {
            names.push(&node.group);
        }
    }
    names
}

fn throughput(drawn: &Drawn<'_>) -> Option<Picture> {
    let outcome = drawn.outcome;
    // The time in which anything is sent: a run may be silent for long at its end.
    let last = drawn.frames.last()?.frame.at.as_secs_f64();
    let bin_s = (last * 1.02).max(1e-6) / BINS as f64;
    let names = groups(outcome);
    let mut bins = vec![vec![0.0; BINS]; names.len()];
    for captured in drawn.frames {
        let frame = &captured.frame;
        let payload: usize = frame.payload.iter().map(|chunk| chunk.len()).sum();
        // Ethernet, IP and TCP headers without options are 54 bytes.
        let bits = 8 * (54 + frame.options.len() + payload);
        let group = &outcome.nodes[frame.from.0 as usize].group;
        let row = names.iter().position(|name| **name == **group)?;
        let bin = ((frame.at.as_secs_f64() / bin_s) as usize).min(BINS - 1);
        bins[row][bin] += bits as f64 / 1e6 / bin_s;
    }
    let series = names.iter().zip(bins).enumerate().take(MOST).map(|(place, (name, bins))| Series {
        name: (*name).to_owned(),
        points: bins.iter().enumerate().map(|(bin, rate)| ((bin as f64 + 0.5) * bin_s, *rate)).collect(),
        joined: true,
        colour: place,
        ..Series::default()
    });
    Some(Picture {
        name: "plot-throughput".to_owned(),
        title: "What is sent over time".to_owned(),
        description: format!("{} frames by {} host entries", drawn.frames.len(), names.len()),
        body: Body::Lines(Lines {
            x: "simulated time (s)".to_owned(),
            y: "sent (Mbit/s)".to_owned(),
            series: series.collect(),
            from_zero: true,
            ..Lines::default()
        }),
    })
}

/// The mean power of each host entry over the run, by running it again: energy is exact at any
/// instant, so each value is the true mean of its slice.
pub fn power(stepper: &mut Stepper, outcome: &Outcome) -> Vec<(String, Vec<(f64, f64)>)> {
    let names = groups(outcome);
    let mut lines: Vec<(String, Vec<(f64, f64)>)> =
        names.iter().map(|name| ((*name).to_owned(), Vec::with_capacity(BINS))).collect();
    let end = outcome.simulated.as_nanos();
    let mut before = vec![0_u128; outcome.nodes.len()];
    let mut from = 0;
    for slice in 1..=BINS as u64 {
        let until = (u128::from(end) * u128::from(slice) / BINS as u128) as u64;
        if until == from {
            continue;
        }
        let energies = stepper.energy_at(SimTime::from_nanos(until));
        for (name, line) in names.iter().zip(&mut lines) {
            let members = outcome.nodes.iter().zip(energies.iter().zip(&before));
            let used =
                members.filter(|(node, _)| *node.group == **name).map(|(_, (now, before))| now - before);
            let (mut sum, mut count) = (0_u128, 0_u32);
            used.for_each(|fj| (sum, count) = (sum + fj, count + 1));
            let watts = sum as f64 / f64::from(count.max(1)) / (until - from) as f64 / 1e6;
            line.1.push(((from + until) as f64 / 2e9, watts));
        }
        (before, from) = (energies, until);
    }
    lines
}

fn over_time(drawn: &Drawn<'_>) -> Option<Picture> {
    let series = drawn.power.iter().enumerate().take(MOST).map(|(place, (name, points))| Series {
        name: name.clone(),
        points: points.clone(),
        joined: true,
        colour: place,
        ..Series::default()
    });
    let series: Vec<Series> =
        series.filter(|series| series.points.iter().any(|point| point.1 > 0.0)).collect();
    (!series.is_empty()).then(|| Picture {
        name: "plot-power".to_owned(),
        title: "Power over time, mean of each host entry".to_owned(),
        description: format!("{} host entries", series.len()),
        body: Body::Lines(Lines {
            x: "simulated time (s)".to_owned(),
            y: "power of one host (W)".to_owned(),
            series,
            from_zero: true,
            ..Lines::default()
        }),
    })
}

/// Energy above idle by cause, mean of the members of each host entry.
fn energy(outcome: &Outcome) -> Option<Picture> {
    let of = |group: &str, cause: Cause| {
        let members: Vec<&NodeRecord> = outcome.nodes.iter().filter(|node| *node.group == *group).collect();
        let all = members.iter().flat_map(|node| &node.energy_fj).filter(|(of, _)| *of == cause);
        all.map(|(_, fj)| fj).sum::<u128>() as f64 / 1e12 / members.len().max(1) as f64
    };
    let rows: Vec<(String, Vec<(&'static str, f64)>)> = groups(outcome)
        .into_iter()
        .take(MOST)
        .map(|group| {
            let causes = Cause::ALL.into_iter().filter(|cause| *cause != Cause::Idle);
            (group.to_owned(), causes.map(|cause| (cause.name(), of(group, cause))).collect())
        })
        .collect();
    stacked(&rows, "plot-energy", "Energy above idle by cause, mean of each host entry")
}

/// Bars of the largest parts of `rows`, in millijoule; the rest together.
pub(super) fn stacked<S: AsRef<str>>(
    rows: &[(String, Vec<(S, f64)>)],
    name: &str,
    title: &str,
) -> Option<Picture> {
    const PARTS: usize = 6;
    let mut sums: Vec<(String, f64)> = Vec::new();
    let longest = |row: &[(S, f64)]| row.iter().map(|part| part.1).sum::<f64>().max(1e-30);
    for (cause, share) in rows.iter().flat_map(|(_, row)| {
        let total = longest(row);
        row.iter().map(move |(cause, mj)| (cause.as_ref().to_owned(), mj / total))
    }) {
        match sums.iter_mut().find(|(known, _)| *known == cause) {
            Some((_, sum)) => *sum += share,
            None => sums.push((cause, share)),
        }
    }
    sums.retain(|(_, share)| *share > 0.0);
    if sums.is_empty() {
        return None;
    }
    sums.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut parts: Vec<String> = sums.iter().take(PARTS).map(|(cause, _)| cause.clone()).collect();
    let others = sums.len() > PARTS;
    let bars = rows.iter().map(|(row, causes)| {
        let of = |part: &String| causes.iter().find(|(cause, _)| cause.as_ref() == part).map_or(0.0, |c| c.1);
        let mut lengths: Vec<f64> = parts.iter().map(of).collect();
        if others {
            lengths
                .push((causes.iter().map(|part| part.1).sum::<f64>() - lengths.iter().sum::<f64>()).max(0.0));
        }
        (row.clone(), lengths)
    });
    let mut bars: Vec<(String, Vec<f64>)> = bars.collect();
    let longest = bars.iter().map(|(_, parts)| parts.iter().sum::<f64>()).fold(0.0, f64::max);
    let unit = if longest >= 1_000.0 { "J" } else { "mJ" };
    if unit == "J" {
        bars.iter_mut().flat_map(|(_, parts)| parts).for_each(|part| *part /= 1e3);
    }
    let first = parts[0].clone();
    if others {
        parts.push("others".to_owned());
    }
    Some(Picture {
        name: name.to_owned(),
        title: title.to_owned(),
        description: format!("{} bars; the largest cause is {first}", bars.len()),
        body: Body::Bars(Bars { x: format!("energy ({unit})"), parts, bars }),
    })
}

fn battery(drawn: &Drawn<'_>) -> Option<Picture> {
    let days = |node: &Node| match node {
        Node::Single(node) => node.battery_days,
        Node::Fleet(fleet) => fleet.battery_days.map(|days| days.mean),
    };
    let bars: Vec<(String, Vec<f64>)> = drawn
        .summary
        .nodes
        .0
        .iter()
        .filter_map(|(name, node)| Some((name.clone(), vec![days(node)?])))
        .collect();
    (!bars.is_empty()).then(|| Picture {
        name: "plot-battery".to_owned(),
        title: "How long a battery lasts".to_owned(),
        description: format!("{} host entries have a battery", bars.len()),
        body: Body::Bars(Bars { x: "battery life (days)".to_owned(), parts: vec!["days".to_owned()], bars }),
    })
}

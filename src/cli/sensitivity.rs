//! `sensitivity`: which numbers of the profiles move a result most, by Morris's screening.
//!
//! Every figure with an uncertainty is a factor. Its logarithm is taken as uniform within +-sqrt(3)
//! standard deviations of its uncertainty, on a grid of four levels. A trajectory starts at a random
//! point of the grid and changes one factor after the other; each change gives one elementary
//! effect. `mu*` is the mean of their absolute values: how much the result moves when the figure
//! goes through its range. `sigma` is their standard deviation: whether that depends on the others.
//! All runs share the scenario's random streams, so that differences come from the figures alone.
//!
//! References: M. D. Morris, "Factorial sampling plans for preliminary computational experiments",
//! Technometrics 33(2), 1991; F. Campolongo, J. Cariboni, A. Saltelli, "An effective screening
//! design for sensitivity analysis of large models", Environmental Modelling & Software 22, 2007
//! (`mu*`).

use std::io::Write;
use std::sync::Arc;

use models::profile::Figure;
use serde_json::json;
use sim_core::random::{Stream, Streams};

use super::uncertainty::{Factor, evaluate, factors_of};
use super::{Finished, Format, SensitivityArguments};
use crate::scenario::profiles::Factors;
use crate::scenario::{Diagnostic, load};

/// Levels of the grid: 0, 1/3, 2/3 and 1.
const LEVELS: u64 = 4;
/// The step of a factor: two levels, as Morris advises.
const STEP: f64 = 2.0 / 3.0;

/// What screening says of one figure.
struct Effect {
    name: String,
    figure: Figure,
    mu_star: f64,
    sigma: f64,
}

pub(super) fn sensitivity(
    arguments: &SensitivityArguments,
    out: &mut impl Write,
) -> Result<Finished, Diagnostic> {
    let overrides = arguments.scenario.overrides();
    let loaded = load(&arguments.file, &overrides)?;
    let factors = factors_of(&loaded);
    let result = |factors: Factors| {
        evaluate(&arguments.file, &overrides, Arc::new(factors), arguments.run, &arguments.result)
    };
    let nominal = result(Factors::new())?;
    let streams = Streams::new(loaded.scenario.seed, arguments.run);
    let mut effects: Vec<Vec<f64>> = vec![Vec::new(); factors.len()];
    for trajectory in 0..arguments.trajectories {
        let mut stream = streams.stream_indexed("sensitivity/trajectory", u64::from(trajectory));
        walk(&factors, &mut stream, &mut effects, &result)?;
    }
    let mut table: Vec<Effect> = factors.into_iter().zip(effects).map(summarise).collect();
    table.sort_by(|a, b| b.mu_star.total_cmp(&a.mu_star).then_with(|| a.name.cmp(&b.name)));
    let runs = 1 + arguments.trajectories as usize * (table.len() + 1);
    // A reader that has gone is no failure.
    let _ = match arguments.format {
        Format::Json => writeln!(out, "{:#}", page_json(arguments, nominal, runs, &table)),
        Format::Text => out.write_all(page_text(arguments, nominal, runs, &table).as_bytes()),
    };
    Ok(Finished::Held)
}

/// One trajectory: as many elementary effects as there are factors.
fn walk(
    factors: &[Factor],
    stream: &mut Stream,
    effects: &mut [Vec<f64>],
    result: &impl Fn(Factors) -> Result<f64, Diagnostic>,
) -> Result<(), Diagnostic> {
    let mut point: Vec<f64> =
        factors.iter().map(|_| stream.below(LEVELS) as f64 / (LEVELS - 1) as f64).collect();
    // Fisher and Yates: every order is as likely as any other.
    let mut order: Vec<usize> = (0..factors.len()).collect();
    for last in (1..order.len()).rev() {
        order.swap(last, stream.below(last as u64 + 1) as usize);
    }
    let at = |point: &[f64]| -> Factors {
        factors.iter().zip(point).map(|(factor, x)| (factor.name.clone(), factor.at_level(*x))).collect()
    };
    let mut before = result(at(&point))?;
    for place in order {
        let up = point[place] + STEP <= 1.0 + 1e-9;
        point[place] += if up { STEP } else { -STEP };
        let after = result(at(&point))?;
        effects[place].push((after - before) / if up { STEP } else { -STEP });
        before = after;
    }
    Ok(())
}

fn summarise((factor, effects): (Factor, Vec<f64>)) -> Effect {
    let count = effects.len() as f64;
    let mean = effects.iter().sum::<f64>() / count;
    let squares: f64 = effects.iter().map(|effect| (effect - mean) * (effect - mean)).sum();
    Effect {
        name: factor.name,
        figure: factor.figure,
        mu_star: effects.iter().map(|effect| effect.abs()).sum::<f64>() / count,
        sigma: if count > 1.0 { (squares / (count - 1.0)).sqrt() } else { 0.0 },
    }
}

fn page_json(
    arguments: &SensitivityArguments,
    nominal: f64,
    runs: usize,
    table: &[Effect],
) -> serde_json::Value {
    let rows: Vec<_> = table
        .iter()
        .map(|Effect { name, figure, mu_star, sigma }| {
            json!({
                "figure": name,
                "value": figure.value,
                "unit": figure.unit,
                "uncertainty": figure.uncertainty,
                "mu_star": mu_star,
                "sigma": sigma,
            })
        })
        .collect();
    json!({ "result": arguments.result, "nominal": nominal, "runs": runs, "figures": rows })
}

fn page_text(arguments: &SensitivityArguments, nominal: f64, runs: usize, table: &[Effect]) -> String {
    let mut text = format!(
        "{} is {nominal}; {} figures, {} trajectories, {runs} runs\n",
        arguments.result,
        table.len(),
        arguments.trajectories
    );
    let shown: Vec<&Effect> = table.iter().take(arguments.top).filter(|row| row.mu_star > 0.0).collect();
    let width = shown.iter().map(|row| row.name.len()).max().unwrap_or(6).max(6);
    text.push_str(&format!(
        "  {:width$}  {:>14}  {:>6}  {:>12}  {:>8}  {:>12}\n",
        "figure", "value", "+-", "mu*", "of it", "sigma"
    ));
    for Effect { name, figure, mu_star, sigma } in &shown {
        let value = format!("{} {}", figure.value, figure.unit);
        let share = if nominal == 0.0 { 0.0 } else { 100.0 * mu_star / nominal.abs() };
        let uncertainty = 100.0 * figure.uncertainty;
        text.push_str(&format!(
            "  {name:width$}  {value:>14}  {uncertainty:>4.0} %  {mu_star:>12.6}  {share:>6.1} %  {sigma:>12.6}\n"
        ));
    }
    let silent = table.iter().filter(|row| row.mu_star == 0.0).count();
    text.push_str(&format!("{silent} figures do not move it at all\n"));
    text
}

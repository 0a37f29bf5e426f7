//! Throughput over time and energy by cause, one above the other.

use models::cause::Cause;
use models::record::{HostIndex, NodeRecord, Outcome};
use plotters::prelude::*;

use super::canvas::{Refused, told};
use crate::capture::recorder::CapturedFrame;

/// What a picture is drawn from.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// Its title.
    pub title: &'a str,
    /// The run.
    pub outcome: &'a Outcome,
    /// All frames of the run.
    pub frames: &'a [CapturedFrame],
}

/// Bins along the time axis.
const BINS: usize = 240;
/// Hosts drawn; more would not be told apart.
const MOST_HOSTS: usize = 6;
/// Colours that stay apart for colour-blind readers (Okabe and Ito, 2008).
const COLOURS: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(213, 94, 0),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(240, 228, 66),
    RGBColor(90, 90, 90),
];

/// The picture as SVG.
///
/// # Errors
/// When the drawing library refuses; a picture of sane size never makes it.
pub fn draw_svg(picture: &Picture<'_>) -> Result<String, Refused> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (960, 620)).into_drawing_area();
        root.fill(&WHITE).map_err(told)?;
        let font = super::font();
        let root = root.titled(picture.title, (font, 20)).map_err(told)?;
        let (above, below) = root.split_vertically(320);
        draw_throughput(&above, picture, font)?;
        draw_energy(&below, picture.outcome, font)?;
        root.present().map_err(told)?;
    }
    Ok(svg)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

/// The hosts that sent most, at most [`MOST_HOSTS`], with their rate in each bin in Mbit/s.
fn rates(picture: &Picture<'_>, bin_s: f64) -> Vec<(HostIndex, Vec<f64>)> {
    let nodes = &picture.outcome.nodes;
    let mut order: Vec<usize> = (0..nodes.len()).collect();
    order.sort_by_key(|&place| std::cmp::Reverse(nodes[place].bytes_sent));
    order.truncate(MOST_HOSTS);
    let mut rates: Vec<(HostIndex, Vec<f64>)> =
        order.into_iter().map(|place| (HostIndex(place as u32), vec![0.0; BINS])).collect();
    for captured in picture.frames {
        let frame = &captured.frame;
        let Some((_, bins)) = rates.iter_mut().find(|(host, _)| *host == frame.from) else { continue };
        let payload: usize = frame.payload.iter().map(|chunk| chunk.len()).sum();
        let bits = 8 * (54 + frame.options.len() + payload);
        let bin = ((frame.at.as_secs_f64() / bin_s) as usize).min(BINS - 1);
        bins[bin] += bits as f64 / 1e6 / bin_s;
    }
    rates
}

fn draw_throughput(area: &Area<'_>, picture: &Picture<'_>, font: &'static str) -> Result<(), Refused> {
    let end_s = picture.outcome.simulated.as_secs_f64().max(1e-6);
    let bin_s = end_s / BINS as f64;
    let rates = rates(picture, bin_s);
    let top = rates.iter().flat_map(|(_, bins)| bins).fold(0.0_f64, |top, rate| top.max(*rate));
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .margin_right(28)
        .x_label_area_size(40)
        .y_label_area_size(70)
        .build_cartesian_2d(0.0..end_s, 0.0..(1.1 * top).max(1e-6))
        .map_err(told)?;
    chart
        .configure_mesh()
        .x_desc("time (s)")
        .y_desc("sent (Mbit/s)")
        .label_style((font, 13))
        .axis_desc_style((font, 14))
        .light_line_style(WHITE)
        .draw()
        .map_err(told)?;
    for ((host, bins), colour) in rates.iter().zip(COLOURS) {
        let points = bins.iter().enumerate().map(|(bin, rate)| ((bin as f64 + 0.5) * bin_s, *rate));
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))
            .map_err(told)?
            .label(picture.outcome.nodes[host.0 as usize].name.clone())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(3)));
    }
    chart
        .configure_series_labels()
        .background_style(WHITE.mix(0.9))
        .border_style(BLACK.mix(0.3))
        .label_font((font, 13))
        .draw()
        .map_err(told)
}

/// Energy above idle of a host, largest causes first, the small ones together.
fn causes(node: &NodeRecord) -> Vec<(&'static str, f64)> {
    let mut causes: Vec<(&'static str, f64)> = node
        .energy_fj
        .iter()
        .filter(|(cause, _)| *cause != Cause::Idle)
        .map(|(cause, fj)| (cause.name(), *fj as f64 * 1e-15))
        .collect();
    causes.sort_by(|a, b| b.1.total_cmp(&a.1));
    causes
}

fn draw_energy(area: &Area<'_>, outcome: &Outcome, font: &'static str) -> Result<(), Refused> {
    let mut nodes: Vec<(&NodeRecord, Vec<(&'static str, f64)>)> =
        outcome.nodes.iter().map(|node| (node, causes(node))).collect();
    let total = |causes: &[(&str, f64)]| causes.iter().map(|(_, joule)| joule).sum::<f64>();
    nodes.sort_by(|a, b| total(&b.1).total_cmp(&total(&a.1)));
    nodes.truncate(MOST_HOSTS);
    let mut names: Vec<&'static str> = Vec::new();
    for (_, causes) in &nodes {
        for (name, _) in causes.iter().take(4) {
            if !names.contains(name) && names.len() < COLOURS.len() - 1 {
                names.push(name);
            }
        }
    }
    let widest = nodes.iter().map(|(_, causes)| total(causes)).fold(1e-12, f64::max);
    let rows = nodes.len() as i32;
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .margin_right(28)
        .x_label_area_size(40)
        .y_label_area_size(110)
        .build_cartesian_2d(0.0..1.3 * widest, 0..rows)
        .map_err(told)?;
    let label =
        |row: &i32| nodes.get((rows - 1 - row) as usize).map_or_else(String::new, |n| n.0.name.clone());
    chart
        .configure_mesh()
        .disable_y_mesh()
        .x_desc("energy above idle (J)")
        .y_labels(2)
        .y_label_formatter(&|_| String::new())
        .label_style((font, 13))
        .axis_desc_style((font, 14))
        .light_line_style(WHITE)
        .draw()
        .map_err(told)?;
    let height = area.dim_in_pixel().1 as i32 - 64;
    let gap = (height / rows.max(1) / 5) as u32;
    for (name, colour) in names.iter().zip(COLOURS) {
        let bars = bars(&nodes, &names, name, rows);
        chart
            .draw_series(bars.into_iter().map(|(row, from, to)| {
                let mut bar = Rectangle::new([(from, row), (to, row + 1)], colour.filled());
                bar.set_margin(gap, gap, 0, 0);
                bar
            }))
            .map_err(told)?
            .label(*name)
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 14, y + 5)], colour.filled()));
    }
    for row in 0..rows {
        let y = 12 + height * (2 * (rows - 1 - row) + 1) / (2 * rows.max(1)) - 6;
        area.draw_text(&label(&row), &TextStyle::from((font, 13)).color(&BLACK), (16, y)).map_err(told)?;
    }
    chart
        .configure_series_labels()
        .background_style(WHITE.mix(0.9))
        .border_style(BLACK.mix(0.3))
        .label_font((font, 13))
        .draw()
        .map_err(told)
}

/// The bars of one cause: row, where it begins, where it ends. Causes without a colour of their own
/// are left out; they are too small to be seen.
fn bars(
    nodes: &[(&NodeRecord, Vec<(&'static str, f64)>)],
    names: &[&'static str],
    wanted: &str,
    rows: i32,
) -> Vec<(i32, f64, f64)> {
    let mut bars = Vec::new();
    for (place, (_, causes)) in nodes.iter().enumerate() {
        let mut from = 0.0;
        for name in names {
            let joule = causes.iter().find(|(cause, _)| cause == name).map_or(0.0, |(_, joule)| *joule);
            if *name == wanted && joule > 0.0 {
                bars.push((rows - 1 - place as i32, from, from + joule));
            }
            from += joule;
        }
    }
    bars
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_drawn() {
        let outcome = crate::results::sample::outcome();
        let picture = Picture { title: "A sample", outcome: &outcome, frames: &[] };
        let svg = draw_svg(&picture).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        for text in ["A sample", "time (s)", "sent (Mbit/s)", "energy above idle (J)"] {
            assert!(svg.contains(text), "{text} is missing");
        }
        assert_eq!(svg, draw_svg(&picture).unwrap(), "the same run gives the same picture");
    }
}

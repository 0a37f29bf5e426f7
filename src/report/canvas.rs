//! Two kinds of pictures, as SVG and as PNG: lines and points over two axes, and stacked bars.
//!
//! They are narrow, with large letters: on a telephone they shrink to half their size.

use std::error::Error;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;

use super::font;

/// Width and height of a picture in pixels.
pub const SIZE: (u32, u32) = (560, 400);

/// Colours that stay apart for colour-blind readers (Okabe and Ito, 2008).
pub const COLOURS: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(213, 94, 0),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(240, 228, 66),
    RGBColor(120, 120, 120),
];

/// What goes wrong in the drawing library; a picture of sane size never does.
pub type Refused = Box<dyn Error + Send + Sync>;

fn told(error: impl std::fmt::Display) -> Refused {
    error.to_string().into()
}

/// A picture: what it shows, and how it is drawn.
#[derive(Clone, PartialEq, Debug)]
pub struct Picture {
    /// Name of its files, without ending.
    pub name: String,
    /// One line above it.
    pub title: String,
    /// What it shows, for those who cannot see it.
    pub description: String,
    /// How it is drawn.
    pub body: Body,
}

/// Kinds of pictures.
#[derive(Clone, PartialEq, Debug)]
pub enum Body {
    /// Lines and points.
    Lines(Lines),
    /// Stacked bars.
    Bars(Bars),
}

/// Lines and points over two axes.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Lines {
    /// Label of the horizontal axis, with its unit.
    pub x: String,
    /// Label of the vertical axis, with its unit.
    pub y: String,
    /// Names of the places 0, 1, 2, ... where the horizontal axis has no scale.
    pub names: Vec<String>,
    /// What is drawn.
    pub series: Vec<Series>,
    /// Whether the vertical axis begins at 0.
    pub from_zero: bool,
}

/// Points of one name and colour.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Series {
    /// Its name in the legend; none where it is empty.
    pub name: String,
    /// The points.
    pub points: Vec<(f64, f64)>,
    /// Half-widths of the intervals of `points`, to either side, where they are known.
    pub errors: Vec<(f64, f64)>,
    /// Whether the points are joined.
    pub joined: bool,
    /// Whether the points are marked.
    pub marked: bool,
    /// Place among the colours.
    pub colour: usize,
}

/// Horizontal bars, each made of parts.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Bars {
    /// Label of the horizontal axis, with its unit.
    pub x: String,
    /// Names of the parts.
    pub parts: Vec<String>,
    /// Names of the bars, and the length of each part.
    pub bars: Vec<(String, Vec<f64>)>,
}

impl Picture {
    /// The picture as SVG, with its name and description for those who cannot see it.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn svg(&self) -> Result<String, Refused> {
        let mut svg = String::new();
        {
            let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
            self.draw(&root)?;
            root.present().map_err(told)?;
        }
        let label = format!(
            "<svg role=\"img\" aria-label=\"{}: {}\" ",
            super::escaped(&self.title),
            super::escaped(&self.description)
        );
        let svg = svg.replacen("<svg ", &label, 1);
        Ok(match svg.find('>') {
            Some(end) => {
                format!("{}\n<title>{}</title>{}", &svg[..=end], super::escaped(&self.title), &svg[end + 1..])
            }
            None => svg,
        })
    }

    /// Writes the picture as PNG.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn png(&self, file: &Path) -> Result<(), Refused> {
        let root = BitMapBackend::new(file, SIZE).into_drawing_area();
        self.draw(&root)?;
        root.present().map_err(told)
    }

    fn draw<DB: DrawingBackend>(&self, root: &DrawingArea<DB, Shift>) -> Result<(), Refused>
    where
        DB::ErrorType: 'static,
    {
        root.fill(&WHITE).map_err(told)?;
        let root = root.margin(6, 0, 0, 0).titled(&self.title, (font(), 18)).map_err(told)?;
        let entries = match &self.body {
            Body::Lines(lines) => lines.legend(),
            Body::Bars(bars) => bars.legend(),
        };
        let root = legend(&root, &entries)?;
        match &self.body {
            Body::Lines(lines) => lines.draw(&root),
            Body::Bars(bars) => bars.draw(&root),
        }
    }
}

/// The ends of an axis that shows all of `values`, with a little room around.
fn ends(values: impl Iterator<Item = f64>, from_zero: bool) -> (f64, f64) {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values.filter(|value| value.is_finite()) {
        (low, high) = (low.min(value), high.max(value));
    }
    if !low.is_finite() {
        return (0.0, 1.0);
    }
    if from_zero {
        (low, high) = (low.min(0.0), high.max(0.0));
    }
    let room = if high > low { 0.06 * (high - low) } else { (0.1 * high.abs()).max(1e-9) };
    (if from_zero && low == 0.0 { 0.0 } else { low - room }, high + room)
}

impl Lines {
    fn draw<DB: DrawingBackend>(&self, root: &DrawingArea<DB, Shift>) -> Result<(), Refused>
    where
        DB::ErrorType: 'static,
    {
        let reach = |pick: fn(&(f64, f64)) -> f64| {
            self.series.iter().flat_map(move |series| {
                series.points.iter().enumerate().flat_map(move |(place, point)| {
                    let error = series.errors.get(place).map_or(0.0, pick);
                    let error = if error.is_finite() { error } else { 0.0 };
                    [pick(point) - error, pick(point) + error]
                })
            })
        };
        let (left, right) = match self.names.len() {
            0 => ends(reach(|point| point.0), false),
            names => (-0.5, names as f64 - 0.5),
        };
        let (bottom, top) = ends(reach(|point| point.1), self.from_zero);
        let mut chart = ChartBuilder::on(root)
            .margin(8)
            .margin_right(22)
            .x_label_area_size(46)
            .y_label_area_size(84)
            .build_cartesian_2d(left..right, bottom..top)
            .map_err(told)?;
        let name = |at: &f64| match self.names.len() {
            0 => tick(*at, right - left),
            _ if (at - at.round()).abs() > 1e-6 || *at < 0.0 => String::new(),
            _ => self.names.get(at.round() as usize).cloned().unwrap_or_default(),
        };
        chart
            .configure_mesh()
            .x_desc(&self.x)
            .y_desc(&self.y)
            .x_labels(if self.names.is_empty() { 7 } else { 2 * self.names.len() + 1 })
            .y_labels(7)
            .x_label_formatter(&name)
            .y_label_formatter(&|at| tick(*at, top - bottom))
            .label_style((font(), 16))
            .axis_desc_style((font(), 17))
            .light_line_style(TRANSPARENT)
            .draw()
            .map_err(told)?;
        for series in &self.series {
            series.draw(&mut chart)?;
        }
        Ok(())
    }

    fn legend(&self) -> Vec<(String, RGBColor)> {
        let named = self.series.iter().filter(|series| !series.name.is_empty());
        named.map(|series| (series.name.clone(), COLOURS[series.colour % COLOURS.len()])).collect()
    }
}

type Chart<'a, DB> = ChartContext<
    'a,
    DB,
    Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::types::RangedCoordf64>,
>;

impl Series {
    fn draw<'a, DB: DrawingBackend + 'a>(&self, chart: &mut Chart<'a, DB>) -> Result<(), Refused>
    where
        DB::ErrorType: 'static,
    {
        let colour = COLOURS[self.colour % COLOURS.len()];
        for (place, (x, y)) in self.points.iter().enumerate() {
            let Some((across, up)) = self.errors.get(place).copied() else { continue };
            let bars = [((x - across, *y), (x + across, *y), across), ((*x, y - up), (*x, y + up), up)];
            for (from, to, half) in bars {
                if half.is_finite() && half > 0.0 {
                    let bar = PathElement::new([from, to], colour.mix(0.7).stroke_width(2));
                    chart.draw_series([bar]).map_err(told)?;
                }
            }
        }
        if self.joined {
            let line = LineSeries::new(self.points.iter().copied(), colour.stroke_width(2));
            chart.draw_series(line).map_err(told)?;
        }
        if self.marked {
            let marks = self.points.iter().map(|point| Circle::new(*point, 4, colour.filled()));
            chart.draw_series(marks).map_err(told)?;
        }
        Ok(())
    }
}

/// The legend, above the plot, where it hides nothing: colours and names in as many rows as they
/// take. Gives what is left of the area.
fn legend<DB: DrawingBackend>(
    root: &DrawingArea<DB, Shift>,
    entries: &[(String, RGBColor)],
) -> Result<DrawingArea<DB, Shift>, Refused>
where
    DB::ErrorType: 'static,
{
    const ROW: i32 = 22;
    let (mut x, mut y) = (14, 4);
    for (name, colour) in entries {
        let style = (font(), 15).into_font().color(&BLACK);
        let width = 24 + root.estimate_text_size(name, &style).map_err(told)?.0 as i32;
        if x + width > SIZE.0 as i32 && x > 14 {
            (x, y) = (14, y + ROW);
        }
        root.draw(&Rectangle::new([(x, y + 2), (x + 14, y + 13)], colour.filled())).map_err(told)?;
        root.draw(&Text::new(name.clone(), (x + 19, y), style)).map_err(told)?;
        x += width + 12;
    }
    let height = if entries.is_empty() { 0 } else { y + ROW };
    Ok(root.split_vertically(height as u32).1)
}

impl Bars {
    fn draw<DB: DrawingBackend>(&self, root: &DrawingArea<DB, Shift>) -> Result<(), Refused>
    where
        DB::ErrorType: 'static,
    {
        let total = |parts: &[f64]| parts.iter().filter(|part| part.is_finite()).sum::<f64>();
        let longest = self.bars.iter().map(|(_, parts)| total(parts)).fold(0.0, f64::max).max(1e-12);
        let rows = self.bars.len().max(1) as f64;
        let longest_name = self.bars.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0) as u32;
        let names = (14 + 9 * longest_name).min(250);
        // Room for the totals at the right.
        let mut chart = ChartBuilder::on(root)
            .margin(8)
            .margin_right(22)
            .x_label_area_size(46)
            .y_label_area_size(names)
            .build_cartesian_2d(0.0..longest * 1.2, 0.0..rows)
            .map_err(told)?;
        let name = |at: &f64| {
            let row = rows - at - 0.5;
            let whole = (row - row.round()).abs() < 1e-6 && row > -0.5;
            let name = self.bars.get(row.round() as usize).filter(|_| whole).map(|bar| bar.0.clone());
            name.unwrap_or_default()
        };
        chart
            .configure_mesh()
            .disable_y_mesh()
            .x_desc(&self.x)
            .x_labels(6)
            .y_labels(2 * self.bars.len() + 1)
            .x_label_formatter(&|at| number(*at))
            .y_label_formatter(&name)
            .label_style((font(), 16))
            .axis_desc_style((font(), 17))
            .light_line_style(TRANSPARENT)
            .draw()
            .map_err(told)?;
        for place in 0..self.parts.len() {
            let colour = COLOURS[place % COLOURS.len()];
            let rectangles = self.bars.iter().enumerate().filter_map(|(row, (_, parts))| {
                let from = total(&parts[..place.min(parts.len())]);
                let length = parts.get(place).copied().filter(|part| part.is_finite() && *part > 0.0)?;
                let middle = rows - row as f64 - 0.5;
                Some(Rectangle::new([(from, middle - 0.36), (from + length, middle + 0.36)], colour.filled()))
            });
            chart.draw_series(rectangles).map_err(told)?;
        }
        let style = (font(), 15).into_font().color(&BLACK);
        let totals = self.bars.iter().enumerate().map(|(row, (_, parts))| {
            let (end, middle) = (total(parts), rows - row as f64 - 0.5);
            Text::new(number(end), (end + 0.01 * longest, middle + 0.08), style.clone())
        });
        chart.draw_series(totals).map_err(told)?;
        Ok(())
    }

    fn legend(&self) -> Vec<(String, RGBColor)> {
        let parts = if self.parts.len() > 1 { &self.parts[..] } else { &[] };
        parts.iter().zip(COLOURS).map(|(part, colour)| (part.clone(), colour)).collect()
    }
}

/// A number on an axis of this span: with as many digits as tell its neighbours apart.
fn tick(value: f64, span: f64) -> String {
    let decimals = libm::ceil(-libm::log10(span / 8.0)) + 1.0;
    if !(0.0..=9.0).contains(&decimals) || value.abs() >= 1e9 {
        return number(value);
    }
    let text = format!("{value:.*}", decimals as usize);
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A number beside a bar: as short as it can be.
fn number(value: f64) -> String {
    // Steps of an axis are computed; what is nothing but a rounding error is 0.
    if value.abs() < 1e-12 { "0".to_owned() } else { crate::study::table::short(value) }
}

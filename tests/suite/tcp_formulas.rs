//! The picture of `docs/tcp-validation.md`: bulk transfers beside the formulas of Mathis and PFTK.

use std::error::Error;
use std::fs;

use mqtt_twin::report;
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::root;

/// A row of the table: loss in per cent, round trip in ms, then Mathis, PFTK, NewReno and CUBIC in kB/s.
type Row = [f64; 6];

fn rows(page: &str) -> Vec<Row> {
    let (_, table) = page.split_once("| Loss | RTT | Mathis |").expect("the table of formulas");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|line| {
        let cells: Vec<f64> = line
            .split('|')
            .filter_map(|cell| cell.split_whitespace().next())
            .map(|cell| cell.parse().expect("a number"))
            .collect();
        cells[..6].try_into().expect("six numbers at least")
    })
    .collect()
}

const LOSSES: [f64; 5] = [0.1, 0.5, 1.0, 2.0, 5.0];
const LINES: [(&str, RGBColor); 2] = [("Mathis", RGBColor(0, 114, 178)), ("PFTK", RGBColor(0, 158, 115))];
const POINTS: [(&str, RGBColor); 2] = [("NewReno", RGBColor(213, 94, 0)), ("CUBIC", RGBColor(204, 121, 167))];

/// One round trip: throughput over loss, the formulas as lines, the simulation as points.
fn panel<'a>(
    area: &DrawingArea<SVGBackend<'a>, Shift>,
    rows: &[Row],
    legend: bool,
) -> Result<(), Box<dyn Error + 'a>> {
    let font = report::font();
    let mut chart = ChartBuilder::on(area)
        .caption(format!("round trip {} ms", rows[0][1]), (font, 15))
        .margin(8)
        .x_label_area_size(38)
        .y_label_area_size(62)
        .build_cartesian_2d((0.08_f64..6.5).log_scale(), (15.0_f64..7_000.0).log_scale())?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(225, 225, 225))
        .x_desc("loss, per cent")
        .y_desc("kB/s")
        .x_label_formatter(&|x| {
            // Only the losses of the table: the others would run into each other.
            let shown = LOSSES.into_iter().find(|loss| (x / loss - 1.0).abs() < 0.01);
            shown.map_or_else(String::new, |loss| loss.to_string())
        })
        .y_label_formatter(&|y| format!("{y:.0}"))
        .label_style((font, 13))
        .draw()?;
    for (place, (name, colour)) in LINES.into_iter().enumerate() {
        let line = rows.iter().map(|row| (row[0], row[2 + place]));
        chart
            .draw_series(LineSeries::new(line, &colour))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour));
    }
    for (place, (name, colour)) in POINTS.into_iter().enumerate() {
        let points = rows.iter().map(|row| Circle::new((row[0], row[4 + place]), 4, colour.filled()));
        chart
            .draw_series(points)?
            .label(name)
            .legend(move |(x, y)| Circle::new((x + 9, y), 4, colour.filled()));
    }
    if legend {
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerLeft)
            .background_style(WHITE)
            .border_style(BLACK.mix(0.3))
            .label_font((font, 13))
            .draw()?;
    }
    Ok(())
}

fn draw(rows: &[Row]) -> String {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (860, 640)).into_drawing_area();
        area.fill(&WHITE).unwrap();
        for (place, (area, round_trip)) in
            area.split_evenly((2, 2)).iter().zip([10.0, 50.0, 100.0, 200.0]).enumerate()
        {
            let rows: Vec<Row> = rows.iter().copied().filter(|row| row[1] == round_trip).collect();
            assert_eq!(rows.len(), 5, "five losses at {round_trip} ms");
            panel(area, &rows, place == 0).unwrap();
        }
        area.present().unwrap();
    }
    svg
}

/// `UPDATE_DOCS=1 cargo test --test suite tcp_formulas` draws it anew.
#[test]
fn the_picture_of_the_formulas_shows_the_table_beside_it() {
    let page = fs::read_to_string(root().join("docs/tcp-validation.md")).unwrap();
    assert!(page.contains("(tcp-formulas.svg)"), "the page shows it");
    let svg = draw(&rows(&page));
    let file = root().join("docs/tcp-formulas.svg");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &svg).unwrap();
    }
    assert_eq!(fs::read_to_string(&file).unwrap_or_default(), svg, "draw it anew with UPDATE_DOCS=1");
}

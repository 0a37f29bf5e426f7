//! A table for people and programs: text, JSON, CSV, Markdown.

use std::fmt::Write;

use serde_json::{Map, Value, json};
use sim_core::stats::Interval;

/// One cell.
#[derive(Clone, PartialEq, Debug)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A number.
    Number(f64),
    /// A mean and its interval.
    Interval(Interval),
    /// No value.
    Nothing,
}

/// Rows of cells under headings.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Table {
    /// What it shows.
    pub title: String,
    /// A heading for each column.
    pub headings: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
}

/// Four significant digits, without an exponent where people would not expect one.
#[must_use]
pub fn short(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    if !number.is_finite() {
        return "-".to_owned();
    }
    let magnitude = libm::floor(libm::log10(number.abs())) as i32;
    if !(-4..=8).contains(&magnitude) {
        return format!("{number:.3e}");
    }
    let decimals = (3 - magnitude).max(0) as usize;
    let text = format!("{number:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// What the last digits of sums over thousands of runs differ by.
const ROUNDING: f64 = 1e-12;

/// `12.34 ± 0.05`: as many digits as the half-width leaves sense in.
#[must_use]
pub fn with_half_width(interval: Interval) -> String {
    let (mean, half) = (interval.mean, interval.half_width);
    if !half.is_finite() {
        return format!("{} (one run)", short(mean));
    }
    // A half-width like that of rounding says nothing.
    if half <= ROUNDING * mean.abs() {
        return short(mean);
    }
    let magnitude = libm::floor(libm::log10(half)) as i32;
    if !(-9..=8).contains(&magnitude) {
        return format!("{} ± {}", short(mean), short(half));
    }
    let decimals = (1 - magnitude).max(0) as usize;
    format!("{mean:.decimals$} ± {half:.decimals$}")
}

impl Cell {
    fn text(&self) -> String {
        match self {
            Cell::Text(text) => text.clone(),
            Cell::Number(number) => short(*number),
            Cell::Interval(interval) => with_half_width(*interval),
            Cell::Nothing => "-".to_owned(),
        }
    }

    fn is_number(&self) -> bool {
        matches!(self, Cell::Number(_) | Cell::Interval(_))
    }
}

impl Table {
    /// Aligned columns.
    #[must_use]
    pub fn to_text(&self) -> String {
        let cells: Vec<Vec<String>> =
            self.rows.iter().map(|row| row.iter().map(Cell::text).collect()).collect();
        let width = |column: usize| {
            let widths = cells.iter().map(|row| row[column].chars().count());
            widths.chain([self.headings[column].chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.headings.len()).map(width).collect();
        let mut text = format!("{}\n", self.title);
        let right: Vec<bool> =
            (0..widths.len()).map(|column| self.rows.iter().any(|row| row[column].is_number())).collect();
        let mut line = |cells: &[String]| {
            let mut row = String::new();
            for (column, cell) in cells.iter().enumerate() {
                let pad = " ".repeat(widths[column] - cell.chars().count());
                let (before, behind) = if right[column] { (pad.as_str(), "") } else { ("", pad.as_str()) };
                let _ = write!(row, "  {before}{cell}{behind}");
            }
            text.push_str(row.trim_end());
            text.push('\n');
        };
        line(&self.headings);
        cells.iter().for_each(|row| line(row));
        text
    }

    /// A Markdown table.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut text = format!("**{}**\n\n| {} |\n|", self.title, self.headings.join(" | "));
        for column in 0..self.headings.len() {
            let right = self.rows.iter().any(|row| row[column].is_number());
            text.push_str(if right { " ---: |" } else { " --- |" });
        }
        text.push('\n');
        for row in &self.rows {
            let cells: Vec<String> = row.iter().map(|cell| cell.text().replace('|', "\\|")).collect();
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
        text
    }

    /// CSV with all digits; a mean has its half-width in a column behind it, `NAME_ci95`.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let wide: Vec<bool> = (0..self.headings.len())
            .map(|column| self.rows.iter().any(|row| matches!(row[column], Cell::Interval(_))))
            .collect();
        let mut text = String::new();
        let mut headings = Vec::new();
        for (heading, wide) in self.headings.iter().zip(&wide) {
            headings.push(quoted(heading));
            headings.extend(wide.then(|| quoted(&format!("{heading}_ci95"))));
        }
        let _ = writeln!(text, "{}", headings.join(","));
        for row in &self.rows {
            let mut cells = Vec::new();
            for (cell, wide) in row.iter().zip(&wide) {
                let (value, half) = match cell {
                    Cell::Text(text) => (quoted(text), String::new()),
                    Cell::Number(number) => (plain(*number), String::new()),
                    Cell::Interval(interval) => (plain(interval.mean), plain(interval.half_width)),
                    Cell::Nothing => (String::new(), String::new()),
                };
                cells.push(value);
                cells.extend(wide.then_some(half));
            }
            let _ = writeln!(text, "{}", cells.join(","));
        }
        text
    }

    /// Objects by heading; a mean is an object with `mean` and `ci95`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let finite = |number: f64| if number.is_finite() { json!(number) } else { Value::Null };
        let rows = self.rows.iter().map(|row| {
            let entries = self.headings.iter().zip(row).map(|(heading, cell)| {
                let value = match cell {
                    Cell::Text(text) => json!(text),
                    Cell::Number(number) => finite(*number),
                    Cell::Interval(interval) => {
                        json!({ "mean": finite(interval.mean), "ci95": finite(interval.half_width) })
                    }
                    Cell::Nothing => Value::Null,
                };
                (heading.clone(), value)
            });
            Value::Object(entries.collect::<Map<_, _>>())
        });
        json!({ "title": self.title, "rows": rows.collect::<Vec<_>>() })
    }
}

fn plain(number: f64) -> String {
    if number.is_finite() { format!("{number}") } else { String::new() }
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        Table {
            title: "By QoS".to_owned(),
            headings: ["level", "latency", "n"].map(str::to_owned).into(),
            rows: vec![
                vec![
                    Cell::Text("qos=0,a|b".to_owned()),
                    Cell::Interval(Interval { mean: 12.3456, half_width: 0.0421 }),
                    Cell::Number(30.0),
                ],
                vec![Cell::Text("qos=1".to_owned()), Cell::Nothing, Cell::Number(123_456.0)],
            ],
        }
    }

    #[test]
    fn the_same_table_in_four_forms() {
        let table = table();
        assert_eq!(
            table.to_text(),
            "By QoS\n  level             latency       n\n  qos=0,a|b  12.346 ± 0.042      30\n  qos=1                   -  123456\n"
        );
        assert_eq!(
            table.to_csv(),
            "level,latency,latency_ci95,n\n\"qos=0,a|b\",12.3456,0.0421,30\nqos=1,,,123456\n"
        );
        assert!(table.to_markdown().ends_with(
            "| --- | ---: | ---: |\n| qos=0,a\\|b | 12.346 ± 0.042 | 30 |\n| qos=1 | - | 123456 |\n"
        ));
        let json = table.to_json();
        assert_eq!(json["rows"][0]["latency"]["ci95"], 0.0421);
        assert_eq!(json["rows"][1]["latency"], Value::Null);
    }

    #[test]
    fn numbers_keep_four_digits_that_say_something() {
        for (number, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (0.012_345, "0.01235"),
            (1234.56, "1235"),
            (1e12, "1.000e12"),
            (1e-7, "1.000e-7"),
        ] {
            assert_eq!(short(number), text);
        }
        assert_eq!(with_half_width(Interval { mean: 1234.0, half_width: 12.3 }), "1234 ± 12");
        assert_eq!(with_half_width(Interval { mean: 1.0, half_width: 0.0 }), "1");
        let joules = Interval { mean: 0.003_051_34, half_width: 8.231e-7 };
        assert_eq!(with_half_width(joules), "0.00305134 ± 0.00000082");
        assert_eq!(with_half_width(Interval { mean: 0.176, half_width: 1.5e-14 }), "0.176");
        assert_eq!(with_half_width(Interval { mean: 1.0, half_width: f64::INFINITY }), "1 (one run)");
    }
}

//! A summary for people: `--format text`.
//!
//! Tables with aligned columns, units in their headings, fixed decimals, and a comma between
//! thousands of counts. What did not happen (no server, no remarks) is not mentioned.

use std::fmt::Write;

use super::summary::{ExpectationResult, Node, Spread, Summary};

/// How the summary looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TextStyle {
    /// Whether to use terminal colours: bold headings, green for held, red for failed.
    pub colour: bool,
}

const BOLD: &str = "1";
const GREEN: &str = "32";
const RED: &str = "31";

/// Causes told by name for a node; the rest is in the tables.
const CAUSES_SHOWN: usize = 4;

impl Summary {
    /// The summary as text, with a newline at the end.
    #[must_use]
    pub fn to_text(&self, style: TextStyle) -> String {
        let mut page = Page { text: String::new(), style };
        self.head(&mut page);
        self.messages_and_latency(&mut page);
        self.wire(&mut page);
        self.energy(&mut page);
        self.computing(&mut page);
        self.air(&mut page);
        self.server(&mut page);
        self.alert(&mut page);
        self.verdict(&mut page);
        page.text
    }

    fn head(&self, page: &mut Page) {
        page.line(&page.painted(BOLD, &self.title));
        page.line(&format!(
            "{}, seed {}, run {}, fingerprint {}",
            self.scenario, self.seed, self.run, self.fingerprint
        ));
        page.line(&format!(
            "simulated {} s in {} s, {} events",
            fixed(self.simulated_s, 3),
            fixed(self.wall_s, 3),
            thousands(self.events)
        ));
    }

    fn messages_and_latency(&self, page: &mut Page) {
        let counts = &self.messages;
        let mut table = Table::new(["Messages", ""]);
        for (name, count) in [
            ("published", counts.published),
            ("delivered", counts.delivered),
            ("duplicated", counts.duplicated),
            ("lost", counts.lost),
        ] {
            table.row([name.to_owned(), thousands(count)]);
        }
        page.table(&table);
        if let Some(ms) = &self.latency_ms {
            let mut table = Table::new(["Latency", "ms"]);
            for (name, value) in [
                ("mean", ms.mean),
                ("p50", ms.p50),
                ("p90", ms.p90),
                ("p95", ms.p95),
                ("p99", ms.p99),
                ("max", ms.max),
            ] {
                table.row([name.to_owned(), fixed(value, 3)]);
            }
            page.table(&table);
        }
    }

    fn wire(&self, page: &mut Page) {
        let mut table = Table::new(["MQTT packets", ""]);
        for (name, sent) in &self.mqtt_packets.0 {
            table.row([name.clone(), thousands(*sent)]);
        }
        page.table(&table);
        let tcp = &self.tcp;
        let mut table = Table::new(["TCP", ""]);
        for (name, count) in [
            ("segments", tcp.segments),
            ("with payload", tcp.data_segments),
            ("retransmitted", tcp.retransmitted),
            ("lost", tcp.lost),
            ("too long for a link", tcp.too_long),
            ("link hops", tcp.hops),
            ("payload bytes", tcp.payload_bytes),
            ("bytes on the wire", tcp.wire_bytes),
        ] {
            if count == 0 && name == "too long for a link" {
                continue;
            }
            table.row([name.to_owned(), thousands(count)]);
        }
        page.table(&table);
    }

    fn energy(&self, page: &mut Page) {
        let mut table = Table::new(["Energy", "J", "mean W", "mostly"]);
        for (name, node) in &self.nodes.0 {
            match node {
                Node::Single(node) => table.row([
                    name.clone(),
                    fixed(node.energy_j, 6),
                    fixed(node.mean_power_w, 6),
                    largest(node.energy_by_cause_j.0.iter().map(|(cause, j)| (cause.as_str(), *j))),
                ]),
                Node::Fleet(fleet) => {
                    let causes = fleet.energy_by_cause_j.0.iter();
                    let causes = largest(causes.map(|(cause, j)| (cause.as_str(), j.mean)));
                    for (which, pick) in PICKS {
                        table.row([
                            fleet_name(name, fleet.count, which),
                            fixed(pick(&fleet.energy_j), 6),
                            fixed(pick(&fleet.mean_power_w), 6),
                            if which == "mean" { causes.clone() } else { String::new() },
                        ]);
                    }
                }
            }
        }
        page.table(&table);
    }

    fn computing(&self, page: &mut Page) {
        let mut table = Table::new(["CPU and RAM", "CPU s", "RAM peak B"]);
        for (name, node) in &self.nodes.0 {
            match node {
                Node::Single(node) => {
                    table.row([name.clone(), fixed(node.cpu_busy_s, 6), thousands(node.ram_peak_bytes)]);
                }
                Node::Fleet(fleet) => {
                    let Spread { mean, min, max } = fleet.ram_peak_bytes;
                    let ram = Spread { mean, min: min as f64, max: max as f64 };
                    for (which, pick) in PICKS {
                        table.row([
                            fleet_name(name, fleet.count, which),
                            fixed(pick(&fleet.cpu_busy_s), 6),
                            fixed(pick(&ram), 0),
                        ]);
                    }
                }
            }
        }
        page.table(&table);
    }

    fn alert(&self, page: &mut Page) {
        let Some(network) = &self.alert else { return };
        let mut table = Table::new(["Alert network", ""]);
        let counts = [
            ("client nodes", network.nodes),
            ("active at the end", network.active),
            ("not let in at the end", network.initial),
            ("blocked", network.blocked),
            ("samples", network.samples),
            ("have been in Warning or Danger", network.warned),
            ("have been in Danger", network.in_danger),
            ("messages lost to waiting programs", network.unheard),
            ("ticks lost to busy programs", network.missed_ticks),
            ("pictures", network.pictures),
            ("pictures that nobody looked at", network.unrecognised),
            ("orders carried out", network.orders_obeyed),
            ("orders refused", network.orders_refused),
            ("readings stored by the server", network.readings_stored),
            ("readings at gateways", network.gateway.map_or(0, |own| own.received)),
            ("  bytes of these", network.gateway.map_or(0, |own| own.bytes_received)),
            ("readings passed on", network.gateway.map_or(0, |own| own.passed)),
            ("  in batches", network.gateway.map_or(0, |own| own.batches)),
            ("  bytes of these", network.gateway.map_or(0, |own| own.bytes_sent)),
            ("messages stored in the cloud", network.cloud.map_or(0, |own| own.stored)),
            ("  readings in these", network.cloud.map_or(0, |own| own.readings)),
        ];
        for (name, count) in counts {
            if count > 0 || name == "client nodes" {
                table.row([name.to_owned(), thousands(count)]);
            }
        }
        let instants = [
            ("last node active s", network.last_active_s),
            ("flame to server, median ms", network.flame_to_server_ms.map(|ms| ms.p50)),
            ("flame to server, 99 % ms", network.flame_to_server_ms.map(|ms| ms.p99)),
            ("flame to Danger, median ms", network.flame_to_danger_ms.map(|ms| ms.p50)),
            ("sight to server, median ms", network.sight_to_server_ms.map(|ms| ms.p50)),
            ("server stopped at s", network.server_died_s),
        ];
        for (name, value) in instants {
            if let Some(value) = value {
                table.row([name.to_owned(), fixed(value, 3)]);
            }
        }
        page.table(&table);
    }

    fn air(&self, page: &mut Page) {
        let Some(wifi) = &self.wifi else { return };
        let mut table = Table::new(["WiFi", ""]);
        let counts = [
            ("transmissions", wifi.attempts),
            ("collided", wifi.collisions),
            ("unreadable", wifi.errors),
            ("repeated", wifi.retries),
            ("frames given up", wifi.dropped),
        ];
        for (name, count) in counts {
            table.row([name.to_owned(), thousands(count)]);
        }
        table.row(["airtime s".to_owned(), fixed(wifi.airtime_s, 3)]);
        table.row(["busy %".to_owned(), fixed(100.0 * wifi.utilisation, 2)]);
        page.table(&table);
    }

    fn server(&self, page: &mut Page) {
        let Some(server) = &self.server else { return };
        let mut table = Table::new(["Server", ""]);
        table.row(["received".to_owned(), thousands(server.received)]);
        table.row(["stored".to_owned(), thousands(server.stored)]);
        for (name, value) in [("stored per s", server.stored_per_s), ("mean gap ms", server.mean_gap_ms)] {
            if let Some(value) = value {
                table.row([name.to_owned(), fixed(value, 3)]);
            }
        }
        page.table(&table);
    }

    fn verdict(&self, page: &mut Page) {
        if !self.expectations.is_empty() {
            page.heading("Expectations");
            let wide = self.expectations.iter().map(|e| width(&e.check)).max().unwrap_or(0);
            for ExpectationResult { check, held, value } in &self.expectations {
                let (colour, word) = if *held { (GREEN, "held  ") } else { (RED, "failed") };
                let word = page.painted(colour, word);
                let value = value.map_or_else(|| "no value".to_owned(), plain);
                let gap = " ".repeat(wide - width(check));
                page.line(&format!("  {word}  {check}{gap}  is {value}"));
            }
        }
        if !self.remarks.is_empty() {
            let mut table = Table::new(["Remarks", "times"]);
            for remark in &self.remarks {
                table.row([remark.what.clone(), thousands(remark.times)]);
            }
            page.table(&table);
        }
    }
}

type Pick = fn(&Spread<f64>) -> f64;
const PICKS: [(&str, Pick); 3] = [("mean", |s| s.mean), ("min", |s| s.min), ("max", |s| s.max)];

fn fleet_name(name: &str, count: u64, which: &str) -> String {
    if which == "mean" { format!("{name} x {}, mean", thousands(count)) } else { format!("  {which}") }
}

/// The largest shares of a node's energy, in percent.
fn largest<'a>(causes: impl Iterator<Item = (&'a str, f64)>) -> String {
    let mut causes: Vec<(&str, f64)> = causes.filter(|(_, energy_j)| *energy_j > 0.0).collect();
    let total: f64 = causes.iter().map(|(_, energy_j)| energy_j).sum();
    // Stable, so that equal shares stay in ledger order.
    causes.sort_by(|a, b| b.1.total_cmp(&a.1));
    let shares = causes.iter().take(CAUSES_SHOWN);
    let shares = shares.map(|(cause, energy_j)| format!("{cause} {:.2} %", 100.0 * energy_j / total));
    shares.collect::<Vec<_>>().join(", ")
}

/// A count with a comma between thousands.
#[must_use]
pub fn thousands(count: u64) -> String {
    grouped(&count.to_string())
}

/// A number with `decimals` of them and a comma between thousands.
#[must_use]
pub fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let (sign, text) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    format!("{sign}{}{rest}", grouped(whole))
}

fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A figure of unknown size: a count without decimals, anything else with six.
fn plain(value: f64) -> String {
    if value.fract() == 0.0 { fixed(value, 0) } else { fixed(value, 6) }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// Rows under a heading; the first column is text, the others are numbers unless their heading
/// (`mostly`) says otherwise.
struct Table<const COLUMNS: usize> {
    heading: [&'static str; COLUMNS],
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    fn new(heading: [&'static str; COLUMNS]) -> Self {
        Table { heading, rows: Vec::new() }
    }

    fn row(&mut self, row: [String; COLUMNS]) {
        self.rows.push(row);
    }
}

struct Page {
    text: String,
    style: TextStyle,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn heading(&mut self, heading: &str) {
        self.text.push('\n');
        self.line(&self.painted(BOLD, heading));
    }

    fn painted(&self, colour: &str, text: &str) -> String {
        if self.style.colour { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn table<const COLUMNS: usize>(&mut self, table: &Table<COLUMNS>) {
        if table.rows.is_empty() {
            return;
        }
        const INDENT: usize = 2;
        let widest = |column: usize| {
            let cells = table.rows.iter().map(|row| width(&row[column]));
            let heading = width(table.heading[column]).saturating_sub(if column == 0 { INDENT } else { 0 });
            cells.max().unwrap_or(0).max(heading)
        };
        let widths: [usize; COLUMNS] = std::array::from_fn(widest);
        let line = |cells: [&str; COLUMNS], indent: usize| {
            let mut line = " ".repeat(indent);
            let first = widths[0] + INDENT - indent;
            let _ = write!(line, "{:<first$}", cells[0]);
            for column in 1..COLUMNS {
                let wide = widths[column];
                let _ = match table.heading[column] {
                    "mostly" => write!(line, "  {}", cells[column]),
                    _ => write!(line, "  {:>wide$}", cells[column]),
                };
            }
            line
        };
        self.heading(line(table.heading, 0).trim_end());
        for row in &table.rows {
            self.line(&line(std::array::from_fn(|column| row[column].as_str()), INDENT));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::sample;

    #[test]
    fn the_page_of_a_small_run() {
        insta::assert_snapshot!(sample::summary().to_text(TextStyle::default()));
    }

    #[test]
    fn colours_come_only_when_asked_for_and_change_nothing_else() {
        let summary = sample::summary();
        let plain = summary.to_text(TextStyle { colour: false });
        let coloured = summary.to_text(TextStyle { colour: true });
        assert!(!plain.contains('\u{1b}'));
        assert!(coloured.contains("\u{1b}[31mfailed\u{1b}[0m"));
        let mut stripped = coloured;
        for code in ["\u{1b}[1m", "\u{1b}[31m", "\u{1b}[32m", "\u{1b}[0m"] {
            stripped = stripped.replace(code, "");
        }
        assert_eq!(stripped, plain);
    }

    #[test]
    fn what_did_not_happen_is_not_mentioned() {
        let mut summary = sample::summary();
        summary.server = None;
        summary.latency_ms = None;
        summary.remarks.clear();
        summary.expectations.clear();
        let text = summary.to_text(TextStyle::default());
        for heading in ["Server", "Latency", "Remarks", "Expectations"] {
            assert!(!text.contains(heading), "{heading}");
        }
    }

    #[test]
    fn numbers_are_grouped_in_thousands() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_000), "1,000");
        assert_eq!(thousands(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!(fixed(1234.5678, 2), "1,234.57");
        assert_eq!(fixed(-1234.5, 1), "-1,234.5");
        assert_eq!(fixed(123.0, 0), "123");
        assert_eq!(plain(3.0), "3");
        assert_eq!(plain(2.5), "2.500000");
    }
}

//! Sequence charts as text.
//!
//! One column a host, in the order of the network; one row a control packet at the time when its
//! sender handed it to TCP, in milliseconds since the start:
//!
//! ```text
//!      ms  publisher                                 broker                                 subscriber
//!  60.752  |- PUBLISH q1 d0 r0 id1 t=gt/t p=16 len=26 ->|                                            |
//!  60.900  |<--------------- PUBACK id1 ----------------|                                            |
//! ```
//!
//! With segments, each TCP segment has a row of its own, drawn with dots where packets have dashes,
//! its sequence numbers counted from the connection's SYN. `X` in place of an arrowhead marks a
//! segment that was lost.
//!
//! Labels stand on the arrows as long as the columns leave them room, else at the right of the
//! chart. More than [`MOST_COLUMNS`] hosts make a list: `12.345 ms  sensor[3] -> broker  PUBLISH ...`.
//! A chart has no other state than what the recorder heard, so it is a good snapshot: two runs that
//! draw the same chart exchanged the same packets at the same microseconds.

use std::collections::BTreeMap;
use std::fmt::Write;

use models::mqtt::Version;
use models::record::{FrameRecord, HostIndex, NodeRecord};
use models::stream::Chunk;
use models::tls::Flight;
use sim_core::time::SimTime;

use super::label::Label;
use super::recorder::Recorder;

/// Hosts up to which [`ChartForm::Auto`] draws columns.
pub const MOST_COLUMNS: usize = 8;

/// Least distance of two columns at which labels stand on the arrows.
const ROOM_FOR_LABELS: usize = 28;

/// Blank and line on both sides of a label: `- ` and ` >`.
const AROUND_LABEL: usize = 4;

/// Columns or a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ChartForm {
    /// Columns for up to [`MOST_COLUMNS`] hosts, a list for more.
    #[default]
    Auto,
    /// Columns, however many.
    Columns,
    /// A list.
    List,
}

/// What a chart shows and how wide it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChartOptions {
    /// Characters in a line. Charts of many hosts may be wider.
    pub width: usize,
    /// Whether the time at which the destination had taken the packet stands at the right.
    pub arrivals: bool,
    /// Whether TCP segments are shown, too; the recorder must have kept frames.
    pub segments: bool,
    /// The hosts to show; all that took part where there is no choice. What they exchange with
    /// others is left out.
    pub hosts: Option<Vec<HostIndex>>,
    /// Only what is sent from the first of these instants to the second.
    pub window: Option<(SimTime, SimTime)>,
    /// Columns or a list.
    pub form: ChartForm,
}

impl Default for ChartOptions {
    fn default() -> Self {
        ChartOptions {
            width: 100,
            arrivals: false,
            segments: false,
            hosts: None,
            window: None,
            form: ChartForm::Auto,
        }
    }
}

/// Draws what `recorder` heard among `nodes`.
///
/// # Panics
/// When the recorder names a host that is not among `nodes`.
#[must_use]
pub fn draw(recorder: &Recorder, nodes: &[NodeRecord], options: &ChartOptions) -> String {
    let mut rows = rows(recorder, options.segments);
    if let Some(chosen) = &options.hosts {
        rows.retain(|row| chosen.contains(&row.from) && chosen.contains(&row.to));
    }
    if let Some((from, to)) = options.window {
        rows.retain(|row| from <= row.at && row.at <= to);
    }
    if rows.is_empty() {
        return "nothing was sent\n".to_owned();
    }
    let mut hosts: Vec<HostIndex> = match &options.hosts {
        Some(chosen) => chosen.clone(),
        None => rows.iter().flat_map(|row| [row.from, row.to]).collect(),
    };
    hosts.sort_unstable();
    hosts.dedup();
    let columns = match options.form {
        ChartForm::Auto => hosts.len() <= MOST_COLUMNS,
        ChartForm::Columns => true,
        ChartForm::List => false,
    };
    if columns { Columns::new(&rows, nodes, hosts, options).draw(&rows) } else { list(&rows, nodes, options) }
}

/// A packet or a segment on its way.
struct Row {
    at: SimTime,
    from: HostIndex,
    to: HostIndex,
    label: Label,
    /// When a packet was taken; empty for a segment.
    taken: String,
    segment: bool,
    lost: bool,
}

fn rows(recorder: &Recorder, segments: bool) -> Vec<Row> {
    // CONNECT says which version the packets between two hosts are of from then on.
    let mut versions: BTreeMap<(HostIndex, HostIndex), Version> = BTreeMap::new();
    // A Finished comes before the packet that follows it at the same instant.
    let mut rows: Vec<Row> = Vec::new();
    rows.extend(recorder.flights().iter().map(|record| Row {
        at: record.at,
        from: record.from,
        to: record.to,
        label: Label::text(flight_label(&record.flight)),
        taken: String::new(),
        segment: false,
        lost: false,
    }));
    let packets = recorder.packets().iter().map(|captured| {
        let packet = &captured.packet;
        if let Some(version) = Label::version_of(packet.head.as_slice()) {
            versions.insert((packet.from, packet.to), version);
            versions.insert((packet.to, packet.from), version);
        }
        let version = versions.get(&(packet.from, packet.to)).copied().unwrap_or_default();
        let body_len = packet.body.as_ref().map_or(0, Chunk::len);
        Row {
            at: packet.at,
            from: packet.from,
            to: packet.to,
            label: Label::in_version(version, packet.head.as_slice(), body_len),
            taken: captured.taken.map_or_else(|| "-".to_owned(), milliseconds),
            segment: false,
            lost: false,
        }
    });
    rows.extend(packets);
    if segments {
        let mut starts = BTreeMap::new();
        rows.extend(recorder.frames().iter().map(|captured| Row {
            at: captured.frame.at,
            from: captured.frame.from,
            to: captured.frame.to,
            label: Label::text(segment_label(&captured.frame, &mut starts)),
            taken: String::new(),
            segment: true,
            lost: captured.lost.is_some(),
        }));
    }
    // Stable: a packet stays before the segments that carry it at the same instant.
    rows.sort_by_key(|row| row.at);
    rows
}

/// `TLS ServerHello, Certificate, ServerHelloDone 1199 B`: the messages of a flight, and its bytes with
/// those of the record layer.
fn flight_label(flight: &Flight) -> String {
    let names: Vec<&str> = flight.messages.iter().map(|message| message.name()).collect();
    format!("TLS {} {} B", names.join(", "), flight.bytes)
}

/// One direction of a connection.
type Flow = (HostIndex, u16, HostIndex, u16);

/// `SYN,ACK seq=0 ack=1`: flags, sequence numbers relative to the SYN of each direction, bytes.
/// `starts` remembers those SYNs from one segment to the next.
fn segment_label(frame: &FrameRecord, starts: &mut BTreeMap<Flow, u32>) -> String {
    let flow = (frame.from, frame.source_port, frame.to, frame.destination_port);
    let back = (frame.to, frame.destination_port, frame.from, frame.source_port);
    let has = |bit: u8| frame.flags & bit != 0;
    let flags = [("SYN", 2), ("FIN", 1), ("RST", 4), ("PSH", 8), ("ACK", 16)];
    let flags: Vec<&str> = flags.into_iter().filter(|(_, bit)| has(*bit)).map(|(name, _)| name).collect();
    if has(2) {
        starts.insert(flow, frame.sequence);
    }
    // Without its SYN in the recording, a direction begins with the first number that was seen.
    let start = *starts.entry(flow).or_insert(frame.sequence.wrapping_sub(1));
    let payload: usize = frame.payload.iter().map(Chunk::len).sum();
    let mut label = flags.join(",");
    if has(1 | 2 | 4) || payload > 0 {
        let _ = write!(label, " seq={}", frame.sequence.wrapping_sub(start));
    }
    if has(16) {
        let start = *starts.entry(back).or_insert(frame.acknowledgement.wrapping_sub(1));
        let _ = write!(label, " ack={}", frame.acknowledgement.wrapping_sub(start));
    }
    if payload > 0 {
        let _ = write!(label, " len={payload}");
    }
    if frame.retransmission {
        label.push_str(" rtx");
    }
    label
}

/// Milliseconds with three decimals, to the nearest microsecond.
fn milliseconds(at: SimTime) -> String {
    let us = at.as_nanos() / 1_000 + u64::from(at.as_nanos() % 1_000 >= 500);
    format!("{}.{:03}", us / 1_000, us % 1_000)
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// The first `room` characters.
fn front(text: &str, room: usize) -> String {
    text.chars().take(room).collect()
}

/// Widest of some texts.
fn widest<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(width).max().unwrap_or(0)
}

/// The layout of a chart with columns.
struct Columns {
    names: Vec<String>,
    hosts: Vec<HostIndex>,
    /// Width of the times at the left.
    time: usize,
    /// Where the first column stands.
    first: usize,
    /// Distance of two columns.
    gap: usize,
    /// Room for labels at the right of the chart; `None` where they stand on the arrows.
    beside: Option<usize>,
    /// Width of the arrival times at the right; 0 without.
    taken: usize,
}

impl Columns {
    fn new(rows: &[Row], nodes: &[NodeRecord], hosts: Vec<HostIndex>, options: &ChartOptions) -> Self {
        let names: Vec<String> = hosts.iter().map(|host| nodes[host.0 as usize].name.clone()).collect();
        let time = rows.iter().map(|row| milliseconds(row.at).len()).max().unwrap_or(0).max("ms".len());
        let taken = match options.arrivals {
            true => widest(rows.iter().map(|row| row.taken.as_str())).max("taken".len()) + 2,
            false => 0,
        };
        let first = time + 2;
        let gaps = hosts.len().saturating_sub(1).max(1);
        let room = options.width.saturating_sub(first + 1 + taken) / gaps;
        let label = rows.iter().map(|row| row.label.width()).max().unwrap_or(0);
        let mut columns = Columns { names, hosts, time, first, gap: room, beside: None, taken };
        if room >= ROOM_FOR_LABELS {
            // No wider than the longest label needs, with a stretch of line on both sides.
            columns.gap = room.min((label + AROUND_LABEL + 4).max(ROOM_FOR_LABELS));
        } else {
            let name = widest(columns.names.iter().map(String::as_str));
            columns.gap = (name + 2).clamp(6, 12);
            let left = options.width.saturating_sub(columns.end() + 2 + taken);
            columns.beside = Some(label.min(left.max(40)));
        }
        columns
    }

    /// Where the last column stands, plus one.
    fn end(&self) -> usize {
        self.first + self.gap * (self.hosts.len() - 1) + 1
    }

    fn column(&self, host: HostIndex) -> usize {
        let place = self.hosts.binary_search(&host).expect("a host that is shown");
        self.first + self.gap * place
    }

    fn draw(&self, rows: &[Row]) -> String {
        let mut text = self.heading();
        for row in rows {
            self.row(row, &mut text);
        }
        text
    }

    /// Names begin at their column where labels stand beside the chart. Else there is room: the
    /// first begins, the last ends at its column, the others are centred on theirs.
    fn heading(&self) -> String {
        let mut line: Vec<char> = vec![' '; self.end() + self.gap];
        put(&mut line, self.time - "ms".len(), "ms");
        for (place, name) in self.names.iter().enumerate() {
            let name = front(name, self.gap.saturating_sub(1));
            let column = self.first + self.gap * place;
            let back = if self.beside.is_some() || place == 0 {
                0
            } else if place + 1 == self.names.len() {
                width(&name).saturating_sub(1)
            } else {
                width(&name) / 2
            };
            put(&mut line, column - back, &name);
        }
        if self.taken > 0 {
            let right = self.end() + self.beside.map_or(0, |room| room + 2) + self.taken;
            line.resize(right.max(line.len()), ' ');
            put(&mut line, right - "taken".len(), "taken");
        }
        let mut text: String = line.into_iter().collect();
        text.truncate(text.trim_end().len());
        text.push('\n');
        text
    }

    fn row(&self, row: &Row, text: &mut String) {
        let mut line: Vec<char> = vec![' '; self.end()];
        let at = milliseconds(row.at);
        put(&mut line, self.time - at.len(), &at);
        for &host in &self.hosts {
            line[self.column(host)] = '|';
        }
        let (from, to) = (self.column(row.from), self.column(row.to));
        let (left, right) = (from.min(to), from.max(to));
        let stroke = if row.segment { '.' } else { '-' };
        if left < right {
            line[left + 1..right].fill(stroke);
            let (head, at) = if from < to { ('>', right - 1) } else { ('<', left + 1) };
            line[at] = if row.lost { 'X' } else { head };
        } else {
            // To itself, over the loopback interface.
            line[left] = if row.lost { 'X' } else { 'o' };
        }
        if self.beside.is_none() && left < right {
            let inner = right - left - 1;
            let label = row.label.fit(inner - AROUND_LABEL);
            put(&mut line, left + 1 + (inner - width(&label)) / 2 - 1, &format!(" {label} "));
        }
        let mut written: String = line.into_iter().collect();
        if self.beside.is_some() || left == right {
            let room = self.beside.unwrap_or(ROOM_FOR_LABELS);
            let _ = write!(written, "  {:<room$}", row.label.fit(room));
        }
        if self.taken > 0 {
            let _ = write!(written, "{:>taken$}", row.taken, taken = self.taken);
        }
        text.push_str(written.trim_end());
        text.push('\n');
    }
}

/// Writes `text` over a line; what would stand beyond its end is left out.
fn put(line: &mut [char], at: usize, text: &str) {
    for (place, letter) in line[at..].iter_mut().zip(text.chars()) {
        *place = letter;
    }
}

fn list(rows: &[Row], nodes: &[NodeRecord], options: &ChartOptions) -> String {
    let name = |host: HostIndex| nodes[host.0 as usize].name.as_str();
    let time = rows.iter().map(|row| milliseconds(row.at).len()).max().unwrap_or(0);
    let from = widest(rows.iter().map(|row| name(row.from)));
    let to = widest(rows.iter().map(|row| name(row.to)));
    let mut text = String::new();
    for row in rows {
        let arrow = match (row.segment, row.lost) {
            (false, _) => "->",
            (true, false) => ".>",
            (true, true) => ".X",
        };
        let mut line = format!(
            "{:>time$} ms  {:<from$} {arrow} {:<to$}  {}",
            milliseconds(row.at),
            name(row.from),
            name(row.to),
            row.label
        );
        if options.arrivals && !row.taken.is_empty() {
            let _ = write!(line, "  taken {}", row.taken);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests;

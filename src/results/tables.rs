//! A run as tables: one row a delivery, one row a node, one row a node and cause.
//!
//! Columns are built whole, one pass each, and names are borrowed from the outcome until the
//! column owns them: a million messages take seconds, most of them in the compression.
//!
//! The files are byte-identical between two runs of the same thing: row groups, compression and
//! statistics are fixed here, columns are written one after the other, and Parquet as written by
//! polars carries no time. (It carries polars' name, and its encodings may change with its version,
//! which is why that is pinned.)
//!
//! # `messages`
//!
//! One row per message and delivery, by message and then by arrival; a message that reached nobody
//! has one row with an empty subscriber. `latency_ms` is filled exactly where the summary counts a
//! delivery: it is also filled, without a subscriber, for an accepted message that ends at the
//! broker because nobody subscribes to it (see [`super::accounts`]).

use std::io::{self, Write};

use models::cause::Cause;
use models::record::{MessageRecord, NodeRecord, Outcome};
use polars::frame::chunk_df_for_writing;
use polars::prelude::{Column, DataFrame, NamedFrom, PolarsResult, Series};
use polars_io::prelude::{CsvWriter, ParquetCompression, ParquetWriter, SerWriter};
use sim_core::time::SimTime;

use super::accounts::{Accounts, latency_ns};
use super::summary::{energy_fj, joule, power_w};

/// Rows of a Parquet row group: what a reader that skips has to unpack at once.
const ROW_GROUP: usize = 1 << 18;

/// The three tables of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Table {
    /// message, publisher, topic, qos, bytes, published_ns, accepted_ns, subscriber, delivered_ns,
    /// latency_ms, copies, refused.
    Messages,
    /// name, group, index, board, energy_j, mean_power_w, cpu_busy_s, ram_peak_bytes, frames_sent,
    /// bytes_sent, frames_received, bytes_received, connections.
    Nodes,
    /// node, group, index, cause, energy_j, energy_nj.
    Energy,
}

impl Table {
    /// All of them.
    pub const ALL: [Table; 3] = [Table::Messages, Table::Nodes, Table::Energy];

    /// The name of its files, without ending.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Table::Messages => "messages",
            Table::Nodes => "nodes",
            Table::Energy => "energy",
        }
    }

    /// The table of a run in parts of at most a row group of nodes' rows, the first of which is always there:
    /// a million nodes are never in memory twice.
    ///
    /// # Panics
    /// Never: all columns of a table are built in one length.
    pub fn parts(self, outcome: &Outcome) -> impl Iterator<Item = DataFrame> {
        let mut rest = Some(outcome.nodes.as_slice());
        std::iter::from_fn(move || {
            let nodes = rest.take()?;
            let built = match self {
                Table::Messages => messages(outcome),
                Table::Nodes => {
                    let (now, later) = nodes.split_at(nodes.len().min(ROW_GROUP));
                    rest = Some(later).filter(|later| !later.is_empty());
                    self::nodes(now, outcome.simulated)
                }
                Table::Energy => {
                    let mut rows = 0;
                    let fits = |node: &&NodeRecord| {
                        rows += node.energy_fj.len();
                        rows <= ROW_GROUP
                    };
                    let count = nodes.iter().take_while(fits).count();
                    let (now, later) = nodes.split_at(count);
                    rest = Some(later).filter(|later| !later.is_empty());
                    energy(now)
                }
            };
            Some(built.expect("columns of one length and different names"))
        })
    }
}

/// Writes a table as Parquet, compressed with Zstandard.
///
/// # Errors
/// When `to` cannot be written to.
///
/// # Panics
/// When there is no part.
pub fn write_parquet(mut parts: impl Iterator<Item = DataFrame>, to: impl Write) -> io::Result<()> {
    let first = parts.next().expect("a table has a first part");
    let writer = ParquetWriter::new(to)
        .with_compression(ParquetCompression::Zstd(None))
        .with_row_group_size(Some(ROW_GROUP))
        .set_parallel(false);
    let write = |first: DataFrame| {
        let mut writer = writer.batched(first.schema())?;
        for mut part in std::iter::once(first).chain(parts) {
            if part.height() > ROW_GROUP || part.first_col_n_chunks() > 1 {
                writer.write_batch(&*chunk_df_for_writing(&mut part, ROW_GROUP)?)?;
            } else {
                // One row group: the same bytes, without the cutting, for which polars fills 8 MiB with zeros.
                writer.write_batch(&part)?;
            }
        }
        writer.finish()
    };
    write(first).map(|_| ()).map_err(io_error)
}

/// Writes a table as CSV with a header; empty where there is no value.
///
/// # Errors
/// When `to` cannot be written to.
pub fn write_csv(parts: impl Iterator<Item = DataFrame>, mut to: impl Write) -> io::Result<()> {
    for (number, mut part) in parts.enumerate() {
        CsvWriter::new(&mut to).include_header(number == 0).finish(&mut part).map_err(io_error)?;
    }
    Ok(())
}

/// Keeps the cause (a full disk, ...) where polars wrapped one.
fn io_error(error: polars::error::PolarsError) -> io::Error {
    match error {
        polars::error::PolarsError::IO { error, .. } => io::Error::new(error.kind(), error.to_string()),
        other => io::Error::other(other.to_string()),
    }
}

/// Rows of the messages table: a message and, if it reached anybody, one of its deliveries.
struct Rows<'a> {
    outcome: &'a Outcome,
    /// Place of the message, by row.
    message: Vec<u32>,
    subscriber: Vec<Option<&'a str>>,
    delivered_ns: Vec<Option<u64>>,
    latency_ms: Vec<Option<f64>>,
    copies: Vec<u32>,
}

impl<'a> Rows<'a> {
    fn of(outcome: &'a Outcome) -> Self {
        let accounts = Accounts::of(outcome);
        let room = outcome.messages.len().max(outcome.deliveries.len());
        let mut rows = Rows {
            outcome,
            message: Vec::with_capacity(room),
            subscriber: Vec::with_capacity(room),
            delivered_ns: Vec::with_capacity(room),
            latency_ms: Vec::with_capacity(room),
            copies: Vec::with_capacity(room),
        };
        for message in &outcome.messages {
            let deliveries = accounts.deliveries(message.id);
            if deliveries.len() == 0 {
                rows.message.push(message.id.0);
                rows.subscriber.push(None);
                rows.delivered_ns.push(None);
                rows.latency_ms.push(accounts.broker_latency_ns(message).map(milliseconds));
                rows.copies.push(0);
            }
            for delivery in deliveries {
                rows.message.push(message.id.0);
                rows.subscriber.push(Some(&outcome.nodes[delivery.subscriber.0 as usize].name));
                rows.delivered_ns.push(Some(delivery.at.as_nanos()));
                rows.latency_ms.push(Some(milliseconds(latency_ns(message, delivery.at))));
                rows.copies.push(delivery.copies);
            }
        }
        rows
    }

    /// A column that depends on the message alone.
    fn column<T>(&self, of: impl Fn(&'a MessageRecord) -> T) -> Vec<T> {
        self.message.iter().map(|&place| of(&self.outcome.messages[place as usize])).collect()
    }
}

fn milliseconds(ns: u64) -> f64 {
    ns as f64 / 1e6
}

fn column<T, Kind: ?Sized>(name: &str, values: T) -> Column
where
    Series: NamedFrom<T, Kind>,
{
    Column::new(name.into(), values)
}

fn messages(outcome: &Outcome) -> PolarsResult<DataFrame> {
    let rows = Rows::of(outcome);
    let columns = vec![
        column("message", &rows.message),
        column("publisher", rows.column(|m| outcome.nodes[m.publisher.0 as usize].name.as_str())),
        column("topic", rows.column(|m| &*m.topic)),
        column("qos", rows.column(|m| u32::from(m.qos))),
        column("bytes", rows.column(|m| m.bytes)),
        column("published_ns", rows.column(|m| m.published.as_nanos())),
        column("accepted_ns", rows.column(|m| m.accepted.map(|at| at.as_nanos()))),
        column("subscriber", &rows.subscriber),
        column("delivered_ns", &rows.delivered_ns),
        column("latency_ms", &rows.latency_ms),
        column("copies", &rows.copies),
        column("refused", rows.column(|m| m.refused)),
    ];
    DataFrame::new(rows.message.len(), columns)
}

fn nodes(nodes: &[NodeRecord], simulated: SimTime) -> PolarsResult<DataFrame> {
    let energies: Vec<u128> = nodes.iter().map(energy_fj).collect();
    let powers = energies.iter().map(|&fj| power_w(fj, simulated));
    let texts = |of: fn(&NodeRecord) -> &str| nodes.iter().map(of).collect::<Vec<&str>>();
    let counts = |of: fn(&NodeRecord) -> u64| nodes.iter().map(of).collect::<Vec<u64>>();
    let columns = vec![
        column("name", texts(|node| &node.name)),
        column("group", texts(|node| &node.group)),
        column("index", nodes.iter().map(|node| node.index).collect::<Vec<u32>>()),
        column("board", texts(|node| &node.board)),
        column("energy_j", energies.iter().map(|&fj| joule(fj)).collect::<Vec<f64>>()),
        column("mean_power_w", powers.collect::<Vec<f64>>()),
        column("cpu_busy_s", nodes.iter().map(|node| node.cpu_busy.as_secs_f64()).collect::<Vec<f64>>()),
        column("ram_peak_bytes", counts(|node| node.ram_peak_bytes)),
        column("frames_sent", counts(|node| node.frames_sent)),
        column("bytes_sent", counts(|node| node.bytes_sent)),
        column("frames_received", counts(|node| node.frames_received)),
        column("bytes_received", counts(|node| node.bytes_received)),
        column("connections", counts(|node| node.connections)),
    ];
    DataFrame::new(nodes.len(), columns)
}

fn energy(nodes: &[NodeRecord]) -> PolarsResult<DataFrame> {
    let rows: Vec<(&NodeRecord, Cause, u128)> = nodes
        .iter()
        .flat_map(|node| node.energy_fj.iter().map(move |(cause, fj)| (node, *cause, *fj)))
        .collect();
    let columns = vec![
        column("node", rows.iter().map(|(node, _, _)| node.name.as_str()).collect::<Vec<&str>>()),
        column("group", rows.iter().map(|(node, _, _)| &*node.group).collect::<Vec<&str>>()),
        column("index", rows.iter().map(|(node, _, _)| node.index).collect::<Vec<u32>>()),
        column("cause", rows.iter().map(|(_, cause, _)| cause.name()).collect::<Vec<&str>>()),
        column("energy_j", rows.iter().map(|(_, _, fj)| joule(*fj)).collect::<Vec<f64>>()),
        column("energy_nj", rows.iter().map(|(_, _, fj)| nanojoule(*fj)).collect::<Vec<u64>>()),
    ];
    DataFrame::new(rows.len(), columns)
}

/// Femtojoule to the nearest nanojoule; 2^64 nJ are 18 GJ, which no board uses.
fn nanojoule(fj: u128) -> u64 {
    u64::try_from((fj + 500_000) / 1_000_000).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;

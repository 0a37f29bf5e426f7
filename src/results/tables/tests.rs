use std::io::Cursor;

use polars_io::prelude::{ParquetReader, SerReader};

use super::*;
use crate::results::sample;

fn csv(table: Table, outcome: &Outcome) -> String {
    let mut bytes = Vec::new();
    write_csv(table.parts(outcome), &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn parquet(table: Table, outcome: &Outcome) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_parquet(table.parts(outcome), &mut bytes).unwrap();
    bytes
}

fn only_part(table: Table, outcome: &Outcome) -> DataFrame {
    let mut parts = table.parts(outcome);
    let part = parts.next().unwrap();
    assert!(parts.next().is_none());
    part
}

#[test]
fn the_messages_table_has_a_row_a_delivery_and_one_for_what_was_lost() {
    insta::assert_snapshot!(csv(Table::Messages, &sample::outcome()));
}

#[test]
fn the_nodes_table_has_a_row_a_node() {
    insta::assert_snapshot!(csv(Table::Nodes, &sample::outcome()));
}

#[test]
fn the_energy_table_has_a_row_a_node_and_cause() {
    insta::assert_snapshot!(csv(Table::Energy, &sample::outcome()));
}

#[test]
fn parquet_is_read_back_as_written_and_written_alike_twice() {
    let outcome = sample::outcome();
    for table in Table::ALL {
        let bytes = parquet(table, &outcome);
        assert_eq!(bytes, parquet(table, &outcome), "{table:?}");
        let read = ParquetReader::new(Cursor::new(&bytes)).finish().unwrap();
        assert!(read.equals_missing(&only_part(table, &outcome)), "{table:?}");
    }
}

#[test]
fn a_run_without_messages_has_tables_with_columns_and_no_rows() {
    let mut outcome = sample::outcome();
    outcome.messages.clear();
    outcome.deliveries.clear();
    outcome.nodes.clear();
    for table in Table::ALL {
        let part = only_part(table, &outcome);
        assert_eq!(part.height(), 0, "{table:?}");
        let read = ParquetReader::new(Cursor::new(parquet(table, &outcome))).finish().unwrap();
        assert_eq!(read.get_column_names(), part.get_column_names(), "{table:?}");
    }
}

#[test]
fn a_large_fleet_comes_in_parts_and_no_row_is_lost_or_doubled() {
    let mut outcome = sample::outcome();
    let sample = outcome.nodes[0].clone();
    let count = ROW_GROUP as u32 + 3;
    outcome.nodes = (0..count).map(|index| models::record::NodeRecord { index, ..sample.clone() }).collect();
    for (table, rows) in [(Table::Nodes, 1), (Table::Energy, sample.energy_fj.len())] {
        let parts: Vec<DataFrame> = table.parts(&outcome).collect();
        assert!(parts.len() > rows && parts.iter().all(|part| part.height() <= ROW_GROUP));
        let index = |part: &DataFrame| {
            part.column("index").unwrap().u32().unwrap().into_no_null_iter().collect::<Vec<_>>()
        };
        let due = (0..count).flat_map(|index| std::iter::repeat_n(index, rows));
        assert!(parts.iter().flat_map(index).eq(due), "{table:?}");
        let read = ParquetReader::new(Cursor::new(parquet(table, &outcome))).finish().unwrap();
        assert_eq!(read.height(), count as usize * rows);
    }
}

#[test]
fn the_latencies_of_the_table_are_those_of_the_summary() {
    let mut outcome = sample::outcome();
    outcome.messages[2].expected = 0;
    outcome.messages[2].accepted = Some(sim_core::time::SimTime::from_secs(3));
    let summary = crate::results::Summary::of(&outcome, &sample::identity(), Default::default(), Vec::new());
    let messages = only_part(Table::Messages, &outcome);
    let latency = messages.column("latency_ms").unwrap().f64().unwrap();
    assert_eq!(latency.len() - latency.null_count(), summary.messages.delivered as usize);
    let mean = latency.iter().flatten().sum::<f64>() / summary.messages.delivered as f64;
    assert!((mean - summary.latency_ms.unwrap().mean).abs() < 1e-9);
}

#[test]
fn nanojoules_are_rounded_to_nearest() {
    assert_eq!([0, 499_999, 500_000, 1_499_999].map(nanojoule), [0, 0, 1, 1]);
    assert_eq!(nanojoule(u128::MAX / 2), u64::MAX);
}

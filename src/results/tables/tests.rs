use std::io::Cursor;

use polars_io::prelude::{ParquetReader, SerReader};

use super::*;
use crate::results::sample;

fn csv(table: &mut DataFrame) -> String {
    let mut bytes = Vec::new();
    write_csv(table, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn parquet(table: &mut DataFrame) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_parquet(table, &mut bytes).unwrap();
    bytes
}

#[test]
fn the_messages_table_has_a_row_a_delivery_and_one_for_what_was_lost() {
    insta::assert_snapshot!(csv(&mut Tables::of(&sample::outcome()).messages));
}

#[test]
fn the_nodes_table_has_a_row_a_node() {
    insta::assert_snapshot!(csv(&mut Tables::of(&sample::outcome()).nodes));
}

#[test]
fn the_energy_table_has_a_row_a_node_and_cause() {
    insta::assert_snapshot!(csv(&mut Tables::of(&sample::outcome()).energy));
}

#[test]
fn parquet_is_read_back_as_written_and_written_alike_twice() {
    for (name, table) in Tables::of(&sample::outcome()).named_mut() {
        let bytes = parquet(table);
        assert_eq!(bytes, parquet(table), "{name}");
        let read = ParquetReader::new(Cursor::new(&bytes)).finish().unwrap();
        assert!(read.equals_missing(table), "{name}");
    }
}

#[test]
fn a_run_without_messages_has_tables_with_columns_and_no_rows() {
    let mut outcome = sample::outcome();
    outcome.messages.clear();
    outcome.deliveries.clear();
    outcome.nodes.clear();
    for (name, table) in Tables::of(&outcome).named_mut() {
        assert_eq!(table.height(), 0, "{name}");
        let read = ParquetReader::new(Cursor::new(parquet(table))).finish().unwrap();
        assert_eq!(read.get_column_names(), table.get_column_names(), "{name}");
    }
}

#[test]
fn the_latencies_of_the_table_are_those_of_the_summary() {
    let mut outcome = sample::outcome();
    outcome.messages[2].expected = 0;
    outcome.messages[2].accepted = Some(sim_core::time::SimTime::from_secs(3));
    let summary = crate::results::Summary::of(&outcome, &sample::identity(), Default::default(), Vec::new());
    let tables = Tables::of(&outcome);
    let latency = tables.messages.column("latency_ms").unwrap().f64().unwrap();
    assert_eq!(latency.len() - latency.null_count(), summary.messages.delivered as usize);
    let mean = latency.iter().flatten().sum::<f64>() / summary.messages.delivered as f64;
    assert!((mean - summary.latency_ms.unwrap().mean).abs() < 1e-9);
}

#[test]
fn nanojoules_are_rounded_to_nearest() {
    assert_eq!([0, 499_999, 500_000, 1_499_999].map(nanojoule), [0, 0, 1, 1]);
    assert_eq!(nanojoule(u128::MAX / 2), u64::MAX);
}

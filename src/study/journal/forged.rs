//! Forged segments: check words fit, so that headers and records say what nobody wrote.
//!
//! `FUZZ_CASES` asks for another number of folders; docs/robustness.md has the numbers.

use sim_core::random::{Stream, Streams};

use super::*;

fn names(draws: &mut Stream) -> Vec<String> {
    let name = |draws: &mut Stream| match draws.below(8) {
        0 => String::new(),
        1 => "x\n\"y".to_owned(),
        2 => "b".repeat(draws.below(9_000) as usize),
        _ => ["a", "b", "c"][draws.below(3) as usize].to_owned(),
    };
    (0..draws.below(5)).map(|_| name(draws)).collect()
}

/// A segment with a few records, which are now and then longer or shorter than their header says.
fn segment(draws: &mut Stream) -> Vec<u8> {
    let columns = names(draws);
    let version = [VERSION, "0.0.9", ""][draws.below(3) as usize];
    let head = Header { mqtt_twin_rows: draws.below(3) as u32, version: version.to_owned(), columns };
    let mut bytes = serde_json::to_vec(&head).unwrap();
    bytes.push(b'\n');
    for _ in 0..draws.below(8) {
        let mut record: Vec<u8> = Vec::new();
        let key = [0, 7 << 100, u128::MAX][draws.below(3) as usize];
        record.extend(key.to_le_bytes());
        record.extend([draws.below(4), u64::MAX][usize::from(draws.below(20) == 0)].to_le_bytes());
        let fields = 4 + head.columns.len() as u64;
        let fields = if draws.below(10) == 0 { draws.below(12) } else { fields };
        (0..fields).for_each(|_| record.extend((draws.below(1 << 52) << draws.below(12)).to_le_bytes()));
        record.extend(fnv(&record).to_le_bytes());
        bytes.extend(record);
    }
    if draws.below(6) == 0 {
        bytes.truncate(draws.below(bytes.len() as u64 + 1) as usize);
    }
    bytes
}

#[test]
fn whatever_segments_say_a_journal_opens_and_is_made_one() {
    let cases = std::env::var("FUZZ_CASES").map_or(300, |cases| cases.parse().expect("a number of folders"));
    let folder = tempfile::tempdir().unwrap();
    let asked = ["c", "a"].map(str::to_owned);
    let (mut found, mut joined) = (0_u64, 0_u64);
    let mut draws = Streams::new(2026, 0).stream("segments");
    for _ in 0..cases {
        for number in 0..=draws.below(3) {
            fs::write(folder.path().join(format!("{number:06}.rows")), segment(&mut draws)).unwrap();
        }
        let mut journal = Journal::open(folder.path(), &asked).unwrap();
        let known: Vec<(u128, u64)> = journal.index.keys().copied().collect();
        let read = |journal: &Journal| -> Vec<Row> {
            known.iter().map(|(key, run)| journal.row(*key, *run).unwrap().expect("a row")).collect()
        };
        let before = read(&journal);
        found += known.len() as u64;
        let foreign = !journal.other_versions().is_empty();
        journal.compact(&known).unwrap();
        let bits = |rows: &[Row]| -> Vec<(u128, u64, Vec<u64>)> {
            let nan = |value: f64| if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() };
            let values = |row: &Row| row.values.iter().map(|value| nan(*value)).collect();
            rows.iter().map(|row| (row.fingerprint, row.events, values(row))).collect()
        };
        assert_eq!(bits(&read(&journal)), bits(&before));
        if !foreign {
            joined += 1;
            let again = Journal::open(folder.path(), &asked).unwrap();
            assert_eq!((again.len(), bits(&read(&again))), (known.len(), bits(&before)));
        }
        journal.clear().unwrap();
        for entry in fs::read_dir(folder.path()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
    }
    println!("{found} rows of {cases} folders, {joined} made one segment");
    assert!(found > cases && joined > 0 && joined < cases, "{found} rows, {joined} of {cases}");
}

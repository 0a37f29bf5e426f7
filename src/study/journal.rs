//! Every finished run, appended to a file at once.
//!
//! A segment is a line of JSON (version, names of the figures) and behind it records of one length,
//! all little-endian:
//!
//! | bytes | |
//! | --- | --- |
//! | 16 | the point's key |
//! | 8 | the run number |
//! | 16 | the fingerprint |
//! | 8 | events |
//! | 8 | 1 if every expectation held |
//! | 8 each | the figures; NaN where a run has none |
//! | 8 | FNV-1a of all that |
//!
//! A record is written with one call, so a process that is killed leaves at most the last record
//! torn; a torn record is left out. Each call begins a segment of its own.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::VERSION;

/// Bytes before the figures, and the checksum behind them.
const HEAD: usize = 56;
const CHECKSUM: usize = 8;
const ENDING: &str = "rows";

/// A finished run.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// The point.
    pub key: u128,
    /// The run number.
    pub run: u64,
    /// Hash of the trajectory.
    pub fingerprint: u128,
    /// Events executed.
    pub events: u64,
    /// Whether every expectation held.
    pub held: bool,
    /// The figures, in the order of the journal's columns; NaN where there is none.
    pub values: Vec<f64>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    mqtt_twin_rows: u32,
    version: String,
    columns: Vec<String>,
}

struct Segment {
    path: PathBuf,
    file: File,
    version: String,
    columns: Vec<String>,
    start: u64,
}

impl Segment {
    fn record_len(&self) -> usize {
        HEAD + 8 * self.columns.len() + CHECKSUM
    }
}

/// Where a row is.
#[derive(Clone, Copy, Debug)]
struct At {
    segment: u32,
    record: u32,
}

/// The rows of a folder.
pub struct Journal {
    folder: PathBuf,
    segments: Vec<Segment>,
    index: BTreeMap<(u128, u64), At>,
    columns: Vec<String>,
    /// For each segment, where each of the columns is in it.
    maps: Vec<Vec<Option<usize>>>,
}

fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

impl Journal {
    /// Opens the journal in `folder`, whose rows are read in the order of `columns`.
    ///
    /// # Errors
    /// When a file cannot be read, or is no segment.
    pub fn open(folder: &Path, columns: &[String]) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut names: Vec<PathBuf> = fs::read_dir(folder)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|ending| ending == ENDING))
            .collect();
        names.sort();
        let mut journal = Journal {
            folder: folder.to_owned(),
            segments: Vec::new(),
            index: BTreeMap::new(),
            columns: columns.to_vec(),
            maps: Vec::new(),
        };
        for path in names {
            journal.add(path)?;
        }
        Ok(journal)
    }

    /// Reads the records of a segment one by one; what follows a torn one is left out.
    fn add(&mut self, path: PathBuf) -> io::Result<()> {
        let file = File::open(&path)?;
        let Some((header, start)) = header(&file)? else { return Ok(()) };
        let segment = Segment { path, file, version: header.version, columns: header.columns, start };
        let length = segment.record_len();
        let number = self.segments.len() as u32;
        let mut reader = io::BufReader::with_capacity(1 << 18, File::open(&segment.path)?);
        io::copy(&mut reader.by_ref().take(start), &mut io::sink())?;
        let mut record = vec![0; length];
        let mut place = 0;
        while reader.read_exact(&mut record).is_ok() && intact(&record) {
            let row = (u128_at(&record, 0), u64_at(&record, 16));
            self.index.entry(row).or_insert(At { segment: number, record: place });
            place += 1;
        }
        let find = |column: &String| segment.columns.iter().position(|known| known == column);
        self.maps.push(self.columns.iter().map(find).collect());
        self.segments.push(segment);
        Ok(())
    }

    /// Versions of the program that wrote the rows, other than this one.
    #[must_use]
    pub fn other_versions(&self) -> Vec<String> {
        let used = |number: usize| self.index.values().any(|at| at.segment as usize == number);
        let mut versions: Vec<String> = self
            .segments
            .iter()
            .enumerate()
            .filter(|(number, segment)| segment.version != VERSION && used(*number))
            .map(|(_, segment)| segment.version.clone())
            .collect();
        versions.sort();
        versions.dedup();
        versions
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Whether a run is there.
    #[must_use]
    pub fn has(&self, key: u128, run: u64) -> bool {
        self.index.contains_key(&(key, run))
    }

    /// The row of a run, if it is there.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub fn row(&self, key: u128, run: u64) -> io::Result<Option<Row>> {
        let Some(at) = self.index.get(&(key, run)) else { return Ok(None) };
        let segment = &self.segments[at.segment as usize];
        let mut record = vec![0; segment.record_len()];
        let offset = segment.start + u64::from(at.record) * record.len() as u64;
        read_at(&segment.file, &mut record, offset)?;
        let map = &self.maps[at.segment as usize];
        let value = |column: &Option<usize>| {
            column.map_or(f64::NAN, |place| f64::from_bits(u64_at(&record, HEAD + 8 * place)))
        };
        Ok(Some(Row {
            key,
            run,
            fingerprint: u128_at(&record, 24),
            events: u64_at(&record, 40),
            held: u64_at(&record, 48) == 1,
            values: map.iter().map(value).collect(),
        }))
    }

    /// Forgets all rows and removes their files.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn clear(&mut self) -> io::Result<()> {
        self.index.clear();
        self.maps.clear();
        for segment in self.segments.drain(..) {
            fs::remove_file(&segment.path)?;
        }
        Ok(())
    }

    /// Begins a segment.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn begin(&self) -> io::Result<Writer> {
        let mut number = self.segments.len();
        loop {
            let path = self.folder.join(format!("{number:06}-{}.{ENDING}", std::process::id()));
            match File::create_new(&path) {
                Ok(file) => return Writer::new(file, path, &self.columns, VERSION),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes in the rows that a [`Writer`] has written.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn take_in(&mut self, written: Writer) -> io::Result<()> {
        let path = written.path.clone();
        drop(written);
        self.add(path)
    }

    /// Puts the rows of these points and runs into one segment, in this order, and removes the
    /// others, if nothing else is in them: the folder then has the same bytes however the runs
    /// were done.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn compact(&mut self, rows: &[(u128, u64)]) -> io::Result<()> {
        let distinct: std::collections::BTreeSet<_> = rows.iter().collect();
        if distinct.len() != self.index.len() || !self.other_versions().is_empty() {
            return Ok(());
        }
        let draft = self.folder.join(format!(".rows.{}.partial", std::process::id()));
        let mut writer = Writer::new(File::create(&draft)?, draft.clone(), &self.columns, VERSION)?;
        let mut seen = std::collections::BTreeSet::new();
        for (key, run) in rows.iter().filter(|row| seen.insert(**row)) {
            if let Some(row) = self.row(*key, *run)? {
                writer.append(&row)?;
            }
        }
        let complete = self.folder.join(format!("complete.{ENDING}"));
        drop(writer);
        fs::rename(&draft, &complete)?;
        for segment in self.segments.drain(..).filter(|segment| segment.path != complete) {
            fs::remove_file(&segment.path)?;
        }
        self.index.clear();
        self.maps.clear();
        self.add(complete)
    }
}

/// Appends rows to a segment.
pub struct Writer {
    file: File,
    path: PathBuf,
    record: Vec<u8>,
}

impl Writer {
    fn new(mut file: File, path: PathBuf, columns: &[String], version: &str) -> io::Result<Self> {
        let header = Header { mqtt_twin_rows: 1, version: version.to_owned(), columns: columns.to_vec() };
        let mut line = serde_json::to_string(&header).map_err(io::Error::other)?;
        line.push('\n');
        file.write_all(line.as_bytes())?;
        Ok(Writer { file, path, record: Vec::new() })
    }

    /// Appends a row; it is with the operating system when this returns.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn append(&mut self, row: &Row) -> io::Result<()> {
        self.record.clear();
        self.record.extend(row.key.to_le_bytes());
        self.record.extend(row.run.to_le_bytes());
        self.record.extend(row.fingerprint.to_le_bytes());
        self.record.extend(row.events.to_le_bytes());
        self.record.extend(u64::from(row.held).to_le_bytes());
        for value in &row.values {
            // One NaN only: the bytes must not depend on how it came about.
            let value = if value.is_nan() { f64::NAN } else { *value };
            self.record.extend(value.to_bits().to_le_bytes());
        }
        let checksum = fnv(&self.record);
        self.record.extend(checksum.to_le_bytes());
        self.file.write_all(&self.record)
    }
}

/// Bytes of the longest header: what goes on for longer is no segment.
const LONGEST_HEADER: usize = 8 << 20;

/// The header of a segment and where its records begin; none where it is torn.
fn header(mut file: &File) -> io::Result<Option<(Header, u64)>> {
    let mut line = Vec::new();
    let mut block = [0; 4096];
    loop {
        let read = file.read(&mut block)?;
        if let Some(end) = block[..read].iter().position(|byte| *byte == b'\n') {
            line.extend(&block[..end]);
            break;
        }
        if read == 0 || line.len() > LONGEST_HEADER {
            return Ok(None);
        }
        line.extend(&block[..read]);
    }
    Ok(serde_json::from_slice::<Header>(&line).ok().map(|header| (header, line.len() as u64 + 1)))
}

fn intact(record: &[u8]) -> bool {
    let (content, checksum) = record.split_at(record.len() - CHECKSUM);
    fnv(content).to_le_bytes() == checksum
}

fn u64_at(record: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(record[at..at + 8].try_into().expect("eight bytes"))
}

fn u128_at(record: &[u8], at: usize) -> u128 {
    u128::from_le_bytes(record[at..at + 16].try_into().expect("sixteen bytes"))
}

#[cfg(unix)]
fn read_at(file: &File, record: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, record, offset)
}

#[cfg(not(unix))]
fn read_at(mut file: &File, record: &mut [u8], offset: u64) -> io::Result<()> {
    io::Seek::seek(&mut file, io::SeekFrom::Start(offset))?;
    file.read_exact(record)
}

#[cfg(test)]
mod forged;

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<String> {
        ["a", "b"].map(str::to_owned).into()
    }

    fn row(run: u64) -> Row {
        Row { key: 7 << 100, run, fingerprint: 9, events: 3, held: true, values: vec![run as f64, 0.5] }
    }

    fn files(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn rows_are_found_again_and_a_torn_one_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path(), &columns()).unwrap();
        let mut writer = journal.begin().unwrap();
        (0..5).for_each(|run| writer.append(&row(run)).unwrap());
        let path = writer.path.clone();
        drop(writer);
        let bytes = fs::read(&path).unwrap();
        // Killed in the middle of the last record, at every byte of it.
        for cut in 1..HEAD + 16 + CHECKSUM {
            fs::write(&path, &bytes[..bytes.len() - cut]).unwrap();
            let journal = Journal::open(folder.path(), &columns()).unwrap();
            assert_eq!(journal.len(), 4, "{cut}");
            assert_eq!(journal.row(7 << 100, 3).unwrap(), Some(row(3)));
        }
        let mut damaged = bytes.clone();
        let at = bytes.len() - 20;
        damaged[at] ^= 1;
        fs::write(&path, &damaged).unwrap();
        assert!(!Journal::open(folder.path(), &columns()).unwrap().has(7 << 100, 4));
    }

    /// `FUZZ_CASES` asks for another number of damaged files.
    #[test]
    fn whatever_is_in_a_segment_rows_are_whole_or_left_out() {
        let cases =
            std::env::var("FUZZ_CASES").map_or(500, |cases| cases.parse().expect("a number of files"));
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Journal::open(folder.path(), &columns()).unwrap().begin().unwrap();
        (0..6).for_each(|run| writer.append(&row(run)).unwrap());
        let path = writer.path.clone();
        drop(writer);
        let good = fs::read(&path).unwrap();
        let head = good.iter().position(|byte| *byte == b'\n').unwrap();
        let streams = sim_core::random::Streams::new(2026, 0);
        let (mut found, mut draws) = (0, streams.stream("journal"));
        for _ in 0..cases {
            let mut bytes = good.clone();
            for _ in 0..=draws.below(3) {
                let at = draws.below(bytes.len() as u64) as usize;
                match draws.below(4) {
                    0 => bytes.truncate(at.max(1)),
                    1 => bytes.insert(at, draws.below(256) as u8),
                    2 => drop(bytes.drain(at..(at + draws.below(100) as usize).min(bytes.len()))),
                    _ => bytes[at] ^= 1 << draws.below(8),
                }
                if bytes.is_empty() {
                    bytes.push(b'{');
                }
            }
            fs::write(&path, &bytes).unwrap();
            let journal = Journal::open(folder.path(), &columns()).unwrap();
            let same_head = bytes.get(..=head) == Some(&good[..=head]);
            for run in 0..6 {
                let read = journal.row(7 << 100, run).unwrap();
                assert!(!same_head || read.is_none() || read == Some(row(run)), "{run}: {read:?}");
                found += u64::from(read.is_some());
            }
            assert!(journal.len() <= 6, "no row of nobody's");
        }
        assert!(found > 0 && found < 6 * cases, "{found} rows of {cases} files");
    }

    #[test]
    fn other_columns_are_told_apart_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path(), &columns()).unwrap();
        journal.begin().unwrap().append(&row(1)).unwrap();
        let other = ["c", "b"].map(str::to_owned);
        let journal = Journal::open(folder.path(), &other).unwrap();
        let values = journal.row(7 << 100, 1).unwrap().unwrap().values;
        assert!(values[0].is_nan());
        assert_eq!(values[1], 0.5);
    }

    #[test]
    fn compacted_journals_have_the_same_bytes_whatever_came_first() {
        let wanted: Vec<(u128, u64)> = (0..4).map(|run| (7 << 100, run)).collect();
        let compacted = |orders: &[&[u64]]| {
            let folder = tempfile::tempdir().unwrap();
            let mut journal = Journal::open(folder.path(), &columns()).unwrap();
            for order in orders {
                let mut writer = journal.begin().unwrap();
                order.iter().for_each(|run| writer.append(&row(*run)).unwrap());
                journal.take_in(writer).unwrap();
            }
            journal.compact(&wanted).unwrap();
            assert_eq!(files(folder.path()), ["complete.rows"]);
            assert_eq!(journal.row(7 << 100, 2).unwrap(), Some(row(2)));
            fs::read(folder.path().join("complete.rows")).unwrap()
        };
        assert!(compacted(&[&[0, 1, 2, 3]]) == compacted(&[&[3, 1], &[0, 1], &[2]]));
    }
}

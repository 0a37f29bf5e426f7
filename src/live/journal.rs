//! The journal of a session: every input of the machine, in order.
//!
//! A binary file that only grows. All numbers are little-endian.
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | `MQTTTWIN` |
//! | 2 | version, 1 |
//! | 4 | length of the header |
//! | | the header, JSON: the settings of the broker and a hash of what this program made of them, or the scenario with the hashes of all that it rests on |
//! | 4 | check word |
//! | | records, until the end of the file |
//!
//! A record:
//!
//! | bytes | what |
//! | --- | --- |
//! | 4 | length of what follows, check word not included |
//! | 1 | kind: 1 accepted, 2 bytes, 3 closed, 4 timeout, 5 end, 6 reset, 7 paused, 8 resumed |
//! | 8 | instant, in nanoseconds since the start |
//! | 4 | connection; `0xFFFFFFFF` for none |
//! | | the bytes that arrived; at the end of the session, its fingerprint (16 bytes) |
//! | 4 | check word |
//!
//! A check word is the low half of a [`Fingerprint`] of all that stands before it, so a record that
//! was changed, lost or moved is found where it stands. A last record that is not whole is what a
//! crash leaves: the reader stops before it and says so.
//!
//! The reader never holds more than one record, and no record is longer than [`MAX_RECORD_BYTES`].

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use models::mqtt::ConnectionId;
use serde::{Deserialize, Serialize};
use sim_core::fingerprint::Fingerprint;
use sim_core::time::SimTime;

use crate::live::served::Ending;
use crate::live::settings::BrokerSettings;
use crate::scenario::Diagnostic;

/// The first bytes of every journal.
pub const MAGIC: [u8; 8] = *b"MQTTTWIN";

/// The version of the format that is written and read.
pub const VERSION: u16 = 1;

/// The longest header that is read.
pub const MAX_HEADER_BYTES: u32 = 1 << 24;

/// The longest record, its length and check word not included.
pub const MAX_RECORD_BYTES: usize = FIXED_BYTES + MAX_INPUT_BYTES;

/// The most bytes of a client in one record.
pub const MAX_INPUT_BYTES: usize = 1 << 16;

/// Kind, instant and connection.
const FIXED_BYTES: usize = 13;

/// Records wait in memory for this long at most.
const FLUSH_EVERY: Duration = Duration::from_millis(50);

/// What stands before the records.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The version of mqtt-twin that wrote the journal.
    pub written_by: String,
    /// The broker that was served, where it was one alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker: Option<BrokerSettings>,
    /// The scenario that was served, where it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<ServedScenario>,
    /// [`BrokerSettings::config_hash`] there and then, or the hash of the scenario's text.
    pub config_hash: String,
}

/// All that a scenario is made of again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServedScenario {
    /// The file as the user named it: where traces are looked for.
    pub file: PathBuf,
    /// Its text, `--set` values included.
    pub text: String,
    /// The seed.
    pub seed: u64,
    /// Number of the run.
    pub run: u64,
    /// The folder of profiles, if one was given.
    pub profiles: Option<PathBuf>,
    /// Name and content hash of every file that the scenario rests on.
    pub rests_on: Vec<(String, String)>,
}

impl Header {
    /// The header for a broker with these settings, served by this version.
    #[must_use]
    pub fn of(settings: &BrokerSettings) -> Self {
        Header {
            written_by: env!("CARGO_PKG_VERSION").to_owned(),
            broker: Some(settings.clone()),
            scenario: None,
            config_hash: settings.config_hash().to_string(),
        }
    }
}

/// An input of the machine, or the end of the session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Input<'a> {
    /// A client opened a transport, which got this name.
    Accepted(ConnectionId),
    /// Bytes arrived.
    Bytes(ConnectionId, &'a [u8]),
    /// A transport is gone.
    Closed(ConnectionId, Ending),
    /// A client stopped to read, or reads again.
    Paused(ConnectionId, bool),
    /// A deadline has come.
    Timeout,
    /// The session ended, with this fingerprint.
    End(u128),
}

/// Why a journal cannot be written or read.
#[derive(Debug)]
pub enum JournalError {
    /// The file.
    Io(io::Error),
    /// A file that would be overwritten, and is something else.
    NotOurs,
    /// The file does not begin as a journal does.
    NotAJournal,
    /// A format that this version of mqtt-twin does not know.
    Version(u16),
    /// The header is not whole, or says something unknown.
    Header(String),
    /// The scenario in the header cannot be made again.
    Scenario(Box<Diagnostic>),
    /// A record is not what was written.
    Damaged {
        /// Where it begins, in bytes from the start of the file.
        at: u64,
        /// What is wrong.
        what: &'static str,
    },
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JournalError::Io(reason) => reason.fmt(f),
            JournalError::NotOurs => {
                f.write_str("there is a file of this name that is no journal; left alone")
            }
            JournalError::NotAJournal => f.write_str("not a journal of mqtt-twin"),
            JournalError::Version(version) => {
                write!(f, "format {version} is unknown to this version of mqtt-twin, which reads {VERSION}")
            }
            JournalError::Scenario(diagnostic) => write!(f, "its scenario: {diagnostic}"),
            JournalError::Header(what) => write!(f, "damaged header: {what}"),
            JournalError::Damaged { at, what } => write!(f, "damaged at byte {at}: {what}"),
        }
    }
}

impl std::error::Error for JournalError {}

impl From<io::Error> for JournalError {
    fn from(reason: io::Error) -> Self {
        JournalError::Io(reason)
    }
}

impl From<Box<Diagnostic>> for JournalError {
    fn from(diagnostic: Box<Diagnostic>) -> Self {
        JournalError::Scenario(diagnostic)
    }
}

// The check word after `bytes`.
fn check_word(chain: &mut Fingerprint, bytes: &[u8]) -> u32 {
    chain.mix(bytes.len() as u64);
    chain.mix_bytes(bytes);
    let word = chain.finish() as u64;
    (word ^ word >> 32) as u32
}

/// Writes a journal.
#[derive(Debug)]
pub struct Writer<W: Write> {
    to: BufWriter<W>,
    chain: Fingerprint,
    // Reused by every record.
    record: Vec<u8>,
    unflushed_since: Option<SimTime>,
}

impl Writer<File> {
    /// A new journal in the file `path`. An earlier journal of that name is replaced.
    ///
    /// # Errors
    /// When the file cannot be written, or is something else than a journal.
    pub fn create(path: &Path, header: &Header) -> Result<Self, JournalError> {
        match File::open(path) {
            Ok(former) => {
                let mut first = Vec::new();
                former.take(MAGIC.len() as u64).read_to_end(&mut first)?;
                if !MAGIC.starts_with(&first) {
                    return Err(JournalError::NotOurs);
                }
            }
            Err(reason) if reason.kind() == io::ErrorKind::NotFound => {}
            Err(reason) => return Err(reason.into()),
        }
        let written = Writer::new(File::create(path)?, header);
        if written.is_err() {
            // A beginning without its header is no journal.
            let _ = std::fs::remove_file(path);
        }
        Ok(written?)
    }
}

impl<W: Write> Writer<W> {
    /// A new journal.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(to: W, header: &Header) -> io::Result<Self> {
        let header = serde_json::to_vec(header)?;
        let mut first = Vec::from(MAGIC);
        first.extend_from_slice(&VERSION.to_le_bytes());
        first.extend_from_slice(&(header.len() as u32).to_le_bytes());
        first.extend_from_slice(&header);
        let mut chain = Fingerprint::new();
        let check = check_word(&mut chain, &first);
        first.extend_from_slice(&check.to_le_bytes());
        let mut to = BufWriter::with_capacity(1 << 18, to);
        to.write_all(&first)?;
        to.flush()?;
        Ok(Writer { to, chain, record: Vec::new(), unflushed_since: None })
    }

    /// Appends an input.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, at: SimTime, input: &Input) -> io::Result<()> {
        let fingerprint;
        let (kind, connection, bytes): (u8, _, &[u8]) = match input {
            Input::Accepted(connection) => (1, connection.0, &[]),
            Input::Bytes(connection, bytes) => (2, connection.0, bytes),
            Input::Closed(connection, Ending::Closed) => (3, connection.0, &[]),
            Input::Closed(connection, Ending::Reset) => (6, connection.0, &[]),
            Input::Paused(connection, true) => (7, connection.0, &[]),
            Input::Paused(connection, false) => (8, connection.0, &[]),
            Input::Timeout => (4, u32::MAX, &[]),
            Input::End(end) => {
                fingerprint = end.to_le_bytes();
                (5, u32::MAX, &fingerprint)
            }
        };
        debug_assert!(bytes.len() <= MAX_INPUT_BYTES);
        self.record.clear();
        self.record.extend_from_slice(&((FIXED_BYTES + bytes.len()) as u32).to_le_bytes());
        self.record.push(kind);
        self.record.extend_from_slice(&at.as_nanos().to_le_bytes());
        self.record.extend_from_slice(&connection.to_le_bytes());
        self.record.extend_from_slice(bytes);
        let check = check_word(&mut self.chain, &self.record);
        self.record.extend_from_slice(&check.to_le_bytes());
        self.unflushed_since.get_or_insert(at);
        self.to.write_all(&self.record)
    }

    /// Whether records wait in memory.
    #[must_use]
    pub const fn is_dirty(&self) -> bool {
        self.unflushed_since.is_some()
    }

    /// Hands the records to the operating system if they have waited long enough.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn flush_if_due(&mut self, now: SimTime) -> io::Result<()> {
        match self.unflushed_since {
            Some(since) if now.saturating_since(since) >= FLUSH_EVERY => self.flush(),
            Some(_) | None => Ok(()),
        }
    }

    /// Hands all records to the operating system.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.unflushed_since = None;
        self.to.flush()
    }
}

/// Reads a journal.
#[derive(Debug)]
pub struct Reader<R: Read> {
    from: R,
    header: Header,
    chain: Fingerprint,
    // The record at hand, its length included.
    record: Vec<u8>,
    at: u64,
    last: SimTime,
    ended: bool,
    cut_off: bool,
}

impl<R: Read> Reader<R> {
    /// Reads the header. `from` should be buffered.
    ///
    /// # Errors
    /// When it is no journal, of another version, or damaged.
    pub fn new(mut from: R) -> Result<Self, JournalError> {
        let mut first = Vec::new();
        if read_up_to(&mut from, 14, &mut first)? < 14 || first[..8] != MAGIC {
            return Err(JournalError::NotAJournal);
        }
        let version = u16::from_le_bytes([first[8], first[9]]);
        if version != VERSION {
            return Err(JournalError::Version(version));
        }
        let length = u32::from_le_bytes([first[10], first[11], first[12], first[13]]);
        if length > MAX_HEADER_BYTES {
            return Err(JournalError::Header("longer than any header".to_owned()));
        }
        let length = length as usize;
        if read_up_to(&mut from, length, &mut first)? < length {
            return Err(JournalError::Header("cut off".to_owned()));
        }
        let mut chain = Fingerprint::new();
        let check = check_word(&mut chain, &first);
        let mut written = Vec::new();
        if read_up_to(&mut from, 4, &mut written)? < 4 || written != check.to_le_bytes() {
            return Err(JournalError::Header("its check word does not fit".to_owned()));
        }
        let header =
            serde_json::from_slice(&first[14..]).map_err(|error| JournalError::Header(error.to_string()))?;
        let at = (first.len() + 4) as u64;
        let last = SimTime::ZERO;
        Ok(Reader { from, header, chain, record: Vec::new(), at, last, ended: false, cut_off: false })
    }

    /// The header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Whether the last record was not whole, once [`Reader::next`] has given `None`.
    #[must_use]
    pub const fn is_cut_off(&self) -> bool {
        self.cut_off
    }

    /// Where the record at hand begins, in bytes from the start of the file.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.at - self.record.len() as u64 - 4
    }

    /// The next record; `None` at the end of the file.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged.
    #[allow(clippy::should_implement_trait)] // Lends its buffer: not an iterator.
    pub fn next(&mut self) -> Result<Option<(SimTime, Input<'_>)>, JournalError> {
        let at = self.at;
        let damaged = |what| Err(JournalError::Damaged { at, what });
        self.record.clear();
        match read_up_to(&mut self.from, 4, &mut self.record)? {
            0 => return Ok(None),
            4 => {}
            _ => return Ok(self.cut()),
        }
        if self.ended {
            return damaged("a record after the end of the session");
        }
        let length = u32::from_le_bytes(word(&self.record)) as usize;
        if !(FIXED_BYTES..=MAX_RECORD_BYTES).contains(&length) {
            return damaged("a length that no record has");
        }
        let mut check = Vec::with_capacity(4);
        if read_up_to(&mut self.from, length, &mut self.record)? < length
            || read_up_to(&mut self.from, 4, &mut check)? < 4
        {
            return Ok(self.cut());
        }
        if check != check_word(&mut self.chain, &self.record).to_le_bytes() {
            return damaged("the check word does not fit");
        }
        self.at += (self.record.len() + 4) as u64;
        let instant = SimTime::from_nanos(u64::from_le_bytes(word(&self.record[5..])));
        if instant < self.last {
            return damaged("an instant before that of the record before");
        }
        self.last = instant;
        let connection = ConnectionId(u32::from_le_bytes(word(&self.record[13..])));
        let bytes = &self.record[4 + FIXED_BYTES..];
        let input = match (self.record[4], bytes.len()) {
            (1, 0) => Input::Accepted(connection),
            (2, _) => Input::Bytes(connection, bytes),
            (3, 0) => Input::Closed(connection, Ending::Closed),
            (6, 0) => Input::Closed(connection, Ending::Reset),
            (7, 0) => Input::Paused(connection, true),
            (8, 0) => Input::Paused(connection, false),
            (4, 0) => Input::Timeout,
            (5, 16) => {
                self.ended = true;
                Input::End(u128::from_le_bytes(word(bytes)))
            }
            _ => return damaged("a kind of record that is unknown"),
        };
        Ok(Some((instant, input)))
    }

    fn cut(&mut self) -> Option<(SimTime, Input<'static>)> {
        self.cut_off = true;
        None
    }
}

// The first `N` bytes, which are there.
fn word<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes[..N].try_into().expect("N bytes")
}

// Appends up to `count` bytes; fewer only at the end of the file. `count` is bounded by the callers.
fn read_up_to(from: &mut impl Read, count: usize, to: &mut Vec<u8>) -> io::Result<usize> {
    from.take(count as u64).read_to_end(to)
}

#[cfg(test)]
mod forged;
#[cfg(test)]
mod tests;

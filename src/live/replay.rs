//! A journal in virtual time: the same inputs to the same machine, as fast as it goes.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use models::mqtt::ConnectionId;
use sim_core::time::SimTime;

use crate::live::LiveError;
use crate::live::journal::{Header, Input, JournalError, Reader};
use crate::live::machine::Machine;

/// What a replay came to.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The header of the journal.
    pub header: Header,
    /// The machine after the last input.
    pub machine: Machine,
    /// The instant of the last input.
    pub end: SimTime,
    /// The fingerprint of the session, if it came to its end.
    pub recorded: Option<u128>,
    /// Whether the last record was not whole.
    pub cut_off: bool,
}

impl Replay {
    /// Whether the replay did what the session did; `None` if the session left no fingerprint.
    #[must_use]
    pub fn agrees(&self) -> Option<bool> {
        self.recorded.map(|recorded| recorded == self.machine.fingerprint().finish())
    }

    /// Whether the settings mean the same to this program as to the one that wrote the journal.
    #[must_use]
    pub fn same_broker(&self) -> bool {
        self.header.config_hash == self.header.broker.config_hash().to_string()
    }
}

/// Replays the journal in the file `path`.
///
/// # Errors
/// When it cannot be read, is no journal or is damaged.
pub fn replay(path: &Path) -> Result<Replay, LiveError> {
    let read = || replay_from(BufReader::with_capacity(1 << 18, File::open(path)?));
    read().map_err(|reason| LiveError::Journal { path: path.to_owned(), reason })
}

/// Replays a journal.
///
/// # Errors
/// When it cannot be read, is no journal or is damaged.
pub fn replay_from(from: impl Read) -> Result<Replay, JournalError> {
    let mut reader = Reader::new(from)?;
    let header = reader.header().clone();
    let mut machine = Machine::new(&header.broker);
    let (mut end, mut recorded) = (SimTime::ZERO, None);
    // Ends that the machine asked for: the journal has them as inputs of their own.
    let mut asked: Vec<ConnectionId> = Vec::new();
    loop {
        let fault = match reader.next()? {
            None => break,
            Some((at, input)) => {
                end = at;
                if let Input::End(fingerprint) = input {
                    recorded = Some(fingerprint);
                }
                feed(&mut machine, at, &input, &mut asked)
            }
        };
        if let Some(what) = fault {
            return Err(JournalError::Damaged { at: reader.position(), what });
        }
        asked.clear();
    }
    Ok(Replay { header, machine, end, recorded, cut_off: reader.is_cut_off() })
}

// An input to the machine, or why it cannot be one.
fn feed(
    machine: &mut Machine,
    at: SimTime,
    input: &Input,
    asked: &mut Vec<ConnectionId>,
) -> Option<&'static str> {
    const NOT_OPEN: Option<&str> = Some("a connection that is not open");
    match *input {
        Input::Accepted(connection) => {
            let given = machine.accept(at, asked);
            return (given != connection).then_some("a connection of another number than it had");
        }
        Input::Bytes(connection, _) | Input::Closed(connection) if !machine.is_open(connection) => {
            return NOT_OPEN;
        }
        Input::Bytes(connection, bytes) => machine.bytes(at, connection, bytes, asked),
        Input::Closed(connection) => machine.closed(at, connection, asked),
        Input::Timeout => machine.timeout(at, asked),
        Input::End(_) => {}
    }
    None
}

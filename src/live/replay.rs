//! A journal in virtual time: the same inputs to the same machine, as fast as it goes.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use models::mqtt::ConnectionId;
use sim_core::time::SimTime;

use crate::live::LiveError;
use crate::live::journal::{Header, Input, JournalError, Reader, ServedScenario};
use crate::live::machine::Machine;
use crate::live::served::Served;
use crate::live::twin::Twin;
use crate::results::ContentHash;
use crate::scenario::load::load_text;
use crate::scenario::profiles::Library;
use crate::scenario::{Diagnostic, Loaded, Overrides};

/// What was served, after the last input.
#[derive(Debug)]
pub enum Repeated {
    /// A broker alone.
    Broker(Box<Machine>),
    /// A scenario.
    Scenario(Box<Twin>, Box<Loaded>),
}

/// What a replay came to.
#[derive(Debug)]
pub struct Replay {
    /// The header of the journal.
    pub header: Header,
    /// What was served, after the last input.
    pub repeated: Repeated,
    /// The instant of the last input.
    pub end: SimTime,
    /// The fingerprint of the session, if it came to its end.
    pub recorded: Option<u128>,
    /// Whether the last record was not whole.
    pub cut_off: bool,
}

impl Replay {
    /// The fingerprint of the replay.
    #[must_use]
    pub fn fingerprint(&self) -> u128 {
        match &self.repeated {
            Repeated::Broker(machine) => machine.fingerprint(),
            Repeated::Scenario(twin, _) => twin.fingerprint(),
        }
    }

    /// Whether the replay did what the session did; `None` if the session left no fingerprint.
    #[must_use]
    pub fn agrees(&self) -> Option<bool> {
        self.recorded.map(|recorded| recorded == self.fingerprint())
    }

    /// Names of what the session rested on and is not the same to this program: the broker made of the
    /// settings, or files of a scenario.
    #[must_use]
    pub fn differences(&self) -> Vec<String> {
        match (&self.repeated, &self.header.broker, &self.header.scenario) {
            (Repeated::Broker(_), Some(broker), _) => {
                let same = self.header.config_hash == broker.config_hash().to_string();
                if same { Vec::new() } else { vec![format!("the broker `{}`", broker.name)] }
            }
            (Repeated::Scenario(_, loaded), _, Some(scenario)) => {
                let now = rests_on(loaded);
                let changed = scenario.rests_on.iter().filter(|file| !now.contains(file));
                changed.map(|(name, _)| format!("`{name}`")).collect()
            }
            (Repeated::Broker(_) | Repeated::Scenario(..), _, _) => Vec::new(),
        }
    }
}

/// Name and content hash of every file that a scenario rests on.
#[must_use]
pub fn rests_on(loaded: &Loaded) -> Vec<(String, String)> {
    loaded.profiles.iter().map(|used| (used.name.clone(), ContentHash(used.hash).to_string())).collect()
}

/// The scenario of a journal.
///
/// # Errors
/// When this version of the program, or its profiles, can make nothing of it.
pub fn scenario(served: &ServedScenario) -> Result<Loaded, Diagnostic> {
    let library = Library::find(&served.file, served.profiles.as_deref())?;
    let overrides = Overrides { seed: Some(served.seed), ..Overrides::default() };
    load_text(&served.file, &served.text, &overrides, library)
}

/// The header entry of a scenario.
#[must_use]
pub fn header(loaded: &Loaded, run: u64, overrides: &Overrides) -> Header {
    Header {
        written_by: env!("CARGO_PKG_VERSION").to_owned(),
        broker: None,
        config_hash: ContentHash(loaded.hash).to_string(),
        scenario: Some(ServedScenario {
            file: loaded.file.clone(),
            text: loaded.text.clone(),
            seed: loaded.scenario.seed,
            run,
            profiles: overrides.profiles.clone(),
            rests_on: rests_on(loaded),
        }),
    }
}

/// Replays the journal in the file `path`.
///
/// # Errors
/// When it cannot be read, is no journal or is damaged, or its scenario cannot be made again.
pub fn replay(path: &Path) -> Result<Replay, LiveError> {
    let told = |reason| LiveError::Journal { path: path.to_owned(), reason };
    let file = File::open(path).map_err(|reason| told(reason.into()))?;
    replay_from(BufReader::with_capacity(1 << 18, file)).map_err(told)
}

/// Replays a journal.
///
/// # Errors
/// When it cannot be read, is no journal or is damaged, or its scenario cannot be made again.
pub fn replay_from(from: impl Read) -> Result<Replay, JournalError> {
    let mut reader = Reader::new(from)?;
    let header = reader.header().clone();
    let (repeated, end, recorded) = match (&header.broker, &header.scenario) {
        (Some(broker), None) => {
            let mut machine = Box::new(Machine::new(broker));
            let (end, recorded) = repeat(&mut reader, &mut *machine)?;
            (Repeated::Broker(machine), end, recorded)
        }
        (None, Some(served)) => {
            let loaded = Box::new(scenario(served).map_err(Box::new)?);
            let mut twin = Box::new(Twin::start(&loaded, served.run).map_err(Box::new)?);
            let (end, recorded) = repeat(&mut reader, &mut *twin)?;
            (Repeated::Scenario(twin, loaded), end, recorded)
        }
        (Some(_), Some(_)) | (None, None) => {
            return Err(JournalError::Header("neither a broker nor a scenario, or both".to_owned()));
        }
    };
    Ok(Replay { header, repeated, end, recorded, cut_off: reader.is_cut_off() })
}

// All inputs; gives the instant of the last one, and the fingerprint of the session.
fn repeat(
    reader: &mut Reader<impl Read>,
    served: &mut impl Served,
) -> Result<(SimTime, Option<u128>), JournalError> {
    let (mut end, mut recorded) = (SimTime::ZERO, None);
    // Ends that were asked for: the journal has them as inputs of their own.
    let mut asked: Vec<ConnectionId> = Vec::new();
    while let Some((at, input)) = reader.next()? {
        end = at;
        if let Input::End(fingerprint) = input {
            recorded = Some(fingerprint);
        }
        let fault = feed(served, at, &input, &mut asked);
        if let Some(what) = fault {
            return Err(JournalError::Damaged { at: reader.position(), what });
        }
        asked.clear();
    }
    Ok((end, recorded))
}

// An input to what is served, or why it cannot be one.
fn feed<S: Served>(
    served: &mut S,
    at: SimTime,
    input: &Input,
    asked: &mut Vec<ConnectionId>,
) -> Option<&'static str> {
    const NOT_OPEN: Option<&str> = Some("a connection that is not open");
    match *input {
        Input::Accepted(connection) => {
            let given = served.accept(at, asked);
            return (given != Some(connection)).then_some("a connection of another number than it had");
        }
        Input::Bytes(connection, _) | Input::Closed(connection, _) | Input::Paused(connection, _)
            if !served.is_open(connection) =>
        {
            return NOT_OPEN;
        }
        Input::Bytes(connection, bytes) => served.bytes(at, connection, bytes, asked),
        Input::Closed(connection, how) => served.closed(at, connection, how, asked),
        Input::Paused(connection, paused) => served.paused(at, connection, paused, asked),
        Input::Timeout => served.timeout(at, asked),
        Input::End(_) if S::TIMEOUTS_ARE_INPUTS => {}
        Input::End(_) => served.timeout(at, asked),
    }
    None
}

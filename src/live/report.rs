//! What a session leaves behind: `summary.json`, and the same for people.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;
use sim_core::time::SimTime;

use crate::live::machine::{Account, Machine, by_name};
use crate::live::served::Served;
use crate::live::server::Pacing;
use crate::live::settings::BrokerSettings;
use crate::live::twin::{Twin, Visits};

/// Clients that came, and how they went.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Connections {
    /// Transports opened.
    pub accepted: u64,
    /// Most at one time.
    pub peak: usize,
    /// CONNECTs accepted.
    pub connected: u64,
    /// Transports that the broker closed, by reason.
    pub closed_by_broker: BTreeMap<String, u64>,
}

/// What went through the broker.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Messages {
    /// Taken over from publishers, wills included.
    pub accepted: u64,
    /// Copies for subscribers.
    pub copies: u64,
    /// Copies lost, by reason.
    pub dropped: BTreeMap<String, u64>,
}

/// What only a session in wall-clock time has.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct WallClock {
    /// Where clients connected.
    pub listen: String,
    /// Turns of the loop.
    pub turns: u64,
    /// Most that a deadline was handled after its time, in microseconds.
    pub worst_lag_us: u64,
    /// Longest turn of the loop, in microseconds.
    pub longest_turn_us: u64,
    /// Clients closed at once, for want of sockets or sessions.
    pub turned_away: u64,
    /// Clients disconnected because the broker held too much.
    pub greedy: u64,
    /// Clients disconnected because they did not read.
    pub too_slow: u64,
}

impl WallClock {
    /// The same in numbers to print.
    #[must_use]
    pub fn of(listen: String, pacing: &Pacing) -> Self {
        WallClock {
            listen,
            turns: pacing.turns,
            worst_lag_us: pacing.worst_lag.as_micros() as u64,
            longest_turn_us: pacing.longest_turn.as_micros() as u64,
            turned_away: pacing.turned_away,
            greedy: pacing.greedy,
            too_slow: pacing.too_slow,
        }
    }
}

/// A session on one page.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Report {
    /// The broker.
    pub broker: BrokerSettings,
    /// How long it lasted, in seconds.
    pub duration_s: f64,
    /// Inputs of the machine: connections, reads, ends, deadlines.
    pub inputs: u64,
    /// Clients.
    pub connections: Connections,
    /// Messages.
    pub messages: Messages,
    /// Bytes in.
    pub bytes_in: u64,
    /// Bytes out.
    pub bytes_out: u64,
    /// Packets in, by type.
    pub packets_in: BTreeMap<String, u64>,
    /// Packets out, by type.
    pub packets_out: BTreeMap<String, u64>,
    /// Of all inputs and outputs.
    pub fingerprint: String,
    /// Of `live` only; a replay has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wall_clock: Option<WallClock>,
}

impl Report {
    /// The report on a machine at the instant `end`.
    #[must_use]
    pub fn of(
        machine: &Machine,
        end: SimTime,
        wall_clock: Option<WallClock>,
        broker: BrokerSettings,
    ) -> Self {
        let account = machine.account();
        Report {
            broker,
            duration_s: end.as_secs_f64(),
            inputs: account.inputs,
            connections: Connections {
                accepted: account.accepted,
                peak: account.peak_open,
                connected: account.connected,
                closed_by_broker: by_name(&account.closed).into_iter().collect(),
            },
            messages: Messages {
                accepted: account.messages,
                copies: account.copies,
                dropped: by_name(&account.dropped).into_iter().collect(),
            },
            bytes_in: account.bytes_in,
            bytes_out: account.bytes_out,
            packets_in: Account::by_type(&account.packets_in).into_iter().collect(),
            packets_out: Account::by_type(&account.packets_out).into_iter().collect(),
            fingerprint: format!("{:032x}", machine.fingerprint()),
            wall_clock,
        }
    }

    /// The report as JSON, with a line feed at its end.
    ///
    /// # Panics
    /// Never: everything in it can be written.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string_pretty(self).expect("plain data");
        json.push('\n');
        json
    }

    /// Writes `summary.json` into the folder, which is made where it is missing.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        put(folder, "summary.json", &self.to_json())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Connections { accepted, peak, connected, closed_by_broker } = &self.connections;
        writeln!(f, "broker {}, {:.3} s, {} inputs", self.broker.name, self.duration_s, self.inputs)?;
        write!(f, "connections  {accepted} opened, {connected} connected, {peak} at most at one time")?;
        writeln!(f, "{}", listed("; closed by the broker: ", closed_by_broker))?;
        let Messages { accepted, copies, dropped } = &self.messages;
        writeln!(f, "messages     {accepted} accepted, {copies} copies{}", listed("; dropped: ", dropped))?;
        writeln!(f, "in           {} B{}", self.bytes_in, listed("; ", &self.packets_in))?;
        writeln!(f, "out          {} B{}", self.bytes_out, listed("; ", &self.packets_out))?;
        if let Some(wall) = &self.wall_clock {
            write!(f, "{wall}")?;
        }
        writeln!(f, "fingerprint  {}", self.fingerprint)
    }
}

impl fmt::Display for WallClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (lag, turn) = (self.worst_lag_us as f64 / 1e3, self.longest_turn_us as f64 / 1e3);
        writeln!(f, "pacing       worst lag {lag:.3} ms, longest turn {turn:.3} ms")?;
        let WallClock { turned_away, greedy, too_slow, .. } = self;
        if turned_away + greedy + too_slow > 0 {
            write!(f, "given up     {turned_away} turned away, {greedy} sent more than can be held, ")?;
            writeln!(f, "{too_slow} did not read")?;
        }
        Ok(())
    }
}

/// What real clients did in a session with a scenario: `live.json`, beside the files of a run.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct VisitReport {
    /// How long the session lasted, in seconds.
    pub duration_s: f64,
    /// Places for real clients.
    pub places: usize,
    /// What they did.
    pub visits: Visits,
    /// Of all events, and of all that went to real clients and came from them.
    pub fingerprint: String,
    /// Of `live` only; a replay has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wall_clock: Option<WallClock>,
}

impl VisitReport {
    /// The report on a session that ended at `end`.
    #[must_use]
    pub fn of(twin: &Twin, end: SimTime, wall_clock: Option<WallClock>) -> Self {
        VisitReport {
            duration_s: end.as_secs_f64(),
            places: twin.places(),
            visits: *twin.visits(),
            fingerprint: format!("{:032x}", twin.fingerprint()),
            wall_clock,
        }
    }

    /// Writes `live.json` into a run's folder.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let mut json = serde_json::to_string_pretty(self)?;
        json.push('\n');
        put(folder, "live.json", &json)
    }
}

impl fmt::Display for VisitReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Visits { accepted, peak, bytes_in, bytes_out, .. } = self.visits;
        write!(f, "visitors     {accepted} came, {peak} at most at one time in {} places; ", self.places)?;
        writeln!(f, "{bytes_in} B in, {bytes_out} B out")?;
        match &self.wall_clock {
            Some(wall) => write!(f, "{wall}"),
            None => Ok(()),
        }
    }
}

/// Writes a file under another name and renames it, so that nobody finds half of it.
fn put(folder: &Path, name: &str, content: &str) -> io::Result<()> {
    let draft = folder.join(format!(".{name}.{}.partial", std::process::id()));
    let written = fs::write(&draft, content).and_then(|()| fs::rename(&draft, folder.join(name)));
    if written.is_err() {
        // Nothing can be done about a failure here; the first error is the one to tell.
        let _ = fs::remove_file(&draft);
    }
    written
}

fn listed(opening: &str, counts: &BTreeMap<String, u64>) -> String {
    let mut text = String::new();
    for (place, (name, count)) in counts.iter().enumerate() {
        // Writing to a string does not fail.
        let _ = write!(text, "{}{count} {name}", if place == 0 { opening } else { ", " });
    }
    text
}

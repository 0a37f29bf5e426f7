//! The command line: what can be asked, and what the exit code says.
//!
//! Exit codes: 0 fine, 1 an expectation failed, 2 bad input; then nothing was run or written.
//! Results go to standard output, problems to standard error, in colour on a terminal only.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use models::mqtt::broker::FaultCodes;
use models::mqtt::topic::TopicFilter;

use crate::scenario::Overrides;
use crate::scenario::error::Diagnostic;
use crate::scenario::quantity::{Size, Span};

mod chart;
mod check;
mod compare;
mod diff;
mod explore;
mod list;
mod live;
mod merge;
mod profiles;
mod progress;
mod replay;
mod report;
mod run;
mod sensitivity;
mod study;
mod swarm;
mod sweep;
mod uncertainty;

/// A digital twin of MQTT systems: simulates brokers, clients and the network between them.
#[derive(Parser, Debug)]
#[command(name = "mqtt-twin", version, max_term_width = 100)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Simulate a scenario and write its results
    Run(RunArguments),
    /// Check scenario files without simulating them
    Check(CheckArguments),
    /// List the scenarios of a folder with their questions
    List(ListArguments),
    /// Draw the sequence chart of a scenario
    Chart(ChartArguments),
    /// Run every point of a scenario's sweep, several times, in parallel; what is there already is kept
    Sweep(study::SweepArguments),
    /// Compare the values of a sweep's axes, or two folders of results, with intervals
    Compare(study::CompareArguments),
    /// Find the first event at which two runs part, and what led to it
    Diff(study::DiffArguments),
    /// Run a scenario under every single fault, and tell where a message did not come as MQTT promises
    Explore(explore::ExploreArguments),
    /// Run random scenarios from a seed, and tell where anything breaks that must hold in every run
    Swarm(swarm::SwarmArguments),
    /// Make one HTML page about a run or a sweep, with its pictures as SVG and PNG
    Report(study::ReportArguments),
    /// Join the shares of a sweep that several machines ran
    Merge(study::MergeArguments),
    /// List the profiles of hardware, brokers and clients, or show every number of one with its source
    Profiles(ProfilesArguments),
    /// Rank the numbers of the profiles by how much they move a result (Morris screening)
    Sensitivity(SensitivityArguments),
    /// Serve the broker to real clients, in wall-clock time
    Live(LiveArguments),
    /// Repeat a session of `live` from its journal, in virtual time
    Replay(ReplayArguments),
}

/// How results are shown.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// What changes a scenario before it is used.
#[derive(Args, Clone, PartialEq, Eq, Debug, Default)]
pub struct ScenarioArguments {
    /// Change any value of the scenario, by its path or the end of it: `qos=2`,
    /// `hosts.camera.count=500`, `links[0].rate="10 Mbit/s"`; may be given several times
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
    /// Seed of the random streams, instead of the scenario's
    #[arg(long)]
    pub seed: Option<u64>,
    /// Simulated time at which to stop, instead of the scenario's duration: `30 s`
    #[arg(long, value_name = "SPAN")]
    pub until: Option<Span>,
    /// Folder of hardware profiles, instead of the `hw-profiles` that is found
    #[arg(long, value_name = "DIR")]
    pub profiles: Option<PathBuf>,
}

impl ScenarioArguments {
    /// The same for the loader.
    #[must_use]
    pub fn overrides(&self) -> Overrides {
        Overrides {
            sets: self.sets.clone(),
            seed: self.seed,
            until: self.until,
            profiles: self.profiles.clone(),
        }
    }
}

/// How a run is done and what it writes.
#[derive(Args, Clone, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Number of the replication; each has random streams of its own
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    pub run: u64,
    /// Folder for the results [default: results/SCENARIO/POINT/RUN]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// How the summary is shown
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Runs done at the same time; a single run has one thread whatever this says
    #[arg(short, long, value_name = "NUMBER", default_value_t = 1)]
    pub jobs: usize,
    /// Show nothing but problems
    #[arg(short, long)]
    pub quiet: bool,
    /// Write tables as CSV as well
    #[arg(long)]
    pub csv: bool,
    /// Write a capture for Wireshark
    #[arg(long)]
    pub pcap: bool,
    /// Write a sequence chart
    #[arg(long)]
    pub chart: bool,
    /// Write a picture of throughput and energy
    #[arg(long)]
    pub plot: bool,
}

/// `run`
#[derive(Args, Clone, PartialEq, Eq, Debug)]
pub struct RunArguments {
    /// Scenario file
    pub file: PathBuf,
    /// What changes the scenario.
    #[command(flatten)]
    pub scenario: ScenarioArguments,
    /// How the run is done.
    #[command(flatten)]
    pub options: Options,
    /// Run so many times with the numbers of the profiles drawn within their uncertainty, and tell
    /// between which values each result lies; writes no results folder
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(2..=100_000))]
    pub uncertainty: Option<u32>,
}

/// `sensitivity`
#[derive(Args, Clone, PartialEq, Eq, Debug)]
pub struct SensitivityArguments {
    /// Scenario file
    pub file: PathBuf,
    /// The result to explain, as in expectations: `nodes.sensor.energy_j`, `latency.p99`
    #[arg(long, value_name = "PATH")]
    pub result: String,
    /// Trajectories; each takes one run more than there are figures
    #[arg(long, default_value_t = 10, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub trajectories: u32,
    /// Number of the replication, the same in all runs
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    pub run: u64,
    /// Rows of the table
    #[arg(long, default_value_t = 20, value_name = "NUMBER")]
    pub top: usize,
    /// What changes the scenario.
    #[command(flatten)]
    pub scenario: ScenarioArguments,
    /// How the table is shown
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `check`
#[derive(Args, Clone, PartialEq, Eq, Debug)]
pub struct CheckArguments {
    /// Scenario files
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// What changes the scenarios.
    #[command(flatten)]
    pub scenario: ScenarioArguments,
    /// How the result is shown
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Show nothing but problems
    #[arg(short, long)]
    pub quiet: bool,
}

/// `list`
#[derive(Args, Clone, PartialEq, Eq, Debug)]
pub struct ListArguments {
    /// Folder of scenario files; a single file with --points
    #[arg(default_value = "scenarios")]
    pub folder: PathBuf,
    /// Only points of this condition: 'qos == 2 && loss > 0.01'; needs --points
    #[arg(requires = "points")]
    pub selection: Option<String>,
    /// Show the points of a scenario's sweep, without running them
    #[arg(long)]
    pub points: bool,
    /// How the list is shown
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `chart`
#[derive(Args, Clone, PartialEq, Eq, Debug)]
pub struct ChartArguments {
    /// Scenario file
    pub file: PathBuf,
    /// What changes the scenario.
    #[command(flatten)]
    pub scenario: ScenarioArguments,
    /// What is drawn.
    #[command(flatten)]
    pub options: ChartOptions,
}

/// What of a run is drawn.
#[derive(Args, Clone, PartialEq, Eq, Debug, Default)]
pub struct ChartOptions {
    /// Number of the replication
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    pub run: u64,
    /// Draw TCP segments as well
    #[arg(long)]
    pub segments: bool,
    /// Draw these hosts only
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub hosts: Vec<String>,
    /// Leave out what happens before this instant
    #[arg(long, value_name = "SPAN")]
    pub from: Option<Span>,
    /// Leave out what happens after this instant
    #[arg(long, value_name = "SPAN")]
    pub to: Option<Span>,
    /// Write the chart to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `profiles`
#[derive(Args, Clone, PartialEq, Eq, Debug)]
pub struct ProfilesArguments {
    /// What to do with them [default: list them]
    #[command(subcommand)]
    pub command: Option<ProfilesCommand>,
    /// Folder of hardware profiles, instead of the `hw-profiles` that is found
    #[arg(long, value_name = "DIR", global = true)]
    pub profiles: Option<PathBuf>,
    /// How the list is shown
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// What `profiles` can do.
#[derive(Subcommand, Clone, PartialEq, Eq, Debug)]
pub enum ProfilesCommand {
    /// Every number and choice of a profile: value, unit, kind, relative uncertainty and source
    Show {
        /// Name of the profile: `esp8266-nodemcu`, or `boards/ideal` where several kinds have one
        name: String,
        /// How it is shown
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// `live`
#[derive(Args, Clone, PartialEq, Eq, Debug)]
pub struct LiveArguments {
    /// Address and port to listen on; port 0 takes a free one, which the first line says
    #[arg(long, default_value = "127.0.0.1:1883", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,
    /// Software profile of the broker [default: one that keeps to the standard]
    #[arg(long, value_name = "NAME")]
    pub broker: Option<String>,
    /// Serve a scenario: its hosts run in real time, and clients take its places for visitors
    #[arg(long, value_name = "FILE", conflicts_with = "broker")]
    pub scenario: Option<PathBuf>,
    /// Change a value of the scenario, as in `run`
    #[arg(long = "set", value_name = "PATH=VALUE", requires = "scenario")]
    pub sets: Vec<String>,
    /// Seed of the random streams, instead of the scenario's
    #[arg(long, requires = "scenario")]
    pub seed: Option<u64>,
    /// Write every input into this file, for `replay`
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
    /// Clients connected at the same time at most, 0 for no limit [default: 10000]
    #[arg(long, value_name = "NUMBER")]
    pub max_connections: Option<u32>,
    /// Largest packet that a client may send [default: 8 MiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub max_packet: Option<Size>,
    /// Bytes that may wait for a client that does not read; with more it is given up [default: 32 MiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub max_unread: Option<Size>,
    /// What clients of MQTT 5.0 are told of their faults [default: as Mosquitto does]
    #[arg(long, value_enum, value_name = "WHOSE")]
    pub fault_codes: Option<Codes>,
    /// Longest Keep Alive of clients of MQTT 5.0, in seconds; others are given this one; 0: no limit [default: 60]
    #[arg(long, value_name = "SECONDS")]
    pub max_keep_alive: Option<u16>,
    /// Refuse subscriptions to this topic filter; may be repeated
    #[arg(long, value_name = "FILTER", value_parser = parse_filter)]
    pub refuse_filter: Vec<TopicFilter>,
    /// Stop after this time, instead of at Ctrl-C
    #[arg(long = "for", value_name = "SPAN")]
    pub span: Option<Span>,
    /// Folder for the results [default: results/live]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Folder of hardware profiles, instead of the `hw-profiles` that is found
    #[arg(long, value_name = "DIR")]
    pub profiles: Option<PathBuf>,
    /// How the summary is shown
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Show nothing but the address and problems
    #[arg(short, long)]
    pub quiet: bool,
}

/// Whose Reason Codes clients of MQTT 5.0 hear when they break the rules.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Codes {
    /// What each section of the standard names
    Standard,
    /// As Mosquitto 2.0.20
    Mosquitto,
}

impl From<Codes> for FaultCodes {
    fn from(codes: Codes) -> Self {
        match codes {
            Codes::Standard => FaultCodes::Standard,
            Codes::Mosquitto => FaultCodes::Mosquitto,
        }
    }
}

fn parse_filter(text: &str) -> Result<TopicFilter, String> {
    TopicFilter::new(text).map_err(|invalid| format!("`{text}` is no topic filter: {invalid}"))
}

/// `replay`
#[derive(Args, Clone, PartialEq, Eq, Debug)]
pub struct ReplayArguments {
    /// Journal of a session
    pub journal: PathBuf,
    /// How the summary is shown
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Show nothing but problems
    #[arg(short, long)]
    pub quiet: bool,
}

/// A size on the command line: `64 KiB`.
fn parse_size(text: &str) -> Result<Size, String> {
    Size::parse(text).map_err(|refusal| format!("{}; {}", refusal.message, refusal.help))
}

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Finished {
    /// Every expectation held, or there was none.
    Held,
    /// An expectation failed.
    Failed,
}

/// Reads the arguments, carries out the command, shows what went wrong.
pub fn main<A>(arguments: impl IntoIterator<Item = A>) -> ExitCode
where
    A: Into<OsString> + Clone,
{
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no errors; clap knows where to print what. A closed pipe is
            // nobody's fault.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let out = &mut io::stdout().lock();
    let problems = &mut io::stderr().lock();
    ExitCode::from(execute(&arguments.command, out, problems))
}

/// Carries out a command and gives the exit code.
pub fn execute(command: &Command, out: &mut impl Write, problems: &mut impl Write) -> u8 {
    let result = match command {
        Command::Run(arguments) => run::run(arguments, out),
        Command::Check(arguments) => return check::check(arguments, out, problems),
        Command::List(arguments) => return list::list(arguments, out, problems),
        Command::Chart(arguments) => chart::chart(arguments, out),
        Command::Sweep(arguments) => sweep::sweep(arguments, out),
        Command::Compare(arguments) => compare::compare(arguments, out),
        Command::Diff(arguments) => diff::diff(arguments, out),
        Command::Explore(arguments) => explore::explore(arguments, out),
        Command::Swarm(arguments) => swarm::run(arguments, out),
        Command::Report(arguments) => report::report(arguments, out),
        Command::Merge(arguments) => merge::merge(arguments, out),
        Command::Profiles(arguments) => profiles::profiles(arguments, out),
        Command::Sensitivity(arguments) => sensitivity::sensitivity(arguments, out),
        Command::Live(arguments) => live::live(arguments, out),
        Command::Replay(arguments) => replay::run(arguments, out),
    };
    match result {
        Ok(Finished::Held) => 0,
        Ok(Finished::Failed) => 1,
        Err(diagnostic) => {
            tell(&diagnostic, problems);
            2
        }
    }
}

/// Whether a stream that is `terminal` or not gets colours.
fn colourful(terminal: bool) -> bool {
    terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Shows a problem, in colour on a terminal that wants it.
fn tell(diagnostic: &Diagnostic, problems: &mut impl Write) {
    let colour = colourful(io::stderr().is_terminal());
    // Where the problem cannot be shown, the exit code still tells it.
    let _ = problems.write_all(diagnostic.render(colour).as_bytes());
}

#[cfg(test)]
mod tests;

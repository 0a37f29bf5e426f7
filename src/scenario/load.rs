//! From a file to a checked scenario with everything it names looked up: what the assembly of a
//! network starts from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use std::time::Duration;

use models::mqtt::broker::Memory;
use models::network::FrameFault;
use models::profile::{
    Battery, BatteryFile, Board, BoardFile, BrokerFile, ClientFile, Software, SoftwareFile, Stack,
};

use super::check;
use super::error::{Diagnostic, Place};
use super::expect::Expectation;
use super::named_files::Texts;
use super::outline::Node;
use super::parse::parse;
use super::profiles::{Factors, Library, UsedFigure, UsedProfile, content_hash};
use super::quantity::Span;
use super::schema::{Host, Role, Saving, Scenario, Tcp};
use super::set::set;
use super::source::Source;
use super::text::read_text;

mod alert;
mod link;
mod mqtt;
mod sweep;
mod wifi;

pub use alert::{AlertGroup, Nodes, Server, configuration_of};
pub use mqtt::{Broker, Client};

pub use link::{Direction, PlannedLink, PlannedOutage};
pub use sweep::{MOST_POINTS, PlannedAxis, PlannedLevel, PlannedSweep};
pub use wifi::PlannedWifi;

/// What the command line changes in a scenario.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Overrides {
    /// Arguments of `--set`, in their order.
    pub sets: Vec<String>,
    /// Another seed.
    pub seed: Option<u64>,
    /// Another duration.
    pub until: Option<Span>,
    /// Another folder of profiles.
    pub profiles: Option<PathBuf>,
}

/// A scenario, checked, with everything it names looked up.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Name of the file without folder and ending.
    pub name: String,
    /// The file as the user named it.
    pub file: PathBuf,
    /// The text that was read, `--set` values included.
    pub text: String,
    /// Hash of that text.
    pub hash: u128,
    /// What stands in it, with `--seed` and `--until` applied.
    pub scenario: Scenario,
    /// The hosts, in the order of the file.
    pub groups: Vec<Group>,
    /// The switches, then the routers, in the order of the file.
    pub forwarding: Vec<ForwardingNode>,
    /// The links, in the order of the file.
    pub links: Vec<PlannedLink>,
    /// What happens to single frames.
    pub frame_faults: Vec<FrameFault>,
    /// What is expected of the results.
    pub expectations: Vec<Expectation>,
    /// Where each of them stands.
    pub expectation_places: Vec<Place>,
    /// The profile files and trace files used, in the order of their names.
    pub profiles: Vec<UsedProfile>,
    /// The axes of its sweep, if it has one.
    pub sweep: Option<PlannedSweep>,
    /// The figures of these profiles, in the order of their names.
    pub figures: Vec<UsedFigure>,
    /// The trace files and configurations that it names.
    pub files: Texts,
}

impl Loaded {
    /// Number of hosts, every member of a fleet counted.
    #[must_use]
    pub fn host_count(&self) -> u64 {
        self.groups.iter().map(|group| u64::from(group.count)).sum()
    }

    /// Number of links, every member's counted.
    #[must_use]
    pub fn link_count(&self) -> u64 {
        let members = |link: &PlannedLink| match link.from {
            End::Group(group) => u64::from(self.groups[group].count),
            End::Forwarding(_) => 1,
        };
        self.links.iter().map(members).sum()
    }
}

/// A host entry: one host, or a fleet.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name.
    pub name: Arc<str>,
    /// Number of members.
    pub count: u32,
    /// The board of every member.
    pub board: Arc<Board>,
    /// The software of every member.
    pub software: Arc<Software>,
    /// The battery of every member, unless they are on the mains.
    pub battery: Option<Arc<Battery>>,
    /// How the boards save power while they are connected.
    pub power_save: Saving,
    /// What the members do.
    pub role: Role,
    /// The settings of a broker, if it is one.
    pub broker: Option<Broker>,
    /// The MQTT client of every member, if it is none.
    pub client: Option<Client>,
    /// What a role of the alert network names.
    pub alert: Option<AlertGroup>,
    /// When its program is killed, in the order of the instants.
    pub crashes: Vec<Crash>,
    /// The TCP to start from.
    pub stack: Stack,
    /// Changes to it: the host's own, then those of the scenario, then the software's Nagle
    /// setting, which is therefore always there. `stack` in here is the same as above.
    pub tcp: Tcp,
}

/// A program that is killed, and starts again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Crash {
    /// The member of a fleet; `None`: all.
    pub member: Option<u32>,
    /// When, from the start of the run.
    pub at: Duration,
    /// How long it is down.
    pub down_for: Duration,
    /// What a broker finds again.
    pub memory: Memory,
}

impl Group {
    /// Name of member `index`: `camera`, or `camera[3]` in a fleet.
    #[must_use]
    pub fn member_name(&self, index: u32) -> String {
        if self.count > 1 { format!("{}[{index}]", self.name) } else { self.name.to_string() }
    }
}

/// A node that only forwards.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForwardingNode {
    /// Its name.
    pub name: Arc<str>,
    /// What it is.
    pub kind: Forwarding,
}

/// Kinds of forwarding nodes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Forwarding {
    /// Forwards frames.
    Switch,
    /// Forwards packets.
    Router,
}

/// One end of a link.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum End {
    /// Place in [`Loaded::groups`].
    Group(usize),
    /// Place in [`Loaded::forwarding`].
    Forwarding(usize),
}

/// Reads and checks a scenario file.
///
/// # Errors
/// The first thing that is wrong with the file, an override, or a profile.
pub fn load(file: &Path, overrides: &Overrides) -> Result<Loaded, Diagnostic> {
    load_with_factors(file, overrides, Arc::default())
}

/// The same with figures of the profiles multiplied by `factors`.
///
/// # Errors
/// As for [`load`].
pub fn load_with_factors(
    file: &Path,
    overrides: &Overrides,
    factors: Arc<Factors>,
) -> Result<Loaded, Diagnostic> {
    let text = read_text(file)?;
    let library = Library::find(file, overrides.profiles.as_deref())?.with_factors(factors);
    load_text(file, &text, overrides, library)
}

/// The same for a text that is at hand; `file` is what errors call it.
///
/// # Errors
/// The first thing that is wrong with the text, an override, or a profile.
pub fn load_text(
    file: &Path,
    text: &str,
    overrides: &Overrides,
    mut library: Library,
) -> Result<Loaded, Diagnostic> {
    let mut source = Source::new(file.display().to_string(), text);
    for argument in &overrides.sets {
        set(&mut source, argument)?;
    }
    let (mut scenario, outline) = parse::<Scenario>(&source)?;
    if let Some(seed) = overrides.seed {
        scenario.seed = seed;
    }
    let view = View { source: &source, outline: &outline };
    check::values(&view, &scenario)?;
    if let Some(until) = overrides.until {
        if until == Span::ZERO {
            return Err(Diagnostic::error("`--until` is zero: nothing would happen"));
        }
        scenario.duration = until;
    }
    let forwarding = forwarding(&scenario);
    let ends = check::network(&view, &scenario)?;
    let brokers = check::brokers(&view, &scenario, &ends)?;
    check::tls_ends(&view, &scenario, &brokers)?;
    check::bridges(&view, &scenario, &ends)?;
    let groups = scenario
        .hosts
        .iter()
        .zip(&brokers)
        .map(|((name, host), broker)| group(&view, &mut library, &scenario, name, host, *broker))
        .collect::<Result<Vec<_>, _>>()?;
    let mut groups = groups;
    for (place, crash) in check::crashes(&view, &scenario)? {
        groups[place].crashes.push(crash);
    }
    for group in &mut groups {
        let (name, software, files) = (&group.name, &group.software, &mut library.files);
        group.alert = alert::alert(&view, &scenario, file, name, software, &ends, files)?;
    }
    let links = link::links(&view, &mut library, &scenario, &ends, file)?;
    let expectations = check::expectations(&view, &scenario)?;
    let (expectations, expectation_places) = expectations.into_iter().unzip();
    let sweep = scenario.sweep.as_ref().map(|sweep| sweep::plan(&view, sweep)).transpose()?;
    let name = file.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    Ok(Loaded {
        name,
        file: file.to_owned(),
        hash: content_hash(source.text().as_bytes()),
        text: source.text().to_owned(),
        groups,
        forwarding,
        links,
        frame_faults: link::frame_faults(&scenario),
        expectations,
        expectation_places,
        profiles: used(&library),
        sweep,
        figures: library.figures(),
        files: library.files.into_texts(),
        scenario,
    })
}

/// The profile files and trace files, each once, in the order of their names.
fn used(library: &Library) -> Vec<UsedProfile> {
    let mut used = library.used();
    used.extend(library.files.used());
    used.sort();
    used.dedup();
    used
}

/// The text and where things stand in it: what an error needs to name a place.
pub(super) struct View<'a> {
    pub(super) source: &'a Source,
    pub(super) outline: &'a Node,
}

impl View<'_> {
    /// An error at the value under `path`.
    pub(super) fn error(&self, message: impl Into<String>, path: &[&str], label: &str) -> Diagnostic {
        Diagnostic::error(message).at(self.source.place(self.outline.shown(path), label))
    }
}

fn forwarding(scenario: &Scenario) -> Vec<ForwardingNode> {
    let switches = scenario.switches.iter().map(|name| (name, Forwarding::Switch));
    let routers = scenario.routers.iter().map(|name| (name, Forwarding::Router));
    switches.chain(routers).map(|(name, kind)| ForwardingNode { name: name.as_str().into(), kind }).collect()
}

fn group(
    view: &View<'_>,
    library: &mut Library,
    scenario: &Scenario,
    name: &str,
    host: &Host,
    broker: Option<usize>,
) -> Result<Group, Diagnostic> {
    let place = |key: &str| view.source.place(view.outline.shown(&["hosts", name, key]), "unknown name");
    let board = library.load::<BoardFile>(&host.board, place("board"))?;
    let (software, broker_settings, client) = match (&host.role, broker) {
        (Role::Broker(role), _) => {
            check::broker_software(view, library, name, host)?;
            let profile = library.load::<BrokerFile>(&host.software, place("software"))?;
            let software = library.load::<SoftwareFile>(&profile.software, place("software"))?;
            (software, Some(mqtt::broker(role, &profile)), None)
        }
        (_, broker) => {
            check::client_software(view, library, name, host)?;
            let software = library.load::<SoftwareFile>(&host.software, place("software"))?;
            let behaviour = check::client_behaviour(view, name, &software)?;
            let profile = library.load::<ClientFile>(behaviour, place("software"))?;
            check::client_abilities(view, name, host, &profile)?;
            let client = broker.map(|broker| mqtt::client(scenario, name, host, profile, broker));
            (software, None, client)
        }
    };
    check::tls_costs(view, name, host, &board, &software)?;
    check::sleep(view, name, host, &board)?;
    let battery = match &host.battery {
        Some(battery) => Some(library.load::<BatteryFile>(battery, place("battery"))?),
        None => None,
    };
    let mut tcp = host.tcp.or(&scenario.tcp);
    let stack = tcp.stack.or(board.network.stack).unwrap_or(software.stack);
    tcp.stack = Some(stack);
    tcp.nagle = tcp.nagle.or(Some(!software.no_delay));
    Ok(Group {
        name: name.into(),
        count: host.count,
        role: host.role.clone(),
        broker: broker_settings,
        client,
        alert: None,
        crashes: Vec::new(),
        stack,
        tcp,
        board,
        software,
        battery,
        power_save: host.power_save,
    })
}

//! From a file to a checked scenario with everything it names looked up: what the assembly of a
//! network starts from.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use models::profile::{Battery, BatteryFile, Board, BoardFile, Software, SoftwareFile, Stack};

use super::check;
use super::error::Diagnostic;
use super::expect::Expectation;
use super::names::{ClientId, KeepAlive, Template};
use super::outline::Node;
use super::parse::parse;
use super::profiles::{Factors, Library, UsedFigure, UsedProfile, content_hash, read_text};
use super::quantity::Span;
use super::schema::{Host, Mqtt, PowerSave, Role, Scenario, Tcp, Will};
use super::set::set;
use super::source::Source;

mod link;

pub use link::{Direction, PlannedLink, PlannedOutage};

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
    /// What is expected of the results.
    pub expectations: Vec<Expectation>,
    /// The profile files and trace files used, in the order of their names.
    pub profiles: Vec<UsedProfile>,
    /// The figures of these profiles, in the order of their names.
    pub figures: Vec<UsedFigure>,
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
    pub power_save: PowerSave,
    /// What the members do.
    pub role: Role,
    /// The settings of a broker, if it is one.
    pub broker: Option<Broker>,
    /// The MQTT client of every member, if it is none.
    pub client: Option<Client>,
    /// The TCP to start from.
    pub stack: Stack,
    /// Changes to it: the host's own, then those of the scenario, then the software's Nagle
    /// setting, which is therefore always there. `stack` in here is the same as above.
    pub tcp: Tcp,
}

impl Group {
    /// Name of member `index`: `camera`, or `camera[3]` in a fleet.
    #[must_use]
    pub fn member_name(&self, index: u32) -> String {
        if self.count > 1 { format!("{}[{index}]", self.name) } else { self.name.to_string() }
    }
}

/// Settings of a broker: the role's, or else the software's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broker {
    /// TCP port.
    pub port: u16,
    /// Time between two looks for silent clients; `None` looks at the very instant.
    pub keep_alive_check: Option<Duration>,
    /// QoS 1 and 2 messages in flight to one client; `None` is no limit.
    pub max_inflight: Option<u32>,
    /// QoS 1 and 2 messages that wait for one client; `None` is no limit.
    pub max_queued: Option<u32>,
    /// Connections that wait to be accepted; `None` is no limit.
    pub listen_backlog: Option<u32>,
}

/// Settings of an MQTT client.
#[derive(Clone, PartialEq, Debug)]
pub struct Client {
    /// The broker's place in [`Loaded::groups`].
    pub broker: usize,
    /// The broker's port.
    pub port: u16,
    /// Client Identifier of a member.
    pub client_id: Template,
    /// Keep Alive in seconds; 0 is off.
    pub keep_alive_s: u16,
    /// Clean Session.
    pub clean_session: bool,
    /// User Name.
    pub user: Option<String>,
    /// Password.
    pub password: Option<String>,
    /// The Will.
    pub will: Option<Will>,
    /// When member 0 connects, from the start of the run.
    pub connect_at: Duration,
    /// Member *i* connects this much times *i* later.
    pub stagger: Duration,
    /// When the client disconnects, from the start of the run.
    pub disconnect_at: Option<Duration>,
    /// The client closes and connects anew at this distance.
    pub reconnect_every: Option<Duration>,
    /// QoS 1 and 2 messages in flight; `None` is no limit.
    pub max_inflight: Option<u32>,
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
    let groups = scenario
        .hosts
        .iter()
        .zip(&brokers)
        .map(|((name, host), broker)| group(&view, &mut library, &scenario, name, host, *broker))
        .collect::<Result<Vec<_>, _>>()?;
    let (links, traces) = link::links(&view, &mut library, &scenario, &ends, file)?;
    let expectations = check::expectations(&view, &scenario)?;
    let name = file.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    Ok(Loaded {
        name,
        file: file.to_owned(),
        hash: content_hash(source.text().as_bytes()),
        text: source.text().to_owned(),
        groups,
        forwarding,
        links,
        expectations,
        profiles: used(&library, traces),
        figures: library.figures(),
        scenario,
    })
}

/// The profile files and trace files, each once, in the order of their names.
fn used(library: &Library, traces: Vec<UsedProfile>) -> Vec<UsedProfile> {
    let mut used = library.used();
    used.extend(traces);
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
    let software = library.load::<SoftwareFile>(&host.software, place("software"))?;
    check::software(view, name, host, &software)?;
    check::sleep(view, name, host, &board)?;
    let battery = match &host.battery {
        Some(battery) => Some(library.load::<BatteryFile>(battery, place("battery"))?),
        None => None,
    };
    let mut tcp = host.tcp.or(&scenario.tcp);
    let stack = tcp.stack.unwrap_or(software.stack);
    tcp.stack = Some(stack);
    tcp.nagle = tcp.nagle.or(Some(!software.no_delay));
    let client = broker.map(|broker| client(scenario, name, host, &software, broker));
    Ok(Group {
        name: name.into(),
        count: host.count,
        role: host.role.clone(),
        broker: broker_settings(&host.role, &software),
        client,
        stack,
        tcp,
        board,
        software,
        battery,
        power_save: host.power_save,
    })
}

fn broker_settings(role: &Role, software: &Software) -> Option<Broker> {
    match role {
        Role::Broker(role) => Some(Broker {
            port: role.port,
            keep_alive_check: role.keep_alive_check.map(Span::get).or(software.keep_alive_check),
            max_inflight: role.max_inflight.or(software.max_inflight),
            max_queued: role.max_queued.or(software.max_queued),
            listen_backlog: role.listen_backlog.or(software.listen_backlog),
        }),
        Role::Publisher(_) | Role::Camera(_) | Role::Burst(_) | Role::Subscriber(_) => None,
    }
}

fn client(scenario: &Scenario, name: &str, host: &Host, software: &Software, broker: usize) -> Client {
    let mqtt = host.mqtt.clone().unwrap_or_default();
    let Mqtt { client_id, keep_alive, clean_session, user, password, will, max_inflight, .. } = mqtt;
    let port = match &scenario.hosts[broker].1.role {
        Role::Broker(role) => role.port,
        Role::Publisher(_) | Role::Camera(_) | Role::Burst(_) | Role::Subscriber(_) => {
            unreachable!("checked to be a broker")
        }
    };
    let own_name = || {
        let text = if host.count > 1 { format!("{name}-{{index}}") } else { name.to_owned() };
        Template::parse(&text).expect("host names have no braces")
    };
    Client {
        broker,
        port,
        client_id: client_id.map_or_else(own_name, |ClientId(template)| template),
        // The default of paho-mqtt, libmosquitto and the smart-home paper.
        keep_alive_s: keep_alive.map_or(60, |KeepAlive(seconds)| seconds),
        clean_session: clean_session.unwrap_or(true),
        user,
        password,
        will,
        connect_at: mqtt.connect_at.get(),
        stagger: mqtt.stagger.get(),
        disconnect_at: mqtt.disconnect_at.map(Span::get),
        reconnect_every: mqtt.reconnect_every.map(Span::get),
        max_inflight: max_inflight.or(software.max_inflight),
    }
}

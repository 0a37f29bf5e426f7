//! The alert network with everything it names looked up: configurations, traces, fires.

mod levels;

use std::path::Path;
use std::sync::Arc;

use models::alert::configuration;
use models::alert::environment::{Course, Fire, Sight};
use models::alert::gateway::GatewayPlan;
use models::alert::message::Form;
use models::alert::node::NodePlan;
use models::alert::server::ServerPlan;
use models::alert::severity::{Rules, SeverityMode};
use models::alert::topics::Place;
use models::alert::{NodeSwitches, ServerSwitches};
use models::app::CallPlan;
use models::mqtt::TopicFilter;
use models::profile::Software;
use sim_core::time::SimTime;

use super::super::error::Diagnostic;
use super::super::measure::{Celsius, Percent};
use super::super::named_files::NamedFiles;
use super::super::quantity::Span;
use super::super::schema::{self, Known, Role, Scenario, SensorNodeRole, ServerNodeRole};
use super::{End, View};

/// What a group of the alert network is, with all that it names.
#[derive(Clone, Debug)]
pub enum AlertGroup {
    /// Client nodes.
    Nodes(Box<Nodes>),
    /// The server node.
    Server(Box<Server>),
    /// A gateway.
    Gateway(Arc<GatewayPlan>),
    /// The sink in the cloud.
    Sink,
}

/// Client nodes of one group.
#[derive(Clone, Debug)]
pub struct Nodes {
    /// What they have in common.
    pub plan: Arc<NodePlan>,
    /// The text of their configuration file.
    pub text: Arc<str>,
    /// Temperature without fires, in °C.
    pub temperature_c: Course,
    /// Relative humidity in percent.
    pub humidity_percent: Course,
    /// The fires of the scenario.
    pub fires: Arc<[Fire]>,
    /// What their cameras see.
    pub sights: Arc<[Sight]>,
    /// What they ask a service, where one looks at their pictures.
    pub call: Option<Arc<CallPlan>>,
}

/// The server node.
#[derive(Clone, Debug)]
pub struct Server {
    /// What it is.
    pub plan: Arc<ServerPlan>,
    /// Filters that it subscribes to besides its own.
    pub further: Vec<TopicFilter>,
    /// Whether it subscribes again after a reconnection.
    pub resubscribes: bool,
}

impl Server {
    /// All filters that it subscribes to.
    #[must_use]
    pub fn filters(&self) -> Vec<TopicFilter> {
        let own = self.plan.place.server_filters(self.plan.switches.own_room_only);
        let own = own.iter().filter_map(|filter| TopicFilter::new(filter).ok());
        own.chain(self.further.iter().cloned()).collect()
    }
}

/// The configuration text of member `index`.
#[must_use]
pub fn configuration_of(role: &SensorNodeRole, text: &str, index: u32) -> String {
    match &role.id {
        Some(id) => renamed(text, &id.0.expand(index)),
        None => text.to_owned(),
    }
}

/// The text with another `ID`; one without any stays as it is.
fn renamed(text: &str, id: &str) -> String {
    let (opening, closing) = ("<ID>", "</ID>");
    match text.find(opening).map(|at| at + opening.len()) {
        Some(start) => match text[start..].find(closing) {
            Some(length) => format!("{}{id}{}", &text[..start], &text[start + length..]),
            None => text.to_owned(),
        },
        None => text.to_owned(),
    }
}

/// Looks up what the host entry `name` of the alert network names; `None` for other roles.
pub(super) fn alert(
    view: &View<'_>,
    scenario: &Scenario,
    file: &Path,
    name: &str,
    software: &Software,
    ends: &[(End, End)],
    files: &mut NamedFiles,
) -> Result<Option<AlertGroup>, Diagnostic> {
    let Some((_, host)) = scenario.hosts.iter().find(|(other, _)| other == name) else { return Ok(None) };
    let mut reader = Reader { view, folder: file.parent().unwrap_or(Path::new("")), name, files };
    match &host.role {
        Role::SensorNode(role) => {
            let fires = scenario.fires.iter().map(fire).collect();
            let call = levels::call(view, scenario, ends, name, role)?;
            Ok(Some(AlertGroup::Nodes(Box::new(Nodes { call, ..reader.nodes(role, fires)? }))))
        }
        Role::ServerNode(role) => {
            Ok(Some(AlertGroup::Server(Box::new(reader.server(role, scenario, software)?))))
        }
        Role::Gateway(role) => {
            let text = reader.configuration(&["configuration"], &role.configuration, true)?;
            Ok(Some(AlertGroup::Gateway(Arc::new(levels::gateway(role, &text)))))
        }
        Role::CloudSink(_) => Ok(Some(AlertGroup::Sink)),
        Role::Broker(_)
        | Role::Service(_)
        | Role::Publisher(_)
        | Role::Camera(_)
        | Role::Burst(_)
        | Role::Subscriber(_)
        | Role::Visitor(_)
        | Role::Steps(_) => Ok(None),
    }
}

fn fire(fire: &schema::Fire) -> Fire {
    Fire {
        start: SimTime::ZERO + fire.start.0,
        origin_m: (fire.origin.0.0, fire.origin.1.0),
        spread_m_per_s: fire.spread.0,
        heating_c_per_s: fire.heating.0,
        limit_c: fire.limit.0,
        flame: fire.flame,
    }
}

/// Reads the files that one host entry names.
struct Reader<'a, 'v> {
    view: &'a View<'v>,
    folder: &'a Path,
    name: &'a str,
    files: &'a mut NamedFiles,
}

impl Reader<'_, '_> {
    fn text(&mut self, keys: &[&str], name: &str) -> Result<String, Diagnostic> {
        let path = [&["hosts", self.name, "role"], keys].concat();
        self.files.text(self.folder, name).map_err(|error| Diagnostic {
            help: error.help,
            ..self.view.error(error.message, &path, "named here")
        })
    }

    fn configuration(&mut self, keys: &[&str], name: &str, valid: bool) -> Result<String, Diagnostic> {
        let text = self.text(keys, name)?;
        match configuration::validate(&text) {
            Err(breach) if valid => Err(self
                .view
                .error(
                    format!("`{name}` does not fit the schema: {breach}"),
                    &[&["hosts", self.name, "role"], keys].concat(),
                    "named here",
                )
                .help("put it right, or write `valid: false` where the scenario is about a refusal")),
            Ok(_) | Err(_) => Ok(text),
        }
    }

    fn nodes(&mut self, role: &SensorNodeRole, fires: Arc<[Fire]>) -> Result<Nodes, Diagnostic> {
        let periods = match role.periods {
            Some((normal, warning, danger)) => [normal.0, warning.0, danger.0],
            None => SeverityMode::ALL.map(SeverityMode::period),
        };
        let camera = role.camera.as_ref().map(levels::camera);
        let plan = NodePlan { switches: node_switches(role), rules: rules(role), periods, camera };
        Ok(Nodes {
            plan: Arc::new(plan),
            text: self.configuration(&["configuration"], &role.configuration, role.valid)?.into(),
            temperature_c: self.course("temperature", &role.temperature, |Celsius(value)| *value)?,
            humidity_percent: self.course("humidity", &role.humidity, |Percent(value)| *value)?,
            fires,
            sights: role.sights.iter().map(levels::sight).collect(),
            call: None,
        })
    }

    fn course<T>(
        &mut self,
        key: &str,
        course: &schema::Course<T>,
        value: impl Fn(&T) -> f64,
    ) -> Result<Course, Diagnostic> {
        let points = |points: &[(Span, T)]| {
            points.iter().map(|(at, one)| (SimTime::ZERO + at.0, value(one))).collect()
        };
        Ok(match course {
            schema::Course::Constant(one) => Course::Constant(value(one)),
            schema::Course::Steps(steps) => Course::Steps(points(steps)),
            schema::Course::Lines(lines) => Course::Lines(points(lines)),
            schema::Course::Trace(name) => {
                let text = self.text(&[key], name)?;
                let points = trace(&text).map_err(|wrong| {
                    self.view
                        .error(
                            format!("`{name}` cannot be read: {wrong}"),
                            &["hosts", self.name, "role", key],
                            "named here",
                        )
                        .help(
                            "write `seconds,value` in each line, later instants below; `#` begins a comment",
                        )
                })?;
                Course::Lines(points.into())
            }
        })
    }

    fn server(
        &mut self,
        role: &ServerNodeRole,
        scenario: &Scenario,
        software: &Software,
    ) -> Result<Server, Diagnostic> {
        let text = self.configuration(&["configuration"], &role.configuration, true)?;
        let place = Place { node: role.name.0.expand(0), ..configuration::place(&text) };
        let all = scenario.hosts.iter().filter_map(|(_, host)| match &host.role {
            Role::SensorNode(node) => Some((host.count, node)),
            _ => None,
        });
        let known = match &role.known {
            Known::Nobody => Default::default(),
            Known::Nodes(nodes) => nodes.iter().map(|node| (node.id.0.expand(0), node.severity)).collect(),
            Known::All => {
                let mut known = std::collections::BTreeMap::new();
                for (count, node) in all {
                    let text = match &node.id {
                        Some(_) => String::new(),
                        None => self.text(&["configuration"], &node.configuration)?,
                    };
                    for index in 0..count {
                        let id = match &node.id {
                            Some(id) => id.0.expand(index),
                            None => configuration::seek(&text, "ID").to_owned(),
                        };
                        known.insert(id, SeverityMode::Normal);
                    }
                }
                known
            }
        };
        let filter = |filter: &super::super::names::TopicFilter| TopicFilter::new(&filter.0.expand(0)).ok();
        Ok(Server {
            plan: Arc::new(ServerPlan {
                place,
                switches: server_switches(role),
                known,
                database_call: role.database_call.0,
                threads_for_double: software.threads_for_double,
                instructions: self.instructions(role)?,
            }),
            further: role.further_filters.iter().filter_map(filter).collect(),
            resubscribes: role.resubscribes.unwrap_or(role.variant == models::alert::Variant::AsPublished),
        })
    }
}

fn node_switches(role: &SensorNodeRole) -> NodeSwitches {
    let own = role.variant.node();
    NodeSwitches {
        wake: role.wake.unwrap_or(own.wake),
        handshake: role.handshake.unwrap_or(own.handshake),
        retry_after: match role.retry_after {
            Some(span) => Some(span.0).filter(|span| !span.is_zero()),
            None => own.retry_after,
        },
        rate: role.rate.unwrap_or(own.rate),
        clear_window: role.clear_window.unwrap_or(own.clear_window),
        deaf_while_waiting: role.deaf_while_waiting.unwrap_or(own.deaf_while_waiting),
        ends_with_connection: role.ends_with_connection.unwrap_or(own.ends_with_connection),
        form: form(role.form, own.form),
    }
}

fn server_switches(role: &ServerNodeRole) -> ServerSwitches {
    let own = role.variant.server();
    ServerSwitches {
        serial_joins: role.serial_joins.unwrap_or(own.serial_joins),
        unknown_node: role.unknown_node.unwrap_or(own.unknown_node),
        own_room_only: role.own_room_only.unwrap_or(own.own_room_only),
        form: form(role.form, own.form),
    }
}

fn form(written: Option<Form>, own: Form) -> Form {
    written.unwrap_or(own)
}

fn rules(role: &SensorNodeRole) -> Rules {
    let (own, written) = (Rules::default(), &role.rules);
    Rules {
        warning_c_per_s: written.warning_rate.map_or(own.warning_c_per_s, |rate| rate.0),
        danger_c_per_s: written.danger_rate.map_or(own.danger_c_per_s, |rate| rate.0),
        warning_c: written.warning.map_or(own.warning_c, |level| level.0),
        danger_c: written.danger.map_or(own.danger_c, |level| level.0),
        flame_below: written.flame_below.unwrap_or(own.flame_below),
    }
}

/// The points of a recorded trace.
fn trace(text: &str) -> Result<Vec<(SimTime, f64)>, String> {
    let mut points: Vec<(SimTime, f64)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let wrong = |what: &str| format!("line {}: {what} in `{line}`", number + 1);
        let (at, value) = line.split_once(',').ok_or_else(|| wrong("no comma"))?;
        let seconds = at.trim().parse::<f64>().ok().filter(|at| (0.0..1e9).contains(at));
        let at = SimTime::from_nanos((seconds.ok_or_else(|| wrong("no instant"))? * 1e9) as u64);
        let value = value.trim().parse::<f64>().ok().filter(|value| value.is_finite());
        let value = value.ok_or_else(|| wrong("no value"))?;
        if points.last().is_some_and(|(last, _)| *last >= at) {
            return Err(wrong("an instant that is not later"));
        }
        points.push((at, value));
    }
    if points.is_empty() { Err("it has no points".to_owned()) } else { Ok(points) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_seconds_and_values() {
        let points = trace("# a day\n0, 20\n60,21.5 # noon\n\n").unwrap();
        assert_eq!(points, [(SimTime::ZERO, 20.0), (SimTime::from_secs(60), 21.5)]);
        for (text, wrong) in [
            ("", "it has no points"),
            ("0 20", "line 1: no comma in `0 20`"),
            ("0,20\nx,21", "line 2: no instant in `x,21`"),
            ("0,warm", "line 1: no value in `0,warm`"),
            ("5,1\n5,2", "line 2: an instant that is not later in `5,2`"),
        ] {
            assert_eq!(trace(text).unwrap_err(), wrong);
        }
    }

    #[test]
    fn a_configuration_gets_another_name() {
        assert_eq!(renamed("<a><ID>CN2</ID></a>", "X"), "<a><ID>X</ID></a>");
        assert_eq!(renamed("<a></a>", "X"), "<a></a>");
        assert_eq!(renamed("<a><ID>", "X"), "<a><ID>");
    }
}

//! What a scenario must be beyond the types: values that only make sense together.
//!
//! Every check gives one error at the value that is wrong, with what would be right.

use super::error::{Diagnostic, Place, listed, name_help};
use super::expect::Expectation;
use super::load::{End, View};
use super::names::TopicName;
use super::quantity::Span;
use super::schema::{Host, Payload, Role, Scenario, Tcp};

mod alert;
mod bridge;
mod crash;
mod link;
mod mqtt;
mod network;
mod sleep;
mod tls;

pub(super) use bridge::bridges;
pub(super) use crash::crashes;
pub(super) use link::faults;
pub(super) use mqtt::{broker_software, client_abilities, client_behaviour, client_software};
pub(super) use network::{brokers, network, reaches};
pub(super) use sleep::sleep;
pub(super) use tls::{costs as tls_costs, ends as tls_ends};

/// Largest Remaining Length of an MQTT packet. MQTT 3.1.1 §2.2.3
const LARGEST_REMAINING_LENGTH: u64 = 268_435_455;

/// Hosts of one scenario: each has an address in 10.0.0.0/8, whose first and last are no host's.
/// RFC 1918 §3, RFC 1122 §3.2.1.3
const MOST_HOSTS: u64 = (1 << 24) - 2;

/// Everything that can be said without looking at other values' names.
pub(super) fn values(view: &View<'_>, scenario: &Scenario) -> Result<(), Diagnostic> {
    for (key, text) in [("title", &scenario.title), ("question", &scenario.question)] {
        if text.trim().is_empty() {
            return Err(view
                .error(format!("the {key} is empty"), &[key], "nothing in here")
                .help("write what the scenario is about, and what it is to answer"));
        }
    }
    above_zero(view, &["duration"], Some(scenario.duration))?;
    if scenario.warm_up >= scenario.duration {
        return Err(view
            .error("the warm-up takes the whole duration", &["warm_up"], "not shorter than the duration")
            .help(format!("the duration is {}", scenario.duration)));
    }
    tcp(view, &[], &scenario.tcp)?;
    host_count(view, scenario)?;
    for (name, host) in &scenario.hosts {
        let at = ["hosts", name.as_str()];
        if host.count == 0 {
            let path = ["hosts", name, "count"];
            return Err(view
                .error("a host with no members", &path, "at least 1")
                .help("remove the host, or give it a count of 1 or more"));
        }
        tcp(view, &at, &host.tcp)?;
        role(view, name, host)?;
        mqtt::keys(view, name, host)?;
        tls::host(view, name, host)?;
    }
    for (index, fire) in scenario.fires.iter().enumerate() {
        alert::fire(view, index, fire)?;
    }
    for (index, link) in scenario.links.iter().enumerate() {
        link::link(view, index, link)?;
    }
    Ok(())
}

fn host_count(view: &View<'_>, scenario: &Scenario) -> Result<(), Diagnostic> {
    let all: u64 = scenario.hosts.iter().map(|(_, host)| u64::from(host.count)).sum();
    let largest = scenario.hosts.iter().max_by_key(|(_, host)| host.count);
    match largest {
        Some((name, _)) if all > MOST_HOSTS => Err(view
            .error(format!("{all} hosts are too many"), &["hosts", name, "count"], "most of them")
            .help(format!("at most {MOST_HOSTS} in all, the addresses of 10.0.0.0/8"))),
        Some(_) | None => Ok(()),
    }
}

fn above_zero(view: &View<'_>, path: &[&str], span: Option<Span>) -> Result<(), Diagnostic> {
    if span == Some(Span::ZERO) {
        let key = path.last().unwrap_or(&"");
        return Err(view
            .error(format!("`{key}` is zero"), path, "must be above zero")
            .help("write a span of time such as `20 ms`"));
    }
    Ok(())
}

/// A number that must lie in a range, if it is there.
fn in_range(
    view: &View<'_>,
    path: &[&str],
    value: Option<u64>,
    allowed: std::ops::RangeInclusive<u64>,
    source: &str,
) -> Result<(), Diagnostic> {
    match value {
        Some(value) if !allowed.contains(&value) => {
            let key = path.last().unwrap_or(&"");
            let source = if source.is_empty() { String::new() } else { format!(" ({source})") };
            let allowed = match (allowed.start(), allowed.end()) {
                (start, &u64::MAX) => format!("allowed: {start} or more{source}"),
                (start, end) => format!("allowed: {start} to {end}{source}"),
            };
            Err(view.error(format!("`{key}` is {value}"), path, "out of range").help(allowed))
        }
        Some(_) | None => Ok(()),
    }
}

fn tcp(view: &View<'_>, at: &[&str], tcp: &Tcp) -> Result<(), Diagnostic> {
    let path = |key: &'static str| -> Vec<&str> { at.iter().copied().chain(["tcp", key]).collect() };
    let count = |value: Option<u32>| value.map(u64::from);
    in_range(view, &path("window_scale"), tcp.window_scale.map(u64::from), 0..=14, "RFC 7323 §2.3")?;
    in_range(view, &path("initial_window"), count(tcp.initial_window), 1..=1_000, "segments")?;
    in_range(view, &path("delayed_ack_segments"), count(tcp.delayed_ack_segments), 1..=255, "segments")?;
    // 65535 less the smallest IP and TCP headers.
    in_range(view, &path("mss"), tcp.mss.map(|mss| mss.0), 28..=65_495, "bytes")?;
    above_zero(view, &path("min_rto"), tcp.min_rto)?;
    above_zero(view, &path("initial_rto"), tcp.initial_rto)?;
    above_zero(view, &path("syn_rto"), tcp.syn_rto)
}

fn role(view: &View<'_>, name: &str, host: &Host) -> Result<(), Diagnostic> {
    let path = |key: &'static str| ["hosts", name, "role", key];
    let at_least_one = |key, value| in_range(view, &path(key), value, 1..=u64::MAX, "");
    match &host.role {
        Role::Broker(broker) => {
            if host.count > 1 {
                return Err(view
                    .error("a fleet of brokers", &["hosts", name, "count"], "a broker has a count of 1")
                    .help("write one host for every broker"));
            }
            in_range(view, &path("port"), broker.port.map(u64::from), 1..=65_535, "")?;
            above_zero(view, &path("keep_alive_check"), broker.keep_alive_check)?;
            // Packet Identifiers are 16 bits and not 0. MQTT 3.1.1 §2.3.1
            in_range(view, &path("max_inflight"), broker.max_inflight.map(u64::from), 1..=65_535, "")?;
            at_least_one("listen_backlog", broker.listen_backlog.map(u64::from))
        }
        Role::Publisher(publisher) => {
            at_least_one("count", publisher.count)?;
            above_zero(view, &path("every"), publisher.every)?;
            above_zero(view, &path("ping_every"), publisher.ping_every)?;
            if publisher.every.is_none() && publisher.count != Some(1) {
                let role = ["hosts", name, "role"];
                return Err(view
                    .error("more than one message, but no `every`", &role, "`every` is missing in here")
                    .help("write `every: \"10 s\"`, or `count: 1` for one message"));
            }
            let key = path("payload");
            message(view, &key, &publisher.topic, &publisher.payload, publisher.qos.0)
        }
        Role::Camera(camera) => {
            at_least_one("count", camera.count)?;
            above_zero(view, &path("every"), Some(camera.every))?;
            message(view, &path("image"), &camera.topic, &Payload::Size(camera.image), camera.qos.0)
        }
        Role::Burst(burst) => {
            at_least_one("messages", Some(u64::from(burst.messages)))?;
            message(view, &path("payload"), &burst.topic, &burst.payload, burst.qos.0)
        }
        Role::Subscriber(subscriber) => {
            mqtt::filters(view, &path("filters"), &subscriber.filters)?;
            mqtt::identifier(view, &path("identifier"), subscriber.identifier)
        }
        Role::Visitor(_) => Ok(()),
        Role::Steps(steps) => mqtt::steps(view, name, &steps.steps),
        Role::SensorNode(node) => alert::sensor_node(view, name, host.count, node),
        Role::ServerNode(server) => alert::server_node(view, name, host.count, server),
        Role::Gateway(gateway) => alert::gateway(view, name, host.count, gateway),
        Role::CloudSink(sink) => mqtt::filters(view, &path("filters"), &sink.filters),
        Role::Service(service) => alert::service(view, name, host, service),
    }
}

/// Whether a PUBLISH with this payload can be encoded.
fn message(
    view: &View<'_>,
    path: &[&str],
    topic: &TopicName,
    payload: &Payload,
    qos: u8,
) -> Result<(), Diagnostic> {
    // Topic length and topic, Packet Identifier above QoS 0, payload. MQTT 3.1.1 §3.3.2, §3.3.3
    let overhead = 2 + topic.0.expand(u32::MAX).len() as u64 + if qos > 0 { 2 } else { 0 };
    let most = LARGEST_REMAINING_LENGTH - overhead;
    if payload.len() > most {
        return Err(view
            .error("the payload is larger than MQTT allows", path, "too large")
            .help(format!("with this topic and QoS at most {most} B: the Remaining Length ends at {LARGEST_REMAINING_LENGTH} (MQTT 3.1.1 §2.2.3)")));
    }
    Ok(())
}

/// Reads the expectations, each with its place.
pub(super) fn expectations(
    view: &View<'_>,
    scenario: &Scenario,
) -> Result<Vec<(Expectation, Place)>, Diagnostic> {
    let read = |(index, check): (usize, &String)| {
        let shown = view.outline.shown(&["expect", &index.to_string()]);
        let place = view.source.place(shown.clone(), "in this expectation");
        let expectation = Expectation::parse(check).map_err(|nonsense| {
            let written = &view.source.text()[shown.clone()];
            // The bytes inside the quotes, where the text has no escapes.
            let span = match written.find(check.as_str()) {
                Some(inside) if !check.is_empty() => {
                    let start = shown.start + inside;
                    start + nonsense.span.start..start + nonsense.span.end
                }
                Some(_) | None => shown,
            };
            Diagnostic::error(nonsense.refusal.message)
                .at(view.source.place(span, "in this expectation"))
                .help(nonsense.refusal.help)
        })?;
        Ok((expectation, place))
    };
    scenario.expect.iter().enumerate().map(read).collect()
}

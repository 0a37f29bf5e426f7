//! MQTT: keys that fit the version and the library, and software that can do what the role asks.

use models::mqtt::Version;
use models::profile::{BrokerFile, ClientProfile, Software, SoftwareFile};

use super::super::profiles::Library;
use super::super::quantity::Span;
use super::super::schema::{Act, Host, MessageProperties, Mqtt, Role, Step, Subscription};
use super::{Diagnostic, View, above_zero, in_range, message};

/// What can be said of a client's keys without its profile.
pub(super) fn keys(view: &View<'_>, name: &str, host: &Host) -> Result<(), Diagnostic> {
    let Some(mqtt) = &host.mqtt else { return Ok(()) };
    let path = |key: &'static str| ["hosts", name, "mqtt", key];
    if matches!(host.role, Role::Broker(_)) {
        return Err(view
            .error("a broker is no MQTT client", &["hosts", name, "mqtt"], "not for a broker")
            .help("remove `mqtt`; a broker's settings stand in its role: `Broker(port: 1883)`"));
    }
    let broker_only = Mqtt { broker: mqtt.broker.clone(), ..Mqtt::default() };
    if matches!(host.role, Role::Visitor(_)) && *mqtt != broker_only {
        return Err(view
            .error(
                "a visitor brings its own MQTT client",
                &["hosts", name, "mqtt"],
                "only `broker` fits here",
            )
            .help("remove the other keys of `mqtt`: the real client decides on them"));
    }
    above_zero(view, &path("reconnect_every"), mqtt.reconnect_every)?;
    in_range(view, &path("max_inflight"), mqtt.max_inflight.map(u64::from), 1..=65_535, "")?;
    in_range(view, &path("receive_maximum"), mqtt.receive_maximum.map(u64::from), 1..=65_535, "")?;
    let largest = mqtt.maximum_packet_size.map(|size| size.0);
    in_range(view, &path("maximum_packet_size"), largest, 1..=u64::from(u32::MAX), "bytes")?;
    above_zero(view, &path("keep_alive_check"), mqtt.keep_alive_check)?;
    whole_seconds(view, &path("session_expiry"), mqtt.session_expiry, u32::MAX)?;
    whole_seconds(view, &path("retry_after"), mqtt.retry_after, 255)?;
    let delay = mqtt.will.as_ref().and_then(|will| will.delay);
    whole_seconds(view, &["hosts", name, "mqtt", "will", "delay"], delay, u32::MAX)?;
    if let Some(reconnect) = mqtt.reconnect
        && !(1.0..=1_000.0).contains(&reconnect.factor)
    {
        let path = ["hosts", name, "mqtt", "reconnect", "factor"];
        return Err(view
            .error(format!("`factor` is {}", reconnect.factor), &path, "out of range")
            .help("allowed: 1 to 1000; 2 doubles the wait after every failure"));
    }
    if mqtt.password.is_some() && mqtt.user.is_none() {
        // MQTT 3.1.1 §3.1.2.9 [MQTT-3.1.2-22]
        return Err(view
            .error("a password without a user name", &path("password"), "needs `user`")
            .help("add `user`, or remove `password` (MQTT 3.1.1 §3.1.2.9)"));
    }
    if let Some(id) = &mqtt.client_id
        && host.count > 1
        && !id.0.as_str().is_empty()
        && !id.0.has_index()
    {
        // MQTT 3.1.1 §3.1.4 [MQTT-3.1.4-2]
        return Err(view
            .error(
                "all members of the fleet have the same Client Identifier",
                &path("client_id"),
                "no `{index}` in here",
            )
            .help(format!(
                "each would throw the other out (MQTT 3.1.1 §3.1.4); write `{}-{{index}}`",
                id.0
            )));
    }
    if let Some(will) = &mqtt.will
        && will.payload.len() > 65_535
    {
        let path = ["hosts", name, "mqtt", "will", "payload"];
        return Err(view
            .error("the Will Message is larger than MQTT allows", &path, "too large")
            .help("at most 65535 B (MQTT 3.1.1 §3.1.3.3)"));
    }
    Ok(())
}

/// Whether the software of a broker is one.
pub(in crate::scenario) fn broker_software(
    view: &View<'_>,
    library: &Library,
    name: &str,
    host: &Host,
) -> Result<(), Diagnostic> {
    let is_other = library.has::<SoftwareFile>(&host.software) && !library.has::<BrokerFile>(&host.software);
    if is_other { Err(misfit(view, name, &host.software, "no broker", "mosquitto-2.0")) } else { Ok(()) }
}

/// Whether the software of a client is not a broker's.
pub(in crate::scenario) fn client_software(
    view: &View<'_>,
    library: &Library,
    name: &str,
    host: &Host,
) -> Result<(), Diagnostic> {
    let is_other = library.has::<BrokerFile>(&host.software) && !library.has::<SoftwareFile>(&host.software);
    if is_other { Err(misfit(view, name, &host.software, "no client", "paho-python")) } else { Ok(()) }
}

/// The name of the client profile of some software.
pub(in crate::scenario) fn client_behaviour<'a>(
    view: &View<'_>,
    name: &str,
    software: &'a Software,
) -> Result<&'a str, Diagnostic> {
    software.mqtt.as_deref().ok_or_else(|| misfit(view, name, &software.name, "no client", "paho-python"))
}

fn misfit(view: &View<'_>, name: &str, software: &str, is: &str, needed: &str) -> Diagnostic {
    view.error(
        format!("the software `{software}` is {is}"),
        &["hosts", name, "software"],
        "does not fit the role",
    )
    .help(format!("write for example `software: \"{needed}\"`, or `\"ideal\"`"))
}

/// A span that goes on the wire as a number of seconds.
fn whole_seconds(view: &View<'_>, path: &[&str], span: Option<Span>, most: u32) -> Result<(), Diagnostic> {
    let Some(span) = span else { return Ok(()) };
    if span.0.subsec_nanos() == 0 && span.0.as_secs() <= u64::from(most) {
        return Ok(());
    }
    let key = path.last().unwrap_or(&"");
    Err(view
        .error(format!("`{key}` is {span}"), path, "not a whole number of seconds that fits")
        .help(format!("allowed: 0 s to {most} s in whole seconds")))
}

/// What must hold of the filters of one SUBSCRIBE.
pub(super) fn filters(view: &View<'_>, path: &[&str], filters: &[Subscription]) -> Result<(), Diagnostic> {
    if filters.is_empty() {
        // MQTT 3.1.1 §3.8.3 [MQTT-3.8.3-3]
        return Err(view
            .error("a subscriber without filters", path, "at least one")
            .help("write `filters: [(filter: \"home/#\", qos: 0)]` (MQTT 3.1.1 §3.8.3)"));
    }
    Ok(())
}

/// A Subscription Identifier. MQTT 5.0 §3.8.2.1.2
pub(super) fn identifier(view: &View<'_>, path: &[&str], identifier: Option<u32>) -> Result<(), Diagnostic> {
    in_range(view, path, identifier.map(u64::from), 1..=268_435_455, "MQTT 5.0 §3.8.2.1.2")
}

/// The steps of a client by themselves.
pub(super) fn steps(view: &View<'_>, name: &str, steps: &[Step]) -> Result<(), Diagnostic> {
    for (index, step) in steps.iter().enumerate() {
        let number = index.to_string();
        let at = ["hosts", name, "role", "steps", number.as_str()];
        let path = |key: &'static str| [&at[..], &["act", key]].concat();
        if index > 0 && step.at < steps[index - 1].at {
            return Err(view
                .error("a step before the one above it", &[&at[..], &["at"]].concat(), "too early")
                .help(format!("the step above is at {}", steps[index - 1].at)));
        }
        match &step.act {
            Act::Subscribe(subscribe) => {
                filters(view, &path("filters"), &subscribe.filters)?;
                identifier(view, &path("identifier"), subscribe.identifier)?;
            }
            Act::Publish(publish) => {
                in_range(view, &path("times"), Some(u64::from(publish.times)), 1..=u64::from(u32::MAX), "")?;
                message(view, &path("payload"), &publish.topic, &publish.payload, publish.qos.0)?;
            }
            Act::Unsubscribe(unsubscribe) if unsubscribe.filters.is_empty() => {
                // MQTT 3.1.1 §3.10.3 [MQTT-3.10.3-2]
                return Err(view.error("an UNSUBSCRIBE without filters", &path("filters"), "at least one"));
            }
            Act::Unsubscribe(_) | Act::Connect | Act::Disconnect | Act::Close | Act::Crash | Act::Ping => {}
        }
    }
    Ok(())
}

/// What a role sends: QoS, whether it publishes (or subscribes), the keys of MQTT 5.0, and where that stands.
struct Asked {
    publishes: bool,
    qos: u8,
    of_version_5: Option<&'static str>,
    path: Vec<String>,
}

fn asked(host: &Host) -> Vec<Asked> {
    let properties = |properties: &Option<MessageProperties>| properties.is_some().then_some("properties");
    let publish = |qos: u8, given: Option<&'static str>, path: &[&str]| Asked {
        publishes: true,
        qos,
        of_version_5: given,
        path: path.iter().map(|key| (*key).to_owned()).collect(),
    };
    let subscribe = |filters: &[Subscription], identifier: Option<u32>, path: &[&str]| {
        let owned = |more: &[&str]| path.iter().chain(more).map(|key| (*key).to_owned()).collect();
        let mut all: Vec<Asked> = filters
            .iter()
            .enumerate()
            .map(|(index, one)| Asked {
                publishes: false,
                qos: one.qos.0,
                of_version_5: one.of_version_5(),
                path: owned(&["filters", &index.to_string()]),
            })
            .collect();
        let of_version_5 = identifier.is_some().then_some("identifier");
        all.push(Asked { publishes: false, qos: 0, of_version_5, path: owned(&[]) });
        all
    };
    let both = |qos: u8| {
        let one = |publishes| Asked { publishes, qos, of_version_5: None, path: vec!["role".to_owned()] };
        vec![one(true), one(false)]
    };
    match &host.role {
        Role::Publisher(role) => vec![publish(role.qos.0, properties(&role.properties), &["role"])],
        Role::Camera(role) => vec![publish(role.qos.0, None, &["role"])],
        Role::Burst(role) => vec![publish(role.qos.0, properties(&role.properties), &["role"])],
        Role::Subscriber(role) => subscribe(&role.filters, role.identifier, &["role"]),
        Role::Broker(_) | Role::Visitor(_) | Role::Service(_) => Vec::new(),
        Role::SensorNode(role) => both(role.qos.0),
        Role::ServerNode(role) => both(role.qos.0),
        Role::Gateway(role) => both(role.qos.0),
        Role::CloudSink(role) => subscribe(&role.filters, None, &["role"]),
        Role::Steps(role) => {
            let mut all = Vec::new();
            for (index, step) in role.steps.iter().enumerate() {
                let number = index.to_string();
                let path = ["role", "steps", number.as_str(), "act"];
                match &step.act {
                    Act::Publish(step) => all.push(publish(step.qos.0, properties(&step.properties), &path)),
                    Act::Subscribe(step) => all.extend(subscribe(&step.filters, step.identifier, &path)),
                    Act::Connect | Act::Disconnect | Act::Close | Act::Crash => {}
                    Act::Unsubscribe(_) | Act::Ping => {}
                }
            }
            all
        }
    }
}

/// Whether the client's library can do what the role asks, and whether all keys fit its version of MQTT.
pub(in crate::scenario) fn client_abilities(
    view: &View<'_>,
    name: &str,
    host: &Host,
    profile: &ClientProfile,
) -> Result<(), Diagnostic> {
    let wanted = host.mqtt.as_ref().and_then(|mqtt| mqtt.version).map(|version| version.0);
    let version = wanted.unwrap_or(profile.versions[0]);
    if !profile.versions.contains(&version) {
        let known: Vec<String> =
            profile.versions.iter().map(|known| format!("`\"{}\"`", known.number())).collect();
        return Err(view
            .error(
                format!("{} does not speak MQTT {}", profile.title, version.number()),
                &["hosts", name, "mqtt", "version"],
                "more than this library can do",
            )
            .help(format!("allowed: {}", known.join(", "))));
    }
    versioned_keys(view, name, host, version)?;
    for one in asked(host) {
        let path: Vec<&str> =
            ["hosts", name].into_iter().chain(one.path.iter().map(String::as_str)).collect();
        let (verb, most) = match one.publishes {
            true => ("publish", profile.publish_qos),
            false => ("subscribe", profile.subscribe_qos),
        };
        if one.qos > most {
            return Err(view
                .error(
                    format!("{} cannot {verb} at QoS {}", profile.title, one.qos),
                    &[&path[..], &["qos"]].concat(),
                    "more than this library can do",
                )
                .help(format!("at most QoS {most}: see `hw-profiles/clients/{}.ron`", profile.name)));
        }
        if let Some(key) = one.of_version_5
            && !version.has_properties()
        {
            return Err(needs_version_5(view, key, &[&path[..], &[key]].concat(), version));
        }
    }
    Ok(())
}

/// MQTT 5.0 §4.8.2: `$share/` is followed by a name of its own level and a filter.
fn shared_filters(view: &View<'_>, name: &str, host: &Host) -> Result<(), Diagnostic> {
    let Role::Subscriber(role) = &host.role else { return Ok(()) };
    for (index, subscription) in role.filters.iter().enumerate() {
        let Some(rest) = subscription.filter.0.as_str().strip_prefix("$share/") else { continue };
        let good = rest.split_once('/').is_some_and(|(share, filter)| {
            !share.is_empty() && !share.contains(['+', '#']) && !filter.is_empty()
        });
        if !good {
            let path = ["hosts", name, "role", "filters", &index.to_string(), "filter"];
            return Err(view
                .error("a shared subscription without a name or a filter", &path, "refused")
                .help("write `$share/name/filter` (MQTT 5.0 §4.8.2)"));
        }
    }
    Ok(())
}

fn needs_version_5(view: &View<'_>, key: &str, path: &[&str], version: Version) -> Diagnostic {
    view.error(format!("`{key}` needs version 5.0"), path, "not in this version of MQTT")
        .help(format!("the client speaks MQTT {}; write `version: \"5.0\"` in its `mqtt`", version.number()))
}

/// Keys of `mqtt` that one version has and another has not.
fn versioned_keys(view: &View<'_>, name: &str, host: &Host, version: Version) -> Result<(), Diagnostic> {
    let Some(mqtt) = &host.mqtt else { return Ok(()) };
    let path = |key: &'static str| ["hosts", name, "mqtt", key];
    if version.has_properties() {
        if mqtt.retry_after.is_some() {
            // MQTT 5.0 §4.4: "Clients and Servers MUST NOT resend messages at any other time."
            return Err(view
                .error("`retry_after` does not fit version 5.0", &path("retry_after"), "not in this version")
                .help("MQTT 5.0 §4.4 forbids it; remove it, or write `version: \"3.1.1\"` or `\"3.1\"`"));
        }
        return shared_filters(view, name, host);
    }
    let empty_id = mqtt.client_id.as_ref().is_some_and(|id| id.0.as_str().is_empty());
    if empty_id && mqtt.clean_session == Some(false) {
        // MQTT 3.1.1 §3.1.3.1 [MQTT-3.1.3-8]
        return Err(view
            .error("a session is to be kept without a Client Identifier", &path("client_id"), "empty")
            .help("every broker refuses this with code 2 (MQTT 3.1.1 §3.1.3.1): name the client, or write `clean_session: true`"));
    }
    if let Some(key) = mqtt.of_version_5().next() {
        return Err(needs_version_5(view, key, &path(key), version));
    }
    if let Some(will) = &mqtt.will {
        let keys = [("delay", will.delay.is_some()), ("properties", will.properties.is_some())];
        if let Some((key, _)) = keys.into_iter().find(|(_, given)| *given) {
            return Err(needs_version_5(view, key, &["hosts", name, "mqtt", "will", key], version));
        }
    }
    Ok(())
}

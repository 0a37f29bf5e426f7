//! MQTT: keys that fit the version and the library, and software that can do what the role asks.

use models::profile::{BrokerFile, ClientProfile, Software, SoftwareFile};

use super::super::profiles::Library;
use super::super::schema::{Host, Role};
use super::{Diagnostic, View, above_zero, in_range};

/// What can be said of a client's keys without its profile.
pub(super) fn keys(view: &View<'_>, name: &str, host: &Host) -> Result<(), Diagnostic> {
    let Some(mqtt) = &host.mqtt else { return Ok(()) };
    let path = |key: &'static str| ["hosts", name, "mqtt", key];
    if matches!(host.role, Role::Broker(_)) {
        return Err(view
            .error("a broker is no MQTT client", &["hosts", name, "mqtt"], "not for a broker")
            .help("remove `mqtt`; a broker's settings stand in its role: `Broker(port: 1883)`"));
    }
    above_zero(view, &path("reconnect_every"), mqtt.reconnect_every)?;
    in_range(view, &path("max_inflight"), mqtt.max_inflight.map(u64::from), 1..=65_535, "")?;
    if mqtt.password.is_some() && mqtt.user.is_none() {
        // MQTT 3.1.1 §3.1.2.9 [MQTT-3.1.2-22]
        return Err(view
            .error("a password without a user name", &path("password"), "needs `user`")
            .help("MQTT 3.1.1 §3.1.2.9"));
    }
    if let Some(id) = &mqtt.client_id
        && host.count > 1
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

/// Whether the client's library can do what the role asks.
pub(in crate::scenario) fn client_abilities(
    view: &View<'_>,
    name: &str,
    host: &Host,
    profile: &ClientProfile,
) -> Result<(), Diagnostic> {
    let refuse = |path: &[&str], verb: &str, wanted: u8, most: u8| {
        Err(view
            .error(
                format!("{} cannot {verb} at QoS {wanted}", profile.title),
                path,
                "more than this library can do",
            )
            .help(format!("at most QoS {most}: see hw-profiles/clients/{}.ron", profile.name)))
    };
    let publishes = match &host.role {
        Role::Publisher(role) => role.qos.0,
        Role::Camera(role) => role.qos.0,
        Role::Burst(role) => role.qos.0,
        Role::Subscriber(_) | Role::Broker(_) => 0,
    };
    if publishes > profile.publish_qos {
        return refuse(&["hosts", name, "role", "qos"], "publish", publishes, profile.publish_qos);
    }
    if let Role::Subscriber(role) = &host.role {
        for (index, wanted) in role.filters.iter().enumerate() {
            if wanted.qos.0 > profile.subscribe_qos {
                let path = ["hosts", name, "role", "filters", &index.to_string(), "qos"];
                return refuse(&path, "subscribe", wanted.qos.0, profile.subscribe_qos);
            }
        }
    }
    Ok(())
}

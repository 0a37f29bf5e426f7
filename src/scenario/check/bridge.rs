//! Bridges: their names, and that the other broker can be reached.

use models::profile::TlsResumption;

use super::{Diagnostic, End, Role, Scenario, View, above_zero, name_help, reaches};
use crate::scenario::schema::{Bridge, BrokerRole, Host};

/// What must hold of the bridges of all brokers.
pub(in crate::scenario) fn bridges(
    view: &View<'_>,
    scenario: &Scenario,
    ends: &[(End, End)],
) -> Result<(), Diagnostic> {
    for (place, (name, host)) in scenario.hosts.iter().enumerate() {
        let Role::Broker(role) = &host.role else { continue };
        for (number, bridge) in role.bridges.iter().enumerate() {
            let number = number.to_string();
            let at = At { view, path: vec!["hosts", name, "role", "bridges", &number] };
            own_keys(&at, name, role, bridge)?;
            let other = other(&at, scenario, bridge)?;
            let (there, Role::Broker(remote)) = (&scenario.hosts[other].0, &scenario.hosts[other].1.role)
            else {
                unreachable!("found among the brokers")
            };
            if other == place {
                return Err(at
                    .error("a bridge to its own broker", "to", "the same broker")
                    .help("a bridge needs another broker"));
            }
            tls(&at, name, bridge, there, remote)?;
            let same = |earlier: &&Bridge| earlier.to == bridge.to && earlier.name(name) == bridge.name(name);
            if role.bridges[..number.parse().unwrap_or(0)].iter().any(|earlier| same(&earlier)) {
                return Err(at
                    .error("two bridges with one Client Identifier", "to", "again to this broker")
                    .help("give one of them a `name` of its own: each would throw the other out (MQTT 3.1.1 §3.1.4)"));
            }
            if !reaches(ends, End::Group(place), End::Group(other)) {
                return Err(at
                    .error(format!("no way from `{name}` to `{there}`"), "to", "cannot be reached")
                    .help("the links fall into parts that are not connected"));
            }
        }
    }
    Ok(())
}

/// Whether bridge and broker can meet, as clients and brokers must.
fn tls(at: &At<'_>, name: &str, bridge: &Bridge, there: &str, remote: &BrokerRole) -> Result<(), Diagnostic> {
    let path = |keys: &[&'static str]| [&at.path[..], keys].concat();
    match (&bridge.tls, &remote.tls) {
        (None, None) => Ok(()),
        (Some(_), None) => Err(at
            .error(
                format!("the bridge wants TLS, the broker `{there}` has none"),
                "tls",
                "nobody answers this",
            )
            .help("write `role: Broker(tls: (version: \"1.3\"))` there, or remove this `tls`")),
        (None, Some(_)) => Err(at
            .error(format!("the broker `{there}` takes only TLS"), "to", "`tls` is missing beside it")
            .help("write `tls: ()` in this bridge")),
        (Some(own), Some(_)) if own.resumption != TlsResumption::Never => Err(at
            .view
            .error("bridges do not resume TLS sessions", &path(&["tls", "resumption"]), "not modelled")
            .help("remove it")),
        (Some(own), Some(offered)) => {
            super::tls::own(at.view, own, &path(&["tls"]))?;
            super::tls::versions(at.view, (name, &path(&["tls", "version"])), own, there, offered)
        }
    }
}

/// Where a bridge stands.
struct At<'a> {
    view: &'a View<'a>,
    path: Vec<&'a str>,
}

impl At<'_> {
    fn error(&self, message: impl Into<String>, key: &str, label: &str) -> Diagnostic {
        self.view.error(message, &[&self.path[..], &[key]].concat(), label)
    }
}

fn own_keys(at: &At<'_>, host: &str, role: &BrokerRole, bridge: &Bridge) -> Result<(), Diagnostic> {
    if role.bridges.len() > 1_000 {
        return Err(at.error("more than 1000 bridges", "to", "too many"));
    }
    if bridge.topics.is_empty() {
        return Err(at
            .error("a bridge without topics", "topics", "at least one")
            .help("write `topics: [(pattern: \"sensors/#\", direction: Out, qos: 1)]`"));
    }
    if let Err((place, why)) = bridge.lines() {
        let place = place.to_string();
        let path = [&at.path[..], &["topics", &place, "pattern"]].concat();
        return Err(at
            .view
            .error(format!("with its prefixes this is no Topic Filter: {why}"), &path, "refused")
            .help("a prefix has no wildcards and mostly ends with `/`; MQTT 3.1.1 §4.7.1"));
    }
    let name = bridge.name(host);
    if name.is_empty() || name.contains(['/', '+', '#']) || name.len() > 200 {
        return Err(at
            .error(format!("`{name}` is no name for a bridge"), "name", "refused")
            .help("1 to 200 bytes without `/`, `+` and `#`: it is part of a topic"));
    }
    if bridge.password.is_some() && bridge.user.is_none() {
        // MQTT 3.1.1 §3.1.2.9 [MQTT-3.1.2-22]
        return Err(at
            .error("a password without a user name", "password", "needs `user`")
            .help("add `user`, or remove `password` (MQTT 3.1.1 §3.1.2.9)"));
    }
    if bridge.session_expiry.is_some() && !bridge.version().has_properties() {
        return Err(at
            .error("`session_expiry` needs MQTT 5.0", "session_expiry", "the bridge speaks an older version")
            .help("add `version: \"5.0\"`; before it, `clean_session: false` keeps a session for ever"));
    }
    let path = |key: &'static str| [&at.path[..], &[key]].concat();
    above_zero(at.view, &path("restart_base"), bridge.restart_base)?;
    above_zero(at.view, &path("restart_cap"), bridge.restart_cap)
}

/// The place of the broker that a bridge leads to.
fn other(at: &At<'_>, scenario: &Scenario, bridge: &Bridge) -> Result<usize, Diagnostic> {
    let is_broker = |host: &Host| matches!(host.role, Role::Broker(_));
    let found = scenario.hosts.iter().position(|(name, host)| *name == bridge.to && is_broker(host));
    found.ok_or_else(|| {
        let known = scenario.hosts.iter().any(|(name, _)| *name == bridge.to);
        let what = if known { "is not a broker" } else { "is not a host" };
        let mut diagnostic = at.error(format!("`{}` {what}", bridge.to), "to", "no broker");
        let brokers = scenario.hosts.iter().filter(|(_, host)| is_broker(host));
        diagnostic.help = name_help(&bridge.to, brokers.map(|(name, _)| name.as_str()));
        diagnostic
    })
}

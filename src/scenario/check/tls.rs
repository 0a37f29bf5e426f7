//! TLS: both ends agree, and their boards and software say what it costs.

use super::{Diagnostic, Host, Role, Scenario, View};
use crate::scenario::schema::{BrokerTls, ClientTls};
use models::profile::{Board, Software, TlsCipher, TlsVersion};

/// The largest certificate that OpenSSL takes by default is 100 kB; one that holds a key and a
/// signature is not shorter than this.
const CERTIFICATE: std::ops::RangeInclusive<u64> = 100..=65_535;

/// What a host says of TLS on its own.
pub(super) fn host(view: &View<'_>, name: &str, host: &Host) -> Result<(), Diagnostic> {
    if let Role::Broker(role) = &host.role
        && let Some(tls) = &role.tls
    {
        let path = ["hosts", name, "role", "tls", "certificate"];
        super::in_range(view, &path, Some(tls.certificate.0), CERTIFICATE, "bytes of DER")?;
        for (index, issuer) in tls.issuers.iter().enumerate() {
            let index = index.to_string();
            let path = ["hosts", name, "role", "tls", "issuers", &index];
            super::in_range(view, &path, Some(issuer.0), CERTIFICATE, "bytes of DER")?;
        }
        if tls.cipher == TlsCipher::Aes128Cbc && tls.version == TlsVersion::Tls13 {
            return Err(view
                .error("TLS 1.3 has no CBC", &["hosts", name, "role", "tls", "cipher"], "only in TLS 1.2")
                .help("allowed: `AES-256-GCM`, `AES-128-GCM`, `ChaCha20-Poly1305` (RFC 8446 §B.4)"));
        }
    }
    let Some(tls) = host.mqtt.as_ref().and_then(|mqtt| mqtt.tls.as_ref()) else { return Ok(()) };
    own(view, tls, &["hosts", name, "mqtt", "tls"])
}

/// What the keys of a client or a bridge, which stand at `path`, say on their own.
pub(super) fn own(view: &View<'_>, tls: &ClientTls, path: &[&str]) -> Result<(), Diagnostic> {
    let at = |key: &'static str| [path, &[key]].concat();
    super::in_range(view, &at("certificate"), Some(tls.certificate.0), CERTIFICATE, "bytes of DER")?;
    if let Some(size) = tls.max_fragment
        && ![512, 1_024, 2_048, 4_096].contains(&size.0)
    {
        return Err(view
            .error(
                format!("no maximum fragment length of {} B can be asked for", size.0),
                &at("max_fragment"),
                "refused",
            )
            .help("allowed: 512 B, 1024 B, 2048 B, 4096 B (RFC 6066 §4); without it, 16384 B"));
    }
    for (key, text) in [("server_name", &tls.server_name), ("alpn", &tls.alpn)] {
        if text.as_ref().is_some_and(|text| text.is_empty() || text.len() > 255) {
            return Err(view
                .error(format!("`{key}` has no length from 1 to 255"), &at(key), "refused")
                .help("allowed: 1 to 255 bytes (RFC 7301 §3.1, RFC 1035 §3.1)"));
        }
    }
    Ok(())
}

/// Whether client and broker can meet.
pub(in crate::scenario) fn ends(
    view: &View<'_>,
    scenario: &Scenario,
    brokers: &[Option<usize>],
) -> Result<(), Diagnostic> {
    for ((name, host), broker) in scenario.hosts.iter().zip(brokers) {
        let Some((broker_name, broker)) = broker.map(|broker| &scenario.hosts[broker]) else { continue };
        let Role::Broker(role) = &broker.role else { unreachable!("checked to be a broker") };
        let client = host.mqtt.as_ref().and_then(|mqtt| mqtt.tls.as_ref());
        match (client, &role.tls) {
            (None, None) => {}
            (Some(_), None) => {
                return Err(view
                    .error(
                        format!("`{name}` wants TLS, its broker `{broker_name}` has none"),
                        &["hosts", name, "mqtt", "tls"],
                        "nobody answers this",
                    )
                    .help("write `role: Broker(tls: (version: \"1.3\"))`, or remove this `tls`"));
            }
            (None, Some(_)) => {
                return Err(view
                    .error(
                        format!("the broker `{broker_name}` takes only TLS, `{name}` has none"),
                        &["hosts", name],
                        "`mqtt.tls` is missing in here",
                    )
                    .help("write `mqtt: (tls: ())`"));
            }
            (Some(client), Some(offered)) => {
                let at = ["hosts", name, "mqtt", "tls", "version"];
                versions(view, (name, &at), client, broker_name, offered)?;
            }
        }
    }
    Ok(())
}

/// Whether a client or bridge of `name`, whose version stands at `path`, speaks the broker's.
pub(super) fn versions(
    view: &View<'_>,
    (name, path): (&str, &[&str]),
    client: &ClientTls,
    broker_name: &str,
    offered: &BrokerTls,
) -> Result<(), Diagnostic> {
    match client.version {
        Some(version) if version != offered.version => Err(view
            .error(
                format!(
                    "`{name}` speaks TLS {}, its broker `{broker_name}` TLS {}",
                    version.word(),
                    offered.version.word()
                ),
                path,
                "another version",
            )
            .help("the handshake would end with the alert protocol_version (RFC 8446 §6.2)")),
        Some(_) | None => Ok(()),
    }
}

/// Whether board and software of a host with TLS say what it costs.
pub(in crate::scenario) fn costs(
    view: &View<'_>,
    name: &str,
    host: &Host,
    board: &Board,
    software: &Software,
) -> Result<(), Diagnostic> {
    let on = match &host.role {
        Role::Broker(role) => role.tls.is_some() || role.bridges.iter().any(|bridge| bridge.tls.is_some()),
        Role::Publisher(_)
        | Role::Camera(_)
        | Role::Burst(_)
        | Role::Subscriber(_)
        | Role::Steps(_)
        | Role::SensorNode(_)
        | Role::ServerNode(_)
        | Role::Gateway(_)
        | Role::CloudSink(_)
        | Role::Service(_)
        | Role::Visitor(_) => host.mqtt.as_ref().is_some_and(|mqtt| mqtt.tls.is_some()),
    };
    let missing = |what: &str, key: &str, profile: &str, help: &str| {
        view.error(
            format!("the {what} `{profile}` does not say what TLS costs"),
            &["hosts", name, key],
            "has no `tls`",
        )
        .help(help)
    };
    if on && board.tls.is_none() {
        let help = "give the profile a `tls` section, or write `board: \"ideal\"`";
        return Err(missing("board", "board", &board.name, help));
    }
    if on && software.tls_ram_bytes.is_none() {
        let help = "give the profile a `tls_ram`, or write `software: \"ideal\"`";
        return Err(missing("software", "software", &software.name, help));
    }
    Ok(())
}

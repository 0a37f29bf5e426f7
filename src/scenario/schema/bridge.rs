//! Bridges between brokers.

use models::mqtt::Version;
use models::mqtt::bridge::Direction;
use models::profile::Spoken;
use serde::Deserialize;

use super::super::names::{KeepAlive, QualityOfService};
use super::super::quantity::Span;
use super::tls::ClientTls;

/// A broker's connection to another broker, as Mosquitto's `connection`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bridge {
    /// Name of the other broker's host.
    pub to: String,
    /// Client Identifier at the other broker; the own host's name unless given.
    pub name: Option<String>,
    /// What is passed on, the line that decides first.
    pub topics: Vec<BridgeTopic>,
    /// The version of MQTT it speaks; 3.1.1 unless given.
    pub version: Option<Spoken>,
    /// How long the session at the other broker outlives the connection, in whole seconds; MQTT 5.0, where it ends
    /// with the connection unless this is given.
    pub session_expiry: Option<Span>,
    /// Clean Session at the other broker, in MQTT 5.0 Clean Start; false unless said otherwise.
    #[serde(default)]
    pub clean_session: bool,
    /// Keep Alive; 60 s unless given.
    pub keep_alive: Option<KeepAlive>,
    /// User Name at the other broker.
    pub user: Option<String>,
    /// Password there; needs a user name.
    pub password: Option<String>,
    /// TLS below MQTT, for a broker with TLS: `tls: ()`.
    pub tls: Option<ClientTls>,
    /// The shortest wait before a new attempt; 5 s unless given. Each wait is random, from this to three times
    /// the wait before.
    pub restart_base: Option<Span>,
    /// The longest wait; 30 s unless given, and not shorter than the shortest.
    pub restart_cap: Option<Span>,
}

/// Which messages a bridge passes on.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BridgeTopic {
    /// A Topic Filter without the prefixes.
    pub pattern: String,
    /// Which way they go; out unless said otherwise.
    #[serde(default = "out")]
    pub direction: Direction,
    /// The highest QoS; 0 unless given.
    #[serde(default)]
    pub qos: QualityOfService,
    /// What stands before the pattern at the own broker.
    #[serde(default)]
    pub local_prefix: String,
    /// What stands before the pattern at the other broker.
    #[serde(default)]
    pub remote_prefix: String,
}

const fn out() -> Direction {
    Direction::Out
}

impl Bridge {
    /// Client Identifier at the other broker.
    #[must_use]
    pub fn name<'a>(&'a self, host: &'a str) -> &'a str {
        self.name.as_deref().unwrap_or(host)
    }

    /// The version of MQTT it speaks.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version.map_or(Version::V3_1_1, |Spoken(version)| version)
    }

    /// The lines of topics, as the models have them.
    ///
    /// # Errors
    /// The place of the first line that makes no Topic Filter, and why.
    pub fn lines(&self) -> Result<Vec<models::mqtt::bridge::BridgeTopic>, (usize, String)> {
        let line = |(place, line): (usize, &BridgeTopic)| {
            let qos = models::mqtt::QoS::from_bits(line.qos.0).unwrap_or_default();
            let (local, remote) = (&line.local_prefix, &line.remote_prefix);
            models::mqtt::bridge::BridgeTopic::new(&line.pattern, line.direction, qos, local, remote)
                .map_err(|invalid| (place, invalid.to_string()))
        };
        self.topics.iter().enumerate().map(line).collect()
    }
}

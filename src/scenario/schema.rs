//! What stands in a scenario file: the types that `ron` fills.
//!
//! Every field is a checked value already; what only makes sense together (names, reachability,
//! sizes) is checked afterwards in `check`.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::quantity::Span;

mod alert;
mod alert_levels;
mod bridge;
mod link;
mod mqtt;
mod role;
pub mod sweep;
mod tcp;
mod tls;

pub use alert::{Course, Fire, Known, KnownNode, NodeRules, SensorNodeRole, ServerNodeRole};
pub use alert_levels::{
    CloudSinkRole, GatewayRole, Instruction, NodeCamera, Order, Recognition, ServiceRole, Sight, Update,
};
pub use bridge::{Bridge, BridgeTopic};
pub use link::{
    Answer, BrokerRestart, ClientCrash, DelayFrame, Fault, Jitter, Link, LinkDown, Loss, Memory, Nat,
    OneFrame, PowerSave, Queue, Queued, Radio, Reorder, Trace, TraceText, Way,
};
pub use mqtt::{MessageProperties, Mqtt, Payload, Reconnect, Subscription, Will};
pub use role::{
    AccessRule, Act, BrokerRole, BurstRole, CameraRole, Cloud, Inference, PublishStep, PublisherRole, Role,
    Sleep, Step, StepsRole, SubscribeStep, SubscriberRole, Then, UnsubscribeStep, User, VisitorRole,
};
pub use sweep::Sweep;
pub use tcp::Tcp;
pub use tls::{BrokerTls, ClientTls};

/// A scenario file.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// One line for lists and reports.
    pub title: String,
    /// The question that the scenario answers.
    pub question: String,
    /// Seed of the random streams; 1 unless said otherwise.
    #[serde(default = "one_u64")]
    pub seed: u64,
    /// Simulated time, above 0.
    pub duration: Span,
    /// When the run ends.
    #[serde(default)]
    pub stop: Stop,
    /// What happens before this instant is left out of the statistics.
    #[serde(default)]
    pub warm_up: Span,
    /// The hosts by name, in the order of the file.
    #[serde(deserialize_with = "in_file_order")]
    pub hosts: Vec<(String, Host)>,
    /// Names of forwarding nodes of the second layer.
    #[serde(default)]
    pub switches: Vec<String>,
    /// Names of forwarding nodes of the third layer.
    #[serde(default)]
    pub routers: Vec<String>,
    /// The links.
    #[serde(default)]
    pub links: Vec<Link>,
    /// What goes wrong, and when.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// Changes to the TCP of all hosts.
    #[serde(default)]
    pub tcp: Tcp,
    /// Fires, for nodes of the alert network.
    #[serde(default)]
    pub fires: Vec<Fire>,
    /// What must hold at the end: `delivered == 12`, `latency.p99 < 2 s`.
    #[serde(default)]
    pub expect: Vec<String>,
    /// The axes along which `sweep` varies the scenario; a single run ignores them.
    pub sweep: Option<Sweep>,
}

/// When a run ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
pub enum Stop {
    /// After `duration`.
    #[default]
    AtDuration,
    /// When nothing is left to happen, after `duration` at the latest.
    WhenQuiet,
}

/// A host, or a fleet of equal ones.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Number of members; more than one is a fleet, whose members are `name[0]`, `name[1]`, ...
    #[serde(default = "one_u32")]
    pub count: u32,
    /// Name of a profile in `hw-profiles/boards`.
    #[serde(default = "ideal")]
    pub board: String,
    /// Name of a profile in `hw-profiles/software`; of a broker, in `hw-profiles/brokers`.
    #[serde(default = "ideal")]
    pub software: String,
    /// Name of a profile in `hw-profiles/batteries`; the mains without it.
    pub battery: Option<String>,
    /// How the board saves power while it is connected.
    #[serde(default)]
    pub power_save: Saving,
    /// What the host does.
    pub role: Role,
    /// Its MQTT client; a broker has none.
    pub mqtt: Option<Mqtt>,
    /// Changes to its TCP.
    #[serde(default)]
    pub tcp: Tcp,
}

/// How a connected board saves power between frames.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
pub enum Saving {
    /// Not at all: the radio listens all the time.
    #[default]
    Off,
    /// The radio wakes for beacons only.
    ModemSleep,
    /// The CPU stops as well.
    LightSleep,
}

const fn one_u64() -> u64 {
    1
}

const fn one_u32() -> u32 {
    1
}

const fn yes() -> bool {
    true
}

/// The profile, board or software that has no delays and no limits.
fn ideal() -> String {
    "ideal".to_owned()
}

/// A map as a list: the order of the file is the order of charts and tables.
fn in_file_order<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, Host)>, D::Error> {
    struct InFileOrder;
    impl<'de> Visitor<'de> for InFileOrder {
        type Value = Vec<(String, Host)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map of hosts by name")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut hosts = Vec::new();
            while let Some(entry) = map.next_entry()? {
                hosts.push(entry);
            }
            Ok(hosts)
        }
    }
    deserializer.deserialize_map(InFileOrder)
}

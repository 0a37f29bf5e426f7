//! The alert sensor network: client nodes, the server node, and the fires they are there for.

use models::alert::message::Form;
use models::alert::severity::{RateRule, SeverityMode};
use models::alert::{Handshake, UnknownNode, Variant, WakePath};
use serde::Deserialize;

use super::super::measure::{Celsius, Heating, Length, Percent, Speed};
use super::super::names::{NodeName, QualityOfService, TopicFilter};
use super::super::quantity::Span;
use super::alert_levels::{Instruction, NodeCamera, Sight};
use super::yes;

/// A client node. What is left out is as in its variant.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SensorNodeRole {
    /// XML file beside the scenario: what the node sends when it joins, and what its topics are made of.
    pub configuration: String,
    /// Whether that file must fit the schema; `false` where the scenario is about a refusal.
    #[serde(default = "yes")]
    pub valid: bool,
    /// Replaces the `ID` in the text; may hold `{index}`.
    pub id: Option<NodeName>,
    /// As published or as built.
    #[serde(default = "as_published")]
    pub variant: Variant,
    /// Quality of Service of all that it publishes and subscribes to.
    #[serde(default = "qos_1")]
    pub qos: QualityOfService,
    /// How timer and flame input wake the program.
    pub wake: Option<WakePath>,
    /// Order of the join.
    pub handshake: Option<Handshake>,
    /// When the configuration is sent again without an answer; 0 s: never.
    pub retry_after: Option<Span>,
    /// How the rate of temperature is computed.
    pub rate: Option<RateRule>,
    /// Whether the window of temperatures is emptied when the severity changes.
    pub clear_window: Option<bool>,
    /// Whether what comes while the program waits for an acknowledgement is lost to it.
    pub deaf_while_waiting: Option<bool>,
    /// Whether a lost connection ends the program.
    pub ends_with_connection: Option<bool>,
    /// How messages are written.
    pub form: Option<Form>,
    /// Thresholds.
    #[serde(default)]
    pub rules: NodeRules,
    /// Time from sample to sample in Normal, Warning and Danger.
    pub periods: Option<(Span, Span, Span)>,
    /// Where member 0 stands.
    #[serde(default)]
    pub position: (Length, Length),
    /// From one member of a fleet to the next.
    #[serde(default)]
    pub step: (Length, Length),
    /// Temperature without fires.
    #[serde(default = "twenty_degrees")]
    pub temperature: Course<Celsius>,
    /// Relative humidity.
    #[serde(default = "forty_five_percent")]
    pub humidity: Course<Percent>,
    /// Standard deviation of a measured temperature.
    #[serde(default)]
    pub noise: Celsius,
    /// A camera, which then is the node's only sensor.
    pub camera: Option<NodeCamera>,
    /// What the camera sees.
    #[serde(default)]
    pub sights: Vec<Sight>,
}

/// Thresholds of a node; those left out are the authors'.
#[derive(Clone, Copy, PartialEq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeRules {
    /// Rate from which there is a Warning.
    pub warning_rate: Option<Heating>,
    /// Rate from which there is Danger.
    pub danger_rate: Option<Heating>,
    /// Temperature from which there is a Warning.
    pub warning: Option<Celsius>,
    /// Temperature from which there is Danger.
    pub danger: Option<Celsius>,
    /// Flame reading below which there is fire, 0 to 1,024.
    pub flame_below: Option<u16>,
}

/// A quantity over time.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub enum Course<T> {
    /// Always the same.
    Constant(T),
    /// Each value holds from its instant on.
    Steps(Vec<(Span, T)>),
    /// Straight lines from point to point.
    Lines(Vec<(Span, T)>),
    /// The same, from a CSV file beside the scenario: seconds, comma, value in °C or percent.
    Trace(String),
}

/// The server node. What is left out is as in its variant.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerNodeRole {
    /// XML file beside the scenario from which it takes its place.
    pub configuration: String,
    /// Its name; replaces the `ID` of the file.
    #[serde(default = "sn")]
    pub name: NodeName,
    /// As published or as built.
    #[serde(default = "as_published")]
    pub variant: Variant,
    /// Quality of Service of all that it publishes and subscribes to.
    #[serde(default = "qos_1")]
    pub qos: QualityOfService,
    /// Nodes that its database knows.
    #[serde(default)]
    pub known: Known,
    /// Filters that it subscribes to besides its own.
    #[serde(default)]
    pub further_filters: Vec<TopicFilter>,
    /// Whether nodes join one after the other.
    pub serial_joins: Option<bool>,
    /// What becomes of a node that its database does not know.
    pub unknown_node: Option<UnknownNode>,
    /// Whether it hears only its own room.
    pub own_room_only: Option<bool>,
    /// How messages are written.
    pub form: Option<Form>,
    /// Whether it subscribes again after a reconnection.
    pub resubscribes: Option<bool>,
    /// Time that the buffer thread waits for a database connection, statement or commit.
    #[serde(default)]
    pub database_call: Span,
    /// What it tells client nodes, in the order of the instants.
    #[serde(default)]
    pub orders: Vec<Instruction>,
}

/// Which nodes a server's database knows.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub enum Known {
    /// All of the scenario, each last seen in Normal.
    #[default]
    All,
    /// None.
    Nobody,
    /// These.
    Nodes(Vec<KnownNode>),
}

/// A node in a server's database.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownNode {
    /// Its name.
    pub id: NodeName,
    /// The severity in which it was seen last.
    #[serde(default)]
    pub severity: SeverityMode,
}

/// A fire.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fire {
    /// When it begins, from the start of the run.
    pub start: Span,
    /// Where.
    #[serde(default)]
    pub origin: (Length, Length),
    /// How fast its front moves; without it, it stays where it began.
    #[serde(default)]
    pub spread: Speed,
    /// How fast it heats what it has reached.
    #[serde(default)]
    pub heating: Heating,
    /// What it adds to the temperature at most.
    #[serde(default)]
    pub limit: Celsius,
    /// What a flame sensor reads that it has reached, 0 to 1,024; below 150 the authors' rules call it fire.
    #[serde(default)]
    pub flame: u16,
}

const fn as_published() -> Variant {
    Variant::AsPublished
}

/// The QoS of all that the authors' programs publish and subscribe to.
const fn qos_1() -> QualityOfService {
    QualityOfService(1)
}

fn sn() -> NodeName {
    NodeName::try_from("SN".to_owned()).expect("a name without special characters")
}

const fn twenty_degrees() -> Course<Celsius> {
    Course::Constant(Celsius(20.0))
}

const fn forty_five_percent() -> Course<Percent> {
    Course::Constant(Percent(45.0))
}

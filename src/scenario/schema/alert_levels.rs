//! The alert sensor network beyond its nodes and their server: cameras, orders, gateway, cloud.

use models::alert::batch::Form as BatchForm;
use serde::Deserialize;

use super::super::measure::{Celsius, Percent};
use super::super::names::{NodeName, QualityOfService};
use super::super::quantity::{Size, Span};
use super::{Subscription, one_u32, yes};

/// The camera of a client node.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeCamera {
    /// Bytes of a picture.
    pub image: Size,
    /// Time that it takes to take and encode a picture.
    #[serde(default)]
    pub capture: Span,
    /// Who looks at the pictures.
    pub recognition: Recognition,
    /// Kinds of objects that alarm the node until the server says otherwise, up to three.
    pub triggers: Vec<String>,
    /// Number of these objects on a picture from which there is a Warning.
    #[serde(default = "one_u32")]
    pub warning_from: u32,
    /// The same for Danger.
    #[serde(default = "two")]
    pub danger_from: u32,
}

/// Who looks at a node's pictures.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub enum Recognition {
    /// The board's CPU.
    OnDevice,
    /// The board's accelerator.
    Accelerator,
    /// A service in the cloud, over HTTP.
    Cloud(Called),
}

/// See [`Recognition::Cloud`].
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Called {
    /// Name of the service's host.
    pub service: String,
    /// The node waits for an answer no longer than this.
    #[serde(default = "half_a_minute")]
    pub give_up: Span,
}

/// Objects before a node's camera.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sight {
    /// What they are.
    pub kind: String,
    /// How many.
    #[serde(default = "one_u32")]
    pub count: u32,
    /// From when, from the start of the run.
    pub from: Span,
    /// Until when; to the end unless given.
    pub to: Option<Span>,
}

/// A service that looks at pictures.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceRole {
    /// TCP port.
    #[serde(default = "http")]
    pub port: u16,
    /// From the last byte of a request to the first of its answer.
    pub latency: Span,
    /// Bytes of an answer's body.
    #[serde(default = "one_kilobyte")]
    pub answer: Size,
}

/// What the server node tells a client node.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instruction {
    /// When, from the start of the run; a node that has not joined yet is told when it has.
    pub at: Span,
    /// Name of the node.
    pub node: NodeName,
    /// What.
    pub order: Order,
}

/// An order.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub enum Order {
    /// Another configuration.
    UpdateConfiguration(Update),
    /// Other kinds of objects that alarm a node with a camera, up to three.
    SetTriggers(Vec<String>),
}

/// See [`Order::UpdateConfiguration`].
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Update {
    /// XML file beside the scenario.
    pub configuration: String,
    /// Whether that file must fit the schema; `false` where the scenario is about a refusal.
    #[serde(default = "yes")]
    pub valid: bool,
    /// Replaces the `ID` in the text.
    pub id: Option<NodeName>,
    /// Time from sample to sample in Normal, Warning and Danger, in whole seconds; as they were unless given.
    pub periods: Option<(Span, Span, Span)>,
}

/// The level 1 gateway: a client of its site's broker.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayRole {
    /// XML file beside the scenario from which it takes its place.
    pub configuration: String,
    /// Its name; replaces the `ID` of the file.
    pub name: NodeName,
    /// Quality of Service of all that it publishes and subscribes to.
    #[serde(default = "qos_1")]
    pub qos: QualityOfService,
    /// Changes that are still none.
    #[serde(default)]
    pub dead_band: DeadBand,
    /// Age of the last reading passed on from which the next one passes whatever it is; none unless given.
    pub heartbeat: Option<Span>,
    /// Readings at which a batch is full.
    #[serde(default = "hundred")]
    pub readings: u32,
    /// Longest wait of a reading.
    pub wait: Span,
    /// The same while its node is in alarm.
    #[serde(default = "a_second")]
    pub alarm_wait: Span,
    /// How a batch is written.
    #[serde(default = "deltas")]
    pub form: BatchForm,
}

/// Change from the last value passed on that is still none: with 0 every change passes; without a key, every
/// reading.
#[derive(Clone, Copy, PartialEq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadBand {
    /// Of a temperature.
    pub temperature: Option<Celsius>,
    /// Of a relative humidity.
    pub humidity: Option<Percent>,
    /// Of a flame sensor's reading, 0 to 1,024.
    pub flame: Option<u16>,
    /// Of the number of objects on a picture.
    pub objects: Option<u32>,
}

/// The level 3 sink: a subscriber with a store behind it.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloudSinkRole {
    /// What it subscribes to, all in one SUBSCRIBE.
    pub filters: Vec<Subscription>,
    /// Time of the commit of one message.
    pub commit: Span,
}

const fn two() -> u32 {
    2
}

const fn hundred() -> u32 {
    100
}

const fn http() -> u16 {
    80
}

const fn one_kilobyte() -> Size {
    Size(1_000)
}

const fn qos_1() -> QualityOfService {
    QualityOfService(1)
}

const fn deltas() -> BatchForm {
    BatchForm::Deltas
}

const fn a_second() -> Span {
    Span(std::time::Duration::from_secs(1))
}

const fn half_a_minute() -> Span {
    Span(std::time::Duration::from_secs(30))
}

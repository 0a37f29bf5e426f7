//! What a host does.

use models::mqtt::broker::{
    BeyondInboundWindow, OverlappingSubscriptions, Right, SharedSubscriptions, WhenQueueFull,
};
use models::mqtt::session::Qos2Delivery;
use models::profile::{Acknowledges, PublishToSys, Spoken};
use serde::Deserialize;

use super::super::names::{KeepAlive, QualityOfService, TopicFilter, TopicName};
use super::super::quantity::{Size, Span};
use super::{
    Bridge, BrokerTls, CloudSinkRole, GatewayRole, MessageProperties, Payload, SensorNodeRole,
    ServerNodeRole, ServiceRole, Subscription, one_u32, yes,
};

/// What a host does.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub enum Role {
    /// Takes connections and passes messages on.
    Broker(BrokerRole),
    /// Publishes a message again and again.
    Publisher(PublisherRole),
    /// Takes pictures and publishes them.
    Camera(CameraRole),
    /// Publishes some messages at one instant.
    Burst(BurstRole),
    /// Subscribes and listens.
    Subscriber(SubscriberRole),
    /// Is a place for a real client of `mqtt-twin live`; idle in every other run.
    Visitor(VisitorRole),
    /// Does one thing after another.
    Steps(StepsRole),
    /// Is a client node of the alert network.
    SensorNode(Box<SensorNodeRole>),
    /// Is the server node of the alert network.
    ServerNode(Box<ServerNodeRole>),
    /// Is a level 1 gateway of the alert network.
    Gateway(Box<GatewayRole>),
    /// Is the level 3 sink of the alert network.
    CloudSink(CloudSinkRole),
    /// Looks at pictures for whoever calls it over HTTP.
    Service(ServiceRole),
}

/// See [`Role::Broker`]. What is left out is as the broker's profile has it.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerRole {
    /// TCP port; 1883 unless said otherwise, with TLS 8883.
    pub port: Option<u16>,
    /// TLS for all connections; without it, none.
    pub tls: Option<BrokerTls>,
    /// Time between two looks for silent clients.
    pub keep_alive_check: Option<Span>,
    /// QoS 1 and 2 messages in flight to one client.
    pub max_inflight: Option<u32>,
    /// Unreleased QoS 2 messages from one client.
    pub max_inflight_inbound: Option<u32>,
    /// What becomes of QoS 2 messages beyond them before MQTT 5.0.
    pub beyond_inbound_window: Option<BeyondInboundWindow>,
    /// QoS 1 and 2 messages that wait for one client.
    pub max_queued: Option<u32>,
    /// Their bytes.
    pub max_queued_bytes: Option<Size>,
    /// What goes when a queue is full.
    pub when_queue_full: Option<WhenQueueFull>,
    /// When a QoS 2 message is forwarded.
    pub qos_2_forwarded_on: Option<Qos2Delivery>,
    /// When the publisher gets its acknowledgement.
    pub acknowledges: Option<Acknowledges>,
    /// What a client gets when several of its filters match.
    pub overlapping_filters: Option<OverlappingSubscriptions>,
    /// What becomes of messages that clients publish below `$SYS`.
    pub publish_to_sys: Option<PublishToSys>,
    /// Connected clients.
    pub max_connections: Option<u32>,
    /// Bytes of a packet.
    pub max_packet: Option<Size>,
    /// Time after which an unanswered packet is sent again on a live connection, before MQTT 5.0.
    pub retry_after: Option<Span>,
    /// The newest version of MQTT it speaks.
    pub newest_version: Option<Spoken>,
    /// For whom `$share/group/filter` is a shared subscription.
    pub shared_subscriptions: Option<SharedSubscriptions>,
    /// The highest Topic Alias accepted.
    pub topic_alias_maximum: Option<u16>,
    /// Aliases given to topics on the way to one client.
    pub topic_aliases_outbound: Option<u16>,
    /// The longest Keep Alive given to clients of MQTT 5.0.
    pub max_keep_alive: Option<KeepAlive>,
    /// The longest Session Expiry Interval.
    pub max_session_expiry: Option<Span>,
    /// The highest QoS at which clients of MQTT 5.0 may publish.
    pub maximum_qos: Option<QualityOfService>,
    /// Whether clients of MQTT 5.0 may have messages retained.
    pub retain_available: Option<bool>,
    /// Connections that wait to be accepted.
    pub listen_backlog: Option<u32>,
    /// Who may connect, and with which password; without it, everyone.
    pub users: Option<Vec<User>>,
    /// Who may publish and subscribe where; without it, everyone everywhere.
    pub access: Option<Vec<AccessRule>>,
    /// Whether a SUBSCRIBE is refused where nothing may be read; else only the messages are held back. The
    /// broker's own way unless given.
    pub checks_subscriptions: Option<bool>,
    /// Bridges to other brokers.
    #[serde(default)]
    pub bridges: Vec<Bridge>,
}

/// A client that may connect.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// User Name.
    pub name: String,
    /// Password.
    pub password: String,
}

/// A rule for one user, or for all clients without a user name where neither `user` nor `everyone` is given.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessRule {
    /// For clients with this user name.
    pub user: Option<String>,
    /// For all clients: `%u` in the topic is the user name, `%c` the Client Identifier.
    #[serde(default)]
    pub everyone: bool,
    /// Topic Filter.
    pub topic: TopicFilter,
    /// What the rule says.
    pub right: Right,
}

impl BrokerRole {
    /// The TCP port: IANA's for MQTT or for MQTT over TLS, unless given.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.tls.is_some() { 8883 } else { 1883 })
    }
}

/// See [`Role::Publisher`].
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublisherRole {
    /// Topic Name.
    pub topic: TopicName,
    /// Application message.
    pub payload: Payload,
    /// Quality of Service.
    #[serde(default)]
    pub qos: QualityOfService,
    /// RETAIN flag.
    #[serde(default)]
    pub retain: bool,
    /// What MQTT 5.0 lets the message carry.
    pub properties: Option<MessageProperties>,
    /// From one publish call to the next; needed unless `count` is 1.
    pub every: Option<Span>,
    /// Number of messages; without it, until the run ends.
    pub count: Option<u64>,
    /// The first publish call, from the start of the run; not before the connection is there.
    #[serde(default)]
    pub start: Span,
    /// A PINGREQ of the program's own at this distance, besides those of the Keep Alive.
    pub ping_every: Option<Span>,
    /// The first of these; with the first publish call unless given. There are as many as messages.
    pub ping_start: Option<Span>,
    /// Member *i* of a fleet starts this much times *i* later.
    #[serde(default)]
    pub stagger: Span,
    /// The client disconnects this long after its last message is complete; never without it.
    pub disconnect_after: Option<Span>,
    /// The board sleeps deeply from one message to the next, `every` apart.
    pub sleep: Option<Sleep>,
}

/// Deep sleep between messages: what the program does at every waking.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sleep {
    /// Writes the network's credentials to flash, as a program that calls for a connection with
    /// them does.
    #[serde(default = "yes")]
    pub save_credentials: bool,
    /// Looks for the access point on all channels; without it, it remembers channel and address.
    #[serde(default = "yes")]
    pub scan: bool,
    /// Gets its address by DHCP; without it, the address is fixed.
    #[serde(default = "yes")]
    pub dhcp: bool,
    /// Goes back to sleep so long after waking, whatever it has not done.
    #[serde(default = "half_a_minute")]
    pub give_up: Span,
}

fn half_a_minute() -> Span {
    Span(std::time::Duration::from_secs(30))
}

/// See [`Role::Camera`].
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CameraRole {
    /// Topic Name.
    pub topic: TopicName,
    /// Bytes of one image.
    pub image: Size,
    /// From one image to the next.
    pub every: Span,
    /// Number of images; without it, until the run ends.
    pub count: Option<u64>,
    /// Quality of Service.
    #[serde(default)]
    pub qos: QualityOfService,
    /// When the first image is taken, from the start of the run.
    #[serde(default)]
    pub start: Span,
    /// Time it takes to take and encode one image.
    #[serde(default)]
    pub capture: Span,
    /// Where each image is looked at; nowhere unless given.
    pub inference: Option<Inference>,
    /// Bytes of what is found on an image: sent instead of the image, or after the answer of a cloud.
    pub labels: Option<Size>,
}

/// Where a camera's images are looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub enum Inference {
    /// On the board's CPU.
    OnDevice,
    /// On the board's accelerator.
    Accelerator,
    /// At a service that gets the image as the message.
    Cloud(Cloud),
}

/// See [`Inference::Cloud`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cloud {
    /// From the image's arrival at the broker to the service's answer at the camera. The arrival is the end
    /// of the exchange at QoS 1 and 2; at QoS 0, which has none, the publish call.
    pub latency: Span,
}

/// See [`Role::Burst`].
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BurstRole {
    /// Topic Name.
    pub topic: TopicName,
    /// Application message.
    pub payload: Payload,
    /// Quality of Service.
    #[serde(default)]
    pub qos: QualityOfService,
    /// When it begins, from the start of the run.
    pub at: Span,
    /// Number of messages; 1 unless said otherwise.
    #[serde(default = "one_u32")]
    pub messages: u32,
    /// Whether a message waits until the one before is complete.
    #[serde(default = "yes")]
    pub one_at_a_time: bool,
    /// What follows the last message.
    #[serde(default)]
    pub then: Then,
    /// RETAIN flag.
    #[serde(default)]
    pub retain: bool,
    /// What MQTT 5.0 lets the message carry.
    pub properties: Option<MessageProperties>,
}

/// What a client does after its last message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
pub enum Then {
    /// It sends DISCONNECT and closes.
    #[default]
    Disconnect,
    /// It stays connected.
    Stay,
}

/// See [`Role::Subscriber`].
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubscriberRole {
    /// What it subscribes to, all in one SUBSCRIBE.
    pub filters: Vec<Subscription>,
    /// When it subscribes, from the start of the run; not before the connection is there.
    #[serde(default)]
    pub start: Span,
    /// When it disconnects, from the start of the run; never without it.
    pub leave_at: Option<Span>,
    /// The Subscription Identifier; MQTT 5.0.
    pub identifier: Option<u32>,
}

/// See [`Role::Steps`]. The client does nothing by itself: it connects, and comes back, by its steps only.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepsRole {
    /// What it does, in the order of the instants.
    pub steps: Vec<Step>,
}

/// One step of a client.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// When, from the start of the run.
    pub at: Span,
    /// What.
    pub act: Act,
}

/// What a client does in one step.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub enum Act {
    /// Opens the connection.
    Connect,
    /// Sends DISCONNECT and closes.
    Disconnect,
    /// Closes the transport without DISCONNECT and remembers its session.
    Close,
    /// Is killed: its kernel closes the transport, and it forgets everything.
    Crash,
    /// Subscribes.
    Subscribe(SubscribeStep),
    /// Unsubscribes.
    Unsubscribe(UnsubscribeStep),
    /// Publishes.
    Publish(PublishStep),
    /// Sends PINGREQ.
    Ping,
}

/// See [`Act::Subscribe`].
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubscribeStep {
    /// What it subscribes to, all in one SUBSCRIBE.
    pub filters: Vec<Subscription>,
    /// The Subscription Identifier; MQTT 5.0.
    pub identifier: Option<u32>,
}

/// See [`Act::Unsubscribe`].
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnsubscribeStep {
    /// Topic Filters, all in one UNSUBSCRIBE.
    pub filters: Vec<TopicFilter>,
}

/// See [`Act::Publish`].
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishStep {
    /// Topic Name.
    pub topic: TopicName,
    /// Application message.
    pub payload: Payload,
    /// Quality of Service.
    #[serde(default)]
    pub qos: QualityOfService,
    /// RETAIN flag.
    #[serde(default)]
    pub retain: bool,
    /// How often, at once.
    #[serde(default = "one_u32")]
    pub times: u32,
    /// What MQTT 5.0 lets the message carry.
    pub properties: Option<MessageProperties>,
}

/// See [`Role::Visitor`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VisitorRole {}

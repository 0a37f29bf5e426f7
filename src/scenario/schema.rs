//! What stands in a scenario file: the types that `ron` fills.
//!
//! Every field is a checked value already; what only makes sense together (names, reachability,
//! sizes) is checked afterwards in `check`.

use std::fmt;

use models::profile::Stack;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use super::error::Refusal;
use super::names::{ClientId, KeepAlive, QualityOfService, TopicFilter, TopicName};
use super::quantity::{Literal, Size, Span};

mod link;

pub use link::{
    Answer, Fault, Jitter, Link, LinkDown, Loss, Nat, Queue, Queued, Radio, Reorder, Trace, TraceText, Way,
};

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
    /// What must hold at the end: `delivered == 12`, `latency.p99 < 2 s`.
    #[serde(default)]
    pub expect: Vec<String>,
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
    /// Name of a profile in `hw-profiles/software`.
    #[serde(default = "ideal")]
    pub software: String,
    /// What the host does.
    pub role: Role,
    /// Its MQTT client; a broker has none.
    pub mqtt: Option<Mqtt>,
    /// Changes to its TCP.
    #[serde(default)]
    pub tcp: Tcp,
}

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
}

/// See [`Role::Broker`].
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerRole {
    /// TCP port; 1883 unless said otherwise.
    #[serde(default = "mqtt_port")]
    pub port: u16,
    /// Time between two looks for silent clients; the software's own unless given.
    pub keep_alive_check: Option<Span>,
    /// QoS 1 and 2 messages in flight to one client; the software's own unless given.
    pub max_inflight: Option<u32>,
    /// QoS 1 and 2 messages that wait for one client; the software's own unless given.
    pub max_queued: Option<u32>,
    /// Connections that wait to be accepted; the software's own unless given.
    pub listen_backlog: Option<u32>,
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
}

/// One Topic Filter with the QoS asked for.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// Topic Filter.
    pub filter: TopicFilter,
    /// Requested QoS.
    #[serde(default)]
    pub qos: QualityOfService,
}

/// The MQTT client of a host.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mqtt {
    /// Name of the broker's host; not needed where there is only one.
    pub broker: Option<String>,
    /// Client Identifier; the host's name unless given, with `-{index}` behind it for a fleet.
    pub client_id: Option<ClientId>,
    /// Keep Alive; 60 s unless said otherwise.
    pub keep_alive: Option<KeepAlive>,
    /// Clean Session; true unless said otherwise.
    pub clean_session: Option<bool>,
    /// User Name.
    pub user: Option<String>,
    /// Password; needs a user name.
    pub password: Option<String>,
    /// The Will.
    pub will: Option<Will>,
    /// When the client connects, from the start of the run.
    pub connect_at: Span,
    /// Member *i* of a fleet connects this much times *i* later.
    pub stagger: Span,
    /// When the client disconnects, from the start of the run; never without it.
    pub disconnect_at: Option<Span>,
    /// The client closes and connects anew at this distance.
    pub reconnect_every: Option<Span>,
    /// QoS 1 and 2 messages in flight; the software's own unless given.
    pub max_inflight: Option<u32>,
}

/// The Will Message.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Will {
    /// Will Topic.
    pub topic: TopicName,
    /// Will Message.
    pub payload: Payload,
    /// Will QoS.
    #[serde(default)]
    pub qos: QualityOfService,
    /// Will Retain.
    #[serde(default)]
    pub retain: bool,
}

/// An application message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Payload {
    /// So many bytes, written as `"16 B"`.
    Size(Size),
    /// These characters, written as `Text("on")`.
    Text(String),
}

impl Payload {
    /// Number of bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Payload::Size(size) => size.0,
            Payload::Text(text) => text.len() as u64,
        }
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        enum Written {
            Text(String),
        }
        let help = "write its size, `\"16 B\"`, or its characters, `Text(\"on\")`";
        let refusal = match Literal::deserialize(deserializer)? {
            Literal::Text(text) => match Size::parse(&text) {
                Ok(size) => return Ok(Payload::Size(size)),
                Err(refusal) => Refusal::new(refusal.message, format!("{}; {help}", refusal.help)),
            },
            Literal::Number(number) => Size::unit_missing(&number),
            Literal::Other(written) => match ron::from_str(&written) {
                Ok(Written::Text(text)) => return Ok(Payload::Text(text)),
                Err(_) => Refusal::new(format!("`{written}` is not a payload"), help),
            },
        };
        Err(D::Error::custom(refusal))
    }
}

/// Changes to a TCP stack; what is not given stays as the stack has it.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tcp {
    /// The stack to start from: `"linux"`, `"rfc"` or `"ns3"`.
    pub stack: Option<Stack>,
    /// Timestamps option, RFC 7323.
    pub timestamps: Option<bool>,
    /// Window Scale option, RFC 7323: the shift count, 0 to 14.
    pub window_scale: Option<u8>,
    /// Initial congestion window in segments, RFC 6928.
    pub initial_window: Option<u32>,
    /// Smallest retransmission timeout.
    pub min_rto: Option<Span>,
    /// Retransmission timeout before a round trip is measured.
    pub initial_rto: Option<Span>,
    /// Retransmission timeout of a SYN.
    pub syn_rto: Option<Span>,
    /// Longest time an acknowledgement is held back; 0 turns delaying off.
    pub delayed_ack: Option<Span>,
    /// An acknowledgement is sent after so many full segments.
    pub delayed_ack_segments: Option<u32>,
    /// Nagle's algorithm, RFC 896.
    pub nagle: Option<bool>,
    /// Whether the first segments of a connection are acknowledged at once.
    pub quickack: Option<bool>,
    /// Largest segment announced.
    pub mss: Option<Size>,
}

impl Tcp {
    /// These changes, and those of `other` where there is none.
    #[must_use]
    pub fn or(&self, other: &Tcp) -> Tcp {
        Tcp {
            stack: self.stack.or(other.stack),
            timestamps: self.timestamps.or(other.timestamps),
            window_scale: self.window_scale.or(other.window_scale),
            initial_window: self.initial_window.or(other.initial_window),
            min_rto: self.min_rto.or(other.min_rto),
            initial_rto: self.initial_rto.or(other.initial_rto),
            syn_rto: self.syn_rto.or(other.syn_rto),
            delayed_ack: self.delayed_ack.or(other.delayed_ack),
            delayed_ack_segments: self.delayed_ack_segments.or(other.delayed_ack_segments),
            nagle: self.nagle.or(other.nagle),
            quickack: self.quickack.or(other.quickack),
            mss: self.mss.or(other.mss),
        }
    }
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

const fn mqtt_port() -> u16 {
    1883
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

//! The MQTT client of a host, its subscriptions, its Will, and what it publishes.

use models::mqtt::KeepAliveRule;
use models::mqtt::packet::RetainHandling;
use models::profile::Spoken;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::super::error::Refusal;
use super::super::names::{ClientId, KeepAlive, QualityOfService, TopicFilter, TopicName};
use super::super::quantity::{Literal, Probability, Size, Span};
use super::ClientTls;

/// One Topic Filter with the QoS asked for.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// Topic Filter.
    pub filter: TopicFilter,
    /// Requested QoS.
    #[serde(default)]
    pub qos: QualityOfService,
    /// Whether the client's own messages are left out; MQTT 5.0.
    pub no_local: Option<bool>,
    /// Whether RETAIN stays as the publisher set it; MQTT 5.0.
    pub retain_as_published: Option<bool>,
    /// Whether retained messages are sent; MQTT 5.0.
    pub retain_handling: Option<RetainHandling>,
}

impl Subscription {
    /// The first key that only MQTT 5.0 has.
    #[must_use]
    pub fn of_version_5(&self) -> Option<&'static str> {
        let keys = [
            ("no_local", self.no_local.is_some()),
            ("retain_as_published", self.retain_as_published.is_some()),
            ("retain_handling", self.retain_handling.is_some()),
        ];
        keys.into_iter().find(|(_, given)| *given).map(|(key, _)| key)
    }
}

/// What MQTT 5.0 lets a message carry.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MessageProperties {
    /// Lifetime of the message.
    pub message_expiry: Option<Span>,
    /// Whether the payload is said to be UTF-8 text.
    pub payload_is_utf8: Option<bool>,
    /// The content, described.
    pub content_type: Option<String>,
    /// Where the answer is to be published.
    pub response_topic: Option<TopicName>,
    /// Which request an answer is for.
    pub correlation_data: Option<String>,
    /// Pairs of names and values.
    pub user_properties: Vec<(String, String)>,
}

/// How a client comes back after a failure.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reconnect {
    /// The first wait.
    pub first: Span,
    /// From one wait to the next; 1 unless said otherwise.
    #[serde(default = "one")]
    pub factor: f64,
    /// The longest wait; the first unless given.
    pub longest: Option<Span>,
    /// How far a wait may be off by chance, up or down, relative to it.
    #[serde(default = "nothing")]
    pub jitter: Probability,
}

const fn one() -> f64 {
    1.0
}

const fn nothing() -> Probability {
    Probability(0.0)
}

/// The MQTT client of a host.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mqtt {
    /// Name of the broker's host; not needed where there is only one.
    pub broker: Option<String>,
    /// The version of MQTT; the library's own unless given.
    pub version: Option<Spoken>,
    /// Client Identifier; the host's name unless given, with `-{index}` behind it for a fleet. Empty: the broker
    /// gives one.
    pub client_id: Option<ClientId>,
    /// Keep Alive; the library's own unless given.
    pub keep_alive: Option<KeepAlive>,
    /// Which clocks decide on a PINGREQ; the library's own unless given.
    pub keep_alive_rule: Option<KeepAliveRule>,
    /// Time between two looks at these clocks; the library's own unless given.
    pub keep_alive_check: Option<Span>,
    /// Clean Session, in MQTT 5.0 Clean Start; true unless said otherwise.
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
    /// TLS below MQTT, for a broker with TLS: `tls: ()`.
    pub tls: Option<ClientTls>,
    /// How the client comes back after a failure; the library's own way unless given.
    pub reconnect: Option<Reconnect>,
    /// QoS 1 and 2 messages in flight; the library's own unless given.
    pub max_inflight: Option<u32>,
    /// Time after which an unanswered packet is sent again on a live connection, in whole seconds; not in MQTT 5.0.
    pub retry_after: Option<Span>,
    /// How long the session outlives its connection, in whole seconds; MQTT 5.0.
    pub session_expiry: Option<Span>,
    /// QoS 1 and 2 messages that the broker may have in flight to the client; MQTT 5.0.
    pub receive_maximum: Option<u16>,
    /// The largest packet that the client takes; MQTT 5.0.
    pub maximum_packet_size: Option<Size>,
    /// The highest Topic Alias that the client takes; MQTT 5.0.
    pub topic_alias_maximum: Option<u16>,
    /// Topic Aliases that the client gives, if the broker takes as many; MQTT 5.0.
    pub topic_aliases: Option<u8>,
    /// Whether CONNACK may carry Response Information; MQTT 5.0.
    pub request_response_information: Option<bool>,
    /// Whether the broker may explain its reasons; MQTT 5.0.
    pub request_problem_information: Option<bool>,
    /// Pairs of names and values in CONNECT; MQTT 5.0.
    pub user_properties: Option<Vec<(String, String)>>,
}

impl Mqtt {
    /// The keys that only MQTT 5.0 has, and that are there.
    pub fn of_version_5(&self) -> impl Iterator<Item = &'static str> {
        let keys = [
            ("session_expiry", self.session_expiry.is_some()),
            ("receive_maximum", self.receive_maximum.is_some()),
            ("maximum_packet_size", self.maximum_packet_size.is_some()),
            ("topic_alias_maximum", self.topic_alias_maximum.is_some()),
            ("topic_aliases", self.topic_aliases.is_some()),
            ("request_response_information", self.request_response_information.is_some()),
            ("request_problem_information", self.request_problem_information.is_some()),
            ("user_properties", self.user_properties.is_some()),
        ];
        keys.into_iter().filter(|(_, given)| *given).map(|(key, _)| key)
    }
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
    /// Time between the end of the connection and the will, in whole seconds; MQTT 5.0.
    pub delay: Option<Span>,
    /// What MQTT 5.0 lets the message carry.
    pub properties: Option<MessageProperties>,
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

//! The MQTT client of a host, its subscriptions, its Will, and what it publishes.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::super::error::Refusal;
use super::super::names::{ClientId, KeepAlive, QualityOfService, TopicFilter, TopicName};
use super::super::quantity::{Literal, Size, Span};
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
    /// TLS below MQTT, for a broker with TLS: `tls: ()`.
    pub tls: Option<ClientTls>,
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

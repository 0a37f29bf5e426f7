//! Software: an MQTT client or broker with the TCP under it, and what its work costs.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::{Figure, Incomplete, Inherit, Quoted, Word, number, perhaps, perhaps_whole, span, whole};

/// A TCP implementation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "Quoted")]
pub enum Stack {
    /// Linux 6: `"linux"`.
    Linux,
    /// What the RFCs say, no more: `"rfc"`.
    Rfc,
    /// ns-3's defaults: `"ns3"`.
    Ns3,
    /// lwIP with segments of 536 bytes, as small boards ship it: `"lwip"`.
    Lwip,
    /// The same with segments of 1,460 bytes: `"lwip-1460"`.
    Lwip1460,
    /// The TCP in the W5500's hardware: `"w5500"`.
    W5500,
    /// The W5500 behind Arduino's Ethernet library: `"arduino"`.
    Arduino,
}

impl Word for Stack {
    const NOUN: &'static str = "TCP stack";
    const ALL: &'static [(&'static str, Self)] = &[
        ("linux", Stack::Linux),
        ("rfc", Stack::Rfc),
        ("ns3", Stack::Ns3),
        ("lwip", Stack::Lwip),
        ("lwip-1460", Stack::Lwip1460),
        ("w5500", Stack::W5500),
        ("arduino", Stack::Arduino),
    ];
}

impl TryFrom<Quoted> for Stack {
    type Error = String;

    fn try_from(word: Quoted) -> Result<Self, String> {
        Stack::from_word(&word.0)
    }
}

/// How an MQTT implementation behaves where the standard leaves it room.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "Quoted")]
pub enum MqttBehaviour {
    /// Client or broker as the standard asks, at the least: `"spec"`.
    Spec,
    /// Client libmosquitto 2.0: `"libmosquitto"`.
    Libmosquitto,
    /// Client paho-mqtt up to 1.3 (Python 2): `"paho-1.3"`.
    Paho13,
    /// Client paho-mqtt from 1.6 on: `"paho"`.
    Paho,
    /// Client umqtt of MicroPython: `"umqtt"`.
    Umqtt,
    /// Broker Eclipse Mosquitto 2.0: `"mosquitto-2.0"`.
    Mosquitto20,
}

impl Word for MqttBehaviour {
    const NOUN: &'static str = "known MQTT behaviour";
    const ALL: &'static [(&'static str, Self)] = &[
        ("spec", MqttBehaviour::Spec),
        ("libmosquitto", MqttBehaviour::Libmosquitto),
        ("paho-1.3", MqttBehaviour::Paho13),
        ("paho", MqttBehaviour::Paho),
        ("umqtt", MqttBehaviour::Umqtt),
        ("mosquitto-2.0", MqttBehaviour::Mosquitto20),
    ];
}

impl TryFrom<Quoted> for MqttBehaviour {
    type Error = String;

    fn try_from(word: Quoted) -> Result<Self, String> {
        MqttBehaviour::from_word(&word.0)
    }
}

impl MqttBehaviour {
    /// Whether it can be a client.
    #[must_use]
    pub const fn is_client(self) -> bool {
        match self {
            MqttBehaviour::Spec
            | MqttBehaviour::Libmosquitto
            | MqttBehaviour::Paho13
            | MqttBehaviour::Paho
            | MqttBehaviour::Umqtt => true,
            MqttBehaviour::Mosquitto20 => false,
        }
    }

    /// Whether it can be a broker.
    #[must_use]
    pub const fn is_broker(self) -> bool {
        match self {
            MqttBehaviour::Spec | MqttBehaviour::Mosquitto20 => true,
            MqttBehaviour::Libmosquitto
            | MqttBehaviour::Paho13
            | MqttBehaviour::Paho
            | MqttBehaviour::Umqtt => false,
        }
    }
}

/// A file in `hw-profiles/software`. Times are those on the reference PC; a board's `cpu_factor`
/// multiplies them. Everything but the title may come from `base`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename = "Software")]
pub struct SoftwareFile {
    /// One line that says which software.
    pub title: String,
    /// Name of the profile this one rests on.
    pub base: Option<String>,
    /// The TCP under it: `"linux"`, `"rfc"`, `"ns3"`, `"lwip"`, `"lwip-1460"`, `"w5500"`, `"arduino"`.
    pub stack: Option<Stack>,
    /// How its MQTT behaves: `"paho"`, `"mosquitto-2.0"`, ...
    pub mqtt: Option<MqttBehaviour>,
    /// Whether it turns Nagle's algorithm off (`TCP_NODELAY`).
    pub no_delay: Option<bool>,
    /// CPU time for one control packet read or written; for a broker, one leg at QoS 0.
    pub packet: Option<Figure>,
    /// CPU time of a publish call, besides that of the packet.
    pub publish: Option<Figure>,
    /// CPU time per byte of payload read or written.
    pub per_byte: Option<Figure>,
    /// CPU time of opening or accepting a connection, CONNECT and CONNACK included.
    pub connect: Option<Figure>,
    /// RAM of the program before the first connection.
    pub ram_static: Option<Figure>,
    /// RAM for every connection.
    pub ram_per_connection: Option<Figure>,
    /// QoS 1 and 2 messages in flight on one connection; without it, no limit.
    pub max_inflight: Option<Figure>,
    /// QoS 1 and 2 messages that wait for one client; without it, no limit.
    pub max_queued: Option<Figure>,
    /// Connections that wait to be accepted; without it, no limit.
    pub listen_backlog: Option<Figure>,
    /// Time between two looks at the clock for Keep Alive; without it, at the very instant.
    pub keep_alive_check: Option<Figure>,
}

/// Software with all its figures; times are those on the reference PC.
#[derive(Clone, PartialEq, Debug)]
pub struct Software {
    /// Name of the profile.
    pub name: Arc<str>,
    /// One line that says which software.
    pub title: String,
    /// The TCP under it.
    pub stack: Stack,
    /// How its MQTT behaves.
    pub mqtt: MqttBehaviour,
    /// Whether it turns Nagle's algorithm off.
    pub no_delay: bool,
    /// CPU time for one control packet read or written; for a broker, one leg at QoS 0.
    pub packet: Duration,
    /// CPU time of a publish call, besides that of the packet.
    pub publish: Duration,
    /// CPU time per byte of payload read or written, in nanoseconds.
    pub per_byte_ns: f64,
    /// CPU time of opening or accepting a connection.
    pub connect: Duration,
    /// RAM of the program before the first connection, in bytes.
    pub ram_static_bytes: u64,
    /// RAM for every connection, in bytes.
    pub ram_per_connection_bytes: u64,
    /// QoS 1 and 2 messages in flight on one connection.
    pub max_inflight: Option<u32>,
    /// QoS 1 and 2 messages that wait for one client.
    pub max_queued: Option<u32>,
    /// Connections that wait to be accepted.
    pub listen_backlog: Option<u32>,
    /// Time between two looks at the clock for Keep Alive.
    pub keep_alive_check: Option<Duration>,
}

impl Inherit for SoftwareFile {
    type Complete = Software;

    fn base(&self) -> Option<&str> {
        self.base.as_deref()
    }

    fn figures(&self) -> Vec<(Vec<&'static str>, &Figure)> {
        let all = [
            ("packet", &self.packet),
            ("publish", &self.publish),
            ("per_byte", &self.per_byte),
            ("connect", &self.connect),
            ("ram_static", &self.ram_static),
            ("ram_per_connection", &self.ram_per_connection),
            ("max_inflight", &self.max_inflight),
            ("max_queued", &self.max_queued),
            ("listen_backlog", &self.listen_backlog),
            ("keep_alive_check", &self.keep_alive_check),
        ];
        all.into_iter().filter_map(|(key, figure)| Some((vec![key], figure.as_ref()?))).collect()
    }

    fn over(self, base: Self) -> Self {
        SoftwareFile {
            title: self.title,
            base: base.base,
            stack: self.stack.or(base.stack),
            mqtt: self.mqtt.or(base.mqtt),
            no_delay: self.no_delay.or(base.no_delay),
            packet: self.packet.or(base.packet),
            publish: self.publish.or(base.publish),
            per_byte: self.per_byte.or(base.per_byte),
            connect: self.connect.or(base.connect),
            ram_static: self.ram_static.or(base.ram_static),
            ram_per_connection: self.ram_per_connection.or(base.ram_per_connection),
            max_inflight: self.max_inflight.or(base.max_inflight),
            max_queued: self.max_queued.or(base.max_queued),
            listen_backlog: self.listen_backlog.or(base.listen_backlog),
            keep_alive_check: self.keep_alive_check.or(base.keep_alive_check),
        }
    }

    fn complete(&self, name: &str) -> Result<Software, Incomplete> {
        let missing = |key| Incomplete::Missing { path: vec![key] };
        let check = perhaps(&["keep_alive_check"], self.keep_alive_check.as_ref(), "ns")?;
        Ok(Software {
            name: name.into(),
            title: self.title.clone(),
            stack: self.stack.ok_or(missing("stack"))?,
            mqtt: self.mqtt.ok_or(missing("mqtt"))?,
            no_delay: self.no_delay.ok_or(missing("no_delay"))?,
            packet: span(&["packet"], self.packet.as_ref())?,
            publish: span(&["publish"], self.publish.as_ref())?,
            per_byte_ns: number(&["per_byte"], self.per_byte.as_ref(), "ns/B")?,
            connect: span(&["connect"], self.connect.as_ref())?,
            ram_static_bytes: whole(&["ram_static"], self.ram_static.as_ref(), "B")?,
            ram_per_connection_bytes: whole(&["ram_per_connection"], self.ram_per_connection.as_ref(), "B")?,
            max_inflight: perhaps_whole(&["max_inflight"], self.max_inflight.as_ref(), "1")?,
            max_queued: perhaps_whole(&["max_queued"], self.max_queued.as_ref(), "1")?,
            listen_backlog: perhaps_whole(&["listen_backlog"], self.listen_backlog.as_ref(), "1")?,
            keep_alive_check: check.map(|nanos| Duration::from_nanos(nanos.round() as u64)),
        })
    }
}

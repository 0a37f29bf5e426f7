//! Clients: how an MQTT library behaves where the standard leaves it room, what it cannot do, and how the
//! programs around it come back after a failure.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::{Choice, Figure, Incomplete, Inherit, Kind, Spoken, perhaps, perhaps_whole, whole};
use crate::mqtt::{KeepAliveRule, Version};

/// How the length of SUBSCRIBE is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub enum SubscribeLength {
    /// As MQTT 3.1.1 §2.2.3 has it.
    AsTheStandard,
    /// In one byte, whatever it is: above 127 the packet is malformed.
    OneByte,
}

/// What a publish call at QoS 1 or 2 does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub enum PublishCall {
    /// Returns at once; the acknowledgement comes later.
    Returns,
    /// Waits for the acknowledgement: until then the program does nothing else of its own.
    Waits,
}

/// A file in `hw-profiles/clients`. A limit that is left out, or 0, is none. Everything but the title may come
/// from `base`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename = "Client")]
pub struct ClientFile {
    /// One line that says which library.
    pub title: String,
    /// Name of the client profile this one rests on.
    pub base: Option<String>,
    /// The versions of MQTT it speaks, the one it takes unless told otherwise first.
    pub versions: Option<Choice<Vec<Spoken>>>,
    /// Keep Alive unless told otherwise.
    pub keep_alive: Option<Figure>,
    /// Which clocks decide on a PINGREQ.
    pub keep_alive_rule: Option<Choice<KeepAliveRule>>,
    /// Time between two looks at these clocks; without it, at the very instant.
    pub keep_alive_check: Option<Figure>,
    /// Whether it says close_notify before it closes a TLS connection; without it, it does.
    pub close_notify: Option<Choice<bool>>,
    /// QoS 1 and 2 messages in flight.
    pub max_inflight: Option<Figure>,
    /// QoS 1 and 2 messages that wait.
    pub max_queued: Option<Figure>,
    /// Bytes of the buffer for packets: a larger PUBLISH is refused at the call, a larger packet that arrives is
    /// ignored.
    pub max_packet: Option<Figure>,
    /// The highest QoS at which it publishes.
    pub publish_qos: Option<Figure>,
    /// The highest QoS at which it subscribes.
    pub subscribe_qos: Option<Figure>,
    /// What a publish call at QoS 1 or 2 does.
    pub publish_call: Option<Choice<PublishCall>>,
    /// How the length of SUBSCRIBE is written.
    pub subscribe_length: Option<Choice<SubscribeLength>>,
    /// Whether messages in flight are sent again after a reconnection with Clean Session.
    pub resends_after_clean_session: Option<Choice<bool>>,
    /// Whether messages in flight are forgotten with their connection, whatever the session.
    pub forgets_unacknowledged: Option<Choice<bool>>,
    /// Whether QoS 0 messages wait for a connection.
    pub queues_qos_0_offline: Option<Choice<bool>>,
    /// Time after which an unanswered packet is sent again on a live connection before MQTT 5.0; 0: never.
    pub retry_after: Option<Figure>,
    /// Wait before the first attempt to connect again.
    pub reconnect_first: Option<Figure>,
    /// From one such wait to the next.
    pub reconnect_factor: Option<Figure>,
    /// The longest wait.
    pub reconnect_longest: Option<Figure>,
    /// How far a wait may be off by chance, relative to it.
    pub reconnect_jitter: Option<Figure>,
}

/// How long a client waits before it connects again.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct BackOff {
    /// The first wait.
    pub first: Duration,
    /// From one wait to the next.
    pub factor: f64,
    /// The longest wait.
    pub longest: Duration,
    /// How far a wait may be off by chance, up or down, relative to it: 0 to 1.
    pub jitter: f64,
}

/// A client with all that its profile says.
#[derive(Clone, PartialEq, Debug)]
pub struct ClientProfile {
    /// Name of the profile.
    pub name: Arc<str>,
    /// One line that says which library.
    pub title: String,
    /// The versions of MQTT it speaks, the one it takes unless told otherwise first.
    pub versions: Vec<Version>,
    /// Keep Alive in seconds, unless told otherwise.
    pub keep_alive_s: u16,
    /// Which clocks decide on a PINGREQ.
    pub keep_alive_rule: KeepAliveRule,
    /// Time between two looks at these clocks; `None`: at the very instant.
    pub looks_every: Option<Duration>,
    /// Whether it says close_notify before it closes a TLS connection.
    pub close_notify: bool,
    /// QoS 1 and 2 messages in flight; 0: no limit.
    pub max_inflight: u16,
    /// QoS 1 and 2 messages that wait; 0: no limit.
    pub max_queued: u32,
    /// Bytes of the buffer for packets; `None`: no limit but the protocol's.
    pub max_packet_bytes: Option<u32>,
    /// The highest QoS at which it publishes.
    pub publish_qos: u8,
    /// The highest QoS at which it subscribes.
    pub subscribe_qos: u8,
    /// What a publish call at QoS 1 or 2 does.
    pub publish_call: PublishCall,
    /// How the length of SUBSCRIBE is written.
    pub subscribe_length: SubscribeLength,
    /// Whether messages in flight are sent again after a reconnection with Clean Session.
    pub resends_after_clean_session: bool,
    /// Whether messages in flight are forgotten with their connection, whatever the session.
    pub forgets_unacknowledged: bool,
    /// Whether QoS 0 messages wait for a connection.
    pub queues_qos_0_offline: bool,
    /// Seconds after which an unanswered packet is sent again on a live connection; 0: never.
    pub retry_after_s: u8,
    /// How it comes back after a failure.
    pub back_off: BackOff,
}

impl Inherit for ClientFile {
    type Complete = ClientProfile;

    fn base(&self) -> Option<&str> {
        self.base.as_deref()
    }

    fn figures(&self) -> Vec<(Vec<&'static str>, &Figure)> {
        let all = [
            ("keep_alive", &self.keep_alive),
            ("keep_alive_check", &self.keep_alive_check),
            ("max_inflight", &self.max_inflight),
            ("max_queued", &self.max_queued),
            ("max_packet", &self.max_packet),
            ("publish_qos", &self.publish_qos),
            ("subscribe_qos", &self.subscribe_qos),
            ("retry_after", &self.retry_after),
            ("reconnect_first", &self.reconnect_first),
            ("reconnect_factor", &self.reconnect_factor),
            ("reconnect_longest", &self.reconnect_longest),
            ("reconnect_jitter", &self.reconnect_jitter),
        ];
        all.into_iter().filter_map(|(key, figure)| Some((vec![key], figure.as_ref()?))).collect()
    }

    fn choices(&self) -> Vec<(&'static str, Kind, &str)> {
        fn told<'a, T>(key: &'static str, choice: &'a Option<Choice<T>>) -> Told<'a> {
            choice.as_ref().map(|choice| (key, choice.kind, choice.source.as_str()))
        }
        let all = [
            told("versions", &self.versions),
            told("keep_alive_rule", &self.keep_alive_rule),
            told("close_notify", &self.close_notify),
            told("publish_call", &self.publish_call),
            told("subscribe_length", &self.subscribe_length),
            told("resends_after_clean_session", &self.resends_after_clean_session),
            told("forgets_unacknowledged", &self.forgets_unacknowledged),
            told("queues_qos_0_offline", &self.queues_qos_0_offline),
        ];
        all.into_iter().flatten().collect()
    }

    fn over(self, base: Self) -> Self {
        ClientFile {
            title: self.title,
            base: base.base,
            versions: self.versions.or(base.versions),
            keep_alive: self.keep_alive.or(base.keep_alive),
            keep_alive_rule: self.keep_alive_rule.or(base.keep_alive_rule),
            keep_alive_check: self.keep_alive_check.or(base.keep_alive_check),
            close_notify: self.close_notify.or(base.close_notify),
            max_inflight: self.max_inflight.or(base.max_inflight),
            max_queued: self.max_queued.or(base.max_queued),
            max_packet: self.max_packet.or(base.max_packet),
            publish_qos: self.publish_qos.or(base.publish_qos),
            subscribe_qos: self.subscribe_qos.or(base.subscribe_qos),
            publish_call: self.publish_call.or(base.publish_call),
            subscribe_length: self.subscribe_length.or(base.subscribe_length),
            resends_after_clean_session: self
                .resends_after_clean_session
                .or(base.resends_after_clean_session),
            forgets_unacknowledged: self.forgets_unacknowledged.or(base.forgets_unacknowledged),
            queues_qos_0_offline: self.queues_qos_0_offline.or(base.queues_qos_0_offline),
            retry_after: self.retry_after.or(base.retry_after),
            reconnect_first: self.reconnect_first.or(base.reconnect_first),
            reconnect_factor: self.reconnect_factor.or(base.reconnect_factor),
            reconnect_longest: self.reconnect_longest.or(base.reconnect_longest),
            reconnect_jitter: self.reconnect_jitter.or(base.reconnect_jitter),
        }
    }

    fn complete(&self, name: &str) -> Result<ClientProfile, Incomplete> {
        let qos = |key, figure: &Option<Figure>| -> Result<u8, Incomplete> {
            Ok(perhaps_whole::<u8>(&[key], figure.as_ref(), "1")?.map_or(2, |qos| qos.min(2)))
        };
        let max_packet: Option<u32> = perhaps_whole(&["max_packet"], self.max_packet.as_ref(), "B")?;
        Ok(ClientProfile {
            name: name.into(),
            title: self.title.clone(),
            versions: self.spoken()?,
            keep_alive_s: whole(&["keep_alive"], self.seconds(&self.keep_alive).as_ref(), "1")?,
            keep_alive_rule: self
                .keep_alive_rule
                .as_ref()
                .map(|rule| rule.value)
                .ok_or(Incomplete::Missing { path: vec!["keep_alive_rule"] })?,
            looks_every: span("keep_alive_check", &self.keep_alive_check)?.filter(|every| !every.is_zero()),
            close_notify: self.close_notify.as_ref().is_none_or(|says| says.value),
            max_inflight: perhaps_whole(&["max_inflight"], self.max_inflight.as_ref(), "1")?.unwrap_or(0),
            max_queued: perhaps_whole(&["max_queued"], self.max_queued.as_ref(), "1")?.unwrap_or(0),
            max_packet_bytes: max_packet.filter(|limit| *limit > 0),
            publish_qos: qos("publish_qos", &self.publish_qos)?,
            subscribe_qos: qos("subscribe_qos", &self.subscribe_qos)?,
            publish_call: self.publish_call.as_ref().map_or(PublishCall::Returns, |call| call.value),
            subscribe_length: self
                .subscribe_length
                .as_ref()
                .map_or(SubscribeLength::AsTheStandard, |length| length.value),
            resends_after_clean_session: is(&self.resends_after_clean_session),
            forgets_unacknowledged: is(&self.forgets_unacknowledged),
            queues_qos_0_offline: is(&self.queues_qos_0_offline),
            retry_after_s: match self.retry_after {
                Some(_) => whole(&["retry_after"], self.seconds(&self.retry_after).as_ref(), "1")?,
                None => 0,
            },
            back_off: self.back_off()?,
        })
    }
}

type Told<'a> = Option<(&'static str, Kind, &'a str)>;

fn is(choice: &Option<Choice<bool>>) -> bool {
    choice.as_ref().is_some_and(|choice| choice.value)
}

fn span(key: &'static str, figure: &Option<Figure>) -> Result<Option<Duration>, Incomplete> {
    let nanos = perhaps(&[key], figure.as_ref(), "ns")?;
    Ok(nanos.map(|nanos| Duration::from_nanos(nanos.round() as u64)))
}

impl ClientFile {
    fn spoken(&self) -> Result<Vec<Version>, Incomplete> {
        let missing = || Incomplete::Missing { path: vec!["versions"] };
        let versions = self.versions.as_ref().ok_or_else(missing)?;
        let versions: Vec<Version> = versions.value.iter().map(|spoken| spoken.0).collect();
        if versions.is_empty() { Err(missing()) } else { Ok(versions) }
    }

    /// A figure of time as a number of seconds; one with another unit stays, and is refused later.
    fn seconds(&self, figure: &Option<Figure>) -> Option<Figure> {
        let figure = figure.as_ref()?;
        Some(match figure.in_unit("ns") {
            Ok(nanos) => Figure { value: nanos / 1e9, unit: "1".to_owned(), ..figure.clone() },
            Err(_) => figure.clone(),
        })
    }

    fn back_off(&self) -> Result<BackOff, Incomplete> {
        let missing = || Incomplete::Missing { path: vec!["reconnect_first"] };
        let first = span("reconnect_first", &self.reconnect_first)?.ok_or_else(missing)?;
        let share = |key, figure: &Option<Figure>| perhaps(&[key], figure.as_ref(), "1");
        Ok(BackOff {
            first,
            factor: share("reconnect_factor", &self.reconnect_factor)?.unwrap_or(1.0).max(1.0),
            longest: span("reconnect_longest", &self.reconnect_longest)?.unwrap_or(first),
            jitter: share("reconnect_jitter", &self.reconnect_jitter)?.unwrap_or(0.0).min(1.0),
        })
    }
}

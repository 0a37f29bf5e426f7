//! Brokers: how an MQTT server behaves where the standard leaves it room, or where it breaks it.
//!
//! Every key is a number or a choice with its source. A profile may rest on another one and give only what
//! differs. What a broker costs in CPU time and RAM stands in the software profile that it names.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::{Choice, Figure, Incomplete, Inherit, Kind, Spoken, number, perhaps, perhaps_whole, text, whole};
use crate::mqtt::broker::faults::FaultCodes;
use crate::mqtt::broker::{
    BeyondInboundWindow, OverlappingSubscriptions, SharedSubscriptions, WhenQueueFull,
};
use crate::mqtt::codec::Tolerance;
use crate::mqtt::session::Qos2Delivery;
use crate::mqtt::timers::silence::SilenceLooks;
use crate::mqtt::{BrokerConfig, QoS};

/// When the publisher gets its acknowledgement.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub enum Acknowledges {
    /// Before the message goes to its subscribers.
    BeforeForwarding,
    /// After.
    AfterForwarding,
}

/// What becomes of messages that clients publish below `$SYS`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub enum PublishToSys {
    /// They are forwarded like others.
    Forwarded,
    /// They are acknowledged and ignored.
    Ignored,
}

/// A file in `hw-profiles/brokers`. A limit that is left out, or 0, is none. Everything but the title may come
/// from `base`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename = "Broker")]
pub struct BrokerFile {
    /// One line that says which broker.
    pub title: String,
    /// Name of the broker profile this one rests on.
    pub base: Option<String>,
    /// Name of the profile in `hw-profiles/software` with its CPU time and RAM.
    pub software: Option<String>,
    /// The newest version of MQTT it speaks; CONNECT of a newer one is refused.
    pub newest_version: Option<Choice<Spoken>>,
    /// QoS 1 and 2 messages in flight to one client.
    pub max_inflight: Option<Figure>,
    /// Unreleased QoS 2 messages from one client; further ones end a connection of MQTT 5.0.
    pub max_inflight_inbound: Option<Figure>,
    /// QoS 1 and 2 messages that wait for one client.
    pub max_queued: Option<Figure>,
    /// Their bytes.
    pub max_queued_bytes: Option<Figure>,
    /// What goes when a queue is full.
    pub when_queue_full: Option<Choice<WhenQueueFull>>,
    /// Time between two looks for silent clients, comparing whole seconds; 0: at the very instant.
    pub keep_alive_check: Option<Figure>,
    /// Keep Alive of a connection before its CONNECT; 0: it may take for ever.
    pub connect_timeout: Option<Figure>,
    /// When a QoS 2 message is forwarded.
    pub qos_2_forwarded_on: Option<Choice<Qos2Delivery>>,
    /// When the publisher gets its acknowledgement.
    pub acknowledges: Option<Choice<Acknowledges>>,
    /// What a client gets when several of its filters match.
    pub overlapping_filters: Option<Choice<OverlappingSubscriptions>>,
    /// Whether a client may leave its name to the broker.
    pub accepts_empty_client_id: Option<Choice<bool>>,
    /// What becomes of messages that clients publish below `$SYS`.
    pub publish_to_sys: Option<Choice<PublishToSys>>,
    /// Connected clients.
    pub max_connections: Option<Figure>,
    /// Bytes of a packet.
    pub max_packet: Option<Figure>,
    /// Levels of a topic.
    pub max_topic_levels: Option<Figure>,
    /// What clients of MQTT 5.0 are told of their faults.
    pub fault_codes: Option<Choice<FaultCodes>>,
    /// Whether Subscription Identifiers of messages from clients pass; the standard calls them an error.
    pub ignores_subscription_ids: Option<Choice<bool>>,
    /// What becomes of messages beyond `max_inflight_inbound` before MQTT 5.0.
    pub beyond_inbound_window: Option<Choice<BeyondInboundWindow>>,
    /// Whether the protocol level of a bridge is taken, and the client treated as one.
    pub accepts_bridges: Option<Choice<bool>>,
    /// Whether DUP at QoS 0 passes.
    pub accepts_dup_at_qos_0: Option<Choice<bool>>,
    /// Whether surplus bytes in a packet pass.
    pub accepts_surplus_bytes: Option<Choice<bool>>,
    /// Time after which an unanswered packet is sent again on a live connection before MQTT 5.0; 0: never.
    pub retry_after: Option<Figure>,
    /// Whether Client Identifiers of MQTT 3.1 have at most 23 characters.
    pub limits_v3_1_ids: Option<Choice<bool>>,
    /// Whether SUBSCRIBE is refused where nothing may be read; else only the messages are held back.
    pub checks_subscriptions: Option<Choice<bool>>,
    /// For whom `$share/group/filter` is a shared subscription.
    pub shared_subscriptions: Option<Choice<SharedSubscriptions>>,
    /// The highest Topic Alias accepted.
    pub topic_alias_maximum: Option<Figure>,
    /// Aliases given to topics on the way to one client.
    pub topic_aliases_outbound: Option<Figure>,
    /// The longest Keep Alive given to clients of MQTT 5.0.
    pub max_keep_alive: Option<Figure>,
    /// The longest Session Expiry Interval.
    pub max_session_expiry: Option<Figure>,
    /// The highest QoS at which clients of MQTT 5.0 may publish; 2 unless given.
    pub maximum_qos: Option<Figure>,
    /// Connections that wait to be accepted.
    pub listen_backlog: Option<Figure>,
}

/// A broker with all that its profile says.
#[derive(Clone, PartialEq, Debug)]
pub struct BrokerProfile {
    /// Name of the profile.
    pub name: Arc<str>,
    /// One line that says which broker.
    pub title: String,
    /// Name of the software profile with its costs.
    pub software: String,
    /// Its behaviour.
    pub config: BrokerConfig,
    /// Whether SUBSCRIBE is refused where nothing may be read, if there are rules of access.
    pub checks_subscriptions: bool,
    /// Connections that wait to be accepted; `None` is no limit.
    pub listen_backlog: Option<u32>,
}

impl Inherit for BrokerFile {
    type Complete = BrokerProfile;

    fn base(&self) -> Option<&str> {
        self.base.as_deref()
    }

    fn figures(&self) -> Vec<(Vec<&'static str>, &Figure)> {
        let all = [
            ("max_inflight", &self.max_inflight),
            ("max_inflight_inbound", &self.max_inflight_inbound),
            ("max_queued", &self.max_queued),
            ("max_queued_bytes", &self.max_queued_bytes),
            ("keep_alive_check", &self.keep_alive_check),
            ("connect_timeout", &self.connect_timeout),
            ("max_connections", &self.max_connections),
            ("max_packet", &self.max_packet),
            ("max_topic_levels", &self.max_topic_levels),
            ("retry_after", &self.retry_after),
            ("topic_alias_maximum", &self.topic_alias_maximum),
            ("topic_aliases_outbound", &self.topic_aliases_outbound),
            ("max_keep_alive", &self.max_keep_alive),
            ("max_session_expiry", &self.max_session_expiry),
            ("maximum_qos", &self.maximum_qos),
            ("listen_backlog", &self.listen_backlog),
        ];
        all.into_iter().filter_map(|(key, figure)| Some((vec![key], figure.as_ref()?))).collect()
    }

    fn choices(&self) -> Vec<(&'static str, Kind, &str)> {
        fn told<'a, T>(key: &'static str, choice: &'a Option<Choice<T>>) -> Told<'a> {
            choice.as_ref().map(|choice| (key, choice.kind, choice.source.as_str()))
        }
        let all = [
            told("newest_version", &self.newest_version),
            told("when_queue_full", &self.when_queue_full),
            told("qos_2_forwarded_on", &self.qos_2_forwarded_on),
            told("acknowledges", &self.acknowledges),
            told("overlapping_filters", &self.overlapping_filters),
            told("accepts_empty_client_id", &self.accepts_empty_client_id),
            told("publish_to_sys", &self.publish_to_sys),
            told("fault_codes", &self.fault_codes),
            told("ignores_subscription_ids", &self.ignores_subscription_ids),
            told("beyond_inbound_window", &self.beyond_inbound_window),
            told("accepts_bridges", &self.accepts_bridges),
            told("accepts_dup_at_qos_0", &self.accepts_dup_at_qos_0),
            told("accepts_surplus_bytes", &self.accepts_surplus_bytes),
            told("limits_v3_1_ids", &self.limits_v3_1_ids),
            told("checks_subscriptions", &self.checks_subscriptions),
            told("shared_subscriptions", &self.shared_subscriptions),
        ];
        all.into_iter().flatten().collect()
    }

    fn over(self, base: Self) -> Self {
        BrokerFile {
            title: self.title,
            base: base.base,
            software: self.software.or(base.software),
            newest_version: self.newest_version.or(base.newest_version),
            max_inflight: self.max_inflight.or(base.max_inflight),
            max_inflight_inbound: self.max_inflight_inbound.or(base.max_inflight_inbound),
            max_queued: self.max_queued.or(base.max_queued),
            max_queued_bytes: self.max_queued_bytes.or(base.max_queued_bytes),
            when_queue_full: self.when_queue_full.or(base.when_queue_full),
            keep_alive_check: self.keep_alive_check.or(base.keep_alive_check),
            connect_timeout: self.connect_timeout.or(base.connect_timeout),
            qos_2_forwarded_on: self.qos_2_forwarded_on.or(base.qos_2_forwarded_on),
            acknowledges: self.acknowledges.or(base.acknowledges),
            overlapping_filters: self.overlapping_filters.or(base.overlapping_filters),
            accepts_empty_client_id: self.accepts_empty_client_id.or(base.accepts_empty_client_id),
            publish_to_sys: self.publish_to_sys.or(base.publish_to_sys),
            max_connections: self.max_connections.or(base.max_connections),
            max_packet: self.max_packet.or(base.max_packet),
            max_topic_levels: self.max_topic_levels.or(base.max_topic_levels),
            fault_codes: self.fault_codes.or(base.fault_codes),
            ignores_subscription_ids: self.ignores_subscription_ids.or(base.ignores_subscription_ids),
            beyond_inbound_window: self.beyond_inbound_window.or(base.beyond_inbound_window),
            accepts_bridges: self.accepts_bridges.or(base.accepts_bridges),
            accepts_dup_at_qos_0: self.accepts_dup_at_qos_0.or(base.accepts_dup_at_qos_0),
            accepts_surplus_bytes: self.accepts_surplus_bytes.or(base.accepts_surplus_bytes),
            retry_after: self.retry_after.or(base.retry_after),
            limits_v3_1_ids: self.limits_v3_1_ids.or(base.limits_v3_1_ids),
            checks_subscriptions: self.checks_subscriptions.or(base.checks_subscriptions),
            shared_subscriptions: self.shared_subscriptions.or(base.shared_subscriptions),
            topic_alias_maximum: self.topic_alias_maximum.or(base.topic_alias_maximum),
            topic_aliases_outbound: self.topic_aliases_outbound.or(base.topic_aliases_outbound),
            max_keep_alive: self.max_keep_alive.or(base.max_keep_alive),
            max_session_expiry: self.max_session_expiry.or(base.max_session_expiry),
            maximum_qos: self.maximum_qos.or(base.maximum_qos),
            listen_backlog: self.listen_backlog.or(base.listen_backlog),
        }
    }

    fn complete(&self, name: &str) -> Result<BrokerProfile, Incomplete> {
        let backlog: Option<u32> = perhaps_whole(&["listen_backlog"], self.listen_backlog.as_ref(), "1")?;
        Ok(BrokerProfile {
            name: name.into(),
            title: self.title.clone(),
            software: text(&["software"], self.software.as_ref())?.clone(),
            config: self.config()?,
            checks_subscriptions: chosen("checks_subscriptions", &self.checks_subscriptions)?,
            listen_backlog: backlog.filter(|limit| *limit > 0),
        })
    }
}

type Told<'a> = Option<(&'static str, Kind, &'a str)>;

fn chosen<T: Copy>(key: &'static str, choice: &Option<Choice<T>>) -> Result<T, Incomplete> {
    choice.as_ref().map(|choice| choice.value).ok_or(Incomplete::Missing { path: vec![key] })
}

/// A limit; 0 where there is none.
fn limit<T: TryFrom<u64> + Default>(
    key: &'static str,
    figure: &Option<Figure>,
    unit: &str,
) -> Result<T, Incomplete> {
    Ok(perhaps_whole(&[key], figure.as_ref(), unit)?.unwrap_or_default())
}

fn seconds<T: TryFrom<u64>>(key: &'static str, figure: &Option<Figure>) -> Result<T, Incomplete> {
    // Through nanoseconds: a figure in minutes is a whole number of seconds as well.
    let in_seconds = figure.as_ref().map(|figure| -> Result<Figure, Incomplete> {
        let nanos = number(&[key], Some(figure), "ns")?;
        Ok(Figure { value: nanos / 1e9, unit: "1".to_owned(), ..figure.clone() })
    });
    whole(&[key], in_seconds.transpose()?.as_ref(), "1")
}

impl BrokerFile {
    fn config(&self) -> Result<BrokerConfig, Incomplete> {
        let check: u32 = seconds("keep_alive_check", &self.keep_alive_check)?;
        let retry = perhaps(&["retry_after"], self.retry_after.as_ref(), "ns")?.unwrap_or(0.0);
        let max_packet: u32 = limit("max_packet", &self.max_packet, "B")?;
        let maximum_qos: Option<u8> = perhaps_whole(&["maximum_qos"], self.maximum_qos.as_ref(), "1")?;
        Ok(BrokerConfig {
            newest_version: chosen("newest_version", &self.newest_version)?.0,
            max_inflight: limit("max_inflight", &self.max_inflight, "1")?,
            max_inflight_inbound: limit("max_inflight_inbound", &self.max_inflight_inbound, "1")?,
            max_queued: limit("max_queued", &self.max_queued, "1")?,
            max_queued_bytes: limit("max_queued_bytes", &self.max_queued_bytes, "B")?,
            when_queue_full: chosen("when_queue_full", &self.when_queue_full)?,
            silence_looks: match check {
                0 => SilenceLooks::Exact,
                every => SilenceLooks::EverySeconds(every),
            },
            keep_alive_before_connect_s: seconds("connect_timeout", &self.connect_timeout)?,
            deliver_qos_2_on: chosen("qos_2_forwarded_on", &self.qos_2_forwarded_on)?,
            forward_before_acknowledging: chosen("acknowledges", &self.acknowledges)?
                == Acknowledges::AfterForwarding,
            overlapping_subscriptions: chosen("overlapping_filters", &self.overlapping_filters)?,
            accept_empty_client_identifier: chosen("accepts_empty_client_id", &self.accepts_empty_client_id)?,
            ignore_publish_to_sys: chosen("publish_to_sys", &self.publish_to_sys)? == PublishToSys::Ignored,
            max_connections: limit("max_connections", &self.max_connections, "1")?,
            max_packet_bytes: if max_packet == 0 { u32::MAX } else { max_packet },
            max_topic_levels: limit("max_topic_levels", &self.max_topic_levels, "1")?,
            fault_codes: chosen("fault_codes", &self.fault_codes)?,
            ignore_subscription_identifiers: chosen(
                "ignores_subscription_ids",
                &self.ignores_subscription_ids,
            )?,
            accept_bridges: chosen("accepts_bridges", &self.accepts_bridges)?,
            beyond_inbound_window: chosen("beyond_inbound_window", &self.beyond_inbound_window)?,
            tolerance: Tolerance {
                dup_at_qos_0: chosen("accepts_dup_at_qos_0", &self.accepts_dup_at_qos_0)?,
                surplus_bytes: chosen("accepts_surplus_bytes", &self.accepts_surplus_bytes)?,
            },
            retry_after: Some(Duration::from_nanos(retry.round() as u64)).filter(|after| !after.is_zero()),
            limit_v3_1_identifiers: chosen("limits_v3_1_ids", &self.limits_v3_1_ids)?,
            shared_subscriptions: chosen("shared_subscriptions", &self.shared_subscriptions)?,
            topic_alias_maximum: limit("topic_alias_maximum", &self.topic_alias_maximum, "1")?,
            topic_aliases_outbound: limit("topic_aliases_outbound", &self.topic_aliases_outbound, "1")?,
            max_keep_alive_s: match self.max_keep_alive {
                Some(_) => seconds("max_keep_alive", &self.max_keep_alive)?,
                None => 0,
            },
            max_session_expiry_s: match self.max_session_expiry {
                Some(_) => seconds("max_session_expiry", &self.max_session_expiry)?,
                None => u32::MAX,
            },
            maximum_qos: maximum_qos.and_then(QoS::from_bits).unwrap_or(QoS::ExactlyOnce),
            ..BrokerConfig::default()
        })
    }
}

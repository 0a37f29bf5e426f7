//! Brokers and clients: what their profiles say, with what the scenario changes.

use std::sync::Arc;
use std::time::Duration;

use models::mqtt::broker::{AccessList, AccessRule, Authentication, Who};
use models::mqtt::timers::silence::SilenceLooks;
use models::mqtt::{BrokerConfig, QoS, Version};
use models::profile::{Acknowledges, BackOff, BrokerProfile, ClientProfile, PublishToSys};

use super::super::names::{ClientId, KeepAlive, Template};
use super::super::quantity::Span;
use super::super::schema::{self, BrokerRole, ClientTls, Host, Mqtt, Role, Scenario, User, Will};

/// Settings of a broker: its profile's, with the changes of the role.
#[derive(Clone, PartialEq, Debug)]
pub struct Broker {
    /// TCP port.
    pub port: u16,
    /// Its behaviour and limits.
    pub config: BrokerConfig,
    /// Connections that wait to be accepted; `None` is no limit.
    pub listen_backlog: Option<u32>,
}

/// Settings of an MQTT client.
#[derive(Clone, PartialEq, Debug)]
pub struct Client {
    /// The broker's place in [`super::Loaded::groups`].
    pub broker: usize,
    /// The broker's port.
    pub port: u16,
    /// How its library behaves.
    pub profile: Arc<ClientProfile>,
    /// The version of MQTT it speaks.
    pub version: Version,
    /// The keys of MQTT 5.0 and whatever else stands in the file.
    pub written: Mqtt,
    /// Client Identifier of a member.
    pub client_id: Template,
    /// Keep Alive in seconds; 0 is off.
    pub keep_alive_s: u16,
    /// Clean Session.
    pub clean_session: bool,
    /// User Name.
    pub user: Option<String>,
    /// Password.
    pub password: Option<String>,
    /// The Will.
    pub will: Option<Will>,
    /// When member 0 connects, from the start of the run.
    pub connect_at: Duration,
    /// Member *i* connects this much times *i* later.
    pub stagger: Duration,
    /// When the client disconnects, from the start of the run.
    pub disconnect_at: Option<Duration>,
    /// The client closes and connects anew at this distance.
    pub reconnect_every: Option<Duration>,
    /// QoS 1 and 2 messages in flight; 0 is no limit.
    pub max_inflight: u16,
    /// How it comes back after a failure.
    pub back_off: BackOff,
    /// Its TLS.
    pub tls: Option<ClientTls>,
}

pub(super) fn broker(role: &BrokerRole, profile: &BrokerProfile) -> Broker {
    let mut config = profile.config.clone();
    let count = |limit: u32| limit.min(u32::from(u16::MAX)) as u16;
    set(&mut config.max_inflight, role.max_inflight.map(count));
    set(&mut config.max_inflight_inbound, role.max_inflight_inbound.map(count));
    set(&mut config.beyond_inbound_window, role.beyond_inbound_window);
    set(&mut config.max_queued, role.max_queued);
    set(&mut config.max_queued_bytes, role.max_queued_bytes.map(|size| size.0));
    set(&mut config.when_queue_full, role.when_queue_full);
    set(
        &mut config.silence_looks,
        role.keep_alive_check.map(|every| SilenceLooks::EverySeconds(every.0.as_secs().max(1) as u32)),
    );
    set(&mut config.deliver_qos_2_on, role.qos_2_forwarded_on);
    set(
        &mut config.forward_before_acknowledging,
        role.acknowledges.map(|order| order == Acknowledges::AfterForwarding),
    );
    set(&mut config.overlapping_subscriptions, role.overlapping_filters);
    set(&mut config.ignore_publish_to_sys, role.publish_to_sys.map(|what| what == PublishToSys::Ignored));
    set(&mut config.max_connections, role.max_connections);
    set(&mut config.max_packet_bytes, role.max_packet.map(|size| size.0 as u32));
    set(&mut config.retry_after, role.retry_after.map(|span| Some(span.0).filter(|span| !span.is_zero())));
    set(&mut config.newest_version, role.newest_version.map(|version| version.0));
    set(&mut config.shared_subscriptions, role.shared_subscriptions);
    set(&mut config.topic_alias_maximum, role.topic_alias_maximum);
    set(&mut config.topic_aliases_outbound, role.topic_aliases_outbound);
    set(&mut config.max_keep_alive_s, role.max_keep_alive.map(|KeepAlive(seconds)| seconds));
    set(
        &mut config.max_session_expiry_s,
        role.max_session_expiry.map(|span| span.0.as_secs().min(u64::from(u32::MAX)) as u32),
    );
    set(
        &mut config.maximum_qos,
        role.maximum_qos.map(|qos| QoS::from_bits(qos.0).unwrap_or(QoS::ExactlyOnce)),
    );
    set(&mut config.retain_available, role.retain_available);
    if let Some(users) = &role.users {
        let one = |user: &User| (Arc::from(user.name.as_str()), Arc::from(user.password.as_bytes()));
        config.authentication = Authentication::Passwords(users.iter().map(one).collect());
    }
    config.access = role.access.as_ref().map(|rules| {
        let rules = rules.iter().map(access_rule).collect();
        let checks_subscriptions = role.checks_subscriptions.unwrap_or(profile.checks_subscriptions);
        Arc::new(AccessList { rules, checks_subscriptions })
    });
    Broker { port: role.port(), config, listen_backlog: role.listen_backlog.or(profile.listen_backlog) }
}

fn access_rule(rule: &schema::AccessRule) -> AccessRule {
    let who = match (&rule.user, rule.everyone) {
        (Some(user), _) => Who::User(Arc::from(user.as_str())),
        (None, true) => Who::Everyone,
        (None, false) => Who::Anonymous,
    };
    AccessRule { who, right: rule.right, filter: Arc::from(rule.topic.0.as_str()) }
}

fn set<T>(value: &mut T, change: Option<T>) {
    if let Some(change) = change {
        *value = change;
    }
}

pub(super) fn client(
    scenario: &Scenario,
    name: &str,
    host: &Host,
    profile: Arc<ClientProfile>,
    broker: usize,
) -> Client {
    let mqtt = host.mqtt.clone().unwrap_or_default();
    let written = mqtt.clone();
    let Mqtt { client_id, keep_alive, clean_session, user, password, will, max_inflight, tls, .. } = mqtt;
    let port = match &scenario.hosts[broker].1.role {
        Role::Broker(role) => role.port(),
        Role::Publisher(_)
        | Role::Camera(_)
        | Role::Burst(_)
        | Role::Subscriber(_)
        | Role::Steps(_)
        | Role::SensorNode(_)
        | Role::ServerNode(_)
        | Role::Gateway(_)
        | Role::CloudSink(_)
        | Role::Service(_)
        | Role::Visitor(_) => {
            unreachable!("checked to be a broker")
        }
    };
    let own_name = || {
        let text = if host.count > 1 { format!("{name}-{{index}}") } else { name.to_owned() };
        Template::parse(&text).expect("host names have no braces")
    };
    Client {
        broker,
        port,
        client_id: client_id.map_or_else(own_name, |ClientId(template)| template),
        keep_alive_s: keep_alive.map_or(profile.keep_alive_s, |KeepAlive(seconds)| seconds),
        clean_session: clean_session.unwrap_or(true),
        user,
        password,
        will,
        connect_at: mqtt.connect_at.get(),
        stagger: mqtt.stagger.get(),
        disconnect_at: mqtt.disconnect_at.map(Span::get),
        reconnect_every: mqtt.reconnect_every.map(Span::get),
        max_inflight: max_inflight
            .map_or(profile.max_inflight, |limit| limit.min(u32::from(u16::MAX)) as u16),
        back_off: mqtt.reconnect.map_or(profile.back_off, |reconnect| BackOff {
            first: reconnect.first.0,
            factor: reconnect.factor,
            longest: reconnect.longest.unwrap_or(reconnect.first).0,
            jitter: reconnect.jitter.0,
        }),
        version: mqtt.version.map_or(profile.versions[0], |version| version.0),
        tls,
        profile,
        written,
    }
}

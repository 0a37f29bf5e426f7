//! Bridges between brokers.

use std::num::NonZeroU16;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use models::app::{BridgePlan, BrokerProgram};
use models::host::secure::Secured;
use models::mqtt::{BrokerConfig, ClientConfig, Properties, QoS, TopicName, Will};
use models::stream::Payload;
use sim_core::random::Streams;

use super::super::load::{Group, Loaded};
use super::super::names::KeepAlive;
use super::super::schema::{Bridge, Role};
use super::Numbering;
use super::properties::seconds;
use super::tls;

/// Mosquitto's waits: mosquitto.conf(5), `restart_timeout`.
const RESTART_BASE: Duration = Duration::from_secs(5);
const RESTART_CAP: Duration = Duration::from_secs(30);

/// The bridges that stand in a group's role.
pub(super) fn of(group: &Group) -> &[Bridge] {
    match &group.role {
        Role::Broker(role) => &role.bridges,
        _ => &[],
    }
}

/// The place of the broker that a bridge leads to.
pub(super) fn remote(loaded: &Loaded, bridge: &Bridge) -> usize {
    let named = |group: &Group| *group.name == *bridge.to;
    loaded.groups.iter().position(named).expect("checked to be a broker")
}

/// Gives a broker its bridges.
pub(super) fn build(
    mut program: BrokerProgram,
    loaded: &Loaded,
    group: &Group,
    numbering: &Numbering,
    streams: &Streams,
) -> BrokerProgram {
    let Some(settings) = &group.broker else { return program };
    for (number, bridge) in of(group).iter().enumerate() {
        let remote = remote(loaded, bridge);
        let there = loaded.groups[remote].broker.as_ref().expect("checked to be a broker");
        let name = bridge.name(&group.name);
        let state = format!("$SYS/broker/connection/{name}/state");
        let state_topic = TopicName::new(&state).expect("a checked name");
        let restart_base = bridge.restart_base.map_or(RESTART_BASE, |span| span.0);
        let plan = BridgePlan {
            remote: numbering.host(remote),
            port: there.port,
            secured: secured(loaded, remote, bridge),
            topics: bridge.lines().expect("checked lines"),
            client: client(bridge, name, &state_topic, &settings.config),
            state_topic,
            restart_base,
            restart_cap: bridge.restart_cap.map_or(RESTART_CAP, |span| span.0).max(restart_base),
        };
        let chance = streams.stream_indexed(&format!("bridge/{}", group.name), number as u64);
        program = program.with_bridge(Rc::new(plan), chance);
    }
    program
}

fn secured(loaded: &Loaded, remote: usize, bridge: &Bridge) -> Secured {
    let offered = tls::broker_tls(&loaded.groups[remote]);
    match (&bridge.tls, offered) {
        (Some(own), Some(offered)) => Secured::With(Arc::new(tls::client(own, offered, false))),
        (Some(_), None) | (None, _) => Secured::Plain,
    }
}

// The limits of the broker's clients are those of its bridges too, as in Mosquitto.
fn client(bridge: &Bridge, name: &str, state_topic: &TopicName, broker: &BrokerConfig) -> ClientConfig {
    let will = Will {
        topic: state_topic.clone(),
        payload: Payload::from(&b"0"[..]),
        qos: QoS::AtLeastOnce,
        retain: true,
        properties: None,
    };
    // As Mosquitto 2.0.20: a Receive Maximum, and no Session Expiry Interval.
    let properties = Properties {
        receive_maximum: NonZeroU16::new(broker.max_inflight_inbound),
        session_expiry_interval_s: bridge.session_expiry.map(seconds),
        ..Properties::default()
    };
    let version = bridge.version();
    ClientConfig {
        bridge: true,
        version,
        connect_properties: version.has_properties().then(|| properties.boxed()).flatten(),
        clean_session: bridge.clean_session,
        keep_alive_s: bridge.keep_alive.map_or(60, |KeepAlive(seconds)| seconds),
        user_name: bridge.user.as_deref().map(Arc::from),
        password: bridge.password.as_deref().map(|text| Arc::from(text.as_bytes())),
        will: Some(Box::new(will)),
        max_inflight: broker.max_inflight,
        max_queued: broker.max_queued,
        max_packet_bytes: broker.max_packet_bytes,
        deliver_qos_2_on: broker.deliver_qos_2_on,
        ..ClientConfig::libmosquitto(name)
    }
}

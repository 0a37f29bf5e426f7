//! What the contract has to know of a client of the scenario.

use std::time::Duration;

use models::mqtt::{TopicFilter, Version};

use crate::scenario::load::{Client, Group};
use crate::scenario::schema::{Act, MessageProperties, Role, Step, Subscription};

/// A client of the scenario.
#[derive(Clone, Debug)]
pub(super) struct Party {
    /// Whether its session outlives a connection.
    pub(super) keeps_session: bool,
    pub(super) filters: Vec<Wanted>,
    /// Whether it has shared subscriptions.
    pub(super) shares: bool,
    /// Whether it subscribes in several steps: which SUBACK stands for which filter is not on record.
    pub(super) changes: bool,
    /// Whether it publishes something that expires, or drops what it publishes.
    pub(super) unusual: bool,
    /// Whether it publishes something that is retained.
    pub(super) retains: bool,
    /// Whether it takes packets up to some size only: what is longer is dropped (MQTT 5.0 §3.1.2.11.4).
    pub(super) limited: bool,
    /// Whether it is there at given instants only: it does its steps, or sleeps in between.
    pub(super) comes_and_goes: bool,
    pub(super) broker: usize,
}

/// What a client subscribes to.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) filter: TopicFilter,
    pub(super) qos: u8,
    /// MQTT 5.0 §3.8.3.1
    pub(super) no_local: bool,
}

pub(super) fn party(group: &Group, client: &Client, index: u32, duration: Duration) -> Party {
    let wanted = subscriptions(&group.role);
    let (shared, own): (Vec<_>, Vec<_>) =
        wanted.into_iter().partition(|one| one.filter.0.expand(index).starts_with("$share/"));
    let filters = own.iter().filter_map(|one| {
        let filter = TopicFilter::new(&one.filter.0.expand(index)).ok()?;
        Some(Wanted { filter, qos: one.qos.0, no_local: one.no_local == Some(true) })
    });
    // MQTT 5.0 §3.1.2.11.2: without a Session Expiry Interval the session ends with the connection. One that may
    // expire in the run is taken for one that does.
    let expiry = client.written.session_expiry.map_or(Duration::ZERO, |expiry| expiry.0);
    let outlives = client.version != Version::V5_0 || expiry >= duration;
    Party {
        keeps_session: !client.clean_session && outlives,
        filters: filters.collect(),
        shares: !shared.is_empty(),
        changes: matches!(&group.role, Role::Steps(role) if role.steps.iter().filter(|step| asks(step)).count() > 1),
        unusual: unusual(&group.role),
        retains: retains(&group.role),
        limited: client.written.maximum_packet_size.is_some(),
        comes_and_goes: comes_and_goes(&group.role),
        broker: client.broker,
    }
}

/// What a role subscribes to, in all of its steps.
pub(crate) fn subscriptions(role: &Role) -> Vec<&Subscription> {
    match role {
        Role::Subscriber(role) => role.filters.iter().collect(),
        Role::Steps(role) => {
            let mut wanted = Vec::new();
            for step in &role.steps {
                if let Act::Subscribe(subscribe) = &step.act {
                    wanted.extend(&subscribe.filters);
                }
            }
            wanted
        }
        Role::Broker(_)
        | Role::Publisher(_)
        | Role::Camera(_)
        | Role::Burst(_)
        | Role::Visitor(_)
        | Role::SensorNode(_)
        | Role::ServerNode(_)
        | Role::Gateway(_)
        | Role::CloudSink(_)
        | Role::Service(_) => Vec::new(),
    }
}

fn asks(step: &Step) -> bool {
    matches!(step.act, Act::Subscribe(_) | Act::Unsubscribe(_))
}

fn comes_and_goes(role: &Role) -> bool {
    match role {
        Role::Steps(_) | Role::SensorNode(_) => true,
        Role::Publisher(role) => role.sleep.is_some(),
        Role::Broker(_) | Role::Camera(_) | Role::Burst(_) | Role::Subscriber(_) | Role::Visitor(_) => false,
        Role::ServerNode(_) | Role::Gateway(_) | Role::CloudSink(_) | Role::Service(_) => false,
    }
}

/// Whether something that the client publishes is retained.
pub(super) fn retains(role: &Role) -> bool {
    match role {
        Role::Publisher(role) => role.retain,
        Role::Burst(role) => role.retain,
        Role::Steps(role) => role.steps.iter().any(|step| match &step.act {
            Act::Publish(publish) => publish.retain,
            _ => false,
        }),
        Role::Broker(_) | Role::Camera(_) | Role::Subscriber(_) | Role::Visitor(_) => false,
        Role::SensorNode(_) | Role::ServerNode(_) | Role::Gateway(_) => false,
        Role::CloudSink(_) | Role::Service(_) => false,
    }
}

/// Whether something that the client publishes expires.
fn unusual(role: &Role) -> bool {
    let expires = |properties: &Option<MessageProperties>| {
        properties.as_ref().is_some_and(|properties| properties.message_expiry.is_some())
    };
    match role {
        Role::Publisher(role) => expires(&role.properties),
        Role::Burst(role) => expires(&role.properties),
        Role::Steps(role) => role.steps.iter().any(|step| match &step.act {
            Act::Publish(publish) => expires(&publish.properties),
            _ => false,
        }),
        Role::Broker(_) | Role::Camera(_) | Role::Subscriber(_) | Role::Visitor(_) => false,
        Role::Service(_) => false,
        // Programs that drop what they publish when the connection is gone.
        Role::SensorNode(_) | Role::ServerNode(_) | Role::Gateway(_) | Role::CloudSink(_) => true,
    }
}

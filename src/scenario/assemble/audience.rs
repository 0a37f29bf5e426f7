//! Who subscribes to what at which broker: from it follows how many deliveries a message owes.

use std::collections::BTreeSet;

use models::mqtt::{TopicFilter, TopicName, matches};

use super::super::load::{AlertGroup, Loaded};
use super::super::schema::{Act, Role, Subscription};
use super::client::filter;

/// The subscribers of a scenario. Those of a shared subscription are one; a client with steps counts with
/// all filters that it ever subscribes to, whenever that is.
pub(super) struct Audience {
    listeners: Vec<(usize, Vec<TopicFilter>)>,
    /// Broker, and `group/filter` without the name of the group.
    shared: BTreeSet<(usize, String, String)>,
}

impl Audience {
    pub(super) fn of(loaded: &Loaded) -> Self {
        let mut audience = Audience { listeners: Vec::new(), shared: BTreeSet::new() };
        for group in &loaded.groups {
            let Some(client) = &group.client else { continue };
            let wanted: Vec<&Subscription> = match &group.role {
                Role::Subscriber(role) => role.filters.iter().collect(),
                Role::Steps(role) => role
                    .steps
                    .iter()
                    .filter_map(|step| match &step.act {
                        Act::Subscribe(subscribe) => Some(&subscribe.filters),
                        _ => None,
                    })
                    .flatten()
                    .collect(),
                Role::ServerNode(_) => {
                    if let Some(AlertGroup::Server(server)) = &group.alert {
                        audience.listeners.push((client.broker, server.filters()));
                    }
                    continue;
                }
                // They listen to each other as their own messages say.
                Role::SensorNode(_)
                | Role::Broker(_)
                | Role::Publisher(_)
                | Role::Camera(_)
                | Role::Burst(_)
                | Role::Visitor(_) => continue,
            };
            for index in 0..group.count {
                audience.add(client.broker, &wanted, index);
            }
        }
        audience
    }

    fn add(&mut self, broker: usize, wanted: &[&Subscription], index: u32) {
        let mut own = Vec::new();
        for one in wanted {
            let text = one.filter.0.expand(index);
            match text.strip_prefix("$share/").and_then(|rest| rest.split_once('/')) {
                Some((name, inner)) => {
                    self.shared.insert((broker, name.to_owned(), inner.to_owned()));
                }
                None => own.push(filter(&text)),
            }
        }
        if !own.is_empty() {
            self.listeners.push((broker, own));
        }
    }

    /// Number of subscribers at `broker` that a message on `topic` is meant for.
    pub(super) fn expected(&self, broker: usize, topic: &TopicName) -> u32 {
        let hears = |(at, filters): &&(usize, Vec<TopicFilter>)| {
            *at == broker && filters.iter().any(|filter| matches(filter, topic))
        };
        let groups = self.shared.iter().filter(|(at, _, inner)| {
            *at == broker && TopicFilter::new(inner).is_ok_and(|inner| matches(&inner, topic))
        });
        (self.listeners.iter().filter(hears).count() + groups.count()) as u32
    }
}

//! Who subscribes to what at which broker: from it follows how many deliveries a message owes.

use std::collections::BTreeSet;

use models::mqtt::bridge::{BridgeTopic, name_in, name_out};
use models::mqtt::{TopicFilter, TopicName, matches};

use super::super::load::{AlertGroup, Loaded};
use super::super::schema::{Act, Role, Subscription};
use super::bridge;
use super::client::filter;

/// The subscribers of a scenario. Those of a shared subscription are one; a client with steps counts with
/// all filters that it ever subscribes to, whenever that is.
pub(super) struct Audience {
    listeners: Vec<Listener>,
    /// Broker, and `group/filter` without the name of the group.
    shared: BTreeSet<(usize, String, String)>,
    /// Bridges: the broker that has it, the other, and what passes.
    bridges: Vec<(usize, usize, Vec<BridgeTopic>)>,
}

/// A client and what it subscribes to.
struct Listener {
    broker: usize,
    who: Member,
    filters: Vec<Wanted>,
}

/// The place of a group and the number of its member.
pub(super) type Member = (usize, u32);

struct Wanted {
    filter: TopicFilter,
    /// MQTT 5.0 §3.8.3.1: not its own messages.
    no_local: bool,
}

impl Audience {
    pub(super) fn of(loaded: &Loaded) -> Self {
        let mut audience = Audience { listeners: Vec::new(), shared: BTreeSet::new(), bridges: Vec::new() };
        for (place, group) in loaded.groups.iter().enumerate() {
            for own in bridge::of(group) {
                let lines = own.lines().expect("checked lines");
                audience.bridges.push((place, bridge::remote(loaded, own), lines));
            }
        }
        for (place, group) in loaded.groups.iter().enumerate() {
            let Some(client) = &group.client else { continue };
            let wanted: Vec<&Subscription> = match &group.role {
                Role::Subscriber(role) => role.filters.iter().collect(),
                Role::CloudSink(role) => role.filters.iter().collect(),
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
                        let wanted = |filter| Wanted { filter, no_local: false };
                        let filters = server.filters().into_iter().map(wanted).collect();
                        audience.listeners.push(Listener { broker: client.broker, who: (place, 0), filters });
                    }
                    continue;
                }
                // They listen to each other as their own messages say.
                Role::SensorNode(_)
                // It takes readings only, and a node counts on somebody for each.
                | Role::Gateway(_)
                | Role::Service(_)
                | Role::Broker(_)
                | Role::Publisher(_)
                | Role::Camera(_)
                | Role::Burst(_)
                | Role::Visitor(_) => continue,
            };
            for index in 0..group.count {
                audience.add(client.broker, &wanted, (place, index));
            }
        }
        audience
    }

    fn add(&mut self, broker: usize, wanted: &[&Subscription], who: Member) {
        let mut filters = Vec::new();
        for one in wanted {
            let text = one.filter.0.expand(who.1);
            match text.strip_prefix("$share/").and_then(|rest| rest.split_once('/')) {
                Some((name, inner)) => {
                    self.shared.insert((broker, name.to_owned(), inner.to_owned()));
                }
                None => {
                    let no_local = one.no_local.unwrap_or_default();
                    filters.push(Wanted { filter: filter(&text), no_local });
                }
            }
        }
        if !filters.is_empty() {
            self.listeners.push(Listener { broker, who, filters });
        }
    }

    /// Number of subscribers that a message of `publisher` on `topic` at `broker` is meant for, behind bridges
    /// too.
    pub(super) fn expected(&self, broker: usize, publisher: Member, topic: &TopicName) -> u32 {
        let mut reached = vec![(broker, topic.clone())];
        let mut next = 0;
        let mut expected = 0;
        while let Some((at, topic)) = reached.get(next).cloned() {
            next += 1;
            expected += self.expected_at(at, publisher, &topic);
            for (from, to, lines) in &self.bridges {
                let out = if *from == at { name_out(lines, &topic).map(|name| (*to, name)) } else { None };
                let back = if *to == at { name_in(lines, &topic).map(|name| (*from, name)) } else { None };
                for (there, name) in out.into_iter().chain(back) {
                    // Each broker counts once: a message does not go back where it came from.
                    if !reached.iter().any(|(known, _)| *known == there) {
                        reached.push((there, name));
                    }
                }
            }
        }
        expected
    }

    fn expected_at(&self, broker: usize, publisher: Member, topic: &TopicName) -> u32 {
        let hears = |listener: &&Listener| {
            let wants = |wanted: &Wanted| {
                matches(&wanted.filter, topic) && !(wanted.no_local && listener.who == publisher)
            };
            listener.broker == broker && listener.filters.iter().any(wants)
        };
        let groups = self.shared.iter().filter(|(at, _, inner)| {
            *at == broker && TopicFilter::new(inner).is_ok_and(|inner| matches(&inner, topic))
        });
        (self.listeners.iter().filter(hears).count() + groups.count()) as u32
    }
}

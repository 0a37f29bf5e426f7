//! Shared subscriptions: each message goes to one of a group. MQTT 5.0 §4.8.2
//!
//! A group is one subscriber of the subscription tree. Its members take turns in the order in which
//! they subscribed; those without a connection are passed over as long as one has one.

use crate::mqtt::broker::{Broker, Session, SessionIndex, SharedSubscriptions};
use crate::mqtt::packet::Version;
use crate::mqtt::subscriptions::Granted;
use crate::mqtt::topic::TopicFilter;
use slab::Slab;

/// Who subscribes: a session or a group, in four bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct SubscriberIndex(u32);

/// The same, told apart.
pub(super) enum Subscriber {
    Session(SessionIndex),
    Group(u32),
}

const GROUP: u32 = 1 << 31;

impl SubscriberIndex {
    pub(super) fn session(session: SessionIndex) -> Self {
        assert!(session.0 < GROUP, "fewer than 2 G sessions");
        SubscriberIndex(session.0)
    }

    fn group(group: u32) -> Self {
        SubscriberIndex(group | GROUP)
    }

    pub(super) const fn either(self) -> Subscriber {
        match self.0 & GROUP {
            0 => Subscriber::Session(SessionIndex(self.0)),
            _ => Subscriber::Group(self.0 & !GROUP),
        }
    }
}

/// The members of one shared subscription.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    members: Vec<(SessionIndex, Granted)>,
    next: usize,
}

impl Group {
    // Returns whether the session is new here.
    fn join(&mut self, session: SessionIndex, granted: Granted) -> bool {
        match self.members.iter_mut().find(|member| member.0 == session) {
            Some(member) => {
                member.1 = granted;
                false
            }
            None => {
                self.members.push((session, granted));
                true
            }
        }
    }

    // Returns whether the session was here.
    fn leave(&mut self, session: SessionIndex) -> bool {
        let Some(at) = self.members.iter().position(|member| member.0 == session) else { return false };
        self.members.remove(at);
        // The turn stays with whoever has it.
        self.next -= usize::from(at < self.next);
        true
    }

    /// Whose turn it is; with `take` it is taken.
    pub(super) fn turn(&mut self, sessions: &Slab<Session>, take: bool) -> Option<(SessionIndex, Granted)> {
        let count = self.members.len();
        let order = || (0..count).map(|i| (self.next + i) % count);
        let here = |at: &usize| sessions[self.members[*at].0.0 as usize].connection.is_some();
        let at = order().find(here).or_else(|| order().next())?;
        if take {
            self.next = (at + 1) % count;
        }
        Some(self.members[at])
    }
}

/// The parts of `$share/name/filter`. MQTT 5.0 §4.8.2
pub(super) fn shared_part(filter: &TopicFilter) -> Option<Result<TopicFilter, ()>> {
    let (name, inner) = match filter.as_str().strip_prefix("$share/")?.split_once('/') {
        Some(parts) => parts,
        None => return Some(Err(())),
    };
    let name_is_good = !name.is_empty() && !name.contains(['+', '#']);
    Some(TopicFilter::new(inner).ok().filter(|_| name_is_good).ok_or(()))
}

impl Broker {
    pub(super) const fn shares_for(&self, version: Version) -> bool {
        match self.config.shared_subscriptions {
            SharedSubscriptions::Off => false,
            SharedSubscriptions::Version5 => version.has_properties(),
            SharedSubscriptions::AllVersions => true,
        }
    }

    /// Adds a subscription, or replaces what was granted. Returns whether it is new.
    pub(super) fn subscribe_session(
        &mut self,
        session: SessionIndex,
        filter: &TopicFilter,
        shared: Option<TopicFilter>,
        granted: Granted,
    ) -> bool {
        let added = match shared {
            None => self.subscriptions.insert(filter, SubscriberIndex::session(session), granted),
            Some(inner) => self.join_group(session, filter, &inner, granted),
        };
        if added {
            self.session(session).subscriptions.push(filter.clone());
        }
        added
    }

    fn join_group(
        &mut self,
        session: SessionIndex,
        filter: &TopicFilter,
        inner: &TopicFilter,
        granted: Granted,
    ) -> bool {
        let group = match self.group_of_filter.get(filter) {
            Some(group) => *group,
            None => {
                let group =
                    u32::try_from(self.groups.insert(Group::default())).expect("fewer than 4 G groups");
                self.group_of_filter.insert(filter.clone(), group);
                self.subscriptions.insert(inner, SubscriberIndex::group(group), granted);
                group
            }
        };
        let added = self.groups[group as usize].join(session, granted);
        self.shared_members += usize::from(added);
        added
    }

    /// Takes a subscription away. Returns whether it was there.
    pub(super) fn unsubscribe_session(&mut self, session: SessionIndex, filter: &TopicFilter) -> bool {
        let Some(group) = self.group_of_filter.get(filter).copied() else {
            return self.subscriptions.remove(filter, SubscriberIndex::session(session));
        };
        let members = &mut self.groups[group as usize];
        let removed = members.leave(session);
        self.shared_members -= usize::from(removed);
        if members.members.is_empty() {
            self.groups.remove(group as usize);
            self.group_of_filter.remove(filter);
            if let Some(Ok(inner)) = shared_part(filter) {
                self.subscriptions.remove(&inner, SubscriberIndex::group(group));
            }
        }
        // A client of another version may have the same text as an ordinary filter.
        removed || self.subscriptions.remove(filter, SubscriberIndex::session(session))
    }
}

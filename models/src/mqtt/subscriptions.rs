//! Who wants what: the subscription tree of a server. MQTT 3.1.1 §4.7
//!
//! Filters without wildcards, the great majority in a fleet, are found by one ordered lookup of the
//! whole name. Filters with wildcards live in a tree with one node a level; it is walked only when
//! there are any. Matches come out in a fixed order: exact first, then by level, literal before `+`
//! before `#`, and within one filter in order of the sessions.

use std::collections::BTreeMap;
use std::sync::Arc;

use slab::Slab;
use smallvec::SmallVec;

use crate::mqtt::packet::{QoS, SubscriptionOptions};
use crate::mqtt::topic::{TopicFilter, TopicName};

/// What a subscription was granted: QoS, No Local, Retain As Published and the Subscription Identifier,
/// together in four bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Granted(u32);

impl From<QoS> for Granted {
    fn from(qos: QoS) -> Self {
        Granted(u32::from(qos.level()))
    }
}

impl Granted {
    /// Of these options, with a Subscription Identifier (MQTT 5.0 §3.8.2.1.2) of 28 bits; 0: none.
    #[must_use]
    pub fn new(options: SubscriptionOptions, identifier: u32) -> Self {
        debug_assert!(identifier < 1 << 28, "a Subscription Identifier");
        // Retain Handling matters only while subscribing.
        Granted(identifier << 4 | u32::from(options.byte() & 0x0F))
    }

    /// The highest QoS at which messages are to be sent.
    #[must_use]
    pub const fn qos(self) -> QoS {
        match self.0 & 3 {
            0 => QoS::AtMostOnce,
            1 => QoS::AtLeastOnce,
            _ => QoS::ExactlyOnce,
        }
    }

    /// Whether messages of the subscriber itself are left out.
    #[must_use]
    pub const fn no_local(self) -> bool {
        self.0 & 1 << 2 != 0
    }

    /// Whether RETAIN stays as the publisher set it.
    #[must_use]
    pub const fn retain_as_published(self) -> bool {
        self.0 & 1 << 3 != 0
    }

    /// The Subscription Identifier; 0: none.
    #[must_use]
    pub const fn identifier(self) -> u32 {
        self.0 >> 4
    }

    /// One copy for two subscriptions of one session: the higher QoS, RETAIN as published if either
    /// wants it, the identifier of this one.
    #[must_use]
    pub fn joined(self, other: Granted) -> Self {
        let qos = self.qos().max(other.qos());
        Granted(self.0 & !3 | other.0 & 1 << 3 | u32::from(qos.level()))
    }
}

/// One session's wish for one filter. `S` names the session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Subscription<S> {
    /// Whose.
    pub session: S,
    /// What it was granted.
    pub granted: Granted,
}

/// More subscribers of one filter than this are kept in a tree.
const FEW: usize = 32;

/// The subscribers of one filter, in order of their sessions: mostly one, sometimes a whole fleet.
#[derive(Clone, Debug)]
enum Subscribers<S> {
    Few(SmallVec<[Subscription<S>; 2]>),
    Many(BTreeMap<S, Granted>),
}

impl<S: Copy + Ord> Subscribers<S> {
    fn none() -> Self {
        Subscribers::Few(SmallVec::new())
    }

    fn is_empty(&self) -> bool {
        match self {
            Subscribers::Few(few) => few.is_empty(),
            Subscribers::Many(many) => many.is_empty(),
        }
    }

    // Returns whether the session is new here.
    fn insert(&mut self, session: S, granted: Granted) -> bool {
        match self {
            Subscribers::Few(few) => match few.binary_search_by_key(&session, |held| held.session) {
                Ok(at) => {
                    few[at].granted = granted;
                    false
                }
                Err(at) if few.len() < FEW => {
                    few.insert(at, Subscription { session, granted });
                    true
                }
                Err(_) => {
                    let mut many: BTreeMap<S, Granted> =
                        few.iter().map(|held| (held.session, held.granted)).collect();
                    many.insert(session, granted);
                    *self = Subscribers::Many(many);
                    true
                }
            },
            Subscribers::Many(many) => many.insert(session, granted).is_none(),
        }
    }

    // Returns whether the session was here.
    fn remove(&mut self, session: S) -> bool {
        match self {
            Subscribers::Few(few) => match few.binary_search_by_key(&session, |held| held.session) {
                Ok(at) => {
                    few.remove(at);
                    true
                }
                Err(_) => false,
            },
            Subscribers::Many(many) => many.remove(&session).is_some(),
        }
    }

    fn for_each(&self, visit: &mut impl FnMut(Subscription<S>)) {
        match self {
            Subscribers::Few(few) => few.iter().copied().for_each(visit),
            Subscribers::Many(many) => {
                many.iter().for_each(|(session, granted)| {
                    visit(Subscription { session: *session, granted: *granted })
                });
            }
        }
    }
}

#[derive(Clone, Debug)]
struct Node<S> {
    parent: usize,
    level: Arc<str>,
    children: BTreeMap<Arc<str>, usize>,
    any_level: Option<usize>,
    // Of the filter that ends here.
    here: Subscribers<S>,
    // Of the filter that goes on with `#` from here.
    all_below: Subscribers<S>,
}

impl<S: Copy + Ord> Node<S> {
    fn below(parent: usize, level: Arc<str>) -> Self {
        let (here, all_below) = (Subscribers::none(), Subscribers::none());
        Node { parent, level, children: BTreeMap::new(), any_level: None, here, all_below }
    }

    fn is_unused(&self) -> bool {
        self.children.is_empty()
            && self.any_level.is_none()
            && self.here.is_empty()
            && self.all_below.is_empty()
    }
}

/// What is still to be done on a walk through the tree.
enum Step<'a> {
    /// Go on below this node with what is left of the topic; `None`: it ended here.
    Enter(usize, Option<&'a str>),
    /// Visit those who want all below this node.
    AllBelow(usize),
}

const ROOT: usize = 0;

/// All subscriptions of a server.
#[derive(Clone, Debug)]
pub struct Subscriptions<S> {
    exact: BTreeMap<TopicFilter, Subscribers<S>>,
    nodes: Slab<Node<S>>,
    count: usize,
    with_wildcard: usize,
}

impl<S: Copy + Ord> Default for Subscriptions<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Copy + Ord> Subscriptions<S> {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        let mut nodes = Slab::new();
        let root = nodes.insert(Node::below(ROOT, Arc::from("")));
        debug_assert_eq!(root, ROOT);
        Subscriptions { exact: BTreeMap::new(), nodes, count: 0, with_wildcard: 0 }
    }

    /// Number of (session, filter) pairs.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds a subscription, or replaces what was granted to the same session and filter
    /// (MQTT 3.1.1 §3.8.4). Returns whether it is new.
    pub fn insert(&mut self, filter: &TopicFilter, session: S, granted: impl Into<Granted>) -> bool {
        let wildcard = filter.has_wildcard();
        let subscribers = match wildcard {
            true => self.subscribers_of_pattern(filter),
            false => self.exact.entry(filter.clone()).or_insert_with(Subscribers::none),
        };
        let added = subscribers.insert(session, granted.into());
        self.count += usize::from(added);
        self.with_wildcard += usize::from(added && wildcard);
        added
    }

    /// Takes a subscription away. Returns whether it was there.
    pub fn remove(&mut self, filter: &TopicFilter, session: S) -> bool {
        let wildcard = filter.has_wildcard();
        let removed = match wildcard {
            true => self.remove_pattern(filter, session),
            false => self.remove_exact(filter, session),
        };
        self.count -= usize::from(removed);
        self.with_wildcard -= usize::from(removed && wildcard);
        removed
    }

    /// Calls `visit` for every subscription that matches `topic`; a session with several matching
    /// filters is visited several times.
    pub fn for_each_match(&self, topic: &TopicName, mut visit: impl FnMut(Subscription<S>)) {
        if let Some(subscribers) = self.exact.get(topic.as_str()) {
            subscribers.for_each(&mut visit);
        }
        if self.with_wildcard > 0 {
            self.walk(topic.as_str(), &mut visit);
        }
    }

    // With a stack of its own: topics may have 65,535 levels.
    fn walk(&self, topic: &str, visit: &mut impl FnMut(Subscription<S>)) {
        // MQTT 3.1.1 §4.7.2: a leading wildcard does not match a leading `$`
        let hidden = topic.starts_with('$');
        let mut steps: SmallVec<[Step; 16]> = SmallVec::new();
        steps.push(Step::Enter(ROOT, Some(topic)));
        while let Some(step) = steps.pop() {
            let (at, rest) = match step {
                Step::Enter(at, rest) => (at, rest),
                Step::AllBelow(at) => {
                    self.nodes[at].all_below.for_each(visit);
                    continue;
                }
            };
            let node = &self.nodes[at];
            let wildcards = !(hidden && at == ROOT);
            // MQTT 3.1.1 §4.7.1.2: the parent level and all below
            if wildcards {
                steps.push(Step::AllBelow(at));
            }
            let Some(rest) = rest else {
                node.here.for_each(visit);
                continue;
            };
            let (level, deeper) = match rest.split_once('/') {
                Some((level, deeper)) => (level, Some(deeper)),
                None => (rest, None),
            };
            if let Some(child) = node.any_level.filter(|_| wildcards) {
                steps.push(Step::Enter(child, deeper));
            }
            // Last pushed, first done.
            if let Some(child) = node.children.get(level) {
                steps.push(Step::Enter(*child, deeper));
            }
        }
    }

    fn subscribers_of_pattern(&mut self, filter: &TopicFilter) -> &mut Subscribers<S> {
        let mut at = ROOT;
        for level in filter.as_str().split('/') {
            if level == "#" {
                return &mut self.nodes[at].all_below;
            }
            at = match self.child(at, level) {
                Some(child) => child,
                None => self.add_child(at, level),
            };
        }
        &mut self.nodes[at].here
    }

    fn child(&self, at: usize, level: &str) -> Option<usize> {
        match level {
            "+" => self.nodes[at].any_level,
            literal => self.nodes[at].children.get(literal).copied(),
        }
    }

    fn add_child(&mut self, at: usize, level: &str) -> usize {
        let level: Arc<str> = Arc::from(level);
        let child = self.nodes.insert(Node::below(at, level.clone()));
        let above = &mut self.nodes[at];
        match &*level {
            "+" => above.any_level = Some(child),
            _literal => drop(above.children.insert(level, child)),
        }
        child
    }

    fn remove_exact(&mut self, filter: &TopicFilter, session: S) -> bool {
        let Some(subscribers) = self.exact.get_mut(filter) else { return false };
        let removed = subscribers.remove(session);
        if subscribers.is_empty() {
            self.exact.remove(filter);
        }
        removed
    }

    fn remove_pattern(&mut self, filter: &TopicFilter, session: S) -> bool {
        let mut at = ROOT;
        let mut below = false;
        for level in filter.as_str().split('/') {
            if level == "#" {
                below = true;
                break;
            }
            let Some(child) = self.child(at, level) else { return false };
            at = child;
        }
        let node = &mut self.nodes[at];
        let removed = if below { &mut node.all_below } else { &mut node.here }.remove(session);
        self.prune(at);
        removed
    }

    // Removes `at` and its ancestors as far as nothing needs them.
    fn prune(&mut self, mut at: usize) {
        while at != ROOT && self.nodes[at].is_unused() {
            let unused = self.nodes.remove(at);
            let above = &mut self.nodes[unused.parent];
            if above.any_level == Some(at) {
                above.any_level = None;
            } else {
                above.children.remove(&unused.level);
            }
            at = unused.parent;
        }
    }
}

#[cfg(test)]
mod tests;

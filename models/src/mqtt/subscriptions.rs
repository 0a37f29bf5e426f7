//! Who wants what: the subscription tree of a server. MQTT 3.1.1 §4.7
//!
//! Filters without wildcards, the great majority in a fleet, are found by one ordered lookup of the
//! whole name. Filters with wildcards live in a tree with one node a level; it is walked only when
//! there are any. Matches come out in a fixed order: exact first, then by level, literal before `+`
//! before `#`, and within one filter in order of subscription.

use std::collections::BTreeMap;
use std::sync::Arc;

use slab::Slab;
use smallvec::SmallVec;

use crate::mqtt::packet::QoS;
use crate::mqtt::topic::{TopicFilter, TopicName};

/// One session's wish for one filter. `S` names the session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Subscription<S> {
    /// Whose.
    pub session: S,
    /// The highest QoS at which messages are to be sent.
    pub qos: QoS,
}

type Subscribers<S> = SmallVec<[Subscription<S>; 2]>;

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

impl<S> Node<S> {
    fn below(parent: usize, level: Arc<str>) -> Self {
        let (here, all_below) = (Subscribers::new(), Subscribers::new());
        Node { parent, level, children: BTreeMap::new(), any_level: None, here, all_below }
    }

    fn is_unused(&self) -> bool {
        self.children.is_empty()
            && self.any_level.is_none()
            && self.here.is_empty()
            && self.all_below.is_empty()
    }
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

impl<S: Copy + Eq> Default for Subscriptions<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Copy + Eq> Subscriptions<S> {
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

    /// Adds a subscription, or replaces the QoS of the same session and filter
    /// (MQTT 3.1.1 §3.8.4). Returns whether it is new.
    pub fn insert(&mut self, filter: &TopicFilter, session: S, qos: QoS) -> bool {
        let wildcard = filter.has_wildcard();
        let subscribers = match wildcard {
            true => self.subscribers_of_pattern(filter),
            false => self.exact.entry(filter.clone()).or_default(),
        };
        if let Some(existing) = subscribers.iter_mut().find(|existing| existing.session == session) {
            existing.qos = qos;
            return false;
        }
        subscribers.push(Subscription { session, qos });
        self.count += 1;
        self.with_wildcard += usize::from(wildcard);
        true
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
            subscribers.iter().copied().for_each(&mut visit);
        }
        if self.with_wildcard > 0 {
            self.walk(ROOT, Some(topic.as_str()), true, &mut visit);
        }
    }

    // The depth of the recursion is that of the tree, which the filters bound.
    fn walk(&self, at: usize, rest: Option<&str>, first: bool, visit: &mut impl FnMut(Subscription<S>)) {
        let node = &self.nodes[at];
        // MQTT 3.1.1 §4.7.2: a leading wildcard does not match a leading `$`
        let hidden = first && rest.is_some_and(|topic| topic.starts_with('$'));
        match rest {
            Some(rest) => {
                let (level, deeper) = match rest.split_once('/') {
                    Some((level, deeper)) => (level, Some(deeper)),
                    None => (rest, None),
                };
                if let Some(&child) = node.children.get(level) {
                    self.walk(child, deeper, false, visit);
                }
                if let Some(child) = node.any_level.filter(|_| !hidden) {
                    self.walk(child, deeper, false, visit);
                }
            }
            None => node.here.iter().copied().for_each(&mut *visit),
        }
        if !hidden {
            // MQTT 3.1.1 §4.7.1.2: the parent level and all below
            node.all_below.iter().copied().for_each(visit);
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
        let removed = remove_session(subscribers, session);
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
        let removed = remove_session(if below { &mut node.all_below } else { &mut node.here }, session);
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

fn remove_session<S: Copy + Eq>(subscribers: &mut Subscribers<S>, session: S) -> bool {
    match subscribers.iter().position(|subscription| subscription.session == session) {
        // Keeps the order of subscription.
        Some(index) => {
            subscribers.remove(index);
            true
        }
        None => false,
    }
}

#[cfg(test)]
mod tests;

//! A scenario that fails, made smaller while it fails in the same way.
//!
//! Takes away hosts, faults, keys and steps, one after another, and shortens the run; begins again until nothing more
//! can go. This is the greedy form of delta debugging (A. Zeller, R. Hildebrandt, "Simplifying and Isolating
//! Failure-Inducing Input", IEEE TSE 28(2), 2002).

use super::check::check;
use super::plan::{Client, Plan, Role};
use crate::scenario::profiles::Library;

/// Runs that are spent at most.
const MOST_RUNS: u32 = 2_000;

/// The smallest plan that was found to fail with this `kind`, beginning with `plan`, which does.
#[must_use]
pub fn shrink(plan: &Plan, kind: &str, library: &Library) -> Plan {
    let mut shrinker = Shrinker { plan: plan.clone(), kind, library, left: MOST_RUNS };
    while shrinker.round() && shrinker.left > 0 {}
    shrinker.plan
}

struct Shrinker<'a> {
    plan: Plan,
    kind: &'a str,
    library: &'a Library,
    left: u32,
}

impl Shrinker<'_> {
    /// One attempt at everything; returns whether anything could go.
    fn round(&mut self) -> bool {
        let before = self.plan.clone();
        self.each(|plan| plan.clients.len(), |plan, at| drop(plan.clients.remove(at)));
        self.each(|plan| plan.brokers.len(), |plan, at| drop(plan.brokers.remove(at)));
        self.each(|plan| plan.faults.len(), |plan, at| drop(plan.faults.remove(at)));
        self.attempt(|plan| plan.trunk = None);
        self.each(|plan| plan.brokers.len(), |plan, at| plan.brokers[at].bridge = None);
        for list in 0..self.lists() {
            let length = |plan: &Plan| keys(plan, list).map_or(0, Vec::len);
            self.each(length, |plan, at| {
                if let Some(list) = keys_mut(plan, list) {
                    list.remove(at);
                }
            });
        }
        self.each(|plan| plan.clients.len(), |plan, at| plan.clients[at].software = "ideal");
        self.each(|plan| plan.clients.len(), |plan, at| plan.clients[at].board = "ideal");
        self.each(|plan| plan.brokers.len(), |plan, at| plan.brokers[at].software = "ideal");
        self.each(|plan| plan.brokers.len(), |plan, at| plan.brokers[at].board = "ideal");
        self.each(|plan| plan.clients.len(), |plan, at| fewer(&mut plan.clients[at]));
        self.attempt(|plan| {
            let active = plan.duration_ms - plan.settle_ms;
            plan.duration_ms = plan.settle_ms + active / 2;
        });
        before != self.plan
    }

    /// Attempts a change at each place, from the last to the first.
    fn each(&mut self, places: impl Fn(&Plan) -> usize, change: impl Fn(&mut Plan, usize)) {
        for at in (0..places(&self.plan)).rev() {
            if at < places(&self.plan) {
                self.attempt(|plan| change(plan, at));
            }
        }
    }

    fn attempt(&mut self, change: impl FnOnce(&mut Plan)) {
        let mut smaller = self.plan.clone();
        change(&mut smaller);
        smaller.tidy();
        if smaller == self.plan || self.left == 0 || smaller.brokers.is_empty() || smaller.clients.is_empty()
        {
            return;
        }
        self.left -= 1;
        let again = self.kind == "fingerprint";
        let failed = check(&smaller, self.library, again).failure;
        if failed.is_some_and(|failure| failure.kind == self.kind) {
            self.plan = smaller;
        }
    }

    /// Number of lists of keys in the plan.
    fn lists(&self) -> usize {
        (0..).take_while(|list| keys(&self.plan, *list).is_some()).count()
    }
}

fn fewer(client: &mut Client) {
    if let Role::Publisher(_, count) = &mut client.role {
        *count = count.div_ceil(2);
    }
}

fn keys(plan: &Plan, list: usize) -> Option<&Vec<String>> {
    let brokers = plan.brokers.iter().flat_map(|broker| [&broker.keys, &broker.link]);
    let clients = plan.clients.iter().flat_map(|client| match &client.role {
        Role::Publisher(keys, _) => vec![&client.mqtt, &client.link, keys],
        Role::Subscriber(filters, keys) => vec![&client.mqtt, &client.link, filters, keys],
        Role::Steps(steps) => vec![&client.mqtt, &client.link, steps],
    });
    brokers.chain(clients).chain(&plan.trunk).nth(list)
}

fn keys_mut(plan: &mut Plan, list: usize) -> Option<&mut Vec<String>> {
    let brokers = plan.brokers.iter_mut().flat_map(|broker| [&mut broker.keys, &mut broker.link]);
    let clients = plan.clients.iter_mut().flat_map(|client| match &mut client.role {
        Role::Publisher(keys, _) => vec![&mut client.mqtt, &mut client.link, keys],
        Role::Subscriber(filters, keys) => vec![&mut client.mqtt, &mut client.link, filters, keys],
        Role::Steps(steps) => vec![&mut client.mqtt, &mut client.link, steps],
    });
    brokers.chain(clients).chain(&mut plan.trunk).nth(list)
}

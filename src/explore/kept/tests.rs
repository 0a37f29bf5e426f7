//! That the rules see what they are for: runs that kept their promises, with what was heard in them changed by hand.

use std::path::Path;

use super::*;
use crate::execute::{self, RunOptions};
use crate::explore::contract::{Contract, Terms};
use crate::scenario::{Loaded, Overrides, load};

struct Ran {
    loaded: Loaded,
    outcome: Outcome,
    heard: Heard,
}

fn ran(scenario: &str) -> Ran {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/explore");
    let loaded = load(&folder.join(scenario), &Overrides::default()).unwrap();
    let (outcome, heard) = execute::listened(&loaded, &RunOptions::default(), Heard::new(true)).unwrap();
    Ran { loaded, outcome, heard }
}

impl Ran {
    fn kinds(&self) -> Vec<&'static str> {
        let contract = Contract::of(&self.loaded, &self.outcome, Terms::default());
        let violations = contract.judge_all(&self.loaded, &self.outcome, &self.heard);
        violations.iter().map(Violation::kind).collect()
    }

    /// The first connection of host `host`.
    fn first(&mut self, host: u32) -> &mut Connection {
        self.heard.connections.iter_mut().find(|connection| connection.client.0 == host).unwrap()
    }
}

#[test]
fn a_retained_message_that_is_old_or_lost_or_without_its_flag_is_seen() {
    let (early, late) = (2, 3);
    let mut right = ran("retained.ron");
    assert!(right.kinds().is_empty());
    assert_eq!(right.first(late).copies.len(), 1);
    let mut lost = ran("retained.ron");
    lost.first(late).copies.clear();
    assert_eq!(lost.kinds(), ["retained"]);
    let mut old = ran("retained.ron");
    old.first(late).copies[0].message = MessageId(0);
    assert_eq!(old.kinds(), ["retained"]);
    let mut bare = ran("retained.ron");
    bare.first(late).copies[0].retain = false;
    assert_eq!(bare.kinds(), ["flag", "retained"]);
    let mut flagged = ran("retained.ron");
    flagged.first(early).copies[0].retain = true;
    assert_eq!(flagged.kinds(), ["flag"]);
}

#[test]
fn a_will_that_is_missing_or_twice_or_at_another_qos_is_seen() {
    let (watcher, late) = (2, 3);
    let mut right = ran("will.ron");
    assert!(right.kinds().is_empty());
    assert_eq!(right.first(watcher).copies.len(), 1, "one of the connections ended without DISCONNECT");
    let mut lost = ran("will.ron");
    lost.first(watcher).copies.clear();
    assert_eq!(lost.kinds(), ["will"]);
    let mut twice = ran("will.ron");
    let copy = twice.first(watcher).copies[0].clone();
    twice.first(watcher).copies.push(copy);
    assert_eq!(twice.kinds(), ["will"]);
    let mut lower = ran("will.ron");
    lower.first(watcher).copies[0].qos = models::mqtt::QoS::AtMostOnce;
    assert_eq!(lower.kinds(), ["will"]);
    let mut forgotten = ran("will.ron");
    forgotten.first(late).copies.clear();
    assert_eq!(forgotten.kinds(), ["retained"]);
}

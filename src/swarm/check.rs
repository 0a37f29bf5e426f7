//! One run, with all that must hold in it.
//!
//! A broker with limits of its own may lose messages (a full queue, a window for unreleased messages that is too
//! small) or refuse clients; with any of these in a plan, messages that never come and clients that stay away are not
//! held against it; nor are messages that never reach PubSubClient, whose buffer is small, and copies of what paho-mqtt
//! sends again after a clean session. Copies, order, and everything below the application are.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Once;
use std::time::Duration;

use models::mqtt::broker::BeyondInboundWindow;
use models::mqtt::{TopicFilter, TopicName, matches};
use models::record::{HostIndex, NoProbe, Outcome, Probe};
use sim_core::engine::World;
use sim_core::time::SimTime;

use super::plan::{Client, Plan};
use super::watch::Watch;
use crate::execute;
use crate::explore::contract::{self, Contract, Terms, Violation};
use crate::scenario::load::{self, Group, load_text};
use crate::scenario::profiles::Library;
use crate::scenario::{Loaded, Overrides};

/// Time in which all that a client has in flight is exchanged where no link is slow.
const RENEWED: Duration = Duration::from_secs(5);

/// A run of so many events has no end.
const MOST_EVENTS: u64 = 20_000_000;

/// A RAM account beyond this has gone below zero.
const MOST_RAM: u64 = 1 << 40;

/// What was broken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// Its kind: a smaller scenario shows the same fault if this is the same.
    pub kind: String,
    /// The whole story.
    pub what: String,
}

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.what)
    }
}

/// What a run was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// Hash of its trajectory; 0 if it has none.
    pub fingerprint: u128,
    /// Events executed.
    pub events: u64,
    /// What was broken first, if anything.
    pub failure: Option<Failure>,
}

/// Runs `plan`; if `again`, twice.
#[must_use]
pub fn check(plan: &Plan, library: &Library, again: bool) -> Verdict {
    let mut verdict = Verdict { fingerprint: 0, events: 0, failure: None };
    let result = caught(AssertUnwindSafe(|| held(plan, library, again, &mut verdict)));
    verdict.failure = match result {
        Ok(held) => held.err(),
        Err(failure) => Some(failure),
    };
    verdict
}

fn failure(kind: impl Into<String>, what: impl Into<String>) -> Failure {
    Failure { kind: kind.into(), what: what.into() }
}

fn held(plan: &Plan, library: &Library, again: bool, verdict: &mut Verdict) -> Result<(), Failure> {
    let loaded = load_text(Path::new("swarm.ron"), &plan.to_string(), &Overrides::default(), library.clone())
        .map_err(|refused| failure("refused", refused.render(false)))?;
    let (outcome, watch) = run(&loaded, Watch::new(holding_back(&loaded)))?;
    verdict.fingerprint = outcome.fingerprint;
    verdict.events = outcome.events;
    let called = watch.called();
    if let Some((kind, what)) = watch.finish() {
        return Err(failure(kind, what));
    }
    if let Some(node) = outcome.nodes.iter().find(|node| node.ram_peak_bytes > MOST_RAM) {
        return Err(failure("RAM", format!("the account of `{}` went below zero", node.name)));
    }
    uninvited(plan, &loaded, &outcome)?;
    promised(plan, &loaded, &outcome, &called)?;
    if again {
        let (second, NoProbe) = run(&loaded, NoProbe)?;
        if second.fingerprint != outcome.fingerprint {
            let (first, second) = (outcome.fingerprint, second.fingerprint);
            return Err(failure("fingerprint", format!("{first:032x}, then {second:032x}")));
        }
    }
    Ok(())
}

/// The brokers that hold PUBREC back.
fn holding_back(loaded: &Loaded) -> BTreeSet<HostIndex> {
    let mut hosts = BTreeSet::new();
    let mut first = 0;
    for group in &loaded.groups {
        if group.broker.as_ref().is_some_and(holds_back) {
            hosts.extend((first..first + group.count).map(HostIndex));
        }
        first += group.count;
    }
    hosts
}

fn holds_back(broker: &load::Broker) -> bool {
    broker.config.beyond_inbound_window == BeyondInboundWindow::HeldBack
}

/// Runs to the end, with an eye on the clock.
fn run<P: Probe>(loaded: &Loaded, probe: P) -> Result<(Outcome, P), Failure> {
    let limit = SimTime::ZERO + loaded.scenario.duration.0;
    let mut simulation =
        execute::started(loaded, 0, probe).map_err(|refused| failure("refused", refused.render(false)))?;
    let mut before = SimTime::ZERO;
    let mut events = 0;
    let (network, scheduler) = simulation.parts_mut();
    while let Some((now, event)) = scheduler.pop_until(limit) {
        if now < before || now > limit {
            return Err(failure(
                "time",
                format!("an event at {now} after one at {before}, the end at {limit}"),
            ));
        }
        network.handle(now, event, scheduler);
        before = now;
        events += 1;
        if events > MOST_EVENTS {
            return Err(failure("endless", format!("{MOST_EVENTS} events, and it is {now}")));
        }
    }
    Ok(simulation.world.close(SimTime::ZERO, limit, events))
}

/// Nothing reaches an application that has not subscribed to it.
fn uninvited(plan: &Plan, loaded: &Loaded, outcome: &Outcome) -> Result<(), Failure> {
    // A bridge may give a message another name.
    if plan.brokers.iter().any(|broker| broker.bridge.is_some()) {
        return Ok(());
    }
    let by_host: Vec<Vec<TopicFilter>> = loaded.groups.iter().map(filters).collect();
    for delivery in &outcome.deliveries {
        let Some(filters) = by_host.get(delivery.subscriber.0 as usize) else { continue };
        let Some(message) = outcome.messages.get(delivery.message.0 as usize) else { continue };
        let Ok(topic) = TopicName::new(&message.topic) else { continue };
        if !filters.iter().any(|filter| matches(filter, &topic)) {
            let HostIndex(host) = delivery.subscriber;
            let what = format!("`{}` reached `{}`", message.topic, outcome.nodes[host as usize].name);
            return Err(failure("uninvited", what));
        }
    }
    Ok(())
}

/// The Topic Filters of a host's client, those of shared subscriptions without what makes them shared.
fn filters(group: &Group) -> Vec<TopicFilter> {
    let plain = |text: String| {
        // MQTT 5.0 §4.8.2: `$share/{ShareName}/{filter}`
        let inner = text.strip_prefix("$share/").and_then(|rest| rest.split_once('/'));
        inner.map_or(text.clone(), |(_, filter)| filter.to_owned())
    };
    let wanted = contract::subscriptions(&group.role);
    let texts = wanted.iter().map(|one| plain(one.filter.0.expand(0)));
    texts.filter_map(|text| TopicFilter::new(&text).ok()).collect()
}

fn promised(
    plan: &Plan,
    loaded: &Loaded,
    outcome: &Outcome,
    called: &BTreeMap<HostIndex, SimTime>,
) -> Result<(), Failure> {
    let has = |names: &[&str]| {
        let limited = |key: &String| names.iter().any(|name| key.starts_with(name));
        plan.brokers.iter().any(|broker| broker.keys.iter().any(limited))
    };
    let loses = has(&["max_queued", "max_inflight_inbound", "max_connections"]);
    let refuses = has(&["max_connections"]);
    let stays = |host: &Group| plan.clients.iter().any(|client| *client.name == *host.name && client.stays);
    let stays = loaded.groups.iter().map(stays).collect();
    // A slow link may need longer for what waits than a connection lasts that is renewed, or that a keep-alive ends.
    let slow = loaded.scenario.links.iter().any(|link| link.rate.is_some());
    let settle = Duration::from_millis(plan.settle_ms);
    let terms = Terms { settle, stood: if slow { settle } else { settle.min(RENEWED) } };
    let contract = Contract::expecting(loaded, stays, terms);
    // PubSubClient passes over a packet that is longer than its buffer.
    let takes_all = |subscriber: &String| {
        let short = |client: &Client| client.name == *subscriber && client.software == "pubsubclient";
        !plan.clients.iter().any(short)
    };
    let is = |host: &String, what: &dyn Fn(&load::Client) -> bool| {
        loaded.groups.iter().any(|group| *group.name == **host && group.client.as_ref().is_some_and(what))
    };
    // paho-mqtt sends what was in flight again, though a clean session has ended with its connection.
    let anew = |client: &load::Client| client.profile.resends_after_clean_session && client.clean_session;
    let resends = |publisher: &String| is(publisher, &anew);
    // umqtt keeps nothing that it could send again.
    let forgets = |publisher: &String| is(publisher, &|client| client.profile.forgets_unacknowledged);
    // Mosquitto 1.4 leaves PUBLISH at QoS 2 without an answer if too many wait for their PUBREC already.
    let unanswered = |client: &load::Client| {
        let broker = loaded.groups[client.broker].broker.as_ref();
        broker.is_some_and(|broker| holds_back(broker) && broker.config.max_queued > 0)
    };
    // RFC 1122 §4.2.3.5: a SYN is sent again for three minutes, in pauses that double. A client that does so is not idle.
    let calls = |client: &String| {
        let hosts = outcome.nodes.iter().zip(0..).filter(|(node, _)| *node.name == **client);
        let mut calls = hosts.filter_map(|(_, host)| called.get(&HostIndex(host)));
        calls.any(|at| *at + settle > outcome.simulated)
    };
    let counts = |violation: &Violation| match violation {
        Violation::Missing { message, subscriber } => {
            !loses && takes_all(subscriber) && !forgets(&message.publisher)
        }
        Violation::Away { client } => !refuses && !calls(client),
        Violation::Open { client, .. } => !refuses && !is(client, &unanswered),
        Violation::Copies { message, .. } | Violation::Order { message, .. } => !resends(&message.publisher),
        Violation::Retained { .. } | Violation::Flag { .. } | Violation::Will { .. } => true,
    };
    match contract.judge(loaded, outcome).into_iter().find(counts) {
        Some(violation) => Err(failure(violation.kind(), violation.to_string())),
        None => Ok(()),
    }
}

thread_local! {
    /// Whether a run is under way on this thread, and where it panicked.
    static RUNNING: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs `what`; a panic is a failure, and is not shown.
fn caught<T>(what: impl FnOnce() -> T + panic::UnwindSafe) -> Result<T, Failure> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |about| {
            if !RUNNING.get() {
                return usual(about);
            }
            let place = about.location().map_or(String::new(), ToString::to_string);
            PLACE.with_borrow_mut(|known| *known = place);
        }));
    });
    RUNNING.set(true);
    let result = panic::catch_unwind(what);
    RUNNING.set(false);
    result.map_err(|cause: Box<dyn Any + Send>| {
        let words = cause.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let words = words.or_else(|| cause.downcast_ref::<String>().cloned()).unwrap_or_default();
        let place = PLACE.with_borrow(Clone::clone);
        failure(format!("panic at {place}"), words)
    })
}

//! What MQTT promises an application, and whether a run kept it.
//!
//! For every message and every subscriber whose filters match it, with *q* the smaller of the QoS of the
//! publication and that of the subscription:
//!
//! | | copies at the subscriber's application |
//! | --- | --- |
//! | published at QoS 1, or *q* is 1 | as many as may be |
//! | else | at most one (MQTT 3.1.1 §4.3.1: at QoS 0 nothing is sent again; §4.3.3) |
//! | *q* 1 or 2, and the message is *owed* | at least one (§4.3.2, §4.3.3) |
//!
//! Messages of one publisher to one topic at one QoS above 0 reach a subscriber in the order in which they were
//! published, by the arrival of their first copies (§4.6), if it was subscribed when they were published: of a message
//! whose first sending found nobody, the repetition may come after later ones. They must go out at one QoS too, so
//! who subscribes in several steps is left out.
//!
//! When is a message owed? If both ways still stand to their word at the end:
//!
//! - *The publisher's.* At QoS 1, the broker has taken the message; at QoS 2 the broker may wait for PUBREL before it
//!   passes the message on (§4.3.3, method A). Or the publisher has kept its part of the session (§3.1.2.4, §4.4):
//!   it was not killed, and with a clean session no connection ended after the publish call. A clean session ends with its connection, and what was under way with it.
//! - *The subscriber's.* It had its SUBACK before the publish call, and not at the same instant, and is connected at the end. With a clean session,
//!   its subscription ends with the connection: it must have subscribed anew before the publish call, and that
//!   connection must have lasted to the end. With No Local, it is owed nothing of its own (MQTT 5.0 §3.8.3.1).
//! - No connection of either ended shortly before the end ([`Terms::stood`]).
//! - The broker did not refuse it, and did not start again without its memory.
//! - It was published long enough before the end ([`Terms::settle`]): faults heal, and back-offs end.
//!
//! A killed client forgets its part of the session, which a client must not (§4.1). From then on a message to it may
//! come twice, one at QoS 2 that it had answered with PUBREC is gone with it, and its own later messages may be
//! taken for earlier ones.
//!
//! Besides, nothing hangs: a client that is connected at the end of the run without faults is connected at the end
//! of every run, unless it does steps at given instants or sleeps in between, and then has nothing unacknowledged older
//! than [`Terms::settle`].
//!
//! The rules of retained messages and of wills are told in the file `kept.rs`.
//!
//! Left out: what is owed to a client that subscribes in several steps, to one that takes packets up to some size
//! only, or by a broker with rules of access; retained messages may come once for each
//! subscription, so copies of them are not counted, nor is their
//! order; several filters that match one message may each bring a copy (§3.3.5); messages to shared subscriptions;
//! messages whose expiry interval is over; messages of the alert network's nodes; messages that cross a bridge.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use models::mqtt::broker::Memory;
use models::mqtt::{TopicName, matches};
use models::record::{ClientRecord, DeliveryRecord, HostIndex, MessageRecord, Outcome};

use self::party::{Party, party, retains};
use super::heard::Heard;
use super::kept::Kept;
use crate::scenario::Loaded;
use crate::scenario::load::Group;

mod party;

pub(crate) use party::subscriptions;

/// What the contract leaves to the user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Terms {
    /// Messages published later than this before the end are not judged.
    pub settle: Duration,
    /// A client whose connection ended less than this before the end is not judged by what it still waits for, nor by
    /// what others owe it: with each connection all that is in flight is sent again from its beginning (§4.4), and one that is
    /// renewed sooner than that can cross its link never gets further.
    pub stood: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        Terms { settle: Duration::from_secs(15), stood: Duration::ZERO }
    }
}

/// A promise that was broken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Violation {
    /// A message that was owed never came.
    Missing {
        /// The message.
        message: Named,
        /// Who should have had it.
        subscriber: String,
    },
    /// A message came too often.
    Copies {
        /// The message.
        message: Named,
        /// Who had it.
        subscriber: String,
        /// How often.
        copies: u32,
    },
    /// A message came after one that was published later.
    Order {
        /// The message.
        message: Named,
        /// Who had it.
        subscriber: String,
    },
    /// A client subscribed, and the last retained message never came.
    Retained {
        /// Number of the message in the run, from 1; 0 is a will.
        message: u32,
        /// Topic Name.
        topic: Arc<str>,
        /// Who should have had it.
        subscriber: String,
    },
    /// RETAIN was set where it should not be, or not where it should.
    Flag {
        /// Number of the message in the run, from 1.
        message: u32,
        /// Who had it.
        subscriber: String,
        /// Whether it was set.
        set: bool,
    },
    /// A will was published too often, or not, or otherwise than its client asked for.
    Will {
        /// Whose will it is.
        client: String,
        /// Who listened.
        watcher: String,
        /// How many connections of the client ended without DISCONNECT.
        ends: u32,
        /// How often the will came.
        copies: u32,
        /// Whether its QoS and RETAIN were right.
        as_asked: bool,
    },
    /// A client has not come back.
    Away {
        /// The client.
        client: String,
    },
    /// A client still waits for acknowledgements.
    Open {
        /// The client.
        client: String,
        /// Of how many messages.
        messages: u32,
    },
}

/// A message as a user knows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Named {
    /// Number of the message in the run, from 1.
    pub number: u32,
    /// Who published it.
    pub publisher: String,
    /// Topic Name.
    pub topic: Arc<str>,
    /// QoS of the publication.
    pub qos: u8,
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message {} of `{}` on `{}` at QoS {}", self.number, self.publisher, self.topic, self.qos)
    }
}

impl Violation {
    /// What kind of promise it is, in a word.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Violation::Missing { .. } => "missing",
            Violation::Copies { .. } => "copies",
            Violation::Order { .. } => "order",
            Violation::Retained { .. } => "retained",
            Violation::Flag { .. } => "flag",
            Violation::Will { .. } => "will",
            Violation::Away { .. } => "away",
            Violation::Open { .. } => "open",
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::Missing { message, subscriber } => {
                write!(f, "{message} never reached `{subscriber}`")
            }
            Violation::Copies { message, subscriber, copies } => {
                write!(f, "{message} reached `{subscriber}` {copies} times")
            }
            Violation::Order { message, subscriber } => {
                write!(f, "{message} reached `{subscriber}` after one that was published later")
            }
            Violation::Retained { message: 0, topic, subscriber } => {
                write!(f, "the retained will on `{topic}` never reached `{subscriber}`")
            }
            Violation::Retained { message, topic, subscriber } => {
                write!(f, "the retained message {message} on `{topic}` never reached `{subscriber}`")
            }
            Violation::Flag { message, subscriber, set } => {
                let how = if *set { "with" } else { "without" };
                write!(f, "message {message} reached `{subscriber}` {how} RETAIN")
            }
            Violation::Will { client, watcher, ends, copies, as_asked } => {
                write!(f, "{ends} connections of `{client}` ended without DISCONNECT, ")?;
                write!(f, "and its will reached `{watcher}` {copies} times")?;
                f.write_str(if *as_asked { "" } else { ", not as it was asked for" })
            }
            Violation::Away { client } => write!(f, "`{client}` did not come back"),
            Violation::Open { client, messages } => {
                write!(f, "`{client}` waits for the acknowledgement of {messages} messages")
            }
        }
    }
}

/// What is promised in a scenario.
#[derive(Clone, Debug)]
pub struct Contract {
    /// By host.
    parties: Vec<Option<Party>>,
    /// By host: whether its client is connected at the end of the run without faults.
    stays: Vec<bool>,
    terms: Terms,
    /// Whether a client retains messages or has a will.
    listens: bool,
}

impl Contract {
    /// The contract of `loaded`, whose run without further faults was `fault_free`.
    #[must_use]
    pub fn of(loaded: &Loaded, fault_free: &Outcome, terms: Terms) -> Self {
        let stays = |client: &Option<ClientRecord>| client.is_some_and(|client| client.connected);
        Contract::expecting(loaded, fault_free.clients.iter().map(stays).collect(), terms)
    }

    /// The contract of `loaded`, whose client of host *i* is to be connected at the end if `stays[i]`.
    #[must_use]
    pub fn expecting(loaded: &Loaded, stays: Vec<bool>, terms: Terms) -> Self {
        let mut parties = Vec::new();
        for group in &loaded.groups {
            for index in 0..group.count {
                let party = |client| party(group, client, index, loaded.scenario.duration.0);
                parties.push(group.client.as_ref().map(party));
            }
        }
        let listens = loaded.groups.iter().any(|group| {
            retains(&group.role) || group.client.as_ref().is_some_and(|client| client.will.is_some())
        });
        Contract { parties, stays, terms, listens }
    }

    /// Whether packets must be listened to: a client retains messages or has a will.
    #[must_use]
    pub fn listens(&self) -> bool {
        self.listens
    }

    /// The same as [`Contract::judge`], and the rules of retained messages and wills, by what was heard in the run.
    #[must_use]
    pub fn judge_all(&self, loaded: &Loaded, outcome: &Outcome, heard: &Heard) -> Vec<Violation> {
        let mut violations = self.judge(loaded, outcome);
        if self.listens && !loaded.groups.iter().any(forgets) {
            let restarts =
                loaded.groups.iter().any(|group| group.broker.is_some() && !group.crashes.is_empty());
            Kept { heard, outcome, terms: self.terms, restarts }.judge(&mut violations);
        }
        violations
    }

    /// Holds a run to it. `loaded` has the faults of the run.
    #[must_use]
    pub fn judge(&self, loaded: &Loaded, outcome: &Outcome) -> Vec<Violation> {
        let mut violations = Vec::new();
        self.judge_clients(outcome, &mut violations);
        let mut deliveries: BTreeMap<(u32, u32), DeliveryRecord> = BTreeMap::new();
        for delivery in &outcome.deliveries {
            deliveries.insert((delivery.message.0, delivery.subscriber.0), *delivery);
        }
        for message in &outcome.messages {
            self.judge_message(loaded, outcome, message, &deliveries, &mut violations);
        }
        self.judge_order(loaded, outcome, &mut violations);
        violations
    }

    fn judge_clients(&self, outcome: &Outcome, violations: &mut Vec<Violation>) {
        for (place, client) in outcome.clients.iter().enumerate() {
            let Some(client) = client else { continue };
            let name = || outcome.nodes[place].name.clone();
            if !self.stood(outcome, client) {
                continue;
            }
            let returns = self.parties[place].as_ref().is_some_and(|party| !party.comes_and_goes);
            if self.stays[place] && returns && !client.connected {
                violations.push(Violation::Away { client: name() });
            }
            let recent = outcome.messages.iter().rev().take_while(|message| self.recent(outcome, message));
            let recent = recent.filter(|message| message.publisher.0 as usize == place && message.qos > 0);
            let open = client.unacknowledged.saturating_sub(recent.count() as u32);
            if client.connected && open > 0 {
                violations.push(Violation::Open { client: name(), messages: open });
            }
        }
    }

    /// Whether no connection of a client ended shortly before the end.
    fn stood(&self, outcome: &Outcome, client: &ClientRecord) -> bool {
        client.last_end.is_none_or(|ended| ended + self.terms.stood <= outcome.simulated)
    }

    fn recent(&self, outcome: &Outcome, message: &MessageRecord) -> bool {
        message.published + self.terms.settle > outcome.simulated
    }

    fn judge_message(
        &self,
        loaded: &Loaded,
        outcome: &Outcome,
        message: &MessageRecord,
        deliveries: &BTreeMap<(u32, u32), DeliveryRecord>,
        violations: &mut Vec<Violation>,
    ) {
        let publisher = message.publisher.0 as usize;
        let (Some(sender), Some(sending)) = (&self.parties[publisher], outcome.clients[publisher]) else {
            return;
        };
        let Ok(topic) = TopicName::new(&message.topic) else { return };
        let group = &loaded.groups[sender.broker];
        let forgets = forgets(group);
        // MQTT 3.1.1 §4.7.2: a server should keep topics that begin with $ for itself.
        if message.refused || sender.unusual || forgets || message.topic.starts_with('$') {
            return;
        }
        let limit = group.broker.as_ref().map_or(2, |broker| broker.config.maximum_qos as u8);
        let keeps_back = group.broker.as_ref().is_some_and(|broker| broker.config.access.is_some());
        let qos = message.qos.min(limit);
        let named = || name(outcome, message);
        for (place, listener) in self.parties.iter().enumerate() {
            let Some(listener) = listener else { continue };
            let Some(listening) = outcome.clients[place] else { continue };
            let mut matching = listener.filters.iter().filter(|wanted| matches(&wanted.filter, &topic));
            let (Some(wanted), None) = (matching.next(), matching.next()) else { continue };
            let granted = wanted.qos;
            if listener.broker != sender.broker || listener.shares {
                continue;
            }
            let subscriber = || outcome.nodes[place].name.clone();
            let copies = deliveries.get(&(message.id.0, place as u32)).map_or(0, |delivery| delivery.copies);
            let killed = sending.crashes > 0 || listening.crashes > 0;
            if qos != 1 && qos.min(granted) != 1 && copies > 1 && !killed && !sender.retains {
                violations.push(Violation::Copies { message: named(), subscriber: subscriber(), copies });
            }
            let owed = qos.min(granted) > 0
                && !self.recent(outcome, message)
                && (place != publisher || !wanted.no_local)
                && self.stood(outcome, &sending)
                && self.stood(outcome, &listening)
                && handed_over(sender, &sending, message)
                && subscribed(listener, &listening, message)
                && !listener.changes
                && !listener.limited
                && !keeps_back
                && (qos.min(granted) < 2 || listening.crashes == 0);
            if owed && copies == 0 {
                violations.push(Violation::Missing { message: named(), subscriber: subscriber() });
            }
        }
    }

    /// MQTT 3.1.1 §4.6
    fn judge_order(&self, loaded: &Loaded, outcome: &Outcome, violations: &mut Vec<Violation>) {
        let forgets = loaded.groups.iter().any(forgets);
        let mut newest: BTreeMap<(HostIndex, HostIndex, &str, u8), u32> = BTreeMap::new();
        for delivery in &outcome.deliveries {
            let Some(message) = outcome.messages.get(delivery.message.0 as usize) else { continue };
            let (from, to) = (message.publisher, delivery.subscriber);
            let party = |host: HostIndex| self.parties[host.0 as usize].as_ref();
            // Its bridge, too, gives out anew the identifiers of messages that the far broker still holds.
            let crosses = party(from).map(|party| party.broker) != party(to).map(|party| party.broker);
            if crosses && forgets {
                continue;
            }
            let plain = party(from).is_some_and(|party| !party.unusual && !party.retains)
                && party(to).is_some_and(|party| !party.shares && !party.changes);
            let killed = |host: HostIndex| outcome.clients[host.0 as usize].is_some_and(|c| c.crashes > 0);
            if message.qos == 0
                || !plain
                || killed(from)
                || killed(to)
                || !self.listened(outcome, to, message)
            {
                continue;
            }
            let last = newest.entry((from, to, &message.topic, message.qos)).or_insert(delivery.message.0);
            if delivery.message.0 < *last {
                let subscriber = outcome.nodes[to.0 as usize].name.clone();
                violations.push(Violation::Order { message: name(outcome, message), subscriber });
            }
            *last = delivery.message.0.max(*last);
        }
    }

    /// Whether `to` was there for the message's first sending: if it was not, a later one may be its first.
    fn listened(&self, outcome: &Outcome, to: HostIndex, message: &MessageRecord) -> bool {
        let (Some(party), Some(client)) = (&self.parties[to.0 as usize], &outcome.clients[to.0 as usize])
        else {
            return false;
        };
        let stored = party.keeps_session && party.filters.iter().all(|wanted| wanted.qos > 0);
        let since = if stored { client.subscribed_at } else { client.last_subscribed_at };
        since.is_some_and(|since| since < message.published)
            && (stored || client.last_end.is_none_or(|ended| ended < message.published))
    }
}

/// Whether a host is a broker that once starts again without its memory.
fn forgets(group: &Group) -> bool {
    group.broker.is_some() && group.crashes.iter().any(|crash| crash.memory == Memory::Volatile)
}

fn name(outcome: &Outcome, message: &MessageRecord) -> Named {
    Named {
        number: message.id.0 + 1,
        publisher: outcome.nodes[message.publisher.0 as usize].name.clone(),
        topic: message.topic.clone(),
        qos: message.qos,
    }
}

/// Whether the publisher's way stands to its word.
fn handed_over(sender: &Party, sending: &ClientRecord, message: &MessageRecord) -> bool {
    let session_lasts =
        sender.keeps_session || sending.last_end.is_none_or(|ended| ended < message.published);
    let begun = sending.connected_at.is_some_and(|at| at <= message.published);
    (message.qos == 1 && message.accepted.is_some())
        || (begun && sending.connected && sending.crashes == 0 && session_lasts)
}

/// Whether the subscriber's way stands to its word.
fn subscribed(listener: &Party, listening: &ClientRecord, message: &MessageRecord) -> bool {
    let since = if listener.keeps_session { listening.subscribed_at } else { listening.last_subscribed_at };
    let lasts = listener.keeps_session
        || listening.last_end.is_none_or(|ended| since.is_some_and(|since| ended < since));
    since.is_some_and(|since| since < message.published) && lasts && listening.connected
}

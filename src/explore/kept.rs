//! The rules of retained messages and wills, held against what was said in a run.
//!
//! **Retained messages.** Who subscribes is sent the last retained message of each topic that matches, with RETAIN set
//! (MQTT 3.1.1 §3.3.1.3, §3.8.4); a message that is passed on to a subscription that is there already has it not set.
//! Judged is the last connection of each client that is connected at the end: what it was sent after its SUBSCRIBE,
//! for topics whose retained message the broker had for sure before that. Which message was the last is open while a
//! later one at QoS 2 is not released; each of them is right then.
//!
//! **Wills.** A connection that ends without DISCONNECT publishes its will once, one that ends with it never
//! (§3.1.2.5, §3.14.4), at the smaller of the QoS of the will and that of the subscription. With a Will Delay Interval
//! a client that is back in time has none published (MQTT 5.0 §3.1.3.2.2); whether it was in time is not judged.
//! Judged are wills of clients that are connected at the end, by all clients that have subscribed before and whose
//! one connection lasts to the end. A retained will comes to who subscribes after it was published.
//!
//! Left out: topics with retained messages at QoS 2 of a client that was killed, as it forgets which Packet Identifiers
//! it has not released, which a client must not (§4.1); wills of a run in which a broker was killed (§3.1.2.5: a server that fails may put them off), brokers
//! that lose their memory, retained messages of MQTT 5.0 that are not to be sent again.

use std::sync::Arc;

use models::mqtt::{TopicName, matches};
use models::record::{HostIndex, Outcome};
use models::stream::MessageId;
use sim_core::time::SimTime;

use super::contract::{Terms, Violation};
use super::heard::{self, Asked, Connection, Copy, Heard};

/// What is judged, and by what.
pub(super) struct Kept<'a> {
    pub heard: &'a Heard,
    pub outcome: &'a Outcome,
    pub terms: Terms,
    /// Whether a broker was killed.
    pub restarts: bool,
}

impl Kept<'_> {
    /// The promises that were broken.
    pub fn judge(&self, violations: &mut Vec<Violation>) {
        for (place, client) in self.outcome.clients.iter().enumerate() {
            let host = HostIndex(place as u32);
            let Some(client) = client else { continue };
            self.flags(host, violations);
            let last = self.of(host).last();
            if let Some(last) = last.filter(|_| client.connected) {
                self.comes(last, violations);
                if !self.restarts {
                    self.wills(host, violations);
                }
            }
        }
    }

    fn of(&self, host: HostIndex) -> impl Iterator<Item = &Connection> {
        self.heard.connections.iter().filter(move |connection| connection.client == host)
    }

    fn recent(&self, at: SimTime) -> bool {
        at + self.terms.settle > self.outcome.simulated
    }

    fn name(&self, host: HostIndex) -> String {
        self.outcome.nodes[host.0 as usize].name.clone()
    }

    fn number(message: MessageId) -> u32 {
        message.0.wrapping_add(1)
    }

    /// The last retained message comes to who subscribes.
    fn comes(&self, last: &Connection, violations: &mut Vec<Violation>) {
        if last.refused || last.subscribed.is_none_or(|at| self.recent(at)) {
            return;
        }
        for asked in last.asked.iter().filter(|asked| asked.send) {
            let mut topics: Vec<&Arc<str>> = self.at(last.broker).map(|kept| &kept.topic).collect();
            topics.sort();
            topics.dedup();
            for topic in topics.into_iter().filter(|topic| fits(asked, topic) && !self.confused(topic)) {
                let right = self.current(last.broker, topic, asked.at);
                let came =
                    |copy: &&Copy| copy.retain && copy.topic == *topic && right.contains(&copy.message);
                if !right.is_empty() && last.copies.iter().find(came).is_none() {
                    violations.push(Violation::Retained {
                        message: Self::number(right[right.len() - 1]),
                        topic: topic.clone(),
                        subscriber: self.name(last.client),
                    });
                }
            }
        }
    }

    /// Whether a retained message of `topic` at QoS 2 may have been taken for another one.
    fn confused(&self, topic: &Arc<str>) -> bool {
        self.heard.kept.iter().any(|kept| {
            let message = self.outcome.messages.get(kept.message.0 as usize);
            let publisher = message.and_then(|message| self.outcome.clients[message.publisher.0 as usize]);
            let killed = publisher.is_some_and(|client| client.crashes > 0);
            kept.topic == *topic && kept.sure != Some(kept.known) && killed
        })
    }

    /// What a broker has been given to keep.
    fn at(&self, broker: HostIndex) -> impl Iterator<Item = &heard::Kept> {
        self.heard.kept.iter().filter(move |kept| kept.broker == broker)
    }

    /// The messages one of which is the retained one of `topic` at `at`; none if there may be none.
    fn current(&self, broker: HostIndex, topic: &Arc<str>, at: SimTime) -> Vec<MessageId> {
        let of_topic: Vec<_> = self.at(broker).filter(|kept| kept.topic == *topic).collect();
        let Some(newest) = of_topic.iter().rposition(|kept| kept.sure.is_some_and(|sure| sure < at)) else {
            return Vec::new();
        };
        // One that came later may be there already, or not yet.
        let open: Vec<_> = of_topic[newest..].iter().filter(|kept| kept.known <= at).collect();
        let empty = open.iter().any(|kept| kept.empty);
        if empty { Vec::new() } else { open.iter().map(|kept| kept.message).collect() }
    }

    /// RETAIN is set exactly in what was retained when the client subscribed.
    fn flags(&self, host: HostIndex, violations: &mut Vec<Violation>) {
        let asked: Vec<&Asked> = self.of(host).flat_map(|connection| &connection.asked).collect();
        if asked.iter().any(|asked| asked.as_published) {
            return;
        }
        for connection in self.of(host) {
            for copy in connection.copies.iter().filter(|copy| copy.message.is_some()) {
                let kept = self.at(connection.broker).find(|kept| kept.message == copy.message);
                let Some(kept) = kept else { continue };
                let old = asked.iter().any(|asked| kept.known <= asked.at && fits(asked, &copy.topic));
                let new = asked.iter().any(|asked| kept.sure.is_none_or(|sure| asked.at <= sure));
                if (copy.retain && !old) || (!copy.retain && !new) {
                    violations.push(Violation::Flag {
                        message: Self::number(copy.message),
                        subscriber: self.name(host),
                        set: copy.retain,
                    });
                }
            }
        }
    }

    /// Each will of `host` is published as often as it should be.
    fn wills(&self, host: HostIndex, violations: &mut Vec<Violation>) {
        let (connections, unanswered): (Vec<&Connection>, Vec<&Connection>) =
            self.of(host).partition(|connection| connection.accepted.is_some());
        let with_will = connections.iter().find_map(|one| Some((one.broker, one.will.as_ref()?)));
        let Some((broker, will)) = with_will else { return };
        let mut pairs = connections.windows(2).filter(|pair| !pair[0].left);
        let without_a_word = pairs.clone().count();
        // The will of one that has just been taken over may be under way.
        if pairs.next_back().and_then(|pair| pair[1].accepted).is_some_and(|at| self.recent(at)) {
            return;
        }
        let delay = will.properties.as_ref().and_then(|properties| properties.will_delay_interval_s);
        let least = if delay.unwrap_or(0) == 0 { without_a_word } else { 0 };
        // Whether the broker had let one in that was gone before its CONNACK, nobody can tell.
        let most = without_a_word + unanswered.iter().filter(|connection| !connection.left).count();
        let topic: Arc<str> = will.topic.as_str().into();
        let first = connections[0].accepted;
        let listeners = self.listeners(host, broker, &topic);
        let early = |(asked, _): &&(&Asked, &Connection)| first.is_some_and(|first| asked.at < first);
        for (asked, watcher) in listeners.iter().filter(early) {
            let copies: Vec<&Copy> = watcher.copies.iter().filter(|copy| copy.topic == topic).collect();
            let qos = will.qos.min(asked.qos);
            let as_asked = copies.iter().all(|copy| copy.qos == qos && (!copy.retain || asked.as_published));
            if !(least..=most).contains(&copies.len()) || !as_asked {
                violations.push(Violation::Will {
                    client: self.name(host),
                    watcher: self.name(watcher.client),
                    ends: without_a_word as u32,
                    copies: copies.len() as u32,
                    as_asked,
                });
            }
        }
        let mut told = listeners.iter().filter(early).flat_map(|(_, watcher)| &watcher.copies);
        let published = told.find(|copy| copy.topic == topic).map(|copy| copy.at);
        let late = |asked: &Asked| published.is_some_and(|at| at < asked.at) && !self.recent(asked.at);
        for (_, watcher) in listeners.iter().filter(|(asked, _)| will.retain && asked.send && late(asked)) {
            if !watcher.copies.iter().any(|copy| copy.retain && copy.topic == topic) {
                let (topic, subscriber) = (topic.clone(), self.name(watcher.client));
                violations.push(Violation::Retained { message: 0, topic, subscriber });
            }
        }
    }

    /// The clients of `broker` other than `host` that have subscribed to `topic` and whose one connection lasts to the
    /// end.
    fn listeners(&self, host: HostIndex, broker: HostIndex, topic: &str) -> Vec<(&Asked, &Connection)> {
        let mut found = Vec::new();
        for (place, client) in self.outcome.clients.iter().enumerate() {
            let watching = HostIndex(place as u32);
            let lasts = client.is_some_and(|client| client.connected && client.ends == 0);
            if let Some(there) =
                self.of(watching).next().filter(|there| lasts && watching != host && there.broker == broker)
            {
                let asked = there.asked.iter().find(|asked| fits(asked, topic));
                found.extend(asked.filter(|_| !there.refused).map(|asked| (asked, there)));
            }
        }
        found
    }
}

fn fits(asked: &Asked, topic: &str) -> bool {
    TopicName::new(topic).is_ok_and(|topic| matches(&asked.filter, &topic))
}

#[cfg(test)]
mod tests;

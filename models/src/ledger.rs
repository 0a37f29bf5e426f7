//! Where each application message is.

use std::collections::BTreeMap;
use std::sync::Arc;

use sim_core::time::SimTime;

use crate::record::{DeliveryRecord, HostIndex, MessageRecord};
use crate::stream::MessageId;

const NOWHERE: u32 = u32::MAX;

#[derive(Clone, Debug)]
struct Entry {
    published: SimTime,
    /// [`SimTime::MAX`] until the broker has it.
    accepted: SimTime,
    publisher: HostIndex,
    topic: u32,
    bytes: u32,
    expected: u32,
    /// Place of the first delivery in `deliveries`.
    first: u32,
    qos: u8,
    refused: bool,
}

/// Every message of a run, from the publish call to its subscribers' applications.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    topics: Vec<Arc<str>>,
    entries: Vec<Entry>,
    deliveries: Vec<DeliveryRecord>,
    /// Deliveries of a message beyond its first subscriber.
    further: BTreeMap<(MessageId, HostIndex), u32>,
}

/// A publication as the application asks for it.
#[derive(Clone, Copy, Debug)]
pub struct Publication {
    /// The publishing host.
    pub publisher: HostIndex,
    /// Place of the Topic Name in the ledger's table ([`Ledger::topic`]).
    pub topic: u32,
    /// Payload length.
    pub bytes: u32,
    /// Quality of Service, 0 to 2.
    pub qos: u8,
    /// Number of subscribers it is meant for; 0 where nobody subscribes.
    pub expected: u32,
}

impl Ledger {
    /// Registers a Topic Name; publications refer to it by the number returned.
    pub fn topic(&mut self, name: &str) -> u32 {
        self.topics.push(Arc::from(name));
        (self.topics.len() - 1) as u32
    }

    /// Opens a message at its publish call.
    pub fn open(&mut self, now: SimTime, publication: Publication) -> MessageId {
        let id = MessageId(u32::try_from(self.entries.len()).expect("fewer than 2^32 messages in a run"));
        assert!(id.is_some(), "fewer than 2^32 - 1 messages in a run");
        let Publication { publisher, topic, bytes, qos, expected } = publication;
        self.entries.push(Entry {
            published: now,
            accepted: SimTime::MAX,
            publisher,
            topic,
            bytes,
            expected,
            first: NOWHERE,
            qos,
            refused: false,
        });
        id
    }

    /// The broker has the message.
    pub fn accept(&mut self, at: SimTime, message: MessageId) {
        if let Some(entry) = self.entries.get_mut(message.0 as usize) {
            entry.accepted = entry.accepted.min(at);
        }
    }

    /// The broker refused the message.
    pub fn refuse(&mut self, message: MessageId) {
        if let Some(entry) = self.entries.get_mut(message.0 as usize) {
            entry.refused = true;
        }
    }

    /// A subscriber's application has the message, maybe once more.
    pub fn deliver(&mut self, at: SimTime, message: MessageId, subscriber: HostIndex) {
        let Some(entry) = self.entries.get_mut(message.0 as usize) else { return };
        let next = self.deliveries.len() as u32;
        if entry.first == NOWHERE {
            entry.first = next;
        } else if self.deliveries[entry.first as usize].subscriber == subscriber {
            self.deliveries[entry.first as usize].copies += 1;
            return;
        } else {
            let place = *self.further.entry((message, subscriber)).or_insert(next);
            if place != next {
                self.deliveries[place as usize].copies += 1;
                return;
            }
        }
        self.deliveries.push(DeliveryRecord { message, subscriber, at, copies: 1 });
    }

    /// Who published a message.
    #[must_use]
    pub fn publisher(&self, message: MessageId) -> Option<HostIndex> {
        self.entries.get(message.0 as usize).map(|entry| entry.publisher)
    }

    /// When a subscriber's application had the message.
    #[must_use]
    pub fn delivered(&self, message: MessageId) -> Option<SimTime> {
        let entry = self.entries.get(message.0 as usize)?;
        self.deliveries.get(entry.first as usize).map(|delivery| delivery.at)
    }

    /// Messages opened so far.
    #[must_use]
    pub fn published(&self) -> usize {
        self.entries.len()
    }

    /// The books as plain data.
    #[must_use]
    pub fn records(&self) -> (Vec<MessageRecord>, Vec<DeliveryRecord>) {
        let messages = self.entries.iter().enumerate().map(|(place, entry)| MessageRecord {
            id: MessageId(place as u32),
            publisher: entry.publisher,
            topic: self.topics[entry.topic as usize].clone(),
            qos: entry.qos,
            bytes: entry.bytes,
            published: entry.published,
            accepted: (entry.accepted != SimTime::MAX).then_some(entry.accepted),
            expected: entry.expected,
            refused: entry.refused,
        });
        (messages.collect(), self.deliveries.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_counted_per_subscriber() {
        let mut ledger = Ledger::default();
        let topic = ledger.topic("a/b");
        let publication = Publication { publisher: HostIndex(0), topic, bytes: 16, qos: 1, expected: 2 };
        let message = ledger.open(SimTime::from_secs(1), publication);
        for (second, host) in [(2, 7), (3, 8), (4, 7), (5, 8), (6, 8)] {
            ledger.deliver(SimTime::from_secs(second), message, HostIndex(host));
        }
        let (messages, deliveries) = ledger.records();
        assert_eq!(messages[0].topic.as_ref(), "a/b");
        assert_eq!(messages[0].accepted, None);
        let seen: Vec<_> =
            deliveries.iter().map(|d| (d.subscriber.0, d.at.as_secs_f64(), d.copies)).collect();
        assert_eq!(seen, [(7, 2.0, 2), (8, 3.0, 3)]);
    }

    #[test]
    fn bytes_without_a_message_touch_nothing() {
        let mut ledger = Ledger::default();
        ledger.accept(SimTime::ZERO, MessageId::NONE);
        ledger.deliver(SimTime::ZERO, MessageId::NONE, HostIndex(0));
        assert_eq!(ledger.published(), 0);
        assert!(ledger.records().1.is_empty());
    }
}

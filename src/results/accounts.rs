//! What becomes of the messages of a run: who was meant to get them, who did, and how late.
//!
//! A *delivery* is a pair (message, subscriber) for which at least one copy reached the
//! subscriber's application. A message that nobody subscribes to ends at the broker: the broker's
//! acceptance is then its only delivery. What had not arrived when the run ended counts as lost,
//! whether a link dropped it or it was still on its way.

use models::record::{DeliveryRecord, MessageRecord, Outcome};
use models::stream::MessageId;

/// The deliveries of a run by message.
#[derive(Clone, Debug)]
pub struct Accounts<'a> {
    outcome: &'a Outcome,
    /// `order[starts[m]..starts[m + 1]]` are the deliveries of message `m`.
    starts: Vec<u32>,
    order: Vec<u32>,
}

/// Messages counted, each with the subscribers it was meant for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Publish calls.
    pub published: u64,
    /// Deliveries, see the [module](self).
    pub delivered: u64,
    /// Copies beyond the first of each delivery.
    pub duplicated: u64,
    /// Expected deliveries that did not happen before the run ended.
    pub lost: u64,
}

impl<'a> Accounts<'a> {
    /// Sorts the deliveries of `outcome` by message, in linear time.
    ///
    /// # Panics
    /// When a delivery names a message that is not in the ledger, or where there are 2^32
    /// deliveries or more.
    #[must_use]
    pub fn of(outcome: &'a Outcome) -> Self {
        assert!(u32::try_from(outcome.deliveries.len()).is_ok(), "fewer than 2^32 deliveries");
        let mut starts = vec![0u32; outcome.messages.len() + 1];
        for delivery in &outcome.deliveries {
            starts[delivery.message.0 as usize + 1] += 1;
        }
        for message in 1..starts.len() {
            starts[message] += starts[message - 1];
        }
        let mut free = starts.clone();
        let mut order = vec![0u32; outcome.deliveries.len()];
        for (place, delivery) in outcome.deliveries.iter().enumerate() {
            let slot = &mut free[delivery.message.0 as usize];
            order[*slot as usize] = place as u32;
            *slot += 1;
        }
        Accounts { outcome, starts, order }
    }

    /// The deliveries of one message, in the order of their arrival.
    pub fn deliveries(&self, message: MessageId) -> impl ExactSizeIterator<Item = &'a DeliveryRecord> + '_ {
        let range = self.starts[message.0 as usize] as usize..self.starts[message.0 as usize + 1] as usize;
        self.order[range].iter().map(|&place| &self.outcome.deliveries[place as usize])
    }

    /// Whether the broker is the message's destination because nobody subscribes to it.
    #[must_use]
    pub fn ends_at_broker(&self, message: &MessageRecord) -> bool {
        message.expected == 0
    }

    /// From the publish call to the broker's acceptance, in nanoseconds, for a message that ends
    /// there and was accepted.
    #[must_use]
    pub fn broker_latency_ns(&self, message: &MessageRecord) -> Option<u64> {
        if !self.ends_at_broker(message) || self.deliveries(message.id).len() > 0 {
            return None;
        }
        Some(latency_ns(message, message.accepted?))
    }

    /// Counts the messages and appends the latency of each delivery, in nanoseconds, to
    /// `latencies_ns`.
    pub fn count(&self, latencies_ns: &mut Vec<u64>) -> Counts {
        let mut counts = Counts::default();
        for message in self.outcome.messages.iter().filter(|m| m.published >= self.outcome.warm_up) {
            counts.published += 1;
            let mut delivered = 0;
            for delivery in self.deliveries(message.id) {
                delivered += 1;
                counts.duplicated += u64::from(delivery.copies.saturating_sub(1));
                latencies_ns.push(latency_ns(message, delivery.at));
            }
            if let Some(latency) = self.broker_latency_ns(message) {
                delivered += 1;
                latencies_ns.push(latency);
            }
            counts.delivered += delivered;
            // A subscriber who comes later can add a delivery (of a retained message) that was not
            // expected at the publish call; it does not make up for a lost one of another message.
            counts.lost += u64::from(message.expected.max(1)).saturating_sub(delivered);
        }
        counts
    }
}

/// From the publish call to `at`, in nanoseconds.
#[must_use]
pub fn latency_ns(message: &MessageRecord, at: sim_core::time::SimTime) -> u64 {
    at.as_nanos().saturating_sub(message.published.as_nanos())
}

#[cfg(test)]
mod tests {
    use sim_core::stats::percentile;

    use super::*;
    use crate::results::sample;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let values: Vec<u64> = (1..=10).collect();
        assert_eq!(percentile(&values, 50.0), Some(5));
        assert_eq!(percentile(&values, 51.0), Some(6));
        assert_eq!(percentile(&values, 99.0), Some(10));
        assert_eq!(percentile(&values, 100.0), Some(10));
        assert_eq!(percentile(&[7], 1.0), Some(7));
        assert_eq!(percentile(&[], 50.0), None);
    }

    #[test]
    fn deliveries_are_found_by_message_in_order_of_arrival() {
        let outcome = sample::outcome();
        let accounts = Accounts::of(&outcome);
        let subscribers: Vec<Vec<u32>> = outcome
            .messages
            .iter()
            .map(|m| accounts.deliveries(m.id).map(|d| d.subscriber.0).collect())
            .collect();
        assert_eq!(subscribers, [vec![2, 3], vec![2], vec![]]);
    }

    #[test]
    fn what_did_not_arrive_is_lost_and_further_copies_are_duplicates() {
        let outcome = sample::outcome();
        let mut latencies = Vec::new();
        let counts = Accounts::of(&outcome).count(&mut latencies);
        assert_eq!(counts, Counts { published: 3, delivered: 3, duplicated: 1, lost: 2 });
        assert_eq!(latencies, [10_250_000, 12_000_000, 40_000_000]);
    }

    #[test]
    fn what_was_published_during_warm_up_is_not_counted() {
        let mut outcome = sample::outcome();
        let whole = Accounts::of(&outcome).count(&mut Vec::new());
        outcome.warm_up = outcome.messages[1].published;
        let mut latencies = Vec::new();
        let counts = Accounts::of(&outcome).count(&mut latencies);
        assert_eq!(counts.published, whole.published - 1);
        assert_eq!(counts.delivered as usize, latencies.len());
        assert!(counts.delivered < whole.delivered);
    }

    #[test]
    fn an_expectation_of_nobody_means_the_broker() {
        let mut outcome = sample::outcome();
        outcome.messages[2].expected = 0;
        outcome.messages[2].accepted = Some(sim_core::time::SimTime::from_secs(3));
        let counts = Accounts::of(&outcome).count(&mut Vec::new());
        assert_eq!((counts.delivered, counts.lost), (4, 1));
    }
}

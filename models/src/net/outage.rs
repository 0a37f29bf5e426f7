//! Times at which a link is down.

use std::sync::Arc;

use sim_core::time::SimTime;

/// What becomes of the frames that wait in a link, or are in transmission, when it goes down.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Queued {
    /// They wait, and are sent (the interrupted one anew) when the link is up again.
    #[default]
    Survive,
    /// They are lost.
    Lost,
}

/// One span of time in which a direction carries nothing.
///
/// A frame handed over while it lasts is lost. A frame whose transmission was over is beyond its
/// reach and arrives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outage {
    /// Its first instant.
    pub from: SimTime,
    /// The first instant at which the link is up again; after `from`.
    pub to: SimTime,
    /// What becomes of frames in the queue.
    pub queued: Queued,
}

/// The outages of one direction in their order, none of which overlap.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Outages {
    all: Arc<[Outage]>,
    /// The first that is not over.
    next: usize,
}

/// When a frame is transmitted, as far as outages let it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Slot {
    /// Its first bit leaves at this instant.
    From(SimTime),
    /// The link goes down at this instant and takes it along.
    CutAt(SimTime),
}

impl Outages {
    /// A schedule of these outages.
    ///
    /// # Panics
    /// When they overlap or one ends before it begins: scenarios are checked before.
    pub fn new(mut all: Vec<Outage>) -> Self {
        all.sort_by_key(|outage| outage.from);
        assert!(all.iter().all(|outage| outage.from < outage.to), "an outage ends after it begins");
        assert!(all.windows(2).all(|pair| pair[0].to <= pair[1].from), "outages do not overlap");
        Outages { all: all.into(), next: 0 }
    }

    /// Whether the link is down at `now`, an instant that never goes back.
    pub fn down(&mut self, now: SimTime) -> bool {
        while self.all.get(self.next).is_some_and(|outage| outage.to <= now) {
            self.next += 1;
        }
        self.all.get(self.next).is_some_and(|outage| outage.from <= now)
    }

    /// When a frame that could start at `start` and takes `wire_ns` is transmitted.
    pub fn slot(&self, start: SimTime, wire_ns: u64) -> Slot {
        let mut start = start;
        for outage in &self.all[self.next..] {
            if outage.to <= start {
                continue;
            }
            if outage.from >= start && outage.from.as_nanos() - start.as_nanos() >= wire_ns.max(1) {
                break;
            }
            match outage.queued {
                Queued::Survive => start = outage.to,
                Queued::Lost => return Slot::CutAt(outage.from),
            }
        }
        Slot::From(start)
    }

    /// The end of the last outage that is over at `now`.
    pub fn last_end(&self, now: SimTime) -> Option<SimTime> {
        let over = self.all.partition_point(|outage| outage.to <= now);
        self.all[..over].last().map(|outage| outage.to)
    }

    /// Nanoseconds between `from` and `to` in which the link is down.
    pub fn down_ns(&self, from: SimTime, to: SimTime) -> u64 {
        let overlap = |outage: &Outage| {
            let end = outage.to.min(to).as_nanos();
            end.saturating_sub(outage.from.max(from).as_nanos())
        };
        self.all[self.next..].iter().take_while(|outage| outage.from < to).map(overlap).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outage(from: u64, to: u64, queued: Queued) -> Outage {
        Outage { from: SimTime::from_secs(from), to: SimTime::from_secs(to), queued }
    }

    #[test]
    fn a_link_is_down_from_the_first_instant_to_before_the_last() {
        let survive = Queued::Survive;
        let mut outages = Outages::new(vec![outage(8, 9, survive), outage(2, 4, survive)]);
        let down: Vec<u64> = (0..12).filter(|second| outages.down(SimTime::from_secs(*second))).collect();
        assert_eq!(down, [2, 3, 8]);
    }

    #[test]
    fn a_transmission_waits_until_there_is_room_between_two_outages() {
        let survive = Queued::Survive;
        let outages = Outages::new(vec![outage(2, 4, survive), outage(5, 9, survive)]);
        let second = 1_000_000_000;
        let slot = |start, wire_ns| outages.slot(SimTime::from_secs(start), wire_ns);
        assert_eq!(slot(0, 2 * second), Slot::From(SimTime::ZERO), "it just fits");
        assert_eq!(slot(1, 2 * second), Slot::From(SimTime::from_secs(9)), "the gap is too short for it");
        assert_eq!(slot(1, second + 1), Slot::From(SimTime::from_secs(9)));
        assert_eq!(slot(3, second), Slot::From(SimTime::from_secs(4)));
        assert_eq!(slot(3, 0), Slot::From(SimTime::from_secs(4)), "an instant counts as well");
        assert_eq!(outages.down_ns(SimTime::from_secs(3), SimTime::from_secs(7)), 3 * second);
    }

    #[test]
    fn an_outage_can_take_the_queue_along() {
        let outages = Outages::new(vec![outage(2, 4, Queued::Lost)]);
        assert_eq!(outages.slot(SimTime::from_secs(1), 1_000_000_001), Slot::CutAt(SimTime::from_secs(2)));
        assert_eq!(outages.slot(SimTime::from_secs(4), 5), Slot::From(SimTime::from_secs(4)));
    }

    #[test]
    #[should_panic(expected = "overlap")]
    fn outages_that_overlap_are_refused() {
        let survive = Queued::Survive;
        let _ = Outages::new(vec![outage(2, 4, survive), outage(3, 5, survive)]);
    }
}

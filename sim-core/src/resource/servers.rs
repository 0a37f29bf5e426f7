//! The servers of a resource and nothing else: no statistics, so a million idle CPUs stay small.

use std::time::Duration;

use crate::time::SimTime;

use super::Grant;

/// Servers that need no heap.
const FEW: usize = 4;

/// k equal servers and one queue, first come, first served; the jobs are not counted.
///
/// A server is the end of the work that it has accepted. One that does not exist never falls idle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Servers {
    few: [SimTime; FEW],
    #[expect(clippy::box_collection, reason = "one word instead of three where there are none")]
    /// Those beyond; boxed twice, since few boards have any.
    more: Option<Box<Vec<SimTime>>>,
}

impl Servers {
    /// `count` idle servers.
    ///
    /// # Panics
    /// When `count` is zero.
    #[must_use]
    pub fn new(count: u32) -> Self {
        assert!(count > 0, "a resource has at least one server");
        let count = count as usize;
        let mut few = [SimTime::MAX; FEW];
        few[..count.min(FEW)].fill(SimTime::ZERO);
        let more = (count > FEW).then(|| Box::new(vec![SimTime::ZERO; count - FEW]));
        Servers { few, more }
    }

    /// Accepts a job at `now`, not before the previous one, that takes a server for the span `service`.
    ///
    /// Of several servers free at the same instant the one with the lowest number is taken.
    #[inline]
    pub fn admit(&mut self, now: SimTime, service: Duration) -> Grant {
        let first = &mut self.few[0];
        if *first <= now {
            *first = now + service;
            return Grant { start: now, end: *first, server: 0 };
        }
        self.admit_to_others(now, service)
    }

    /// The same when the first server is at work.
    #[inline(never)]
    fn admit_to_others(&mut self, now: SimTime, service: Duration) -> Grant {
        let (mut free, mut server) = (SimTime::MAX, 0);
        let mut look = |ends: &[SimTime], first: u32| {
            for (end, number) in ends.iter().zip(first..) {
                // A server idle by now is as good as any with a higher number.
                if free <= now {
                    return;
                }
                if *end < free {
                    (free, server) = (*end, number);
                }
            }
        };
        look(&self.few, 0);
        if let Some(more) = &self.more {
            look(more, FEW as u32);
        }
        let start = now.max(free);
        let end = start + service;
        match (self.few.get_mut(server as usize), &mut self.more) {
            (Some(place), _) => *place = end,
            (None, more) => more.as_mut().expect("more servers")[server as usize - FEW] = end,
        }
        Grant { start, end, server }
    }

    /// The number of servers.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.free_times().count() as u32
    }

    /// The end of the work that each server has accepted.
    pub fn free_times(&self) -> impl Iterator<Item = SimTime> {
        let few = self.few.iter().filter(|end| **end != SimTime::MAX);
        few.chain(self.more.iter().flat_map(|more| more.iter())).copied()
    }
}

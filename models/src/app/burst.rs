//! The burst publisher: connects, publishes its messages, leaves. Five hundred of these at one
//! instant are the alert burst.

use std::rc::Rc;

use sim_core::time::SimTime;

use super::turn::{Message, Turn};

/// What a burst publisher does.
#[derive(Clone, Debug)]
pub struct BurstPlan {
    /// The message.
    pub message: Message,
    /// Number of messages.
    pub count: u32,
    /// Whether a message waits until the one before it is complete.
    pub one_at_a_time: bool,
    /// Whether it disconnects when all are complete.
    pub then_disconnect: bool,
}

/// A burst publisher at work.
#[derive(Clone, Debug)]
pub struct Burst {
    plan: Rc<BurstPlan>,
    sent: u32,
    completed: u32,
    leaves_at: SimTime,
}

impl Burst {
    /// A burst publisher that begins once it is connected.
    #[must_use]
    pub fn new(plan: Rc<BurstPlan>) -> Self {
        Burst { plan, sent: 0, completed: 0, leaves_at: SimTime::MAX }
    }

    pub(super) fn leaves_at(&self) -> SimTime {
        self.leaves_at
    }

    pub(super) fn connected(&mut self, turn: &mut Turn<'_>) {
        if self.sent > 0 {
            return; // A new connection of a burst that is under way: the session goes on.
        }
        let at_once = if self.plan.one_at_a_time { 1 } else { self.plan.count };
        for _ in 0..at_once.min(self.plan.count) {
            self.sent += 1;
            turn.publish(&self.plan.message);
        }
    }

    pub(super) fn completed(&mut self, turn: &mut Turn<'_>) {
        self.completed += 1;
        if self.sent < self.plan.count {
            self.sent += 1;
            turn.publish(&self.plan.message);
        } else if self.completed >= self.plan.count && self.plan.then_disconnect {
            self.leaves_at = turn.now;
        }
    }
}

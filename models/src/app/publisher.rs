//! The periodic publisher: one message at a time, at fixed intervals.

use std::rc::Rc;
use std::time::Duration;

use sim_core::time::SimTime;

use super::turn::{Message, Turn};
use crate::cause::Cause;

/// What a periodic publisher does.
#[derive(Clone, Debug)]
pub struct PublisherPlan {
    /// The message.
    pub message: Message,
    /// Span from one publish call to the next.
    pub every: Duration,
    /// Number of messages; `None` goes on to the end.
    pub count: Option<u32>,
    /// Span between PINGREQs that the program sends by its own clock, whatever else it sends, and as
    /// many of them as messages.
    pub ping_every: Option<Duration>,
    /// Disconnect so long after the last message is complete.
    pub disconnect_after: Option<Duration>,
    /// One message on each connection, then disconnect: a program that sleeps in between.
    pub once_a_connection: bool,
    /// CPU time of reading the sensor before each message, in nanoseconds.
    pub sample_ns: u64,
}

/// A periodic publisher at work.
#[derive(Clone, Debug)]
pub struct Publisher {
    plan: Rc<PublisherPlan>,
    next: SimTime,
    next_ping: SimTime,
    leaves_at: SimTime,
    sent: u32,
    pinged: u32,
    completed: u32,
    /// Whether the first connection has come up; nothing is published before.
    begun: bool,
}

impl Publisher {
    /// A publisher whose first message goes out at `start`, its first own PINGREQ at `ping_start`.
    #[must_use]
    pub fn new(plan: Rc<PublisherPlan>, start: SimTime, ping_start: SimTime) -> Self {
        let own_time = plan.count != Some(0) && !plan.once_a_connection;
        let next = if own_time { start } else { SimTime::MAX };
        let next_ping = if plan.ping_every.is_some() { ping_start } else { SimTime::MAX };
        Publisher {
            plan,
            next,
            next_ping,
            leaves_at: SimTime::MAX,
            sent: 0,
            pinged: 0,
            completed: 0,
            begun: false,
        }
    }

    pub(super) fn deadline(&self) -> SimTime {
        if self.begun { self.next.min(self.next_ping) } else { SimTime::MAX }
    }

    pub(super) fn connected(&mut self, turn: &mut Turn<'_>) {
        self.begun = true;
        if self.plan.once_a_connection {
            self.publish(turn);
        }
    }

    /// All in RAM is lost; what the plan counts is kept, as by a clock that runs on.
    pub(super) fn reset(&mut self) {
        self.begun = false;
        self.leaves_at = SimTime::MAX;
    }

    fn publish(&mut self, turn: &mut Turn<'_>) {
        if self.plan.sample_ns > 0 {
            turn.work.charge(Cause::Sample, self.plan.sample_ns);
        }
        turn.publish(&self.plan.message);
        self.sent += 1;
    }

    pub(super) fn leaves_at(&self) -> SimTime {
        self.leaves_at
    }

    pub(super) fn wake(&mut self, turn: &mut Turn<'_>) {
        if self.next <= turn.now {
            self.publish(turn);
            self.next = if self.is_last(self.sent) { SimTime::MAX } else { self.next + self.plan.every };
        }
        if let Some(every) = self.plan.ping_every
            && self.next_ping <= turn.now
        {
            turn.mqtt.ping(turn.now);
            self.pinged += 1;
            self.next_ping = if self.is_last(self.pinged) { SimTime::MAX } else { self.next_ping + every };
        }
    }

    fn is_last(&self, done: u32) -> bool {
        self.plan.count.is_some_and(|count| done >= count)
    }

    pub(super) fn completed(&mut self, now: SimTime) {
        self.completed += 1;
        if self.plan.once_a_connection {
            self.leaves_at = now;
        }
        if let Some(after) = self.plan.disconnect_after
            && self.plan.count == Some(self.completed)
        {
            self.leaves_at = now + after;
        }
    }
}

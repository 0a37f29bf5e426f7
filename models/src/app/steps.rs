//! A client that does one thing after another at given instants: connect, subscribe, publish, leave, fail,
//! come back. Small scenarios that show one behaviour are made of these.

use std::rc::Rc;

use sim_core::time::SimTime;

use super::turn::{Message, Turn};
use crate::mqtt::{SubscriptionOptions, TopicFilter};

/// What a step does.
#[derive(Clone, Debug)]
pub enum Act {
    /// Opens the connection.
    Connect,
    /// Sends DISCONNECT and closes.
    Disconnect,
    /// Closes the transport without DISCONNECT; the client's own session state stays.
    Close,
    /// The program is killed and forgets everything; its kernel closes the transport.
    Crash,
    /// Sends SUBSCRIBE; the number is the Subscription Identifier, 0 for none.
    Subscribe(Vec<(TopicFilter, SubscriptionOptions)>, u32),
    /// Sends UNSUBSCRIBE.
    Unsubscribe(Vec<TopicFilter>),
    /// Publishes so many times at once.
    Publish(Message, u32),
    /// Sends PINGREQ.
    Ping,
}

/// Steps in the order of their instants.
#[derive(Clone, Debug)]
pub struct StepsPlan {
    /// When, and what.
    pub steps: Vec<(SimTime, Act)>,
}

/// What a step asks of the program around it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wish {
    /// Open the connection.
    Connect,
    /// Leave in good order.
    Disconnect,
    /// Close the transport.
    Close,
    /// Be killed.
    Crash,
    /// Ask a service, on a connection of its own.
    Call,
}

/// A client that does its steps.
#[derive(Clone, Debug)]
pub struct Steps {
    plan: Rc<StepsPlan>,
    next: u32,
}

impl Steps {
    /// A client with all steps before it.
    #[must_use]
    pub fn new(plan: Rc<StepsPlan>) -> Self {
        Steps { plan, next: 0 }
    }

    pub(super) fn deadline(&self) -> SimTime {
        self.plan.steps.get(self.next as usize).map_or(SimTime::MAX, |(at, _)| *at)
    }

    /// Does one step; two of the same instant are two turns.
    pub(super) fn wake(&mut self, turn: &mut Turn<'_>) {
        let Some((at, act)) = self.plan.steps.get(self.next as usize) else { return };
        if *at > turn.now {
            return;
        }
        self.next += 1;
        match act {
            Act::Connect => turn.wish = Some(Wish::Connect),
            Act::Disconnect => turn.wish = Some(Wish::Disconnect),
            Act::Close => turn.wish = Some(Wish::Close),
            Act::Crash => turn.wish = Some(Wish::Crash),
            Act::Subscribe(filters, identifier) => turn.subscribe(filters.clone(), *identifier),
            Act::Unsubscribe(filters) => {
                if turn.mqtt.unsubscribe(turn.now, filters.clone()).is_err() {
                    turn.failed += 1;
                }
            }
            Act::Publish(message, times) => {
                for _ in 0..*times {
                    turn.publish(message);
                }
            }
            Act::Ping => turn.mqtt.ping(turn.now),
        }
    }
}

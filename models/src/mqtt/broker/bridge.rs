//! A server's own bridges to other servers: sessions without a connection, whose copies go to the host.
//!
//! As in Mosquitto, a bridge subscribes at its own server like a client, with No Local, so that nothing goes
//! back where it came from, and with RETAIN as published. What it was given by the other server it publishes
//! here in its own name. Rules of access and the limits of queues are not for it: the host queues.
//!
//! **Leaves out** loops: messages go round for ever in a circle of three servers, or between two that have a
//! bridge each for the same topics, as they do in Mosquitto.

use std::sync::Arc;

use sim_core::time::SimTime;

use crate::mqtt::broker::{Broker, Session, SessionIndex};
use crate::mqtt::packet::{QoS, SubscriptionOptions};
use crate::mqtt::session::ApplicationMessage;
use crate::mqtt::subscriptions::Granted;
use crate::mqtt::topic::TopicFilter;

/// A bridge at its own server, until [`Broker::restart`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attachment(SessionIndex);

/// Whether bridges tell their state on this topic, where all may publish below `$SYS` (Mosquitto:
/// `$SYS/broker/connection/+/state`).
pub(super) fn is_state_of_bridge(topic: &str) -> bool {
    let inner = topic.strip_prefix("$SYS/broker/connection/").and_then(|rest| rest.strip_suffix("/state"));
    inner.is_some_and(|name| !name.contains('/'))
}

impl Broker {
    /// Attaches the host's bridge of this number: copies of messages that match one of the filters come
    /// out of [`Broker::poll_bridged`], at the lower of the two QoS.
    pub fn attach_bridge(
        &mut self,
        number: u16,
        name: &Arc<str>,
        filters: &[(TopicFilter, QoS)],
    ) -> Attachment {
        let index = self.sessions.insert(Session {
            expiry_s: u32::MAX,
            bridge: Some(number),
            ..Session::new(name.clone())
        });
        let session = SessionIndex(u32::try_from(index).expect("fewer than 4 G sessions"));
        for (filter, qos) in filters {
            self.subscribe_session(session, filter, None, granted(*qos));
        }
        Attachment(session)
    }

    /// The next copy for a bridge, and the bridge's number.
    pub fn poll_bridged(&mut self) -> Option<(u16, ApplicationMessage)> {
        self.bridged.pop_front()
    }

    /// A bridge is connected: the retained messages that match its filters come out of
    /// [`Broker::poll_bridged`].
    pub fn send_retained_to_bridge(
        &mut self,
        now: SimTime,
        bridge: Attachment,
        filters: &[(TopicFilter, QoS)],
    ) {
        self.now = now;
        for (filter, qos) in filters {
            for application in self.retained_for(filter, granted(*qos)) {
                self.send_one(bridge.0, application);
            }
        }
    }

    /// A bridge brings a message: it is retained and forwarded like a client's, but not back to the bridge.
    pub fn publish_from_bridge(&mut self, now: SimTime, bridge: Attachment, application: ApplicationMessage) {
        self.now = now;
        self.accept_and_route(application, Some(bridge.0));
    }
}

fn granted(qos: QoS) -> Granted {
    Granted::new(SubscriptionOptions::of_bridge(qos), 0)
}

#[cfg(test)]
mod tests;

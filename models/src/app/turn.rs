//! What a role may do while it has its turn.

use std::sync::Arc;

use sim_core::time::SimTime;

use super::Work;
use super::steps::Wish;
use crate::cause::Cause;
use crate::host::heap::Heap;
use crate::host::{MemoryEnd, ProgramCost};
use crate::ledger::{Ledger, Publication};
use crate::mqtt::message::{ApplicationMessage, Attached};
use crate::mqtt::{Client, Properties, PublishError, QoS, SubscriptionOptions, TopicFilter, TopicName};
use crate::record::HostIndex;
use crate::stream::{MessageId, Payload};

/// What a role may do while it has its turn.
pub struct Turn<'a> {
    /// The present.
    pub now: SimTime,
    /// The host it runs on.
    pub host: HostIndex,
    /// The protocol machine.
    pub mqtt: &'a mut Client,
    /// The books of messages.
    pub ledger: &'a mut Ledger,
    /// The account of this task.
    pub work: &'a mut Work,
    /// What its host's software takes for it.
    pub cost: &'a ProgramCost,
    /// The heap of its host, where that has a fixed size.
    pub heap: Option<&'a mut Heap>,
    /// Calls that failed.
    pub failed: u32,
    /// Publish calls for which there was no memory.
    pub out_of_memory: u32,
    /// What the role wants of the program around it.
    pub wish: Option<Wish>,
}

/// A message that a role publishes again and again.
#[derive(Clone, Debug)]
pub struct Message {
    /// Topic Name.
    pub topic: TopicName,
    /// Its number in the ledger.
    pub ledger_topic: u32,
    /// Payload.
    pub payload: Payload,
    /// Quality of Service.
    pub qos: QoS,
    /// RETAIN flag.
    pub retain: bool,
    /// Number of subscribers that it is meant for.
    pub expected: u32,
    /// What MQTT 5.0 has beside, if anything.
    pub properties: Option<Arc<Properties>>,
}

impl Turn<'_> {
    /// Publishes `message` and pays for the call; returns its name in the ledger.
    pub fn publish(&mut self, message: &Message) -> MessageId {
        self.publish_since(self.now, message)
    }

    /// The same for a message that the application has been at work on since `since`: what its latency
    /// counts from.
    pub fn publish_since(&mut self, since: SimTime, message: &Message) -> MessageId {
        let bytes = message.payload.len() as u32;
        let id = self.ledger.open(
            since,
            Publication {
                publisher: self.host,
                topic: message.ledger_topic,
                bytes,
                qos: message.qos as u8,
                expected: message.expected,
            },
        );
        if self.heap.as_mut().is_some_and(|heap| heap.publish(u64::from(bytes)).is_err()) {
            self.out_of_memory += 1;
            return id;
        }
        self.work.charge(Cause::Publish, self.cost.publish(u64::from(bytes)));
        let properties = message.properties.as_ref().map(|properties| Box::new((**properties).clone()));
        let application = ApplicationMessage {
            topic: message.topic.clone(),
            payload: message.payload.clone(),
            attached: Attached::of(properties, self.now),
            message: id,
            qos: message.qos,
            retain: message.retain,
        };
        match self.mqtt.publish_message(self.now, application) {
            Ok(()) => {}
            // The library's buffer is all the memory there is for a message.
            Err(PublishError::TooLarge) if self.cost.memory_end == MemoryEnd::Drop => self.out_of_memory += 1,
            Err(
                PublishError::TooLarge
                | PublishError::NotConnected
                | PublishError::QueueFull
                | PublishError::QoSNotSupported
                | PublishError::RetainNotSupported,
            ) => self.failed += 1,
        }
        id
    }

    /// Subscribes; `identifier` is the Subscription Identifier, 0 for none.
    pub fn subscribe(&mut self, filters: Vec<(TopicFilter, SubscriptionOptions)>, identifier: u32) {
        let mut properties = Properties::default();
        properties.subscription_identifiers.extend((identifier > 0).then_some(identifier));
        if self.mqtt.subscribe_with(self.now, filters, properties.boxed()).is_err() {
            self.failed += 1;
        }
    }
}

//! Topic Aliases of one direction of one connection. MQTT 5.0 §3.3.2.3.4
//!
//! The sender gives aliases to the first topics it has, as many as the receiver allows, and keeps them
//! for the life of the connection.

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use crate::mqtt::close::ProtocolError;
use crate::mqtt::message::TopicAs;
use crate::mqtt::packet::Publish;
use crate::mqtt::topic::TopicName;

/// The aliases that a receiver has been told.
#[derive(Clone, Debug, Default)]
pub struct InboundAliases {
    // By alias - 1.
    topics: Vec<Option<TopicName>>,
}

impl InboundAliases {
    /// Puts the Topic Name in the place of an alias, or takes note of a new alias; the alias is gone
    /// from the packet afterwards.
    ///
    /// # Errors
    /// When the alias exceeds `maximum` or stands for nothing.
    pub fn resolve(&mut self, publish: &mut Publish, maximum: u16) -> Result<(), ProtocolError> {
        let alias = publish.properties.as_mut().and_then(|properties| properties.topic_alias.take());
        let Some(alias) = alias else { return Ok(()) };
        // "A Client MUST NOT send a PUBLISH packet with a Topic Alias greater than the Topic Alias Maximum"
        if alias.get() > maximum {
            return Err(ProtocolError::TopicAlias);
        }
        let at = usize::from(alias.get()) - 1;
        if !publish.topic.is_aliased() {
            if self.topics.len() <= at {
                self.topics.resize(at + 1, None);
            }
            self.topics[at] = Some(publish.topic.clone());
            return Ok(());
        }
        match self.topics.get(at) {
            Some(Some(topic)) => {
                publish.topic = topic.clone();
                Ok(())
            }
            Some(None) | None => Err(ProtocolError::UnknownTopicAlias),
        }
    }
}

/// The aliases that a sender has given.
#[derive(Clone, Debug, Default)]
pub struct OutboundAliases {
    maximum: u16,
    numbers: BTreeMap<TopicName, NonZeroU16>,
}

impl OutboundAliases {
    /// None yet, and at most so many.
    #[must_use]
    pub const fn up_to(maximum: u16) -> Self {
        OutboundAliases { maximum, numbers: BTreeMap::new() }
    }

    /// Whether there will never be any.
    #[must_use]
    pub const fn is_off(&self) -> bool {
        self.maximum == 0
    }

    /// How the next PUBLISH says this topic.
    pub fn choose(&mut self, topic: &TopicName) -> TopicAs {
        if let Some(alias) = self.numbers.get(topic) {
            return TopicAs::Alias(*alias);
        }
        let given = self.numbers.len() as u16;
        match NonZeroU16::new(given + 1).filter(|_| given < self.maximum) {
            Some(alias) => {
                self.numbers.insert(topic.clone(), alias);
                TopicAs::NameAndAlias(alias)
            }
            None => TopicAs::Name,
        }
    }

    /// The PUBLISH with this choice was not sent after all.
    pub fn take_back(&mut self, topic: &TopicName, choice: TopicAs) {
        match choice {
            TopicAs::NameAndAlias(_) => drop(self.numbers.remove(topic)),
            TopicAs::Name | TopicAs::Alias(_) => {}
        }
    }
}

//! Subscriptions and retained messages. MQTT 3.1.1 §3.8 to §3.11, §3.3.1.3

use std::ops::Bound;

use crate::mqtt::broker::{Broker, ConnectionId, SessionIndex};
use crate::mqtt::codec::encode::{encode, encode_acknowledgement};
use crate::mqtt::packet::{Packet, PacketType, QoS, Suback, Subscribe, Unsubscribe};
use crate::mqtt::session::ApplicationMessage;
use crate::mqtt::topic::TopicFilter;
use crate::stream::MessageId;

impl Broker {
    // MQTT 3.1.1 §3.8.4
    pub(super) fn handle_subscribe(
        &mut self,
        connection: ConnectionId,
        session: SessionIndex,
        subscribe: Subscribe,
    ) {
        let Subscribe { packet_identifier, filters } = subscribe;
        for (filter, qos) in &filters {
            if self.subscriptions.insert(filter, session, *qos) {
                self.session(session).subscriptions.push(filter.clone());
            }
        }
        let return_codes = filters.iter().map(|(_, qos)| Some(*qos)).collect();
        let suback = Packet::Suback(Suback { packet_identifier, return_codes });
        self.transmit(connection, encode(&suback, MessageId::NONE));
        // "Any existing retained messages matching the Topic Filter MUST be re-sent", also when the
        // subscription replaces one.
        for (filter, qos) in &filters {
            for application in self.retained_for(filter, *qos) {
                self.send_one(session, application);
            }
        }
    }

    // MQTT 3.1.1 §3.10.4
    pub(super) fn handle_unsubscribe(
        &mut self,
        connection: ConnectionId,
        session: SessionIndex,
        unsubscribe: Unsubscribe,
    ) {
        for filter in &unsubscribe.filters {
            if self.subscriptions.remove(filter, session) {
                self.session(session).subscriptions.retain(|held| held != filter);
            }
        }
        let id = unsubscribe.packet_identifier;
        self.transmit(connection, encode_acknowledgement(PacketType::Unsuback, id, MessageId::NONE));
    }

    // MQTT 3.1.1 §3.3.1.3
    pub(super) fn retain(&mut self, application: &ApplicationMessage) {
        // "A PUBLISH Packet with a RETAIN flag set to 1 and a payload containing zero bytes [...] any
        // existing retained message with the same topic name MUST be removed"
        let former = match application.payload.is_empty() {
            true => self.retained.remove(&application.topic),
            false => {
                self.buffered += application.weight();
                self.retained.insert(application.topic.clone(), application.clone())
            }
        };
        self.buffered -= former.map_or(0, |former| former.weight());
    }

    // Copies for a new subscription, in the order of their topics.
    fn retained_for(&self, filter: &TopicFilter, granted: QoS) -> Vec<ApplicationMessage> {
        let copy = |application: &ApplicationMessage| ApplicationMessage {
            qos: application.qos.min(granted),
            retain: true,
            ..application.clone()
        };
        if !filter.has_wildcard() {
            return self.retained.get(filter.as_str()).map(copy).into_iter().collect();
        }
        // All that can match begin with what stands before the first wildcard.
        let text = filter.as_str();
        let literal = &text[..text.find(['+', '#']).unwrap_or(text.len())];
        // `a/#` matches `a` too. MQTT 3.1.1 §4.7.1.2
        let start = literal.strip_suffix('/').unwrap_or(literal);
        self.retained
            .range::<str, _>((Bound::Included(start), Bound::Unbounded))
            .take_while(|(topic, _)| topic.as_str().starts_with(start))
            .filter(|(topic, _)| filter.matches(topic))
            .map(|(_, application)| copy(application))
            .collect()
    }
}

//! Subscriptions and retained messages. MQTT 3.1.1 §3.8 to §3.11, §3.3.1.3

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::mqtt::broker::access::Wants;
use crate::mqtt::broker::share::shared_part;
use crate::mqtt::broker::{Broker, BrokerEvent, ConnectionId, SessionIndex};
use crate::mqtt::close::ProtocolError;
use crate::mqtt::codec::encode::encode;
use crate::mqtt::packet::{Packet, ReasonCode, RetainHandling, Suback, Subscribe, SubscriptionOptions};
use crate::mqtt::packet::{Unsuback, Unsubscribe};
use crate::mqtt::session::ApplicationMessage;
use crate::mqtt::subscriptions::Granted;
use crate::mqtt::topic::{TopicFilter, TopicName};
use crate::stream::MessageId;

impl Broker {
    // MQTT 3.1.1 §3.8.4, MQTT 5.0 §3.8.4
    pub(super) fn handle_subscribe(
        &mut self,
        connection: ConnectionId,
        session: SessionIndex,
        subscribe: Subscribe,
    ) {
        let Subscribe { packet_identifier, filters, properties } = subscribe;
        let identifier = properties
            .and_then(|properties| properties.subscription_identifiers.first().copied())
            .unwrap_or(0);
        // MQTT 5.0 §4.8.2: the name of a group is not empty and has no wildcard, and a filter follows
        let shares = self.shares_for(self.version(connection));
        if filters.iter().any(|(filter, _)| self.is_too_deep(filter.as_str())) {
            self.protocol_error(connection, ProtocolError::TopicLevels);
            return;
        }
        if shares && filters.iter().any(|(filter, _)| shared_part(filter) == Some(Err(()))) {
            self.protocol_error(connection, ProtocolError::SharedSubscription);
            return;
        }
        let mut reason_codes = Vec::with_capacity(filters.len());
        let mut to_send = Vec::new();
        // As Mosquitto: a bridge gets what is not its own, with RETAIN as published.
        let bridge = self.connections[connection.0 as usize].bridge;
        for (filter, mut options) in filters {
            options.no_local |= bridge;
            options.retain_as_published |= bridge;
            let granted = Granted::new(options, identifier);
            match self.subscribe_to(connection, session, &filter, options, granted) {
                Ok(wants_retained) => {
                    reason_codes.push(ReasonCode::granted(options.qos));
                    if wants_retained {
                        to_send.push((filter, granted));
                    }
                }
                Err(refused) => reason_codes.push(refused),
            }
        }
        let suback = Packet::Suback(Suback { packet_identifier, reason_codes, properties: None });
        let suback = encode(&suback, self.version(connection), MessageId::NONE);
        if !self.answer(connection, suback) {
            return;
        }
        // "Any existing retained messages matching the Topic Filter MUST be re-sent", also when the
        // subscription replaces one.
        for (filter, granted) in to_send {
            for application in self.retained_for(&filter, granted) {
                if !self.may(session, Wants::Read, &application.topic) {
                    continue;
                }
                self.send_one(session, application);
            }
        }
    }

    // Returns whether retained messages are to be sent, or why there is no such subscription.
    fn subscribe_to(
        &mut self,
        connection: ConnectionId,
        session: SessionIndex,
        filter: &TopicFilter,
        options: SubscriptionOptions,
        granted: Granted,
    ) -> Result<bool, ReasonCode> {
        if self.config.refused_filters.contains(filter) {
            return Err(ReasonCode::UnspecifiedError);
        }
        let held = &self.sessions[session.0 as usize].subscriptions;
        let most = self.config.max_subscriptions as usize;
        if most > 0 && held.len() >= most && !held.contains(filter) {
            return Err(ReasonCode::QuotaExceeded);
        }
        let version = self.version(connection);
        if !self.may_subscribe(session, filter) {
            self.events.push_back(BrokerEvent::SubscriptionRefused { connection });
            return Err(ReasonCode::NotAuthorized);
        }
        let shared = match shared_part(filter) {
            Some(Ok(inner)) if self.shares_for(version) => Some(inner),
            Some(_) if version.has_properties() => return Err(ReasonCode::SharedSubscriptionsNotSupported),
            Some(_) | None => None,
        };
        let is_shared = shared.is_some();
        let new = self.subscribe_session(session, filter, shared, granted);
        // MQTT 5.0 §3.3.1.3: Retain Handling; §4.8.2: no retained messages for shared subscriptions
        Ok(!is_shared
            && match options.retain_handling {
                RetainHandling::Send => true,
                RetainHandling::SendIfNew => new,
                RetainHandling::DoNotSend => false,
            })
    }

    // MQTT 3.1.1 §3.10.4, MQTT 5.0 §3.10.4
    pub(super) fn handle_unsubscribe(
        &mut self,
        connection: ConnectionId,
        session: SessionIndex,
        unsubscribe: Unsubscribe,
    ) {
        let mut reason_codes = Vec::with_capacity(unsubscribe.filters.len());
        for filter in &unsubscribe.filters {
            if self.unsubscribe_session(session, filter) {
                self.session(session).subscriptions.retain(|held| held != filter);
                reason_codes.push(ReasonCode::Success);
            } else {
                reason_codes.push(ReasonCode::NoSubscriptionExisted);
            }
        }
        let packet_identifier = unsubscribe.packet_identifier;
        let unsuback = Packet::Unsuback(Unsuback { packet_identifier, reason_codes, properties: None });
        let unsuback = encode(&unsuback, self.version(connection), MessageId::NONE);
        self.answer(connection, unsuback);
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

    // Copies for a new subscription, in the order of their topics; expired messages are removed.
    pub(super) fn retained_for(&mut self, filter: &TopicFilter, granted: Granted) -> Vec<ApplicationMessage> {
        let now = self.now;
        let mut found = Vec::new();
        let mut expired = Vec::new();
        for application in matching(&self.retained, filter) {
            if application.has_expired(now) {
                expired.push(application.topic.clone());
                continue;
            }
            let qos = application.qos.min(granted.qos());
            let mut copy = ApplicationMessage { qos, retain: true, ..application.clone() };
            copy.set_subscription_identifiers(Some(granted.identifier()).filter(|id| *id != 0).into_iter());
            found.push(copy);
        }
        for topic in expired {
            self.buffered -= self.retained.remove(&topic).map_or(0, |former| former.weight());
        }
        found
    }
}

fn matching<'a>(
    retained: &'a BTreeMap<TopicName, ApplicationMessage>,
    filter: &'a TopicFilter,
) -> impl Iterator<Item = &'a ApplicationMessage> {
    // All that can match begin with what stands before the first wildcard; without one, only the
    // message of that name does.
    let text = filter.as_str();
    let literal = &text[..text.find(['+', '#']).unwrap_or(text.len())];
    // `a/#` matches `a` too. MQTT 3.1.1 §4.7.1.2
    let start = literal.strip_suffix('/').filter(|_| filter.has_wildcard()).unwrap_or(literal);
    let exact = retained.get(text).filter(|_| !filter.has_wildcard());
    let range = retained.range::<str, _>((Bound::Included(start), Bound::Unbounded));
    let patterned = range
        .take_while(move |(topic, _)| filter.has_wildcard() && topic.as_str().starts_with(start))
        .filter(|(topic, _)| filter.matches(topic))
        .map(|(_, application)| application);
    exact.into_iter().chain(patterned)
}

//! The way of a message out of the server: who gets a copy, what the copy says, and when it goes.
//! MQTT 3.1.1 §3.3.5, §4.3, §4.6; MQTT 5.0 §3.3.4, §4.9

use crate::mqtt::broker::access::Wants;
use crate::mqtt::broker::share::Subscriber;
use crate::mqtt::broker::{Broker, BrokerEvent, Connection, DropReason};
use crate::mqtt::broker::{OverlappingSubscriptions, Session, SessionIndex, Transmit, WhenQueueFull};
use crate::mqtt::codec::encode::{Outgoing, encode_acknowledgement};
use crate::mqtt::message::{Hop, TopicAs};
use crate::mqtt::packet::{PacketIdentifier, PacketType, QoS};
use crate::mqtt::session::{ApplicationMessage, Awaiting};
use crate::mqtt::subscriptions::Granted;
use sim_core::time::SimTime;

/// The sessions that get a copy of a message.
#[derive(Clone, Debug, Default)]
pub(super) struct Matched {
    copies: Vec<(SessionIndex, Granted)>,
    // Subscription Identifiers of further subscriptions: (place in `copies`, identifier).
    more: Vec<(u32, u32)>,
    // Whether a subscription matched, and No Local kept its copy back.
    kept_back: bool,
}

impl Matched {
    pub(super) const fn len(&self) -> usize {
        self.copies.len()
    }

    /// Whether no subscription matched, not even one that gets no copy. MQTT 5.0 §3.4.2.1
    pub(super) const fn nobody_listens(&self) -> bool {
        self.copies.is_empty() && !self.kept_back
    }

    fn identifiers(&self, place: usize) -> impl Iterator<Item = u32> + '_ {
        let own = self.copies[place].1.identifier();
        let more = self.more.iter().filter(move |(of, _)| *of as usize == place).map(|(_, more)| *more);
        std::iter::once(own).chain(more).filter(|identifier| *identifier != 0)
    }
}

/// The bytes of copies that are all the same: before MQTT 5.0, and from it on.
type Encoded = [Option<Outgoing>; 2];

impl Broker {
    // Fills `matched` with the sessions that get a copy, and what they were granted for it. With `take`,
    // groups of shared subscriptions take their turn.
    pub(super) fn find_subscribers(
        &mut self,
        application: &ApplicationMessage,
        from: Option<SessionIndex>,
        take: bool,
    ) {
        self.routings = self.routings.wrapping_add(1);
        let Broker { subscriptions, sessions, groups, matched, routings, config, .. } = self;
        matched.copies.clear();
        matched.more.clear();
        matched.kept_back = false;
        subscriptions.for_each_match(&application.topic, |subscription| {
            let index = match subscription.session.either() {
                Subscriber::Session(index) => index,
                Subscriber::Group(group) => {
                    // MQTT 5.0 §4.8.2: a copy for the group beside those for its members' own subscriptions
                    matched.copies.extend(groups[group as usize].turn(sessions, take));
                    return;
                }
            };
            let granted = subscription.granted;
            // MQTT 5.0 §3.8.3.1: No Local
            if granted.no_local() && from == Some(index) {
                matched.kept_back = true;
                return;
            }
            let session = &mut sessions[index.0 as usize];
            let first = session.visited != *routings;
            if !first && config.overlapping_subscriptions != OverlappingSubscriptions::CopyEach {
                let (_, held) = &mut matched.copies[session.visited_at as usize];
                if config.overlapping_subscriptions == OverlappingSubscriptions::OneCopyHighest {
                    *held = held.joined(granted);
                }
                // MQTT 5.0 §3.3.4: one copy has the identifiers of all subscriptions that match
                if granted.identifier() != 0 {
                    matched.more.push((session.visited_at, granted.identifier()));
                }
                return;
            }
            session.visited = *routings;
            session.visited_at = matched.copies.len() as u32;
            matched.copies.push((index, granted));
        });
        self.leave_out_who_may_not_read(application);
    }

    // Takes out the copies of those who may not read the topic.
    fn leave_out_who_may_not_read(&mut self, application: &ApplicationMessage) {
        if self.config.access.is_none() {
            return;
        }
        let mut matched = std::mem::take(&mut self.matched);
        let mut place = 0;
        while place < matched.copies.len() {
            if self.may(matched.copies[place].0, Wants::Read, &application.topic) {
                place += 1;
                continue;
            }
            matched.copies.remove(place);
            let gone = place as u32;
            matched.more.retain(|(of, _)| *of != gone);
            for (of, _) in matched.more.iter_mut().filter(|(of, _)| *of > gone) {
                *of -= 1;
            }
        }
        self.matched = matched;
    }

    /// Stores a retained message, and gives every session in `matched` its copy.
    pub(super) fn forward(&mut self, mut application: ApplicationMessage) {
        let retain = application.retain;
        if retain {
            self.retain(&application);
            // MQTT 3.1.1 §3.3.1.3: RETAIN is 0 for an established subscription
            application.retain = false;
        }
        let matched = std::mem::take(&mut self.matched);
        let mut encoded = Encoded::default();
        for (place, &(session, granted)) in matched.copies.iter().enumerate() {
            // MQTT 3.1.1 §3.8.4: the lower of the two
            let qos = application.qos.min(granted.qos());
            // MQTT 5.0 §3.3.1.3: Retain As Published
            let as_published = retain && granted.retain_as_published();
            let own = as_published || matched.identifiers(place).next().is_some();
            if qos == QoS::AtMostOnce && !own {
                self.send_at_most_once(session, &application, Some(&mut encoded));
                continue;
            }
            let mut copy = ApplicationMessage { qos, retain: as_published, ..application.clone() };
            copy.set_subscription_identifiers(matched.identifiers(place));
            self.send_one(session, copy);
        }
        self.matched = matched;
    }

    /// A copy for one session.
    pub(super) fn send_one(&mut self, session: SessionIndex, application: ApplicationMessage) {
        match application.qos {
            QoS::AtMostOnce => self.send_at_most_once(session, &application, None),
            QoS::AtLeastOnce | QoS::ExactlyOnce => self.send_acknowledged(session, application),
        }
    }

    // `shared` keeps the bytes for further copies, where all are the same.
    fn send_at_most_once(
        &mut self,
        session: SessionIndex,
        application: &ApplicationMessage,
        shared: Option<&mut Encoded>,
    ) {
        // MQTT 3.1.1 §3.1.2.4: QoS 0 is not kept for an absent client (it may be; Mosquitto does not)
        let Session { connection, bridge, .. } = &self.sessions[session.0 as usize];
        let connection = match (*connection, *bridge) {
            (Some(connection), _) => connection,
            (None, Some(bridge)) => {
                self.bridged.push_back((bridge, at_most_once(application)));
                return;
            }
            (None, None) => {
                self.dropped(application.message, DropReason::Offline);
                return;
            }
        };
        let now = self.now;
        let entry = &mut self.connections[connection.0 as usize];
        let has_aliases = entry.agreement.as_ref().is_some_and(|agreement| !agreement.aliases_out.is_off());
        let fits = !entry.version.has_properties() || application.fits(entry.version, now);
        let outgoing = match shared.filter(|_| !has_aliases && fits) {
            None => entry.publish(&at_most_once(application), None, false, now),
            Some(encoded) => {
                let bytes = &mut encoded[usize::from(entry.version.has_properties())];
                let bytes = bytes.get_or_insert_with(|| {
                    at_most_once(application).encode(entry.hop(None, false, now, TopicAs::Name))
                });
                Some(&*bytes).filter(|bytes| bytes.wire_len <= entry.max_packet_bytes()).cloned()
            }
        };
        match outgoing {
            Some(outgoing) => self.transmit(connection, outgoing),
            None => self.dropped(application.message, DropReason::TooLarge),
        }
    }

    // Sends a message of QoS 1 or 2, now or when there is room.
    fn send_acknowledged(&mut self, session: SessionIndex, application: ApplicationMessage) {
        let window = self.window(session);
        let Session { outbound, connection, bridge, .. } = &self.sessions[session.0 as usize];
        if let Some(bridge) = *bridge {
            self.bridged.push_back((bridge, application));
            return;
        }
        let has_room = window == 0 || outbound.in_flight().len() < usize::from(window);
        let at_once = connection.is_some() && has_room && outbound.queued() == 0;
        if !at_once && !self.make_room(session, application.weight()) {
            self.dropped(application.message, DropReason::QueueFull);
            return;
        }
        self.buffered += application.weight();
        self.session(session).outbound.enqueue(application);
        self.fill_window(session);
    }

    // Makes room in a session's queue for a message of this weight, if the rule allows it.
    fn make_room(&mut self, session: SessionIndex, weight: usize) -> bool {
        let Broker { config, sessions, events, buffered, now, .. } = self;
        let outbound = &mut sessions[session.0 as usize].outbound;
        let (count, bytes) = (config.max_queued as usize, config.max_queued_bytes as usize);
        loop {
            let full = count > 0 && outbound.queued() >= count
                || bytes > 0 && outbound.queued_bytes() + weight > bytes;
            if !full {
                return true;
            }
            let (lost, reason) = match (outbound.drop_expired(*now), config.when_queue_full) {
                (Some(expired), _) => (expired, DropReason::Expired),
                (None, WhenQueueFull::DropNewest) => return false,
                (None, WhenQueueFull::DropOldest) => match outbound.drop_oldest_queued() {
                    Some(oldest) => (oldest, DropReason::QueueFull),
                    // Larger than the whole queue may be.
                    None => return false,
                },
            };
            *buffered -= lost.weight();
            events.push_back(BrokerEvent::Dropped { message: lost.message, reason });
        }
    }

    // How many messages may be in flight to a session; 0: no limit. MQTT 5.0 §4.9
    fn window(&self, session: SessionIndex) -> u16 {
        let connection = self.sessions[session.0 as usize].connection;
        let agreement =
            connection.and_then(|connection| self.connections[connection.0 as usize].agreement.as_ref());
        match (agreement, self.config.max_inflight) {
            (None, own) => own,
            (Some(agreement), 0) => agreement.receive_maximum,
            (Some(agreement), own) => own.min(agreement.receive_maximum),
        }
    }

    /// Sends to a connected client what is left of a former connection, with DUP (MQTT 3.1.1 §4.4: "with
    /// their original Packet Identifiers"), and then as many queued messages as its window allows.
    pub(super) fn fill_window(&mut self, session: SessionIndex) {
        let window = self.window(session);
        let now = self.now;
        let Broker { sessions, connections, transmits, events, buffered, .. } = self;
        let Session { outbound, connection, .. } = &mut sessions[session.0 as usize];
        let Some(connection) = *connection else { return };
        let entry = &mut connections[connection.0 as usize];
        let generation = entry.generation;
        // Only MQTT 5.0 limits repetitions too.
        let window_of_repetitions = entry.agreement.as_ref().map_or(0, |agreement| agreement.receive_maximum);
        loop {
            while let Some(expired) = outbound.drop_expired(now) {
                *buffered -= expired.weight();
                events.push_back(BrokerEvent::Dropped {
                    message: expired.message,
                    reason: DropReason::Expired,
                });
            }
            let (id, dup) = match outbound.resend(window_of_repetitions, now) {
                Some(again) => (again.packet_identifier, true),
                None => match outbound.admit(window, now, |_| false) {
                    Some(new) => (new.packet_identifier, false),
                    None => break,
                },
            };
            let Some(in_flight) = outbound.get(id) else { break };
            let message = in_flight.application.message;
            let outgoing = match in_flight.awaiting {
                Awaiting::Puback | Awaiting::Pubrec => {
                    entry.publish(&in_flight.application, Some(id), dup, now)
                }
                Awaiting::Pubcomp => {
                    let pubrel = encode_acknowledgement(PacketType::Pubrel, id, message);
                    Some(pubrel.repeated_in(entry.version))
                }
            };
            match outgoing {
                Some(outgoing) => transmits.push_back(Transmit { connection, generation, outgoing }),
                None => {
                    let given_up = outbound.give_up(id);
                    *buffered -= given_up.map_or(0, |application| application.weight());
                    events.push_back(BrokerEvent::Dropped { message, reason: DropReason::TooLarge });
                }
            }
        }
        self.watch_for_retry(session);
    }
}

fn at_most_once(application: &ApplicationMessage) -> ApplicationMessage {
    ApplicationMessage { qos: QoS::AtMostOnce, ..application.clone() }
}

impl Connection {
    pub(super) fn max_packet_bytes(&self) -> u32 {
        self.agreement.as_ref().map_or(u32::MAX, |agreement| agreement.max_packet_bytes)
    }

    const fn hop(
        &self,
        packet_identifier: Option<PacketIdentifier>,
        dup: bool,
        now: SimTime,
        topic_as: TopicAs,
    ) -> Hop {
        Hop { version: self.version, now, packet_identifier, dup, topic_as }
    }

    // The PUBLISH on this connection; `None` when it is too large for the client (MQTT 5.0 §3.1.2.11.4).
    fn publish(
        &mut self,
        application: &ApplicationMessage,
        id: Option<PacketIdentifier>,
        dup: bool,
        now: SimTime,
    ) -> Option<Outgoing> {
        let Some(agreement) = &mut self.agreement else {
            return Some(application.encode(self.hop(id, dup, now, TopicAs::Name)));
        };
        if !application.fits(self.version, now) {
            return None;
        }
        let topic_as = agreement.aliases_out.choose(&application.topic);
        let max_packet_bytes = agreement.max_packet_bytes;
        let outgoing = application.encode(self.hop(id, dup, now, topic_as));
        if outgoing.wire_len <= max_packet_bytes {
            return Some(outgoing);
        }
        if let Some(agreement) = &mut self.agreement {
            agreement.aliases_out.take_back(&application.topic, topic_as);
        }
        None
    }
}

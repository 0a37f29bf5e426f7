//! MQTT 5.0, and versions side by side: the server against clients that are nothing but packets.

mod authentication;
mod faults;
mod flow;
mod messages;
mod sessions;
mod subscriptions;

use std::collections::BTreeMap;

use super::*;
use crate::mqtt::codec::decode::Decoder;
use crate::mqtt::packet::{Connack, Properties, ReasonCode, Suback, SubscriptionOptions};

/// A server, its clients' mail, and a clock.
struct Bench {
    broker: Broker,
    now: SimTime,
    mail: BTreeMap<ConnectionId, (Decoder, Vec<Packet>)>,
    closed: BTreeMap<ConnectionId, CloseReason>,
    events: Vec<BrokerEvent>,
}

impl Bench {
    fn new(config: BrokerConfig) -> Self {
        let (broker, now) = (Broker::new(config), SimTime::ZERO);
        Bench { broker, now, mail: BTreeMap::new(), closed: BTreeMap::new(), events: vec![] }
    }

    fn standard() -> Self {
        Bench::new(BrokerConfig { topic_aliases_outbound: 0, ..BrokerConfig::standard() })
    }

    fn open(&mut self, version: Version) -> ConnectionId {
        let connection = self.broker.accept(self.now);
        let mut decoder = Decoder::new(u32::MAX);
        decoder.set_version(version);
        self.mail.insert(connection, (decoder, vec![]));
        self.closed.remove(&connection);
        connection
    }

    /// Sends CONNECT; returns the connection and CONNACK.
    fn connect(&mut self, connect: Connect) -> (ConnectionId, Connack) {
        let connection = self.open(connect.version);
        self.send(connection, Packet::Connect(Box::new(connect)));
        let connack = self.mail.get_mut(&connection).unwrap().1.remove(0);
        let Packet::Connack(connack) = connack else { panic!("{connack:?}") };
        (connection, connack)
    }

    fn join(&mut self, version: Version, client_identifier: &str) -> ConnectionId {
        let (connection, connack) = self.connect(hello(version, client_identifier));
        assert_eq!(connack.reason_code, ReasonCode::Success);
        connection
    }

    fn send(&mut self, connection: ConnectionId, packet: Packet) {
        let version = self.mail[&connection].0.version();
        let outgoing = encode(&packet, version, MessageId(7));
        self.broker.handle_input(self.now, connection, outgoing.head);
        if let Some(body) = outgoing.body {
            self.broker.handle_input(self.now, connection, body);
        }
        self.drain();
    }

    fn drain(&mut self) {
        while let Some((connection, outgoing)) = self.broker.poll_transmit() {
            let (decoder, packets) = self.mail.get_mut(&connection).unwrap();
            decoder.feed(outgoing.head);
            if let Some(body) = outgoing.body {
                decoder.feed(body);
            }
            packets.push(decoder.next().unwrap().unwrap().packet);
        }
        while let Some(event) = self.broker.poll_event() {
            if let BrokerEvent::Close { connection, reason } = event {
                self.closed.insert(connection, reason);
            }
            self.events.push(event);
        }
        self.broker.assert_bytes_add_up();
    }

    fn take(&mut self, connection: ConnectionId) -> Vec<Packet> {
        std::mem::take(&mut self.mail.get_mut(&connection).unwrap().1)
    }

    /// PUBLISHes that arrived, and nothing else may have.
    fn publishes(&mut self, connection: ConnectionId) -> Vec<Publish> {
        let packets = self.take(connection).into_iter();
        packets
            .map(|packet| match packet {
                Packet::Publish(publish) => publish,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    fn topics(&mut self, connection: ConnectionId) -> Vec<String> {
        self.publishes(connection).iter().map(|publish| publish.topic.as_str().to_owned()).collect()
    }

    /// The transport breaks without a word.
    fn cut(&mut self, connection: ConnectionId) {
        self.broker.transport_closed(self.now, connection);
        self.drain();
    }

    /// The reason of the DISCONNECT that came last, and of the close that followed.
    fn thrown_out(&mut self, connection: ConnectionId) -> (Option<ReasonCode>, CloseReason) {
        let said = match self.take(connection).pop() {
            Some(Packet::Disconnect(disconnect)) => Some(disconnect.reason_code),
            Some(_) | None => None,
        };
        (said, self.closed[&connection])
    }

    fn wait_until(&mut self, second: u64) {
        let end = SimTime::from_secs(second);
        while let Some(next) = self.broker.poll_timeout().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.broker.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    fn subscribe(
        &mut self,
        connection: ConnectionId,
        filter: &str,
        options: impl Into<SubscriptionOptions>,
    ) -> Vec<ReasonCode> {
        self.subscribe_as(connection, filter, options, 0)
    }

    fn subscribe_as(
        &mut self,
        connection: ConnectionId,
        filter: &str,
        options: impl Into<SubscriptionOptions>,
        identifier: u32,
    ) -> Vec<ReasonCode> {
        let identifiers = Some(identifier).filter(|identifier| *identifier > 0);
        let properties =
            Properties { subscription_identifiers: identifiers.into_iter().collect(), ..none() }.boxed();
        let filters = vec![(TopicFilter::new(filter).unwrap(), options.into())];
        self.send(connection, Packet::Subscribe(Subscribe { packet_identifier: id(1), filters, properties }));
        let packets = self.take(connection);
        let Packet::Suback(Suback { reason_codes, .. }) = &packets[0] else { panic!("{packets:?}") };
        self.mail.get_mut(&connection).unwrap().1.extend_from_slice(&packets[1..]);
        reason_codes.clone()
    }
}

fn none() -> Properties {
    Properties::default()
}

fn hello(version: Version, client_identifier: &str) -> Connect {
    Connect {
        version,
        bridge: false,
        clean_session: true,
        keep_alive_s: 0,
        client_identifier: client_identifier.into(),
        will: None,
        user_name: None,
        password: None,
        properties: None,
    }
}

/// CONNECT of MQTT 5.0 with properties.
fn hello_with(client_identifier: &str, properties: Properties) -> Connect {
    Connect { properties: properties.boxed(), ..hello(Version::V5_0, client_identifier) }
}

/// CONNECT of MQTT 5.0 that goes on with its session, or begins one that lasts for so long.
fn back(client_identifier: &str, session_expiry_interval_s: u32) -> Connect {
    let properties = Properties { session_expiry_interval_s: Some(session_expiry_interval_s), ..none() };
    Connect { clean_session: false, ..hello_with(client_identifier, properties) }
}

fn message(topic: &str, qos: QoS, number: u16, properties: Properties) -> Packet {
    let Packet::Publish(publish) = publish(topic, qos, number) else { unreachable!() };
    Packet::Publish(Publish { properties: properties.boxed(), ..publish })
}

fn retained(topic: &str, properties: Properties) -> Packet {
    let Packet::Publish(publish) = message(topic, Q0, 0, properties) else { unreachable!() };
    Packet::Publish(Publish { retain: true, ..publish })
}

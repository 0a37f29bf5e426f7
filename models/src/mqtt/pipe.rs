//! The test bench of the machines: a broker, clients, and pipes between them, in virtual time.
//!
//! Bytes cross a pipe only when [`Pipe::settle`] or [`Pipe::step`] moves them, at no cost of time, so a
//! test can cut a pipe with anything under way. Every packet is written to a transcript:
//! `0> PUBLISH q1 d0 r0 id1` is client 0 to the broker.

use std::collections::VecDeque;

use sim_core::time::SimTime;

use crate::mqtt::broker::{Broker, BrokerConfig, BrokerEvent, ConnectionId};
use crate::mqtt::client::{Client, ClientConfig, ClientEvent};
use crate::mqtt::codec::encode::Outgoing;
use crate::mqtt::packet::{PacketType, QoS};
use crate::mqtt::topic::{TopicFilter, TopicName};
use crate::stream::{Chunk, MessageId, Payload};

pub struct Link {
    pub client: Client,
    pub connection: Option<ConnectionId>,
    pub up: VecDeque<Chunk>,
    pub down: VecDeque<Chunk>,
    pub events: Vec<ClientEvent>,
    client_closes: bool,
    broker_closes: bool,
}

pub struct Pipe {
    pub now: SimTime,
    pub broker: Broker,
    pub links: Vec<Link>,
    pub broker_events: Vec<BrokerEvent>,
    pub transcript: Vec<String>,
}

impl Pipe {
    pub fn new(config: BrokerConfig) -> Self {
        let broker = Broker::new(config);
        Pipe { now: SimTime::ZERO, broker, links: vec![], broker_events: vec![], transcript: vec![] }
    }

    pub fn add(&mut self, config: ClientConfig) -> usize {
        self.links.push(Link {
            client: Client::new(config),
            connection: None,
            up: VecDeque::new(),
            down: VecDeque::new(),
            events: vec![],
            client_closes: false,
            broker_closes: false,
        });
        self.links.len() - 1
    }

    /// A client with the default configuration, connected.
    pub fn add_connected(&mut self, client_identifier: &str) -> usize {
        let i = self.add(ClientConfig::new(client_identifier));
        self.connect(i);
        self.settle();
        i
    }

    pub fn connect(&mut self, i: usize) {
        let link = &mut self.links[i];
        assert!(link.connection.is_none());
        link.connection = Some(self.broker.accept(self.now));
        link.client.transport_connected(self.now);
        self.drain();
    }

    /// The pipe breaks, and what is in it is lost.
    pub fn cut(&mut self, i: usize) {
        let link = &mut self.links[i];
        let Some(connection) = link.connection.take() else { return };
        link.up.clear();
        link.down.clear();
        (link.client_closes, link.broker_closes) = (false, false);
        link.client.transport_closed(self.now);
        self.broker.transport_closed(self.now, connection);
        self.drain();
    }

    pub fn publish(&mut self, i: usize, topic: &str, qos: QoS, retain: bool, message: u32, bytes: usize) {
        let topic = TopicName::new(topic).unwrap();
        let payload = Payload::from(vec![0; bytes]);
        let client = &mut self.links[i].client;
        client.publish(self.now, topic, payload, qos, retain, MessageId(message)).unwrap();
        self.drain();
    }

    pub fn subscribe(&mut self, i: usize, filter: &str, qos: QoS) {
        let filters = vec![(TopicFilter::new(filter).unwrap(), qos)];
        self.links[i].client.subscribe(self.now, filters).unwrap();
        self.drain();
    }

    /// Moves one chunk of one pipe. Returns whether there was one.
    pub fn step(&mut self, i: usize, upward: bool) -> bool {
        let link = &mut self.links[i];
        let Some(connection) = link.connection else { return false };
        let chunk = if upward { link.up.pop_front() } else { link.down.pop_front() };
        let Some(chunk) = chunk else { return false };
        match upward {
            true => self.broker.handle_input(self.now, connection, chunk),
            false => link.client.handle_input(self.now, chunk),
        }
        self.drain();
        true
    }

    /// Moves everything until nothing is under way.
    pub fn settle(&mut self) {
        let mut moved = true;
        while moved {
            moved = false;
            for i in 0..self.links.len() {
                while self.step(i, true) || self.step(i, false) {
                    moved = true;
                }
                if self.links[i].client_closes || self.links[i].broker_closes {
                    self.cut(i);
                    moved = true;
                }
            }
        }
    }

    /// Lets time pass, with everything that comes due.
    pub fn run_until(&mut self, end: SimTime) {
        loop {
            self.settle();
            let timeouts = self.links.iter().map(|link| link.client.poll_timeout());
            let next = timeouts.chain([self.broker.poll_timeout()]).flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            self.broker.handle_timeout(self.now);
            for link in &mut self.links {
                link.client.handle_timeout(self.now);
            }
            self.drain();
        }
        self.now = end;
    }

    /// Takes note of all that the machines have to say.
    pub fn drain(&mut self) {
        self.broker.assert_bytes_add_up();
        while let Some((connection, outgoing)) = self.broker.poll_transmit() {
            let i = self.links.iter().position(|link| link.connection == Some(connection)).unwrap();
            self.transcript.push(format!("{i}< {}", describe(&outgoing)));
            self.links[i].down.extend(chunks(outgoing));
        }
        while let Some(event) = self.broker.poll_event() {
            if let BrokerEvent::Close { connection, .. } = event {
                let i = self.links.iter().position(|link| link.connection == Some(connection)).unwrap();
                self.links[i].broker_closes = true;
            }
            self.broker_events.push(event);
        }
        for (i, link) in self.links.iter_mut().enumerate() {
            while let Some(outgoing) = link.client.poll_transmit() {
                self.transcript.push(format!("{i}> {}", describe(&outgoing)));
                link.up.extend(chunks(outgoing));
            }
            while let Some(event) = link.client.poll_event() {
                link.client_closes |= matches!(event, ClientEvent::Close(_));
                link.events.push(event);
            }
        }
    }

    /// The transcript since the last call.
    pub fn said(&mut self) -> Vec<String> {
        self.settle();
        std::mem::take(&mut self.transcript)
    }

    /// Messages that reached the application of a client: (message, qos, retain, dup).
    pub fn messages(&self, i: usize) -> Vec<(u32, u8, bool, bool)> {
        let events = self.links[i].events.iter();
        events
            .filter_map(|event| match event {
                ClientEvent::Message { message, qos, retain, dup, .. } => {
                    Some((message.0, qos.level(), *retain, *dup))
                }
                _ => None,
            })
            .collect()
    }

    /// Whether the running total of bytes held is right, as far as it can be told from outside.
    pub fn assert_nothing_held(&self) {
        assert_eq!(self.broker.buffered(), 0, "the broker holds bytes");
        for link in &self.links {
            assert_eq!(link.client.buffered(), 0, "a client holds bytes");
        }
    }
}

fn chunks(outgoing: Outgoing) -> impl Iterator<Item = Chunk> {
    [Some(outgoing.head), outgoing.body].into_iter().flatten()
}

fn describe(outgoing: &Outgoing) -> String {
    let Outgoing { packet_type, qos, dup, retain, packet_identifier, .. } = outgoing;
    let mut text = packet_type.name().to_string();
    if *packet_type == PacketType::Publish {
        text += &format!(" q{} d{} r{}", qos.level(), u8::from(*dup), u8::from(*retain));
    }
    if let Some(id) = packet_identifier {
        text += &format!(" id{}", id.get());
    }
    text
}

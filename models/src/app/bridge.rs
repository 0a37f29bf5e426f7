//! A broker's bridge to another broker: a client there, a subscriber and publisher here.
//!
//! **Models** what Mosquitto's bridge does, captured with version 2.0.11: CONNECT with the highest bit of the
//! protocol level set, a will that tells the bridge's state, on connection the state, then one SUBSCRIBE or
//! UNSUBSCRIBE for each line of topics, then the retained messages of the lines that go out. A broker that does
//! not take the bit is asked again without it. In MQTT 5.0, read in the source of 2.0.20, there is no such bit: the
//! subscriptions themselves say No Local and Retain As Published, CONNECT names a Receive Maximum, and the properties
//! of messages cross in both directions. While the connection is away, messages of QoS 1 and 2 wait, as
//! many as a client of the broker may have waiting; those of QoS 0 are lost. The wait before a new attempt is
//! random between `restart_base` and three times the last wait, at most `restart_cap`; a connection that stands
//! begins from `restart_base` again.
//!
//! **Leaves out** the resumption of TLS sessions, lazy bridges and further addresses. Mosquitto waits in whole
//! seconds.
//!
//! **Parameters**: [`BridgePlan`].

use std::rc::Rc;
use std::time::Duration;

use sim_core::random::Stream;
use sim_core::time::SimTime;

use super::Workplace;
use super::remark_on;
use crate::cause::Cause;
use crate::host::secure::Secured;
use crate::host::socket::News;
use crate::host::{Remark, Surroundings};
use crate::mqtt::bridge::{BridgeTopic, name_in, name_out};
use crate::mqtt::broker::{Attachment, Memory};
use crate::mqtt::session::ApplicationMessage;
use crate::mqtt::{Broker, Client, ClientConfig, ClientEvent, CloseReason, Outgoing, PacketType, QoS};
use crate::mqtt::{ReasonCode, SubscriptionOptions, TopicFilter, TopicName};
use crate::record::HostIndex;
use crate::stream::{MessageId, Payload};

/// A bridge as a scenario has it.
#[derive(Clone, Debug)]
pub struct BridgePlan {
    /// The host of the remote broker.
    pub remote: HostIndex,
    /// Its port.
    pub port: u16,
    /// How its connection is secured.
    pub secured: Secured,
    /// What is passed on.
    pub topics: Vec<BridgeTopic>,
    /// The client at the remote broker, with its will.
    pub client: ClientConfig,
    /// Where the bridge tells at both brokers whether it is connected: `1` or `0`.
    pub state_topic: TopicName,
    /// The shortest wait before a new attempt. Mosquitto: 5 s.
    pub restart_base: Duration,
    /// The longest. Mosquitto: 30 s.
    pub restart_cap: Duration,
}

/// Where the connection to the remote broker stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// No connection; the next attempt comes at this instant.
    Away(SimTime),
    /// TCP is being opened, or MQTT is on its way up, or all is up.
    Here(u32),
    /// The last packets leave, then the socket is closed.
    Closing(u32),
}

/// A bridge at work.
#[derive(Clone, Debug)]
pub(super) struct Bridge {
    plan: Rc<BridgePlan>,
    number: u16,
    /// What goes out: filters at the local broker.
    filters: Vec<(TopicFilter, QoS)>,
    near: Attachment,
    far: Client,
    phase: Phase,
    wait: Duration,
    chance: Stream,
    /// The state that the local broker was told last.
    told: Option<bool>,
}

impl Bridge {
    pub(super) fn new(plan: Rc<BridgePlan>, number: u16, chance: Stream, broker: &mut Broker) -> Self {
        let out = plan.topics.iter().filter(|line| line.goes_out());
        let filters: Vec<_> = out.map(|line| (line.local().clone(), line.qos())).collect();
        let near = broker.attach_bridge(number, &plan.client.client_identifier.of(0), &filters);
        Bridge {
            far: Client::new(plan.client.clone()),
            wait: plan.restart_base,
            plan,
            number,
            filters,
            near,
            phase: Phase::Away(SimTime::ZERO),
            chance,
            told: None,
        }
    }

    pub(super) fn remote(&self) -> HostIndex {
        self.plan.remote
    }

    pub(super) fn deadline(&self) -> SimTime {
        match self.phase {
            Phase::Away(at) => at,
            Phase::Here(_) => self.far.poll_timeout().unwrap_or(SimTime::MAX),
            Phase::Closing(_) => SimTime::MAX,
        }
    }

    /// Whether this is the socket of its connection.
    pub(super) fn has(&self, socket: u32) -> bool {
        matches!(self.phase, Phase::Here(own) | Phase::Closing(own) if own == socket)
    }

    /// Time has passed. Returns whether it asked for a connection, of which there is one a task.
    pub(super) fn time_passed(
        &mut self,
        broker: &mut Broker,
        place: &mut Workplace<'_, impl Surroundings>,
    ) -> bool {
        match self.phase {
            Phase::Away(at) if at <= place.now => {
                self.tell_state(broker, place.now, false);
                place.work.charge(Cause::TcpConnect, place.cost.connect_ns);
                place.requests.connect = Some((self.plan.remote, self.plan.port));
                place.requests.secured = self.plan.secured.clone();
                true
            }
            Phase::Here(_) => {
                self.far.handle_timeout(place.now);
                false
            }
            Phase::Away(_) | Phase::Closing(_) => false,
        }
    }

    /// The connection that was asked for has this socket.
    pub(super) fn opened(&mut self, socket: u32) {
        self.phase = Phase::Here(socket);
    }

    pub(super) fn news(
        &mut self,
        socket: u32,
        news: News,
        broker: &mut Broker,
        place: &mut Workplace<'_, impl Surroundings>,
    ) {
        let now = place.now;
        let entry = &mut place.sockets[socket as usize];
        if news.has(News::CONNECTED) {
            self.far.transport_connected(now);
            place.work.charge(Cause::Connect, place.cost.packet_ns);
        }
        if news.has(News::READABLE) {
            while let Some(chunk) = entry.read() {
                self.far.handle_input(now, chunk);
            }
        }
        if news.has(News::PEER_CLOSED) || news.has(News::GONE) {
            entry.tcp.close(now);
            // What came with the end is for the broker still.
            self.work(broker, place);
            self.tell_state(broker, now, false);
            self.lost(now);
        }
        if news.has(News::GONE) {
            place.requests.gone.push(socket);
        }
    }

    fn lost(&mut self, now: SimTime) {
        self.far.transport_closed(now);
        self.phase = Phase::Away(now + self.wait);
        // Mosquitto, after AWS Architecture Blog, "Exponential Backoff and Jitter" (2015): decorrelated jitter
        let (base, last) = (self.plan.restart_base.as_secs_f64(), self.wait.as_secs_f64());
        let next = Duration::from_secs_f64(self.chance.uniform_range(base, 3.0 * last));
        self.wait = next.min(self.plan.restart_cap);
    }

    /// The program was killed: what is left is what was stored.
    pub(super) fn crash(&mut self, broker: &mut Broker, memory: Memory, now: SimTime, up_at: SimTime) {
        self.far.transport_closed(now);
        if memory == Memory::Volatile || self.plan.client.clean_session {
            self.far = Client::new(self.plan.client.clone());
        }
        self.near =
            broker.attach_bridge(self.number, &self.plan.client.client_identifier.of(0), &self.filters);
        self.phase = Phase::Away(up_at);
        self.wait = self.plan.restart_base;
        self.told = None;
    }

    /// A message of the local broker goes out.
    pub(super) fn pass_on(
        &mut self,
        application: ApplicationMessage,
        place: &mut Workplace<'_, impl Surroundings>,
    ) {
        let Some(topic) = name_out(&self.plan.topics, &application.topic) else { return };
        // An older version leaves the properties of MQTT 5.0 out.
        let renamed = self.far.lowered(ApplicationMessage { topic, ..application });
        if self.far.publish_message(place.now, renamed).is_err() {
            place.around.remark(Remark::MessageDropped);
        }
    }

    /// Does what the remote broker's packets ask for.
    pub(super) fn work(&mut self, broker: &mut Broker, place: &mut Workplace<'_, impl Surroundings>) {
        while let Some(event) = self.far.poll_event() {
            match event {
                ClientEvent::Received { packet_type, wire_len, .. } => {
                    let ns = match packet_type {
                        PacketType::Publish => place.cost.publish(u64::from(wire_len)),
                        _ => place.cost.packet_ns,
                    };
                    place.work.charge(packet_type.cause(), ns);
                    if let Phase::Here(socket) = self.phase
                        && let Some(entry) = place.sockets.get(socket as usize)
                    {
                        place.around.packet_taken(place.now, entry.flow, entry.end);
                    }
                }
                ClientEvent::Connected { .. } => self.connected(broker, place),
                ClientEvent::Message { topic, payload, qos, retain, message, attached, dup: _ } => {
                    let Some(topic) = name_in(&self.plan.topics, &topic) else { continue };
                    let application = ApplicationMessage { topic, payload, attached, message, qos, retain };
                    broker.publish_from_bridge(place.now, self.near, application);
                }
                ClientEvent::Refused(reason_code) => {
                    place.around.remark(Remark::ConnectRefused);
                    if reason_code == ReasonCode::UnsupportedProtocolVersion {
                        self.far.set_bridge(false);
                    }
                }
                ClientEvent::Discarded { .. } => place.around.remark(Remark::MessageDiscarded),
                ClientEvent::Completed { .. }
                | ClientEvent::Subscribed { .. }
                | ClientEvent::Unsubscribed { .. }
                | ClientEvent::Announced(_)
                | ClientEvent::Authenticate { .. } => {}
                ClientEvent::Close(reason) => {
                    self.close(reason, place.around);
                    self.tell_state(broker, place.now, false);
                }
            }
        }
    }

    // The order is Mosquitto's.
    fn connected(&mut self, broker: &mut Broker, place: &mut Workplace<'_, impl Surroundings>) {
        let now = place.now;
        self.wait = self.plan.restart_base;
        let state = self.far.lowered(self.state(true));
        let mut failed = self.far.publish_message(now, state).is_err();
        self.tell_state(broker, now, true);
        for line in &self.plan.topics {
            let filter = line.remote().clone();
            let asked = match line.comes_in() {
                true => self.far.subscribe_with(
                    now,
                    vec![(filter, SubscriptionOptions::of_bridge(line.qos()))],
                    None,
                ),
                // It may have come in when the bridge was another.
                false => self.far.unsubscribe(now, vec![filter]),
            };
            failed |= asked.is_err();
        }
        if failed {
            place.around.remark(Remark::PublishFailed);
        }
        broker.send_retained_to_bridge(now, self.near, &self.filters);
    }

    fn state(&self, connected: bool) -> ApplicationMessage {
        ApplicationMessage {
            topic: self.plan.state_topic.clone(),
            payload: Payload::from(if connected { &b"1"[..] } else { &b"0"[..] }),
            attached: None,
            message: MessageId::NONE,
            qos: QoS::AtLeastOnce,
            retain: true,
        }
    }

    // Once a change.
    fn tell_state(&mut self, broker: &mut Broker, now: SimTime, connected: bool) {
        if self.told.replace(connected) == Some(connected) {
            return;
        }
        broker.publish_from_bridge(now, self.near, self.state(connected));
    }

    fn close(&mut self, reason: CloseReason, around: &mut impl Surroundings) {
        if let Some(remark) = remark_on(reason) {
            around.remark(remark);
        }
        if let Phase::Here(socket) = self.phase {
            self.phase = Phase::Closing(socket);
        }
    }

    /// The next control packet to send.
    pub(super) fn poll_transmit(&mut self) -> Option<(u32, Outgoing)> {
        match self.phase {
            Phase::Here(socket) | Phase::Closing(socket) => {
                let outgoing = self.far.poll_transmit()?;
                // Handing out a PUBLISH of QoS 0 completes it, and a bridge has no use for that.
                while self.far.has_events() && outgoing.packet_type == PacketType::Publish {
                    self.far.poll_event();
                }
                Some((socket, outgoing))
            }
            Phase::Away(_) => None,
        }
    }

    /// The socket to close, if any.
    pub(super) fn poll_close(&mut self, now: SimTime) -> Option<u32> {
        let Phase::Closing(socket) = self.phase else { return None };
        self.lost(now);
        Some(socket)
    }

    pub(super) fn buffered(&self) -> u64 {
        self.far.buffered() as u64
    }
}

//! A client program: opens its connection, keeps it, and lets its role act.

mod asleep;

use std::sync::Arc;
use std::time::Duration;

use sim_core::time::SimTime;

use super::sleeper::Sleeper;
use super::{Burst, Camera, Publisher, SensorNodeRole, ServerNodeRole, Subscriber, Task, Work, Workplace};
use crate::cause::Cause;
use crate::host::heap::Heap;
use crate::host::secure::Security;
use crate::host::socket::News;
use crate::host::{ProgramCost, Remark, Surroundings};
use crate::ledger::{Ledger, Publication};
use crate::mqtt::{Client, ClientEvent, CloseReason, Outgoing, PacketType, QoS, TopicName};
use crate::record::HostIndex;
use crate::stream::{MessageId, Payload};

/// When and where to a client connects.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClientPlan {
    /// The broker's host.
    pub broker: HostIndex,
    /// The broker's port.
    pub port: u16,
    /// Disconnect in good order at this instant.
    pub disconnect_at: Option<SimTime>,
    /// Disconnect and connect anew after each such span.
    pub reconnect_every: Option<Duration>,
    /// Wait before the first new attempt after a failure.
    pub back_off: Duration,
    /// From one wait to the next, up to `back_off_limit`.
    pub back_off_factor: f64,
    /// Longest wait between attempts.
    pub back_off_limit: Duration,
}

/// Where the client's connection stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// No connection; the next attempt comes at this instant.
    Away(SimTime),
    /// TCP is being opened, or MQTT is on its way up, or all is up.
    Here(u32),
    /// The last packets leave, then the socket is closed.
    Closing(u32),
    /// Disconnected for good.
    Over,
}

/// What a client is for.
#[derive(Clone, Debug)]
pub enum Role {
    /// Publishes at intervals.
    Publisher(Publisher),
    /// Takes pictures and publishes them.
    Camera(Camera),
    /// Publishes a burst at one instant.
    Burst(Burst),
    /// Subscribes and listens.
    Subscriber(Subscriber),
    /// A client node of the alert network.
    SensorNode(Box<SensorNodeRole>),
    /// The server node of the alert network.
    ServerNode(Box<ServerNodeRole>),
}

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
    /// Publish calls that failed.
    pub failed: u32,
    /// Publish calls for which there was no memory.
    pub out_of_memory: u32,
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
}

impl Turn<'_> {
    /// Publishes `message` and pays for the call; returns its name in the ledger.
    pub fn publish(&mut self, message: &Message) -> MessageId {
        let bytes = message.payload.len() as u32;
        let id = self.ledger.open(
            self.now,
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
        let topic = message.topic.clone();
        let outcome =
            self.mqtt.publish(self.now, topic, message.payload.clone(), message.qos, message.retain, id);
        if outcome.is_err() {
            self.failed += 1;
        }
        id
    }
}

/// An MQTT client with a role.
#[derive(Clone, Debug)]
pub struct ClientProgram {
    host: HostIndex,
    mqtt: Client,
    role: Role,
    plan: Arc<ClientPlan>,
    phase: Phase,
    /// Wait before the attempt after the next failure.
    back_off: Duration,
    /// When the connection is to be renewed ([`ClientPlan::reconnect_every`]).
    renew_at: SimTime,
    /// Whether a DISCONNECT is on its way because of the plan or the role.
    leaving: bool,
    /// The cycle of a client that sleeps between its messages.
    sleeper: Option<Box<Sleeper>>,
    security: Option<Arc<Security>>,
}

impl ClientProgram {
    /// A client on `host` that connects at `connect_at`.
    #[must_use]
    pub fn new(
        host: HostIndex,
        mqtt: Client,
        role: Role,
        plan: Arc<ClientPlan>,
        connect_at: SimTime,
    ) -> Self {
        ClientProgram {
            host,
            mqtt,
            role,
            back_off: plan.back_off,
            plan,
            phase: Phase::Away(connect_at),
            renew_at: SimTime::MAX,
            leaving: false,
            sleeper: None,
            security: None,
        }
    }

    /// Connects with TLS.
    #[must_use]
    pub fn secured(mut self, security: Arc<Security>) -> Self {
        self.security = Some(security);
        self
    }

    /// How its connections are secured, if they are.
    #[must_use]
    pub fn security(&self) -> Option<Arc<Security>> {
        self.security.clone()
    }

    /// When something is due.
    #[must_use]
    pub fn deadline(&self) -> SimTime {
        if self.mqtt.has_events() {
            return SimTime::ZERO;
        }
        let sleeper = self.sleeper.as_ref().map_or(SimTime::MAX, |sleeper| sleeper.deadline());
        if self.sleeper.as_ref().is_some_and(|sleeper| !sleeper.is_up()) {
            return sleeper;
        }
        let connection = match self.phase {
            Phase::Away(at) => at,
            Phase::Here(_) if !self.leaving => {
                self.departure().min(self.mqtt.poll_timeout().unwrap_or(SimTime::MAX))
            }
            Phase::Here(_) | Phase::Closing(_) => SimTime::MAX,
            Phase::Over => return sleeper,
        };
        connection.min(self.role.deadline()).min(sleeper)
    }

    /// When the client leaves or renews its connection.
    fn departure(&self) -> SimTime {
        let planned = self.plan.disconnect_at.unwrap_or(SimTime::MAX);
        planned.min(self.role.leaves_at()).min(self.renew_at)
    }

    /// Whether it has work for when nothing else is to be done.
    #[must_use]
    pub fn has_background(&self) -> bool {
        self.role.has_background()
    }

    /// Its role.
    #[must_use]
    pub fn role(&self) -> &Role {
        &self.role
    }

    /// Runs one task.
    pub fn execute(&mut self, task: Task, place: &mut Workplace<'_, impl Surroundings>) {
        match task {
            Task::Time => self.time_passed(place),
            Task::Background => self.give_turn(place, Role::background),
            Task::News(socket, news) => self.news(socket, news, place),
        }
        while let Some(event) = self.mqtt.poll_event() {
            self.handle(event, place);
        }
    }

    fn time_passed(&mut self, place: &mut Workplace<'_, impl Surroundings>) {
        let now = place.now;
        if !self.cycle(now, place) {
            return;
        }
        match self.phase {
            Phase::Away(at) if at <= now => {
                place.work.charge(Cause::TcpConnect, place.cost.connect_ns);
                place.requests.connect = Some((self.plan.broker, self.plan.port));
                if let Some(span) = self.plan.reconnect_every {
                    self.renew_at = now + span;
                }
            }
            Phase::Here(_) => {
                if !self.leaving && self.departure() <= now {
                    self.leaving = true;
                    self.mqtt.disconnect(now);
                    self.awake_for(Cause::Disconnect, place);
                }
                self.mqtt.handle_timeout(now);
            }
            Phase::Away(_) | Phase::Closing(_) | Phase::Over => {}
        }
        if self.role.deadline() <= now {
            self.give_turn(place, Role::wake);
        }
    }

    fn news(&mut self, socket: u32, news: News, place: &mut Workplace<'_, impl Surroundings>) {
        let now = place.now;
        let mine = self.phase == Phase::Here(socket);
        let entry = &mut place.sockets[socket as usize];
        if news.has(News::CONNECTED) && mine {
            self.mqtt.transport_connected(now);
            place.work.charge(Cause::Connect, place.cost.packet_ns);
        }
        if news.has(News::READABLE) {
            while let Some(chunk) = entry.read() {
                if mine {
                    self.mqtt.handle_input(now, chunk);
                }
            }
        }
        if news.has(News::PEER_CLOSED) {
            entry.tcp.close(now);
        }
        if mine && (news.has(News::PEER_CLOSED) || news.has(News::GONE)) {
            self.mqtt.transport_closed(now);
            self.connection_over(now);
        }
        if news.has(News::GONE) {
            place.requests.gone.push(socket);
        }
        if news.has(News::CONNECTED) && mine {
            self.awake_for(Cause::Connect, place);
        }
    }

    fn connection_over(&mut self, now: SimTime) {
        if let Some(sleeper) = self.sleeper.as_mut().filter(|sleeper| self.leaving && sleeper.is_up()) {
            sleeper.done(now);
        }
        self.role.lost();
        let renewing = self.leaving && self.plan.reconnect_every.is_some() && !self.finished(now);
        self.phase = if renewing {
            Phase::Away(now)
        } else if self.leaving || self.role.ends_with_connection() {
            Phase::Over
        } else {
            let attempt = now + self.back_off;
            self.back_off = self.back_off.mul_f64(self.plan.back_off_factor).min(self.plan.back_off_limit);
            Phase::Away(attempt)
        };
        self.leaving = false;
        self.renew_at = SimTime::MAX;
    }

    /// Whether the plan or the role, and not a renewal, ended the connection.
    fn finished(&self, now: SimTime) -> bool {
        self.plan.disconnect_at.is_some_and(|at| at <= now) || self.role.leaves_at() <= now
    }

    /// Lets the role act.
    fn give_turn(
        &mut self,
        place: &mut Workplace<'_, impl Surroundings>,
        act: impl FnOnce(&mut Role, &mut Turn<'_>),
    ) {
        let mut turn = Turn {
            now: place.now,
            host: self.host,
            mqtt: &mut self.mqtt,
            ledger: place.around.ledger(),
            work: &mut place.work,
            cost: place.cost,
            heap: place.heap.as_deref_mut(),
            failed: 0,
            out_of_memory: 0,
        };
        act(&mut self.role, &mut turn);
        place.requests.out_of_memory |= turn.out_of_memory > 0;
        for _ in 0..turn.failed {
            place.around.remark(Remark::PublishFailed);
        }
    }

    fn handle(&mut self, event: ClientEvent, place: &mut Workplace<'_, impl Surroundings>) {
        match event {
            ClientEvent::Received { packet_type, .. } => {
                place.work.charge(packet_type.cause(), place.cost.packet_ns);
                if packet_type == PacketType::Pubrec {
                    self.awake_for(Cause::Pubrel, place);
                }
                if let Phase::Here(socket) = self.phase
                    && let Some(entry) = place.sockets.get(socket as usize)
                {
                    place.around.packet_taken(place.now, entry.flow, entry.end);
                }
            }
            ClientEvent::Connected { session_present } => {
                self.back_off = self.plan.back_off;
                self.awake_for(Cause::Publish, place);
                self.give_turn(place, |role, turn| role.connected(turn, session_present));
            }
            ClientEvent::Message { topic, payload, message, .. } => {
                let bytes = payload.len() as u64;
                if place.heap.as_mut().is_some_and(|heap| heap.pass_through(bytes).is_err()) {
                    place.requests.out_of_memory = true;
                    return;
                }
                let ns = place.cost.publish_ns + place.cost.byte_ps * bytes / 1_000;
                place.work.charge(Cause::Publish, ns);
                self.give_turn(place, |role, turn| role.received(turn, &topic, &payload, message));
            }
            ClientEvent::Completed { .. } => self.give_turn(place, Role::completed),
            ClientEvent::Refused(_) => place.around.remark(Remark::ConnectRefused),
            ClientEvent::Discarded { .. } => place.around.remark(Remark::MessageDiscarded),
            ClientEvent::Subscribed { .. } => {
                if let Some(heap) = place.heap.as_deref_mut() {
                    let bytes = heap.figures().subscribed;
                    place.requests.out_of_memory |= heap.hold(bytes).is_err();
                }
                self.give_turn(place, Role::subscribed);
            }
            ClientEvent::Unsubscribed { .. }
            | ClientEvent::Announced(_)
            | ClientEvent::Authenticate { .. } => {}
            ClientEvent::Close(reason) => self.close(reason, place.around),
        }
    }

    fn close(&mut self, reason: CloseReason, around: &mut impl Surroundings) {
        match reason {
            CloseReason::Disconnected
            | CloseReason::DisconnectedFor(_)
            | CloseReason::Refused(_)
            | CloseReason::TakenOver => {}
            CloseReason::KeepAliveExpired => around.remark(Remark::PingUnanswered),
            CloseReason::Malformed(_) | CloseReason::ProtocolError(_) => around.remark(Remark::ProtocolError),
            CloseReason::NoConnect | CloseReason::NoConnack => around.remark(Remark::HandshakeTimedOut),
        }
        if let Phase::Here(socket) = self.phase {
            self.phase = Phase::Closing(socket);
        }
    }

    /// The connection that was asked for has this socket.
    pub fn opened(&mut self, socket: u32) {
        self.phase = Phase::Here(socket);
    }

    /// The next control packet to send.
    pub fn poll_transmit(&mut self) -> Option<(u32, Outgoing)> {
        match self.phase {
            Phase::Here(socket) | Phase::Closing(socket) => Some((socket, self.mqtt.poll_transmit()?)),
            Phase::Away(_) | Phase::Over => None,
        }
    }

    /// The socket to close, if any: the machine's last packet has been handed out.
    pub fn poll_close(&mut self, now: SimTime) -> Option<u32> {
        let Phase::Closing(socket) = self.phase else { return None };
        self.mqtt.transport_closed(now);
        self.connection_over(now);
        Some(socket)
    }

    /// Bytes that the client holds for messages under way.
    #[must_use]
    pub fn buffered(&self) -> u64 {
        self.mqtt.buffered() as u64
    }
}

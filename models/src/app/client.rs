//! A client program: opens its connection, keeps it, and lets its role act.

mod asleep;
mod books;
mod call;
mod waits;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use sim_core::time::SimTime;

use super::client_plan::ClientPlan;
use super::sleeper::Sleeper;
use super::steps::{Steps, Wish};
use super::turn::Turn;
use super::{
    Burst, Camera, CloudSinkRole, GatewayRole, Publisher, SensorNodeRole, ServerNodeRole, Subscriber, Task,
    Workplace, remark_on,
};
use crate::cause::Cause;
use crate::host::secure::Security;
use crate::host::socket::News;
use crate::host::{Remark, Surroundings};
use crate::mqtt::{Client, ClientEvent, CloseReason, Outgoing, PacketType};
use crate::record::{ClientRecord, HostIndex};
use sim_core::random::Stream;

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
    /// The level 1 gateway of the alert network.
    Gateway(Box<GatewayRole>),
    /// The level 3 sink of the alert network.
    CloudSink(Box<CloudSinkRole>),
    /// Does one thing after another.
    Steps(Steps),
}

/// An MQTT client with a role.
#[derive(Clone, Debug)]
pub struct ClientProgram {
    host: HostIndex,
    mqtt: Client,
    role: Role,
    plan: Rc<ClientPlan>,
    phase: Phase,
    /// Whether a DISCONNECT is on its way because of the plan or the role.
    leaving: bool,
    /// The cycle of a client that sleeps between its messages.
    sleeper: Option<Box<Sleeper>>,
    /// What few clients have.
    rare: Option<Box<Rare>>,
    /// When CONNACK first let it in; [`SimTime::MAX`] before.
    connected_at: SimTime,
    /// What else it notes of its connections, once there is something.
    books: Option<Box<ClientRecord>>,
}

/// TLS, chance, crashes, failures: a client without any pays for a pointer only.
#[derive(Clone, Debug, Default)]
struct Rare {
    security: Option<Arc<Security>>,
    /// Wait before the attempt after the next failure; `None`: as after the first.
    back_off: Option<Duration>,
    /// When the connection is to be renewed ([`ClientPlan::reconnect_every`]).
    renew_at: Option<SimTime>,
    /// Chance in the waits, where there is any.
    chance: Option<Stream>,
    /// When it is killed and when it is back, the last first.
    crashes: Vec<(SimTime, SimTime)>,
    /// When it is back from the last time it was killed.
    back_at: SimTime,
    /// A call of the role to a service.
    call: Option<call::Call>,
}

impl ClientProgram {
    /// A client on `host` that connects at `connect_at`.
    #[must_use]
    pub fn new(host: HostIndex, mqtt: Client, role: Role, plan: Rc<ClientPlan>, connect_at: SimTime) -> Self {
        ClientProgram {
            host,
            mqtt,
            role,
            plan,
            phase: Phase::Away(connect_at),
            leaving: false,
            sleeper: None,
            rare: None,
            connected_at: SimTime::MAX,
            books: None,
        }
    }

    /// The same, killed at the first and back at the second of each pair of instants, which are in order.
    #[must_use]
    pub fn with_crashes(mut self, crashes: impl DoubleEndedIterator<Item = (SimTime, SimTime)>) -> Self {
        let crashes: Vec<_> = crashes.rev().collect();
        if !crashes.is_empty() {
            self.rare.get_or_insert_default().crashes = crashes;
        }
        self
    }

    /// The same with chance in its waits ([`ClientPlan::back_off_jitter`]).
    #[must_use]
    pub fn with_chance(mut self, chance: Stream) -> Self {
        self.rare.get_or_insert_default().chance = Some(chance);
        self
    }

    /// Connects with TLS.
    #[must_use]
    pub fn secured(mut self, security: Arc<Security>) -> Self {
        self.rare.get_or_insert_default().security = Some(security);
        self
    }

    /// How its connections are secured, if they are.
    #[must_use]
    pub fn security(&self) -> Option<Arc<Security>> {
        self.rare.as_ref()?.security.clone()
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
            Phase::Over => match self.role {
                Role::Steps(_) => SimTime::MAX,
                Role::Publisher(_)
                | Role::Camera(_)
                | Role::Burst(_)
                | Role::Subscriber(_)
                | Role::SensorNode(_)
                | Role::ServerNode(_)
                | Role::Gateway(_)
                | Role::CloudSink(_) => {
                    return sleeper;
                }
            },
        };
        // A program that waits for an acknowledgement does nothing else.
        let own = if self.waits() { SimTime::MAX } else { self.role.deadline().max(self.back_at()) };
        connection.min(own).min(self.next_crash()).min(sleeper).min(self.call_deadline())
    }

    /// Whether a publish call has not returned yet.
    fn waits(&self) -> bool {
        // Nodes of the alert network know themselves what they wait for.
        let own = !matches!(self.role, Role::SensorNode(_) | Role::ServerNode(_));
        own && self.plan.publish_waits && self.mqtt.is_connected() && self.mqtt.unacknowledged().0 > 0
    }

    /// When the client leaves or renews its connection.
    fn departure(&self) -> SimTime {
        let planned = self.plan.disconnect_at.unwrap_or(SimTime::MAX);
        let renewal = self.rare.as_ref().and_then(|rare| rare.renew_at).unwrap_or(SimTime::MAX);
        planned.min(self.role.leaves_at()).min(renewal)
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

    #[inline(never)]
    fn time_passed(&mut self, place: &mut Workplace<'_, impl Surroundings>) {
        let now = place.now;
        if self.next_crash() <= now
            && let Some(rare) = &mut self.rare
            && let Some((_, back_at)) = rare.crashes.pop()
        {
            rare.back_at = back_at;
            self.carry_out(Wish::Crash, place);
            self.phase = Phase::Away(back_at);
            return;
        }
        if !self.cycle(now, place) {
            return;
        }
        match self.phase {
            Phase::Away(at) if at <= now => {
                place.work.charge(Cause::TcpConnect, place.cost.connect_ns);
                place.requests.connect = Some((self.plan.broker, self.plan.port));
                if let Some(span) = self.plan.reconnect_every {
                    self.rare.get_or_insert_default().renew_at = Some(now + span);
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
        self.call_timed_out(place);
        if self.role.deadline().max(self.back_at()) <= now && !self.waits() {
            self.give_turn(place, Role::wake);
        }
    }

    fn news(&mut self, socket: u32, news: News, place: &mut Workplace<'_, impl Surroundings>) {
        let now = place.now;
        if self.call_news(socket, news, place) {
            return;
        }
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
        self.book_end(now);
        if let Some(sleeper) = self.sleeper.as_mut().filter(|sleeper| self.leaving && sleeper.is_up()) {
            sleeper.done(now);
        }
        self.role.lost();
        let renewing = self.leaving && self.plan.reconnect_every.is_some() && !self.finished(now);
        self.phase = if renewing {
            Phase::Away(now)
        } else if self.leaving || !self.plan.comes_back || self.role.ends_with_connection() {
            Phase::Over
        } else {
            let attempt = now + self.wait();
            let longer = self.back_off().mul_f64(self.plan.back_off_factor).min(self.plan.back_off_limit);
            self.rare.get_or_insert_default().back_off = Some(longer);
            Phase::Away(attempt)
        };
        self.leaving = false;
        self.stay();
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
            work: place.work,
            cost: place.cost,
            heap: place.heap.as_deref_mut(),
            failed: 0,
            out_of_memory: 0,
            wish: None,
        };
        act(&mut self.role, &mut turn);
        let wish = turn.wish;
        place.requests.out_of_memory |= turn.out_of_memory > 0;
        for _ in 0..turn.failed {
            place.around.remark(Remark::PublishFailed);
        }
        if let Some(wish) = wish {
            self.carry_out(wish, place);
        }
    }

    fn carry_out(&mut self, wish: Wish, place: &mut Workplace<'_, impl Surroundings>) {
        let now = place.now;
        match (wish, self.phase) {
            (Wish::Connect, Phase::Away(_) | Phase::Over) => self.phase = Phase::Away(now),
            (Wish::Disconnect, Phase::Here(_)) => {
                self.leaving = true;
                self.mqtt.disconnect(now);
            }
            (Wish::Close | Wish::Crash, Phase::Here(socket)) => {
                place.sockets[socket as usize].tcp.close(now);
                place.requests.used.push(socket);
                self.mqtt.transport_closed(now);
                self.book_end(now);
                self.phase = Phase::Over;
            }
            (Wish::Call, _) => self.begin_call(place),
            (Wish::Connect | Wish::Disconnect | Wish::Close | Wish::Crash, _) => {}
        }
        if wish == Wish::Crash {
            self.abort_call(place);
            self.books.get_or_insert_default().crashes += 1;
            self.role.killed();
            self.mqtt = self.mqtt.restarted();
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
                self.forget_failures();
                self.connected_at = self.connected_at.min(place.now);
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
            ClientEvent::Completed { message, .. } => {
                self.give_turn(place, |role, turn| role.completed(turn, message));
            }
            ClientEvent::Refused(_) => place.around.remark(Remark::ConnectRefused),
            ClientEvent::Discarded { .. } => place.around.remark(Remark::MessageDiscarded),
            ClientEvent::Subscribed { .. } => {
                self.book_subscription(place.now);
                if let Some(heap) = place.heap.as_deref_mut() {
                    let bytes = heap.figures().subscribed;
                    place.requests.out_of_memory |= heap.hold(bytes).is_err();
                }
                self.give_turn(place, Role::subscribed);
            }
            ClientEvent::Unsubscribed { .. } => self.give_turn(place, Role::subscribed),
            ClientEvent::Announced(_) | ClientEvent::Authenticate { .. } => {}
            ClientEvent::Close(reason) => self.close(reason, place.around),
        }
    }

    #[cold]
    fn close(&mut self, reason: CloseReason, around: &mut impl Surroundings) {
        if let Some(remark) = remark_on(reason) {
            around.remark(remark);
        }
        if let Phase::Here(socket) = self.phase {
            self.phase = Phase::Closing(socket);
        }
    }

    /// The connection that was asked for has this socket.
    pub fn opened(&mut self, socket: u32) {
        if !self.call_opened(socket) {
            self.phase = Phase::Here(socket);
        }
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
}

//! The broker program: one MQTT server machine, the sockets of its clients, and its bridges to other brokers.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use sim_core::time::SimTime;

use sim_core::random::Stream;

use super::bridge::{Bridge, BridgePlan};
use super::{Task, Workplace};
use crate::cause::Cause;
use crate::host::secure::Security;
use crate::host::socket::{NO_CONNECTION, News};
use crate::host::{Remark, Surroundings};
use crate::mqtt::broker::{DropReason, Memory};
use crate::mqtt::{Broker, BrokerEvent, CloseReason, ConnectionId, Outgoing, PacketType};
use crate::record::{HostIndex, Refused};

/// A broker that listens on one port.
#[derive(Clone, Debug)]
pub struct BrokerProgram {
    mqtt: Broker,
    port: u16,
    /// Connections that may wait until the program takes them; `u32::MAX` is no limit.
    backlog: u32,
    /// Socket of each connection of the machine, by [`ConnectionId`].
    sockets: Vec<u32>,
    /// Connections to close once all is sent.
    closing: Vec<u32>,
    security: Option<Arc<Security>>,
    /// When it is killed, the next first.
    crashes: VecDeque<Crash>,
    /// While it is down: when it starts again.
    down_until: Option<SimTime>,
    /// Bridges to other brokers.
    bridges: Vec<Bridge>,
    /// The bridge that has asked for a connection.
    opening: usize,
}

/// A broker that is killed, and starts again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Crash {
    /// When.
    pub at: SimTime,
    /// When it starts again.
    pub up_at: SimTime,
    /// What it finds again.
    pub memory: Memory,
}

impl BrokerProgram {
    /// A broker on `port`, with room for `backlog` connections that it has not taken yet.
    #[must_use]
    pub fn new(mqtt: Broker, port: u16, backlog: Option<u32>) -> Self {
        let backlog = backlog.unwrap_or(u32::MAX);
        BrokerProgram {
            mqtt,
            port,
            backlog,
            sockets: Vec::new(),
            closing: Vec::new(),
            crashes: VecDeque::new(),
            down_until: None,
            security: None,
            bridges: Vec::new(),
            opening: 0,
        }
    }

    /// The same, killed at these instants, which are in order.
    #[must_use]
    pub fn with_crashes(mut self, crashes: impl Iterator<Item = Crash>) -> Self {
        self.crashes = crashes.collect();
        self
    }

    /// The same with one more bridge, and the chance in its waits.
    #[must_use]
    pub fn with_bridge(mut self, plan: Rc<BridgePlan>, chance: Stream) -> Self {
        let number = u16::try_from(self.bridges.len()).expect("fewer than 65,536 bridges");
        let bridge = Bridge::new(plan, number, chance, &mut self.mqtt);
        self.bridges.push(bridge);
        self
    }

    /// The hosts that its bridges connect to.
    pub fn remotes(&self) -> impl Iterator<Item = HostIndex> + '_ {
        self.bridges.iter().map(Bridge::remote)
    }

    /// Whether it is there to take connections.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.down_until.is_none()
    }

    /// Takes TLS connections and no others.
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

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Connections that may wait until the program takes them.
    #[must_use]
    pub fn backlog(&self) -> u32 {
        self.backlog
    }

    /// When something is due: a client's silence is to be looked at, a bridge has waited, it is killed or back.
    #[must_use]
    pub fn deadline(&self) -> SimTime {
        if let Some(up_at) = self.down_until {
            return up_at;
        }
        let crash = self.crashes.front().map_or(SimTime::MAX, |crash| crash.at);
        let bridges = self.bridges.iter().map(Bridge::deadline).min().unwrap_or(SimTime::MAX);
        self.mqtt.poll_timeout().unwrap_or(SimTime::MAX).min(crash).min(bridges)
    }

    /// Runs one task.
    pub fn execute(&mut self, task: Task, place: &mut Workplace<'_, impl Surroundings>) {
        match task {
            Task::Time => self.time_passed(place),
            Task::Background => {}
            Task::News(socket, news) => self.news(socket, news, place),
        }
        self.handle_events(place);
        if !self.bridges.is_empty() {
            self.cross_bridges(place);
        }
    }

    // Messages go over the bridges until none is left to go. None goes back where it came from.
    #[inline(never)]
    fn cross_bridges(&mut self, place: &mut Workplace<'_, impl Surroundings>) {
        for number in 0..self.bridges.len() {
            self.bridges[number].work(&mut self.mqtt, place);
            while let Some((number, application)) = self.mqtt.poll_bridged() {
                self.bridges[usize::from(number)].pass_on(application, place);
            }
        }
        self.handle_events(place);
    }

    fn handle_events(&mut self, place: &mut Workplace<'_, impl Surroundings>) {
        while let Some(event) = self.mqtt.poll_event() {
            match event {
                BrokerEvent::Received { connection, packet_type, wire_len, .. } => {
                    let ns = match packet_type {
                        PacketType::Publish => place.cost.publish(u64::from(wire_len)),
                        _ => place.cost.packet_ns,
                    };
                    place.work.charge(packet_type.cause(), ns);
                    let socket = self.socket_of(connection);
                    if let Some(entry) = socket.and_then(|socket| place.sockets.get(socket as usize)) {
                        place.around.packet_taken(place.now, entry.flow, entry.end);
                    }
                }
                // No method of enhanced authentication is configured, so none is asked for.
                BrokerEvent::Connected { .. } | BrokerEvent::Authenticate { .. } => {}
                BrokerEvent::Accepted { message, .. } => place.work.accepted.push(message),
                BrokerEvent::Close { connection, reason } => self.close(connection, reason, place.around),
                BrokerEvent::SubscriptionRefused { .. } => place.around.refused(Refused::Subscription),
                BrokerEvent::Dropped { message, reason: DropReason::NotAuthorized } => {
                    place.around.ledger().refuse(message);
                    place.around.refused(Refused::Publication);
                }
                BrokerEvent::Dropped { .. } => place.around.remark(Remark::MessageDropped),
            }
        }
    }

    #[inline(never)]
    fn time_passed(&mut self, place: &mut Workplace<'_, impl Surroundings>) {
        let now = place.now;
        match self.down_until {
            Some(up_at) if up_at > now => return,
            Some(_) => self.down_until = None,
            None => {}
        }
        match self.crashes.front().copied().filter(|crash| crash.at <= now) {
            Some(crash) => {
                self.crashes.pop_front();
                self.crash(crash, place);
            }
            None => {
                self.mqtt.handle_timeout(now);
                let asks = |bridge: &mut Bridge| bridge.time_passed(&mut self.mqtt, place);
                if let Some(number) = self.bridges.iter_mut().position(asks) {
                    self.opening = number;
                }
            }
        }
    }

    // The program ends without a word; its kernel closes what it had open.
    #[cold]
    fn crash(&mut self, crash: Crash, place: &mut Workplace<'_, impl Surroundings>) {
        for (socket, entry) in place.sockets.iter_mut() {
            entry.connection = NO_CONNECTION;
            entry.tcp.close(place.now);
            place.requests.used.push(socket as u32);
        }
        self.sockets.clear();
        self.closing.clear();
        self.mqtt.restart(place.now, crash.memory);
        for bridge in &mut self.bridges {
            bridge.crash(&mut self.mqtt, crash.memory, place.now, crash.up_at);
        }
        self.down_until = Some(crash.up_at);
    }

    fn news(&mut self, socket: u32, news: News, place: &mut Workplace<'_, impl Surroundings>) {
        let now = place.now;
        if let Some(bridge) = self.bridges.iter_mut().find(|bridge| bridge.has(socket)) {
            bridge.news(socket, news, &mut self.mqtt, place);
            return;
        }
        let entry = &mut place.sockets[socket as usize];
        // What comes while it is down finds a kernel that closes.
        if news.has(News::CONNECTED) && self.down_until.is_some() {
            entry.tcp.close(now);
        } else if news.has(News::CONNECTED) {
            let connection = self.mqtt.accept(now);
            entry.connection = connection.0;
            let number = connection.0 as usize;
            if self.sockets.len() <= number {
                self.sockets.resize(number + 1, NO_CONNECTION);
            }
            self.sockets[number] = socket;
            place.work.charge(Cause::TcpConnect, place.cost.connect_ns);
        }
        if news.has(News::READABLE) {
            while let Some(chunk) = entry.read() {
                if entry.connection != NO_CONNECTION {
                    self.mqtt.handle_input(now, ConnectionId(entry.connection), chunk);
                }
            }
        }
        if news.has(News::PEER_CLOSED) || news.has(News::GONE) {
            // What came with the end was read before it.
            self.handle_events(place);
            let entry = &mut place.sockets[socket as usize];
            if entry.connection != NO_CONNECTION {
                self.sockets[entry.connection as usize] = NO_CONNECTION;
                self.mqtt.transport_closed(now, ConnectionId(entry.connection));
                entry.connection = NO_CONNECTION;
            }
            entry.tcp.close(now);
        }
        if news.has(News::GONE) {
            place.requests.gone.push(socket);
        }
    }

    fn socket_of(&self, connection: ConnectionId) -> Option<u32> {
        self.sockets.get(connection.0 as usize).copied().filter(|socket| *socket != NO_CONNECTION)
    }

    #[cold]
    fn close(&mut self, connection: ConnectionId, reason: CloseReason, around: &mut impl Surroundings) {
        match reason {
            CloseReason::Disconnected | CloseReason::DisconnectedFor(_) => {}
            CloseReason::Refused(_) => around.refused(Refused::Connection),
            CloseReason::KeepAliveExpired => around.remark(Remark::KeepAliveExpired),
            CloseReason::TakenOver => around.remark(Remark::TakenOver),
            CloseReason::Malformed(_) | CloseReason::ProtocolError(_) => around.remark(Remark::ProtocolError),
            CloseReason::NoConnect | CloseReason::NoConnack => around.remark(Remark::HandshakeTimedOut),
        }
        if let Some(socket) = self.socket_of(connection) {
            self.closing.push(socket);
        }
    }

    /// The next control packet to send, and its socket.
    pub fn poll_transmit(&mut self) -> Option<(u32, Outgoing)> {
        loop {
            let Some((connection, packet)) = self.mqtt.poll_transmit() else {
                return self.bridges.iter_mut().find_map(Bridge::poll_transmit);
            };
            if let Some(socket) = self.socket_of(connection) {
                return Some((socket, packet));
            }
        }
    }

    /// The next socket to close.
    pub fn poll_close(&mut self, now: SimTime) -> Option<u32> {
        let bridge = |bridge: &mut Bridge| bridge.poll_close(now);
        self.closing.pop().or_else(|| self.bridges.iter_mut().find_map(bridge))
    }

    /// The connection that a bridge asked for has this socket.
    pub fn opened(&mut self, socket: u32) {
        self.bridges[self.opening].opened(socket);
    }

    /// Bytes that sessions and bridges hold.
    #[must_use]
    pub fn buffered(&self) -> u64 {
        self.mqtt.buffered() as u64 + self.bridges.iter().map(Bridge::buffered).sum::<u64>()
    }
}

//! The broker program: one MQTT server machine and the sockets of its clients.

use sim_core::time::SimTime;
use slab::Slab;

use super::{Requests, Task, Work};
use crate::cause::Cause;
use crate::host::socket::{NO_CONNECTION, News, Socket};
use crate::host::{ProgramCost, Remark, Surroundings};
use crate::mqtt::{Broker, BrokerEvent, CloseReason, ConnectionId, Outgoing, PacketType};

/// A broker that listens on one port.
#[derive(Clone, Debug)]
pub struct BrokerProgram {
    mqtt: Broker,
    port: u16,
    /// Socket of each connection of the machine, by [`ConnectionId`].
    sockets: Vec<u32>,
    /// Connections to close once all is sent.
    closing: Vec<u32>,
}

impl BrokerProgram {
    /// A broker on `port`.
    #[must_use]
    pub fn new(mqtt: Broker, port: u16) -> Self {
        BrokerProgram { mqtt, port, sockets: Vec::new(), closing: Vec::new() }
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// When a client's silence is to be looked at.
    #[must_use]
    pub fn deadline(&self) -> SimTime {
        self.mqtt.poll_timeout().unwrap_or(SimTime::MAX)
    }

    /// Runs one task.
    #[allow(clippy::too_many_arguments, reason = "a task touches all of its surroundings once")]
    pub fn execute(
        &mut self,
        now: SimTime,
        task: Task,
        sockets: &mut Slab<Socket>,
        cost: &ProgramCost,
        around: &mut impl Surroundings,
        work: &mut Work,
        requests: &mut Requests,
    ) {
        match task {
            Task::Time => self.mqtt.handle_timeout(now),
            Task::News(socket, news) => self.news(now, socket, news, sockets, cost, work, requests),
        }
        while let Some(event) = self.mqtt.poll_event() {
            match event {
                BrokerEvent::Received { connection, packet_type, wire_len, .. } => {
                    let ns = match packet_type {
                        PacketType::Publish => cost.publish(u64::from(wire_len)),
                        _ => cost.packet_ns,
                    };
                    work.charge(packet_type.cause(), ns);
                    if let Some(entry) = self.socket_of(connection).and_then(|s| sockets.get(s as usize)) {
                        around.packet_taken(now, entry.flow, entry.end);
                    }
                }
                // No method of enhanced authentication is configured, so none is asked for.
                BrokerEvent::Connected { .. } | BrokerEvent::Authenticate { .. } => {}
                BrokerEvent::Accepted { message, .. } => work.accepted.push(message),
                BrokerEvent::Close { connection, reason } => self.close(connection, reason, around),
                BrokerEvent::Dropped { .. } => around.remark(Remark::MessageDropped),
            }
        }
    }

    #[allow(clippy::too_many_arguments, reason = "a task touches all of its surroundings once")]
    fn news(
        &mut self,
        now: SimTime,
        socket: u32,
        news: News,
        sockets: &mut Slab<Socket>,
        cost: &ProgramCost,
        work: &mut Work,
        requests: &mut Requests,
    ) {
        let entry = &mut sockets[socket as usize];
        if news.has(News::CONNECTED) {
            let connection = self.mqtt.accept(now);
            entry.connection = connection.0;
            let place = connection.0 as usize;
            if self.sockets.len() <= place {
                self.sockets.resize(place + 1, NO_CONNECTION);
            }
            self.sockets[place] = socket;
            work.charge(Cause::TcpConnect, cost.connect_ns);
        }
        if news.has(News::READABLE) {
            while let Some(chunk) = entry.tcp.read() {
                if entry.connection != NO_CONNECTION {
                    self.mqtt.handle_input(now, ConnectionId(entry.connection), chunk);
                }
            }
        }
        if news.has(News::PEER_CLOSED) || news.has(News::GONE) {
            if entry.connection != NO_CONNECTION {
                self.sockets[entry.connection as usize] = NO_CONNECTION;
                self.mqtt.transport_closed(now, ConnectionId(entry.connection));
                entry.connection = NO_CONNECTION;
            }
            entry.tcp.close(now);
        }
        if news.has(News::GONE) {
            requests.gone.push(socket);
        }
    }

    fn socket_of(&self, connection: ConnectionId) -> Option<u32> {
        self.sockets.get(connection.0 as usize).copied().filter(|socket| *socket != NO_CONNECTION)
    }

    fn close(&mut self, connection: ConnectionId, reason: CloseReason, around: &mut impl Surroundings) {
        match reason {
            CloseReason::Disconnected | CloseReason::DisconnectedFor(_) | CloseReason::Refused(_) => {}
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
            let (connection, packet) = self.mqtt.poll_transmit()?;
            if let Some(socket) = self.socket_of(connection) {
                return Some((socket, packet));
            }
        }
    }

    /// The next socket to close.
    pub fn poll_close(&mut self) -> Option<u32> {
        self.closing.pop()
    }

    /// Bytes that sessions hold.
    #[must_use]
    pub fn buffered(&self) -> u64 {
        self.mqtt.buffered() as u64
    }
}

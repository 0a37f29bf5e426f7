//! Programs and the roles they play: one file a role.
//!
//! A program is an MQTT machine and a role that drives it. It runs one task at a time: the news of
//! one socket, or the passing of a deadline. What a task costs is noted in [`Work`], what it wants
//! of its host in [`Requests`]; what the machine has to send leaves when the task is done.

mod bridge;
mod broker;
mod burst;
mod camera;
mod client;
mod client_plan;
mod cloud_sink;
mod gateway;
mod publisher;
mod role;
mod sensor_node;
mod server_node;
mod service;
mod sleeper;
mod steps;
mod subscriber;
mod turn;
mod visitor;

use std::sync::Arc;
use std::time::Duration;

use sim_core::time::SimTime;
use smallvec::SmallVec;

use crate::cause::Cause;
use crate::host::energy::{Component, State};
use crate::host::heap::Heap;
use crate::host::secure::{Secured, Security};
use crate::host::socket::News;
use crate::host::{ProgramCost, Remark, Sockets, Surroundings};
use crate::mqtt::{CloseReason, Outgoing};
use crate::record::HostIndex;
use crate::stream::MessageId;

pub use bridge::BridgePlan;
pub use broker::{BrokerProgram, Crash};
pub use burst::{Burst, BurstPlan};
pub use camera::{Camera, CameraPlan, Inference};
pub use client::{ClientProgram, Role};
pub use client_plan::ClientPlan;
pub use cloud_sink::CloudSinkRole;
pub use gateway::GatewayRole;
pub use publisher::{Publisher, PublisherPlan};
pub use sensor_node::{Recognition, SensorNodeRole};
pub use server_node::ServerNodeRole;
pub use service::{CallPlan, ServicePlan, ServiceProgram};
pub use sleeper::{SleepPlan, Step};
pub use steps::{Act, Steps, StepsPlan};
pub use subscriber::{Subscriber, SubscriberPlan};
pub use turn::{Message, Turn};
pub use visitor::{FromOutside, ToOutside, VisitorProgram};

/// What there is to do for a program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Task {
    /// Something happened on a socket.
    News(u32, News),
    /// A deadline came.
    Time,
    /// Nothing came, and there is work that waits for such a moment.
    Background,
}

/// What a task costs and what it brought about.
#[derive(Clone, Debug, Default)]
pub struct Work {
    /// CPU time in nanoseconds, by cause, in the order in which it is spent.
    pub charges: SmallVec<[(Cause, u64); 4]>,
    /// Messages that reached the role.
    pub delivered: SmallVec<[MessageId; 4]>,
    /// Messages that the broker took over.
    pub accepted: SmallVec<[MessageId; 4]>,
    /// Components beside the program's thread, each for how long from now on. [`Component::Cpu`] is a core
    /// that another thread takes.
    pub beside: SmallVec<[(Component, Duration, Cause); 2]>,
}

impl Work {
    /// Notes CPU time.
    pub fn charge(&mut self, cause: Cause, ns: u64) {
        match self.charges.last_mut() {
            Some((last, total)) if *last == cause => *total += ns,
            Some(_) | None => self.charges.push((cause, ns)),
        }
    }
}

/// What a task wants of the host.
#[derive(Clone, Debug, Default)]
pub struct Requests {
    /// Open a connection to a port of a host.
    pub connect: Option<(HostIndex, u16)>,
    /// How that connection is secured.
    pub secured: Secured,
    /// Sockets whose connection is over: forget them.
    pub gone: SmallVec<[u32; 2]>,
    /// The board's state from now on, and what for; boards that sleep only.
    pub state: Option<(State, Cause)>,
    /// RAM is off from now on: all sockets are lost, and nothing that arrives is heard.
    pub off: bool,
    /// The reset is over: what arrives is heard.
    pub on: bool,
    /// There was no room in the heap.
    pub out_of_memory: bool,
    /// Sockets that were written to or closed: see what they have to send.
    pub used: SmallVec<[u32; 2]>,
}

/// Where a program does one task: what it may touch, pay with and ask for.
pub struct Workplace<'a, S> {
    /// The present.
    pub now: SimTime,
    /// The host's sockets.
    pub sockets: &'a mut Sockets,
    /// What the program's work costs on this board.
    pub cost: &'a ProgramCost,
    /// The heap, where the program has one of fixed size.
    pub heap: Option<&'a mut Heap>,
    /// The world around the host.
    pub around: &'a mut S,
    /// The account of the task.
    pub work: &'a mut Work,
    /// What the task wants of the host.
    pub requests: &'a mut Requests,
}

/// What a client's host remarks when its machine closes a connection; nothing where that is in order.
fn remark_on(reason: CloseReason) -> Option<Remark> {
    match reason {
        CloseReason::Disconnected
        | CloseReason::DisconnectedFor(_)
        | CloseReason::Refused(_)
        | CloseReason::TakenOver => None,
        CloseReason::KeepAliveExpired => Some(Remark::PingUnanswered),
        CloseReason::Malformed(_) | CloseReason::ProtocolError(_) => Some(Remark::ProtocolError),
        CloseReason::NoConnect | CloseReason::NoConnack => Some(Remark::HandshakeTimedOut),
    }
}

/// The program of a host.
#[derive(Clone, Debug)]
pub enum Program {
    /// An MQTT server.
    Broker(Box<BrokerProgram>),
    /// An MQTT client with a role.
    Client(Box<ClientProgram>),
    /// A place for a client from outside.
    Visitor(Box<VisitorProgram>),
    /// A service that clients call over HTTP.
    Service(Box<ServiceProgram>),
}

impl Program {
    /// If it listens on `port`: the number of connections that may wait until it takes them.
    #[must_use]
    pub fn listens(&self, port: u16) -> Option<u32> {
        match self {
            Program::Broker(broker) => (broker.is_up() && broker.port() == port).then_some(broker.backlog()),
            Program::Service(service) => (service.port() == port).then_some(u32::MAX),
            Program::Client(_) | Program::Visitor(_) => None,
        }
    }

    /// Puts TLS below the program.
    #[must_use]
    pub fn secured(self, security: Arc<Security>) -> Self {
        match self {
            Program::Broker(broker) => Program::Broker(Box::new(broker.secured(security))),
            Program::Client(client) => Program::Client(Box::new(client.secured(security))),
            // The bytes of a visitor's real client are passed on as they are.
            Program::Visitor(visitor) => Program::Visitor(visitor),
            Program::Service(service) => Program::Service(service),
        }
    }

    /// How its connections are secured, if they are.
    #[must_use]
    pub fn security(&self) -> Option<Arc<Security>> {
        match self {
            Program::Broker(broker) => broker.security(),
            Program::Client(client) => client.security(),
            Program::Visitor(_) | Program::Service(_) => None,
        }
    }

    /// Whether its board sleeps between messages.
    #[must_use]
    pub fn sleeps(&self) -> bool {
        match self {
            Program::Broker(_) | Program::Visitor(_) | Program::Service(_) => false,
            Program::Client(client) => client.sleeps(),
        }
    }

    /// Whether its board sleeps between messages and is up now.
    #[must_use]
    pub fn is_between_sleeps(&self) -> bool {
        match self {
            Program::Broker(_) | Program::Visitor(_) | Program::Service(_) => false,
            Program::Client(client) => client.is_between_sleeps(),
        }
    }

    /// When it wants to run without any news.
    #[must_use]
    pub fn deadline(&self) -> SimTime {
        match self {
            Program::Broker(broker) => broker.deadline(),
            Program::Client(client) => client.deadline(),
            Program::Visitor(visitor) => visitor.deadline(),
            Program::Service(service) => service.deadline(),
        }
    }

    /// Whether it has work for when nothing else is to be done.
    #[must_use]
    pub fn has_background(&self) -> bool {
        match self {
            Program::Broker(_) | Program::Visitor(_) | Program::Service(_) => false,
            Program::Client(client) => client.has_background(),
        }
    }

    /// Runs one task.
    pub fn execute(&mut self, task: Task, place: &mut Workplace<'_, impl Surroundings>) {
        match self {
            Program::Broker(broker) => broker.execute(task, place),
            Program::Client(client) => client.execute(task, place),
            Program::Visitor(visitor) => visitor.execute(task, place),
            Program::Service(service) => service.execute(task, place),
        }
    }

    /// The connection that a task asked for has this socket.
    pub fn opened(&mut self, socket: u32) {
        match self {
            Program::Broker(broker) => broker.opened(socket),
            Program::Client(client) => client.opened(socket),
            Program::Visitor(visitor) => visitor.opened(socket),
            Program::Service(_) => unreachable!("a service opens no connections"),
        }
    }

    /// The next control packet to send, and the socket it goes to.
    pub fn poll_transmit(&mut self) -> Option<(u32, Outgoing)> {
        match self {
            Program::Broker(broker) => broker.poll_transmit(),
            Program::Client(client) => client.poll_transmit(),
            Program::Visitor(_) | Program::Service(_) => None,
        }
    }

    /// The next socket to close, once everything was sent.
    pub fn poll_close(&mut self, now: SimTime) -> Option<u32> {
        match self {
            Program::Broker(broker) => broker.poll_close(now),
            Program::Client(client) => client.poll_close(now),
            Program::Visitor(_) | Program::Service(_) => None,
        }
    }

    /// The board was reset: all in RAM is lost, the program starts anew at `start`, or never.
    pub fn reset(&mut self, start: Option<SimTime>) {
        match self {
            Program::Broker(_) | Program::Visitor(_) | Program::Service(_) => {
                unreachable!("only clients are reset")
            }
            Program::Client(client) => client.reset(start),
        }
    }

    /// The connection that a task asked for could not be opened: there was no room for it.
    pub fn not_opened(&mut self, now: SimTime) {
        match self {
            Program::Broker(_) | Program::Visitor(_) | Program::Service(_) => {
                unreachable!("only clients have a heap of fixed size")
            }
            Program::Client(client) => client.not_opened(now),
        }
    }

    /// Bytes that its queues hold.
    #[must_use]
    pub fn buffered(&self) -> u64 {
        match self {
            Program::Broker(broker) => broker.buffered(),
            Program::Client(client) => client.buffered(),
            Program::Visitor(_) | Program::Service(_) => 0,
        }
    }
}

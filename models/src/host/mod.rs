//! A board and the program on it: owns the sockets, drains the machines, pays for the work.
//!
//! **Models** a board with `k` cores, a RAM account and power by component ([`energy`]); one
//! program in one thread, whose tasks take CPU time: a task runs when the thread is free, and what
//! it sends leaves when its CPU time is over. The network interface's host side (driver, USB) can
//! take time for each byte it sends.
//!
//! A program may have a [`heap`] of fixed size, and an end when it is full ([`MemoryEnd`]). A board
//! may sleep, in which case all that was in RAM is lost, or be reset by its watchdog.
//!
//! **Leaves out** the delay that the kernel's own work would add to a segment; it is charged, but
//! segments do not wait for it.
//!
//! **Parameters**: [`Board`] and [`ProgramCost`], filled from `hw-profiles/`.

pub mod battery;
pub mod board;
pub mod energy;
pub mod heap;
pub mod memory;
mod power;
mod remark;
pub mod secure;
pub mod socket;
mod sockets;
mod tasks;
mod traffic;

pub use remark::Remark;
pub use traffic::NodeNames;
pub(crate) use traffic::packet_bytes;

use std::sync::Arc;

use sim_core::resource::Servers;
use sim_core::time::SimTime;

use crate::app::{FromOutside, Program, ToOutside};
use crate::cause::Cause;
use crate::ledger::Ledger;
use crate::mqtt::Outgoing;
use crate::queue::ShortQueue;
use crate::record::{HostIndex, Refused};
use crate::tcp::{Config, Segment};
use crate::tls::Flight;

pub use board::{Board, MemoryEnd, ProgramCost};
use energy::EnergyAccount;
use heap::Heap;
use memory::MemoryAccount;
use secure::SecureHost;
use socket::{End, Socket};
pub use sockets::Sockets;

/// What a host needs of the world around it; the network implements it.
pub trait Surroundings {
    /// Joins a new socket of `host` with whoever listens on `port` of `peer`; returns the flow.
    fn open_flow(&mut self, host: HostIndex, socket: u32, peer: HostIndex, port: u16) -> u32;
    /// A connection's initial sequence number.
    fn initial_sequence(&mut self, flow: u32, end: End) -> u32;
    /// Sends a segment that is ready at `ready`; returns when its frame is on the wire, from the
    /// first bit to the last.
    fn transmit(&mut self, ready: SimTime, flow: u32, end: End, segment: Segment) -> (SimTime, SimTime);
    /// Asks for [`Host::socket_wake`] at `at`.
    fn wake_socket(&mut self, at: SimTime, host: HostIndex, socket: u32);
    /// Asks for [`Host::program_wake`] at `at`.
    fn wake_program(&mut self, at: SimTime, host: HostIndex);
    /// The end of a flow has no socket any more.
    fn release(&mut self, flow: u32, end: End);
    /// The books of messages.
    fn ledger(&mut self) -> &mut Ledger;
    /// A control packet was handed to TCP.
    fn packet_sent(&mut self, now: SimTime, flow: u32, end: End, packet: &Outgoing);
    /// A control packet was taken from TCP.
    fn packet_taken(&mut self, now: SimTime, flow: u32, end: End);
    /// TLS messages were handed to TCP.
    fn flight_sent(&mut self, now: SimTime, flow: u32, end: End, flight: &Flight);
    /// Counts a remark.
    fn remark(&mut self, remark: Remark);
    /// The client from outside that `host` is a place for is to see something.
    fn to_outside(&mut self, host: HostIndex, what: ToOutside);
    /// Counts something that a broker refused.
    fn refused(&mut self, what: Refused);
}

/// What a SYN meets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Door {
    /// A program that takes connections.
    Open,
    /// A program with as many connections waiting as it has room for: the SYN is dropped, as Linux
    /// does it, and the client tries again after its timeout.
    Full,
    /// Nobody.
    Closed,
}

/// Frames and bytes that crossed a host's interface.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traffic {
    /// Frames sent.
    pub frames_sent: u64,
    /// Their bytes.
    pub bytes_sent: u64,
    /// Frames received.
    pub frames_received: u64,
    /// Their bytes.
    pub bytes_received: u64,
}

/// What the hosts of a fleet have in common.
#[derive(Clone, Debug)]
pub struct Kit {
    /// The hardware.
    pub board: Arc<Board>,
    /// What the program's work costs on it.
    pub cost: Arc<ProgramCost>,
    /// The TCP of its operating system.
    pub tcp: Arc<Config>,
    /// Link header in front of every frame, in bytes.
    pub link_header: u32,
}

impl Kit {
    /// Whether the other one is made of the same things.
    #[must_use]
    pub fn is_same(&self, other: &Kit) -> bool {
        Arc::ptr_eq(&self.board, &other.board)
            && Arc::ptr_eq(&self.cost, &other.cost)
            && Arc::ptr_eq(&self.tcp, &other.tcp)
            && self.link_header == other.link_header
    }
}

/// A board, its program, its sockets and its accounts.
///
/// In a large fleet a host is not in the cache when a segment comes for it. So the fields lie in the order
/// in which they are needed: by a segment that arrives, one that leaves, a task, and hardly ever.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Host {
    kit: Arc<Kit>,
    traffic: Traffic,
    energy: EnergyAccount,
    cpu: Servers,
    sockets: Sockets,
    memory: MemoryAccount,
    /// The program wake-up that is under way, or [`SimTime::MAX`].
    wake: SimTime,
    /// Sockets with news, in the order in which it came.
    ready: ShortQueue<u32, 2>,
    /// Whether the program had nothing to do when it was asked last, and nothing has happened to it since:
    /// it has nothing to send or to close, and its deadline is not before the wake-up under way.
    at_rest: bool,
    /// Whether the board hears what arrives: it is neither in deep sleep nor being reset.
    hears: bool,
    /// Whether the task that ended in a reset still goes on; then the board boots.
    boots_next: bool,
    index: HostIndex,
    /// When the host side of the network interface is done with all frames given to it.
    interface_free: SimTime,
    program: Program,
    /// When the program's thread is done with its task.
    busy_until: SimTime,
    /// TLS, where the program's connections are secured.
    secure: Option<Box<SecureHost>>,
    /// The program's heap, where it has one of fixed size.
    heap: Option<Box<Heap>>,
    /// Bytes last entered in the RAM account for the program's queues.
    program_accounted: u64,
    /// Connections under way that the program has not taken yet.
    untaken: u32,
    /// Connections opened or accepted.
    connections: u32,
}

impl Host {
    /// A host with its program not yet started.
    #[must_use]
    pub fn new(index: HostIndex, kit: Arc<Kit>, program: Program) -> Self {
        let board = &kit.board;
        let mut energy = EnergyAccount::default();
        if !board.metered {
            energy.leave_off();
        }
        let sleeps = match &program {
            Program::Client(client) => client.sleeps(),
            Program::Broker(_) | Program::Visitor(_) | Program::Service(_) => false,
        };
        if sleeps {
            energy.follow(energy::Base::new(energy::State::DeepSleep, Cause::Sleep, None));
        } else if board.doze.is_some() {
            energy.follow(energy::Base::new(energy::State::Awake, Cause::Idle, board.doze));
        }
        Host {
            heap: None,
            hears: !sleeps,
            boots_next: false,
            cpu: Servers::new(board.cores),
            memory: MemoryAccount::new(kit.cost.ram_static),
            index,
            kit,
            energy,
            program_accounted: 0,
            traffic: Traffic::default(),
            interface_free: SimTime::ZERO,
            sockets: Sockets::default(),
            untaken: 0,
            connections: 0,
            ready: ShortQueue::default(),
            secure: program.security().map(SecureHost::new),
            program,
            busy_until: SimTime::ZERO,
            wake: SimTime::MAX,
            at_rest: false,
        }
    }

    /// Starts the program.
    pub fn start(&mut self, now: SimTime, around: &mut impl Surroundings) {
        self.start_heap(around);
        self.run_program(now, around);
    }

    /// What a SYN for `port` meets.
    #[must_use]
    pub fn door(&self, port: u16) -> Door {
        match self.program.listens(port) {
            None => Door::Closed,
            Some(_) if self.out_of_sockets() => Door::Closed,
            Some(backlog) if self.untaken >= backlog => Door::Full,
            Some(_) => Door::Open,
        }
    }

    /// A SYN came to an open door: makes the socket that will take it.
    pub fn accept(&mut self, now: SimTime, flow: u32, around: &mut impl Surroundings) -> u32 {
        self.untaken += 1;
        let sequence = around.initial_sequence(flow, End::Server);
        let mut socket = Socket::accept(self.kit.tcp.clone(), now, sequence, flow);
        socket.tls = self.secure.as_ref().and_then(|secure| secure.server(sequence));
        self.add_socket(socket)
    }

    fn add_socket(&mut self, socket: Socket) -> u32 {
        self.connections += 1;
        self.memory.replace(0, self.kit.cost.ram_per_connection);
        self.sockets.insert(socket) as u32
    }

    /// A segment arrived whose frame took from `wire_start` to `now` to come in.
    pub fn segment_arrived(
        &mut self,
        now: SimTime,
        socket: u32,
        mut segment: Segment,
        wire_start: SimTime,
        around: &mut impl Surroundings,
    ) {
        self.charge_reception(now, &segment, wire_start);
        let Some(entry) = self.sockets.get_mut(socket as usize) else { return };
        entry.tcp.take_segment(now, &mut segment);
        self.drain_socket(now, socket, around);
        self.run_program(now, around);
    }

    /// A segment arrived for a socket that is no more.
    pub fn stray_arrived(&mut self, now: SimTime, segment: &Segment, wire_start: SimTime) {
        self.charge_reception(now, segment, wire_start);
    }

    /// A socket's deadline may have come.
    pub fn socket_wake(&mut self, now: SimTime, socket: u32, around: &mut impl Surroundings) {
        let Some(entry) = self.sockets.get_mut(socket as usize) else { return };
        if entry.timer != now {
            return;
        }
        entry.timer = SimTime::MAX;
        entry.tcp.handle_timeout(now);
        self.drain_socket(now, socket, around);
        self.run_program(now, around);
    }

    /// The program's task is done, or a deadline of it may have come.
    pub fn program_wake(&mut self, now: SimTime, around: &mut impl Surroundings) {
        if self.wake != now {
            return;
        }
        self.wake = SimTime::MAX;
        self.at_rest = false;
        self.boot_when_cut_off(now);
        self.run_program(now, around);
    }

    /// Something happened outside.
    ///
    /// # Panics
    /// When the host is no place for visitors.
    pub fn take_in(&mut self, now: SimTime, what: FromOutside, around: &mut impl Surroundings) {
        let Program::Visitor(visitor) = &mut self.program else { panic!("a place for visitors") };
        visitor.take(what);
        self.at_rest = false;
        self.run_program(now, around);
    }

    /// The program.
    #[must_use]
    pub const fn program(&self) -> &Program {
        &self.program
    }

    /// A socket, if it is there.
    #[must_use]
    pub fn socket(&self, socket: u32) -> Option<&Socket> {
        self.sockets.get(socket as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an idle client costs on the heap is mostly these; see README for the measured sum.
    #[test]
    fn a_host_stays_small() {
        assert!(size_of::<Host>() <= 336, "Host: {} B", size_of::<Host>());
        assert!(size_of::<Socket>() <= 416, "Socket: {} B", size_of::<Socket>());
        let program = size_of::<crate::app::ClientProgram>();
        assert!(program <= 240, "ClientProgram: {program} B");
    }
}

//! A scenario beside real clients: its simulated hosts in real time, and its places for visitors.
//!
//! A connection of a real client is a simulated one from a host with the role `Visitor` to its broker,
//! over the links of the scenario. The engine runs to the instant of an input before the input goes
//! in, so that it makes no difference how the time between two inputs is cut up: a replay, which runs
//! from input to input, executes the same events in the same order.

use std::collections::VecDeque;

use models::app::{FromOutside, ToOutside};
use models::mqtt::ConnectionId;
use models::network::Network;
use models::record::{HostIndex, NoProbe, Outcome};
use models::stream::Payload;
use sim_core::engine::Simulation;
use sim_core::time::SimTime;

use crate::execute;
use crate::live::served::{Ending, Outside, Served};
use crate::scenario::{Diagnostic, Loaded};

/// Bytes of a client that may be on their way to the broker before no more are read from it: about
/// what an operating system's send buffer holds.
pub const SEND_BUFFER_BYTES: usize = 1 << 18;

/// What real clients did, in numbers; the same in a replay.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct Visits {
    /// Inputs of every kind.
    pub inputs: u64,
    /// Connections opened.
    pub accepted: u64,
    /// Most open at one time.
    pub peak: usize,
    /// Bytes in.
    pub bytes_in: u64,
    /// Bytes out.
    pub bytes_out: u64,
}

/// A scenario with places for visitors.
#[derive(Debug)]
pub struct Twin {
    simulation: Simulation<Network<NoProbe>>,
    // By connection: the host, and whether somebody is there.
    places: Vec<(HostIndex, bool)>,
    // By host: the connection.
    connections: Vec<Option<ConnectionId>>,
    // Free places, the one that was free for the longest time first: what is left of an earlier
    // connection has had time to come to its end.
    free: VecDeque<ConnectionId>,
    warm_up: SimTime,
    visits: Visits,
}

impl Twin {
    /// The scenario at its start, with its hosts started.
    ///
    /// # Errors
    /// When a host cannot reach its broker, or the scenario has no place for a real client.
    pub fn start(loaded: &Loaded, run: u64) -> Result<Self, Diagnostic> {
        let simulation = execute::started(loaded, run, NoProbe)?;
        let hosts = simulation.world.places();
        if hosts.is_empty() {
            return Err(Diagnostic::error(format!("`{}` has no place for a real client", loaded.name)).help(
                "write a host with `role: Visitor()` and link it; with `count: 10` there are ten places",
            ));
        }
        let mut connections = vec![None; simulation.world.hosts().len()];
        for (number, host) in (0..).zip(&hosts) {
            connections[host.0 as usize] = Some(ConnectionId(number));
        }
        Ok(Twin {
            simulation,
            free: (0..hosts.len() as u32).map(ConnectionId).collect(),
            places: hosts.into_iter().map(|host| (host, false)).collect(),
            connections,
            warm_up: SimTime::ZERO + loaded.scenario.warm_up.0,
            visits: Visits::default(),
        })
    }

    /// Number of places for real clients.
    #[must_use]
    pub fn places(&self) -> usize {
        self.places.len()
    }

    /// What real clients did.
    #[must_use]
    pub const fn visits(&self) -> &Visits {
        &self.visits
    }

    /// Closes the books at the instant of the last input.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.simulation.world.outcome(self.warm_up, self.simulation.now(), self.simulation.events())
    }

    fn run_to(&mut self, now: SimTime, outside: &mut impl Outside) {
        self.simulation.run_until(now);
        while let Some((host, what)) = self.simulation.world.poll_outside() {
            let connection = self.connections[host.0 as usize].expect("only a place hands out");
            // A visitor that has gone sees nothing any more.
            if !self.is_open(connection) {
                continue;
            }
            match what {
                ToOutside::Bytes(chunk) => {
                    self.visits.bytes_out += chunk.len() as u64;
                    outside.send(connection, chunk.as_slice(), &[]);
                }
                ToOutside::Closed => outside.close(connection, Ending::Closed),
                ToOutside::Reset => outside.close(connection, Ending::Reset),
            }
        }
    }

    fn input(
        &mut self,
        now: SimTime,
        connection: ConnectionId,
        what: FromOutside,
        outside: &mut impl Outside,
    ) {
        self.run_to(now, outside);
        self.visits.inputs += 1;
        let (host, _) = self.places[connection.0 as usize];
        let (network, scheduler) = self.simulation.parts_mut();
        network.take_in(host, what, scheduler);
        // What follows at this very instant.
        self.run_to(now, outside);
    }
}

impl Served for Twin {
    const TIMEOUTS_ARE_INPUTS: bool = false;

    fn accept(&mut self, now: SimTime, outside: &mut impl Outside) -> Option<ConnectionId> {
        let connection = self.free.pop_front()?;
        self.places[connection.0 as usize].1 = true;
        self.visits.accepted += 1;
        self.visits.peak = self.visits.peak.max(self.places.len() - self.free.len());
        self.input(now, connection, FromOutside::Opened, outside);
        Some(connection)
    }

    fn bytes(&mut self, now: SimTime, connection: ConnectionId, bytes: &[u8], outside: &mut impl Outside) {
        self.visits.bytes_in += bytes.len() as u64;
        self.input(now, connection, FromOutside::Bytes(Payload::from(bytes)), outside);
    }

    fn closed(&mut self, now: SimTime, connection: ConnectionId, how: Ending, outside: &mut impl Outside) {
        let what = match how {
            Ending::Closed => FromOutside::Closed,
            Ending::Reset => FromOutside::Reset,
        };
        self.run_to(now, outside);
        self.places[connection.0 as usize].1 = false;
        self.free.push_back(connection);
        self.input(now, connection, what, outside);
    }

    fn paused(&mut self, now: SimTime, connection: ConnectionId, paused: bool, outside: &mut impl Outside) {
        let what = if paused { FromOutside::Paused } else { FromOutside::Resumed };
        self.input(now, connection, what, outside);
    }

    fn timeout(&mut self, now: SimTime, outside: &mut impl Outside) {
        self.run_to(now, outside);
    }

    fn poll_timeout(&self) -> Option<SimTime> {
        self.simulation.scheduler().peek_time()
    }

    fn is_open(&self, connection: ConnectionId) -> bool {
        self.places.get(connection.0 as usize).is_some_and(|(_, taken)| *taken)
    }

    fn sessions(&self) -> usize {
        0
    }

    fn held(&self) -> usize {
        self.simulation.world.held_by_brokers() as usize
    }

    fn is_behind(&self, connection: ConnectionId) -> bool {
        let (host, _) = self.places[connection.0 as usize];
        self.simulation.world.bytes_from(host) >= SEND_BUFFER_BYTES
    }

    fn waiting_for(&self, connection: ConnectionId) -> usize {
        let (host, _) = self.places[connection.0 as usize];
        self.simulation.world.bytes_for(host)
    }

    fn fingerprint(&self) -> u128 {
        self.simulation.world.fingerprint()
    }
}

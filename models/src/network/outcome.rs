//! The books of a run, closed.

use sim_core::time::SimTime;

use super::{Network, alert};
use crate::app::Program;
use crate::host::{Host, Remark};
use crate::record::{ClientRecord, Outcome, Probe};

/// MQTT sends nothing again at QoS 0 (MQTT 3.1.1 §4.3.1): whoever finds no message lost there should
/// know whom to thank.
const LOST_UNDER_QOS_0: &str =
    "frame lost in a run with messages at QoS 0: MQTT does not repeat these, only TCP sent the bytes again";

const BLACK_HOLE: &str =
    "packet longer than the next link's MTU dropped in silence: the path is an MTU black hole";

const BEYOND_RAM: &str = "host used more RAM than its board has: a real one would have failed";

fn client_record(host: &Host) -> Option<ClientRecord> {
    match host.program() {
        Program::Client(client) => Some(client.connections()),
        Program::Broker(_) | Program::Visitor(_) | Program::Service(_) => None,
    }
}

impl<P: Probe> Network<P> {
    /// Closes all books at `end`; statistics of messages leave out those published before `warm_up`.
    ///
    /// # Panics
    /// When a host's energy by cause does not sum to the integral of its power.
    #[must_use]
    pub fn outcome(&self, warm_up: SimTime, end: SimTime, events: u64) -> Outcome {
        let mut outcome = self.books(warm_up, end, events);
        let records = (0..).zip(&self.hosts).map(|(place, host)| host.record(end, self.names.of(place)));
        outcome.nodes = records.collect();
        outcome
    }

    /// The same at the end of a run, and the probe. What a host held is given back before the records take
    /// room, so a large fleet never needs both.
    ///
    /// # Panics
    /// When a host's energy by cause does not sum to the integral of its power.
    #[must_use]
    pub fn close(mut self, warm_up: SimTime, end: SimTime, events: u64) -> (Outcome, P) {
        let mut outcome = self.books(warm_up, end, events);
        for host in &mut self.hosts {
            host.let_go();
        }
        let Network { hosts, fabric, names, .. } = self;
        let probe = fabric.probe;
        outcome.nodes = Vec::with_capacity(hosts.len());
        outcome.nodes.extend((0..).zip(hosts).map(|(place, host)| host.record(end, names.of(place))));
        (outcome, probe)
    }

    /// All but the hosts.
    fn books(&self, warm_up: SimTime, end: SimTime, events: u64) -> Outcome {
        let (messages, deliveries) = self.fabric.ledger.records();
        let mut remarks: Vec<(String, u64)> = Remark::ALL
            .into_iter()
            .map(|remark| (remark.words().to_owned(), self.fabric.remarks[remark as usize]))
            .filter(|(_, times)| *times > 0)
            .collect();
        let overfull = self.hosts.iter().filter(|host| host.exceeded_ram()).count() as u64;
        if overfull > 0 {
            remarks.push((BEYOND_RAM.to_owned(), overfull));
        }
        if self.fabric.swallowed > 0 {
            remarks.push((BLACK_HOLE.to_owned(), self.fabric.swallowed));
        }
        let lost = self.fabric.totals.lost;
        if lost > 0 && messages.iter().any(|message| message.qos == 0) {
            remarks.push((LOST_UNDER_QOS_0.to_owned(), lost));
        }
        Outcome {
            fingerprint: self.fingerprint(),
            warm_up,
            simulated: end,
            events,
            messages,
            deliveries,
            nodes: Vec::new(),
            mqtt_packets: self.fabric.mqtt_packets,
            tcp: self.fabric.totals,
            server: alert::server_record(&self.hosts),
            alert: alert::alert_record(&self.hosts, &self.fabric.ledger),
            cells: self.fabric.cells.iter().map(|cell| cell.record(end)).collect(),
            clients: self.hosts.iter().map(client_record).collect(),
            refused: self.fabric.refused,
            remarks,
        }
    }
}

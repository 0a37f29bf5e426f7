//! The books of a run, closed.

use sim_core::time::SimTime;

use super::Network;
use crate::host::Remark;
use crate::record::{Outcome, Probe};

impl<P: Probe> Network<P> {
    /// Closes all books at `end`.
    ///
    /// # Panics
    /// When a host's energy by cause does not sum to the integral of its power.
    #[must_use]
    pub fn outcome(&self, end: SimTime, events: u64) -> Outcome {
        let (messages, deliveries) = self.fabric.ledger.records();
        let nodes =
            self.hosts.iter().zip(&self.names).map(|(host, names)| host.record(end, names.clone())).collect();
        let remarks = Remark::ALL
            .into_iter()
            .map(|remark| (remark.words().to_owned(), self.fabric.remarks[remark as usize]))
            .filter(|(_, times)| *times > 0)
            .collect();
        Outcome {
            fingerprint: self.fingerprint.finish(),
            simulated: end,
            events,
            messages,
            deliveries,
            nodes,
            mqtt_packets: self.fabric.mqtt_packets,
            tcp: self.fabric.totals,
            server: None,
            remarks,
        }
    }
}

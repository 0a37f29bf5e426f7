//! What an event is about, in words, before it is executed.

use std::fmt::Write as _;

use sim_core::time::SimTime;

use super::Network;
use crate::event::Event;
use crate::record::Probe;
use crate::tcp::Flags;

impl<P: Probe> Network<P> {
    /// Energy of each host up to `now`, in femtojoule, in the order of the hosts.
    #[must_use]
    pub fn energy_fj(&self, now: SimTime) -> Vec<u128> {
        let records = (0..).zip(&self.hosts).map(|(place, host)| host.record(now, self.names.of(place)));
        records.map(|record| record.energy_fj.iter().map(|(_, fj)| fj).sum()).collect()
    }

    /// An event that is about to be executed, in words.
    #[must_use]
    pub fn describe(&self, event: Event) -> String {
        let name = |host: u32| self.names.of(host).name();
        match event {
            Event::Socket { host, socket } => format!("{}: a deadline of socket {socket}", name(host)),
            Event::Cell { cell } => format!("WiFi cell {cell}: a transmission ends, or the channel is free"),
            Event::Program { host } => format!("{}: the program's turn", name(host)),
            Event::Arrive { packet } => {
                let Some(packet) = self.fabric.packets.get(packet) else {
                    return "a packet arrives".to_owned();
                };
                let flow = &self.fabric.flows[packet.flow as usize];
                let (from, to) = (flow.place(packet.from).0, flow.place(packet.from.peer()).0);
                let segment = &packet.segment;
                let mut words = format!("{} -> {}:", name(from.0), name(to.0));
                for (flag, called) in
                    [(Flags::SYN, "SYN"), (Flags::FIN, "FIN"), (Flags::RST, "RST"), (Flags::ACK, "ACK")]
                {
                    if segment.flags.contains(flag) {
                        let _ = write!(words, " {called}");
                    }
                }
                let (bytes, hop) = (segment.payload_len(), packet.hop + 1);
                let _ = write!(
                    words,
                    " segment seq {} ack {}, {bytes} B, at the end of link {hop} of its way",
                    segment.seq.0, segment.ack.0
                );
                words
            }
        }
    }
}

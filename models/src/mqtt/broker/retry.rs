//! Sending again on a live connection, as MQTT 3.1 §4.2 has it; off by default, and never in MQTT 5.0, where
//! "Servers and Clients MUST NOT resend messages at any other time" than after a reconnection (§4.4).

use crate::mqtt::broker::{Broker, SessionIndex, Transmit};
use crate::mqtt::codec::encode::encode_acknowledgement;
use crate::mqtt::message::{Hop, TopicAs};
use crate::mqtt::packet::PacketType;
use crate::mqtt::session::Awaiting;

impl Broker {
    /// Sees to it that what was sent to a session is looked at again.
    pub(super) fn watch_for_retry(&mut self, session: SessionIndex) {
        let Some(interval) = self.config.retry_after.filter(|interval| !interval.is_zero()) else { return };
        let entry = &self.sessions[session.0 as usize];
        let Some(connection) = entry.connection else { return };
        if self.version(connection).has_properties() || self.retries.is_armed(session.0) {
            return;
        }
        if let Some(sent_at) = self.sessions[session.0 as usize].outbound.oldest_sent() {
            self.retries.arm(session.0, sent_at.saturating_add(interval));
        }
    }

    /// Sends again what has been unanswered for too long.
    pub(super) fn retry(&mut self, session: SessionIndex) {
        let Broker { config, sessions, connections, transmits, now, .. } = self;
        let Some(interval) = config.retry_after else { return };
        let Some(entry) = sessions.get_mut(session.0 as usize) else { return };
        let Some(connection) = entry.connection else { return };
        let (generation, version) = {
            let connection = &connections[connection.0 as usize];
            (connection.generation, connection.version)
        };
        let Some(before) = now.as_nanos().checked_sub(interval.as_nanos() as u64) else { return };
        let before = sim_core::time::SimTime::from_nanos(before);
        while let Some(unanswered) = entry.outbound.retry(before, *now) {
            let id = unanswered.packet_identifier;
            let outgoing = match unanswered.awaiting {
                Awaiting::Puback | Awaiting::Pubrec => {
                    let (packet_identifier, topic_as) = (Some(id), TopicAs::Name);
                    unanswered.application.encode(Hop {
                        version,
                        now: *now,
                        packet_identifier,
                        dup: true,
                        topic_as,
                    })
                }
                Awaiting::Pubcomp => {
                    let message = unanswered.application.message;
                    encode_acknowledgement(PacketType::Pubrel, id, message).repeated_in(version)
                }
            };
            transmits.push_back(Transmit { connection, generation, outgoing });
        }
        self.watch_for_retry(session);
    }
}

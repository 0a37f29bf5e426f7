//! PUBREC held back: how Mosquitto 1.4 slows a client down that has too many unreleased QoS 2 messages.
//!
//! **Models** the source of 1.4.8 (`mqtt3_db_message_insert`, `_release`, `_write`): a message beyond the window is
//! kept, and its PUBREC comes when enough others are released. The places of the window are counted before the
//! released message is taken out, so one stays empty once it has overflowed. Whoever sends such a message again
//! gets the PUBREC at once.
//!
//! **Leaves out** that a message waits for the next pass of the main loop where messages on their way to the same
//! client have taken its place; that PUBREC is repeated after `retry_interval`; and that after a reconnection
//! 1.4.8 can send a held message to its own publisher.

use crate::mqtt::broker::{BeyondInboundWindow, Broker, ConnectionId, SessionIndex};
use crate::mqtt::packet::{PacketIdentifier, PacketType, ReasonCode, Version};
use crate::mqtt::session::{ApplicationMessage, Qos2Delivery};

impl Broker {
    /// Whether there is no place for one more unreleased QoS 2 message of a session.
    pub(super) fn is_beyond_inbound_window(&self, session: SessionIndex, version: Version) -> bool {
        let limit = usize::from(self.config.max_inflight_inbound);
        let holds = version.has_properties()
            || match self.config.beyond_inbound_window {
                BeyondInboundWindow::Taken => false,
                BeyondInboundWindow::Lost | BeyondInboundWindow::HeldBack => true,
            };
        holds && limit > 0 && self.sessions[session.0 as usize].inbound.len() >= limit
    }

    /// Keeps a message without a PUBREC, if so many may wait. One that is not kept is still with its publisher.
    pub(super) fn hold_back(
        &mut self,
        session: SessionIndex,
        id: PacketIdentifier,
        application: ApplicationMessage,
    ) {
        let most = self.config.max_queued as usize;
        if most > 0 && self.session(session).inbound.held_back() >= most {
            return;
        }
        let on_publish = self.config.deliver_qos_2_on == Qos2Delivery::Publish;
        self.accept_message(&application, Some(session), on_publish);
        if on_publish {
            // MQTT 3.1.1 §4.6: it goes on in the order in which it came; only its PUBREC waits.
            self.session(session).inbound.hold_back(id, None);
            self.forward(application);
        } else {
            self.buffered += application.weight();
            self.session(session).inbound.hold_back(id, Some(application));
        }
    }

    /// A message was released and its PUBCOMP is due: PUBREC for those that have a place now.
    pub(super) fn acknowledge_held_back(&mut self, connection: ConnectionId, session: SessionIndex) {
        let places = usize::from(self.config.max_inflight_inbound).saturating_sub(1);
        self.acknowledge_up_to(places, connection, session);
    }

    /// PUBCOMP is sent: PUBREC for all that wait, if nothing else is left that a PUBREL could come for.
    pub(super) fn acknowledge_all_if_none_is_left(
        &mut self,
        connection: ConnectionId,
        session: SessionIndex,
    ) {
        let inbound = &self.session(session).inbound;
        if inbound.held_back() == inbound.len() {
            self.acknowledge_up_to(usize::MAX, connection, session);
        }
    }

    fn acknowledge_up_to(&mut self, places: usize, connection: ConnectionId, session: SessionIndex) {
        let inbound = &self.session(session).inbound;
        let mut acknowledged = inbound.len() - inbound.held_back();
        while acknowledged < places {
            let Some((id, message)) = self.session(session).inbound.acknowledge_next() else { return };
            acknowledged += 1;
            let success = ReasonCode::Success;
            let pubrec = self.acknowledgement(connection, PacketType::Pubrec, id, success, message);
            self.transmit(connection, pubrec);
        }
    }
}

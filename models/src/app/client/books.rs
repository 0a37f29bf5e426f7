//! What the client notes of its connections: from it follows what may be expected of its messages.

use sim_core::time::SimTime;

use super::ClientProgram;
use crate::record::ClientRecord;

impl ClientProgram {
    /// Its connections so far.
    #[must_use]
    pub fn connections(&self) -> ClientRecord {
        let (in_flight, queued) = self.mqtt.unacknowledged();
        ClientRecord {
            connected: self.mqtt.is_connected(),
            unacknowledged: (in_flight + queued) as u32,
            ..self.books
        }
    }

    pub(super) fn book_end(&mut self, now: SimTime) {
        self.books.ends += 1;
        self.books.last_end = Some(now);
    }

    pub(super) fn book_subscription(&mut self, now: SimTime) {
        self.books.subscribed_at.get_or_insert(now);
        self.books.last_subscribed_at = Some(now);
    }
}

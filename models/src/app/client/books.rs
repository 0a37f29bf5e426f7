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
            connected_at: Some(self.connected_at).filter(|at| *at < SimTime::MAX),
            ..self.books.as_deref().copied().unwrap_or_default()
        }
    }

    pub(super) fn book_end(&mut self, now: SimTime) {
        let books = self.books.get_or_insert_default();
        books.ends += 1;
        books.last_end = Some(now);
    }

    pub(super) fn book_subscription(&mut self, now: SimTime) {
        let books = self.books.get_or_insert_default();
        books.subscribed_at.get_or_insert(now);
        books.last_subscribed_at = Some(now);
    }

    /// Bytes that the client holds for messages under way.
    #[must_use]
    pub fn buffered(&self) -> u64 {
        self.mqtt.buffered() as u64 + self.role.held()
    }

    pub(super) fn next_crash(&self) -> SimTime {
        let next = self.rare.as_ref().and_then(|rare| rare.crashes.last());
        next.map_or(SimTime::MAX, |(at, _)| *at)
    }

    pub(super) fn back_at(&self) -> SimTime {
        self.rare.as_ref().map_or(SimTime::ZERO, |rare| rare.back_at)
    }
}

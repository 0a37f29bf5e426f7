//! What a connection tells its owner.

/// Something that the owner of a connection should know.
///
/// Exactly one of [`Closed`](Event::Closed), [`Reset`](Event::Reset), [`TimedOut`](Event::TimedOut)
/// and [`Refused`](Event::Refused) ends a connection; it is in state CLOSED then.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Event {
    /// The handshake is complete: ESTABLISHED was entered.
    Connected,
    /// Everything written so far has been acknowledged.
    Drained,
    /// There are bytes to read.
    Readable,
    /// The peer's FIN has arrived in order: it will send no more.
    PeerClosed,
    /// The peer answered the SYN with a reset.
    Refused,
    /// The peer reset the connection.
    Reset,
    /// The peer did not answer; the retransmissions are used up.
    TimedOut,
    /// Both sides have closed and TIME-WAIT, if there was one, is over; or the connection was aborted.
    Closed,
}

/// The events that wait to be polled, at most one of each; they come out in the order of [`Event`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct EventSet(u8);

const EVENTS: [Event; 8] = [
    Event::Connected,
    Event::Drained,
    Event::Readable,
    Event::PeerClosed,
    Event::Refused,
    Event::Reset,
    Event::TimedOut,
    Event::Closed,
];

impl EventSet {
    pub(super) fn insert(&mut self, event: Event) {
        self.0 |= 1 << event as u8;
    }

    pub(super) fn pop(&mut self) -> Option<Event> {
        if self.0 == 0 {
            return None;
        }
        let event = EVENTS.get(self.0.trailing_zeros() as usize).copied()?;
        self.0 &= self.0 - 1;
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_once_and_in_order() {
        let mut set = EventSet::default();
        for event in EVENTS.iter().rev().chain(&EVENTS) {
            set.insert(*event);
        }
        assert!(EVENTS.iter().all(|event| set.pop() == Some(*event)));
        assert_eq!(set.pop(), None);
    }
}

//! The deadlines of a connection.
//!
//! Deadlines are lazy: an acknowledgement moves one by overwriting it, and a wake-up that comes early
//! finds nothing due.

use sim_core::time::SimTime;

/// What the main deadline is for. The kinds exclude one another, so one slot holds them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Timer {
    /// Nothing is pending.
    Idle,
    /// SYN, data or FIN is unacknowledged (RFC 6298 (5.1)).
    Retransmission,
    /// The end of a flight is unacknowledged: a probe may tell its loss early (RFC 8985 §7).
    LossProbe,
    /// Segments that may be lost or late are given a little more time (RFC 8985 §6.2).
    Reordering,
    /// There is something to send, nothing in flight, and the peer's window is closed (RFC 9293 §3.8.6.1).
    Persist,
    /// Both FINs are acknowledged (RFC 9293 §3.10.7.4).
    TimeWait,
    /// Our FIN is acknowledged, the peer's has not come.
    FinWait2,
    /// The peer has been silent for long (RFC 1122 §4.2.3.6).
    KeepAlive,
}

/// The deadlines; [`SimTime::MAX`] is never.
// Packed, as all small parts of a connection are: padding would be a fifteenth of it.
#[derive(Clone, Copy, Debug)]
#[repr(Rust, packed)]
pub(super) struct Timers {
    main_at: SimTime,
    delayed_ack_at: SimTime,
    main: Timer,
}

impl Timers {
    pub(super) const fn new() -> Self {
        Timers { main_at: SimTime::MAX, delayed_ack_at: SimTime::MAX, main: Timer::Idle }
    }

    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<SimTime> {
        let at = self.main_at.min(self.delayed_ack_at);
        (at != SimTime::MAX).then_some(at)
    }

    pub(super) fn set(&mut self, timer: Timer, at: SimTime) {
        self.main = timer;
        self.main_at = at;
    }

    pub(super) fn stop(&mut self) {
        self.set(Timer::Idle, SimTime::MAX);
    }

    pub(super) const fn main(&self) -> Timer {
        self.main
    }

    /// Takes the main deadline if it is due at `now`.
    pub(super) fn take_due(&mut self, now: SimTime) -> Timer {
        let main_at = self.main_at;
        if main_at > now {
            return Timer::Idle;
        }
        let due = self.main;
        self.stop();
        due
    }

    /// Starts the delayed acknowledgement unless one is due earlier.
    pub(super) fn start_delayed_ack(&mut self, at: SimTime) {
        self.delayed_ack_at = self.delayed_ack_at.min(at);
    }

    pub(super) fn delayed_ack_waits(&self) -> bool {
        let at = self.delayed_ack_at;
        at != SimTime::MAX
    }

    pub(super) fn stop_delayed_ack(&mut self) {
        self.delayed_ack_at = SimTime::MAX;
    }

    /// Takes the delayed acknowledgement if it is due at `now`.
    pub(super) fn take_delayed_ack_due(&mut self, now: SimTime) -> bool {
        let at = self.delayed_ack_at;
        let due = at <= now;
        if due {
            self.stop_delayed_ack();
        }
        due
    }
}

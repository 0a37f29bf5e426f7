//! What a link remembers for both directions together: a radio's state and a middlebox's flows.

use std::time::Duration;

use sim_core::time::SimTime;

/// When the radio of a mobile link changes its state.
///
/// A radio that was idle for longer than `tail` has given its channel back. The next frame, in
/// either direction, waits `promotion` until it has one again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RadioTimes {
    /// From the first frame to the channel.
    pub promotion: Duration,
    /// From the last frame until the channel is given back.
    pub tail: Duration,
}

/// The radio of a link: idle at first.
#[derive(Clone, Debug)]
pub struct Radio {
    times: RadioTimes,
    /// When it has, or had, its channel; nothing before the first frame.
    connected: Option<SimTime>,
    /// When the last frame ended.
    active_until: SimTime,
}

impl Radio {
    /// A radio that is idle.
    #[must_use]
    pub const fn new(times: RadioTimes) -> Self {
        Radio { times, connected: None, active_until: SimTime::ZERO }
    }

    /// The instant from which a frame that is ready at `now` can be sent.
    pub fn connect(&mut self, now: SimTime) -> SimTime {
        let connected = match self.connected {
            Some(at) if now <= at.max(self.active_until) + self.times.tail => at,
            Some(_) | None => now + self.times.promotion,
        };
        self.connected = Some(connected);
        connected.max(now)
    }

    /// A frame's last bit leaves at `end`.
    pub fn sent_until(&mut self, end: SimTime) {
        self.active_until = self.active_until.max(end);
    }
}

/// What a middlebox does with a packet whose flow it has forgotten.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum NatAnswer {
    /// It drops the packet.
    #[default]
    Silence,
    /// It drops the packet and sends RST to where the packet came from.
    Reset,
}

/// The rules of a middlebox that keeps state per flow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NatRules {
    /// A flow without packets for longer than this is forgotten. RFC 5382 (REQ-5) asks for at least
    /// 2 h 4 min; home routers have far less.
    pub idle: Duration,
    /// What follows.
    pub answer: NatAnswer,
}

/// A middlebox's table: network address translation or a stateful firewall.
///
/// A SYN enters its flow, any packet in either direction keeps it, and a forgotten flow comes back
/// only by a new SYN.
#[derive(Clone, Debug)]
pub struct Nat {
    rules: NatRules,
    /// By flow: its last packet.
    last_seen: Vec<Option<SimTime>>,
}

impl Nat {
    /// An empty table.
    #[must_use]
    pub const fn new(rules: NatRules) -> Self {
        Nat { rules, last_seen: Vec::new() }
    }

    /// What follows a refused packet.
    #[must_use]
    pub const fn answer(&self) -> NatAnswer {
        self.rules.answer
    }

    /// Whether a packet of `flow` passes at `now`; `opens` tells a SYN that is no SYN-ACK.
    pub fn passes(&mut self, now: SimTime, flow: u32, opens: bool) -> bool {
        let place = flow as usize;
        if place >= self.last_seen.len() {
            self.last_seen.resize(place + 1, None);
        }
        let entry = &mut self.last_seen[place];
        let known = entry.is_some_and(|last| now <= last + self.rules.idle);
        *entry = (known || opens).then_some(now);
        known || opens
    }
}

/// What both directions of a link share.
#[derive(Clone, Debug, Default)]
pub struct LinkState {
    /// Its radio, if it has one.
    pub radio: Option<Radio>,
    /// The middlebox on it, if there is one.
    pub nat: Option<Nat>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_radio_is_promoted_after_its_tail_and_not_before() {
        let times = RadioTimes { promotion: Duration::from_millis(260), tail: Duration::from_secs(10) };
        let mut radio = Radio::new(times);
        let at = SimTime::from_millis;
        assert_eq!(radio.connect(at(1_000)), at(1_260), "idle at first");
        assert_eq!(radio.connect(at(1_100)), at(1_260), "the next one waits for the same promotion");
        radio.sent_until(at(1_300));
        assert_eq!(radio.connect(at(11_300)), at(11_300), "the tail is just not over");
        radio.sent_until(at(11_400));
        assert_eq!(radio.connect(at(21_401)), at(21_661));
    }

    #[test]
    fn a_nat_forgets_a_silent_flow_until_its_next_syn() {
        let rules = NatRules { idle: Duration::from_secs(60), answer: NatAnswer::Silence };
        let mut nat = Nat::new(rules);
        let at = SimTime::from_secs;
        assert!(!nat.passes(at(0), 7, false), "never seen");
        assert!(nat.passes(at(1), 7, true));
        assert!(nat.passes(at(61), 7, false), "packets keep it");
        assert!(nat.passes(at(100), 3, true), "another flow");
        assert!(!nat.passes(at(122), 7, false), "61 s of silence");
        assert!(!nat.passes(at(123), 7, false), "and trying does not help");
        assert!(nat.passes(at(124), 3, false));
        assert!(nat.passes(at(125), 7, true));
    }
}

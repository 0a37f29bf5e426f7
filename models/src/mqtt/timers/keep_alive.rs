//! The client's side of keep-alive: when a PINGREQ goes out. MQTT 3.1.1 §3.1.2.10
//!
//! The standard demands one packet in every Keep Alive interval K. Real clients differ in two ways,
//! and both are data here. First, in *which clocks they read and what moves these* ([`KeepAliveRule`]):
//!
//! | rule | PINGREQ when | the last-sent clock is moved by | clock |
//! | --- | --- | --- | --- |
//! | `Standard` | nothing sent for K | every packet | exact |
//! | `Libmosquitto` | nothing sent, or nothing received, for K | every packet | whole seconds |
//! | `Paho1_3` | nothing sent, or nothing received, for K | every packet | exact |
//! | `Paho1_6` | nothing sent, or nothing received, for K | CONNECT and PINGREQ only | exact |
//!
//! Second, in *when they look*. paho and libmosquitto sit in a `select` of about one second and look
//! when it returns: at the end of the second, or when traffic in either direction wakes it, which also
//! starts a new second. A ping therefore goes out at the first look at which K has passed.
//! [`LOOKS_EVERY_SECOND`] is the measured length, 1.0011 s: 60 looks make the 60.07 s between the pings
//! of an idle client. libmosquitto's threaded loop (`mosquitto_loop_start`) looks only every K.
//!
//! A PINGRESP that does not come within a further K ends the connection, at the first look after.
//!
//! Left out: the processing time between a look and the write of the PINGREQ.
//!
//! Validated against captures of paho-mqtt 2.2.0 and libmosquitto 2.0.11 (`tests/mqtt_keep_alive.rs`):
//! idle, publishing and receiving clients with K = 5 s, and figures 4 and 5 of the smart-home paper.

use std::time::Duration;

use serde::Deserialize;
use sim_core::time::SimTime;

/// The `select` interval of paho and of `mosquitto_sub`, as measured: the mean of 1,020 looks in the
/// captures of figure 4 (1.00116 s and 1.00107 s).
pub const LOOKS_EVERY_SECOND: Duration = Duration::from_micros(1_001_100);

/// Which clocks decide on a PINGREQ.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
pub enum KeepAliveRule {
    /// The least that the standard asks for: a ping when nothing was sent for K.
    #[default]
    Standard,
    /// libmosquitto 2.0.
    Libmosquitto,
    /// paho-mqtt 1.3.
    Paho1_3,
    /// paho-mqtt from 1.6 on, 2.x included: sending messages does not postpone its pings.
    Paho1_6,
}

impl KeepAliveRule {
    const fn any_packet_moves_last_sent(self) -> bool {
        match self {
            KeepAliveRule::Standard | KeepAliveRule::Libmosquitto | KeepAliveRule::Paho1_3 => true,
            KeepAliveRule::Paho1_6 => false,
        }
    }

    const fn silence_of_the_peer_counts(self) -> bool {
        match self {
            KeepAliveRule::Standard => false,
            KeepAliveRule::Libmosquitto | KeepAliveRule::Paho1_3 | KeepAliveRule::Paho1_6 => true,
        }
    }

    // Instants as this client's clock reads them.
    const fn read(self, instant: SimTime) -> SimTime {
        match self {
            KeepAliveRule::Libmosquitto => SimTime::from_secs(instant.as_nanos() / 1_000_000_000),
            KeepAliveRule::Standard | KeepAliveRule::Paho1_3 | KeepAliveRule::Paho1_6 => instant,
        }
    }
}

/// The parameters of a client's keep-alive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeepAliveSettings {
    /// K in seconds; 0 turns the mechanism off.
    pub keep_alive_s: u16,
    /// Which clocks decide.
    pub rule: KeepAliveRule,
    /// How often the client looks; `None`: it acts at the very instant.
    pub looks_every: Option<Duration>,
}

/// What a look found to be due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeepAliveAction {
    /// Nothing.
    None,
    /// PINGREQ.
    Ping,
    /// The last PINGREQ was not answered in time.
    Expired,
}

/// The clocks of one connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct KeepAlive {
    last_sent: SimTime,
    last_received: SimTime,
    last_look: SimTime,
    // SimTime::MAX: no PINGREQ is unanswered.
    pinged: SimTime,
}

impl KeepAlive {
    /// The clocks of a connection that begins now.
    #[must_use]
    pub const fn start(now: SimTime) -> Self {
        KeepAlive { last_sent: now, last_received: now, last_look: now, pinged: SimTime::MAX }
    }

    /// A packet other than PINGREQ was sent.
    pub fn packet_sent(&mut self, settings: KeepAliveSettings, now: SimTime) {
        if settings.rule.any_packet_moves_last_sent() {
            self.last_sent = now;
        }
    }

    /// A packet was received.
    pub fn packet_received(&mut self, now: SimTime) {
        self.last_received = now;
    }

    /// PINGRESP was received.
    pub fn pingresp_received(&mut self) {
        self.pinged = SimTime::MAX;
    }

    /// The client looks at its clocks. After [`KeepAliveAction::Ping`] it counts as having pinged.
    pub fn look(&mut self, settings: KeepAliveSettings, now: SimTime) -> KeepAliveAction {
        self.last_look = now;
        match self.due(settings) {
            Some(due) if now >= due => {}
            Some(_) | None => return KeepAliveAction::None,
        }
        if self.pinged != SimTime::MAX {
            return KeepAliveAction::Expired;
        }
        *self = KeepAlive { last_sent: now, last_received: now, last_look: now, pinged: now };
        KeepAliveAction::Ping
    }

    /// The instant of the next look at which something is due; `None` without keep-alive.
    #[must_use]
    pub fn deadline(&self, settings: KeepAliveSettings) -> Option<SimTime> {
        let due = self.due(settings)?;
        let Some(interval) = settings.looks_every.map(nanos).filter(|interval| *interval > 0) else {
            return Some(due);
        };
        let wait = nanos(due.saturating_since(self.last_look));
        let looks = wait.div_ceil(interval).max(1);
        Some(self.last_look.saturating_add(Duration::from_nanos(looks.saturating_mul(interval))))
    }

    // When the next PINGREQ, or the answer to the last one, is due.
    fn due(&self, settings: KeepAliveSettings) -> Option<SimTime> {
        let KeepAliveSettings { keep_alive_s, rule, looks_every: _ } = settings;
        if keep_alive_s == 0 {
            return None;
        }
        let since = if self.pinged != SimTime::MAX {
            self.pinged
        } else if rule.silence_of_the_peer_counts() {
            self.last_sent.min(self.last_received)
        } else {
            self.last_sent
        };
        Some(rule.read(since).saturating_add(Duration::from_secs(u64::from(keep_alive_s))))
    }
}

fn nanos(span: Duration) -> u64 {
    span.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(span.subsec_nanos()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: KeepAliveSettings =
        KeepAliveSettings { keep_alive_s: 5, rule: KeepAliveRule::Standard, looks_every: None };

    #[test]
    fn without_looks_the_instant_is_exact() {
        let mut clocks = KeepAlive::start(SimTime::from_millis(300));
        assert_eq!(clocks.deadline(SETTINGS), Some(SimTime::from_millis(5_300)));
        clocks.packet_sent(SETTINGS, SimTime::from_secs(2));
        clocks.packet_received(SimTime::from_secs(3));
        assert_eq!(clocks.deadline(SETTINGS), Some(SimTime::from_secs(7)), "receiving does not count");
        assert_eq!(clocks.look(SETTINGS, SimTime::from_millis(6_999)), KeepAliveAction::None);
        assert_eq!(clocks.look(SETTINGS, SimTime::from_secs(7)), KeepAliveAction::Ping);
        assert_eq!(clocks.look(SETTINGS, SimTime::from_secs(7)), KeepAliveAction::None, "once");
        assert_eq!(clocks.look(SETTINGS, SimTime::from_secs(12)), KeepAliveAction::Expired);
    }

    #[test]
    fn a_pingresp_in_time_keeps_the_connection() {
        let mut clocks = KeepAlive::start(SimTime::ZERO);
        assert_eq!(clocks.look(SETTINGS, SimTime::from_secs(5)), KeepAliveAction::Ping);
        clocks.pingresp_received();
        assert_eq!(clocks.look(SETTINGS, SimTime::from_secs(10)), KeepAliveAction::Ping);
    }

    #[test]
    fn zero_turns_it_off() {
        let settings = KeepAliveSettings { keep_alive_s: 0, ..SETTINGS };
        let mut clocks = KeepAlive::start(SimTime::ZERO);
        assert_eq!(clocks.deadline(settings), None);
        assert_eq!(clocks.look(settings, SimTime::MAX), KeepAliveAction::None);
    }

    #[test]
    fn looks_quantise_and_a_wake_restarts_the_interval() {
        let settings = KeepAliveSettings { looks_every: Some(Duration::from_secs(1)), ..SETTINGS };
        let mut clocks = KeepAlive::start(SimTime::ZERO);
        assert_eq!(clocks.deadline(settings), Some(SimTime::from_secs(5)));
        assert_eq!(clocks.look(settings, SimTime::from_millis(4_600)), KeepAliveAction::None);
        assert_eq!(clocks.deadline(settings), Some(SimTime::from_millis(5_600)));
    }

    // Own captures of paho-mqtt 1.6.1 and 2.2.0: a PINGREQ every 6 s between messages sent every 2 s.
    #[test]
    fn sending_postpones_the_pings_of_paho_1_3_only() {
        for (rule, due) in [(KeepAliveRule::Paho1_3, 8), (KeepAliveRule::Paho1_6, 5)] {
            let settings = KeepAliveSettings { rule, ..SETTINGS };
            let mut clocks = KeepAlive::start(SimTime::ZERO);
            clocks.packet_sent(settings, SimTime::from_secs(3));
            clocks.packet_received(SimTime::from_secs(4));
            assert_eq!(clocks.deadline(settings), Some(SimTime::from_secs(due)), "{rule:?}");
        }
    }

    #[test]
    fn libmosquitto_reads_whole_seconds() {
        let settings = KeepAliveSettings { rule: KeepAliveRule::Libmosquitto, ..SETTINGS };
        let clocks = KeepAlive::start(SimTime::from_millis(1_960));
        assert_eq!(clocks.deadline(settings), Some(SimTime::from_secs(6)));
    }
}

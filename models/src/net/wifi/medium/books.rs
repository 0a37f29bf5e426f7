//! What a medium tells and counts: frames on the air, radio times, totals.

use std::time::Duration;

use sim_core::time::SimTime;

use super::super::power::{RadioChange, RadioState, RadioUse};
use super::super::station::{Frame, Way};
use super::{Medium, MediumEvent, MediumTotals};

impl Medium {
    /// From now on [`Medium::poll_radio`] has something to say.
    pub fn watch_radios(&mut self) {
        self.changes.get_or_insert_default();
    }

    /// The next change of a radio's state, if [`Medium::watch_radios`] was called. That a radio fell
    /// asleep is told when it wakes, with the instant at which it did. Instants of one station are in
    /// order.
    pub fn poll_radio(&mut self) -> Option<RadioChange> {
        self.changes.as_mut()?.pop_front()
    }

    pub(super) fn tell_sent(&mut self, frame: Frame, start: SimTime, end: SimTime) {
        let Frame { token, station, way, .. } = frame;
        self.events.push_back(MediumEvent::Sent { token, station, way, start, end });
    }

    /// Books the radio time of the frame's station: `sent_ns` of the frame's sender, `answered_ns` of
    /// its receiver.
    pub(super) fn book(&mut self, frame: Frame, sent_ns: u64, answered_ns: u64, now: SimTime, end: SimTime) {
        self.stir(now, frame.station, end);
        let station = &mut self.stations[frame.station as usize];
        let (first, second) = match frame.way {
            Way::Up => {
                station.transmit_ns += sent_ns;
                station.receive_ns += answered_ns;
                (RadioState::Transmit, RadioState::Receive)
            }
            Way::Down => {
                station.receive_ns += sent_ns;
                station.transmit_ns += answered_ns;
                (RadioState::Receive, RadioState::Transmit)
            }
        };
        if let Some(changes) = &mut self.changes {
            let station = frame.station;
            changes.push_back(RadioChange { station, at: now, state: first });
            if answered_ns > 0 {
                let at = SimTime::from_nanos(end.as_nanos() - answered_ns);
                changes.push_back(RadioChange { station, at, state: second });
            }
            changes.push_back(RadioChange { station, at: end, state: RadioState::Listen });
        }
    }

    /// A station that sleeps between frames is awake now, and stays so after `end`.
    pub(super) fn stir(&mut self, now: SimTime, station: u32, end: SimTime) {
        let Some(doze) = &mut self.stations[station as usize].doze else { return };
        let slept_from = doze.stir(now, end);
        if let (Some(from), Some(changes)) = (slept_from, &mut self.changes) {
            changes.push_back(RadioChange { station, at: from, state: RadioState::Sleep });
            changes.push_back(RadioChange { station, at: now, state: RadioState::Listen });
        }
    }

    /// Counts so far.
    #[must_use]
    pub const fn totals(&self) -> MediumTotals {
        self.totals
    }

    /// How long a station's radio was in each state up to `end`.
    #[must_use]
    pub fn radio_use(&self, station: u32, end: SimTime) -> RadioUse {
        let station = &self.stations[station as usize];
        let awake = station.doze.as_ref().map_or(end.as_nanos(), |doze| doze.awake_ns(end));
        let own = station.transmit_ns + station.receive_ns;
        RadioUse {
            sleep: Duration::from_nanos(end.as_nanos().saturating_sub(awake)),
            listen: Duration::from_nanos(awake.saturating_sub(own)),
            receive: Duration::from_nanos(station.receive_ns),
            transmit: Duration::from_nanos(station.transmit_ns),
        }
    }
}

//! The medium of one cell: who sends when.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use sim_core::random::Stream;
use sim_core::time::SimTime;

use super::phy::{Exchange, Timing};
use super::power::RadioChange;
use super::station::{Access, Clearance, Frame, Station, StationParameters, Transmitter, Way};

mod books;

/// Rules of a cell that are no matter of physics.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CellParameters {
    /// Slot, SIFS and DIFS of all its stations.
    pub timing: Timing,
    /// Failures after which a frame without RTS, or an RTS, is given up: `dot11ShortRetryLimit`.
    pub short_retry_limit: u32,
    /// Failures after which a frame that an RTS announced is given up: `dot11LongRetryLimit`.
    pub long_retry_limit: u32,
}

impl CellParameters {
    /// Limits of 7 and 4, the defaults of the standard. IEEE 802.11-2016 §C.3
    #[must_use]
    pub const fn standard(timing: Timing) -> Self {
        CellParameters { timing, short_retry_limit: 7, long_retry_limit: 4 }
    }
}

/// What became of a packet that was handed over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Offered {
    /// It waits for its turn.
    Taken,
    /// The queue had no room for it, and it is lost.
    QueueFull,
    /// The link is down, and it is lost.
    LinkDown,
}

/// What the medium has to tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MediumEvent {
    /// A station, or the access point where `way` is down, sent a frame, readable or not.
    Sent {
        /// The frame.
        token: u32,
        /// The station it came from or went to.
        station: u32,
        /// Which way.
        way: Way,
        /// First bit, that of an RTS if there is one.
        start: SimTime,
        /// Last bit of what was sent.
        end: SimTime,
    },
    /// A frame reached its receiver and was acknowledged.
    Received {
        /// The frame.
        token: u32,
        /// First bit of the data frame.
        first_bit: SimTime,
        /// Its last bit.
        last_bit: SimTime,
    },
    /// A frame was given up after too many failures, or went with the link.
    Dropped {
        /// The frame.
        token: u32,
    },
}

/// Counts of a cell.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MediumTotals {
    /// Transmissions of data frames, or of the RTS before one.
    pub attempts: u64,
    /// Of these, those that met another one.
    pub collisions: u64,
    /// Of these, those that met none and yet could not be read.
    pub errors: u64,
    /// Attempts that repeat an earlier one.
    pub retries: u64,
    /// Frames given up.
    pub dropped: u64,
    /// Frames received.
    pub received: u64,
    /// Nanoseconds in which the medium was busy, the short gaps inside an exchange included.
    pub busy_ns: u64,
}

/// Something that is waited for besides the next transmission.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Wake {
    /// A transmitter's first frame may go.
    Transmitter(u32),
    /// A station listens, or is back: what its access point holds for it may go.
    Release(u32),
}

/// The medium of one cell.
///
/// Transmitter 0 is the access point, transmitter `n + 1` is station `n`. Time is counted in slots
/// that pass only while the medium is idle, so a backoff counter is the number of a slot and freezes
/// by itself; the transmitters that share the least number send next.
#[derive(Clone, Debug)]
pub struct Medium {
    parameters: CellParameters,
    stations: Vec<Station>,
    transmitters: Vec<Transmitter>,
    /// Slots of the transmitters that contend.
    contenders: BinaryHeap<Reverse<(u64, u32)>>,
    wakes: BinaryHeap<Reverse<(SimTime, Wake)>>,
    /// The medium is busy until then.
    idle_from: SimTime,
    /// Slot `first_slot` begins at `grid`: DIFS after the medium fell idle.
    grid: SimTime,
    first_slot: u64,
    /// Those who send in the present slot.
    winners: Vec<u32>,
    events: VecDeque<MediumEvent>,
    /// Changes of radio states, while somebody wants them.
    changes: Option<VecDeque<RadioChange>>,
    totals: MediumTotals,
}

impl Medium {
    /// A cell without stations; `backoff` is the access point's stream.
    #[must_use]
    pub fn new(parameters: CellParameters, backoff: Stream) -> Self {
        Medium {
            parameters,
            stations: Vec::new(),
            // Until it has stations the access point has the widest first window.
            transmitters: vec![Transmitter::new((31, 1_023), backoff)],
            contenders: BinaryHeap::new(),
            wakes: BinaryHeap::new(),
            idle_from: SimTime::ZERO,
            grid: SimTime::ZERO,
            first_slot: 0,
            winners: Vec::new(),
            events: VecDeque::new(),
            changes: None,
            totals: MediumTotals::default(),
        }
    }

    /// Adds a station with the contention windows of its modulation, and returns its number.
    pub fn add_station(&mut self, parameters: StationParameters) -> u32 {
        let windows = parameters.modulation.windows();
        self.add_station_with(parameters, windows)
    }

    /// Adds a station whose first and largest contention windows are `windows`.
    pub fn add_station_with(&mut self, parameters: StationParameters, windows: (u32, u32)) -> u32 {
        let (station, backoff) = Station::new(parameters);
        self.stations.push(station);
        self.transmitters[0].shorten(windows);
        self.transmitters.push(Transmitter::new(windows, backoff));
        (self.stations.len() - 1) as u32
    }

    /// Hands over an IP packet of `bytes` that can be sent from `ready` on; `now` is the present.
    pub fn offer(
        &mut self,
        now: SimTime,
        ready: SimTime,
        station: u32,
        way: Way,
        bytes: u32,
        token: u32,
    ) -> Offered {
        let member = &mut self.stations[station as usize];
        if member.down(now, way) {
            return Offered::LinkDown;
        }
        if !member.admit(way, bytes) {
            return Offered::QueueFull;
        }
        let frame = Frame { token, bytes, station, way, ready };
        match way {
            Way::Up => {
                self.stir(ready, station, ready);
                self.enqueue(now, station + 1, frame);
            }
            Way::Down => {
                let asleep = member.doze.as_ref().is_some_and(|doze| !doze.awake(now));
                if !member.held.is_empty() {
                    member.held.push_back(frame);
                } else if asleep {
                    self.hold_for_beacon(now, frame);
                } else {
                    self.enqueue(now, 0, frame);
                }
            }
        }
        Offered::Taken
    }

    /// Keeps a frame until the station's next beacon. IEEE 802.11-2016 §11.2.3.6
    fn hold_for_beacon(&mut self, now: SimTime, frame: Frame) {
        let station = &mut self.stations[frame.station as usize];
        let beacon = station.doze.as_ref().map_or(now, |doze| doze.next_beacon(now.max(frame.ready)));
        station.held.push_back(frame);
        self.wakes.push(Reverse((beacon, Wake::Release(frame.station))));
    }

    fn enqueue(&mut self, now: SimTime, transmitter: u32, frame: Frame) {
        let sender = &mut self.transmitters[transmitter as usize];
        sender.queue.push_back(frame);
        if let Access::Idle { free } = sender.access {
            self.consider(now, transmitter, free, false);
        }
    }

    /// Lets the first frame of a transmitter contend, if it may. `free` is the slot in which its
    /// backoff ends; `follows` tells that it has just sent and that slot is still ahead.
    fn consider(&mut self, now: SimTime, transmitter: u32, free: u64, follows: bool) {
        while let Some(frame) = self.transmitters[transmitter as usize].queue.front().copied() {
            let held_until = if frame.ready > now {
                frame.ready
            } else {
                let station = &mut self.stations[frame.station as usize];
                if station.always_there {
                    return self.contend(now, transmitter, free, follows);
                }
                let timing = &self.parameters.timing;
                let airtime = Exchange::of(station.modulation, frame.bytes, false, timing).data_ns;
                match station.clearance(now, frame.way, airtime) {
                    Clearance::Granted => return self.contend(now, transmitter, free, follows),
                    Clearance::Lost => {
                        self.give_up(transmitter);
                        continue;
                    }
                    Clearance::HeldUntil(until) if frame.way == Way::Down => {
                        // What follows may be for another station.
                        self.transmitters[0].queue.pop_front();
                        station.held.push_back(frame);
                        self.stir(now, frame.station, until);
                        self.wakes.push(Reverse((until, Wake::Release(frame.station))));
                        continue;
                    }
                    Clearance::HeldUntil(until) => {
                        // It looks for its access point with its radio on.
                        self.stir(now, frame.station, until);
                        until
                    }
                }
            };
            self.transmitters[transmitter as usize].access = Access::Waiting { free };
            self.wakes.push(Reverse((held_until, Wake::Transmitter(transmitter))));
            return;
        }
        self.transmitters[transmitter as usize].access = Access::Idle { free };
    }

    /// Chooses the slot in which a transmitter sends. IEEE 802.11-2016 §10.3.4.2
    fn contend(&mut self, now: SimTime, transmitter: u32, free: u64, follows: bool) {
        let busy = now < self.idle_from;
        let next = self.slot_from(now);
        let sender = &mut self.transmitters[transmitter as usize];
        let slot = if follows || free > next {
            free
        } else if busy {
            next + sender.draw()
        } else {
            next
        };
        sender.access = Access::Contending;
        self.contenders.push(Reverse((slot, transmitter)));
    }

    /// The first slot that begins at `now` or later.
    fn slot_from(&self, now: SimTime) -> u64 {
        let idle_ns = now.as_nanos().saturating_sub(self.grid.as_nanos());
        self.first_slot + idle_ns.div_ceil(self.parameters.timing.slot_ns)
    }

    fn next_attempt(&self) -> Option<SimTime> {
        self.contenders.peek().map(|Reverse((slot, _))| {
            let idle_ns = (slot - self.first_slot) * self.parameters.timing.slot_ns;
            SimTime::from_nanos(self.grid.as_nanos() + idle_ns)
        })
    }

    /// When [`Medium::handle_timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<SimTime> {
        let wake = self.wakes.peek().map(|Reverse((at, _))| *at);
        match (self.next_attempt(), wake) {
            (Some(attempt), Some(wake)) => Some(attempt.min(wake)),
            (attempt, wake) => attempt.or(wake),
        }
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<MediumEvent> {
        self.events.pop_front()
    }

    /// Lets everything happen that is due at `now`.
    pub fn handle_timeout(&mut self, now: SimTime) {
        while let Some(Reverse((at, wake))) = self.wakes.peek().copied()
            && at <= now
        {
            self.wakes.pop();
            match wake {
                Wake::Transmitter(transmitter) => {
                    if let Access::Waiting { free } = self.transmitters[transmitter as usize].access {
                        self.consider(now, transmitter, free, false);
                    }
                }
                Wake::Release(station) => self.release(now, station),
            }
        }
        if self.next_attempt().is_some_and(|at| at <= now) {
            self.attempt(now);
        }
    }

    /// What the access point held for a station joins its queue.
    fn release(&mut self, now: SimTime, station: u32) {
        let held = std::mem::take(&mut self.stations[station as usize].held);
        if held.is_empty() {
            return;
        }
        self.stir(now, station, now);
        for frame in held {
            self.enqueue(now, 0, frame);
        }
    }

    /// The transmitters of the next slot send.
    fn attempt(&mut self, now: SimTime) {
        let mut winners = std::mem::take(&mut self.winners);
        winners.clear();
        let Some(&Reverse((slot, _))) = self.contenders.peek() else { return };
        while let Some(&Reverse((own, transmitter))) = self.contenders.peek()
            && own == slot
        {
            self.contenders.pop();
            winners.push(transmitter);
        }
        winners.retain(|transmitter| self.still_clear(now, *transmitter, slot));
        match winners[..] {
            [] => {}
            [only] => self.send_alone(now, slot, only),
            [..] => self.collide(now, slot, &winners),
        }
        self.winners = winners;
    }

    /// Whether the link of a transmitter's frame is still up; if not, it no longer contends.
    fn still_clear(&mut self, now: SimTime, transmitter: u32, slot: u64) -> bool {
        let frame = self.transmitters[transmitter as usize].queue[0];
        if self.stations[frame.station as usize].always_there {
            return true;
        }
        let (_, exchange) = self.first_frame(transmitter);
        let station = &mut self.stations[frame.station as usize];
        let clear = station.clearance(now, frame.way, exchange.data_ns) == Clearance::Granted;
        if !clear {
            self.transmitters[transmitter as usize].reset_window();
            self.consider(now, transmitter, slot, false);
        }
        clear
    }

    fn first_frame(&self, transmitter: u32) -> (Frame, Exchange) {
        let frame = self.transmitters[transmitter as usize].queue[0];
        let station = &self.stations[frame.station as usize];
        let rts = station.rts_threshold.is_some_and(|threshold| frame.bytes > threshold);
        (frame, Exchange::of(station.modulation, frame.bytes, rts, &self.parameters.timing))
    }

    /// The medium is busy from `now` for `busy_ns`, and nobody counts slots until `quiet_ns` and DIFS
    /// later.
    fn occupy(&mut self, now: SimTime, slot: u64, busy_ns: u64, quiet_ns: u64) {
        self.totals.busy_ns += busy_ns;
        self.idle_from = now + Duration::from_nanos(busy_ns + quiet_ns);
        self.grid = self.idle_from + Duration::from_nanos(self.parameters.timing.difs_ns);
        // The slot in which they sent is not counted down by the others.
        self.first_slot = slot;
    }

    fn count_attempt(&mut self, transmitter: u32) {
        let sender = &self.transmitters[transmitter as usize];
        self.totals.attempts += 1;
        self.totals.retries += u64::from(sender.short_retries + sender.long_retries > 0);
    }

    fn send_alone(&mut self, now: SimTime, slot: u64, transmitter: u32) {
        let (frame, exchange) = self.first_frame(transmitter);
        let timing = self.parameters.timing;
        self.count_attempt(transmitter);
        let after = |ns: u64| now + Duration::from_nanos(ns);
        let end = after(exchange.lead_ns + exchange.data_ns);
        self.tell_sent(frame, now, end);
        let station = &mut self.stations[frame.station as usize];
        if !station.readable(frame.way, frame.bytes) {
            self.totals.errors += 1;
            let (sent, answered) = (exchange.rts_ns + exchange.data_ns, u64::from(exchange.rts_ns > 0));
            self.book(frame, sent, answered * exchange.response_ns, now, end);
            let busy_ns = exchange.received_ns(&timing) + exchange.extension_ns;
            self.occupy(now, slot, busy_ns, timing.recovery_ns);
            self.fail(now, slot, transmitter, exchange.rts_ns > 0);
            return;
        }
        self.totals.received += 1;
        let responses = if exchange.rts_ns > 0 { 2 } else { 1 };
        self.book(
            frame,
            exchange.rts_ns + exchange.data_ns,
            responses * exchange.response_ns,
            now,
            after(exchange.success_ns(&timing)),
        );
        self.events.push_back(MediumEvent::Received {
            token: frame.token,
            first_bit: after(exchange.lead_ns + timing.propagation_ns),
            last_bit: after(exchange.received_ns(&timing)),
        });
        self.occupy(now, slot, exchange.success_ns(&timing), 0);
        self.transmitters[transmitter as usize].queue.pop_front();
        self.stations[frame.station as usize].leave(&frame);
        self.next_frame(now, slot, transmitter);
        if frame.way == Way::Up {
            // Its access point has heard that the station is awake.
            self.release(now, frame.station);
        }
    }

    fn collide(&mut self, now: SimTime, slot: u64, winners: &[u32]) {
        let timing = self.parameters.timing;
        let mut busy_ns = 0;
        for &transmitter in winners {
            let (frame, exchange) = self.first_frame(transmitter);
            self.count_attempt(transmitter);
            self.totals.collisions += 1;
            busy_ns = busy_ns.max(exchange.collision_ns(&timing));
            let sent = if exchange.rts_ns > 0 { exchange.rts_ns } else { exchange.data_ns };
            let end = now + Duration::from_nanos(sent);
            self.tell_sent(frame, now, end);
            self.book(frame, sent, 0, now, end);
        }
        self.occupy(now, slot, busy_ns, timing.recovery_ns);
        for &transmitter in winners {
            self.fail(now, slot, transmitter, false);
        }
    }

    /// The transmitter's first frame failed; `announced` tells a data frame that followed an RTS.
    fn fail(&mut self, now: SimTime, slot: u64, transmitter: u32, announced: bool) {
        let sender = &mut self.transmitters[transmitter as usize];
        // IEEE 802.11-2016 §10.3.4.4
        let (retries, limit) = if announced {
            (&mut sender.long_retries, self.parameters.long_retry_limit)
        } else {
            (&mut sender.short_retries, self.parameters.short_retry_limit)
        };
        *retries = retries.saturating_add(1);
        if *retries >= limit {
            self.give_up(transmitter);
            self.next_frame(now, slot, transmitter);
        } else {
            sender.widen_window();
            let slot = slot + sender.draw();
            self.contenders.push(Reverse((slot, transmitter)));
        }
    }

    fn give_up(&mut self, transmitter: u32) {
        let Some(frame) = self.transmitters[transmitter as usize].queue.pop_front() else { return };
        self.stations[frame.station as usize].leave(&frame);
        self.totals.dropped += 1;
        self.events.push_back(MediumEvent::Dropped { token: frame.token });
    }

    /// A frame is done with: backoff before the next one, whether it is there or not. IEEE
    /// 802.11-2016 §10.3.4.3
    fn next_frame(&mut self, now: SimTime, slot: u64, transmitter: u32) {
        let sender = &mut self.transmitters[transmitter as usize];
        sender.reset_window();
        let free = slot + sender.draw();
        self.consider(now, transmitter, free, true);
    }
}

//! A station as its access point knows it, and a transmitter as the medium knows it.

use std::collections::VecDeque;
use std::time::Duration;

use sim_core::random::Stream;
use sim_core::time::SimTime;

use super::phy::Modulation;
use super::power::{Doze, PowerSave};
use crate::net::channel::power;
use crate::net::loss::Loss;
use crate::net::outage::{Outage, Outages, Slot};

/// Which way a frame goes between a station and its access point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// From the station.
    Up = 0,
    /// To the station.
    Down = 1,
}

/// What can go wrong one way, besides collisions.
#[derive(Clone, Debug)]
pub struct WayParameters {
    /// Which transmissions cannot be read; each repetition by the medium counts as one.
    pub loss: Loss,
    /// Probability that a bit is wrong.
    pub bit_errors: f64,
    /// Bytes of waiting packets that find room; `None` is no end. A packet always fits into an
    /// empty queue.
    pub queue_bytes: Option<u64>,
    /// Waiting packets that find room.
    pub queue_frames: Option<u32>,
    /// When nothing gets through.
    pub outages: Vec<Outage>,
    /// Draws of `loss`.
    pub loss_stream: Stream,
    /// Draws of `bit_errors`.
    pub bit_stream: Stream,
}

/// A station to be added to a medium.
#[derive(Clone, Debug)]
pub struct StationParameters {
    /// How data frames are sent, both ways.
    pub modulation: Modulation,
    /// IP packets longer than this are announced by RTS and CTS; `None` announces none.
    pub rts_threshold: Option<u32>,
    /// From the first frame, and from the end of an outage, until the station is associated and has
    /// its address.
    pub join: Duration,
    /// Its sleep, if it sleeps.
    pub power_save: Option<PowerSave>,
    /// From the station, and to it.
    pub ways: [WayParameters; 2],
    /// Draws of the station's backoff.
    pub backoff: Stream,
}

/// An IP packet that waits for the medium.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// What the caller knows it by.
    pub token: u32,
    pub bytes: u32,
    /// The station it comes from or goes to.
    pub station: u32,
    pub way: Way,
    /// It cannot be sent before.
    pub ready: SimTime,
}

/// One way's state.
#[derive(Clone, Debug)]
struct Path {
    loss: Loss,
    bit_errors: f64,
    queue_bytes: Option<u64>,
    queue_frames: Option<u32>,
    outages: Outages,
    loss_stream: Stream,
    bit_stream: Stream,
    /// Transmissions so far.
    sent: u64,
    bad: bool,
    waiting_bytes: u64,
    waiting_frames: u32,
}

/// Whether a frame may go on the air.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Clearance {
    Granted,
    /// Not before this instant.
    HeldUntil(SimTime),
    /// The link is down and takes it along.
    Lost,
}

/// A station of the cell.
#[derive(Clone, Debug)]
pub(super) struct Station {
    pub modulation: Modulation,
    pub rts_threshold: Option<u32>,
    join: Duration,
    /// Whether it is always there: no outages, no time to join.
    pub always_there: bool,
    /// When it was associated for the first time; nothing before its first frame.
    joined: Option<SimTime>,
    pub doze: Option<Doze>,
    /// Frames that its access point keeps until it is awake, or back.
    pub held: VecDeque<Frame>,
    paths: [Path; 2],
    /// Nanoseconds on the air, acknowledgements included.
    pub transmit_ns: u64,
    /// Nanoseconds of frames addressed to it.
    pub receive_ns: u64,
}

impl Station {
    pub fn new(parameters: StationParameters) -> (Self, Stream) {
        let StationParameters { modulation, rts_threshold, join, power_save, ways, backoff } = parameters;
        let always_there = join.is_zero() && ways.iter().all(|way| way.outages.is_empty());
        let station = Station {
            modulation,
            rts_threshold,
            join,
            always_there,
            joined: join.is_zero().then_some(SimTime::ZERO),
            doze: power_save.map(Doze::new),
            held: VecDeque::new(),
            paths: ways.map(Path::new),
            transmit_ns: 0,
            receive_ns: 0,
        };
        (station, backoff)
    }

    /// Counts a frame into the queue of its way, if there is room.
    pub fn admit(&mut self, way: Way, bytes: u32) -> bool {
        let path = &mut self.paths[way as usize];
        let bytes = u64::from(bytes);
        let fits = path.waiting_frames == 0
            || (path.queue_bytes.is_none_or(|limit| path.waiting_bytes + bytes <= limit)
                && path.queue_frames.is_none_or(|limit| path.waiting_frames < limit));
        if fits {
            path.waiting_bytes += bytes;
            path.waiting_frames += 1;
        }
        fits
    }

    /// A frame has left the queue of its way.
    pub fn leave(&mut self, frame: &Frame) {
        let path = &mut self.paths[frame.way as usize];
        path.waiting_bytes -= u64::from(frame.bytes);
        path.waiting_frames -= 1;
    }

    /// Whether nothing can be handed over at `now`.
    pub fn down(&mut self, now: SimTime, way: Way) -> bool {
        self.paths[way as usize].outages.down(now)
    }

    /// Whether a frame of `airtime_ns` may go on the air at `now`.
    pub fn clearance(&mut self, now: SimTime, way: Way, airtime_ns: u64) -> Clearance {
        let first = *self.joined.get_or_insert(now + self.join);
        let outages = &mut self.paths[way as usize].outages;
        outages.down(now);
        let up = match outages.slot(now, airtime_ns) {
            Slot::From(start) => start,
            Slot::CutAt(_) => return Clearance::Lost,
        };
        // A station that lost its access point begins anew.
        let back = outages.last_end(up).map_or(first, |end| first.max(end + self.join));
        let start = up.max(back);
        if start > now { Clearance::HeldUntil(start) } else { Clearance::Granted }
    }

    /// Whether the receiver can read a frame of `bytes` that met no other one.
    pub fn readable(&mut self, way: Way, bytes: u32) -> bool {
        let path = &mut self.paths[way as usize];
        path.sent += 1;
        let lost = path.loss.loses(path.sent, &mut path.bad, &mut path.loss_stream);
        let intact =
            path.bit_errors <= 0.0 || path.bit_stream.bernoulli(power(1.0 - path.bit_errors, 8 * bytes));
        !lost && intact
    }
}

impl Path {
    fn new(parameters: WayParameters) -> Self {
        let WayParameters { loss, bit_errors, queue_bytes, queue_frames, outages, loss_stream, bit_stream } =
            parameters;
        Path {
            loss,
            bit_errors,
            queue_bytes,
            queue_frames,
            outages: Outages::new(outages),
            loss_stream,
            bit_stream,
            sent: 0,
            bad: false,
            waiting_bytes: 0,
            waiting_frames: 0,
        }
    }
}

/// Where a transmitter is in the contention.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Access {
    /// It has nothing to send. Its backoff after the last frame ends in this slot.
    Idle { free: u64 },
    /// Its first frame may not go before an instant for which a wake-up is set.
    Waiting { free: u64 },
    /// It sends in a slot that is in the medium's list.
    Contending,
}

/// One that contends for the medium: the access point or a station.
#[derive(Clone, Debug)]
pub(super) struct Transmitter {
    pub queue: VecDeque<Frame>,
    pub access: Access,
    first_window: u32,
    last_window: u32,
    window: u32,
    /// Failures of the first frame by length: without RTS and of the RTS itself, and after an RTS.
    pub short_retries: u32,
    pub long_retries: u32,
    stream: Stream,
}

impl Transmitter {
    pub fn new(windows: (u32, u32), stream: Stream) -> Self {
        Transmitter {
            queue: VecDeque::new(),
            access: Access::Idle { free: 0 },
            first_window: windows.0,
            last_window: windows.1,
            window: windows.0,
            short_retries: 0,
            long_retries: 0,
            stream,
        }
    }

    /// It uses the shorter of its own first window and this one.
    pub fn shorten(&mut self, windows: (u32, u32)) {
        self.first_window = self.first_window.min(windows.0);
        self.window = self.first_window;
        self.last_window = self.last_window.max(windows.1);
    }

    /// Slots to wait: uniform from 0 to the contention window. IEEE 802.11-2016 §10.3.3
    pub fn draw(&mut self) -> u64 {
        self.stream.below(u64::from(self.window) + 1)
    }

    /// The frame is done with, one way or the other. IEEE 802.11-2016 §10.3.3
    pub fn reset_window(&mut self) {
        self.window = self.first_window;
        self.short_retries = 0;
        self.long_retries = 0;
    }

    /// The frame failed: the next window is twice as wide. IEEE 802.11-2016 §10.3.3
    pub fn widen_window(&mut self) {
        self.window = (2 * self.window + 1).min(self.last_window);
    }
}

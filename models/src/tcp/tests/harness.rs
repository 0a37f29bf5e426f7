//! Two connections and a path between them in virtual time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sim_core::time::SimTime;

use crate::cause::Cause;
use crate::stream::{Chunk, MessageId, Payload, Tag};
use crate::tcp::{Config, Connection, Event, Flags, Segment, State};

pub const CLIENT: usize = 0;
pub const SERVER: usize = 1;
/// Ethernet without FCS, and IPv4.
pub const LOWER_HEADERS: usize = 14 + 20;
pub const ISS: [u32; 2] = [u32::MAX - 100_000, 7_000];

/// What the path does with a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    Deliver,
    Lose,
    /// Delivered later than the others by this.
    Late(Duration),
    Twice,
}

/// A segment as seen by the sender's capture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    pub at: SimTime,
    pub from: usize,
    pub flags: String,
    /// Relative: the SYN is 0.
    pub seq: u32,
    pub ack: u32,
    pub payload: usize,
    pub len: usize,
    pub window: u32,
    pub retransmission: bool,
    pub cause: Cause,
    pub options: usize,
}

pub struct Path {
    pub now: SimTime,
    pub ends: [Connection; 2],
    pub delay: Duration,
    pub frames: Vec<Frame>,
    pub received: [Vec<Chunk>; 2],
    pub events: [Vec<(SimTime, Event)>; 2],
    pub readers: [bool; 2],
    /// Bits a second and the bytes that may wait, each way; `None` for a path without a bottleneck.
    pub rate: Option<(u64, usize)>,
    /// What the server answers once it has received so many bytes.
    pub answer: Option<(usize, Chunk)>,
    free_at: [SimTime; 2],
    fate: Box<dyn FnMut(&Frame) -> Fate>,
    scale: [u32; 2],
    under_way: BTreeMap<(SimTime, u64), (usize, Segment)>,
    sent: u64,
}

impl Path {
    /// A client in SYN-SENT and a server in LISTEN, `delay` apart.
    pub fn new(client: Config, server: Config, delay: Duration) -> Self {
        let now = SimTime::ZERO;
        let ends = [
            Connection::connect(Arc::new(client), now, ISS[CLIENT]),
            Connection::accept(Arc::new(server), now, ISS[SERVER]),
        ];
        Path::between(ends, delay)
    }

    pub fn between(ends: [Connection; 2], delay: Duration) -> Self {
        Path {
            now: SimTime::ZERO,
            ends,
            delay,
            frames: Vec::new(),
            received: Default::default(),
            events: Default::default(),
            readers: [true; 2],
            rate: None,
            answer: None,
            free_at: [SimTime::ZERO; 2],
            fate: Box::new(|_| Fate::Deliver),
            scale: [0; 2],
            under_way: BTreeMap::new(),
            sent: 0,
        }
    }

    /// Sets what happens to each segment.
    pub fn fate(&mut self, fate: impl FnMut(&Frame) -> Fate + 'static) {
        self.fate = Box::new(fate);
    }

    /// A path whose handshake is over; the frames of it are forgotten.
    pub fn established(client: Config, server: Config, delay: Duration) -> Self {
        let mut path = Path::new(client, server, delay);
        path.run_for(delay * 3 + Duration::from_millis(1));
        assert!(path.ends.iter().all(|end| end.state() == State::Established));
        path.frames.clear();
        path
    }

    pub fn write(&mut self, end: usize, chunk: Chunk) {
        self.ends[end].write(self.now, chunk);
    }

    pub fn close(&mut self, end: usize) {
        self.ends[end].close(self.now);
    }

    /// Runs until nothing is under way and no deadline is left.
    pub fn run(&mut self) {
        self.run_until(SimTime::MAX);
    }

    pub fn run_for(&mut self, span: Duration) {
        self.run_until(self.now + span);
    }

    pub fn run_until(&mut self, end: SimTime) {
        for _ in 0..1_000_000 {
            self.drain();
            let arrival = self.under_way.keys().next().map(|key| key.0);
            let deadlines = self.ends.iter().filter_map(Connection::poll_timeout);
            let Some(next) = deadlines.chain(arrival).min().filter(|next| *next <= end) else {
                self.now = if end == SimTime::MAX { self.now } else { end };
                return;
            };
            assert!(next >= self.now, "a deadline in the past");
            self.now = next;
            if arrival == Some(next) {
                let (_, (to, segment)) = self.under_way.pop_first().unwrap();
                self.ends[to].handle_segment(self.now, segment);
            } else {
                let before = self.ends.each_ref().map(Connection::poll_timeout);
                for end in &mut self.ends {
                    end.handle_timeout(self.now);
                }
                let after = self.ends.each_ref().map(Connection::poll_timeout);
                assert!(before != after, "a deadline that stays due");
            }
        }
        panic!("the connection never comes to rest");
    }

    fn drain(&mut self) {
        for from in [CLIENT, SERVER] {
            loop {
                while let Some(segment) = self.ends[from].poll_transmit(self.now) {
                    self.carry(from, segment);
                }
                while let Some(event) = self.ends[from].poll_event() {
                    self.events[from].push((self.now, event));
                }
                let before = self.received[from].len();
                while self.readers[from]
                    && let Some(chunk) = self.ends[from].read()
                {
                    self.received[from].push(chunk);
                }
                self.answer_when_due(from);
                if self.received[from].len() == before {
                    break;
                }
            }
        }
    }

    fn carry(&mut self, from: usize, segment: Segment) {
        let frame = self.describe(from, &segment);
        let mut fate = (self.fate)(&frame);
        let departure = self.departure(from, frame.len);
        if departure.is_none() {
            fate = Fate::Lose;
        }
        let departure = departure.unwrap_or(self.now);
        self.frames.push(frame);
        let (copies, late) = match fate {
            Fate::Lose => (0, Duration::ZERO),
            Fate::Deliver => (1, Duration::ZERO),
            Fate::Late(span) => (1, span),
            Fate::Twice => (2, Duration::ZERO),
        };
        for _ in 0..copies {
            self.sent += 1;
            let key = (departure + self.delay + late, self.sent);
            self.under_way.insert(key, (1 - from, segment.clone()));
        }
    }

    /// When the last bit leaves the bottleneck, or `None` if its queue is full.
    fn departure(&mut self, from: usize, len: usize) -> Option<SimTime> {
        let Some((rate, queue)) = self.rate else { return Some(self.now) };
        let starts = self.free_at[from].max(self.now);
        let waiting = (starts - self.now).as_nanos() as u64 * rate / 8_000_000_000;
        if waiting as usize + len > queue {
            return None;
        }
        self.free_at[from] = starts + Duration::from_nanos(len as u64 * 8_000_000_000 / rate);
        Some(self.free_at[from])
    }

    fn answer_when_due(&mut self, end: usize) {
        if end != SERVER {
            return;
        }
        if let Some((bytes, chunk)) = self.answer.take() {
            let received: usize = self.received[end].iter().map(Chunk::len).sum();
            if received >= bytes {
                self.ends[end].write(self.now, chunk);
            } else {
                self.answer = Some((bytes, chunk));
            }
        }
    }

    fn describe(&mut self, from: usize, segment: &Segment) -> Frame {
        let syn = segment.flags.contains(Flags::SYN);
        let acknowledges = segment.flags.contains(Flags::ACK);
        if syn {
            self.scale[from] = segment.options.window_scale.map_or(0, u32::from);
            if acknowledges && segment.options.window_scale.is_none() {
                self.scale = [0; 2];
            }
        }
        Frame {
            at: self.now,
            from,
            flags: segment.flags.to_string(),
            seq: segment.seq.0.wrapping_sub(ISS[from]),
            ack: if acknowledges { segment.ack.0.wrapping_sub(ISS[1 - from]) } else { 0 },
            payload: segment.payload_len(),
            len: LOWER_HEADERS + segment.header_len() + segment.payload_len(),
            window: u32::from(segment.window) << if syn { 0 } else { self.scale[from] },
            retransmission: segment.retransmission,
            cause: segment.cause(),
            options: segment.options.len(),
        }
    }

    /// The frames with data from one end.
    pub fn data(&self, from: usize) -> Vec<&Frame> {
        self.frames.iter().filter(|frame| frame.from == from && frame.payload > 0).collect()
    }

    /// The pure acknowledgements from one end.
    pub fn acknowledgements(&self, from: usize) -> Vec<&Frame> {
        self.frames.iter().filter(|f| f.from == from && f.payload == 0 && f.flags == "A").collect()
    }

    /// `(milliseconds, flags, relative sequence number, payload)` of every frame from one end.
    pub fn script(&self, from: usize) -> Vec<(u64, &str, u32, usize)> {
        let frames = self.frames.iter().filter(|frame| frame.from == from);
        frames.map(|f| (f.at.as_nanos() / 1_000_000, f.flags.as_str(), f.seq, f.payload)).collect()
    }

    pub fn received_bytes(&self, end: usize) -> Vec<u8> {
        self.received[end].iter().flat_map(|chunk| chunk.as_slice().iter().copied()).collect()
    }

    pub fn states(&self) -> [State; 2] {
        self.ends.each_ref().map(Connection::state)
    }

    /// When an event came, for the events that came once.
    pub fn when(&self, end: usize, event: Event) -> Option<SimTime> {
        self.events[end].iter().find(|(_, seen)| *seen == event).map(|(at, _)| *at)
    }
}

pub fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A PUBLISH of `len` bytes: a short header and a long shared payload, as the MQTT encoder writes it.
pub fn publish(message: u32, len: usize) -> [Chunk; 2] {
    let tag = Tag { message: MessageId(message), cause: Cause::Publish };
    let bytes: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
    let header = len.min(12);
    let body = Payload::from(bytes[header..].to_vec());
    [Chunk::copied(tag, &bytes[..header]), Chunk::shared(tag, body)]
}

/// A short packet.
pub fn packet(cause: Cause, len: usize) -> Chunk {
    Chunk::copied(Tag::of(cause), &vec![len as u8; len])
}

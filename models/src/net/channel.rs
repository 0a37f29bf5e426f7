//! A direction that does more to frames than delay them: loss, jitter, reordering, duplication,
//! queues counted in frames, outages, radio promotion.
//!
//! A plain direction has no channel and pays nothing for all this.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use sim_core::random::Stream;
use sim_core::time::SimTime;

use super::link::{Direction, LinkParameters};
use super::loss::Loss;
use super::middle::Radio;
use super::outage::{Outage, Outages, Slot};

/// How the delay of a direction varies from frame to frame; one draw a frame.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Jitter {
    /// Uniform from so much less to so much more than the propagation delay.
    Uniform {
        /// The largest difference.
        most: Duration,
    },
    /// Normal about the propagation delay.
    Normal {
        /// Standard deviation.
        sd: Duration,
    },
    /// On top of the propagation delay: a long tail.
    LogNormal {
        /// Half of the frames are delayed by more than this.
        median: Duration,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
}

/// Frames that hurry ahead: they skip the propagation delay and overtake whatever is under way, as
/// with `tc qdisc ... netem reorder probability gap N`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Reordering {
    /// Probability that a frame whose turn it is hurries ahead.
    pub probability: f64,
    /// Its turn comes after `gap - 1` frames that did not.
    pub gap: u32,
}

/// What a direction does to frames beyond queueing, transmission and propagation.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Impairment {
    /// Frames lost whole.
    pub loss: Loss,
    /// Probability that a bit is wrong, independently of all others; a frame with a wrong bit is
    /// lost.
    pub bit_errors: f64,
    /// Variation of the delay.
    pub jitter: Option<Jitter>,
    /// Whether a frame may overtake another one by jitter. If not, it arrives with it at the
    /// earliest, as in a queue.
    pub overtaking: bool,
    /// Frames that hurry ahead.
    pub reordering: Option<Reordering>,
    /// Probability that a frame that arrives does so twice.
    pub duplicate: f64,
    /// Frames that the queue holds, the one in transmission included, at least 1; `None` counts
    /// no frames.
    pub queue_frames: Option<u32>,
}

impl Impairment {
    /// Whether this leaves frames alone.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Impairment::default()
    }
}

/// What became of a frame that was handed to a channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It arrives at this instant.
    Arrives(SimTime),
    /// It arrives, and a copy of it right behind.
    ArrivesTwice(SimTime),
    /// It is lost on the way, or with the link.
    Lost,
    /// The queue had no room for it.
    QueueFull,
}

/// A frame's way through a channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Crossing {
    /// When its last bit leaves the transmitter; if it was never transmitted, when it was lost.
    pub wire_end: SimTime,
    /// Time on the wire, had it been transmitted or not, in nanoseconds.
    pub wire_ns: u64,
    /// What becomes of it.
    pub fate: Fate,
    /// 1 if it was drawn to be lost, less the probability of that, in parts of 10^9; 0 without a draw. Its
    /// mean is 0 whatever happened before, so the sum over a run has mean 0.
    pub surprise_ppb: i64,
}

/// The state of an impaired direction.
#[derive(Clone, Debug)]
pub struct Channel {
    impairment: Arc<Impairment>,
    /// Frames handed over so far.
    handed: u64,
    /// State of a Gilbert-Elliott channel.
    bad: bool,
    loss_stream: Stream,
    /// Those that are planned.
    outages: Option<Box<Outages>>,
    /// When the transmission of each frame in the queue ends, where frames are counted.
    #[expect(clippy::box_collection, reason = "most channels count none")]
    queue: Option<Box<VecDeque<SimTime>>>,
    /// What few channels need.
    rare: Option<Box<Rare>>,
    /// Place of what both directions share; `u32::MAX` where there is nothing.
    pub link: u32,
}

/// State and streams of delays, bit errors, reordering and duplication.
#[derive(Clone, Debug)]
struct Rare {
    last_arrival: SimTime,
    /// Frames since the last that hurried ahead.
    since_hurry: u32,
    bit_errors: Stream,
    jitter: Stream,
    reorder: Stream,
    duplicate: Stream,
}

impl Channel {
    /// A channel that has seen no frame. `stream` gives the random stream of one purpose, each of
    /// which has its own, so that switching jitter on leaves the losses alone.
    pub fn new(
        impairment: Arc<Impairment>,
        outages: Vec<Outage>,
        link: u32,
        stream: &dyn Fn(&str) -> Stream,
    ) -> Self {
        let plain = Impairment {
            loss: impairment.loss.clone(),
            queue_frames: impairment.queue_frames,
            ..Impairment::default()
        };
        let rare = (plain != *impairment).then(|| {
            Box::new(Rare {
                last_arrival: SimTime::ZERO,
                since_hurry: 0,
                bit_errors: stream("bit-errors"),
                jitter: stream("jitter"),
                reorder: stream("reorder"),
                duplicate: stream("duplicate"),
            })
        });
        Channel {
            queue: impairment.queue_frames.map(|_| Box::default()),
            impairment,
            handed: 0,
            bad: false,
            loss_stream: stream("loss"),
            outages: (!outages.is_empty()).then(|| Box::new(Outages::new(outages))),
            rare,
            link,
        }
    }

    /// Sends a frame of `frame_bytes` that is ready at `ready`, an instant that never goes back
    /// from frame to frame.
    pub fn transmit(
        &mut self,
        direction: &mut Direction,
        radio: Option<&mut Radio>,
        ready: SimTime,
        frame_bytes: u32,
        parameters: &LinkParameters,
    ) -> Crossing {
        self.handed += 1;
        let wire_ns = parameters.transmission_ns(frame_bytes);
        if self.outages.as_mut().is_some_and(|outages| outages.down(ready)) {
            return Crossing { wire_end: ready, wire_ns, fate: Fate::Lost, surprise_ppb: 0 };
        }
        let mut radio = radio;
        let earliest = radio.as_mut().map_or(ready, |radio| radio.connect(ready));
        let start = direction.busy_until().max(earliest);
        if self.full(ready, earliest, start, frame_bytes, parameters) {
            return Crossing { wire_end: ready, wire_ns, fate: Fate::QueueFull, surprise_ppb: 0 };
        }
        let slot = self.outages.as_ref().map_or(Slot::From(start), |outages| outages.slot(start, wire_ns));
        let start = match slot {
            Slot::From(start) => start,
            Slot::CutAt(cut) => {
                // Whatever is queued behind it is cut as well.
                direction.occupy(cut);
                return Crossing { wire_end: cut, wire_ns, fate: Fate::Lost, surprise_ppb: 0 };
            }
        };
        let end = start + Duration::from_nanos(wire_ns);
        direction.occupy(end);
        if let Some(radio) = radio {
            radio.sent_until(end);
        }
        if let Some(queue) = &mut self.queue {
            queue.push_back(end);
        }
        let chance = self.impairment.loss.chance_ppb(self.bad);
        let lost = self.impairment.loss.loses(self.handed, &mut self.bad, &mut self.loss_stream);
        let surprise_ppb = chance.map_or(0, |chance| i64::from(lost) * 1_000_000_000 - chance);
        let propagation = parameters.propagation;
        let fate = match &mut self.rare {
            Some(rare) => rare.deliver(&self.impairment, lost, end, propagation, frame_bytes),
            None if lost => Fate::Lost,
            None => Fate::Arrives(end + propagation),
        };
        Crossing { wire_end: end, wire_ns, fate, surprise_ppb }
    }

    /// Whether the queue has no room for a frame that could start at `start`; from `ready` to
    /// `earliest` the radio has no channel.
    fn full(
        &mut self,
        ready: SimTime,
        earliest: SimTime,
        start: SimTime,
        frame_bytes: u32,
        parameters: &LinkParameters,
    ) -> bool {
        if let (Some(queue), Some(limit)) = (&mut self.queue, self.impairment.queue_frames) {
            while queue.front().is_some_and(|end| *end <= ready) {
                queue.pop_front();
            }
            if queue.len() >= limit as usize {
                return true;
            }
        }
        let down_ns = self.outages.as_ref().map_or(0, |outages| outages.down_ns(earliest, start));
        let idle_ns = earliest.as_nanos() - ready.as_nanos() + down_ns;
        let wait_ns = start.as_nanos() - ready.as_nanos();
        parameters.queue_overflows(wait_ns.saturating_sub(idle_ns), frame_bytes)
    }
}

impl Rare {
    /// What becomes of a frame whose last bit leaves at `end`. Every frame takes the same number of
    /// draws, lost or not, so that two settings of one parameter meet the same draws.
    fn deliver(
        &mut self,
        impairment: &Impairment,
        lost: bool,
        end: SimTime,
        propagation: Duration,
        frame_bytes: u32,
    ) -> Fate {
        let intact = impairment.bit_errors <= 0.0
            || self.bit_errors.bernoulli(power(1.0 - impairment.bit_errors, 8 * frame_bytes));
        let mut arrival = end + self.delay(impairment, propagation);
        let hurries = self.hurries(impairment);
        let twice = impairment.duplicate > 0.0 && self.duplicate.bernoulli(impairment.duplicate);
        if lost || !intact {
            return Fate::Lost;
        }
        if hurries {
            arrival = end;
        } else {
            if !impairment.overtaking {
                arrival = arrival.max(self.last_arrival);
            }
            self.last_arrival = arrival;
        }
        if twice { Fate::ArrivesTwice(arrival) } else { Fate::Arrives(arrival) }
    }

    /// The delay of one frame, 0 or more.
    fn delay(&mut self, impairment: &Impairment, propagation: Duration) -> Duration {
        match impairment.jitter {
            None => propagation,
            Some(Jitter::Uniform { most }) => {
                let offset = self.jitter.uniform_duration(most * 2);
                (propagation + offset).saturating_sub(most)
            }
            Some(Jitter::Normal { sd }) => self.jitter.normal_duration(propagation, sd),
            Some(Jitter::LogNormal { median, sigma }) => {
                propagation + self.jitter.log_normal_duration(median, sigma)
            }
        }
    }

    fn hurries(&mut self, impairment: &Impairment) -> bool {
        let Some(Reordering { probability, gap }) = impairment.reordering else { return false };
        let drawn = self.reorder.bernoulli(probability);
        let hurries = drawn && self.since_hurry + 1 >= gap;
        self.since_hurry = if hurries { 0 } else { self.since_hurry.saturating_add(1) };
        hurries
    }
}

/// `base` to the power of `exponent` by squaring: multiplications only, and so the same bits on
/// every machine.
pub(super) fn power(base: f64, exponent: u32) -> f64 {
    let (mut result, mut square, mut left) = (1.0, base, exponent);
    while left > 0 {
        if left & 1 == 1 {
            result *= square;
        }
        square *= square;
        left >>= 1;
    }
    result
}

#[cfg(test)]
mod tests;

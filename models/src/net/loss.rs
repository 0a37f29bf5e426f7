//! Which frames a link loses.

use std::fmt;
use std::sync::Arc;

use sim_core::random::Stream;

/// How one direction of a link loses frames.
///
/// Frames are numbered from 1 in the order in which they are handed to the direction, those that
/// find the queue full or the link down included: the order of a capture at its beginning.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Loss {
    /// It loses none.
    #[default]
    Never,
    /// Each frame by itself; one draw a frame.
    Bernoulli {
        /// Probability of a loss.
        probability: f64,
    },
    /// In bursts; two draws a frame.
    GilbertElliott(GilbertElliott),
    /// Those that a list names; no draw.
    Listed(LossList),
}

impl Loss {
    /// Independent losses; none at all for a probability of 0.
    #[must_use]
    pub fn independent(probability: f64) -> Self {
        if probability > 0.0 { Loss::Bernoulli { probability } } else { Loss::Never }
    }

    /// Probability that the next frame is lost, in parts of 10^9, as far as chance decides it: none of a list's
    /// are left to chance.
    pub(super) fn chance_ppb(&self, bad: bool) -> Option<i64> {
        let chance = match self {
            Loss::Never | Loss::Listed(_) => return None,
            Loss::Bernoulli { probability } => *probability,
            Loss::GilbertElliott(model) => 1.0 - if bad { model.h } else { model.k },
        };
        Some((chance * 1e9).round() as i64)
    }

    /// Whether frame `number` is lost. `bad` is the state of the channel, which only bursts have.
    pub(super) fn loses(&self, number: u64, bad: &mut bool, stream: &mut Stream) -> bool {
        match self {
            Loss::Never => false,
            Loss::Bernoulli { probability } => stream.bernoulli(*probability),
            Loss::GilbertElliott(model) => model.loses(bad, stream),
            Loss::Listed(list) => list.contains(number),
        }
    }
}

/// A channel that is good or bad, and loses frames at another rate in each of the two states.
///
/// After a frame a good channel turns bad with probability `p` and a bad one good with `r`; a bad
/// channel lets a frame through with `h`, a good one with `k`. These are the arguments of
/// `tc qdisc ... netem loss gemodel p r 1-h 1-k` in their order, the last two as complements, and
/// as there the channel begins good. With h = 0 and k = 1 it is Gilbert's simple model, whose bursts
/// are geometric with mean 1/r.
///
/// References: E. N. Gilbert, "Capacity of a burst-noise channel", BSTJ 39(5), 1960; E. O. Elliott,
/// "Estimates of error rates for codes on burst-noise channels", BSTJ 42(5), 1963; tc-netem(8).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct GilbertElliott {
    /// Probability to turn bad, per frame.
    pub p: f64,
    /// Probability to turn good, per frame.
    pub r: f64,
    /// Probability that a frame gets through a bad channel.
    pub h: f64,
    /// Probability that a frame gets through a good channel.
    pub k: f64,
}

impl GilbertElliott {
    /// Share of frames that meet a bad channel in the long run; 0 if it can never turn bad.
    #[must_use]
    pub fn bad_share(&self) -> f64 {
        if self.p > 0.0 { self.p / (self.p + self.r) } else { 0.0 }
    }

    /// Share of frames lost in the long run.
    #[must_use]
    pub fn mean_loss(&self) -> f64 {
        let bad = self.bad_share();
        bad * (1.0 - self.h) + (1.0 - bad) * (1.0 - self.k)
    }

    fn loses(&self, bad: &mut bool, stream: &mut Stream) -> bool {
        let (turn, through) = if *bad { (self.r, self.h) } else { (self.p, self.k) };
        // As netem: the state in which a frame finds the channel decides on its loss.
        let turns = stream.bernoulli(turn);
        let lost = !stream.bernoulli(through);
        *bad ^= turns;
        lost
    }
}

/// The numbers of the frames that are lost, as recorded or as written down.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LossList {
    /// Sorted, without repetitions, from 1.
    lost: Arc<[u64]>,
    /// After so many frames the list begins again; 0 never.
    period: u64,
}

/// A trace that cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TraceError {
    /// A character that is neither of the two.
    Unknown {
        /// The character.
        found: char,
        /// Number of its line, from 1.
        line: usize,
    },
    /// There is nothing in it.
    Empty,
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TraceError::Unknown { found, line } => write!(f, "`{found}` in line {line} is no packet's fate"),
            TraceError::Empty => f.write_str("there are no packets in it"),
        }
    }
}

impl std::error::Error for TraceError {}

impl LossList {
    /// The frames of these numbers, each lost once; numbers count from 1, and 0 is nobody's.
    #[must_use]
    pub fn of_numbers(mut numbers: Vec<u64>) -> Self {
        numbers.sort_unstable();
        numbers.dedup();
        LossList { lost: numbers.into(), period: 0 }
    }

    /// A trace: `.` for each frame delivered and `x` for each lost, in order; white space and what
    /// follows a `#` in a line is skipped. Behind its end everything is delivered, or with `repeat`
    /// it begins again.
    ///
    /// # Errors
    /// On any other character, and when there are no frames in it.
    pub fn of_trace(text: &str, repeat: bool) -> Result<Self, TraceError> {
        let mut number = 0;
        let mut lost = Vec::new();
        for (line, content) in (1_usize..).zip(text.lines()) {
            let content = content.split('#').next().unwrap_or("");
            for found in content.chars().filter(|c| !c.is_whitespace()) {
                number += 1;
                match found {
                    '.' => {}
                    'x' => lost.push(number),
                    _ => return Err(TraceError::Unknown { found, line }),
                }
            }
        }
        if number == 0 {
            return Err(TraceError::Empty);
        }
        Ok(LossList { lost: lost.into(), period: if repeat { number } else { 0 } })
    }

    /// The numbers, sorted; of the first round only, if it repeats.
    #[must_use]
    pub fn numbers(&self) -> &[u64] {
        &self.lost
    }

    fn contains(&self, number: u64) -> bool {
        let place = if self.period > 0 { (number - 1) % self.period + 1 } else { number };
        self.lost.binary_search(&place).is_ok()
    }
}

//! The level 3 sink: a store in the cloud that takes what the server's broker passes on.
//!
//! **Models** a subscriber at a broker in the cloud with a store behind it. Messages are stored one after the
//! other, each with one commit; a batch of readings is one message. A message that has come waits in memory
//! for its commit.
//!
//! **Leaves out** what a platform does with the data, and its limits on rates: the paper names ThingSpeak and
//! Google Cloud as examples and measures neither.
//!
//! **Parameter**: the time of one commit.

use std::collections::VecDeque;
use std::time::Duration;

use sim_core::time::SimTime;

use super::batch;
use super::message::Kind;
use crate::stream::MessageId;

/// What a sink has done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Books {
    /// Messages that came.
    pub received: u64,
    /// Messages stored.
    pub stored: u64,
    /// Readings in these: those of a batch, or 1 of a sensor message.
    pub readings: u64,
    /// Batches that could not be read; they are not stored.
    pub malformed: u64,
    /// Most messages that waited for their commit at once.
    pub most_waiting: u32,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    done_at: SimTime,
    message: MessageId,
    readings: u64,
}

/// A sink at work.
#[derive(Clone, Debug)]
pub struct Sink {
    commit: Duration,
    waiting: VecDeque<Waiting>,
    books: Books,
}

impl Sink {
    /// A sink whose store takes `commit` for each message.
    #[must_use]
    pub fn new(commit: Duration) -> Self {
        Sink { commit, waiting: VecDeque::new(), books: Books::default() }
    }

    /// What it has done.
    #[must_use]
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// A message came.
    pub fn received(&mut self, now: SimTime, topic: &str, payload: &[u8], message: MessageId) {
        self.books.received += 1;
        let readings = match Kind::of(topic) {
            Kind::Batch => match batch::decode(payload) {
                Ok(samples) => samples.len() as u64,
                Err(_) => {
                    self.books.malformed += 1;
                    return;
                }
            },
            Kind::Data => 1,
            Kind::Control | Kind::Other => 0,
        };
        let start = self.waiting.back().map_or(now, |last| last.done_at.max(now));
        self.waiting.push_back(Waiting { done_at: start + self.commit, message, readings });
        self.books.most_waiting = self.books.most_waiting.max(self.waiting.len() as u32);
    }

    /// When the next commit is done.
    #[must_use]
    pub fn poll_timeout(&self) -> SimTime {
        self.waiting.front().map_or(SimTime::MAX, |first| first.done_at)
    }

    /// A message that is stored by now.
    pub fn poll_stored(&mut self, now: SimTime) -> Option<MessageId> {
        let first = self.waiting.pop_front_if(|first| first.done_at <= now)?;
        self.books.stored += 1;
        self.books.readings += first.readings;
        Some(first.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_follow_each_other() {
        let ms = |ms: u64| SimTime::from_nanos(ms * 1_000_000);
        let mut sink = Sink::new(Duration::from_millis(5));
        for number in 0..3 {
            sink.received(ms(10), "n/GW1/x/indoorFlameSensor", b"int,0-1024,7", MessageId(number));
        }
        sink.received(ms(10), "n/GW1/x/sensorBatch", b"\x01", MessageId(3));
        assert_eq!((sink.poll_timeout(), sink.poll_stored(ms(14))), (ms(15), None));
        assert_eq!(sink.poll_stored(ms(15)), Some(MessageId(0)));
        assert_eq!(sink.poll_timeout(), ms(20));
        assert_eq!(
            (sink.poll_stored(ms(25)), sink.poll_stored(ms(25))),
            (Some(MessageId(1)), Some(MessageId(2)))
        );
        assert_eq!(sink.poll_timeout(), SimTime::MAX);
        let Books { received, stored, readings, malformed, most_waiting } = *sink.books();
        assert_eq!((received, stored, readings, malformed, most_waiting), (4, 3, 3, 1, 3));
    }
}

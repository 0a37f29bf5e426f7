//! The image publisher: takes a picture, then publishes it.

use std::sync::Arc;
use std::time::Duration;

use sim_core::time::SimTime;

use super::turn::{Message, Turn};
use crate::cause::Cause;

/// What a camera does.
#[derive(Clone, Debug)]
pub struct CameraPlan {
    /// The image as a message.
    pub message: Message,
    /// Span from one picture to the next.
    pub every: Duration,
    /// Number of pictures; `None` goes on to the end.
    pub count: Option<u32>,
    /// Time for which the camera works on a picture; zero sends one that is already there.
    pub capture: Duration,
}

/// A camera at work.
#[derive(Clone, Debug)]
pub struct Camera {
    plan: Arc<CameraPlan>,
    next: SimTime,
    /// When the picture being taken is ready.
    ready: SimTime,
    taken: u32,
    /// Whether the first connection has come up; no picture is taken before.
    begun: bool,
}

impl Camera {
    /// A camera whose first picture is taken at `start`.
    #[must_use]
    pub fn new(plan: Arc<CameraPlan>, start: SimTime) -> Self {
        let next = if plan.count == Some(0) { SimTime::MAX } else { start };
        Camera { plan, next, ready: SimTime::MAX, taken: 0, begun: false }
    }

    pub(super) fn deadline(&self) -> SimTime {
        if self.begun { self.next.min(self.ready) } else { SimTime::MAX }
    }

    pub(super) fn connected(&mut self) {
        self.begun = true;
    }

    pub(super) fn wake(&mut self, turn: &mut Turn<'_>) {
        if self.ready <= turn.now {
            self.ready = SimTime::MAX;
            turn.publish(&self.plan.message);
        }
        if self.next > turn.now {
            return;
        }
        self.taken += 1;
        let last = self.plan.count.is_some_and(|count| self.taken >= count);
        self.next = if last { SimTime::MAX } else { self.next + self.plan.every };
        if self.plan.capture.is_zero() {
            turn.publish(&self.plan.message);
        } else {
            turn.work.camera = Some((self.plan.capture, Cause::Capture));
            self.ready = turn.now + self.plan.capture;
        }
    }
}

//! The image publisher: takes a picture, has a look at it where it is to, then publishes it or what was
//! found on it.
//!
//! **Models** where the look is taken: in the program's thread, on a core of its own, on an accelerator, or
//! by a service that gets the picture. Pictures wait for each other where one is looked at after the other.
//! A message counts from the instant at which its picture was there.
//!
//! **Leaves out** what is found: every picture has labels, of one size. A service is a span of time; its
//! own work and its energy are not on the books.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use sim_core::time::SimTime;

use super::turn::{Message, Turn};
use crate::cause::Cause;
use crate::host::energy::Component;
use crate::stream::MessageId;

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
    /// Where pictures are looked at; `None`: nowhere.
    pub inference: Option<Inference>,
    /// What was found, as a message: it goes instead of the image, or behind it where a service looks.
    pub labels: Option<Message>,
}

/// Where a picture is looked at, and how long that takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Inference {
    /// In the program's own thread, which does nothing else for so many nanoseconds.
    InThread(u64),
    /// Beside it: on another core, or on an accelerator.
    Beside(Component, Duration),
    /// At a service: so long after the image is handed over (QoS 0) or acknowledged, it answers.
    Service(Duration),
}

/// Pictures that are being looked at.
#[derive(Clone, Debug, Default)]
struct Looked {
    /// When each was there that waits for a core or the accelerator, the one under way first.
    waiting: VecDeque<SimTime>,
    /// When the one under way is done.
    done: Option<SimTime>,
    /// On their way to the service, and when each was there.
    uploads: VecDeque<(MessageId, SimTime)>,
    /// When the service answers, and when each picture was there.
    answers: VecDeque<(SimTime, SimTime)>,
}

/// A camera at work.
#[derive(Clone, Debug)]
pub struct Camera {
    plan: Rc<CameraPlan>,
    next: SimTime,
    /// When the picture being taken is ready.
    ready: SimTime,
    taken: u32,
    /// Whether the first connection has come up; no picture is taken before.
    begun: bool,
    looked: Option<Box<Looked>>,
}

impl Camera {
    /// A camera whose first picture is taken at `start`.
    #[must_use]
    pub fn new(plan: Rc<CameraPlan>, start: SimTime) -> Self {
        let next = if plan.count == Some(0) { SimTime::MAX } else { start };
        let looked = plan.inference.map(|_| Box::default());
        Camera { plan, next, ready: SimTime::MAX, taken: 0, begun: false, looked }
    }

    pub(super) fn deadline(&self) -> SimTime {
        if !self.begun {
            return SimTime::MAX;
        }
        let Some(looked) = &self.looked else { return self.next.min(self.ready) };
        let answer = looked.answers.front().map_or(SimTime::MAX, |(at, _)| *at);
        self.next.min(self.ready).min(looked.done.unwrap_or(SimTime::MAX)).min(answer)
    }

    pub(super) fn connected(&mut self, now: SimTime) {
        if !self.begun && self.taken > 0 {
            // Back from a reset: what was due meanwhile is missed.
            while self.next < now {
                self.next += self.plan.every;
            }
        }
        self.begun = true;
    }

    /// The board was reset: pictures that lay in RAM are lost.
    pub(super) fn reset(&mut self) {
        self.ready = SimTime::MAX;
        self.begun = false;
        self.looked = self.plan.inference.map(|_| Box::default());
    }

    /// A message is done with; if it was an image on its way to a service, that begins to look at it.
    pub(super) fn completed(&mut self, now: SimTime, message: MessageId) {
        let (Some(looked), Some(Inference::Service(span))) = (&mut self.looked, self.plan.inference) else {
            return;
        };
        if let Some(place) = looked.uploads.iter().position(|(upload, _)| *upload == message) {
            // Those before it were given up: messages complete in the order of their calls.
            let (_, since) = looked.uploads.drain(..=place).next_back().expect("the place is in it");
            looked.answers.push_back((now + span, since));
        }
    }

    pub(super) fn wake(&mut self, turn: &mut Turn<'_>) {
        self.publish_what_was_found(turn);
        if self.ready <= turn.now {
            self.ready = SimTime::MAX;
            self.look(turn);
        }
        if self.next > turn.now {
            return;
        }
        self.taken += 1;
        let last = self.plan.count.is_some_and(|count| self.taken >= count);
        self.next = if last { SimTime::MAX } else { self.next + self.plan.every };
        if self.plan.capture.is_zero() {
            self.look(turn);
        } else {
            turn.work.beside.push((Component::Camera, self.plan.capture, Cause::Capture));
            self.ready = turn.now + self.plan.capture;
        }
    }

    /// A picture is there.
    fn look(&mut self, turn: &mut Turn<'_>) {
        let plan = &*self.plan;
        let (Some(looked), Some(inference)) = (&mut self.looked, plan.inference) else {
            turn.publish(&plan.message);
            return;
        };
        match inference {
            Inference::InThread(ns) => {
                turn.work.charge(Cause::Inference, ns);
                turn.publish(plan.labels.as_ref().unwrap_or(&plan.message));
            }
            Inference::Beside(component, span) => {
                looked.waiting.push_back(turn.now);
                looked.begin(turn, component, span);
            }
            Inference::Service(_) => {
                let upload = turn.publish(&plan.message);
                if plan.labels.is_some() {
                    looked.uploads.push_back((upload, turn.now));
                }
            }
        }
    }

    fn publish_what_was_found(&mut self, turn: &mut Turn<'_>) {
        let plan = &*self.plan;
        let Some(looked) = &mut self.looked else { return };
        let found = plan.labels.as_ref().unwrap_or(&plan.message);
        if looked.done.is_some_and(|done| done <= turn.now)
            && let (Some(since), Some(Inference::Beside(component, span))) =
                (looked.waiting.pop_front(), plan.inference)
        {
            looked.done = None;
            turn.publish_since(since, found);
            looked.begin(turn, component, span);
        }
        while let Some((_, since)) = looked.answers.pop_front_if(|(at, _)| *at <= turn.now) {
            turn.publish_since(since, found);
        }
    }
}

impl Looked {
    /// Begins with the picture that waits first, unless another is under way.
    fn begin(&mut self, turn: &mut Turn<'_>, component: Component, span: Duration) {
        if self.done.is_none() && !self.waiting.is_empty() {
            turn.work.beside.push((component, span, Cause::Inference));
            self.done = Some(turn.now + span);
        }
    }
}

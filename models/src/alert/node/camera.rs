//! A node with a camera: objects on a picture decide its severity.
//!
//! **Models** the paper's Raspberry Pi node, of which its code has nothing: a picture with each sample and at
//! each edge of the flame input; somebody looks at it ([`Action::Recognise`](super::Action)), in the cloud or
//! beside the camera; the number of objects of the kinds that are *triggers* is published and decides the
//! mode. The server may set other triggers at any time ([`super::orders`]).
//!
//! **Leaves out** mistakes of whoever looks: what is there is found.
//!
//! **Parameters**: [`CameraPlan`]. The paper gives no thresholds; one object for Warning and two for Danger are
//! ours.

use std::time::Duration;

use sim_core::time::SimTime;

use super::{SensorNode, Waiting};
use crate::alert::message::Reading;
use crate::alert::severity::SeverityMode;

/// The camera of a node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CameraPlan {
    /// Time that it takes to take and encode a picture.
    pub capture: Duration,
    /// Bytes of a picture.
    pub image_bytes: u64,
    /// Kinds of objects that alarm the node until it is told otherwise.
    pub triggers: Vec<String>,
    /// Number of objects of these kinds from which there is a Warning. Default 1.
    pub warning_from: u32,
    /// The same for Danger. Default 2.
    pub danger_from: u32,
}

impl CameraPlan {
    /// The mode that so many alarming objects lead to.
    #[must_use]
    pub const fn decide(&self, objects: u32) -> SeverityMode {
        if objects >= self.danger_from {
            SeverityMode::Danger
        } else if objects >= self.warning_from {
            SeverityMode::Warning
        } else {
            SeverityMode::Normal
        }
    }
}

impl SensorNode {
    /// The camera, if it has one.
    #[must_use]
    pub fn camera(&self) -> Option<&CameraPlan> {
        self.plan.camera.as_ref()
    }

    /// Somebody has looked at the picture: what was on it when it was taken.
    pub(super) fn look(&mut self) {
        self.tally.samples += 1;
        let (objects, since) = self.site.objects(self.picture_at, &self.triggers);
        if self.plan.camera.as_ref().is_some_and(|camera| camera.decide(objects) > SeverityMode::Normal) {
            self.tally.sight_at = self.tally.sight_at.or(since);
        }
        self.readings.clear();
        self.readings.push(Reading::Objects(objects));
    }

    /// Nobody has looked at the picture: it leads to nothing.
    pub fn recognition_failed(&mut self, now: SimTime) {
        if self.waiting == Waiting::Acknowledgement {
            self.tally.unrecognised += 1;
            self.script.clear();
            self.acknowledged(now);
        }
    }
}

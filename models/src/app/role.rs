//! What a role is asked and told: one `match` for each occasion.

use sim_core::time::SimTime;

use super::client::Role;
use super::turn::Turn;
use crate::mqtt::TopicName;
use crate::stream::{MessageId, Payload};

impl Role {
    pub(super) fn deadline(&self) -> SimTime {
        match self {
            Role::Publisher(role) => role.deadline(),
            Role::Camera(role) => role.deadline(),
            Role::Steps(role) => role.deadline(),
            Role::SensorNode(role) => role.deadline(),
            Role::ServerNode(role) => role.deadline(),
            Role::Gateway(role) => role.deadline(),
            Role::CloudSink(role) => role.deadline(),
            Role::Burst(_) | Role::Subscriber(_) => SimTime::MAX,
        }
    }

    pub(super) fn wake(&mut self, turn: &mut Turn<'_>) {
        match self {
            Role::Publisher(role) => role.wake(turn),
            Role::Camera(role) => role.wake(turn),
            Role::Steps(role) => role.wake(turn),
            Role::SensorNode(role) => role.wake(turn),
            Role::ServerNode(role) => role.wake(turn),
            Role::Gateway(role) => role.wake(turn),
            Role::CloudSink(role) => role.wake(turn),
            Role::Burst(_) | Role::Subscriber(_) => {}
        }
    }

    pub(super) fn connected(&mut self, turn: &mut Turn<'_>, session_present: bool) {
        match self {
            Role::Publisher(role) => role.connected(turn),
            Role::Camera(role) => role.connected(turn.now),
            Role::Burst(role) => role.connected(turn),
            Role::Subscriber(role) => role.connected(turn, session_present),
            Role::Steps(_) => {}
            Role::SensorNode(role) => role.connected(turn),
            Role::ServerNode(role) => role.connected(turn),
            Role::Gateway(role) => role.connected(turn, session_present),
            Role::CloudSink(role) => role.connected(turn, session_present),
        }
    }

    /// The board was reset: all in RAM is lost.
    pub(super) fn reset(&mut self) {
        match self {
            Role::Publisher(role) => role.reset(),
            Role::SensorNode(role) => role.restarted(),
            Role::Camera(role) => role.reset(),
            Role::Gateway(role) => role.restarted(),
            Role::Burst(_)
            | Role::Subscriber(_)
            | Role::ServerNode(_)
            | Role::CloudSink(_)
            | Role::Steps(_) => {}
        }
    }

    /// The connection is over.
    pub(super) fn lost(&mut self) {
        match self {
            Role::SensorNode(role) => role.lost(),
            Role::Gateway(role) => role.lost(),
            Role::Publisher(_)
            | Role::Camera(_)
            | Role::Burst(_)
            | Role::Subscriber(_)
            | Role::Steps(_)
            | Role::CloudSink(_)
            | Role::ServerNode(_) => {}
        }
    }

    /// Whether a lost connection is the end of the program.
    pub(super) fn ends_with_connection(&self) -> bool {
        match self {
            Role::SensorNode(role) => role.ends_with_connection(),
            Role::Publisher(_)
            | Role::Camera(_)
            | Role::Burst(_)
            | Role::Subscriber(_)
            | Role::Steps(_)
            | Role::Gateway(_)
            | Role::CloudSink(_)
            | Role::ServerNode(_) => false,
        }
    }

    /// A publication is done with.
    pub(super) fn completed(&mut self, turn: &mut Turn<'_>, message: MessageId) {
        match self {
            Role::Camera(role) => role.completed(turn.now, message),
            Role::Publisher(role) => role.completed(turn.now),
            Role::Burst(role) => role.completed(turn),
            Role::SensorNode(role) => role.acknowledged(turn),
            Role::Subscriber(_)
            | Role::ServerNode(_)
            | Role::Gateway(_)
            | Role::CloudSink(_)
            | Role::Steps(_) => {}
        }
    }

    /// A subscription, or the end of one, is acknowledged.
    pub(super) fn subscribed(&mut self, turn: &mut Turn<'_>) {
        match self {
            Role::SensorNode(role) => role.acknowledged(turn),
            Role::Publisher(_)
            | Role::Camera(_)
            | Role::Burst(_)
            | Role::Subscriber(_)
            | Role::Steps(_)
            | Role::Gateway(_)
            | Role::CloudSink(_)
            | Role::ServerNode(_) => {}
        }
    }

    /// A call that it asked for is over; `answered`: as it should be.
    pub(super) fn called(&mut self, turn: &mut Turn<'_>, answered: bool) {
        match self {
            Role::SensorNode(role) => role.called(turn, answered),
            Role::Publisher(_)
            | Role::Camera(_)
            | Role::Burst(_)
            | Role::Subscriber(_)
            | Role::Steps(_)
            | Role::ServerNode(_)
            | Role::Gateway(_)
            | Role::CloudSink(_) => {}
        }
    }

    /// A message came; most roles are content with having it.
    pub(super) fn received(
        &mut self,
        turn: &mut Turn<'_>,
        topic: &TopicName,
        payload: &Payload,
        message: MessageId,
    ) {
        match self {
            Role::SensorNode(role) => {
                // Its own words come back to it on the control topic.
                if turn.ledger.publisher(message) != Some(turn.host) {
                    turn.work.delivered.push(message);
                }
                role.received(turn, topic, payload);
            }
            Role::ServerNode(role) => role.received(turn, topic, payload, message),
            Role::Gateway(role) => role.received(turn, topic, payload, message),
            Role::CloudSink(role) => role.received(turn, topic, payload, message),
            Role::Publisher(_) | Role::Camera(_) | Role::Burst(_) | Role::Subscriber(_) | Role::Steps(_) => {
                turn.work.delivered.push(message);
            }
        }
    }

    /// Whether it has work for when nothing else is to be done.
    pub(super) fn has_background(&self) -> bool {
        match self {
            Role::ServerNode(role) => role.has_background(),
            Role::Publisher(_)
            | Role::Camera(_)
            | Role::Burst(_)
            | Role::Subscriber(_)
            | Role::Steps(_)
            | Role::Gateway(_)
            | Role::CloudSink(_)
            | Role::SensorNode(_) => false,
        }
    }

    pub(super) fn background(&mut self, turn: &mut Turn<'_>) {
        match self {
            Role::ServerNode(role) => role.background(turn),
            Role::Publisher(_)
            | Role::Camera(_)
            | Role::Burst(_)
            | Role::Subscriber(_)
            | Role::Steps(_)
            | Role::Gateway(_)
            | Role::CloudSink(_)
            | Role::SensorNode(_) => {}
        }
    }

    /// When the role is done and wants to disconnect.
    pub(super) fn leaves_at(&self) -> SimTime {
        match self {
            Role::Publisher(role) => role.leaves_at(),
            Role::Burst(role) => role.leaves_at(),
            Role::SensorNode(role) => role.leaves_at(),
            Role::Camera(_)
            | Role::Subscriber(_)
            | Role::ServerNode(_)
            | Role::Gateway(_)
            | Role::CloudSink(_)
            | Role::Steps(_) => SimTime::MAX,
        }
    }

    /// The program was killed and starts again: what it held in RAM is lost. Most roles hold nothing that
    /// matters.
    pub(super) fn killed(&mut self) {
        match self {
            Role::SensorNode(role) => role.restarted(),
            Role::Gateway(role) => role.restarted(),
            Role::Publisher(_)
            | Role::Camera(_)
            | Role::Burst(_)
            | Role::Subscriber(_)
            | Role::Steps(_)
            | Role::ServerNode(_)
            | Role::CloudSink(_) => {}
        }
    }

    /// Bytes that it holds besides the messages under way.
    pub(super) fn held(&self) -> u64 {
        match self {
            Role::Gateway(role) => role.held(),
            Role::Publisher(_)
            | Role::Camera(_)
            | Role::Burst(_)
            | Role::Subscriber(_)
            | Role::Steps(_)
            | Role::SensorNode(_)
            | Role::ServerNode(_)
            | Role::CloudSink(_) => 0,
        }
    }
}

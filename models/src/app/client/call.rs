//! A call of a client's role to a service, on a connection of its own beside the one to the broker.

use std::sync::Arc;

use sim_core::time::SimTime;

use super::super::service::http::Incoming;
use super::super::service::{CallPlan, TAG};
use super::super::{Role, Workplace};
use super::ClientProgram;
use crate::cause::Cause;
use crate::host::Surroundings;
use crate::host::secure::Secured;
use crate::host::socket::News;
use crate::record::HostIndex;
use crate::stream::{Chunk, Payload};

/// A call under way.
#[derive(Clone, Debug)]
pub(super) struct Call {
    plan: Arc<CallPlan>,
    /// Its socket, once there is one.
    socket: Option<u32>,
    answer: Incoming,
    give_up_at: SimTime,
}

impl ClientProgram {
    /// The host that its role calls, if it calls any.
    #[must_use]
    pub fn service(&self) -> Option<HostIndex> {
        match &self.role {
            Role::SensorNode(role) => role.call().map(|plan| plan.service),
            Role::Publisher(_)
            | Role::Camera(_)
            | Role::Burst(_)
            | Role::Subscriber(_)
            | Role::Steps(_)
            | Role::ServerNode(_)
            | Role::Gateway(_)
            | Role::CloudSink(_) => None,
        }
    }

    /// When a call has been waited for long enough.
    pub(super) fn call_deadline(&self) -> SimTime {
        let call = self.rare.as_ref().and_then(|rare| rare.call.as_ref());
        call.map_or(SimTime::MAX, |call| call.give_up_at)
    }

    /// The role wants to ask somebody.
    pub(super) fn begin_call(&mut self, place: &mut Workplace<'_, impl Surroundings>) {
        let Role::SensorNode(role) = &self.role else { return };
        let Some(plan) = role.call().cloned() else { return };
        self.abort_call(place);
        let give_up_at = place.now + plan.give_up;
        place.requests.connect = Some((plan.service, plan.port));
        place.requests.secured = Secured::Plain;
        place.work.charge(Cause::TcpConnect, place.cost.connect_ns);
        let call = Call { plan, socket: None, answer: Incoming::default(), give_up_at };
        self.rare.get_or_insert_default().call = Some(call);
    }

    /// Whether the connection that was asked for is a call's, which then has this socket.
    pub(super) fn call_opened(&mut self, socket: u32) -> bool {
        let call = self.rare.as_mut().and_then(|rare| rare.call.as_mut());
        match call.filter(|call| call.socket.is_none()) {
            Some(call) => {
                call.socket = Some(socket);
                true
            }
            None => false,
        }
    }

    /// Gives up a call; its connection breaks off.
    pub(super) fn abort_call(&mut self, place: &mut Workplace<'_, impl Surroundings>) {
        let Some(call) = self.rare.as_mut().and_then(|rare| rare.call.take()) else { return };
        if let Some(socket) = call.socket
            && let Some(entry) = place.sockets.get_mut(socket as usize)
        {
            entry.tcp.abort(place.now);
            place.requests.used.push(socket);
        }
    }

    /// The answer has not come in time, if so.
    pub(super) fn call_timed_out(&mut self, place: &mut Workplace<'_, impl Surroundings>) {
        if self.call_deadline() <= place.now {
            self.abort_call(place);
            self.give_turn(place, |role, turn| role.called(turn, false));
        }
    }

    /// News of a socket; whether it is a call's. The end of a connection whose call is over is nobody's.
    pub(super) fn call_news(
        &mut self,
        socket: u32,
        news: News,
        place: &mut Workplace<'_, impl Surroundings>,
    ) -> bool {
        let call = self.rare.as_mut().and_then(|rare| rare.call.as_mut());
        let Some(call) = call.filter(|call| call.socket == Some(socket)) else { return false };
        let entry = &mut place.sockets[socket as usize];
        if news.has(News::CONNECTED) {
            let request = Payload::from(&call.plan.request[..]);
            place.work.charge(Cause::Inference, place.cost.publish(request.len() as u64));
            entry.tcp.write(place.now, Chunk::shared(TAG, request));
        }
        let mut answered = Ok(false);
        while let Some(chunk) = entry.read() {
            if let Ok(false) = answered {
                answered = call.answer.take(chunk.as_slice());
            }
        }
        let over = news.has(News::PEER_CLOSED) || news.has(News::GONE);
        if over || answered != Ok(false) {
            entry.tcp.close(place.now);
            if let Some(rare) = &mut self.rare {
                rare.call = None;
            }
            place.work.charge(Cause::Inference, place.cost.packet_ns);
            self.give_turn(place, |role, turn| role.called(turn, answered == Ok(true)));
        }
        if news.has(News::GONE) {
            place.requests.gone.push(socket);
        } else {
            place.requests.used.push(socket);
        }
        true
    }
}

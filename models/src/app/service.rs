//! A service in the cloud that looks at pictures: one HTTP request on a connection, one answer, the end.
//!
//! **Models** what a node pays for it: the connection, the bytes of the picture in base64 inside JSON, as
//! Google Vision's `images:annotate` takes them, and the wait. The service answers a fixed time after the last
//! byte came in, any number of requests side by side.
//!
//! **Leaves out** TLS on this connection, names (DNS), and what the service finds: what is on a picture is
//! known to the simulation, and the answer's body is filling of a fixed length.
//!
//! **Parameters**: [`ServicePlan`], [`CallPlan`].

pub(super) mod http;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use sim_core::time::SimTime;

use super::{Task, Workplace};
use crate::cause::Cause;
use crate::host::Surroundings;
use crate::host::socket::News;
use crate::record::HostIndex;
use crate::stream::{Chunk, Payload, Tag};
use http::Incoming;

/// What a service is.
#[derive(Clone, Debug)]
pub struct ServicePlan {
    /// Its port.
    pub port: u16,
    /// From the last byte of a request to the first of its answer.
    pub latency: Duration,
    /// The answer, head and body.
    pub answer: Payload,
}

impl ServicePlan {
    /// A service whose answers have a body of `answer_bytes`.
    #[must_use]
    pub fn new(port: u16, latency: Duration, answer_bytes: usize) -> Self {
        let mut answer = http::answer(answer_bytes).into_bytes();
        answer.resize(answer.len() + answer_bytes, b' ');
        ServicePlan { port, latency, answer: Payload::from(answer) }
    }
}

/// What a client asks a service.
#[derive(Clone, Debug)]
pub struct CallPlan {
    /// The service's host.
    pub service: HostIndex,
    /// Its port.
    pub port: u16,
    /// The request, head and body. One text for all the runs and threads of a sweep, of which every call makes
    /// its own [`Payload`].
    pub request: Arc<[u8]>,
    /// The client waits for the answer no longer than this.
    pub give_up: Duration,
}

impl CallPlan {
    /// A call with a picture of `image_bytes`, which is sent in base64.
    #[must_use]
    pub fn with_picture(
        service: HostIndex,
        port: u16,
        name: &str,
        image_bytes: u64,
        give_up: Duration,
    ) -> Self {
        let open = "{\"requests\":[{\"image\":{\"content\":\"";
        let close = "\"},\"features\":[{\"type\":\"OBJECT_LOCALIZATION\"}]}]}";
        // RFC 4648 §4: four letters for three bytes.
        let letters = 4 * image_bytes.div_ceil(3) as usize;
        let length = open.len() + letters + close.len();
        let mut request = http::request(name, "/v1/images:annotate", length).into_bytes();
        request.extend_from_slice(open.as_bytes());
        request.resize(request.len() + letters, b'A');
        request.extend_from_slice(close.as_bytes());
        CallPlan { service, port, request: Arc::from(request), give_up }
    }
}

/// What the bytes of a call are for.
pub(super) const TAG: Tag = Tag::of(Cause::Inference);

/// A service at work.
#[derive(Clone, Debug)]
pub struct ServiceProgram {
    plan: Rc<ServicePlan>,
    /// Requests that are coming in, by socket.
    incoming: BTreeMap<u32, Incoming>,
    /// Answers that are due, in the order of their instants, then of the requests.
    due: BTreeMap<(SimTime, u64), u32>,
    served: u64,
}

impl ServiceProgram {
    /// A service that nobody has called yet.
    #[must_use]
    pub fn new(plan: Rc<ServicePlan>) -> Self {
        ServiceProgram { plan, incoming: BTreeMap::new(), due: BTreeMap::new(), served: 0 }
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.plan.port
    }

    /// When an answer is due.
    #[must_use]
    pub fn deadline(&self) -> SimTime {
        self.due.first_key_value().map_or(SimTime::MAX, |((at, _), _)| *at)
    }

    /// Runs one task.
    pub fn execute(&mut self, task: Task, place: &mut Workplace<'_, impl Surroundings>) {
        match task {
            Task::Time => self.answer(place),
            Task::News(socket, news) => self.news(socket, news, place),
            Task::Background => {}
        }
    }

    fn answer(&mut self, place: &mut Workplace<'_, impl Surroundings>) {
        while let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= place.now) {
            let socket = entry.remove();
            let Some(entry) = place.sockets.get_mut(socket as usize) else { continue };
            let bytes = self.plan.answer.len() as u64;
            place.work.charge(Cause::Inference, place.cost.publish(bytes));
            entry.tcp.write(place.now, Chunk::shared(TAG, self.plan.answer.clone()));
            entry.tcp.close(place.now);
            place.requests.used.push(socket);
        }
    }

    fn news(&mut self, socket: u32, news: News, place: &mut Workplace<'_, impl Surroundings>) {
        let entry = &mut place.sockets[socket as usize];
        if news.has(News::CONNECTED) {
            self.incoming.insert(socket, Incoming::default());
            place.work.charge(Cause::TcpConnect, place.cost.connect_ns);
        }
        let mut refused = false;
        while let Some(chunk) = entry.read() {
            let Some(incoming) = self.incoming.get_mut(&socket) else { continue };
            match incoming.take(chunk.as_slice()) {
                Ok(false) => {}
                Ok(true) => {
                    self.incoming.remove(&socket);
                    self.served += 1;
                    self.due.insert((place.now + self.plan.latency, self.served), socket);
                }
                Err(http::Unreadable) => refused = true,
            }
        }
        if refused {
            entry.tcp.abort(place.now);
            place.requests.used.push(socket);
        } else if news.has(News::PEER_CLOSED) {
            entry.tcp.close(place.now);
        }
        if news.has(News::PEER_CLOSED) || news.has(News::GONE) || refused {
            self.incoming.remove(&socket);
            self.due.retain(|_, waiting| *waiting != socket);
        }
        if news.has(News::GONE) {
            place.requests.gone.push(socket);
        }
    }
}

//! Clients and their roles: a fleet's members share what they have in common.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use models::app::{
    Act, Burst, BurstPlan, Camera, CameraPlan, ClientPlan, ClientProgram, Message, Program, Publisher,
    PublisherPlan, Role, SleepPlan, Steps, StepsPlan, Subscriber, SubscriberPlan, VisitorProgram,
};
use models::ledger::Ledger;
use models::mqtt::{Client, ClientConfig, QoS, SubscriptionOptions, TopicFilter, TopicName, Will};
use models::profile::{PublishCall, SubscribeLength};
use models::record::HostIndex;
use models::stream::Payload;
use sim_core::random::Streams;
use sim_core::time::SimTime;

use super::super::load::{self, Group};
use super::super::names::{self, QualityOfService};
use super::super::schema::{self, Subscription, Then};
use super::audience::Audience;
use super::power::{inference, sleep_plan};
use super::{Numbering, alert, properties};

pub(super) fn filter(text: &str) -> TopicFilter {
    TopicFilter::new(text).expect("a filter of a checked scenario")
}

fn topic(text: &str) -> TopicName {
    TopicName::new(text).expect("a topic of a checked scenario")
}

pub(super) fn qos(level: QualityOfService) -> QoS {
    match level.0 {
        0 => QoS::AtMostOnce,
        1 => QoS::AtLeastOnce,
        _ => QoS::ExactlyOnce,
    }
}

/// The instant that lies `span` behind the start, and `stagger` more for each earlier member.
fn instant(span: impl Into<Duration>, stagger: impl Into<Duration>, index: u32) -> SimTime {
    SimTime::ZERO + span.into() + stagger.into() * index
}

/// The bytes of a payload of a given length count up, so that no two pieces of it are alike.
fn filling(bytes: u64) -> Payload {
    Payload::from((0..bytes).map(|place| (place % 251) as u8).collect::<Vec<u8>>())
}

fn body(payload: &schema::Payload) -> Payload {
    match payload {
        schema::Payload::Text(text) => Payload::from(text.as_bytes()),
        schema::Payload::Size(size) => filling(size.0),
    }
}

/// Makes the programs of a group's members, one after the other.
pub(super) struct Members<'a> {
    group: &'a Group,
    /// Its place among the groups.
    place: usize,
    client: &'a load::Client,
    plan: Rc<ClientPlan>,
    audience: &'a Audience,
    streams: &'a Streams,
    /// The bytes of the role's message, shared by all members.
    body: Payload,
    /// The machine's parameters, once made, where all members share them.
    config: Option<Rc<ClientConfig>>,
    /// The role's plan, once made, where all members share it.
    shared: Option<SharedPlan>,
    /// The cycle of members that sleep.
    sleep: Option<Arc<SleepPlan>>,
}

#[derive(Clone)]
enum SharedPlan {
    Publisher(Rc<PublisherPlan>),
    Camera(Rc<CameraPlan>),
    Burst(Rc<BurstPlan>),
    Subscriber(Arc<SubscriberPlan>),
    Steps(Rc<StepsPlan>),
}

/// A message as a role gives it.
struct Written<'a> {
    topic: &'a names::TopicName,
    body: Payload,
    qos: QualityOfService,
    retain: bool,
    properties: Option<&'a schema::MessageProperties>,
}

impl<'a> Members<'a> {
    pub(super) fn new(
        (place, group): (usize, &'a Group),
        numbering: &Numbering,
        audience: &'a Audience,
        streams: &'a Streams,
    ) -> Option<Self> {
        let client = group.client.as_ref()?;
        let (body, leave_at) = match &group.role {
            schema::Role::Broker(_) => return None,
            schema::Role::Publisher(role) => (body(&role.payload), None),
            schema::Role::Camera(role) => (filling(role.image.0), None),
            schema::Role::Burst(role) => (body(&role.payload), None),
            schema::Role::Subscriber(role) => (Payload::empty(), role.leave_at),
            schema::Role::Visitor(_) => (Payload::empty(), None),
            schema::Role::Service(_) => return None,
            schema::Role::Steps(_)
            | schema::Role::SensorNode(_)
            | schema::Role::ServerNode(_)
            | schema::Role::Gateway(_)
            | schema::Role::CloudSink(_) => (Payload::empty(), None),
        };
        let plan = ClientPlan {
            broker: numbering.host(client.broker),
            port: client.port,
            disconnect_at: client
                .disconnect_at
                .or(leave_at.map(|span| span.0))
                .map(|span| SimTime::ZERO + span),
            reconnect_every: client.reconnect_every,
            back_off: client.back_off.first,
            back_off_factor: client.back_off.factor,
            back_off_limit: client.back_off.longest,
            back_off_jitter: client.back_off.jitter,
            comes_back: !matches!(group.role, schema::Role::Steps(_)),
            publish_waits: client.profile.publish_call == PublishCall::Waits,
        };
        Some(Members {
            group,
            place,
            client,
            plan: Rc::new(plan),
            audience,
            streams,
            body,
            config: None,
            shared: None,
            sleep: None,
        })
    }

    /// The program of member `index`, and the host it connects to.
    pub(super) fn program(
        &mut self,
        number: HostIndex,
        index: u32,
        ledger: &mut Ledger,
    ) -> (Program, Option<HostIndex>) {
        if let schema::Role::Visitor(_) = self.group.role {
            let visitor = VisitorProgram::new(number, self.plan.broker, self.plan.port);
            return (Program::Visitor(Box::new(visitor)), Some(self.plan.broker));
        }
        let connect_at = match &self.group.role {
            schema::Role::Steps(_) => SimTime::MAX,
            _ => instant(self.connect_at(), self.client.stagger, index),
        };
        let client = self.client(index);
        let role = self.role(index, ledger);
        let mut program = ClientProgram::new(number, client, role, self.plan.clone(), connect_at);
        if let Some((plan, start)) = self.sleep(index) {
            program = program.sleeping(plan, start);
        }
        if self.client.back_off.jitter > 0.0 {
            let name = format!("reconnect/{}", self.group.name);
            program = program.with_chance(self.streams.stream_indexed(&name, u64::from(index)));
        }
        let own = |crash: &&load::Crash| crash.member.is_none_or(|member| member == index);
        let crashes = self.group.crashes.iter().filter(own).map(|crash| {
            let at = SimTime::ZERO + crash.at;
            (at, at + crash.down_for)
        });
        program = program.with_crashes(crashes);
        (Program::Client(Box::new(program)), Some(self.plan.broker))
    }

    /// When the client connects: a role that begins at an instant of its own connects then.
    fn connect_at(&self) -> Duration {
        let connect_at = self.client.connect_at;
        match &self.group.role {
            schema::Role::Burst(role) => connect_at.max(role.at.0),
            schema::Role::Subscriber(role) => connect_at.max(role.start.0),
            schema::Role::Broker(_)
            | schema::Role::Publisher(_)
            | schema::Role::Camera(_)
            | schema::Role::Visitor(_)
            | schema::Role::SensorNode(_)
            | schema::Role::ServerNode(_)
            | schema::Role::Gateway(_)
            | schema::Role::CloudSink(_)
            | schema::Role::Service(_)
            | schema::Role::Steps(_) => connect_at,
        }
    }

    /// The machine of member `index`. Only a will can make its parameters its own.
    fn client(&mut self, index: u32) -> Client {
        let config = match &self.config {
            Some(config) => config.clone(),
            None => {
                let config = Rc::new(self.client_config(index));
                self.config = self.client.will.is_none().then(|| config.clone());
                config
            }
        };
        Client::member(config, Arc::from(self.client.client_id.expand(index)))
    }

    fn client_config(&self, index: u32) -> ClientConfig {
        let client = self.client;
        let profile = &client.profile;
        let mut config = ClientConfig::new("");
        let written = &client.written;
        config.version = client.version;
        config.keep_alive_rule = written.keep_alive_rule.unwrap_or(profile.keep_alive_rule);
        config.looks_every = written.keep_alive_check.map_or(profile.looks_every, |every| Some(every.0));
        config.resend_after_clean_session = profile.resends_after_clean_session;
        config.forget_unacknowledged = profile.forgets_unacknowledged;
        config.queue_qos_0_offline = profile.queues_qos_0_offline;
        config.max_queued = profile.max_queued;
        config.retry_after_s =
            written.retry_after.map_or(profile.retry_after_s, |after| after.0.as_secs().min(255) as u8);
        config.connect_properties = properties::of_connect(written);
        config.topic_aliases_outbound = written.topic_aliases.unwrap_or(0);
        config.subscribe_length_in_one_byte = profile.subscribe_length == SubscribeLength::OneByte;
        config.buffer_bytes = profile.max_packet_bytes.unwrap_or(u32::MAX);
        config.max_packet_bytes = written.maximum_packet_size.map_or(u32::MAX, |size| size.0 as u32);
        config.keep_alive_s = client.keep_alive_s;
        config.clean_session = client.clean_session;
        config.user_name = client.user.as_deref().map(Arc::from);
        config.password = client.password.as_deref().map(|text| Arc::from(text.as_bytes()));
        config.max_inflight = client.max_inflight;
        config.will = client.will.as_ref().map(|will| {
            Box::new(Will {
                topic: topic(&will.topic.0.expand(index)),
                payload: body(&will.payload),
                qos: qos(will.qos),
                retain: will.retain,
                properties: properties::of_will(will, index),
            })
        });
        config
    }

    /// The cycle of a member that sleeps, and when it first wakes.
    fn sleep(&mut self, index: u32) -> Option<(Arc<SleepPlan>, SimTime)> {
        let schema::Role::Publisher(role) = &self.group.role else { return None };
        if self.sleep.is_none() {
            self.sleep = sleep_plan(role, &self.group.board).map(Arc::new);
        }
        Some((self.sleep.clone()?, instant(role.start.0, role.stagger.0, index)))
    }

    fn message(&self, written: &Written<'_>, index: u32, ledger: &mut Ledger) -> Message {
        let name = written.topic.0.expand(index);
        let topic = topic(&name);
        Message {
            expected: self.audience.expected(self.client.broker, (self.place, index), &topic),
            ledger_topic: ledger.topic(&name),
            topic,
            payload: written.body.clone(),
            qos: qos(written.qos),
            retain: written.retain,
            properties: properties::of_message(written.properties, index).map(Arc::from),
        }
    }

    fn role(&mut self, index: u32, ledger: &mut Ledger) -> Role {
        if let Some(role) = alert::role(self.group, (self.place, index), self.streams, self.audience, ledger)
        {
            return role;
        }
        let plan = match self.shared.clone() {
            Some(plan) => plan,
            None => {
                let (plan, everybodys) = self.role_plan(index, ledger);
                self.shared = everybodys.then(|| plan.clone());
                plan
            }
        };
        match (plan, &self.group.role) {
            (SharedPlan::Publisher(plan), schema::Role::Publisher(role)) => {
                let start = instant(role.start.0, role.stagger.0, index);
                let first_ping = instant(role.ping_start.unwrap_or(role.start).0, role.stagger.0, index);
                Role::Publisher(Publisher::new(plan, start, first_ping))
            }
            (SharedPlan::Camera(plan), schema::Role::Camera(role)) => {
                Role::Camera(Camera::new(plan, instant(role.start.0, Duration::ZERO, index)))
            }
            (SharedPlan::Burst(plan), _) => Role::Burst(Burst::new(plan)),
            (SharedPlan::Subscriber(plan), _) => Role::Subscriber(Subscriber::new(plan)),
            (SharedPlan::Steps(plan), _) => Role::Steps(Steps::new(plan)),
            (SharedPlan::Publisher(_) | SharedPlan::Camera(_), _) => {
                unreachable!("a plan belongs to the role it was made from")
            }
        }
    }

    /// CPU time of reading a sensor, in nanoseconds.
    fn sample_ns(&self) -> u64 {
        (self.group.software.sample.as_nanos() as f64 * self.group.board.cpu_factor).round() as u64
    }

    /// The plan of member `index`, and whether it is everybody's.
    fn role_plan(&self, index: u32, ledger: &mut Ledger) -> (SharedPlan, bool) {
        let body = self.body.clone();
        match &self.group.role {
            schema::Role::Publisher(role) => {
                let (topic, properties) = (&role.topic, role.properties.as_ref());
                let written = Written { topic, body, qos: role.qos, retain: role.retain, properties };
                let plan = PublisherPlan {
                    message: self.message(&written, index, ledger),
                    every: role.every.map_or(Duration::MAX, |span| span.0),
                    count: role.count.map(|count| u32::try_from(count).unwrap_or(u32::MAX)),
                    ping_every: role.ping_every.map(|span| span.0),
                    disconnect_after: role.disconnect_after.map(|span| span.0),
                    once_a_connection: role.sleep.is_some(),
                    sample_ns: self.sample_ns(),
                };
                (SharedPlan::Publisher(Rc::new(plan)), !role.topic.0.has_index())
            }
            schema::Role::Camera(role) => {
                let plan = self.camera_plan(role, body, index, ledger);
                (SharedPlan::Camera(Rc::new(plan)), !role.topic.0.has_index())
            }
            schema::Role::Burst(role) => {
                let (topic, properties) = (&role.topic, role.properties.as_ref());
                let written = Written { topic, body, qos: role.qos, retain: role.retain, properties };
                let plan = BurstPlan {
                    message: self.message(&written, index, ledger),
                    count: role.messages,
                    one_at_a_time: role.one_at_a_time,
                    then_disconnect: role.then == Then::Disconnect,
                };
                (SharedPlan::Burst(Rc::new(plan)), !role.topic.0.has_index())
            }
            schema::Role::Subscriber(role) => {
                let plan = SubscriberPlan {
                    filters: wanted(&role.filters, index),
                    identifier: role.identifier.unwrap_or(0),
                };
                let same = !role.filters.iter().any(|one| one.filter.0.has_index());
                (SharedPlan::Subscriber(Arc::new(plan)), same)
            }
            schema::Role::Steps(role) => {
                let steps = role.steps.iter();
                let steps = steps.map(|step| {
                    (instant(step.at.0, Duration::ZERO, index), self.act(&step.act, index, ledger))
                });
                (SharedPlan::Steps(Rc::new(StepsPlan { steps: steps.collect() })), false)
            }
            schema::Role::Broker(_) | schema::Role::Visitor(_) | schema::Role::Service(_) => {
                unreachable!("no client of ours")
            }
            schema::Role::SensorNode(_)
            | schema::Role::ServerNode(_)
            | schema::Role::Gateway(_)
            | schema::Role::CloudSink(_) => unreachable!("made by itself"),
        }
    }

    fn camera_plan(
        &self,
        role: &schema::CameraRole,
        body: Payload,
        index: u32,
        ledger: &mut Ledger,
    ) -> CameraPlan {
        let written =
            |body| Written { topic: &role.topic, body, qos: role.qos, retain: false, properties: None };
        CameraPlan {
            message: self.message(&written(body), index, ledger),
            every: role.every.0,
            count: role.count.map(|count| u32::try_from(count).unwrap_or(u32::MAX)),
            capture: role.capture.0,
            inference: role.inference.map(|place| inference(place, &self.group.board, &self.group.software)),
            labels: role.labels.map(|size| self.message(&written(filling(size.0)), index, ledger)),
        }
    }

    fn act(&self, act: &schema::Act, index: u32, ledger: &mut Ledger) -> Act {
        match act {
            schema::Act::Connect => Act::Connect,
            schema::Act::Disconnect => Act::Disconnect,
            schema::Act::Close => Act::Close,
            schema::Act::Crash => Act::Crash,
            schema::Act::Ping => Act::Ping,
            schema::Act::Subscribe(step) => {
                Act::Subscribe(wanted(&step.filters, index), step.identifier.unwrap_or(0))
            }
            schema::Act::Unsubscribe(step) => {
                Act::Unsubscribe(step.filters.iter().map(|one| filter(&one.0.expand(index))).collect())
            }
            schema::Act::Publish(step) => {
                let (topic, properties) = (&step.topic, step.properties.as_ref());
                let (qos, retain) = (step.qos, step.retain);
                let written = Written { topic, body: body(&step.payload), qos, retain, properties };
                Act::Publish(self.message(&written, index, ledger), step.times)
            }
        }
    }
}

fn wanted(filters: &[Subscription], index: u32) -> Vec<(TopicFilter, SubscriptionOptions)> {
    let one = |one: &Subscription| (filter(&one.filter.0.expand(index)), properties::options(one));
    filters.iter().map(one).collect()
}

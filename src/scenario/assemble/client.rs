//! Clients and their roles: a fleet's members share what they have in common.

use std::sync::Arc;
use std::time::Duration;

use models::app::{
    Burst, BurstPlan, Camera, CameraPlan, ClientPlan, ClientProgram, Message, Program, Publisher,
    PublisherPlan, Role, SleepPlan, Subscriber, SubscriberPlan,
};
use models::ledger::Ledger;
use models::mqtt::{Client, ClientConfig, QoS, TopicFilter, TopicName, Will, matches};
use models::profile::SubscribeLength;
use models::record::HostIndex;
use models::stream::Payload;
use sim_core::time::SimTime;

use super::super::load::{self, Group, Loaded};
use super::super::names::{QualityOfService, Template};
use super::super::schema::{self, Subscription, Then};
use super::Numbering;
use super::power::sleep_plan;

/// Who subscribes to what at which broker: from it follows how many deliveries a message owes.
pub(super) struct Audience {
    listeners: Vec<(usize, Vec<TopicFilter>)>,
}

impl Audience {
    pub(super) fn of(loaded: &Loaded) -> Self {
        let mut listeners = Vec::new();
        for group in &loaded.groups {
            if let (schema::Role::Subscriber(role), Some(client)) = (&group.role, &group.client) {
                listeners
                    .extend((0..group.count).map(|index| (client.broker, filters(&role.filters, index))));
            }
        }
        Audience { listeners }
    }

    /// Number of subscribers at `broker` that a message on `topic` is meant for.
    fn expected(&self, broker: usize, topic: &TopicName) -> u32 {
        let hears = |(at, filters): &&(usize, Vec<TopicFilter>)| {
            *at == broker && filters.iter().any(|filter| matches(filter, topic))
        };
        self.listeners.iter().filter(hears).count() as u32
    }
}

fn filters(wanted: &[Subscription], index: u32) -> Vec<TopicFilter> {
    wanted.iter().map(|one| filter(&one.filter.0.expand(index))).collect()
}

fn filter(text: &str) -> TopicFilter {
    TopicFilter::new(text).expect("a filter of a checked scenario")
}

fn topic(text: &str) -> TopicName {
    TopicName::new(text).expect("a topic of a checked scenario")
}

fn qos(level: QualityOfService) -> QoS {
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
    client: &'a load::Client,
    plan: Arc<ClientPlan>,
    audience: &'a Audience,
    /// The bytes of the role's message, shared by all members.
    body: Payload,
    /// The role's plan, once made, where all members share it.
    shared: Option<SharedPlan>,
    /// The cycle of members that sleep.
    sleep: Option<Arc<SleepPlan>>,
}

#[derive(Clone)]
enum SharedPlan {
    Publisher(Arc<PublisherPlan>),
    Camera(Arc<CameraPlan>),
    Burst(Arc<BurstPlan>),
    Subscriber(Arc<SubscriberPlan>),
}

impl<'a> Members<'a> {
    pub(super) fn new(group: &'a Group, numbering: &Numbering, audience: &'a Audience) -> Option<Self> {
        let client = group.client.as_ref()?;
        let (body, leave_at) = match &group.role {
            schema::Role::Broker(_) => return None,
            schema::Role::Publisher(role) => (body(&role.payload), None),
            schema::Role::Camera(role) => (filling(role.image.0), None),
            schema::Role::Burst(role) => (body(&role.payload), None),
            schema::Role::Subscriber(role) => (Payload::empty(), role.leave_at),
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
        };
        Some(Members { group, client, plan: Arc::new(plan), audience, body, shared: None, sleep: None })
    }

    /// The program of member `index`, and the host it connects to.
    pub(super) fn program(
        &mut self,
        number: HostIndex,
        index: u32,
        ledger: &mut Ledger,
    ) -> (Program, Option<HostIndex>) {
        let connect_at = instant(self.connect_at(), self.client.stagger, index);
        let client = Client::new(self.client_config(index));
        let role = self.role(index, ledger);
        let mut program = ClientProgram::new(number, client, role, self.plan.clone(), connect_at);
        if let Some((plan, start)) = self.sleep(index) {
            program = program.sleeping(plan, start);
        }
        (Program::Client(Box::new(program)), Some(self.plan.broker))
    }

    /// When the client connects: a role that begins at an instant of its own connects then.
    fn connect_at(&self) -> Duration {
        let connect_at = self.client.connect_at;
        match &self.group.role {
            schema::Role::Burst(role) => connect_at.max(role.at.0),
            schema::Role::Subscriber(role) => connect_at.max(role.start.0),
            schema::Role::Broker(_) | schema::Role::Publisher(_) | schema::Role::Camera(_) => connect_at,
        }
    }

    fn client_config(&self, index: u32) -> ClientConfig {
        let client = self.client;
        let identifier = client.client_id.expand(index);
        let profile = &client.profile;
        let mut config = ClientConfig::new(&identifier);
        config.version = profile.versions[0];
        config.keep_alive_rule = profile.keep_alive_rule;
        config.looks_every = profile.looks_every;
        config.resend_after_clean_session = profile.resends_after_clean_session;
        config.queue_qos_0_offline = profile.queues_qos_0_offline;
        config.max_queued = profile.max_queued;
        config.retry_after_s = profile.retry_after_s;
        config.subscribe_length_in_one_byte = profile.subscribe_length == SubscribeLength::OneByte;
        config.max_packet_bytes = profile.max_packet_bytes.unwrap_or(u32::MAX);
        // Libraries with such a limit have one buffer for both directions.
        config.send_buffer_bytes = config.max_packet_bytes;
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
                properties: None,
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

    fn message(
        &self,
        template: &Template,
        level: QualityOfService,
        retain: bool,
        index: u32,
        ledger: &mut Ledger,
    ) -> Message {
        let name = template.expand(index);
        let topic = topic(&name);
        Message {
            expected: self.audience.expected(self.client.broker, &topic),
            ledger_topic: ledger.topic(&name),
            topic,
            payload: self.body.clone(),
            qos: qos(level),
            retain,
        }
    }

    fn role(&mut self, index: u32, ledger: &mut Ledger) -> Role {
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
        match &self.group.role {
            schema::Role::Publisher(role) => {
                let plan = PublisherPlan {
                    message: self.message(&role.topic.0, role.qos, role.retain, index, ledger),
                    every: role.every.map_or(Duration::MAX, |span| span.0),
                    count: role.count.map(|count| u32::try_from(count).unwrap_or(u32::MAX)),
                    ping_every: role.ping_every.map(|span| span.0),
                    disconnect_after: role.disconnect_after.map(|span| span.0),
                    once_a_connection: role.sleep.is_some(),
                    sample_ns: self.sample_ns(),
                };
                (SharedPlan::Publisher(Arc::new(plan)), !role.topic.0.has_index())
            }
            schema::Role::Camera(role) => {
                let plan = CameraPlan {
                    message: self.message(&role.topic.0, role.qos, false, index, ledger),
                    every: role.every.0,
                    count: role.count.map(|count| u32::try_from(count).unwrap_or(u32::MAX)),
                    capture: role.capture.0,
                };
                (SharedPlan::Camera(Arc::new(plan)), !role.topic.0.has_index())
            }
            schema::Role::Burst(role) => {
                let plan = BurstPlan {
                    message: self.message(&role.topic.0, role.qos, false, index, ledger),
                    count: role.messages,
                    one_at_a_time: role.one_at_a_time,
                    then_disconnect: role.then == Then::Disconnect,
                };
                (SharedPlan::Burst(Arc::new(plan)), !role.topic.0.has_index())
            }
            schema::Role::Subscriber(role) => {
                let wanted = role.filters.iter();
                let filters = wanted.map(|one| (filter(&one.filter.0.expand(index)), qos(one.qos))).collect();
                let same = !role.filters.iter().any(|one| one.filter.0.has_index());
                (SharedPlan::Subscriber(Arc::new(SubscriberPlan { filters })), same)
            }
            schema::Role::Broker(_) => unreachable!("a broker is no client"),
        }
    }
}

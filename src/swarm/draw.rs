//! A scenario drawn from a seed and a number.
//!
//! Each run first draws which features it may have at all, and only then each host its own: a run with few kinds of
//! things at once meets states that one with all of them hardly ever reaches (A. Groce et al., "Swarm testing",
//! ISSTA 2012).

use sim_core::random::{Stream, Streams};

use super::plan::{Broker, Client, Fault, Plan, Role};

mod client;
mod trouble;

/// What a run may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Features {
    loss: bool,
    delay: bool,
    disorder: bool,
    rate: bool,
    cuts: bool,
    client_crashes: bool,
    broker_restarts: bool,
    sessions: bool,
    versions: bool,
    wills: bool,
    retained: bool,
    expiry: bool,
    limits: bool,
    shared: bool,
    bridges: bool,
    steps: bool,
    boards: bool,
    reconnects: bool,
    leaves: bool,
    overlaps: bool,
    fragile: bool,
}

impl Features {
    fn drawn(chance: &mut Stream) -> Self {
        let mut half = || chance.bernoulli(0.5);
        Features {
            loss: half(),
            delay: half(),
            disorder: half(),
            rate: half(),
            cuts: half(),
            client_crashes: half(),
            broker_restarts: half(),
            sessions: half(),
            versions: half(),
            wills: half(),
            retained: half(),
            expiry: half(),
            limits: half(),
            shared: half(),
            bridges: half() && half(),
            steps: half(),
            boards: half(),
            reconnects: half(),
            leaves: half(),
            overlaps: half(),
            fragile: half() && half() && half(),
        }
    }
}

/// The generator of one scenario.
struct Draw {
    chance: Stream,
    features: Features,
    /// When the last thing is done, in milliseconds: messages, faults, disconnections.
    active_ms: u64,
}

impl Draw {
    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.chance.below(of.len() as u64) as usize]
    }

    fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.chance.below(high - low + 1)
    }

    fn maybe(&mut self, feature: bool, p: f64) -> bool {
        self.chance.bernoulli(p) && feature
    }
}

/// Between the last thing that is done and the end; every back-off and every keep alive is over by then.
const SETTLE_MS: u64 = 60_000;

/// The scenario `number` of `seed`.
#[must_use]
pub fn plan(seed: u64, number: u64) -> Plan {
    let mut chance = Streams::new(seed, number).stream("swarm");
    let features = Features::drawn(&mut chance);
    let mut draw = Draw { chance, features, active_ms: 0 };
    draw.active_ms = draw.between(3_000, 15_000);
    let hosts = draw.between(2, 12);
    let mut brokers = vec![draw.broker(0)];
    if hosts >= 4 && draw.features.bridges {
        brokers.push(draw.broker(1));
        // What a broker that knows nothing of bridges gets from one, it sends back to it.
        let knows = brokers.iter().all(|broker| broker.software == "mosquitto-2.0");
        let lines = draw.bridge_lines(knows);
        brokers[0].bridge = Some((brokers[1].name.clone(), lines));
    }
    let of = brokers.len() as u64;
    let mut clients: Vec<Client> = Vec::new();
    for index in of..hosts {
        let broker = brokers[draw.chance.below(of) as usize].clone();
        // Somebody publishes, and somebody listens.
        clients.push(draw.client(index - of, &broker));
    }
    let trunk = draw.chance.bernoulli(0.3).then(|| draw.link());
    let mut plan = Plan {
        seed: draw.chance.below(1 << 32),
        duration_ms: draw.active_ms + SETTLE_MS + 20_000,
        settle_ms: SETTLE_MS,
        brokers,
        clients,
        trunk,
        faults: Vec::new(),
    };
    plan.faults = draw.faults(&plan);
    plan
}

impl Draw {
    fn broker(&mut self, index: u64) -> Broker {
        let software = self.one(&["ideal", "standard", "mosquitto-2.0", "mosquitto-2.0", "mosquitto-1.4"]);
        let boards: &[&str] = if self.features.boards {
            &["ideal", "raspberry-pi-3b-ethernet", "server-i3"]
        } else {
            &["ideal"]
        };
        let mut keys = Vec::new();
        let limits = self.features.limits;
        if self.maybe(limits, 0.4) {
            keys.push(format!("max_inflight: {}", self.between(1, 6)));
        }
        if self.maybe(limits, 0.3) {
            keys.push(format!("max_queued: {}", self.between(1, 12)));
        }
        if self.maybe(limits, 0.3) {
            keys.push(format!("max_inflight_inbound: {}", self.between(1, 6)));
        }
        if self.maybe(limits, 0.2) {
            keys.push(format!("max_connections: {}", self.between(1, 6)));
        }
        if self.maybe(limits, 0.2) {
            keys.push(format!("topic_aliases_outbound: {}", self.between(1, 3)));
        }
        if self.maybe(limits, 0.2) {
            keys.push(format!("max_keep_alive: \"{} s\"", self.between(5, 20)));
        }
        let way = self.one(&["", "", "qos_2_forwarded_on: Publish", "acknowledges: BeforeForwarding"]);
        keys.extend((!way.is_empty()).then(|| way.to_owned()));
        if self.maybe(self.features.overlaps, 0.5) {
            let way = self.one(&["OneCopyHighest", "OneCopyFirst", "CopyEach"]);
            keys.push(format!("overlapping_filters: {way}"));
        }
        Broker {
            name: format!("broker-{index}"),
            software,
            board: self.one(boards),
            keys,
            link: self.link(),
            bridge: None,
        }
    }

    fn bridge_lines(&mut self, both: bool) -> Vec<String> {
        let direction = self.one(&["Out", "In", if both { "Both" } else { "Out" }]);
        let pattern = self.one(&["#", "t/#", "t/0"]);
        let prefix = self.one(&["", "", ", remote_prefix: \"far/\"", ", local_prefix: \"near/\""]);
        let qos = self.between(0, 2);
        vec![format!("(pattern: \"{pattern}\", direction: {direction}, qos: {qos}{prefix})")]
    }
}

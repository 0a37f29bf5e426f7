//! A random scenario as plain data, and as a scenario file writes it.
//!
//! Most of it is a list of keys (`keep_alive: "10 s"`), so that whoever makes the scenario smaller can take each of
//! them away without knowing what it means.

use std::fmt::{self, Display, Formatter};

/// The switch that the clients hang on, and that of the brokers where there is a trunk between them.
const LAN: &str = "lan";
const CORE: &str = "core";

/// A scenario.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// Seed of its random streams.
    pub seed: u64,
    /// How long it is run, in milliseconds.
    pub duration_ms: u64,
    /// Messages published later than this before the end are not judged, in milliseconds.
    pub settle_ms: u64,
    /// The brokers.
    pub brokers: Vec<Broker>,
    /// The clients.
    pub clients: Vec<Client>,
    /// Keys of the link between two switches, if there are two.
    pub trunk: Option<Vec<String>>,
    /// What goes wrong, and when.
    pub faults: Vec<Fault>,
}

/// A broker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broker {
    /// Its name.
    pub name: String,
    /// Profile of its software.
    pub software: &'static str,
    /// Profile of its board.
    pub board: &'static str,
    /// Keys of its role.
    pub keys: Vec<String>,
    /// Keys of its link.
    pub link: Vec<String>,
    /// The broker that it has a bridge to, and the lines of the bridge's topics.
    pub bridge: Option<(String, Vec<String>)>,
}

/// A client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Client {
    /// Its name.
    pub name: String,
    /// Profile of its software.
    pub software: &'static str,
    /// Profile of its board.
    pub board: &'static str,
    /// Name of its broker.
    pub broker: String,
    /// Keys of its MQTT client.
    pub mqtt: Vec<String>,
    /// Keys of its link.
    pub link: Vec<String>,
    /// What it does.
    pub role: Role,
    /// Whether it means to be connected at the end.
    pub stays: bool,
}

/// What a client does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Role {
    /// Publishes: the keys of its role, the number of its messages, and the key that goes with it.
    Publisher(Vec<String>, u32),
    /// Subscribes: its filters, and further keys.
    Subscriber(Vec<String>, Vec<String>),
    /// One step after another.
    Steps(Vec<String>),
}

/// Something that goes wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The hosts without which it cannot be.
    pub needs: Vec<String>,
    /// Whether it needs the link between the switches.
    pub needs_trunk: bool,
    /// As it is written.
    pub written: String,
}

impl Plan {
    /// Hosts.
    #[must_use]
    pub fn hosts(&self) -> usize {
        self.brokers.len() + self.clients.len()
    }

    /// Takes away what names something that is not there any more.
    pub fn tidy(&mut self) {
        let brokers: Vec<String> = self.brokers.iter().map(|broker| broker.name.clone()).collect();
        self.clients.retain(|client| brokers.contains(&client.broker));
        for broker in &mut self.brokers {
            if broker.bridge.as_ref().is_some_and(|(to, _)| !brokers.contains(to)) {
                broker.bridge = None;
            }
        }
        let there = |name: &String| brokers.contains(name) || self.clients.iter().any(|c| c.name == *name);
        let trunk = self.trunk.is_some();
        self.faults.retain(|fault| fault.needs.iter().all(there) && (trunk || !fault.needs_trunk));
    }

    /// The switch that the brokers hang on.
    #[must_use]
    pub fn core(&self) -> &'static str {
        if self.trunk.is_some() { CORE } else { LAN }
    }
}

/// Keys with a comma behind each.
struct Keys<'a>(&'a [String]);

impl Display for Keys<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (number, key) in self.0.iter().enumerate() {
            write!(f, "{}{key}", if number == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl Display for Broker {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Broker { name, software, board, keys, .. } = self;
        let mut keys = keys.clone();
        if let Some((to, topics)) = &self.bridge {
            let topics = topics.join(", ");
            keys.push(format!(
                "bridges: [(to: \"{to}\", restart_base: \"1 s\", restart_cap: \"3 s\", topics: [{topics}])]"
            ));
        }
        let keys = Keys(&keys);
        write!(f, "\"{name}\": (software: \"{software}\", board: \"{board}\", role: Broker({keys}))")
    }
}

impl Display for Client {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Client { name, software, board, broker, mqtt, .. } = self;
        let (role, mqtt) = (&self.role, Keys(mqtt));
        let comma = if self.mqtt.is_empty() { "" } else { ", " };
        writeln!(f, "\"{name}\": (")?;
        writeln!(f, "            software: \"{software}\", board: \"{board}\",")?;
        writeln!(f, "            mqtt: (broker: \"{broker}\"{comma}{mqtt}),")?;
        writeln!(f, "            role: {role},")?;
        write!(f, "        )")
    }
}

impl Display for Role {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Role::Publisher(keys, count) => write!(f, "Publisher({}, count: {count})", Keys(keys)),
            Role::Subscriber(filters, keys) => {
                let comma = if keys.is_empty() { "" } else { ", " };
                write!(f, "Subscriber(filters: [{}]{comma}{})", Keys(filters), Keys(keys))
            }
            Role::Steps(steps) => {
                writeln!(f, "Steps(steps: [")?;
                for step in steps {
                    writeln!(f, "                {step},")?;
                }
                write!(f, "            ])")
            }
        }
    }
}

impl Display for Plan {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let core = self.core();
        writeln!(f, "(\n    title: \"A scenario of the swarm\",")?;
        writeln!(f, "    question: \"Does everything hold that must hold in every run?\",")?;
        writeln!(f, "    seed: {},\n    duration: \"{} ms\",", self.seed, self.duration_ms)?;
        writeln!(f, "    hosts: {{")?;
        for broker in &self.brokers {
            writeln!(f, "        {broker},")?;
        }
        for client in &self.clients {
            writeln!(f, "        {client},")?;
        }
        writeln!(f, "    }},")?;
        let lan = format!("\"{LAN}\"");
        let switches = if self.trunk.is_some() { format!("{lan}, \"{CORE}\"") } else { lan };
        writeln!(f, "    switches: [{switches}],\n    links: [")?;
        for broker in &self.brokers {
            writeln!(f, "        {},", link(&broker.name, core, &broker.link))?;
        }
        for client in &self.clients {
            writeln!(f, "        {},", link(&client.name, LAN, &client.link))?;
        }
        if let Some(keys) = &self.trunk {
            writeln!(f, "        {},", link(LAN, CORE, keys))?;
        }
        writeln!(f, "    ],")?;
        if !self.faults.is_empty() {
            writeln!(f, "    faults: [")?;
            for fault in &self.faults {
                writeln!(f, "        {},", fault.written)?;
            }
            writeln!(f, "    ],")?;
        }
        writeln!(f, ")")
    }
}

fn link(from: &str, to: &str, keys: &[String]) -> String {
    let comma = if keys.is_empty() { "" } else { ", " };
    format!("(from: \"{from}\", to: \"{to}\"{comma}{})", Keys(keys))
}

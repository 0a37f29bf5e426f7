//! Clients: their software, their sessions, and what they do.

use super::{Broker, Client, Draw, Role};

/// What a client's software can do.
struct Ability {
    software: &'static str,
    versions: &'static [&'static str],
    publish_qos: u64,
    subscribe_qos: u64,
}

const SOFTWARE: [Ability; 6] = [
    Ability { software: "ideal", versions: ALL, publish_qos: 2, subscribe_qos: 2 },
    Ability { software: "libmosquitto", versions: ALL, publish_qos: 2, subscribe_qos: 2 },
    Ability { software: "paho-python", versions: ALL, publish_qos: 2, subscribe_qos: 2 },
    Ability { software: "paho-python-2", versions: &["3.1.1", "3.1"], publish_qos: 2, subscribe_qos: 2 },
    Ability { software: "umqtt", versions: &["3.1.1"], publish_qos: 1, subscribe_qos: 1 },
    Ability { software: "pubsubclient", versions: &["3.1.1", "3.1"], publish_qos: 0, subscribe_qos: 1 },
];

const ALL: &[&str] = &["3.1.1", "5.0", "3.1"];

impl Draw {
    pub(super) fn client(&mut self, index: u64, broker: &Broker) -> Client {
        let sound = if self.features.fragile { SOFTWARE.len() as u64 } else { 3 };
        let ability = &SOFTWARE[self.chance.below(sound) as usize];
        let five = ability.versions.contains(&"5.0") && broker.software != "mosquitto-1.4";
        let mut version =
            if self.features.versions { self.one(ability.versions) } else { ability.versions[0] };
        if version == "5.0" && !five {
            version = "3.1.1";
        }
        let boards: &[&str] = if self.features.boards {
            &["ideal", "raspberry-pi-3b-ethernet", "arduino-uno-w5500", "esp8266-nodemcu"]
        } else {
            &["ideal"]
        };
        let (mqtt, mut stays) = self.mqtt(index, version);
        let role = match self.chance.below(10) {
            0 | 1 if self.features.steps => {
                stays = false;
                self.steps(version, ability)
            }
            0..=4 => self.publisher(version, ability, &mut stays),
            _ => self.subscriber(version, ability, &mut stays),
        };
        Client {
            name: format!("client-{index}"),
            software: ability.software,
            board: self.one(boards),
            broker: broker.name.clone(),
            mqtt,
            link: self.link(),
            role,
            stays,
        }
    }

    /// Keys of the client, and whether it means to be there at the end.
    fn mqtt(&mut self, index: u64, version: &str) -> (Vec<String>, bool) {
        let features = self.features;
        let five = version == "5.0";
        let mut keys = vec![format!("version: \"{version}\"")];
        let mut stays = true;
        keys.push(format!("keep_alive: \"{} s\"", self.between(3, 15)));
        if self.maybe(features.sessions, 0.6) {
            keys.push("clean_session: false".to_owned());
            if five {
                keys.push(format!("session_expiry: \"{} s\"", self.one(&[2, 3_600, 3_600])));
            }
        }
        if self.chance.bernoulli(0.3) {
            keys.push(format!("connect_at: \"{} ms\"", self.between(0, self.active_ms / 2)));
        }
        if self.maybe(features.reconnects, 0.3) {
            keys.push(format!("reconnect_every: \"{} ms\"", self.between(400, 30_000)));
            // The end may come between two connections.
            stays = false;
        }
        if self.maybe(features.leaves, 0.2) {
            keys.push(format!("disconnect_at: \"{} ms\"", self.between(1, self.active_ms)));
            stays = false;
        }
        if self.maybe(features.limits, 0.3) {
            keys.push(format!("max_inflight: {}", self.between(1, 4)));
        }
        if five {
            if self.maybe(features.limits, 0.4) {
                keys.push(format!("receive_maximum: {}", self.between(1, 4)));
            }
            if self.maybe(features.limits, 0.3) {
                keys.push(format!("topic_alias_maximum: {}", self.between(1, 3)));
            }
            if self.maybe(features.limits, 0.3) {
                keys.push(format!("topic_aliases: {}", self.between(1, 3)));
            }
        }
        if self.maybe(features.wills, 0.5) {
            let retain = self.maybe(features.retained, 0.4);
            let delay = if five { self.one(&["", "", ", delay: \"2 s\""]) } else { "" };
            let qos = self.between(0, 2);
            keys.push(format!(
                "will: (topic: \"will/{index}\", payload: Text(\"gone\"), qos: {qos}, retain: {retain}{delay})"
            ));
        }
        (keys, stays)
    }

    fn topic(&mut self) -> String {
        format!("t/{}", self.chance.below(3))
    }

    fn expiry(&mut self, version: &str) -> &'static str {
        if version == "5.0" && self.maybe(self.features.expiry, 0.4) {
            self.one(&[", properties: (message_expiry: \"1 s\")", ", properties: (message_expiry: \"1 h\")"])
        } else {
            ""
        }
    }

    fn publisher(&mut self, version: &str, ability: &super::client::Ability, stays: &mut bool) -> Role {
        let start = self.between(0, self.active_ms - 1);
        let count = self.between(1, 12);
        let every = self.between(1, (self.active_ms - start) / count + 1);
        let mut keys = vec![
            format!("topic: \"{}\"", self.topic()),
            format!("payload: \"{} B\"", self.one(&[0, 1, 16, 100, 4_000])),
            format!("qos: {}", self.between(0, ability.publish_qos)),
            format!("every: \"{every} ms\""),
            format!("start: \"{start} ms\""),
        ];
        if self.maybe(self.features.retained, 0.4) {
            keys.push("retain: true".to_owned());
        }
        let expiry = self.expiry(version);
        keys.extend((!expiry.is_empty()).then(|| expiry.trim_start_matches(", ").to_owned()));
        if self.maybe(self.features.leaves, 0.3) {
            keys.push(format!("disconnect_after: \"{} ms\"", self.between(0, 3_000)));
            *stays = false;
        }
        Role::Publisher(keys, count as u32)
    }

    fn filters(&mut self, version: &str, ability: &Ability) -> Vec<String> {
        let several = if self.maybe(self.features.overlaps, 0.5) { self.between(1, 3) } else { 1 };
        let mut filters: Vec<String> = Vec::new();
        for _ in 0..several {
            let topic = self.topic();
            let plain = self.one(&["#", "t/#", "t/+", "will/#", "far/#", "", "", ""]);
            let plain = if plain.is_empty() { &topic } else { plain };
            let shared = self.maybe(self.features.shared, 0.4);
            let filter = if shared { format!("$share/g/{plain}") } else { plain.to_owned() };
            if filters.iter().any(|there| there.contains(&format!("\"{filter}\""))) {
                continue;
            }
            let five = match (version, shared) {
                ("5.0", false) => self.one(&[
                    "",
                    "",
                    ", no_local: true",
                    ", retain_as_published: true",
                    ", retain_handling: DoNotSend",
                ]),
                _ => "",
            };
            filters.push(format!(
                "(filter: \"{filter}\", qos: {}{five})",
                self.between(0, ability.subscribe_qos)
            ));
        }
        filters
    }

    fn subscriber(&mut self, version: &str, ability: &Ability, stays: &mut bool) -> Role {
        let filters = self.filters(version, ability);
        let mut keys = Vec::new();
        if self.chance.bernoulli(0.4) {
            keys.push(format!("start: \"{} ms\"", self.between(0, self.active_ms / 2)));
        }
        if self.maybe(self.features.leaves, 0.3) {
            keys.push(format!("leave_at: \"{} ms\"", self.between(1, self.active_ms)));
            *stays = false;
        }
        Role::Subscriber(filters, keys)
    }

    fn steps(&mut self, version: &str, ability: &Ability) -> Role {
        let mut at = self.between(0, self.active_ms / 4);
        let mut steps = vec![format!("(at: \"{at} ms\", act: Connect)")];
        for _ in 0..self.between(2, 10) {
            at += self.between(0, self.active_ms / 5);
            if at > self.active_ms {
                break;
            }
            let act = match self.chance.below(12) {
                0 | 1 => "Connect".to_owned(),
                2 => "Disconnect".to_owned(),
                3 => "Close".to_owned(),
                4 => "Crash".to_owned(),
                5 => "Ping".to_owned(),
                6 | 7 => format!("Subscribe(filters: [{}])", self.filters(version, ability).join(", ")),
                8 => format!("Unsubscribe(filters: [\"{}\"])", self.topic()),
                _ => {
                    let (topic, times) = (self.topic(), self.between(1, 5));
                    let qos = self.between(0, ability.publish_qos);
                    let retain = self.maybe(self.features.retained, 0.4);
                    let expiry = self.expiry(version);
                    format!(
                        "Publish(topic: \"{topic}\", payload: \"8 B\", qos: {qos}, retain: {retain}, times: {times}{expiry})"
                    )
                }
            };
            steps.push(format!("(at: \"{at} ms\", act: {act})"));
        }
        Role::Steps(steps)
    }
}

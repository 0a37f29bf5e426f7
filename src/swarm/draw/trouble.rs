//! Links and faults.

use super::{Draw, Fault, Plan};

impl Draw {
    /// Keys of a link.
    pub(super) fn link(&mut self) -> Vec<String> {
        let features = self.features;
        let mut keys = Vec::new();
        if self.maybe(features.delay, 0.6) {
            keys.push(format!("delay: \"{} us\"", self.between(0, 60_000)));
        }
        let rate = self.one(&["", "64 kbit/s", "1 Mbit/s", "10 Mbit/s", "100 Mbit/s"]);
        if !rate.is_empty() && features.rate {
            keys.push(format!("rate: \"{rate}\""));
        }
        if self.maybe(features.loss, 0.5) {
            let loss = self.between(1, 20) as f64 / 1_000.0;
            let bursts = self.between(1, 10) as f64 / 1_000.0;
            keys.push(match self.chance.below(4) {
                0 => format!("loss: GilbertElliott(p: {bursts}, r: 0.5)"),
                1 => format!("loss: Packets([{}, {}])", self.between(1, 10), self.between(11, 40)),
                _ => format!("loss: {loss}"),
            });
        }
        if self.maybe(features.disorder, 0.4) {
            keys.push(format!("jitter: Uniform(\"{} us\")", self.between(1, 20_000)));
            if self.chance.bernoulli(0.5) {
                keys.push("overtaking: true".to_owned());
            }
        }
        if self.maybe(features.disorder, 0.3) {
            keys.push(format!("reorder: (probability: 0.{:02})", self.between(1, 20)));
        }
        if self.maybe(features.disorder, 0.4) {
            keys.push(format!("duplicate: 0.{:02}", self.between(1, 20)));
        }
        if self.maybe(features.rate, 0.3) {
            keys.push(format!("queue: Packets({})", self.between(4, 30)));
        }
        if self.chance.bernoulli(0.05) {
            keys.push(format!("mtu: \"{} B\"", self.between(300, 1_500)));
        }
        keys
    }

    /// Faults, all of them over at the end of the active part.
    pub(super) fn faults(&mut self, plan: &Plan) -> Vec<Fault> {
        let features = self.features;
        let mut faults = Vec::new();
        if features.cuts {
            let mut links: Vec<(String, bool)> = Vec::new();
            links.extend(
                plan.brokers.iter().map(|broker| (format!("{}-{}", broker.name, plan.core()), false)),
            );
            links.extend(plan.clients.iter().map(|client| (format!("{}-lan", client.name), false)));
            links.extend(plan.trunk.is_some().then(|| ("lan-core".to_owned(), true)));
            for (link, needs_trunk) in links {
                let host = link.rsplit_once('-').map_or(String::new(), |(host, _)| host.to_owned());
                for (from, to) in self.spans(0.35) {
                    let way = self.one(&["", "", "", ", way: Up", ", way: Down"]);
                    let queued = self.one(&["", "", ", queued: Lost"]);
                    let written = format!(
                        "LinkDown(link: \"{link}\", from: \"{from} ms\", to: \"{to} ms\"{way}{queued})"
                    );
                    let needs = if needs_trunk { Vec::new() } else { vec![host.clone()] };
                    faults.push(Fault { needs, needs_trunk, written });
                }
            }
        }
        if features.client_crashes {
            for client in &plan.clients {
                for (at, to) in self.spans(0.25) {
                    let down = to - at;
                    let name = &client.name;
                    let written =
                        format!("ClientCrash(host: \"{name}\", at: \"{at} ms\", down_for: \"{down} ms\")");
                    faults.push(Fault { needs: vec![name.clone()], needs_trunk: false, written });
                }
            }
        }
        if features.broker_restarts {
            for broker in &plan.brokers {
                for (at, to) in self.spans(0.5) {
                    let (name, down) = (&broker.name, to - at);
                    let memory = self.one(&["", "", "", ", memory: Lost"]);
                    let written = format!(
                        "BrokerRestart(broker: \"{name}\", at: \"{at} ms\", down_for: \"{down} ms\"{memory})"
                    );
                    faults.push(Fault { needs: vec![name.clone()], needs_trunk: false, written });
                }
            }
        }
        faults
    }

    /// None, one or two spans that do not touch, in milliseconds.
    fn spans(&mut self, p: f64) -> Vec<(u64, u64)> {
        let mut spans = Vec::new();
        let mut from = 0;
        while spans.len() < 2 && self.chance.bernoulli(p) && from + 200 < self.active_ms {
            let at = self.between(from + 1, self.active_ms - 100);
            let longest = (self.active_ms - at).min(5_000);
            let to = at + self.between(1, longest);
            spans.push((at, to));
            from = to + 1;
        }
        spans
    }
}

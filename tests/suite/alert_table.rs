//! The table of `docs/alert-network.md`: latency and energy of the network as published.

use std::fmt::Write as _;
use std::fs;

use mqtt_twin::results::summary::{Node, Summary};

use crate::alert_levels::on_the_page;
use crate::{load, root, run, summary};

/// Ten minutes of the network as published. Mosquitto's queue has no limit here: of 500 alarms at once its
/// default of 100 would lose many.
fn network(nodes: u32, qos: u8, degrees: u32, fire: bool) -> Summary {
    let sets = [
        format!("hosts.node.count={nodes}"),
        format!("hosts.node.role.qos={qos}"),
        format!("hosts.server.role.qos={qos}"),
        format!("hosts.node.software={}", if qos == 2 { "paho-python" } else { "umqtt" }),
        format!("hosts.node.role.temperature=Constant(\"{degrees} C\")"),
        "hosts.node.role.noise=\"0 C\"".to_owned(),
        // All in one place: a fire reaches all at once.
        "hosts.node.role.step=(\"0 m\", \"0 m\")".to_owned(),
        (if fire { "fires.0.start=\"8 min\"" } else { "fires=[]" }).to_owned(),
        "hosts.broker.role.max_queued=0".to_owned(),
        "duration=\"10 min\"".to_owned(),
    ];
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    let loaded = load("alert-network-as-published", &sets);
    summary(&loaded, &run(&loaded))
}

/// What happens once and not all day.
const JOIN: [&str; 6] = ["tls handshake", "tcp connect", "CONNECT", "CONNACK", "SUBSCRIBE", "SUBACK"];

/// Energy of a node in J a day, with and without what its board draws idle; joins are left out.
fn energy_j_a_day(summary: &Summary) -> (f64, f64) {
    let causes: Vec<(&str, f64)> = match summary.nodes.get("node").expect("a node") {
        Node::Single(node) => {
            node.energy_by_cause_j.0.iter().map(|(cause, j)| (cause.as_str(), *j)).collect()
        }
        Node::Fleet(fleet) => {
            fleet.energy_by_cause_j.0.iter().map(|(cause, j)| (cause.as_str(), j.mean)).collect()
        }
    };
    let of = |counts: &dyn Fn(&str) -> bool| -> f64 {
        causes.iter().filter(|(cause, _)| counts(cause)).map(|(_, j)| j * 144.0).sum()
    };
    (of(&|cause| !JOIN.contains(&cause)), of(&|cause| cause != "idle" && !JOIN.contains(&cause)))
}

fn row(nodes: u32, qos: u8, (severity, degrees): (&str, u32)) -> String {
    let (all, above) = energy_j_a_day(&network(nodes, qos, degrees, false));
    let mut row = format!("| {nodes} | {qos} | {severity} | {:.2} | {above:.1} |", all / 1e3);
    let fire = network(nodes, qos, degrees, true);
    let cell = |path: &str, unit: f64, digits: usize| {
        fire.figure(path).map_or("-".to_owned(), |value| format!("{:.digits$}", value / unit))
    };
    let to_server = "alert.flame_to_server_ms";
    let to_danger = "alert.flame_to_danger_ms";
    let [p50, p99] = ["p50", "p99"].map(|part| cell(&format!("{to_server}.{part}"), 1.0, 0));
    let [d50, d99] = ["p50", "p99"].map(|part| cell(&format!("{to_danger}.{part}"), 1e3, 1));
    write!(row, " {p50} | {p99} | {d50} | {d99} |").unwrap();
    row
}

const SEVERITIES: [(&str, u32); 3] = [("Normal", 20), ("Warning", 30), ("Danger", 40)];

fn page() -> String {
    fs::read_to_string(root().join("docs/alert-network.md")).unwrap()
}

/// Some rows in every run of the tests; all of them with `--ignored`.
#[test]
fn the_first_rows_of_the_page_are_of_these_runs() {
    for (qos, severity) in [(0, SEVERITIES[0]), (1, SEVERITIES[0]), (1, SEVERITIES[1]), (2, SEVERITIES[2])] {
        let row = row(1, qos, severity);
        assert!(page().contains(&row), "docs/alert-network.md has another row: {row}");
    }
}

/// `UPDATE_DOCS=1 cargo test --test suite alert_table -- --ignored` writes them anew.
#[test]
#[ignore = "takes minutes"]
fn all_rows_of_the_page_are_of_these_runs() {
    let mut rows = Vec::new();
    for nodes in [1, 20, 100, 500] {
        for qos in [0, 1, 2] {
            rows.extend(SEVERITIES.map(|severity| row(nodes, qos, severity)));
        }
    }
    on_the_page("| Nodes | QoS | Mode | kJ a day |", &rows);
}

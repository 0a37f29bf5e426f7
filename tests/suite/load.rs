//! What an idle client costs: events, and memory. docs/load.md has the figures of the large fleets.

use std::process::Command;

use models::mqtt::PacketType;
use models::record::NoProbe;
use mqtt_twin::execute;
use sim_core::time::SimTime;

use crate::{load, run, summary};

/// Pings in a day: paho looks every 1.0011 s, so 60 looks are 60.066 s (`models::mqtt::timers::keep_alive`).
const PINGS: u64 = 1438;

#[test]
fn a_day_of_an_idle_client_is_one_ping_a_minute_and_thirteen_events_each() {
    let day = |clients: u32| {
        let loaded = load("load-idle-fleet", &[&format!("hosts.client.count={clients}")]);
        assert!(loaded.scenario.question.contains('?'));
        let outcome = run(&loaded);
        let summary = summary(&loaded, &outcome);
        for expectation in &loaded.expectations {
            let verdict = expectation.evaluate(|path| summary.figure(path));
            assert!(verdict.held, "{}: {:?}", verdict.check, verdict.value);
        }
        (outcome.events, outcome.mqtt_packets[PacketType::Pingreq as usize - 1])
    };
    let ((events, pings), (more_events, more_pings)) = (day(2), day(22));
    assert_eq!((pings, more_pings), (2 * PINGS, 22 * PINGS));
    let each = (more_events - events) as f64 / 20.0;
    // A ping, its answer and the acknowledgement of that cross two links each: 6 arrivals. The rest are deadlines
    // and tasks. Once a day there are a connection and its handshake.
    let per_ping = each / PINGS as f64;
    assert!((12.0..13.5).contains(&per_ping), "{each} events, {per_ping} a ping");
}

/// The most that an idle client may take, as the design has it; of a fleet of 20,000 one takes 1,981 (docs/load.md).
#[cfg(target_os = "linux")]
const BYTES: f64 = 2048.0;

#[test]
#[cfg(target_os = "linux")]
fn an_idle_client_takes_two_kilobytes() {
    // In a process of its own, with nothing else at work, and arrays that are mappings of their own, as in larger
    // fleets: one that grows leaves no hole behind.
    let exe = std::env::current_exe().unwrap();
    let mut child = Command::new(exe);
    child
        .args(["load::a_fleet_grows", "--exact", "--ignored", "--nocapture"])
        .env_clear()
        .env("MALLOC_MMAP_THRESHOLD_", "131072");
    let output = child.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let bytes = text.lines().find_map(|line| line.split_once("bytes a client: ")?.1.parse::<f64>().ok());
    let bytes = bytes.unwrap_or_else(|| panic!("the fleet says nothing: {text}"));
    // Below half of it, it would not be the clients that were measured.
    assert!((BYTES / 2.0..=BYTES).contains(&bytes), "{bytes} bytes");
}

#[test]
#[cfg(target_os = "linux")]
#[ignore = "an_idle_client_takes_two_kilobytes runs it, alone in a process"]
fn a_fleet_grows() {
    let fleet = |clients: u32| {
        let loaded = load("load-idle-fleet", &[&format!("hosts.client.count={clients}")]);
        let mut simulation = execute::started(&loaded, 0, NoProbe).unwrap_or_else(|_| panic!("a fleet"));
        // All are connected, and each has sent a ping.
        simulation.run_until(SimTime::from_secs(70));
        simulation
    };
    let small = fleet(1_000);
    let before = resident_bytes();
    let large = fleet(20_000);
    let bytes = (resident_bytes() - before) / 20_000.0;
    println!("\nbytes a client: {bytes:.0}");
    assert_eq!(large.world.hosts().len() - small.world.hosts().len(), 19_000);
}

/// Memory of this process that is in use.
#[cfg(target_os = "linux")]
fn resident_bytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    1024.0 * line.trim().trim_end_matches(" kB").parse::<f64>().unwrap()
}

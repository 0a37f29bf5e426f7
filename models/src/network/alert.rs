//! The books of the alert network's nodes, summed up.

use std::time::Duration;

use sim_core::time::SimTime;

use crate::alert::gateway;
use crate::alert::node::FunctionalMode;
use crate::app::{Program, Role, SensorNodeRole, ServerNodeRole};
use crate::host::Host;
use crate::ledger::Ledger;
use crate::record::{AlertRecord, ServerRecord};

fn roles(hosts: &[Host]) -> impl Iterator<Item = &Role> {
    hosts.iter().filter_map(|host| match host.program() {
        Program::Broker(_) | Program::Visitor(_) | Program::Service(_) => None,
        Program::Client(client) => Some(client.role()),
    })
}

fn servers(hosts: &[Host]) -> impl Iterator<Item = &ServerNodeRole> {
    roles(hosts).filter_map(|role| match role {
        Role::ServerNode(server) => Some(&**server),
        Role::Publisher(_)
        | Role::Camera(_)
        | Role::Burst(_)
        | Role::Subscriber(_)
        | Role::Steps(_)
        | Role::SensorNode(_)
        | Role::Gateway(_)
        | Role::CloudSink(_) => None,
    })
}

/// The store of the server nodes; `None` without any.
pub(super) fn server_record(hosts: &[Host]) -> Option<ServerRecord> {
    let mut whole: Option<ServerRecord> = None;
    for books in servers(hosts).map(ServerNodeRole::books) {
        let span = match (books.first_received, books.last_stored) {
            (Some(first), Some(last)) => last.saturating_since(first),
            (_, None) | (None, _) => Duration::ZERO,
        };
        let total = whole.get_or_insert(ServerRecord { received: 0, stored: 0, span });
        total.received += books.received;
        total.stored += books.stored;
        total.span = total.span.max(span);
    }
    whole
}

/// The client nodes; `None` where there is neither a client nor a server node.
pub(super) fn alert_record(hosts: &[Host], ledger: &Ledger) -> Option<AlertRecord> {
    let mut record: Option<AlertRecord> = None;
    for role in roles(hosts) {
        match role {
            Role::SensorNode(node) => add(record.get_or_insert_default(), node, ledger),
            Role::ServerNode(server) => {
                let record = record.get_or_insert_default();
                record.server_died = record.server_died.or(server.books().died_at);
                record.most_threads = record.most_threads.max(server.books().most_threads);
                record.readings += server.books().readings;
                record.malformed += server.books().malformed;
                record.orders_obeyed += server.books().accepted;
                record.orders_refused += server.books().refused;
            }
            Role::Gateway(gateway) => add_gateway(record.get_or_insert_default(), gateway.books()),
            Role::CloudSink(sink) => {
                let record = record.get_or_insert_default();
                record.malformed += sink.books().malformed;
                let total = record.cloud.get_or_insert_default();
                total.received += sink.books().received;
                total.stored += sink.books().stored;
                total.readings += sink.books().readings;
            }
            Role::Publisher(_) | Role::Camera(_) | Role::Burst(_) | Role::Subscriber(_) | Role::Steps(_) => {}
        }
    }
    record
}

fn add_gateway(record: &mut AlertRecord, books: &gateway::Books) {
    let total = record.gateway.get_or_insert_default();
    total.received += books.received;
    total.bytes_received += books.bytes_received;
    total.passed += books.passed;
    total.batches += books.batches;
    total.bytes_sent += books.bytes_sent;
    total.forgotten += books.forgotten;
}

fn add(record: &mut AlertRecord, node: &SensorNodeRole, ledger: &Ledger) {
    let tally = node.tally();
    record.nodes += 1;
    match node.mode() {
        FunctionalMode::Initial => record.initial += 1,
        FunctionalMode::Active(_) => record.active += 1,
        FunctionalMode::Blocked => record.blocked += 1,
    }
    record.samples += tally.samples;
    record.unheard += tally.unheard;
    record.missed_ticks += tally.missed_ticks;
    record.warned += u64::from(tally.warning_at.is_some());
    record.in_danger += u64::from(tally.danger_at.is_some());
    record.last_active = record.last_active.max(tally.active_at);
    let flame = node.flame_at();
    let since = |at: Option<SimTime>| at.filter(|at| *at >= flame).map(|at| at.saturating_since(flame));
    record.flame_to_server.extend(since(node.alert().and_then(|message| ledger.delivered(message))));
    record.flame_to_danger.extend(since(tally.danger_at));
    record.pictures += node.pictures();
    record.unrecognised += tally.unrecognised;
    let told = node.alert().and_then(|message| ledger.delivered(message));
    if let (Some(sight), Some(told)) = (tally.sight_at, told) {
        record.sight_to_server.push(told.saturating_since(sight));
    }
}

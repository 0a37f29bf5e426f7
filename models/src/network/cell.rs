//! WiFi cells: links whose frames share one medium.

use std::time::Duration;

use sim_core::random::Streams;
use sim_core::scheduler::Scheduler;
use sim_core::time::SimTime;

use super::build::{Blueprint, LinkBlueprint, LinkTrouble};
use super::fabric::Fabric;
use super::{CELL, Network};
use crate::event::Event;
use crate::net::wifi::{
    CellParameters, Medium, MediumEvent, Modulation, Offered, PowerSave, StationParameters, Timing, Way,
    WayParameters,
};
use crate::net::{Direction, NodeIndex, Outage};
use crate::record::{CellRecord, FrameLoss, HostIndex, Probe, StationRecord};

/// A direction whose channel is this or more, but for `u32::MAX`, leads over the air; the rest is
/// the place of its [`Port`].
pub(super) const FIRST_PORT: u32 = 1 << 31;

/// A WiFi cell to be built.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CellBlueprint {
    /// Name in results and of its random streams.
    pub name: String,
    /// The node that all its links lead to.
    pub access_point: NodeIndex,
}

/// A link's part in a cell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Membership {
    /// Place in [`Blueprint::cells`].
    pub cell: u32,
    /// How its frames are sent, both ways.
    pub modulation: Modulation,
    /// IP packets longer than this are announced by RTS and CTS.
    pub rts_threshold: Option<u32>,
    /// From the first frame, and from the end of an outage, until the station has its address.
    pub join: Duration,
    /// The station's sleep; the phase of the beacons is drawn for the cell.
    pub power_save: Option<PowerSave>,
}

/// A cell and its wake-up.
#[derive(Debug)]
pub(super) struct Cell {
    name: String,
    medium: Medium,
    /// The earliest wake-up that is set.
    armed: SimTime,
    access_point: Option<HostIndex>,
    /// Host of each station.
    hosts: Vec<Option<HostIndex>>,
}

/// Where a direction meets a cell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Port {
    cell: u32,
    station: u32,
    way: Way,
}

/// Builds the cells, and lets the directions of their links lead to them.
pub(super) fn build(
    blueprint: &Blueprint,
    streams: &Streams,
    directions: &mut [Direction],
) -> (Vec<Cell>, Vec<Port>) {
    let host = |node: NodeIndex| ((node.0 as usize) < blueprint.hosts.len()).then_some(HostIndex(node.0));
    let mut ports = Vec::new();
    let mut cells = Vec::with_capacity(blueprint.cells.len());
    for (number, cell) in (0_u32..).zip(&blueprint.cells) {
        let timing = Timing::of(members(blueprint, number).map(|(_, _, _, wifi)| wifi.modulation));
        let stream = |purpose: &str| streams.stream(&format!("{purpose}/{}", cell.name));
        let mut medium = Medium::new(CellParameters::standard(timing), stream("backoff"));
        let mut beacons = stream("beacons");
        let mut hosts = Vec::new();
        let phase = beacons.uniform();
        for (place, link, trouble, wifi) in members(blueprint, number) {
            let ways = [
                way(blueprint, streams, link.parameters.0, &trouble.outages.0, &format!("{}/up", link.name)),
                way(
                    blueprint,
                    streams,
                    link.parameters.1,
                    &trouble.outages.1,
                    &format!("{}/down", link.name),
                ),
            ];
            let in_phase = |power_save: PowerSave| PowerSave {
                phase: power_save.beacon_interval.mul_f64(phase),
                ..power_save
            };
            let station = medium.add_station(StationParameters {
                modulation: wifi.modulation,
                rts_threshold: wifi.rts_threshold,
                join: wifi.join,
                power_save: wifi.power_save.map(in_phase),
                ways,
                backoff: streams.stream(&format!("backoff/{}", link.name)),
            });
            hosts.push(host(link.ends.0));
            for (direction, way) in [(2 * place, Way::Up), (2 * place + 1, Way::Down)] {
                directions[direction].channel = FIRST_PORT + ports.len() as u32;
                ports.push(Port { cell: number, station, way });
            }
        }
        let (name, access_point) = (cell.name.clone(), host(cell.access_point));
        cells.push(Cell { name, medium, armed: SimTime::MAX, access_point, hosts });
    }
    (cells, ports)
}

/// The links of a cell with their places.
fn members(
    blueprint: &Blueprint,
    cell: u32,
) -> impl Iterator<Item = (usize, &LinkBlueprint, &LinkTrouble, Membership)> {
    blueprint.links.iter().enumerate().filter_map(move |(place, link)| {
        let trouble = link.trouble.as_deref()?;
        trouble.wifi.filter(|wifi| wifi.cell == cell).map(|wifi| (place, link, trouble, wifi))
    })
}

fn way(
    blueprint: &Blueprint,
    streams: &Streams,
    parameters: u32,
    outages: &[Outage],
    name: &str,
) -> WayParameters {
    let parameters = &blueprint.parameters[parameters as usize];
    let impairment = parameters.impairment.as_deref().cloned().unwrap_or_default();
    WayParameters {
        loss: impairment.loss,
        bit_errors: impairment.bit_errors,
        queue_bytes: parameters.queue_bytes,
        queue_frames: impairment.queue_frames,
        outages: outages.to_vec(),
        loss_stream: streams.stream(&format!("loss/{name}")),
        bit_stream: streams.stream(&format!("bit-errors/{name}")),
    }
}

impl Cell {
    /// Sets a wake-up if the one that is needed is earlier than those that are set.
    fn arm(&mut self, number: u32, scheduler: &mut Scheduler<Event>) {
        if let Some(due) = self.medium.poll_timeout().filter(|due| *due < self.armed) {
            self.armed = due;
            scheduler.at(due, Event::Cell { cell: number });
        }
    }

    pub fn record(&self, end: SimTime) -> CellRecord {
        let station = |(number, host): (u32, &Option<HostIndex>)| StationRecord {
            host: *host,
            radio: self.medium.radio_use(number, end),
        };
        CellRecord {
            name: self.name.clone(),
            totals: self.medium.totals(),
            stations: (0..).zip(&self.hosts).map(station).collect(),
        }
    }
}

impl<P: Probe> Fabric<P> {
    /// Hands a packet to its cell, where it waits for its turn.
    pub(super) fn forward_over_the_air(
        &mut self,
        ready: SimTime,
        place: u32,
        number: u32,
        scheduler: &mut Scheduler<Event>,
    ) -> SimTime {
        let port = self.ports[(self.directions[number as usize].channel - FIRST_PORT) as usize];
        let bytes = self.packets[place].bytes;
        let cell = &mut self.cells[port.cell as usize];
        match cell.medium.offer(scheduler.now(), ready, port.station, port.way, bytes, place) {
            Offered::Taken => cell.arm(port.cell, scheduler),
            Offered::QueueFull => self.lose(ready, place, FrameLoss::QueueFull),
            Offered::LinkDown => self.lose(ready, place, FrameLoss::Lost),
        }
        ready
    }
}

impl<P: Probe> Network<P> {
    /// A cell's wake-up: who has won the medium sends.
    pub(super) fn cell_wake(&mut self, now: SimTime, number: u32, scheduler: &mut Scheduler<Event>) {
        let cell = &mut self.fabric.cells[number as usize];
        if now >= cell.armed {
            cell.armed = SimTime::MAX;
        }
        cell.medium.handle_timeout(now);
        self.fingerprint.mix_event(now, CELL, u64::from(number), cell.medium.totals().attempts);
        while let Some(event) = self.fabric.cells[number as usize].medium.poll_event() {
            match event {
                MediumEvent::Sent { token, station, way, start, end } => {
                    let cell = &self.fabric.cells[number as usize];
                    let sender = match way {
                        Way::Up => cell.hosts[station as usize],
                        Way::Down => cell.access_point,
                    };
                    if let Some(host) = sender {
                        let cause = self.fabric.packets[token].segment.cause();
                        self.hosts[host.0 as usize].radio_sent(now, start, end, cause);
                    }
                }
                MediumEvent::Received { token, first_bit, last_bit } => {
                    let fabric = &mut self.fabric;
                    let packet = &fabric.packets[token];
                    let direction = fabric.routes.direction(packet.way, packet.hop);
                    let parameters = fabric.directions[direction as usize].parameters;
                    let delay = fabric.parameters[parameters as usize].propagation;
                    fabric.packets[token].wire_start = first_bit + delay;
                    scheduler.at(last_bit + delay, Event::Arrive { packet: token });
                }
                MediumEvent::Dropped { token } => self.fabric.lose(now, token, FrameLoss::Lost),
            }
        }
        self.fabric.cells[number as usize].arm(number, scheduler);
    }
}

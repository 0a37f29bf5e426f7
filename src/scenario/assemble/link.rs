//! Links of a scenario: one per member of a fleet.

use std::sync::Arc;

use models::net::{Framing, LinkParameters, NodeIndex};
use models::network::{Blueprint, CellBlueprint, LinkBlueprint, LinkTrouble, Membership};
use models::profile;

use super::super::load::{Direction, End, Loaded, PlannedLink, PlannedOutage};
use super::super::schema::Way;
use super::Numbering;

/// Adds every link to the blueprint, members of a fleet in their order.
pub(super) fn add_links(loaded: &Loaded, numbering: &Numbering, blueprint: &mut Blueprint) {
    for link in &loaded.links {
        let up = add_parameters(blueprint, parameters(link, &link.up));
        let down = add_parameters(blueprint, parameters(link, &link.down));
        let (to, to_name) = end(loaded, numbering, link.to, 0);
        let wifi = membership(loaded, link, to, &to_name, blueprint);
        for member in 0..members(loaded, link.from) {
            let (from, from_name) = end(loaded, numbering, link.from, member);
            blueprint.links.push(LinkBlueprint {
                ends: (from, to),
                parameters: (up, down),
                name: format!("{from_name}-{to_name}"),
                trouble: trouble(link, member, wifi),
            });
        }
    }
}

/// The part of a link in a WiFi cell, which it founds if it is the first.
fn membership(
    loaded: &Loaded,
    link: &PlannedLink,
    access_point: NodeIndex,
    name: &str,
    blueprint: &mut Blueprint,
) -> Option<Membership> {
    let wifi = link.wifi?;
    let elsewhere = |other: &PlannedLink| {
        other.to == link.to && other.wifi.is_some_and(|other| other.channel != wifi.channel)
    };
    let name =
        if loaded.links.iter().any(elsewhere) { format!("{name}/{}", wifi.channel) } else { name.to_owned() };
    let cell = CellBlueprint { name, access_point };
    let known = blueprint.cells.iter().position(|known| *known == cell);
    let cell = known.unwrap_or_else(|| {
        blueprint.cells.push(cell);
        blueprint.cells.len() - 1
    }) as u32;
    Some(Membership {
        cell,
        modulation: wifi.modulation,
        rts_threshold: wifi.rts_threshold,
        join: wifi.join,
        power_save: wifi.power_save,
    })
}

/// Outages, radio, middlebox and cell of one member's link.
fn trouble(link: &PlannedLink, member: u32, wifi: Option<Membership>) -> Option<Box<LinkTrouble>> {
    let own = |way: Way| {
        let here = |planned: &&PlannedOutage| {
            planned.member.is_none_or(|of| of == member) && (planned.way == Way::Both || planned.way == way)
        };
        link.outages.iter().filter(here).map(|planned| planned.outage).collect()
    };
    let trouble = LinkTrouble {
        outages: (own(Way::Up), own(Way::Down)),
        radio: link.radio,
        nat: link.nat,
        mtu_black_hole: link.mtu_black_hole,
        wifi,
    };
    (trouble != LinkTrouble::default()).then(|| Box::new(trouble))
}

fn members(loaded: &Loaded, end: End) -> u32 {
    match end {
        End::Group(group) => loaded.groups[group].count,
        End::Forwarding(_) => 1,
    }
}

/// Node and name of a link's end.
fn end(loaded: &Loaded, numbering: &Numbering, end: End, member: u32) -> (NodeIndex, String) {
    match end {
        End::Group(group) => {
            (NodeIndex(numbering.first[group] + member), loaded.groups[group].member_name(member))
        }
        End::Forwarding(place) => {
            (NodeIndex(numbering.hosts + place as u32), loaded.forwarding[place].name.to_string())
        }
    }
}

fn add_parameters(blueprint: &mut Blueprint, parameters: LinkParameters) -> u32 {
    let known = blueprint.parameters.iter().position(|known| *known == parameters);
    known.unwrap_or_else(|| {
        blueprint.parameters.push(parameters);
        blueprint.parameters.len() - 1
    }) as u32
}

fn parameters(link: &PlannedLink, direction: &Direction) -> LinkParameters {
    LinkParameters {
        rate_bps: direction.rate_bit_s,
        propagation: direction.delay,
        mtu: link.mtu_bytes,
        queue_bytes: direction.queue_bytes,
        framing: match link.framing {
            profile::Framing::Ethernet => Framing::Ethernet,
            profile::Framing::PointToPoint => Framing::PointToPoint,
        },
        impairment: (!direction.impairment.is_none()).then(|| Arc::new(direction.impairment.clone())),
    }
}

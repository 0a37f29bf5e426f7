//! Packets on their way, by place.

use std::num::NonZeroU16;
use std::ops::{Index, IndexMut};

use sim_core::time::SimTime;

use super::routes::Way;
use crate::host::packet_bytes;
use crate::host::socket::End;
use crate::tcp::Segment;

/// A segment on its way.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    pub segment: Segment,
    /// Number of the frame, for captures.
    pub serial: u64,
    /// When its first bit was put on the link it is on.
    pub wire_start: SimTime,
    pub flow: u32,
    /// Length of the IP packet.
    pub bytes: u32,
    pub way: Way,
    /// If it is an ICMP message that quotes `segment`: the MTU for which that was too long.
    pub too_long: Option<NonZeroU16>,
    /// The end that sent it.
    pub from: End,
    /// Links crossed.
    pub hop: u8,
    /// Whether a link made it of another packet.
    pub copy: bool,
}

impl Packet {
    /// A packet that an end of `flow` hands to its first link.
    pub fn new(segment: Segment, flow: u32, from: End, way: Way, serial: u64) -> Self {
        Packet {
            bytes: packet_bytes(&segment),
            segment,
            serial,
            wire_start: SimTime::ZERO,
            flow,
            way,
            too_long: None,
            from,
            hop: 0,
            copy: false,
        }
    }
}

/// The packets. A place is used again and again, the one given back last first.
#[derive(Clone, Debug, Default)]
pub(super) struct Packets {
    places: Vec<Packet>,
    free: Vec<u32>,
}

impl Packets {
    /// Takes a packet in and tells its place.
    #[inline]
    pub fn insert(&mut self, packet: Packet) -> u32 {
        if let Some(place) = self.free.pop() {
            self.places[place as usize] = packet;
            return place;
        }
        self.places.push(packet);
        self.places.len() as u32 - 1
    }

    /// Takes a packet out. Its place keeps the header until it is used again.
    #[inline]
    pub fn remove(&mut self, place: u32) -> Packet {
        self.free.push(place);
        let packet = &mut self.places[place as usize];
        Packet { segment: packet.segment.take(), ..*packet }
    }

    /// The packet at a place that was given.
    pub fn get(&self, place: u32) -> Option<&Packet> {
        self.places.get(place as usize)
    }

    /// How many are under way.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }
}

impl Index<u32> for Packets {
    type Output = Packet;

    #[inline]
    fn index(&self, place: u32) -> &Packet {
        &self.places[place as usize]
    }
}

impl IndexMut<u32> for Packets {
    #[inline]
    fn index_mut(&mut self, place: u32) -> &mut Packet {
        &mut self.places[place as usize]
    }
}

//! Packets on their way, by place.

use std::num::NonZeroU16;
use std::ops::{Index, IndexMut};

use sim_core::time::SimTime;

use super::routes::Way;
use crate::host::packet_bytes;
use crate::host::socket::End;
use crate::tcp::Segment;

/// A segment on its way.
///
/// In this order, a link between two others finds all that it needs in the first 64 bytes, a cache line.
#[derive(Clone, Debug, Default)]
#[repr(C, align(64))]
pub(super) struct Packet {
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
    /// When its first bit was put on the link it is on.
    pub wire_start: SimTime,
    pub segment: Segment,
    /// Number of the frame, for captures.
    pub serial: u64,
}

/// The packets. A place is used again and again, the one given back last first.
#[derive(Clone, Debug, Default)]
pub(super) struct Packets {
    places: Vec<Packet>,
    free: Vec<u32>,
}

impl Packets {
    /// Takes in a packet that an end of `flow` hands to its first link, and tells its place.
    #[inline]
    pub fn send(&mut self, segment: Segment, flow: u32, from: End, way: Way, serial: u64) -> u32 {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(Packet::default());
            self.places.len() as u32 - 1
        });
        let packet = &mut self.places[place as usize];
        packet.bytes = packet_bytes(&segment);
        packet.segment = segment;
        packet.flow = flow;
        packet.way = way;
        packet.too_long = None;
        packet.from = from;
        packet.hop = 0;
        packet.copy = false;
        packet.serial = serial;
        place
    }

    /// Takes in a packet that is on its way already.
    pub fn insert(&mut self, packet: Packet) -> u32 {
        let place = self.send(Segment::default(), packet.flow, packet.from, packet.way, packet.serial);
        self.places[place as usize] = packet;
        place
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

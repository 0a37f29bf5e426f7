//! Faults of single frames, by their number: what `explore` puts between two hosts.
//!
//! A frame has its serial number from the moment it leaves its host, counted over all hosts from 0. A
//! fault strikes once, when the frame has crossed its last link and before its destination sees it: so
//! the links were busy with it, and frames behind it may overtake one that is delayed. Copies that a
//! link made are left alone. Without a plan a run pays one branch a frame.

use std::time::Duration;

use sim_core::scheduler::Scheduler;
use sim_core::time::SimTime;

use super::fabric::Fabric;
use super::packets::Packet;
use crate::event::Event;
use crate::record::{FrameLoss, Probe};

/// What becomes of one frame.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct FrameFault {
    /// Number of the frame: [`FrameRecord::serial`](crate::record::FrameRecord::serial).
    pub serial: u64,
    /// What happens to it.
    pub what: Mishap,
}

/// What happens to a frame just before its destination.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Mishap {
    /// It is lost.
    Drop,
    /// It comes so much later.
    Delay(Duration),
    /// It comes twice.
    Duplicate,
}

impl<P: Probe> Fabric<P> {
    /// Lets the next fault of a frame strike, if one is planned. Returns whether the frame may not go on now.
    #[inline(never)]
    pub(super) fn strike(&mut self, now: SimTime, place: u32, scheduler: &mut Scheduler<Event>) -> bool {
        loop {
            let packet = &self.packets[place];
            let planned = |fault: &FrameFault| fault.serial == packet.serial && !packet.copy;
            let Some(next) = self.frame_faults.iter().position(planned) else { return false };
            match self.frame_faults.remove(next).what {
                Mishap::Drop => {
                    self.lose(now, place, FrameLoss::Lost);
                    return true;
                }
                Mishap::Delay(by) => {
                    // It reaches the end of its last link once more.
                    self.packets[place].hop -= 1;
                    scheduler.at(now + by, Event::Arrive { packet: place });
                    return true;
                }
                Mishap::Duplicate => {
                    let copy = Packet { copy: true, hop: packet.hop - 1, ..packet.clone() };
                    self.flows[copy.flow as usize].under_way += 1;
                    let copy = self.packets.insert(copy);
                    scheduler.at(now, Event::Arrive { packet: copy });
                }
            }
        }
    }
}

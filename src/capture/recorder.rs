//! Listens to a run and keeps what it hears.
//!
//! A recorder is the [`Probe`] of the runs that want a capture or a chart. Frames and packets cost
//! memory (about 200 B a frame and 110 B a packet; payloads are shared), so each is kept only if asked for.

use std::collections::{BTreeMap, VecDeque};

use models::record::{FlightRecord, FrameLoss, FrameRecord, HostIndex, PacketRecord, Probe, TooLongRecord};
use sim_core::time::SimTime;

/// What to keep.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RecorderOptions {
    /// TCP segments: for a capture file, and for charts with segments.
    pub frames: bool,
    /// MQTT control packets: for charts.
    pub packets: bool,
}

/// A frame and what became of it.
#[derive(Clone, Debug)]
pub struct CapturedFrame {
    /// As it left its host.
    pub frame: FrameRecord,
    /// When and why it was lost, if it was.
    pub lost: Option<(SimTime, FrameLoss)>,
}

/// A control packet and what became of it.
#[derive(Clone, Debug)]
pub struct CapturedPacket {
    /// As its sender handed it to TCP.
    pub packet: PacketRecord,
    /// When its destination had taken it whole from TCP, if it did before the end of the run.
    pub taken: Option<SimTime>,
}

/// Keeps the frames and packets of a run, in the order of time.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    options: RecorderOptions,
    frames: Vec<CapturedFrame>,
    packets: Vec<CapturedPacket>,
    flights: Vec<FlightRecord>,
    too_long: Vec<TooLongRecord>,
    /// Places of the packets on their way, oldest first, by sender, destination and connection.
    under_way: BTreeMap<(HostIndex, HostIndex, u16), VecDeque<usize>>,
}

impl Recorder {
    /// A recorder that has heard nothing yet.
    #[must_use]
    pub fn new(options: RecorderOptions) -> Self {
        Recorder { options, ..Recorder::default() }
    }

    /// The frames, by serial number.
    #[must_use]
    pub fn frames(&self) -> &[CapturedFrame] {
        &self.frames
    }

    /// What routers said about frames that were too long, by serial number.
    #[must_use]
    pub fn too_long(&self) -> &[TooLongRecord] {
        &self.too_long
    }

    /// The packets, in the order in which they were handed to TCP.
    #[must_use]
    pub fn packets(&self) -> &[CapturedPacket] {
        &self.packets
    }

    /// The flights of TLS messages, in the order in which they were handed to TCP.
    #[must_use]
    pub fn flights(&self) -> &[FlightRecord] {
        &self.flights
    }
}

impl Probe for Recorder {
    const LISTENS: bool = true;

    fn frame(&mut self, frame: FrameRecord) {
        if self.options.frames {
            debug_assert!(
                self.frames.last().is_none_or(|last| last.frame.serial < frame.serial),
                "frames are numbered in the order in which they are sent"
            );
            self.frames.push(CapturedFrame { frame, lost: None });
        }
    }

    fn frame_lost(&mut self, at: SimTime, serial: u64, why: FrameLoss) {
        if let Ok(place) = self.frames.binary_search_by_key(&serial, |captured| captured.frame.serial) {
            self.frames[place].lost = Some((at, why));
        }
    }

    fn too_long(&mut self, message: TooLongRecord) {
        if self.options.frames {
            self.too_long.push(message);
        }
    }

    fn packet(&mut self, packet: PacketRecord) {
        if !self.options.packets {
            return;
        }
        let way = (packet.from, packet.to, packet.client_port);
        self.under_way.entry(way).or_default().push_back(self.packets.len());
        self.packets.push(CapturedPacket { packet, taken: None });
    }

    fn flight(&mut self, flight: FlightRecord) {
        if self.options.packets {
            self.flights.push(flight);
        }
    }

    fn packet_taken(&mut self, at: SimTime, from: HostIndex, to: HostIndex, client_port: u16) {
        let oldest = self.under_way.get_mut(&(from, to, client_port)).and_then(VecDeque::pop_front);
        if let Some(place) = oldest {
            self.packets[place].taken = Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::sample::{BROKER, PORT, PUBLISHER, SUBSCRIBER, frame_from, packet};

    const ALL: RecorderOptions = RecorderOptions { frames: true, packets: true };
    const PINGREQ: [u8; 2] = [0xc0, 0];
    const A_CONNECT: [u8; 2] = [0x10, 0];

    fn taken(recorder: &Recorder) -> Vec<Option<u64>> {
        recorder.packets().iter().map(|p| p.taken.map(|at| at.as_nanos() / 1_000_000)).collect()
    }

    #[test]
    fn a_lost_frame_is_marked_with_time_and_reason() {
        let mut recorder = Recorder::new(ALL);
        for serial in [4, 5, 9] {
            recorder.frame(FrameRecord { serial, ..frame_from(PUBLISHER).frame });
        }
        recorder.frame_lost(SimTime::from_millis(3), 5, FrameLoss::QueueFull);
        recorder.frame_lost(SimTime::from_millis(3), 6, FrameLoss::Lost);
        let lost: Vec<_> = recorder.frames().iter().map(|frame| frame.lost).collect();
        assert_eq!(lost, [None, Some((SimTime::from_millis(3), FrameLoss::QueueFull)), None]);
    }

    #[test]
    fn arrivals_go_to_the_oldest_packet_of_the_same_way() {
        let mut recorder = Recorder::new(ALL);
        recorder.packet(packet(1, PUBLISHER, BROKER, &PINGREQ));
        recorder.packet(packet(2, BROKER, SUBSCRIBER, &PINGREQ));
        recorder.packet(packet(3, PUBLISHER, BROKER, &PINGREQ));
        recorder.packet_taken(SimTime::from_millis(10), PUBLISHER, BROKER, PORT);
        recorder.packet_taken(SimTime::from_millis(11), BROKER, PUBLISHER, PORT);
        recorder.packet_taken(SimTime::from_millis(12), PUBLISHER, BROKER, PORT);
        assert_eq!(taken(&recorder), [Some(10), None, Some(12)]);
    }

    #[test]
    fn what_an_older_connection_carries_does_not_arrive_on_the_next() {
        let mut recorder = Recorder::new(ALL);
        recorder.packet(packet(1, PUBLISHER, BROKER, &PINGREQ));
        recorder.packet(packet(1, BROKER, PUBLISHER, &PINGREQ));
        let next = PORT + 1;
        recorder.packet(PacketRecord { client_port: next, ..packet(2, PUBLISHER, BROKER, &A_CONNECT) });
        recorder.packet_taken(SimTime::from_millis(10), PUBLISHER, BROKER, next);
        recorder.packet_taken(SimTime::from_millis(11), BROKER, PUBLISHER, next);
        recorder.packet_taken(SimTime::from_millis(12), PUBLISHER, BROKER, PORT);
        assert_eq!(taken(&recorder), [Some(12), None, Some(10)]);
    }

    #[test]
    fn only_what_was_asked_for_is_kept() {
        let mut recorder = Recorder::new(RecorderOptions { frames: false, packets: true });
        recorder.frame(frame_from(PUBLISHER).frame);
        recorder.packet(packet(1, PUBLISHER, BROKER, &PINGREQ));
        assert_eq!((recorder.frames().len(), recorder.packets().len()), (0, 1));
        let mut recorder = Recorder::new(RecorderOptions { frames: true, packets: false });
        recorder.frame(frame_from(PUBLISHER).frame);
        recorder.packet(packet(1, PUBLISHER, BROKER, &PINGREQ));
        assert_eq!((recorder.frames().len(), recorder.packets().len()), (1, 0));
    }
}

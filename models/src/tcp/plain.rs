//! The acknowledgement that most acknowledgements are: it reports no gap, and no loss is known. What
//! [`Connection::acknowledged_selectively`] does then, in few steps.

use sim_core::time::SimTime;

use super::connection::Connection;
use super::event::Event;
use super::outstanding::Instant30;
use super::segment::Segment;

impl Connection {
    /// Takes an acceptable acknowledgement if it is a plain one; `window` is what it offers, in bytes.
    /// Returns whether it was.
    pub(super) fn acknowledged_plainly(&mut self, now: SimTime, segment: &Segment, window: u32) -> bool {
        let plain = segment.options.sack.is_none()
            && self.recovery.is_none()
            && self.congestion.is_open()
            && self.outstanding.lost() == 0;
        if !plain {
            return false;
        }
        let ack = segment.ack;
        let acked = ack.since(self.send.una);
        self.send.update_window(segment.seq, ack, window);
        if acked == 0 {
            return true;
        }
        let (flight, mss) = (self.outstanding.pipe(), u32::from(self.send.mss));
        let data = self.send.buffer.len().min(acked as usize);
        let (first, last) = self.outstanding.acknowledge_in_flight(ack);
        self.send.acknowledge(ack, data);
        let clock = Instant30::of(now);
        let span = |at: Instant30| clock.since(at).max(0) as u32;
        self.rtt.sample(span(first), &self.config);
        let ends = (ack, self.send.max);
        self.congestion.sample(now, (span(last), self.rtt.min_us()), ends, flight, mss);
        let drained = self.send.outstanding() == 0;
        self.set_loss_timer(now, true);
        self.congestion.grow(now, acked, flight, mss, false, &self.config);
        if drained && self.send.buffer.len() == 0 {
            self.events.insert(Event::Drained);
        }
        if acked as usize > data {
            self.fin_acknowledged(now);
        }
        true
    }
}

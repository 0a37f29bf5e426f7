//! Path MTU discovery (RFC 1191) and the detection of its black holes (RFC 4821 §7.7), as Linux has them.
//!
//! Left out: raising the MTU again, by time (RFC 1191 §6.3) or by probes (RFC 4821 §7.3), and a lower
//! bound for what a router may say (Linux `min_pmtu`), because nothing here fragments.

use std::time::Duration;

use sim_core::time::SimTime;

use super::connection::{Connection, State};
use super::sequence::SequenceNumber;

/// IPv4 and TCP headers without options (RFC 9293 §3.7.1).
const FIXED_HEADERS: u16 = 40;
/// The Timestamps option with its padding (RFC 7323 appendix A).
const TIMESTAMPS: u16 = 12;
/// What is tried first behind a black hole: RFC 4821 §7.2, Linux `tcp_base_mss`.
const BASE_MSS: u16 = 1_024;
/// Below this nothing is tried: Linux `tcp_mtu_probe_floor` and `tcp_min_snd_mss`.
const FLOOR: u16 = 48;
/// A flight that stays unanswered for so long is in a black hole: Linux `tcp_retries1`, three
/// retransmissions, counted as time from 200 ms on (`retransmits_timed_out`: (2^4 - 1) 200 ms).
const PATIENCE: Duration = Duration::from_secs(3);

impl Connection {
    /// A router says that the packet with the sequence number `quoted` was longer than `mtu`.
    ///
    /// RFC 5927 §4.1: only what is under way can have been dropped; anything else is ignored.
    pub fn fragmentation_needed(&mut self, now: SimTime, quoted: SequenceNumber, mtu: u16) {
        if quoted.at_or_after(self.send.una) && quoted.before(self.send.max) {
            self.path_mtu_changed(now, mtu);
        }
    }

    /// The path carries IP packets of at most `mtu` bytes: longer segments that are under way are cut and
    /// sent again at once (RFC 1191 §6.4; Linux `tcp_simple_retransmit`). An MTU that is no smaller
    /// than the known one changes nothing.
    pub fn path_mtu_changed(&mut self, now: SimTime, mtu: u16) {
        let options = if self.timestamps { TIMESTAMPS } else { 0 };
        let mss = mtu.saturating_sub(FIXED_HEADERS + options).max(1);
        let established = match self.state {
            State::Closed | State::Listen | State::SynSent | State::SynReceived | State::TimeWait => false,
            State::Established
            | State::FinWait1
            | State::FinWait2
            | State::CloseWait
            | State::Closing
            | State::LastAck => true,
        };
        if !established || mss >= self.send.mss {
            return;
        }
        let old = u32::from(self.reduce_mss(mss));
        let again = if self.sack {
            self.outstanding.lose_longer(old, u32::from(mss)) > 0
        } else {
            let longer = self.send.outstanding() > u32::from(mss);
            if longer {
                self.send.nxt = self.send.una;
                self.send.buffer.rewind();
                self.rtt.retransmitted();
            }
            longer
        };
        if again {
            self.congestion.resend(self.send.max);
            self.pending.loss_probe = false;
            self.arm_retransmission(now);
        }
    }

    /// A retransmission timeout on a path that may swallow long packets in silence. Nothing is known of the
    /// first retransmission but its number: with a timeout that doubles, `retries` of them have
    /// taken 2 RTO (1 - 2^-retries).
    pub(super) fn suspect_black_hole(&mut self) {
        if !self.config.mtu_probing || self.send.retries == 0 {
            return;
        }
        let rto = self.rtt.rto();
        let since_first = 2 * (rto - rto / (1 << u32::from(self.send.retries).min(31)));
        if since_first >= PATIENCE {
            let mss = self.send.mss;
            let next = if mss > BASE_MSS { BASE_MSS } else { mss / 2 };
            self.reduce_mss(next.max(FLOOR).min(mss));
        }
    }

    /// Sets what a segment may carry, which windows count in: they keep their number of segments, as
    /// in Linux, which counts nothing else. Returns what it was.
    fn reduce_mss(&mut self, mss: u16) -> u16 {
        let old = std::mem::replace(&mut self.send.mss, mss);
        self.congestion.rescale(u32::from(old), u32::from(mss));
        old
    }
}

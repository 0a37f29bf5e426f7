//! Taking back what proves to have been needless: the reduction of the window (Eifel, RFC 4015; by the
//! duplicates that the peer reports, RFC 3708) and a timeout before its time (F-RTO, RFC 5682). In the
//! order in which Linux looks (`tcp_fastretrans_alert`).

use sim_core::time::SimTime;

use super::congestion::Phase;
use super::connection::Connection;
use super::outstanding::{Delivered, Fate};
use super::recovery::Tally;
use super::rtt::ticks;
use super::sequence::SequenceNumber;

/// What an episode of repairs would give back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Undo {
    /// SND.UNA when the episode began.
    marker: SequenceNumber,
    /// Segments sent again that the peer has not reported as duplicates; `None` before the first.
    unproven: Option<u32>,
    /// When the first was sent again, in ticks of the timestamp clock.
    first_again: Option<u32>,
    cwnd: u32,
    ssthresh: u32,
}

/// The state of F-RTO (RFC 5682 §3.1) after a timeout.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum ForwardRto {
    /// No timeout is in doubt.
    #[default]
    Settled,
    /// The first segment was sent again, and the next acknowledgements tell (steps 2 and 3).
    InDoubt,
    /// New data goes out instead of what is presumed lost (step 2b).
    SendingNew,
}

/// What tells whether bytes that arrived were sent once only, while a timeout is in doubt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Originals {
    recover: SequenceNumber,
    again_end: Option<SequenceNumber>,
}

impl Originals {
    /// Whether `delivered` was sent before the timeout and never again.
    pub(super) fn has(self, delivered: &Delivered) -> bool {
        let begin = delivered.end - delivered.len;
        let once = match delivered.fate {
            Fate::InFlight | Fate::Lost => self.again_end.is_none_or(|end| begin.at_or_after(end)),
            Fate::Sacked | Fate::Retransmitted => false,
        };
        once && delivered.end.at_or_before(self.recover)
    }
}

impl Connection {
    /// A reduction follows: notes what it would have to give back.
    pub(super) fn begin_episode(&mut self) {
        if !self.config.undo {
            return;
        }
        let (cwnd, ssthresh) = (self.congestion.cwnd, self.congestion.ssthresh);
        // Linux `tcp_current_ssthresh`: what was in use counts, if it was more.
        let ssthresh = ssthresh.max(cwnd / 4 * 3);
        let undo = Undo { marker: self.send.una, unproven: None, first_again: None, cwnd, ssthresh };
        self.recovery.get_or_insert_default().undo = Some(undo);
    }

    /// The timer expired; `first` says that the window is reduced for it.
    pub(super) fn begin_doubt(&mut self, first: bool) {
        if first {
            self.begin_episode();
        }
        // Linux `tcp_enter_loss`: not for a timeout during fast recovery.
        let doubtful = self.config.frto && (!self.congestion.in_fast_recovery() || self.send.retries > 0);
        self.recovery.get_or_insert_default().forward =
            if doubtful { ForwardRto::InDoubt } else { ForwardRto::Settled };
    }

    /// Bytes up to `end` are sent again.
    pub(super) fn count_again(&mut self, now: SimTime, end: SequenceNumber) {
        let Some(recovery) = self.recovery.as_deref_mut() else { return };
        recovery.again_end = Some(recovery.again_end.map_or(end, |known| known.latest(end)));
        if let Some(undo) = &mut recovery.undo {
            undo.unproven = Some(undo.unproven.unwrap_or(0) + 1);
            undo.first_again.get_or_insert(ticks(now));
        }
    }

    /// What tells originals while a timeout is in doubt.
    pub(super) fn originals(&self) -> Option<Originals> {
        let recovery = self.recovery.as_deref()?;
        (recovery.forward != ForwardRto::Settled)
            .then(|| Originals { recover: self.congestion.recover(), again_end: recovery.again_end })
    }

    /// Takes back what this acknowledgement shows to have been needless. Returns whether the
    /// acknowledgement asks for no further response.
    pub(super) fn take_back(&mut self, tally: &Tally, acked: u32, echo: Option<u32>) -> bool {
        let una = self.send.una;
        let Some(recovery) = self.recovery.as_deref_mut() else { return false };
        if recovery.again_end.is_some_and(|end| end.at_or_before(una)) {
            recovery.again_end = None;
        }
        let Some(undo) = &mut recovery.undo else { return false };
        // RFC 3708, Linux `tcp_check_dsack`: duplicates of this episode.
        if let (Some(unproven), Some(end)) = (&mut undo.unproven, tally.duplicate_end)
            && end.after(undo.marker)
        {
            *unproven = unproven.saturating_sub(tally.duplicates);
        }
        let (proven, delayed) = (undo.unproven == Some(0), undo.delayed(echo));
        match self.congestion.phase() {
            Phase::Open => {
                if proven {
                    self.undo();
                }
                false
            }
            Phase::FastRecovery { .. } => {
                if proven || (delayed && acked > 0 && self.congestion.completes(una)) {
                    self.undo();
                    return false;
                }
                if acked == 0 || !delayed {
                    return false;
                }
                // Linux `tcp_try_undo_partial`: wait for what is under way again.
                if self.outstanding.iter().any(|(_, piece)| piece.fate() == Fate::Retransmitted) {
                    return true;
                }
                self.undo();
                false
            }
            Phase::LossRecovery => {
                if acked > 0 && (proven || delayed) {
                    self.undo();
                } else {
                    self.doubt_timeout(tally, acked);
                }
                false
            }
        }
    }

    /// RFC 5682 §3.1, steps 2 and 3.
    fn doubt_timeout(&mut self, tally: &Tally, acked: u32) {
        let (recover, una, max) = (self.congestion.recover(), self.send.una, self.send.max);
        let Some(recovery) = self.recovery.as_deref_mut() else { return };
        match recovery.forward {
            ForwardRto::Settled => {}
            ForwardRto::InDoubt | ForwardRto::SendingNew if tally.original => self.undo(),
            ForwardRto::InDoubt | ForwardRto::SendingNew if max.after(recover) => {
                // Step 3a: the new data has arrived and the old has not.
                recovery.forward = if tally.sacked > 0 { ForwardRto::Settled } else { ForwardRto::InDoubt };
            }
            ForwardRto::InDoubt | ForwardRto::SendingNew if acked > 0 && una.before(recover) => {
                self.congestion.move_recover(max);
                recovery.forward = ForwardRto::SendingNew;
            }
            ForwardRto::InDoubt | ForwardRto::SendingNew => recovery.forward = ForwardRto::InDoubt,
        }
    }

    /// Whether new data goes before what is presumed lost; if there is none to send, the doubt ends.
    pub(super) fn sends_new_first(&mut self) -> bool {
        let sending = self.recovery.as_ref().is_some_and(|r| r.forward == ForwardRto::SendingNew);
        if !sending {
            return false;
        }
        // Linux `tcp_xmit_recovery`: nothing new could go.
        if self.send.max == self.congestion.recover() && !self.can_send_new() {
            self.recovery.get_or_insert_default().forward = ForwardRto::Settled;
            return false;
        }
        true
    }

    /// Linux `tcp_undo_cwnd_reduction`.
    fn undo(&mut self) {
        let Some(recovery) = self.recovery.as_deref_mut() else { return };
        recovery.forward = ForwardRto::Settled;
        if let Some(undo) = recovery.undo.take() {
            self.outstanding.find_lost();
            self.congestion.restore(undo.cwnd, undo.ssthresh);
            self.losses().undone += 1;
        }
    }
}

impl Undo {
    /// RFC 3522 §3.2, the Eifel detection: the acknowledgement was sent for what left before anything was
    /// sent again.
    fn delayed(&self, echo: Option<u32>) -> bool {
        match (self.first_again, echo) {
            (Some(first), Some(echo)) => (echo.wrapping_sub(first) as i32) < 0,
            (Some(_), None) => false,
            (None, _) => true,
        }
    }
}

//! One end of a connection: its state and the commands of RFC 9293 §3.10.

use std::sync::Arc;
use std::time::Duration;

use sim_core::time::SimTime;

use super::config::Config;
use super::congestion::Congestion;
use super::event::{Event, EventSet};
use super::outstanding::Outstanding;
use super::receive::Receiver;
use super::recovery::Recovery;
use super::rtt::{RoundTripTime, expiry};
use super::send::Sender;
use super::sequence::SequenceNumber;
use super::timers::{Timer, Timers};
use crate::stream::Chunk;

/// The states of a connection (RFC 9293 §3.3.2).
///
/// What belongs to a state beside its name is shared by several of them (sequence variables, buffers,
/// deadlines) and lives in the connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum State {
    /// CLOSED: there is no connection, or no longer.
    Closed,
    /// LISTEN: waiting for the peer's SYN.
    Listen,
    /// SYN-SENT: our SYN is out.
    SynSent,
    /// SYN-RECEIVED: both SYNs are out, ours is unacknowledged.
    SynReceived,
    /// ESTABLISHED: data flows both ways.
    Established,
    /// FIN-WAIT-1: we closed; our FIN is unacknowledged or still behind data.
    FinWait1,
    /// FIN-WAIT-2: our FIN is acknowledged, the peer has not closed.
    FinWait2,
    /// CLOSE-WAIT: the peer closed, we have not.
    CloseWait,
    /// CLOSING: both closed, our FIN is unacknowledged.
    Closing,
    /// LAST-ACK: the peer closed first, our FIN is unacknowledged.
    LastAck,
    /// TIME-WAIT: both FINs are acknowledged; late segments are waited for.
    TimeWait,
}

/// What one connection noticed of losses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Statistics {
    /// Segments sent some of which was sent before.
    pub segments_retransmitted: u32,
    /// Reductions of the congestion window that proved needless and were taken back.
    pub undone: u32,
    /// Expired retransmission timers.
    pub timeouts: u32,
    /// Losses told by duplicate acknowledgements.
    pub fast_retransmits: u32,
}

/// What waits to be transmitted beside data.
// Packed, as all small parts of a connection are.
#[derive(Clone, Copy, Debug, Default)]
#[repr(Rust, packed)]
pub(super) struct Pending {
    /// Our SYN, or SYN-ACK.
    pub(super) syn: bool,
    /// An acknowledgement.
    pub(super) acknowledgement: bool,
    /// ... which completes the handshake.
    pub(super) handshake: bool,
    /// The first unacknowledged segment again.
    pub(super) retransmit: bool,
    /// A probe of the peer's closed window, or of a silent peer.
    pub(super) probe: bool,
    /// A tail loss probe.
    pub(super) loss_probe: bool,
    /// CLOSE was called before the connection was established.
    pub(super) close: bool,
    /// A reset with the sequence number `reset_seq` and without an acknowledgement.
    pub(super) reset: bool,
    pub(super) reset_seq: SequenceNumber,
    /// The reset of an aborted connection.
    pub(super) abort: bool,
}

impl Pending {
    /// Whether something goes before new data.
    #[inline]
    pub(super) fn is_urgent(&self) -> bool {
        self.reset | self.retransmit | self.loss_probe
    }

    /// Whether an established connection has nothing but data to send.
    #[inline]
    pub(super) fn is_nothing(&self) -> bool {
        !(self.acknowledgement | self.probe | self.is_urgent())
    }
}

/// One end of a TCP connection; see the [module documentation](super).
#[derive(Clone, Debug)]
pub struct Connection {
    pub(super) config: Arc<Config>,
    pub(super) state: State,
    /// Both SYNs carried timestamps.
    pub(super) timestamps: bool,
    /// Both SYNs permitted selective acknowledgements.
    pub(super) sack: bool,
    /// Both SYNs carried a window scale.
    pub(super) window_scaling: bool,
    /// The peer's window scale.
    pub(super) peer_shift: u8,
    /// Opened by [`Connection::accept`].
    pub(super) passive: bool,
    pub(super) events: EventSet,
    pub(super) pending: Pending,
    pub(super) timers: Timers,
    pub(super) send: Sender,
    pub(super) receive: Receiver,
    pub(super) congestion: Congestion,
    pub(super) rtt: RoundTripTime,
    /// When the peer was last heard, in ticks of the timestamp clock; kept for keep-alive only.
    pub(super) heard_ticks: u32,
    /// What is under way; kept with selective acknowledgements only.
    pub(super) outstanding: Outstanding,
    pub(super) recovery: Option<Box<Recovery>>,
    /// Made at the first loss: most connections of an idle fleet never have one.
    pub(super) losses: Option<Box<Statistics>>,
}

impl Connection {
    /// Opens a connection actively: the SYN is ready to be transmitted (SYN-SENT).
    ///
    /// `iss` is the initial send sequence number; RFC 9293 §3.4.1 wants it hard to guess, a simulation
    /// wants it reproducible.
    #[must_use]
    pub fn connect(config: Arc<Config>, now: SimTime, iss: u32) -> Self {
        let mut connection = Connection::new(config, State::SynSent, iss);
        connection.pending.syn = true;
        connection.send.last_data_ticks = super::rtt::ticks(now);
        connection
    }

    /// Opens a connection passively, for one peer whose SYN is handed over next (LISTEN).
    #[must_use]
    pub fn accept(config: Arc<Config>, now: SimTime, iss: u32) -> Self {
        let mut connection = Connection::new(config, State::Listen, iss);
        connection.passive = true;
        connection.send.last_data_ticks = super::rtt::ticks(now);
        connection
    }

    fn new(config: Arc<Config>, state: State, iss: u32) -> Self {
        let iss = SequenceNumber(iss);
        Connection {
            state,
            timestamps: false,
            sack: false,
            window_scaling: false,
            peer_shift: 0,
            passive: false,
            events: EventSet::default(),
            pending: Pending::default(),
            timers: Timers::new(),
            send: Sender::new(iss, config.mss),
            receive: Receiver::new(&config),
            congestion: Congestion::new(config.congestion, iss),
            rtt: RoundTripTime::new(config.syn_rto),
            heard_ticks: 0,
            outstanding: Outstanding::default(),
            recovery: None,
            losses: None,
            config,
        }
    }

    /// Appends `chunk` to the bytes to send. The queue is unbounded: the caller accounts for it with
    /// [`buffered`](Self::buffered). After a close or a reset the bytes are dropped.
    pub fn write(&mut self, _now: SimTime, chunk: Chunk) {
        match self.state {
            State::Listen | State::SynSent | State::SynReceived | State::Established | State::CloseWait => {
                if !self.pending.close {
                    self.send.buffer.push(chunk);
                }
            }
            State::Closed
            | State::FinWait1
            | State::FinWait2
            | State::Closing
            | State::LastAck
            | State::TimeWait => {}
        }
    }

    /// The next bytes that arrived in order. Slices of one shared payload come out as one chunk again;
    /// tags are those the peer wrote. Reading may open a closed window: poll for segments afterwards.
    #[inline]
    pub fn read(&mut self) -> Option<Chunk> {
        if self.receive.unread() == 0 { None } else { self.read_chunk() }
    }

    fn read_chunk(&mut self) -> Option<Chunk> {
        let chunk = self.receive.read()?;
        if self.config.ack_on_read
            && self.receive.read_acknowledges(self.send.mss)
            && self.state != State::Closed
        {
            self.pending.acknowledgement = true;
        }
        match self.state {
            State::Established | State::FinWait1 | State::FinWait2 => {
                if self.receive.window_update_due(self.send.mss) {
                    self.pending.acknowledgement = true;
                }
            }
            State::Closed
            | State::Listen
            | State::SynSent
            | State::SynReceived
            | State::CloseWait
            | State::Closing
            | State::LastAck
            | State::TimeWait => {}
        }
        Some(chunk)
    }

    /// Closes our direction: what was written is sent, then a FIN. The peer's bytes may still be read.
    pub fn close(&mut self, _now: SimTime) {
        // RFC 9293 §3.10.4
        match self.state {
            State::Listen | State::SynSent => self.end(Event::Closed),
            State::SynReceived => self.pending.close = true,
            State::Established => self.state = State::FinWait1,
            State::CloseWait => self.state = State::LastAck,
            State::Closed
            | State::FinWait1
            | State::FinWait2
            | State::Closing
            | State::LastAck
            | State::TimeWait => {}
        }
    }

    /// Aborts: the peer is sent a reset, and everything unsent is dropped.
    pub fn abort(&mut self, _now: SimTime) {
        // RFC 9293 §3.10.5
        match self.state {
            State::Closed => {}
            State::Listen | State::SynSent | State::Closing | State::LastAck | State::TimeWait => {
                self.end(Event::Closed);
            }
            State::SynReceived
            | State::Established
            | State::FinWait1
            | State::FinWait2
            | State::CloseWait => {
                self.end(Event::Closed);
                self.pending.abort = true;
            }
        }
    }

    /// Does what is due at `now`; nothing when called early or twice.
    pub fn handle_timeout(&mut self, now: SimTime) {
        if self.timers.take_delayed_ack_due(now) {
            self.delayed_acknowledgement_timeout(now);
        }
        match self.timers.take_due(now) {
            Timer::Idle => {}
            Timer::Retransmission => self.retransmission_timeout(now),
            Timer::LossProbe => self.loss_probe_timeout(now),
            Timer::Reordering => self.reordering_timeout(now),
            Timer::Persist => self.persist_timeout(now),
            Timer::KeepAlive => self.keep_alive_timeout(now),
            Timer::TimeWait | Timer::FinWait2 => self.end(Event::Closed),
        }
    }

    /// The next event, each once.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop()
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<SimTime> {
        self.timers.next()
    }

    /// The state.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// The bytes held in all: unsent, unacknowledged, unread and out of order.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.send.buffer.len() + self.receive.buffered()
    }

    /// The written bytes that were sent and are not acknowledged.
    #[must_use]
    pub fn unacknowledged(&self) -> usize {
        match self.state {
            State::Listen | State::SynSent | State::SynReceived => 0,
            State::Closed
            | State::Established
            | State::FinWait1
            | State::FinWait2
            | State::CloseWait
            | State::Closing
            | State::LastAck
            | State::TimeWait => self.send.buffer.len().min(self.send.outstanding() as usize),
        }
    }

    /// The written bytes that were never sent.
    #[must_use]
    pub fn unsent(&self) -> usize {
        self.send.buffer.len() - self.unacknowledged()
    }

    /// The smoothed round-trip time, once there is a sample.
    #[must_use]
    pub fn srtt(&self) -> Option<Duration> {
        self.rtt.srtt()
    }

    /// The retransmission timeout.
    #[must_use]
    pub const fn rto(&self) -> Duration {
        self.rtt.rto()
    }

    /// The congestion window, in bytes.
    #[must_use]
    pub const fn cwnd(&self) -> u32 {
        self.congestion.cwnd
    }

    /// The slow start threshold, in bytes.
    #[must_use]
    pub const fn ssthresh(&self) -> u32 {
        self.congestion.ssthresh
    }

    /// The data bytes that fit in a segment to the peer.
    #[must_use]
    pub const fn mss(&self) -> u16 {
        self.send.mss
    }

    /// What it noticed of losses.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.losses.as_deref().copied().unwrap_or_default()
    }

    pub(super) fn losses(&mut self) -> &mut Statistics {
        self.losses.get_or_insert_default()
    }

    /// Answers a segment that acknowledges what was never sent (RFC 9293 §3.10.7).
    pub(super) fn answer_with_reset(&mut self, ack: SequenceNumber) {
        self.pending.reset = true;
        self.pending.reset_seq = ack;
    }

    /// Enters CLOSED. Bytes that arrived can still be read.
    pub(super) fn end(&mut self, event: Event) {
        self.state = State::Closed;
        self.events.insert(event);
        self.timers = Timers::new();
        self.pending = Pending::default();
        self.send.buffer = Default::default();
        self.outstanding = Outstanding::default();
        self.recovery = None;
        self.receive.abandon();
    }

    /// Enters TIME-WAIT, or starts its wait anew.
    pub(super) fn enter_time_wait(&mut self, now: SimTime) {
        self.state = State::TimeWait;
        self.timers.set(Timer::TimeWait, now + self.config.time_wait);
    }

    fn delayed_acknowledgement_timeout(&mut self, now: SimTime) {
        let several = self.receive.nxt.since(self.receive.acknowledged) > u32::from(self.send.mss);
        let waited_for_reader = self.receive.wake_reader(now) && several;
        if waited_for_reader && self.receive.unread() > 0 {
            // The program is busy with something else: the timer of the kernel is left.
            self.start_delayed_ack(now);
            return;
        }
        self.pending.acknowledgement = true;
        if !waited_for_reader {
            // A selective acknowledgement that waited is no sign of a connection without answers.
            self.receive.interactive &= self.receive.has_gap();
        }
    }

    #[cold]
    #[inline(never)]
    fn retransmission_timeout(&mut self, now: SimTime) {
        self.losses().timeouts += 1;
        let handshake = self.in_handshake();
        let allowed = if handshake { self.config.syn_retries } else { self.config.data_retries };
        if self.send.retries >= allowed {
            self.end(Event::TimedOut);
            return;
        }
        if handshake {
            self.pending.syn = true;
        } else {
            self.suspect_black_hole();
            let mss = u32::from(self.send.mss);
            // Linux `tcp_enter_loss`: a recovery that fails has reduced the window already.
            let reduced = self.sack && self.congestion.in_fast_recovery();
            let first = self.send.retries == 0 && !reduced;
            if self.sack {
                self.begin_doubt(first);
            }
            self.congestion.timeout(now, self.send.outstanding(), self.send.max, mss, first);
            if self.sack {
                self.lose_everything(now);
            } else {
                self.send.nxt = self.send.una;
                self.send.buffer.rewind();
                self.pending.retransmit = true;
            }
        }
        let linear = handshake && !self.passive && self.send.retries < self.config.syn_linear_timeouts;
        self.send.retries += 1;
        self.rtt.retransmitted();
        if !linear {
            self.rtt.back_off(self.config.max_rto);
        }
        self.arm_retransmission(now);
    }

    #[cold]
    #[inline(never)]
    fn persist_timeout(&mut self, now: SimTime) {
        if self.send.retries >= self.config.data_retries {
            self.end(Event::TimedOut);
            return;
        }
        self.send.retries += 1;
        self.send.persist_backoff = self.send.persist_backoff.saturating_add(1);
        self.pending.probe = true;
        self.arm_persist(now);
    }

    pub(super) fn in_handshake(&self) -> bool {
        matches!(self.state, State::SynSent | State::SynReceived)
    }

    pub(super) fn arm_retransmission(&mut self, now: SimTime) {
        let rto = self.rtt.rto();
        // The captured timeout of a SYN says itself when it expires.
        let wait = if self.in_handshake() { rto } else { expiry(self.config.rto_rule, rto) };
        self.timers.set(Timer::Retransmission, now + wait);
    }

    pub(super) fn arm_persist(&mut self, now: SimTime) {
        // RFC 9293 §3.8.6.1: the interval grows exponentially.
        let factor = 1_u32 << u32::from(self.send.persist_backoff).min(16);
        let wait = self.rtt.rto().saturating_mul(factor).min(self.config.max_rto);
        self.timers.set(Timer::Persist, now + expiry(self.config.rto_rule, wait));
    }
}

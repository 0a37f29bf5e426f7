//! A host whose board sleeps, is reset, or runs out of memory: hosts of clients only. Brokers and
//! visitors have neither watchdog nor heap.

use std::time::Duration;

use sim_core::time::SimTime;

use super::battery::Load;
use super::energy::State;
use super::heap::Heap;
use super::memory::MemoryAccount;
use super::secure::SecureHost;
use super::{Host, MemoryEnd, Remark, Surroundings};
use crate::app::{Program, Requests, Work};
use crate::cause::Cause;

impl Host {
    /// Whether a frame that arrives meets anybody.
    #[must_use]
    pub const fn hears(&self) -> bool {
        self.hears
    }

    /// Makes the heap, where the program has one, and what it holds from the start.
    pub(super) fn start_heap(&mut self, around: &mut impl Surroundings) {
        let (Some(figures), Program::Client(_)) = (self.kit.cost.heap, &self.program) else { return };
        let started = Heap::start(figures).and_then(|mut heap| {
            heap.pass_through(figures.built)?;
            Ok(heap)
        });
        match started {
            Ok(heap) => self.heap = Some(Box::new(heap)),
            Err(_) => {
                // It would crash again at every start.
                around.remark(Remark::OutOfMemory);
                self.program.reset(None);
                self.hears = false;
            }
        }
    }

    /// Takes from the heap what a connection holds; whether there was room.
    pub(super) fn room_for_connection(&mut self, now: SimTime, around: &mut impl Surroundings) -> bool {
        let Some(heap) = &mut self.heap else { return true };
        let figures = *heap.figures();
        let taken = heap.hold(figures.session).and_then(|()| {
            if !self.kit.cost.tls {
                return Ok(());
            }
            heap.hold_in_one_piece(figures.tls).inspect_err(|_| heap.release(figures.session))
        });
        if taken.is_err() {
            self.memory_ends(now, around);
            self.program.not_opened(now);
        }
        taken.is_ok()
    }

    /// Gives back to the heap what a connection held.
    pub(super) fn release_connection(&mut self) {
        if let Some(heap) = &mut self.heap {
            let figures = *heap.figures();
            heap.release(figures.session);
            if self.kit.cost.tls {
                heap.release(figures.tls);
            }
        }
    }

    /// Carries out what a task wants of the board itself.
    pub(super) fn change_state(&mut self, now: SimTime, requests: &Requests, around: &mut impl Surroundings) {
        if let Some((state, cause)) = requests.state {
            self.energy.enter(now, state, cause);
        }
        if requests.out_of_memory {
            self.memory_ends(now, around);
        }
        if requests.off {
            self.hears = false;
            self.lose_ram(around);
        } else if requests.on || requests.connect.is_some() {
            if !self.hears && requests.state.is_none() {
                // The program runs again after a reset.
                let cause = if self.program.sleeps() { Cause::TcpConnect } else { Cause::Idle };
                self.energy.enter(now, State::Awake, cause);
            }
            self.hears = true;
        }
    }

    /// A task that takes longer than the watchdog waits is cut short; whether it was.
    #[inline]
    pub(super) fn starves_watchdog(&self, work: &mut Work) -> bool {
        let (Some(limit), Program::Client(_)) = (self.kit.board.watchdog_ns, &self.program) else {
            return false;
        };
        let total: u64 = work.charges.iter().map(|(_, ns)| ns).sum();
        if total <= limit {
            return false;
        }
        let mut left = limit;
        for (_, ns) in &mut work.charges {
            *ns = (*ns).min(left);
            left -= *ns;
        }
        work.delivered.clear();
        work.accepted.clear();
        true
    }

    /// The watchdog has fired.
    pub(super) fn reset_by_watchdog(&mut self, now: SimTime, around: &mut impl Surroundings) {
        around.remark(Remark::WatchdogReset);
        self.restart(now, around);
    }

    fn memory_ends(&mut self, now: SimTime, around: &mut impl Surroundings) {
        around.remark(Remark::OutOfMemory);
        match self.kit.cost.memory_end {
            MemoryEnd::Nothing | MemoryEnd::Drop => {}
            MemoryEnd::Refuse => around.remark(Remark::PublishFailed),
            MemoryEnd::Exit => {
                self.lose_ram(around);
                self.program.reset(None);
            }
            MemoryEnd::Reboot => self.restart(now, around),
        }
    }

    /// Resets the board: the program starts anew.
    fn restart(&mut self, now: SimTime, around: &mut impl Surroundings) {
        self.lose_ram(around);
        self.hears = false;
        let up = self.busy_until.max(now) + Duration::from_nanos(self.kit.board.restart_ns);
        self.program.reset(Some(up));
        self.boots_next = true;
        self.boot_when_cut_off(now);
    }

    /// After a reset the board boots once the task that ended in it is over.
    pub(super) fn boot_when_cut_off(&mut self, now: SimTime) {
        if self.boots_next && self.busy_until <= now {
            self.boots_next = false;
            self.energy.enter(now, State::Booting, Cause::Boot);
        }
    }

    /// All sockets are gone without a word, the accounts stand as at the start.
    fn lose_ram(&mut self, around: &mut impl Surroundings) {
        self.heap = None;
        for (_, entry) in self.sockets.iter() {
            around.release(entry.flow, entry.end);
        }
        self.sockets.clear();
        if self.secure.is_some() {
            // What was agreed for a resumption lay in RAM as well.
            self.secure = self.program.security().map(SecureHost::new);
        }
        self.ready.clear();
        self.untaken = 0;
        self.program_accounted = 0;
        self.memory = MemoryAccount::restarted(self.kit.cost.ram_static, self.memory.peak());
        self.start_heap(around);
    }

    /// Days that the board's battery lasts if all goes on as up to `end`.
    pub(super) fn battery_days(&self, end: SimTime) -> Option<f64> {
        let battery = self.kit.board.battery.as_deref()?;
        let span_s = end.as_secs_f64();
        if span_s == 0.0 {
            return None;
        }
        let power = &self.kit.board.power;
        let fj: u128 = self.energy.by_cause(end, power).iter().map(|(_, fj)| fj).sum();
        let mean_w = fj as f64 * 1e-15 / span_s;
        let drawing_w = self.energy.drawing_w(end, power).max(mean_w);
        let peak_w = power.peak_uw() as f64 * 1e-6;
        Some(battery.days(&Load { mean_w, drawing_w, peak_w }))
    }
}

//! The program's tasks: which is next, what it is paid with, what it wants of the board, what it sends.

use std::time::Duration;

use sim_core::time::SimTime;

use super::energy::Component;
use super::socket::{End, News, Socket};
use super::{Host, Surroundings};
use crate::app::{Requests, Task, Work, Workplace};
use crate::mqtt::Outgoing;

impl Host {
    /// Lets the program do what there is to do.
    #[inline]
    pub(super) fn run_program(&mut self, now: SimTime, around: &mut impl Surroundings) {
        // Most segments are acknowledgements, which are nothing to a program.
        let idle = self.at_rest && now < self.wake && self.ready.is_empty();
        if !idle {
            self.run_tasks(now, around);
        }
    }

    /// Runs tasks for as long as there are any and the thread is free.
    #[inline(never)]
    fn run_tasks(&mut self, now: SimTime, around: &mut impl Surroundings) {
        let mut deadline = SimTime::MAX;
        while self.busy_until <= now {
            if self.at_rest && now < self.wake {
                deadline = self.wake;
            } else {
                self.flush(now, around);
                deadline = self.program.deadline();
            }
            let Some(mut task) = self.next_task(now, deadline) else {
                self.at_rest = true;
                break;
            };
            self.at_rest = false;
            if self.secure.is_some() {
                match self.secure_news(now, task, around) {
                    Some(left) => task = left,
                    None => continue,
                }
            }
            let (mut work, mut requests) = (Work::default(), Requests::default());
            let mut place = Workplace {
                now,
                sockets: &mut self.sockets,
                cost: &self.kit.cost,
                heap: self.heap.as_deref_mut(),
                around: &mut *around,
                work: &mut work,
                requests: &mut requests,
            };
            self.program.execute(task, &mut place);
            if self.secure.is_some() {
                self.seal(&mut work);
            }
            let starved = self.starves_watchdog(&mut work);
            if let Task::News(socket, _) = task {
                // Reading may have opened the window.
                self.drain_socket(now, socket, around);
            }
            self.busy_until = self.charge(now, &work, around);
            if starved {
                self.reset_by_watchdog(now, around);
            } else {
                self.carry_out(now, &requests, around);
            }
            self.account_program();
        }
        let next = if self.busy_until > now { self.busy_until } else { deadline };
        if next < self.wake {
            self.wake = next;
            around.wake_program(next, self.index);
        }
    }

    fn next_task(&mut self, now: SimTime, deadline: SimTime) -> Option<Task> {
        if deadline <= now {
            return Some(Task::Time);
        }
        loop {
            let Some(socket) = self.ready.pop_front() else {
                return self.program.has_background().then_some(Task::Background);
            };
            if let Some(entry) = self.sockets.get_mut(socket as usize) {
                let news = std::mem::take(&mut entry.news);
                if news != News::NONE {
                    if entry.untaken && (news.has(News::CONNECTED) || news.has(News::GONE)) {
                        entry.untaken = false;
                        self.untaken -= 1;
                    }
                    return Some(Task::News(socket, news));
                }
            }
        }
    }

    /// Charges a task's CPU time to its causes, one after the other, and enters in the ledger what
    /// reached an application. Returns when the task is done.
    pub(super) fn charge(&mut self, now: SimTime, work: &Work, around: &mut impl Surroundings) -> SimTime {
        let total_ns = work.charges.iter().map(|(_, ns)| ns).sum();
        let mut end = now;
        if total_ns > 0 {
            let grant = self.cpu.admit(now, Duration::from_nanos(total_ns));
            let mut start = grant.start;
            for &(cause, ns) in &work.charges {
                let part_end = SimTime::from_nanos(start.as_nanos() + ns);
                self.energy.busy(now, Component::Cpu, start, part_end, cause);
                start = part_end;
            }
            end = grant.end;
        }
        for &(component, span, cause) in &work.beside {
            let start = match component {
                Component::Cpu => self.cpu.admit(now, span).start,
                Component::Transmit | Component::Receive | Component::Camera | Component::Accelerator => now,
            };
            self.energy.busy(now, component, start, start + span, cause);
        }
        for &message in &work.delivered {
            around.ledger().deliver(end, message, self.index);
        }
        for &message in &work.accepted {
            around.ledger().accept(end, message);
        }
        end
    }

    fn carry_out(&mut self, now: SimTime, requests: &Requests, around: &mut impl Surroundings) {
        self.change_state(now, requests, around);
        if let Some((peer, port)) = requests.connect
            && self.room_for_connection(now, around)
        {
            let place = self.sockets.vacant_key() as u32;
            let flow = around.open_flow(self.index, place, peer, port);
            let sequence = around.initial_sequence(flow, End::Client);
            let mut socket = Socket::connect(self.kit.tcp.clone(), now, sequence, flow);
            let secured = &requests.secured;
            socket.tls = self.secure.as_ref().and_then(|secure| secure.client(secured, sequence));
            let socket = self.add_socket(socket);
            debug_assert_eq!(socket, place, "the socket lies where the flow was told");
            self.program.opened(socket);
            self.drain_socket(now, socket, around);
        }
        for &socket in &requests.used {
            self.drain_socket(now, socket, around);
        }
        for &socket in &requests.gone {
            self.remove_socket(socket, around);
        }
    }

    fn remove_socket(&mut self, socket: u32, around: &mut impl Surroundings) {
        if let Some(entry) = self.sockets.try_remove(socket as usize) {
            around.release(entry.flow, entry.end);
            self.memory.replace(u64::from(entry.accounted) + self.kit.cost.ram_per_connection, 0);
            self.release_connection();
        }
    }

    /// Hands to TCP what the program's machine has to send, then closes what it wants closed.
    fn flush(&mut self, now: SimTime, around: &mut impl Surroundings) {
        if self.secure.is_some() {
            self.flush_secured(now, around);
        }
        while let Some((socket, packet)) = self.program.poll_transmit() {
            self.write_plain(now, socket, packet, around);
        }
        while let Some(socket) = self.program.poll_close(now) {
            if self.secure.is_some() {
                self.close_secured(now, socket, around);
            }
            if let Some(entry) = self.sockets.get_mut(socket as usize) {
                entry.tcp.close(now);
                self.drain_socket(now, socket, around);
            }
        }
    }

    pub(super) fn write_plain(
        &mut self,
        now: SimTime,
        socket: u32,
        packet: Outgoing,
        around: &mut impl Surroundings,
    ) {
        let Some(entry) = self.sockets.get_mut(socket as usize) else { return };
        debug_assert!(entry.tls.is_none(), "a task's packets are protected when it ends");
        around.packet_sent(now, entry.flow, entry.end, &packet);
        entry.tcp.write(now, packet.head);
        if let Some(body) = packet.body {
            entry.tcp.write(now, body);
        }
        // One write, one chance to send, as with a socket of a real program.
        self.drain_socket(now, socket, around);
    }

    fn account_program(&mut self) {
        let held = self.program.buffered();
        if held != self.program_accounted {
            self.memory.replace(self.program_accounted, held);
            self.program_accounted = held;
        }
    }
}

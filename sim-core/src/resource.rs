//! A queueing resource: k equal servers and one queue, first come, first served.
//!
//! # What it models
//!
//! A CPU of k cores, a disk, an interpreter lock, a half-duplex radio: work that arrives is served at
//! once by a free server, or waits for the first that becomes free. As nothing can overtake, the times
//! at which a job begins and ends are known when it arrives, so the resource is k instants, each the
//! end of the work already accepted, and needs no events of its own. Who wants to act at the end of
//! a job inserts one event for [`Grant::end`].
//!
//! # What it leaves out
//!
//! Priorities, preemption, processor sharing, servers of different speed, a bounded queue (the owner
//! can refuse work by looking at [`Resource::backlog`] first).
//!
//! # Parameters
//!
//! The number of servers, at least 1. One server costs nothing beyond a comparison; with k servers an
//! admission looks at each of them.
//!
//! # Validation
//!
//! Mean waits of M/M/1, M/D/1 and M/M/k at nine loads within the 99.9 % confidence interval of
//! twenty replications (Pollaczek-Khinchine formula, Erlang's C formula: L. Kleinrock, *Queueing Systems* I, 1975).

use std::time::Duration;

use crate::time::{SimTime, saturating_nanos};

mod servers;
#[cfg(test)]
mod tests;

pub use servers::Servers;

/// When and by which server a job is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// When service begins: now, or when the server becomes free.
    pub start: SimTime,
    /// When service ends.
    pub end: SimTime,
    /// The number of the server, from 0.
    pub server: u32,
}

impl Grant {
    /// The time in queue of a job admitted at `now`.
    #[must_use]
    pub fn wait(&self, now: SimTime) -> Duration {
        self.start - now
    }
}

/// k servers and one queue.
///
/// ```
/// use sim_core::{resource::Resource, time::SimTime};
/// use std::time::Duration;
///
/// let mut cpu = Resource::new(1);
/// let now = SimTime::from_millis(100);
/// let first = cpu.admit(now, Duration::from_millis(10));
/// let second = cpu.admit(now, Duration::from_millis(5));
/// assert_eq!(first.end, SimTime::from_millis(110));
/// assert_eq!((second.start, second.end), (first.end, SimTime::from_millis(115)));
/// assert_eq!(cpu.busy_time(SimTime::from_millis(112)), Duration::from_millis(12));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    servers: Servers,
    last_admission: SimTime,
    jobs: u64,
    /// Nanoseconds of service and of waiting, of all jobs admitted. 128 bits: k servers do more than
    /// fits into 64 when k is large.
    service_ns: u128,
    wait_ns: u128,
}

impl Resource {
    /// `servers` idle servers.
    ///
    /// # Panics
    /// When `servers` is zero.
    #[must_use]
    pub fn new(servers: u32) -> Self {
        Resource {
            servers: Servers::new(servers),
            last_admission: SimTime::ZERO,
            jobs: 0,
            service_ns: 0,
            wait_ns: 0,
        }
    }

    /// Accepts a job at `now` that takes a server for the span `service`.
    ///
    /// Of several servers free at the same instant the one with the lowest number is taken.
    ///
    /// # Panics
    /// When `now` lies before the previous admission: first come, first served.
    #[inline]
    pub fn admit(&mut self, now: SimTime, service: Duration) -> Grant {
        assert!(now >= self.last_admission, "a job admitted at {now} after one at {}", self.last_admission);
        self.last_admission = now;
        let grant = self.servers.admit(now, service);
        self.jobs += 1;
        self.service_ns += u128::from(saturating_nanos(service));
        self.wait_ns += u128::from(grant.start.as_nanos() - now.as_nanos());
        grant
    }

    /// The number of servers.
    #[must_use]
    pub fn servers(&self) -> u32 {
        self.servers.count()
    }

    /// The instant at which the first server becomes free; in the past when one is idle.
    #[must_use]
    pub fn next_free(&self) -> SimTime {
        self.servers.free_times().min().unwrap_or(SimTime::ZERO)
    }

    /// The instant at which all accepted work is done; in the past when all servers are idle.
    #[must_use]
    pub fn busy_until(&self) -> SimTime {
        self.servers.free_times().max().unwrap_or(SimTime::ZERO)
    }

    /// How long a job that came at `now` would wait.
    #[must_use]
    pub fn wait(&self, now: SimTime) -> Duration {
        self.next_free().saturating_since(now)
    }

    /// The number of servers at work at `now`, which is not before the last admission.
    #[must_use]
    pub fn busy_servers(&self, now: SimTime) -> u32 {
        self.servers.free_times().filter(|free| *free > now).count() as u32
    }

    /// The work accepted and still to be done at `now`, summed over the servers.
    ///
    /// # Panics
    /// When `now` lies before the last admission.
    #[must_use]
    pub fn backlog(&self, now: SimTime) -> Duration {
        Duration::from_nanos_u128(self.backlog_ns(now))
    }

    /// The time that servers have been at work up to `now`, summed over the servers, exactly: work
    /// accepted that lies after `now` is not counted.
    ///
    /// # Panics
    /// When `now` lies before the last admission.
    #[must_use]
    pub fn busy_time(&self, now: SimTime) -> Duration {
        Duration::from_nanos_u128(self.service_ns - self.backlog_ns(now))
    }

    /// The share of time, from the start of the run to `now`, that a server was at work, 0 to 1.
    #[must_use]
    pub fn utilization(&self, now: SimTime) -> f64 {
        if now == SimTime::ZERO {
            return 0.0;
        }
        let capacity_s = now.as_secs_f64() * f64::from(self.servers());
        self.busy_time(now).as_secs_f64() / capacity_s
    }

    /// The number of jobs admitted so far.
    #[must_use]
    pub fn jobs(&self) -> u64 {
        self.jobs
    }

    /// The time that the jobs admitted so far wait, summed. Over the length of a run it is the mean
    /// number of jobs in the queue (Little's law).
    #[must_use]
    pub fn total_wait(&self) -> Duration {
        Duration::from_nanos_u128(self.wait_ns)
    }

    /// The mean time that the jobs admitted so far wait; zero before the first.
    #[must_use]
    pub fn mean_wait(&self) -> Duration {
        Duration::from_nanos_u128(self.wait_ns / u128::from(self.jobs.max(1)))
    }

    /// After the last admission a server works without a gap until it is free: a gap ends with an
    /// admission.
    fn backlog_ns(&self, now: SimTime) -> u128 {
        assert!(now >= self.last_admission, "{now} lies before the admission at {}", self.last_admission);
        self.servers.free_times().map(|free| u128::from(free.as_nanos().saturating_sub(now.as_nanos()))).sum()
    }
}

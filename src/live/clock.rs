//! The wall clock, and the signals that end a session.

#![expect(
    clippy::disallowed_types,
    reason = "the served broker lives in wall-clock time, and only here is it read"
)]

use std::io;
use std::time::Instant;

use mio::{Registry, Token};
use sim_core::time::{SimTime, saturating_nanos};

/// Simulated time that runs with the wall clock: nanoseconds since the start, never backwards.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub fn start() -> Self {
        Clock { start: Instant::now() }
    }

    /// The instant.
    #[must_use]
    pub fn now(&self) -> SimTime {
        SimTime::from_nanos(saturating_nanos(self.start.elapsed()))
    }
}

/// Wakes the loop when the process is asked to end: Ctrl-C (SIGINT) or SIGTERM.
#[cfg(unix)]
#[derive(Debug)]
pub struct Signals {
    // A byte arrives with each signal; the loop sees the event and need not read it.
    _arrived: mio::net::UnixStream,
    registered: Vec<signal_hook::SigId>,
}

#[cfg(unix)]
impl Signals {
    /// Catches the signals of this process from now on, until dropped.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn catch(registry: &Registry, token: Token) -> io::Result<Self> {
        use signal_hook::consts::{SIGINT, SIGTERM};

        let (arrived, sender) = std::os::unix::net::UnixStream::pair()?;
        arrived.set_nonblocking(true)?;
        sender.set_nonblocking(true)?;
        let mut arrived = mio::net::UnixStream::from_std(arrived);
        registry.register(&mut arrived, token, mio::Interest::READABLE)?;
        let mut signals = Signals { _arrived: arrived, registered: Vec::new() };
        for signal in [SIGINT, SIGTERM] {
            let id = signal_hook::low_level::pipe::register(signal, sender.try_clone()?)?;
            signals.registered.push(id);
        }
        Ok(signals)
    }
}

#[cfg(unix)]
impl Drop for Signals {
    fn drop(&mut self) {
        for id in self.registered.drain(..) {
            signal_hook::low_level::unregister(id);
        }
    }
}

/// Elsewhere a session ends by its span (`--for`) only.
#[cfg(not(unix))]
#[derive(Debug)]
pub struct Signals;

#[cfg(not(unix))]
impl Signals {
    /// Catches nothing.
    ///
    /// # Errors
    /// Never.
    pub fn catch(_registry: &Registry, _token: Token) -> io::Result<Self> {
        Ok(Signals)
    }
}

//! The loop: one thread, sockets that never block.
//!
//! A turn waits until something happens or a deadline comes, reads the clock once, and then: tells
//! the machine of a deadline that has come, accepts some clients, reads once from every client that
//! has sent something, writes what came of it. No client gets more than one read of
//! [`READ_BYTES`] in a turn, however much it sends, and no more than [`ACCEPTS`] new ones come in.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token, Waker};
use models::mqtt::ConnectionId;
use sim_core::time::SimTime;

use crate::live::LiveError;
use crate::live::clock::{Clock, Signals};
use crate::live::journal::{Header, Input, MAX_INPUT_BYTES, Writer};
use crate::live::line::{Brought, Lines};
use crate::live::served::{Ending, Served};
use crate::live::settings::Limits;

/// Bytes read at once.
pub const READ_BYTES: usize = 1 << 14;

/// Clients accepted in one turn at most.
pub const ACCEPTS: usize = 64;

const _: () = assert!(READ_BYTES <= MAX_INPUT_BYTES, "a read fits into a record");

/// After the operating system refused to accept (too many open files), the next try.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Records of the journal wait so long at most.
const JOURNAL_PAUSE: Duration = Duration::from_millis(50);

/// Events taken from the operating system at once.
const EVENTS: usize = 1_024;

const LISTENER: Token = Token(0);
const SIGNALS: Token = Token(1);
const WAKER: Token = Token(2);
/// The token of a client's socket is its place plus this.
const FIRST_LINE: usize = 3;

/// What is served, and how.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Where clients connect; port 0 lets the operating system choose.
    pub listen: SocketAddr,
    /// What clients may take of this computer.
    pub limits: Limits,
    /// Where the inputs are written to.
    pub journal: Option<PathBuf>,
    /// How long the session lasts; without it, until it is stopped.
    pub span: Option<Duration>,
}

/// How well the loop kept up with the wall clock, and whom it turned away.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pacing {
    /// Turns of the loop.
    pub turns: u64,
    /// Most that a deadline of the machine was handled after its time.
    pub worst_lag: Duration,
    /// Longest turn, waiting not included: what comes in meanwhile has to wait for the next one.
    pub longest_turn: Duration,
    /// Clients closed at once, for want of sockets or sessions.
    pub turned_away: u64,
    /// Clients disconnected because the broker held too much.
    pub greedy: u64,
    /// Clients disconnected because they did not read.
    pub too_slow: u64,
}

/// Stops a session from another thread.
#[derive(Clone, Debug)]
pub struct Stopper(Arc<Waker>);

impl Stopper {
    /// Ends the session after the turn at hand.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn stop(&self) -> io::Result<()> {
        self.0.wake()
    }
}

/// A broker or a scenario that listens.
#[derive(Debug)]
pub struct Server<S> {
    poll: Poll,
    listener: TcpListener,
    address: SocketAddr,
    signals: Option<Signals>,
    waker: Arc<Waker>,
    clock: Clock,
    now: SimTime,
    end: Option<SimTime>,
    stopping: bool,
    limits: Limits,
    served: S,
    // Connections whose clients do not read.
    stalled: Vec<ConnectionId>,
    lines: Lines,
    journal: Option<(PathBuf, Writer<File>)>,
    journal_failure: Option<io::Error>,
    // Some clients may wait to be accepted, not before this instant.
    accept_at: Option<SimTime>,
    // The last client was turned away.
    full: bool,
    buffer: Box<[u8]>,
    places: Vec<u32>,
    pacing: Pacing,
}

impl<S: Served> Server<S> {
    /// Listens, and starts the clock. `header` is what a replay needs to know of `served`.
    ///
    /// # Errors
    /// When the address cannot be listened on, or the journal cannot be written.
    pub fn bind(options: &ServeOptions, served: S, header: &Header) -> Result<Self, LiveError> {
        let listen = |reason| LiveError::Listen { address: options.listen.to_string(), reason };
        let mut listener = TcpListener::bind(options.listen).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let poll = Poll::new().map_err(LiveError::Poll)?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE).map_err(LiveError::Poll)?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER).map_err(LiveError::Poll)?);
        let journal = match &options.journal {
            None => None,
            Some(path) => match Writer::create(path, header) {
                Ok(writer) => Some((path.clone(), writer)),
                Err(reason) => return Err(LiveError::Journal { path: path.clone(), reason }),
            },
        };
        Ok(Server {
            poll,
            listener,
            address,
            signals: None,
            waker,
            clock: Clock::start(),
            now: SimTime::ZERO,
            end: options.span.map(|span| SimTime::ZERO.saturating_add(span)),
            stopping: false,
            limits: options.limits,
            served,
            stalled: Vec::new(),
            lines: Lines::new(options.limits),
            journal,
            journal_failure: None,
            accept_at: None,
            full: false,
            buffer: vec![0; READ_BYTES].into(),
            places: Vec::new(),
            pacing: Pacing::default(),
        })
    }

    /// The address, with the port that was chosen.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops this session from another thread.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        Stopper(self.waker.clone())
    }

    /// Ends the session on Ctrl-C and on SIGTERM.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn stop_on_signals(&mut self) -> Result<(), LiveError> {
        let signals = Signals::catch(self.poll.registry(), SIGNALS).map_err(LiveError::Poll)?;
        self.signals = Some(signals);
        Ok(())
    }

    /// What is served.
    #[must_use]
    pub const fn served(&self) -> &S {
        &self.served
    }

    /// How well the loop kept up.
    #[must_use]
    pub const fn pacing(&self) -> Pacing {
        Pacing { too_slow: self.lines.too_slow(), ..self.pacing }
    }

    /// The instant of the last turn.
    #[must_use]
    pub const fn now(&self) -> SimTime {
        self.now
    }

    /// Serves until the session is stopped or its span is over, then closes all connections.
    ///
    /// # Errors
    /// When the operating system refuses to wait for sockets, or the journal cannot be written.
    pub fn serve(&mut self) -> Result<(), LiveError> {
        let mut events = Events::with_capacity(EVENTS);
        while !self.stopping {
            match self.poll.poll(&mut events, self.wait()) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(LiveError::Poll(error)),
            }
            self.now = self.clock.now();
            self.turn(&events);
            self.pacing.turns += 1;
            let took = self.clock.now().saturating_since(self.now);
            self.pacing.longest_turn = self.pacing.longest_turn.max(took);
            self.check_journal()?;
        }
        self.finish();
        self.check_journal()
    }

    // How long the operating system may wait for something to happen.
    fn wait(&self) -> Option<Duration> {
        if self.lines.any_readable() {
            return Some(Duration::ZERO);
        }
        let journal = self.journal.as_ref().filter(|(_, writer)| writer.is_dirty());
        let deadlines = [
            self.served.poll_timeout(),
            self.lines.poll_timeout(),
            self.accept_at,
            self.end,
            journal.map(|_| self.now.saturating_add(JOURNAL_PAUSE)),
        ];
        let first = deadlines.into_iter().flatten().min()?;
        Some(first.saturating_since(self.clock.now()))
    }

    fn turn(&mut self, events: &Events) {
        self.pass_deadlines();
        self.lines.resume_reading();
        for event in events {
            match event.token() {
                LISTENER => self.accept_at = Some(self.now),
                SIGNALS | WAKER => self.stopping = true,
                Token(token) => {
                    let place = token - FIRST_LINE;
                    if event.is_readable() || event.is_read_closed() || event.is_error() {
                        self.lines.is_readable(place);
                    }
                    if event.is_writable() {
                        self.lines.is_writable(place);
                    }
                }
            }
        }
        self.accept();
        self.read();
        self.write();
        self.watch_readers();
        self.lines.drop_parted(self.now);
        if let Some((_, journal)) = &mut self.journal {
            let flushed = journal.flush_if_due(self.now);
            self.journal_failure = self.journal_failure.take().or(flushed.err());
        }
    }

    fn pass_deadlines(&mut self) {
        self.stopping |= self.end.is_some_and(|end| end <= self.now);
        if let Some(due) = self.served.poll_timeout().filter(|due| *due <= self.now) {
            self.pacing.worst_lag = self.pacing.worst_lag.max(self.now.saturating_since(due));
            if S::TIMEOUTS_ARE_INPUTS {
                self.record(&Input::Timeout);
            }
            self.served.timeout(self.now, &mut self.lines);
            self.settle();
        }
    }

    fn accept(&mut self) {
        if self.accept_at.is_none_or(|at| at > self.now) {
            return;
        }
        for _ in 0..ACCEPTS {
            match self.listener.accept() {
                Ok((stream, peer)) => self.admit(stream, peer),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return self.accept_at = None,
                    io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => {}
                    _ => return self.accept_at = Some(self.now + ACCEPT_PAUSE),
                },
            }
        }
    }

    fn admit(&mut self, mut stream: mio::net::TcpStream, peer: SocketAddr) {
        let full = self.lines.len() >= self.limits.sockets || self.served.sessions() >= self.limits.sessions;
        let token = Token(FIRST_LINE + self.lines.next_place());
        let interest = Interest::READABLE | Interest::WRITABLE;
        // Acknowledgements are small and must not wait for one another. A socket that refuses is gone.
        if full
            || stream.set_nodelay(true).is_err()
            || self.poll.registry().register(&mut stream, token, interest).is_err()
        {
            return self.turn_away(peer);
        }
        let Some(connection) = self.served.accept(self.now, &mut self.lines) else {
            return self.turn_away(peer);
        };
        self.full = false;
        self.record(&Input::Accepted(connection));
        self.lines.add(stream, connection);
        self.settle();
    }

    // Says so once, until somebody gets in: a flood of clients is not to become a flood of lines.
    fn turn_away(&mut self, peer: SocketAddr) {
        self.pacing.turned_away += 1;
        if !std::mem::replace(&mut self.full, true) {
            eprintln!("turned away {peer}: every place for a client is taken");
        }
    }

    fn read(&mut self) {
        let mut places = std::mem::take(&mut self.places);
        self.lines.take_readable(&mut places);
        for place in places.drain(..) {
            if self.lines.connection(place).is_some_and(|connection| self.served.is_behind(connection)) {
                self.lines.put_off(place);
                continue;
            }
            match self.lines.read(place, &mut self.buffer) {
                Brought::Bytes(connection, count) => self.feed(connection, count),
                Brought::End(connection, how) => self.lines.end(connection, how),
                Brought::Nothing => continue,
            }
            self.settle();
        }
        self.places = places;
    }

    fn feed(&mut self, connection: ConnectionId, count: usize) {
        if self.served.held() > self.limits.held_bytes {
            self.pacing.greedy += 1;
            return self.lines.end(connection, Ending::Closed);
        }
        if let Some((_, journal)) = &mut self.journal {
            let written = journal.write(self.now, &Input::Bytes(connection, &self.buffer[..count]));
            self.journal_failure = self.journal_failure.take().or(written.err());
        }
        self.served.bytes(self.now, connection, &self.buffer[..count], &mut self.lines);
    }

    // A transport that turns out to be broken may leave a will to be sent.
    fn write(&mut self) {
        while self.lines.any_unwritten() {
            self.lines.write_all();
            self.settle();
        }
    }

    // Tells what is served of the connections that have ended, until no more end by that.
    fn settle(&mut self) {
        while let Some((connection, how)) = self.lines.next_ended() {
            if self.served.is_open(connection) {
                self.record(&Input::Closed(connection, how));
                self.lines.part(connection, self.now);
                self.served.closed(self.now, connection, how, &mut self.lines);
            }
        }
    }

    // Tells what is served of the clients that stopped to read, and gives up those for whom too much
    // waits there.
    fn watch_readers(&mut self) {
        while let Some((connection, paused)) = self.lines.next_read_news() {
            self.stalled.retain(|stalled| *stalled != connection);
            if S::TIMEOUTS_ARE_INPUTS || !self.served.is_open(connection) {
                continue;
            }
            if paused {
                self.stalled.push(connection);
            }
            self.record(&Input::Paused(connection, paused));
            self.served.paused(self.now, connection, paused, &mut self.lines);
            self.settle();
        }
        let stalled = std::mem::take(&mut self.stalled);
        for connection in &stalled {
            if self.served.waiting_for(*connection) > self.limits.unread_bytes {
                self.lines.give_up(*connection);
                self.settle();
            }
        }
        self.stalled = stalled;
        self.stalled.retain(|connection| self.served.is_open(*connection));
    }

    // All connections end, and so does the journal.
    fn finish(&mut self) {
        for connection in self.lines.open() {
            self.lines.end(connection, Ending::Closed);
            self.settle();
        }
        self.write();
        self.record(&Input::End(self.served.fingerprint()));
        if let Some((_, journal)) = &mut self.journal {
            let flushed = journal.flush();
            self.journal_failure = self.journal_failure.take().or(flushed.err());
        }
    }

    fn record(&mut self, input: &Input) {
        if let Some((_, journal)) = &mut self.journal {
            let written = journal.write(self.now, input);
            self.journal_failure = self.journal_failure.take().or(written.err());
        }
    }

    fn check_journal(&mut self) -> Result<(), LiveError> {
        match (self.journal_failure.take(), &self.journal) {
            (Some(reason), Some((path, _))) => {
                Err(LiveError::Journal { path: path.clone(), reason: reason.into() })
            }
            (Some(_) | None, _) => Ok(()),
        }
    }
}

//! The clients' sockets, and what waits to be written to them.
//!
//! What the machine sends in one turn is put together in one buffer a client and written at the end
//! of the turn. What the socket does not take waits. A client that leaves more unread than
//! [`Limits`] allow is given up, for the others' sake.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use mio::net::TcpStream;
use models::mqtt::ConnectionId;
use sim_core::time::SimTime;
use slab::Slab;

use crate::live::served::{Ending, Outside};
use crate::live::settings::Limits;

/// No line belongs to this connection.
const NONE: u32 = u32::MAX;

/// A client that we part with has so long to read the last bytes and to close.
const LINGER: Duration = Duration::from_secs(1);

/// Empty buffers larger than this are given back.
const KEPT_BYTES: usize = 1 << 14;

/// A client that leaves so much unread is said not to read.
const STALLED_BYTES: usize = 1 << 18;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// Belongs to a connection of the machine.
    Open,
    /// The machine is done with it: the rest is written, then our side is shut.
    Parting,
    /// Our side is shut; whatever still comes is thrown away until the client closes. Closing with
    /// unread bytes would reset the transport, and the last packets could be lost. RFC 1122 §4.2.2.13
    Shut,
    /// Broken, or too slow: to be dropped as it is.
    GivenUp,
}

/// One client's socket.
#[derive(Debug)]
pub struct Line {
    stream: TcpStream,
    unsent: Vec<u8>,
    // Bytes at the front of `unsent` that are sent.
    sent: usize,
    connection: ConnectionId,
    stage: Stage,
    to_read: bool,
    to_write: bool,
    // So much waits that it was told of.
    stalled: bool,
    // The client sends no more.
    has_closed: bool,
    // Tells apart the lines that had this place.
    generation: u64,
}

/// What a read brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Brought {
    /// So many bytes for this connection.
    Bytes(ConnectionId, usize),
    /// The client has closed, or the transport is broken.
    End(ConnectionId, Ending),
    /// Nothing for the machine.
    Nothing,
}

/// All sockets of clients.
#[derive(Debug)]
pub struct Lines {
    limits: Limits,
    lines: Slab<Line>,
    // By connection: its line.
    of_connection: Vec<u32>,
    readable: Vec<u32>,
    // Readable, too, but not to be read from in this turn.
    put_off: Vec<u32>,
    unwritten: Vec<u32>,
    // Connections that are at their end, which the machine does not know yet.
    ended: VecDeque<(ConnectionId, Ending)>,
    // Connections whose clients stopped to read, or read again.
    read_news: VecDeque<(ConnectionId, bool)>,
    parting: VecDeque<(SimTime, u32, u64)>,
    unsent: usize,
    generations: u64,
    too_slow: u64,
}

impl Lines {
    /// No sockets yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Lines {
            limits,
            lines: Slab::new(),
            of_connection: Vec::new(),
            readable: Vec::new(),
            put_off: Vec::new(),
            unwritten: Vec::new(),
            ended: VecDeque::new(),
            read_news: VecDeque::new(),
            parting: VecDeque::new(),
            unsent: 0,
            generations: 0,
            too_slow: 0,
        }
    }

    /// Number of sockets, parting ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Clients given up because they did not read.
    #[must_use]
    pub const fn too_slow(&self) -> u64 {
        self.too_slow
    }

    /// The place that the next [`Lines::add`] fills.
    #[must_use]
    pub fn next_place(&self) -> usize {
        self.lines.vacant_key()
    }

    /// Takes a socket in.
    pub fn add(&mut self, stream: TcpStream, connection: ConnectionId) {
        self.generations += 1;
        let line = Line {
            stream,
            unsent: Vec::new(),
            sent: 0,
            connection,
            stage: Stage::Open,
            to_read: false,
            to_write: false,
            stalled: false,
            has_closed: false,
            generation: self.generations,
        };
        let place = self.lines.insert(line);
        let index = connection.0 as usize;
        if self.of_connection.len() <= index {
            self.of_connection.resize(index + 1, NONE);
        }
        self.of_connection[index] = place as u32;
    }

    /// The operating system says that there is something to read.
    pub fn is_readable(&mut self, place: usize) {
        if let Some(line) = self.lines.get_mut(place).filter(|line| !line.to_read) {
            line.to_read = true;
            self.readable.push(place as u32);
        }
    }

    /// The operating system says that there is room to write.
    pub fn is_writable(&mut self, place: usize) {
        if let Some(line) = self.lines.get_mut(place).filter(|line| !line.to_write && line.waiting() > 0) {
            line.to_write = true;
            self.unwritten.push(place as u32);
        }
    }

    /// Whether some sockets may still hold bytes that were not read.
    #[must_use]
    pub fn any_readable(&self) -> bool {
        !self.readable.is_empty()
    }

    /// The sockets to read from in this turn, in the order in which they became readable; each once,
    /// so that a busy client does not keep the others waiting. `places` is an empty buffer to fill.
    pub fn take_readable(&mut self, places: &mut Vec<u32>) {
        std::mem::swap(&mut self.readable, places);
    }

    /// Reads once from a socket of [`Lines::take_readable`].
    pub fn read(&mut self, place: u32, buffer: &mut [u8]) -> Brought {
        let Some(line) = self.lines.get_mut(place as usize) else { return Brought::Nothing };
        line.to_read = false;
        let read = loop {
            match line.stream.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        let open = line.stage == Stage::Open;
        match read {
            Ok(count) if count > 0 => {
                // With edge-triggered readiness one must read until the socket is empty. On Linux a
                // short read says so, too: epoll(7), question 9. What comes later, an end of the
                // stream included, is a new edge.
                if count == buffer.len() || !cfg!(target_os = "linux") {
                    line.to_read = true;
                    self.readable.push(place);
                }
                if open { Brought::Bytes(line.connection, count) } else { Brought::Nothing }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Brought::Nothing,
            Ok(_) | Err(_) => {
                line.has_closed = true;
                let connection = line.connection;
                if open {
                    let how = if read.is_ok() { Ending::Closed } else { Ending::Reset };
                    return Brought::End(connection, how);
                }
                self.drop_line(place);
                Brought::Nothing
            }
        }
    }

    /// Whether something was sent since the last [`Lines::write_all`].
    #[must_use]
    pub fn any_unwritten(&self) -> bool {
        !self.unwritten.is_empty()
    }

    /// Writes what waits, as far as the sockets take it.
    pub fn write_all(&mut self) {
        let mut places = std::mem::take(&mut self.unwritten);
        for place in places.drain(..) {
            if let Some(line) = self.lines.get_mut(place as usize) {
                line.to_write = false;
                self.write(place);
            }
        }
        // Nothing was added meanwhile: keep the buffer.
        self.unwritten = places;
    }

    fn write(&mut self, place: u32) {
        let Some(line) = self.lines.get_mut(place as usize) else { return };
        let before = line.waiting();
        let broken = line.write().is_err();
        self.unsent -= before - line.waiting();
        let (stage, empty, connection) = (line.stage, line.waiting() == 0, line.connection);
        match stage {
            Stage::Open if broken => {
                line.stage = Stage::GivenUp;
                self.ended.push_back((connection, Ending::Reset));
            }
            Stage::Parting if broken => self.drop_line(place),
            Stage::Parting if empty => {
                line.stage = Stage::Shut;
                if line.has_closed || line.stream.shutdown(Shutdown::Write).is_err() {
                    self.drop_line(place);
                }
            }
            Stage::GivenUp => self.drop_line(place),
            Stage::Open => self.watch_reading(place),
            Stage::Parting | Stage::Shut => {}
        }
    }

    // Tells of a client that stopped to read, and of one that reads again.
    fn watch_reading(&mut self, place: u32) {
        let line = &mut self.lines[place as usize];
        let stalled = line.waiting() > STALLED_BYTES || line.stalled && line.waiting() > 0;
        if stalled != line.stalled {
            line.stalled = stalled;
            self.read_news.push_back((line.connection, stalled));
        }
    }

    /// The next connection whose end the machine does not know.
    pub fn next_ended(&mut self) -> Option<(ConnectionId, Ending)> {
        self.ended.pop_front()
    }

    /// The client is at its end, or has to go: what waits for it is written if the socket takes it.
    pub fn end(&mut self, connection: ConnectionId, how: Ending) {
        self.ended.push_back((connection, how));
    }

    /// The next client that stopped to read (`true`) or reads again.
    pub fn next_read_news(&mut self) -> Option<(ConnectionId, bool)> {
        self.read_news.pop_front()
    }

    /// Gives up a client that does not read.
    pub fn give_up(&mut self, connection: ConnectionId) {
        let Some(place) = self.place_of(connection) else { return };
        self.too_slow += 1;
        self.ended.push_back((connection, Ending::Reset));
        self.lines[place as usize].stage = Stage::GivenUp;
    }

    // The line of a connection that is open.
    fn place_of(&self, connection: ConnectionId) -> Option<u32> {
        let place = *self.of_connection.get(connection.0 as usize)?;
        self.lines.get(place as usize).filter(|line| line.stage == Stage::Open).map(|_| place)
    }

    /// Reads from this socket in a later turn.
    pub fn put_off(&mut self, place: u32) {
        self.put_off.push(place);
    }

    /// The sockets that were put off have their turn again.
    pub fn resume_reading(&mut self) {
        self.readable.append(&mut self.put_off);
    }

    /// Whether a socket belongs to a connection of what is served, and to which.
    #[must_use]
    pub fn connection(&self, place: u32) -> Option<ConnectionId> {
        self.lines.get(place as usize).filter(|line| line.stage == Stage::Open).map(|line| line.connection)
    }

    /// The machine forgets a connection; its socket parts.
    pub fn part(&mut self, connection: ConnectionId, now: SimTime) {
        let place = std::mem::replace(&mut self.of_connection[connection.0 as usize], NONE);
        let Some(line) = self.lines.get_mut(place as usize) else { return };
        match line.stage {
            Stage::Open => line.stage = Stage::Parting,
            Stage::GivenUp => return self.drop_line(place),
            Stage::Parting | Stage::Shut => return,
        }
        // A last chance to read for a client that does not read.
        self.parting.push_back((now + LINGER, place, line.generation));
        if !line.to_write {
            line.to_write = true;
            self.unwritten.push(place);
        }
    }

    /// When [`Lines::drop_parted`] is to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<SimTime> {
        self.parting.front().map(|(deadline, _, _)| *deadline)
    }

    /// Drops the sockets that have had their time to part.
    pub fn drop_parted(&mut self, now: SimTime) {
        while let Some((_, place, generation)) = self.parting.pop_front_if(|(deadline, ..)| *deadline <= now)
        {
            if self.lines.get(place as usize).is_some_and(|line| line.generation == generation) {
                self.drop_line(place);
            }
        }
    }

    /// The connections of all open sockets, in the order of their places.
    #[must_use]
    pub fn open(&self) -> Vec<ConnectionId> {
        let open = self.lines.iter().filter(|(_, line)| line.stage == Stage::Open);
        open.map(|(_, line)| line.connection).collect()
    }

    // Whoever drops the socket closes it.
    fn drop_line(&mut self, place: u32) {
        let line = self.lines.remove(place as usize);
        self.unsent -= line.waiting();
    }

    // Whether `more` bytes may wait for this line, after writing what can be written.
    fn makes_room(&mut self, place: u32, more: usize) -> bool {
        let share = self.limits.unread_bytes_all / self.lines.len().max(1);
        let line = &mut self.lines[place as usize];
        let fits = |waiting: usize, all: usize| {
            waiting + more <= self.limits.unread_bytes
                && (all + more <= self.limits.unread_bytes_all || waiting + more <= share)
        };
        if fits(line.waiting(), self.unsent) {
            return true;
        }
        let before = line.waiting();
        let written = line.write();
        self.unsent -= before - line.waiting();
        written.is_ok() && fits(line.waiting(), self.unsent)
    }
}

impl Outside for Lines {
    fn send(&mut self, connection: ConnectionId, head: &[u8], body: &[u8]) {
        let Some(place) = self.place_of(connection) else { return };
        let more = head.len() + body.len();
        if !self.makes_room(place, more) {
            return self.give_up(connection);
        }
        self.unsent += more;
        let line = &mut self.lines[place as usize];
        line.unsent.extend_from_slice(head);
        line.unsent.extend_from_slice(body);
        if !line.to_write {
            line.to_write = true;
            self.unwritten.push(place);
        }
    }

    fn close(&mut self, connection: ConnectionId, how: Ending) {
        if how == Ending::Reset
            && let Some(place) = self.place_of(connection)
        {
            self.lines[place as usize].break_off();
        }
        self.ended.push_back((connection, how));
    }
}

impl Line {
    fn waiting(&self) -> usize {
        self.unsent.len() - self.sent
    }

    // Dropping the socket sends RST instead of FIN. RFC 1122 §4.2.2.13
    fn break_off(&mut self) {
        self.stage = Stage::GivenUp;
        // Where that is refused, the client sees an end in good order.
        let _ = socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }

    // Writes until nothing waits or the socket takes no more.
    fn write(&mut self) -> io::Result<()> {
        while self.sent < self.unsent.len() {
            match self.stream.write(&self.unsent[self.sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        if self.waiting() == 0 {
            self.unsent.clear();
            self.unsent.shrink_to(KEPT_BYTES);
            self.sent = 0;
        } else if self.sent >= self.unsent.len() / 2 {
            // Moved at most as often as written.
            self.unsent.drain(..self.sent);
            self.sent = 0;
        }
        Ok(())
    }
}

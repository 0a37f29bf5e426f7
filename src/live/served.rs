//! What the loop serves: a broker alone, or a scenario with its hosts.

use models::mqtt::ConnectionId;
use sim_core::time::SimTime;

/// Where what is served wants its outputs to go.
pub trait Outside {
    /// Bytes for a client, in two parts of which the second may be empty.
    fn send(&mut self, connection: ConnectionId, head: &[u8], body: &[u8]);

    /// A transport is to be closed after what was sent before, or broken off. Its end is to be
    /// reported by [`Served::closed`] before anything else is done.
    fn close(&mut self, connection: ConnectionId, how: Ending);
}

/// Nobody listens: a replay.
impl Outside for Vec<ConnectionId> {
    fn send(&mut self, _connection: ConnectionId, _head: &[u8], _body: &[u8]) {}

    fn close(&mut self, connection: ConnectionId, _how: Ending) {
        self.push(connection);
    }
}

/// How a transport ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// In good order, after all that was sent.
    Closed,
    /// Broken off.
    Reset,
}

/// The same in `live` and in `replay`: inputs in their order, each with its instant, and outputs.
pub trait Served {
    /// Whether deadlines are inputs of their own. Where they are not, [`Served::timeout`] may be called
    /// at any instant, and nothing depends on when it is.
    const TIMEOUTS_ARE_INPUTS: bool;

    /// A client opened a transport, which gets this name; `None` where there is no room for it.
    fn accept(&mut self, now: SimTime, outside: &mut impl Outside) -> Option<ConnectionId>;

    /// Bytes arrived from a client. Not called for a connection that is not open.
    fn bytes(&mut self, now: SimTime, connection: ConnectionId, bytes: &[u8], outside: &mut impl Outside);

    /// A transport is gone. Not called for a connection that is not open.
    fn closed(&mut self, now: SimTime, connection: ConnectionId, how: Ending, outside: &mut impl Outside);

    /// A client does not read at present, or reads again.
    fn paused(&mut self, now: SimTime, connection: ConnectionId, paused: bool, outside: &mut impl Outside);

    /// Does what is due at `now`.
    fn timeout(&mut self, now: SimTime, outside: &mut impl Outside);

    /// When [`Served::timeout`] is to be called next.
    fn poll_timeout(&self) -> Option<SimTime>;

    /// Whether this connection was accepted and not yet closed.
    fn is_open(&self, connection: ConnectionId) -> bool;

    /// Sessions, of connected clients and stored ones.
    fn sessions(&self) -> usize;

    /// Bytes that are held for all clients.
    fn held(&self) -> usize;

    /// Whether enough bytes of a client are under way, so that no more are to be read from it.
    fn is_behind(&self, connection: ConnectionId) -> bool;

    /// Bytes that wait for a client before they are handed out.
    fn waiting_for(&self, connection: ConnectionId) -> usize;

    /// The fingerprint of all inputs and outputs so far.
    fn fingerprint(&self) -> u128;
}

//! Everything that can be waited for.

/// One entry of the future event list. Plain and small: what it refers to lies in the network's
/// tables.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A frame's last bit reaches the end of a link.
    Arrive {
        /// Its place in the table of packets under way.
        packet: u32,
    },
    /// A socket's earliest deadline may have come. Deadlines move without cancelling their
    /// wake-up, so it can come too early and is then looked at and forgotten.
    Socket {
        /// The host.
        host: u32,
        /// The socket's place in the host's table.
        socket: u32,
    },
    /// A WiFi cell's next transmission, or something that it waits for, may be due.
    Cell {
        /// The cell.
        cell: u32,
    },
    /// A program's CPU task ends, or one of its deadlines may have come.
    Program {
        /// The host.
        host: u32,
    },
}

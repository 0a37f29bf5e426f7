//! What a host is made of, in the integers that the simulation computes with.

use std::sync::Arc;

use super::battery::Battery;
use super::energy::{Doze, Power};
use super::heap::HeapFigures;

/// A board: its cores, memory, power and network interface.
#[derive(Clone, Debug, PartialEq)]
pub struct Board {
    /// Profile name.
    pub name: Arc<str>,
    /// CPU cores.
    pub cores: u32,
    /// RAM in bytes; 0 where the profile does not say.
    pub ram_bytes: u64,
    /// Power figures.
    pub power: Power,
    /// Time for which the host side of the network interface (driver, USB, SPI) works on each byte
    /// of a frame it sends, in picoseconds; frames wait for each other there.
    pub transmit_ps_per_byte: u64,
    /// The same for frames it receives. Their bytes reach TCP without waiting for it; it only keeps
    /// the interface busy where that takes longer than the wire.
    pub receive_ps_per_byte: u64,
    /// Kernel CPU time for each TCP segment sent or received, in nanoseconds. It is charged to the
    /// CPU and to the segment's cause and does not delay the segment.
    pub segment_ns: u64,
    /// How the board saves power while it is connected.
    pub doze: Option<Doze>,
    /// CPU time of one task after which the watchdog resets the board, in nanoseconds.
    pub watchdog_ns: Option<u64>,
    /// From a reset to the program, in nanoseconds.
    pub restart_ns: u64,
    /// What it is fed by; `None` for the mains.
    pub battery: Option<Arc<Battery>>,
    /// Whether energy is booked by component and cause; only a bench turns it off.
    pub metered: bool,
}

impl Board {
    /// A board that takes no time and no power.
    #[must_use]
    pub fn ideal() -> Self {
        Board {
            name: Arc::from("ideal"),
            cores: 1,
            ram_bytes: 0,
            power: Power::default(),
            transmit_ps_per_byte: 0,
            receive_ps_per_byte: 0,
            segment_ns: 0,
            doze: None,
            watchdog_ns: None,
            restart_ns: 0,
            battery: None,
            metered: true,
        }
    }
}

/// CPU time and memory of a program, on the board it runs on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ProgramCost {
    /// Handling one control packet, in nanoseconds.
    pub packet_ns: u64,
    /// Handling one PUBLISH on top of that (a publish call, or one that arrives).
    pub publish_ns: u64,
    /// Handling one byte of payload, in picoseconds.
    pub byte_ps: u64,
    /// Opening or accepting a connection.
    pub connect_ns: u64,
    /// RAM of the program without any connection, in bytes.
    pub ram_static: u64,
    /// RAM for each connection, in bytes.
    pub ram_per_connection: u64,
    /// A heap of fixed size, which then is the RAM account.
    pub heap: Option<HeapFigures>,
    /// Whether connections are under TLS, whose context lies in the heap.
    pub tls: bool,
    /// What happens when memory ends.
    pub memory_end: MemoryEnd,
}

/// What becomes of a program that asks for memory that is not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum MemoryEnd {
    /// The account is kept, and nothing fails.
    #[default]
    Nothing,
    /// The call fails, the program goes on and knows.
    Refuse,
    /// The message is dropped without a word.
    Drop,
    /// An exception that nobody catches ends the program.
    Exit,
    /// The board resets itself.
    Reboot,
}

impl ProgramCost {
    /// CPU time for a PUBLISH of `bytes`, in nanoseconds.
    #[must_use]
    pub const fn publish(&self, bytes: u64) -> u64 {
        self.packet_ns + self.publish_ns + self.byte_ps * bytes / 1_000
    }
}

//! A program's heap where a garbage collector keeps it in an array of fixed size.

use super::group::figures;
use super::{Incomplete, number, whole};

figures! {
    /// The heap and what the program takes from it.
    HeapFile, "Heap" {
        /// Size of the array.
        size,
        /// Largest array with which the firmware runs.
        limit,
        /// The unit of allocation.
        block,
        /// Share of the array that the collector's own tables take.
        tables,
        /// Share of the free bytes that no single allocation can have after loading the program.
        fragmented,
        /// Taken when the program has started.
        program,
        /// Held by the MQTT session of a connection.
        session,
        /// Held by the TLS context of a connection, allocated in one piece.
        tls,
        /// What building the program's largest payload leaves behind, before the first connection.
        built,
        /// Copies of a payload that a publish call makes, garbage afterwards.
        copies,
        /// Small objects that a publish call makes, garbage afterwards.
        objects,
        /// Held from the first subscription on.
        subscribed,
    }
}

/// The same in fixed units.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Heap {
    /// Size of the array in bytes.
    pub size: u64,
    /// Largest array with which the firmware runs, in bytes.
    pub limit: u64,
    /// The unit of allocation in bytes.
    pub block: u64,
    /// Share of the array that the collector's own tables take.
    pub tables: f64,
    /// Share of the free bytes that no single allocation can have.
    pub fragmented: f64,
    /// Taken when the program has started, in bytes.
    pub program: u64,
    /// Held by an MQTT session, in bytes.
    pub session: u64,
    /// Held by a TLS context, in bytes.
    pub tls: u64,
    /// Left behind by building the largest payload, in bytes.
    pub built: u64,
    /// Copies of a payload that a publish call makes.
    pub copies: f64,
    /// Small objects that a publish call makes, in bytes.
    pub objects: u64,
    /// Held from the first subscription on, in bytes.
    pub subscribed: u64,
}

impl HeapFile {
    pub(super) fn complete(&self) -> Result<Heap, Incomplete> {
        Ok(Heap {
            size: whole(&["heap", "size"], self.size.as_ref(), "B")?,
            limit: whole(&["heap", "limit"], self.limit.as_ref(), "B")?,
            block: whole(&["heap", "block"], self.block.as_ref(), "B")?,
            tables: number(&["heap", "tables"], self.tables.as_ref(), "1")?,
            fragmented: number(&["heap", "fragmented"], self.fragmented.as_ref(), "1")?,
            program: whole(&["heap", "program"], self.program.as_ref(), "B")?,
            session: whole(&["heap", "session"], self.session.as_ref(), "B")?,
            tls: whole(&["heap", "tls"], self.tls.as_ref(), "B")?,
            built: whole(&["heap", "built"], self.built.as_ref(), "B")?,
            copies: number(&["heap", "copies"], self.copies.as_ref(), "1")?,
            objects: whole(&["heap", "objects"], self.objects.as_ref(), "B")?,
            subscribed: whole(&["heap", "subscribed"], self.subscribed.as_ref(), "B")?,
        })
    }
}

//! A heap of fixed size with a garbage collector, as MicroPython has one.
//!
//! **Models** an array of which the collector's tables take a share; allocations in whole blocks;
//! garbage that stays until it is collected; a collection when an allocation does not fit; and the
//! end when it does not fit even then.
//!
//! **Leaves out** where each block lies. Fragmentation is one number instead, a stated
//! simplification: after the program was loaded, a share of the free bytes is out of reach of any
//! single large allocation. Small ones always find a place.
//!
//! **Parameters**: [`HeapFigures`], filled from `hw-profiles/software`.
//!
//! **Validated** against the alert-network authors' memory tests of an ESP8266: `docs/devices.md`.
//!
//! **References**: MicroPython, `py/gc.c` (blocks, allocation and finaliser tables).

/// What a heap is made of, in bytes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct HeapFigures {
    /// Size of the array.
    pub size: u64,
    /// Largest array with which the firmware runs at all.
    pub limit: u64,
    /// The unit of allocation.
    pub block: u64,
    /// Share of the array that the collector's tables take.
    pub tables: f64,
    /// Share of the free bytes that no single large allocation can have.
    pub fragmented: f64,
    /// Taken when the program has started.
    pub program: u64,
    /// Held by the MQTT session of a connection.
    pub session: u64,
    /// Held by the TLS context of a connection, in one piece.
    pub tls: u64,
    /// Garbage that building the largest payload leaves before the first connection.
    pub built: u64,
    /// Copies of a payload that a publish call makes.
    pub copies: f64,
    /// Small objects of a publish call.
    pub objects: u64,
    /// Held from the first subscription on.
    pub subscribed: u64,
}

/// There is no room, even after a collection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutOfMemory;

/// A heap at work.
#[derive(Clone, Debug)]
pub struct Heap {
    figures: HeapFigures,
    /// Bytes of the array that can be allocated.
    capacity: u64,
    held: u64,
    garbage: u64,
    /// The most bytes ever in use, garbage included.
    peak: u64,
    collections: u32,
}

impl Heap {
    /// The heap when the program has started.
    ///
    /// # Errors
    /// When the program does not fit, or the array leaves the rest of the firmware too little.
    pub fn start(figures: HeapFigures) -> Result<Self, OutOfMemory> {
        if figures.size > figures.limit {
            return Err(OutOfMemory);
        }
        let share = figures.size as f64 * (1.0 - figures.tables);
        let capacity = blocks(share as u64, figures.block, false);
        let mut heap = Heap { figures, capacity, held: 0, garbage: 0, peak: 0, collections: 0 };
        heap.hold(figures.program)?;
        Ok(heap)
    }

    /// The figures it was made from.
    #[must_use]
    pub const fn figures(&self) -> &HeapFigures {
        &self.figures
    }

    /// Bytes that can be allocated without a collection: what `gc.mem_free()` tells.
    #[must_use]
    pub const fn free(&self) -> u64 {
        self.capacity - self.held - self.garbage
    }

    /// Bytes in use that no collection gives back.
    #[must_use]
    pub const fn held(&self) -> u64 {
        self.held
    }

    /// The most bytes ever in use, garbage included.
    #[must_use]
    pub const fn peak(&self) -> u64 {
        self.peak
    }

    /// Collections so far.
    #[must_use]
    pub const fn collections(&self) -> u32 {
        self.collections
    }

    /// Allocates small objects that stay.
    ///
    /// # Errors
    /// When they do not fit.
    pub fn hold(&mut self, bytes: u64) -> Result<(), OutOfMemory> {
        let bytes = self.room_for(bytes)?;
        self.held += bytes;
        self.peak = self.peak.max(self.held + self.garbage);
        Ok(())
    }

    /// Allocates one large piece that stays.
    ///
    /// # Errors
    /// When no free piece is as large, even after a collection.
    pub fn hold_in_one_piece(&mut self, bytes: u64) -> Result<(), OutOfMemory> {
        let reachable = |free: u64| (free as f64 * (1.0 - self.figures.fragmented)) as u64;
        if bytes > reachable(self.free()) {
            if bytes > reachable(self.capacity - self.held) {
                return Err(OutOfMemory);
            }
            self.collect();
        }
        self.hold(bytes)
    }

    /// Gives back what was held.
    ///
    /// # Panics
    /// When so much was never held.
    pub fn release(&mut self, bytes: u64) {
        let bytes = blocks(bytes, self.figures.block, true);
        assert!(bytes <= self.held, "memory that was never held");
        self.held -= bytes;
        // The collector has yet to find it.
        self.garbage += bytes;
    }

    /// Allocates objects that are garbage as soon as the call is over.
    ///
    /// # Errors
    /// When they do not fit.
    pub fn pass_through(&mut self, bytes: u64) -> Result<(), OutOfMemory> {
        let bytes = self.room_for(bytes)?;
        self.garbage += bytes;
        self.peak = self.peak.max(self.held + self.garbage);
        Ok(())
    }

    /// The transient copies and objects of a publish call.
    ///
    /// # Errors
    /// When they do not fit.
    pub fn publish(&mut self, payload: u64) -> Result<(), OutOfMemory> {
        let copy = blocks(payload, self.figures.block, true);
        let copies = (copy as f64 * self.figures.copies) as u64;
        self.pass_through(copies + self.figures.objects)
    }

    /// Collects all garbage.
    pub fn collect(&mut self) {
        self.garbage = 0;
        self.collections += 1;
    }

    /// `bytes` in whole blocks, once there is room for them.
    fn room_for(&mut self, bytes: u64) -> Result<u64, OutOfMemory> {
        let bytes = blocks(bytes, self.figures.block, true);
        if bytes > self.free() {
            if bytes > self.capacity - self.held {
                return Err(OutOfMemory);
            }
            self.collect();
        }
        Ok(bytes)
    }
}

/// `bytes` in whole blocks.
const fn blocks(bytes: u64, block: u64, up: bool) -> u64 {
    if up { bytes.div_ceil(block) * block } else { bytes / block * block }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FIGURES: HeapFigures = HeapFigures {
        size: 10_000,
        limit: 20_000,
        block: 16,
        tables: 0.0229,
        fragmented: 0.5,
        program: 1_000,
        session: 500,
        tls: 4_000,
        built: 0,
        copies: 2.0,
        objects: 160,
        subscribed: 0,
    };

    #[test]
    fn a_large_piece_needs_more_than_free_bytes() {
        let mut heap = Heap::start(FIGURES).unwrap();
        assert_eq!(heap.free(), 9_760 - 1_008);
        heap.hold_in_one_piece(4_000).unwrap();
        assert_eq!(heap.hold_in_one_piece(4_000), Err(OutOfMemory), "4,752 B are free, but not in one piece");
        heap.hold(4_000).unwrap();
    }

    #[test]
    fn garbage_goes_when_room_is_needed() {
        let mut heap = Heap::start(FIGURES).unwrap();
        for _ in 0..20 {
            heap.publish(1_000).unwrap();
        }
        assert!(heap.collections() > 0);
        assert_eq!(heap.held(), 1_008);
        assert_eq!(heap.publish(5_000), Err(OutOfMemory));
        assert!(Heap::start(HeapFigures { size: 20_001, ..FIGURES }).is_err(), "beyond the limit");
    }

    proptest! {
        /// Whatever is asked for, the heap is never fuller than it is large.
        #[test]
        fn the_heap_is_never_overfull(calls in prop::collection::vec((0_u8..4, 0_u64..6_000), 0..80)) {
            let mut heap = Heap::start(FIGURES).unwrap();
            for (what, bytes) in calls {
                let _ = match what {
                    0 => heap.hold(bytes),
                    1 => heap.hold_in_one_piece(bytes),
                    2 => heap.publish(bytes),
                    _ => heap.pass_through(bytes),
                };
                prop_assert!(heap.held() + heap.free() <= 9_760);
                prop_assert!(heap.peak() <= 9_760);
            }
        }
    }
}

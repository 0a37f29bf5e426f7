//! The hierarchical timing wheel: where events wait that are not due soon.
//!
//! An instant is read as a number with ten digits of six bits above a grain of 2^8 ns. A waiting
//! event stands on the level of the highest digit in which its time differs from the wheel's
//! position, in the slot of that digit. Hence, whatever the position:
//!
//! - a lower level holds only earlier events than a higher one, and on one level a lower slot holds
//!   only earlier events than a higher one, so the first slot of the lowest occupied level holds
//!   the earliest event of all;
//! - events of the same instant stand in the same slot.
//!
//! A slot is a chain of blocks of 64 events. Emptied blocks are chained into a free list and used
//! again, so the wheel asks for memory only while more events wait than ever before.

/// The narrowest slot is 2^8 ns, a quarter of a microsecond, wide.
const GRAIN_BITS: u32 = 8;
/// With six bits, a level's slots have a word of 64 bits to tell which are occupied, and a slot is seldom
/// much wider than the events in it ask for.
const DIGIT_BITS: u32 = 6;
pub(super) const SLOTS_PER_LEVEL: usize = 1 << DIGIT_BITS;
/// Ten digits of six bits and the grain make up the 64 bits of an instant; of the last digit two are used.
pub(super) const LEVELS: u32 = (64 - GRAIN_BITS).div_ceil(DIGIT_BITS);
/// Events in a block. Long enough that a million events that are in no cache are read in a row: with
/// blocks of 16 a pop and push take half as long again. A block of 24-byte events takes 2.5 KiB.
const BLOCK: usize = 64;
/// The end of a chain.
const NONE: u32 = u32::MAX;

/// The distance from the first to the last nanosecond of a slot on `level`; all of time on
/// level [`LEVELS`].
pub(super) const fn slot_mask(level: u32) -> u64 {
    let bits = GRAIN_BITS + DIGIT_BITS * level;
    if bits < 64 { (1 << bits) - 1 } else { u64::MAX }
}

/// An event that waits, with what orders it.
#[derive(Clone, Debug)]
pub(super) struct Entry<E> {
    pub(super) time: u64,
    pub(super) insertion: u64,
    pub(super) event: E,
}

impl<E> Entry<E> {
    /// Events come out in the order of their keys.
    #[inline]
    pub(super) fn key(&self) -> u128 {
        (u128::from(self.time) << 64) | u128::from(self.insertion)
    }
}

/// A slot: a chain of blocks, of which only the first may be less than full.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// The earliest time in the slot; meaningless in an empty one.
    earliest: u64,
    first_block: u32,
    len: u32,
}

const EMPTY: Slot = Slot { earliest: u64::MAX, first_block: NONE, len: 0 };

#[derive(Clone, Debug)]
struct Block<E> {
    entries: Vec<Entry<E>>,
    next: u32,
}

/// The first occupied slot, as [`Wheel::first`] finds it.
#[derive(Clone, Copy, Debug)]
pub(super) struct First {
    /// The time of the earliest event of the whole wheel.
    pub(super) earliest: u64,
    /// The number of events in the slot.
    pub(super) len: u32,
    /// The level of the slot, and so its width.
    pub(super) level: u32,
    digit: usize,
}

/// Events that wait, addressed relative to a position in time that never moves back.
#[derive(Clone, Debug)]
pub(super) struct Wheel<E> {
    position: u64,
    /// Bit `l` is set while level `l` holds an event.
    occupied_levels: u32,
    /// Bit `s` of word `l` is set while slot `s` of level `l` holds an event.
    occupied_slots: [u64; LEVELS as usize],
    slots: Box<[[Slot; SLOTS_PER_LEVEL]; LEVELS as usize]>,
    blocks: Vec<Block<E>>,
    first_free: u32,
}

impl<E> Wheel<E> {
    pub(super) fn new() -> Self {
        Wheel {
            position: 0,
            occupied_levels: 0,
            occupied_slots: [0; LEVELS as usize],
            slots: Box::new([[EMPTY; SLOTS_PER_LEVEL]; LEVELS as usize]),
            blocks: Vec::new(),
            first_free: NONE,
        }
    }

    /// Moves the position forward within a slot of `level`, below which no event waits.
    pub(super) fn move_within(&mut self, level: u32, position: u64) {
        debug_assert!(position >= self.position, "the wheel never turns back");
        debug_assert!((position ^ self.position) <= slot_mask(level), "a move out of the slot");
        debug_assert_eq!(self.occupied_levels & ((1 << level) - 1), 0, "events wait below the level");
        self.position = position;
    }

    /// Puts an event into its slot. Its time lies after the position, in another grain.
    #[inline]
    pub(super) fn insert(&mut self, entry: Entry<E>) {
        debug_assert!(entry.time > self.position);
        let difference = (entry.time ^ self.position) >> GRAIN_BITS;
        debug_assert_ne!(difference, 0, "an event of the current grain does not wait");
        let level = difference.ilog2() / DIGIT_BITS;
        let digit = (entry.time >> (GRAIN_BITS + DIGIT_BITS * level)) as usize % SLOTS_PER_LEVEL;
        self.occupied_levels |= 1 << level;
        self.occupied_slots[level as usize] |= 1 << digit;

        let slot = &mut self.slots[level as usize][digit];
        slot.earliest = slot.earliest.min(entry.time);
        slot.len += 1;
        match self.blocks.get_mut(slot.first_block as usize) {
            Some(block) if block.entries.len() < BLOCK => block.entries.push(entry),
            Some(_) | None => self.insert_in_new_block(level as usize, digit, entry),
        }
    }

    /// Puts another block before the others of a slot, and an event into it.
    #[inline(never)]
    fn insert_in_new_block(&mut self, level: usize, digit: usize, entry: Entry<E>) {
        if self.first_free == NONE {
            self.first_free = u32::try_from(self.blocks.len()).expect("fewer than 2^32 blocks");
            self.blocks.push(Block { entries: Vec::with_capacity(BLOCK), next: NONE });
        }
        let slot = &mut self.slots[level][digit];
        let block = &mut self.blocks[self.first_free as usize];
        block.entries.push(entry);
        let next_free = std::mem::replace(&mut block.next, slot.first_block);
        slot.first_block = std::mem::replace(&mut self.first_free, next_free);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.occupied_levels == 0
    }

    /// The slot that holds the earliest event, or `None` when no event waits.
    #[inline]
    pub(super) fn first(&self) -> Option<First> {
        if self.occupied_levels == 0 {
            return None;
        }
        let level = self.occupied_levels.trailing_zeros();
        let digit = self.occupied_slots[level as usize].trailing_zeros() as usize;
        let Slot { earliest, len, .. } = self.slots[level as usize][digit];
        Some(First { earliest, len, level, digit })
    }

    /// Empties the first slot: events up to the end of the slot of `level` around its earliest
    /// event go to `due`, in no particular order, the others to lower levels of the wheel.
    ///
    /// The position moves to the earliest event.
    pub(super) fn empty(&mut self, first: First, level: u32, due: &mut Vec<Entry<E>>) {
        debug_assert!(level <= first.level);
        let slot = std::mem::replace(&mut self.slots[first.level as usize][first.digit], EMPTY);
        let occupied = &mut self.occupied_slots[first.level as usize];
        *occupied &= !(1 << first.digit);
        if *occupied == 0 {
            self.occupied_levels &= !(1 << first.level);
        }
        self.position = slot.earliest;
        let due_until = slot.earliest | slot_mask(level);

        let mut index = slot.first_block;
        while index != NONE {
            // The block is out of the wheel while its events are put elsewhere.
            let block = &mut self.blocks[index as usize];
            let mut entries = std::mem::take(&mut block.entries);
            let next = block.next;
            for entry in entries.drain(..) {
                if entry.time <= due_until { due.push(entry) } else { self.insert(entry) }
            }
            let block = &mut self.blocks[index as usize];
            block.entries = entries;
            block.next = self.first_free;
            self.first_free = index;
            index = next;
        }
    }

    /// Blocks in existence, used or free.
    #[cfg(test)]
    pub(super) fn blocks(&self) -> usize {
        self.blocks.len()
    }
}

//! Busy time by component and cause.
//!
//! A node that only keeps its connection does a dozen kinds of work, for a second a day; a broker does nearly
//! all of them. So the books begin as a short list of small sums and become a table, first of small sums, too.

use super::{COMPONENTS, Component};
use crate::cause::Cause;

/// Kinds of work.
const KINDS: usize = COMPONENTS * Cause::ALL.len();

/// What a piece of work was: a component, and a cause. One byte, never zero. What is done for one cause lies
/// together: a segment takes the CPU and the interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Kind(u8);

const _: () = assert!(KINDS < 1 << 8, "a kind of work is one byte");

impl Kind {
    pub(super) const fn new(component: Component, cause: Cause) -> Self {
        Kind((cause as usize * COMPONENTS + component as usize) as u8 + 1)
    }

    pub(super) const fn from_byte(byte: u8) -> Self {
        Kind(byte)
    }

    pub(super) const fn byte(self) -> u8 {
        self.0
    }

    const fn index(self) -> usize {
        self.0 as usize - 1
    }

    pub(super) const fn component(self) -> usize {
        self.index() % COMPONENTS
    }

    pub(super) const fn cause(self) -> usize {
        self.index() / COMPONENTS
    }
}

/// The first byte of `word` that is `byte`.
#[inline]
const fn find(word: u64, byte: u8) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // A byte is zero when taking one off it borrows from above: the lowest such byte is found exactly
    // (A. Mycroft, 1987; H. S. Warren, "Hacker's Delight", 6-1).
    let difference = word ^ (byte as u64 * ONES);
    let zeros = difference.wrapping_sub(ONES) & !difference & (ONES << 7);
    if zeros == 0 { None } else { Some(zeros.trailing_zeros() as usize / 8) }
}

/// At most 16 kinds of work in 80 bytes, eight to a word up to the first zero, and the time of each in
/// nanoseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct List {
    kinds: [u64; 2],
    ns: [[u32; 8]; 2],
}

impl List {
    /// Adds `span`, or does nothing and says that there is no room for it.
    #[inline]
    fn add(&mut self, kind: Kind, span: u64) -> bool {
        // Odd kinds stand in the second word, for as long as it has room, and are looked for there.
        let home = usize::from(kind.0 % 2);
        for word in [home, 1 - home] {
            if let Some(place) = find(self.kinds[word], kind.0) {
                let ns = &mut self.ns[word][place];
                let Ok(sum) = u32::try_from(u64::from(*ns) + span) else { return false };
                *ns = sum;
                return true;
            }
        }
        self.add_new(kind, span)
    }

    #[cold]
    fn add_new(&mut self, kind: Kind, span: u64) -> bool {
        let home = usize::from(kind.0 % 2);
        let free = [home, 1 - home].into_iter().find_map(|word| Some((word, find(self.kinds[word], 0)?)));
        let (Some((word, place)), Ok(span)) = (free, u32::try_from(span)) else { return false };
        self.kinds[word] |= u64::from(kind.0) << (8 * place);
        self.ns[word][place] = span;
        true
    }

    fn each(&self, mut with: impl FnMut(Kind, u64)) {
        let kinds = self.kinds.iter().flat_map(|word| word.to_le_bytes());
        let used = kinds.zip(self.ns.iter().flatten()).filter(|(kind, _)| *kind != 0);
        used.for_each(|(kind, ns)| with(Kind(kind), u64::from(*ns)));
    }
}

/// Busy nanoseconds of each kind of work.
#[derive(Clone, Debug, Default)]
pub(super) enum Booked {
    #[default]
    Nothing,
    /// No books are kept.
    LeftOff,
    /// A client that keeps its connection and does little more.
    Few(Box<List>),
    /// By kind; no sum is above four seconds.
    Short(Box<[u32; KINDS]>),
    /// By kind.
    Long(Box<[u64; KINDS]>),
}

impl Booked {
    #[inline]
    pub(super) const fn is_left_off(&self) -> bool {
        matches!(self, Booked::LeftOff)
    }

    #[inline(never)]
    pub(super) fn add(&mut self, kind: Kind, span: u64) {
        let added = match self {
            Booked::LeftOff => return,
            Booked::Nothing => false,
            Booked::Few(list) => list.add(kind, span),
            Booked::Short(table) => {
                let ns = &mut table[kind.index()];
                let sum = u64::from(*ns) + span;
                let fits = sum <= u64::from(u32::MAX);
                if fits {
                    *ns = sum as u32;
                }
                fits
            }
            Booked::Long(table) => {
                table[kind.index()] += span;
                true
            }
        };
        if !added {
            self.grow(kind, span);
        }
    }

    /// Makes more room, and adds `span`.
    #[cold]
    fn grow(&mut self, kind: Kind, span: u64) {
        let mut grown = match self {
            Booked::Nothing | Booked::LeftOff => Booked::Few(Box::default()),
            Booked::Few(_) => Booked::Short(Box::new([0; KINDS])),
            Booked::Short(_) | Booked::Long(_) => Booked::Long(Box::new([0; KINDS])),
        };
        self.each(|kind, ns| grown.add(kind, ns));
        *self = grown;
        self.add(kind, span);
    }

    /// Calls `with` for every kind of work that was done.
    pub(super) fn each(&self, mut with: impl FnMut(Kind, u64)) {
        let kinds = (1..).map(Kind);
        match self {
            Booked::Nothing | Booked::LeftOff => {}
            Booked::Few(list) => list.each(with),
            Booked::Short(table) => {
                let used = kinds.zip(table.iter()).filter(|(_, ns)| **ns > 0);
                used.for_each(|(kind, ns)| with(kind, u64::from(*ns)));
            }
            Booked::Long(table) => {
                let used = kinds.zip(table.iter()).filter(|(_, ns)| **ns > 0);
                used.for_each(|(kind, ns)| with(kind, *ns));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_becomes_a_table_and_nothing_is_lost() {
        let mut booked = Booked::default();
        let mut sums = [0; KINDS];
        for round in 1..=3 {
            for component in Component::ALL {
                for cause in Cause::ALL {
                    let kind = Kind::new(component, cause);
                    assert_eq!((kind.component(), kind.cause()), (component as usize, cause as usize));
                    booked.add(kind, round * u64::from(kind.byte()));
                    sums[kind.index()] += round * u64::from(kind.byte());
                    let mut found = [0; KINDS];
                    booked.each(|kind, ns| found[kind.index()] += ns);
                    assert_eq!(found, sums);
                }
            }
        }
        assert!(matches!(booked, Booked::Short(_)));
    }

    #[test]
    fn sums_of_more_than_four_seconds_are_exact() {
        let kinds = Cause::ALL.map(|cause| Kind::new(Component::Cpu, cause));
        for few in [1, 16, 17] {
            let mut booked = Booked::default();
            for kind in &kinds[..few] {
                booked.add(*kind, 7);
            }
            assert_eq!(matches!(booked, Booked::Few(_)), few <= 16);
            booked.add(kinds[0], u64::from(u32::MAX) - 7);
            assert!(!matches!(booked, Booked::Long(_)));
            booked.add(kinds[0], 1);
            assert!(matches!(booked, Booked::Long(_)));
            booked.add(kinds[0], u64::MAX >> 1);
            booked.each(|kind, ns| {
                assert_eq!(ns, if kind == kinds[0] { (1 << 32) + (u64::MAX >> 1) } else { 7 })
            });
        }
    }
}

//! Busy time by component and cause.
//!
//! A node that only keeps its connection does a dozen kinds of work, a broker does nearly all. So the table
//! begins as a short list and becomes a full table when it is full.

use super::{COMPONENTS, Component};
use crate::cause::Cause;

/// Kinds of work.
const KINDS: usize = COMPONENTS * Cause::ALL.len();
/// Entries of the list.
const FEW: usize = 24;
/// By how many entries its room grows.
const STEP: usize = 4;

/// What a piece of work was: a component, and a cause. One byte, never zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Kind(u8);

const _: () = assert!(KINDS < 1 << 8, "a kind of work is one byte");

impl Kind {
    pub(super) const fn new(component: Component, cause: Cause) -> Self {
        Kind((component as usize * Cause::ALL.len() + cause as usize) as u8 + 1)
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
        self.index() / Cause::ALL.len()
    }

    pub(super) const fn cause(self) -> usize {
        self.index() % Cause::ALL.len()
    }
}

/// Busy nanoseconds of each kind of work.
#[derive(Clone, Debug)]
pub(super) enum Booked {
    /// The kinds, up to the first zero, and their times.
    Few { kinds: [u8; FEW], ns: Box<[u64]> },
    /// By kind.
    All(Box<[u64; KINDS]>),
}

impl Default for Booked {
    fn default() -> Self {
        Booked::Few { kinds: [0; FEW], ns: Box::default() }
    }
}

impl Booked {
    #[inline]
    pub(super) fn add(&mut self, kind: Kind, span: u64) {
        match self {
            Booked::All(table) => table[kind.index()] += span,
            Booked::Few { kinds, ns } => match kinds.iter().position(|known| *known == kind.0) {
                Some(place) => ns[place] += span,
                None => self.add_new(kind, span),
            },
        }
    }

    #[cold]
    fn add_new(&mut self, kind: Kind, span: u64) {
        let Booked::Few { kinds, ns } = self else { return self.add(kind, span) };
        match kinds.iter().position(|known| *known == 0) {
            Some(place) => {
                kinds[place] = kind.0;
                if place == ns.len() {
                    let mut longer = Vec::with_capacity(place + STEP);
                    longer.extend_from_slice(ns);
                    longer.resize(place + STEP, 0);
                    *ns = longer.into_boxed_slice();
                }
                ns[place] = span;
            }
            None => {
                let mut table = Box::new([0; KINDS]);
                self.each(|kind, span| table[kind.index()] = span);
                table[kind.index()] += span;
                *self = Booked::All(table);
            }
        }
    }

    /// Calls `with` for every kind of work that was done.
    pub(super) fn each(&self, mut with: impl FnMut(Kind, u64)) {
        match self {
            Booked::Few { kinds, ns } => {
                let used = kinds.iter().take_while(|kind| **kind != 0);
                used.zip(ns).for_each(|(kind, ns)| with(Kind(*kind), *ns));
            }
            Booked::All(table) => {
                (1..)
                    .zip(table.iter())
                    .filter(|(_, ns)| **ns > 0)
                    .for_each(|(kind, ns)| with(Kind(kind), *ns));
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
        assert!(matches!(booked, Booked::All(_)));
    }
}

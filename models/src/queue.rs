//! A queue whose first few entries need no heap.
//!
//! A machine's queues are mostly empty, and an idle one never holds more than a few entries. Those lie in
//! the queue itself; what comes beyond them goes on the heap for as long as there is any. A queue that has
//! once grown long keeps its room: it will grow again.

use std::collections::VecDeque;

/// Room for more entries than this is kept when the queue is empty.
const KEPT: usize = 16;

/// A queue of which `N` entries need no heap.
#[derive(Clone, Debug)]
pub(crate) struct ShortQueue<T, const N: usize> {
    /// Filled from the front.
    first: [Option<T>; N],
    /// What comes after a full `first`. Boxed, because it is seldom there.
    #[expect(clippy::box_collection, reason = "8 bytes instead of 32 in every idle machine")]
    rest: Option<Box<VecDeque<T>>>,
}

impl<T, const N: usize> Default for ShortQueue<T, N> {
    fn default() -> Self {
        ShortQueue { first: std::array::from_fn(|_| None), rest: None }
    }
}

impl<T, const N: usize> ShortQueue<T, N> {
    pub(crate) fn is_empty(&self) -> bool {
        self.first[0].is_none()
    }

    #[inline]
    pub(crate) fn front(&self) -> Option<&T> {
        self.first[0].as_ref()
    }

    #[inline]
    pub(crate) fn push_back(&mut self, entry: T) {
        match self.first.iter_mut().find(|place| place.is_none()) {
            Some(place) => *place = Some(entry),
            None => self.rest.get_or_insert_default().push_back(entry),
        }
    }

    #[inline]
    pub(crate) fn pop_front(&mut self) -> Option<T> {
        let entry = self.first[0].take()?;
        self.first.rotate_left(1);
        if let Some(rest) = &mut self.rest {
            self.first[N - 1] = rest.pop_front();
            if rest.is_empty() && rest.capacity() <= KEPT {
                self.rest = None;
            }
        }
        Some(entry)
    }

    /// Puts an entry before all others.
    pub(crate) fn push_front(&mut self, entry: T) {
        if let Some(last) = self.first[N - 1].take() {
            self.rest.get_or_insert_default().push_front(last);
        }
        self.first.rotate_right(1);
        self.first[0] = Some(entry);
    }

    pub(crate) fn len(&self) -> usize {
        self.first.iter().flatten().count() + self.rest.as_ref().map_or(0, |rest| rest.len())
    }

    pub(crate) fn extend(&mut self, entries: impl Iterator<Item = T>) {
        entries.for_each(|entry| self.push_back(entry));
    }

    pub(crate) fn clear(&mut self) {
        *self = ShortQueue::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// It does what a queue does, and an empty one that was never long holds no heap.
        #[test]
        fn it_is_a_queue(steps in prop::collection::vec(prop::option::weighted(0.55, 0_u32..100), 0..200)) {
            let mut queue: ShortQueue<u32, 3> = ShortQueue::default();
            let mut oracle = VecDeque::new();
            let mut longest = 0;
            for step in steps {
                match step {
                    Some(entry) if entry < 10 => {
                        queue.push_front(entry);
                        oracle.push_front(entry);
                    }
                    Some(entry) => {
                        queue.push_back(entry);
                        oracle.push_back(entry);
                    }
                    None => prop_assert_eq!(queue.pop_front(), oracle.pop_front()),
                }
                longest = longest.max(oracle.len());
                let mut copy = queue.clone();
                prop_assert!(std::iter::from_fn(|| copy.pop_front()).eq(oracle.iter().copied()));
                prop_assert_eq!((queue.front(), queue.len()), (oracle.front(), oracle.len()));
                prop_assert_eq!(queue.is_empty(), oracle.is_empty());
            }
            while queue.pop_front().is_some() {}
            prop_assert!(longest > KEPT || queue.rest.is_none());
        }
    }
}

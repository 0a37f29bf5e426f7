//! A queue of chunks that needs no heap while it holds one or none.

use std::collections::VecDeque;

use crate::stream::Chunk;

/// A queue of chunks. The first lives in the queue itself, so the short exchanges of an idle client
/// (one packet out, one packet in) never allocate, and a drained queue holds no memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Rope {
    first: Option<Chunk>,
    /// Boxed, because it is seldom there and a connection holds two ropes.
    rest: Option<Box<Rest>>,
}

/// What comes after the first chunk: with the second in it, a packet's head and body cost one allocation.
#[derive(Clone, Debug)]
struct Rest {
    second: Chunk,
    others: VecDeque<Chunk>,
}

impl Rope {
    #[inline]
    pub(super) fn first(&self) -> Option<&Chunk> {
        self.first.as_ref()
    }

    #[inline]
    pub(super) fn get(&self, index: usize) -> Option<&Chunk> {
        match index {
            0 => self.first.as_ref(),
            1 => self.rest.as_ref().map(|rest| &rest.second),
            index => self.rest.as_ref()?.others.get(index - 2),
        }
    }

    #[inline]
    pub(super) fn last_mut(&mut self) -> Option<&mut Chunk> {
        match &mut self.rest {
            Some(rest) => Some(rest.others.back_mut().unwrap_or(&mut rest.second)),
            None => self.first.as_mut(),
        }
    }

    #[inline]
    pub(super) fn push(&mut self, chunk: Chunk) {
        match &mut self.rest {
            Some(rest) => rest.others.push_back(chunk),
            None if self.first.is_none() => self.first = Some(chunk),
            None => self.rest = Some(Box::new(Rest { second: chunk, others: VecDeque::new() })),
        }
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<Chunk> {
        let chunk = self.first.take()?;
        if let Some(mut rest) = self.rest.take() {
            match rest.others.pop_front() {
                Some(third) => {
                    self.first = Some(std::mem::replace(&mut rest.second, third));
                    self.rest = Some(rest);
                }
                None => self.first = Some(rest.second),
            }
        }
        Some(chunk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Tag;

    #[test]
    fn chunks_come_out_in_order_and_a_drained_queue_holds_no_heap() {
        let mut rope = Rope::default();
        for round in 0..3 {
            for byte in 0..=round {
                rope.push(Chunk::copied(Tag::default(), &[byte]));
            }
            assert_eq!(rope.get(usize::from(round)).map(Chunk::as_slice), Some(&[round][..]));
            assert_eq!(rope.last_mut().map(|chunk| chunk.as_slice()[0]), Some(round));
            for byte in 0..=round {
                assert_eq!(rope.pop().map(|chunk| chunk.as_slice()[0]), Some(byte));
            }
            assert!(rope.pop().is_none() && rope.first().is_none());
            assert!(rope.rest.is_none());
        }
    }
}

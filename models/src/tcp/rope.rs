//! A queue of chunks that needs no heap while it holds one or none.

use std::collections::VecDeque;

use crate::stream::Chunk;

/// A queue of chunks. The first lives in the queue itself, so the short exchanges of an idle client
/// (one packet out, one packet in) never allocate, and a drained queue holds no memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Rope {
    first: Option<Chunk>,
    /// Boxed, because it is seldom there and a connection holds two ropes.
    #[expect(clippy::box_collection, reason = "8 bytes instead of 32 in every idle connection")]
    rest: Option<Box<VecDeque<Chunk>>>,
}

impl Rope {
    pub(super) fn first(&self) -> Option<&Chunk> {
        self.first.as_ref()
    }

    pub(super) fn get(&self, index: usize) -> Option<&Chunk> {
        match index {
            0 => self.first.as_ref(),
            index => self.rest.as_ref()?.get(index - 1),
        }
    }

    pub(super) fn last_mut(&mut self) -> Option<&mut Chunk> {
        self.rest.as_mut().and_then(|rest| rest.back_mut()).or(self.first.as_mut())
    }

    pub(super) fn push(&mut self, chunk: Chunk) {
        if self.first.is_none() {
            self.first = Some(chunk);
        } else {
            self.rest.get_or_insert_default().push_back(chunk);
        }
    }

    pub(super) fn pop(&mut self) -> Option<Chunk> {
        let chunk = self.first.take()?;
        if let Some(rest) = &mut self.rest {
            self.first = rest.pop_front();
            if self.first.is_none() {
                self.rest = None;
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

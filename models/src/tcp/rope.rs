//! A queue of chunks that needs no heap while it holds one or none.

use std::collections::VecDeque;

use crate::stream::Chunk;

/// A queue of chunks. The first lives in the queue itself, so the short exchanges of an idle client
/// (one packet out, one packet in) never allocate, and a drained queue holds no memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Rope {
    first: Option<Chunk>,
    rest: VecDeque<Chunk>,
}

impl Rope {
    pub(super) fn first(&self) -> Option<&Chunk> {
        self.first.as_ref()
    }

    pub(super) fn get(&self, index: usize) -> Option<&Chunk> {
        match index {
            0 => self.first.as_ref(),
            index => self.rest.get(index - 1),
        }
    }

    pub(super) fn last_mut(&mut self) -> Option<&mut Chunk> {
        self.rest.back_mut().or(self.first.as_mut())
    }

    pub(super) fn push(&mut self, chunk: Chunk) {
        if self.first.is_none() {
            self.first = Some(chunk);
        } else {
            self.rest.push_back(chunk);
        }
    }

    pub(super) fn pop(&mut self) -> Option<Chunk> {
        let chunk = self.first.take()?;
        self.first = self.rest.pop_front();
        if self.first.is_none() && self.rest.capacity() > 0 {
            self.rest = VecDeque::new();
        }
        Some(chunk)
    }
}

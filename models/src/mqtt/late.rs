//! State that is made when it is first changed: a session without messages pays for a pointer.

use std::ops::{Deref, DerefMut};

/// A type of which one value holds nothing, and says so for all that hold nothing.
pub(super) trait Nothing: Default + 'static {
    const NOTHING: &'static Self;
}

/// A `T` that is made when it is first changed; until then it reads as one that holds nothing.
#[derive(Clone, Debug)]
pub(super) struct Late<T>(Option<Box<T>>);

impl<T> Default for Late<T> {
    fn default() -> Self {
        Late(None)
    }
}

impl<T> Late<T> {
    /// Whether it was made.
    pub(super) const fn is_made(&self) -> bool {
        self.0.is_some()
    }
}

impl<T: Nothing> Deref for Late<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or(T::NOTHING)
    }
}

impl<T: Nothing> DerefMut for Late<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_default()
    }
}

impl<T: 'static> Nothing for Vec<T> {
    const NOTHING: &'static Self = &Vec::new();
}

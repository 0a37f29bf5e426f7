//! Where a connection keeps its decoder: between two packets most connections need none.

use std::ops::{Deref, DerefMut};

use super::decode::Decoder;

/// The place of a connection's decoder, which is empty while a new one would do as well.
#[derive(Clone, Debug, Default)]
pub(in crate::mqtt) struct Seat(Option<Box<Decoder>>);

/// A decoder at work.
pub(in crate::mqtt) enum Seated {
    Kept(Box<Decoder>),
    New(Decoder),
}

impl Seat {
    /// Takes the decoder, or one that is as good as the one that was given back.
    pub(in crate::mqtt) fn take(&mut self, new: impl FnOnce() -> Decoder) -> Seated {
        self.0.take().map_or_else(|| Seated::New(new()), Seated::Kept)
    }

    /// Keeps a decoder that holds bytes, or that knows a topic.
    pub(in crate::mqtt) fn give_back(&mut self, decoder: Seated) {
        self.0 = match decoder {
            decoder if decoder.is_at_rest() => None,
            Seated::Kept(decoder) => Some(decoder),
            Seated::New(decoder) => Some(Box::new(decoder)),
        };
    }

    /// Bytes that are held and belong to no complete packet yet.
    pub(in crate::mqtt) fn buffered(&self) -> usize {
        self.0.as_ref().map_or(0, |decoder| decoder.buffered())
    }

    /// Forgets all bytes.
    pub(in crate::mqtt) fn reset(&mut self) {
        if let Some(decoder) = &mut self.0 {
            decoder.reset();
        }
    }
}

impl Deref for Seated {
    type Target = Decoder;

    #[inline]
    fn deref(&self) -> &Decoder {
        match self {
            Seated::Kept(decoder) => decoder,
            Seated::New(decoder) => decoder,
        }
    }
}

impl DerefMut for Seated {
    #[inline]
    fn deref_mut(&mut self) -> &mut Decoder {
        match self {
            Seated::Kept(decoder) => decoder,
            Seated::New(decoder) => decoder,
        }
    }
}

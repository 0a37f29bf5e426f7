//! Which session has which Client Identifier: a hash table of numbers, four bytes a place.
//!
//! The names stand in the sessions; only look-ups are made, so its order is nobody's business.

use slab::Slab;

use super::{Session, SessionIndex};

/// A place without a session.
const FREE: u32 = u32::MAX;

/// Sessions by Client Identifier: open addressing with linear probing, at most three quarters full.
#[derive(Clone, Debug, Default)]
pub(super) struct Directory {
    /// A power of two of them, or none.
    places: Box<[u32]>,
    len: usize,
}

/// FNV-1a, its bits mixed once more (Fowler, Noll, Vo; SplitMix64's finaliser, Steele et al. 2014).
fn hash(name: &str) -> usize {
    let fnv = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let mut z = name.as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, fnv);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (z ^ (z >> 31)) as usize
}

impl Directory {
    /// The session of a client, if it has one.
    pub(super) fn get(&self, name: &str, sessions: &Slab<Session>) -> Option<SessionIndex> {
        self.find(name, sessions).map(|place| SessionIndex(self.places[place]))
    }

    /// Enters a session under the name it has. There must be none of that name.
    pub(super) fn insert(&mut self, session: SessionIndex, sessions: &Slab<Session>) {
        if 4 * (self.len + 1) > 3 * self.places.len() {
            let grown = vec![FREE; (2 * self.places.len()).max(8)].into_boxed_slice();
            let old = std::mem::replace(&mut self.places, grown);
            old.iter().filter(|place| **place != FREE).for_each(|place| self.put(*place, sessions));
        }
        self.put(session.0, sessions);
        self.len += 1;
    }

    /// Takes the session of this name out, while it still has the name.
    pub(super) fn remove(&mut self, name: &str, sessions: &Slab<Session>) {
        let Some(mut gap) = self.find(name, sessions) else { return };
        self.len -= 1;
        self.places[gap] = FREE;
        // What was pushed past the gap moves up, so that no search ends too early.
        let mut place = self.after(gap);
        while self.places[place] != FREE {
            let home = self.home(self.places[place], sessions);
            let mask = self.places.len() - 1;
            if place.wrapping_sub(home) & mask >= place.wrapping_sub(gap) & mask {
                self.places.swap(gap, place);
                gap = place;
            }
            place = self.after(place);
        }
    }

    fn put(&mut self, session: u32, sessions: &Slab<Session>) {
        let mut place = self.home(session, sessions);
        while self.places[place] != FREE {
            place = self.after(place);
        }
        self.places[place] = session;
    }

    fn find(&self, name: &str, sessions: &Slab<Session>) -> Option<usize> {
        if self.places.is_empty() {
            return None;
        }
        let mut place = hash(name) & (self.places.len() - 1);
        loop {
            let session = sessions.get(self.places[place] as usize)?;
            if *session.client_identifier == *name {
                return Some(place);
            }
            place = self.after(place);
        }
    }

    fn home(&self, session: u32, sessions: &Slab<Session>) -> usize {
        hash(&sessions[session as usize].client_identifier) & (self.places.len() - 1)
    }

    fn after(&self, place: usize) -> usize {
        (place + 1) & (self.places.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn it_finds_what_a_map_finds(steps in prop::collection::vec((0_u32..40, any::<bool>()), 0..300)) {
            let (mut sessions, mut directory) = (Slab::new(), Directory::default());
            let mut oracle = BTreeMap::new();
            for (number, enter) in steps {
                let name = format!("client-{number}");
                match (enter, oracle.get(&name).copied()) {
                    (true, None) => {
                        let index = SessionIndex(sessions.insert(Session::new(name.as_str().into())) as u32);
                        directory.insert(index, &sessions);
                        oracle.insert(name, index);
                    }
                    (false, Some(SessionIndex(index))) => {
                        directory.remove(&name, &sessions);
                        sessions.remove(index as usize);
                        oracle.remove(&name);
                    }
                    (true, Some(_)) | (false, None) => {}
                }
                for number in 0..40 {
                    let name = format!("client-{number}");
                    prop_assert_eq!(directory.get(&name, &sessions), oracle.get(&name).copied());
                }
            }
        }
    }
}

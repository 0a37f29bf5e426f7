//! A host's sockets by number: most hosts have one, a broker has one for each of its clients.

use std::ops::{Index, IndexMut};

use slab::Slab;

use super::socket::Socket;

/// The sockets of a host. Numbers are given as a slab gives them: the one that was last given back first.
#[derive(Clone, Debug, Default)]
pub struct Sockets(Table);

#[derive(Clone, Debug, Default)]
enum Table {
    #[default]
    None,
    /// One socket, with the number 0, and no room for others.
    One(Box<Socket>),
    Many(Box<Slab<Socket>>),
}

impl Sockets {
    /// The socket with a number, if there is one.
    #[must_use]
    #[inline]
    pub fn get(&self, number: usize) -> Option<&Socket> {
        match &self.0 {
            Table::None => None,
            Table::One(socket) => (number == 0).then_some(&**socket),
            Table::Many(sockets) => sockets.get(number),
        }
    }

    /// The same, to change it.
    #[inline]
    pub fn get_mut(&mut self, number: usize) -> Option<&mut Socket> {
        match &mut self.0 {
            Table::None => None,
            Table::One(socket) => (number == 0).then_some(&mut **socket),
            Table::Many(sockets) => sockets.get_mut(number),
        }
    }

    /// The number that the next socket will have.
    #[must_use]
    pub fn vacant_key(&self) -> usize {
        match &self.0 {
            Table::None => 0,
            Table::One(_) => 1,
            Table::Many(sockets) => sockets.vacant_key(),
        }
    }

    /// Adds a socket and tells its number.
    pub fn insert(&mut self, socket: Socket) -> usize {
        match std::mem::take(&mut self.0) {
            Table::None => {
                self.0 = Table::One(Box::new(socket));
                0
            }
            Table::One(first) => {
                let mut sockets = Slab::with_capacity(2);
                sockets.insert(*first);
                let number = sockets.insert(socket);
                self.0 = Table::Many(Box::new(sockets));
                number
            }
            Table::Many(mut sockets) => {
                let number = sockets.insert(socket);
                self.0 = Table::Many(sockets);
                number
            }
        }
    }

    /// Takes a socket out, if it is there.
    pub fn try_remove(&mut self, number: usize) -> Option<Socket> {
        match &mut self.0 {
            Table::Many(sockets) => sockets.try_remove(number),
            Table::One(_) if number == 0 => match std::mem::take(&mut self.0) {
                Table::One(socket) => Some(*socket),
                Table::None | Table::Many(_) => None,
            },
            Table::One(_) | Table::None => None,
        }
    }

    /// Takes all sockets out.
    pub fn clear(&mut self) {
        self.0 = Table::None;
    }

    /// Number of sockets.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Table::None => 0,
            Table::One(_) => 1,
            Table::Many(sockets) => sockets.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sockets with their numbers, in the order of these.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Socket)> {
        let (one, many) = match &self.0 {
            Table::None => (None, None),
            Table::One(socket) => (Some((0, &**socket)), None),
            Table::Many(sockets) => (None, Some(sockets.iter())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    /// The same, to change them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (usize, &mut Socket)> {
        let (one, many) = match &mut self.0 {
            Table::None => (None, None),
            Table::One(socket) => (Some((0, &mut **socket)), None),
            Table::Many(sockets) => (None, Some(sockets.iter_mut())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }
}

impl Index<usize> for Sockets {
    type Output = Socket;

    #[inline]
    fn index(&self, number: usize) -> &Socket {
        self.get(number).expect("a socket of the host")
    }
}

impl IndexMut<usize> for Sockets {
    #[inline]
    fn index_mut(&mut self, number: usize) -> &mut Socket {
        self.get_mut(number).expect("a socket of the host")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::Config;
    use sim_core::time::SimTime;
    use std::sync::Arc;

    /// Numbers decide on the order of events, so they must be a slab's whatever the table is.
    #[test]
    fn numbers_are_those_of_a_slab() {
        let config = Arc::new(Config::linux());
        let socket = |flow| Socket::connect(config.clone(), SimTime::ZERO, 1, flow);
        for pattern in 0_u32..1 << 10 {
            let (mut sockets, mut slab) = (Sockets::default(), Slab::new());
            for step in 0..10 {
                if pattern & 1 << step != 0 {
                    assert_eq!(sockets.vacant_key(), slab.vacant_key());
                    assert_eq!(sockets.insert(socket(step)), slab.insert(step));
                } else {
                    let number = (pattern >> 3) as usize % 3;
                    let removed = sockets.try_remove(number).map(|socket| socket.flow);
                    assert_eq!(removed, slab.try_remove(number));
                }
                assert_eq!((sockets.len(), sockets.is_empty()), (slab.len(), slab.is_empty()));
                let flows: Vec<_> = sockets.iter().map(|(number, socket)| (number, socket.flow)).collect();
                assert!(flows.into_iter().eq(slab.iter().map(|(number, flow)| (number, *flow))));
            }
        }
    }
}

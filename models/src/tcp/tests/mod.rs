//! Tests of whole connections: two machines and a path in virtual time.

mod bulk;
mod captured;
mod close;
mod formulas;
mod handshake;
mod harness;
mod hostile;
mod loss;
mod mutated;
mod oracle;
mod path_mtu;
mod property;
mod selective;
mod stacks;
mod transfer;
mod undo;
mod window;

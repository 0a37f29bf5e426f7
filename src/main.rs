//! The `mqtt-twin` command.
fn main() {}

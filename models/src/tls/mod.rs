//! TLS 1.2 and 1.3 as a cost: records, handshake flights, work and memory on real byte counts.
//!
//! **Models** one end of a connection as a machine. Every record has its header, explicit nonce,
//! inner content type and tag; every handshake message is composed field by field as OpenSSL 3 does
//! it, so that the length of a flight follows from the key, the certificates and the options and is
//! fitted to nothing. Full handshakes with (EC)DHE and certificates on one side or both; resumption
//! by ticket (1.2) and by PSK with or without a new key exchange (1.3); session tickets; alerts. The
//! cryptographic operations are named one by one ([`Operation`]); the host prices them.
//!
//! **Leaves out** cryptography: "encrypted" bytes are the plaintext, and what would be random or
//! secret is filled from a seed. A capture therefore shows true records and true lengths, and no
//! secrets. Also left out: HelloRetryRequest, 0-RTT, renegotiation, key updates, `record_size_limit`,
//! session resumption by identifier, certificates' contents.
//!
//! **Parameters**: [`Config`]. The machine has no deadline of its own: TCP below and MQTT above end a
//! handshake that does not come to its end.
//!
//! **Validated** against captures of Mosquitto 2.0.11 and paho-mqtt over OpenSSL 3: all four
//! handshakes (1.2, 1.3, with and without client certificate) and the overhead of each record, to
//! the byte. Resumption, ECDSA and the other ciphers follow the same rules and were not captured.
//!
//! **References**: RFC 5246, RFC 8446, RFC 8422, RFC 5288, RFC 7905, RFC 5077, RFC 6066, RFC 7627,
//! RFC 7366.

mod config;
mod connection;
mod der;
mod fill;
mod hello;
mod message;
mod record;
mod session;

pub use config::{Certificate, Cipher, Config, Group, Key, Version};
pub use connection::{Connection, Event, Failure, Flight, Operation, Transmit};
pub use message::Message;
pub use record::MAX_PLAINTEXT;
pub use session::Session;

#[cfg(test)]
mod tests;

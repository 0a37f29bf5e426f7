//! What one end is set to.

use std::sync::Arc;

use super::record::MAX_PLAINTEXT;

/// Protocol version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Version {
    /// TLS 1.2, RFC 5246.
    Tls12,
    /// TLS 1.3, RFC 8446.
    Tls13,
}

/// How application data is protected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cipher {
    /// AES-128 in Galois/Counter Mode with SHA-256.
    Aes128Gcm,
    /// AES-256 in Galois/Counter Mode with SHA-384.
    Aes256Gcm,
    /// ChaCha20 and Poly1305 with SHA-256.
    ChaCha20Poly1305,
    /// AES-128 in CBC mode with HMAC-SHA-256, encrypt-then-MAC (RFC 7366); TLS 1.2 only.
    Aes128Cbc,
}

impl Cipher {
    /// Length of the hash of the handshake, in bytes.
    #[must_use]
    pub const fn hash_len(self) -> usize {
        match self {
            Cipher::Aes256Gcm => 48,
            Cipher::Aes128Gcm | Cipher::ChaCha20Poly1305 | Cipher::Aes128Cbc => 32,
        }
    }
}

/// The key of a certificate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Key {
    /// RSA with a modulus of 2,048 bits.
    Rsa2048,
    /// RSA with a modulus of 4,096 bits.
    Rsa4096,
    /// ECDSA on the curve P-256.
    EcdsaP256,
}

/// The group of the key exchange.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Group {
    /// Curve25519, RFC 7748.
    X25519,
    /// The curve P-256.
    Secp256r1,
}

impl Group {
    /// Length of a public value: a coordinate, or a point behind its format byte (RFC 8422 §5.4.1).
    #[must_use]
    pub const fn share_len(self) -> usize {
        match self {
            Group::X25519 => 32,
            Group::Secp256r1 => 65,
        }
    }
}

/// A certificate and those that lead to its issuer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Certificate {
    /// The key of the first.
    pub key: Key,
    /// DER lengths in bytes, the end entity's first.
    pub chain: Vec<u32>,
}

/// Settings of one end; both ends of a connection need the same `version`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// The only version offered or accepted.
    pub version: Version,
    /// A server's choice of cipher.
    pub cipher: Cipher,
    /// A client's preferred group, which the server takes.
    pub group: Group,
    /// Own certificate: a server needs one, a client shows it when asked.
    pub certificate: Option<Certificate>,
    /// Whether a server asks for the client's certificate.
    pub client_certificate: bool,
    /// Host name that a client asks for; clients that connect to an address send none.
    pub server_name: Option<Arc<str>>,
    /// Application protocol that a client offers (RFC 7301).
    pub alpn: Option<Arc<str>>,
    /// Largest plaintext of a record, in bytes: a client offers 512, 1,024, 2,048 or 4,096 by
    /// `max_fragment_length` (RFC 6066 §4), and the server agrees. 16,384 sends no offer.
    pub max_fragment: u16,
    /// Tickets that a server sends after a full handshake, 2 in OpenSSL; at most 1 in TLS 1.2 and
    /// after a resumption. Without any, nothing is resumed.
    pub tickets: u8,
    /// Length of the application's name in a ticket, in bytes (`SSL_CTX_set_session_id_context`);
    /// `mosquitto-8883` has 14.
    pub session_context: u8,
    /// Whether a resumed TLS 1.3 connection exchanges new keys (psk_dhe_ke) or not (psk_ke).
    pub fresh_keys: bool,
    /// Whether this end says close_notify before it closes.
    pub close_notify: bool,
}

impl Config {
    /// OpenSSL 3 with a certificate of 800 bytes, as in the captures.
    #[must_use]
    pub fn openssl(version: Version) -> Self {
        Config {
            version,
            cipher: Cipher::Aes256Gcm,
            group: Group::X25519,
            certificate: Some(Certificate { key: Key::Rsa2048, chain: vec![800] }),
            client_certificate: false,
            server_name: None,
            alpn: None,
            max_fragment: MAX_PLAINTEXT as u16,
            tickets: 2,
            session_context: 14,
            fresh_keys: true,
            close_notify: true,
        }
    }
}

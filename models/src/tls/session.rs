//! Sessions that can be resumed, and how long their tickets are.

use super::config::{Config, Version};

/// What a client keeps of a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Session {
    /// The version it belongs to.
    pub version: Version,
    /// Length of the ticket in bytes.
    pub ticket_len: u16,
}

impl Session {
    /// A session as a server with `config` gives it to a client with a certificate of so many bytes, or
    /// with none.
    #[must_use]
    pub fn of(config: &Config, client_certificate: Option<usize>) -> Self {
        Session { version: config.version, ticket_len: ticket_len(config, client_certificate, 0) as u16 }
    }
}

/// Content of a DER element with its tag and length (X.690 §8.1).
const fn element(content: usize) -> usize {
    content
        + match content {
            0..=127 => 2,
            128..=255 => 3,
            256..=65_535 => 4,
            _ => 5,
        }
}

/// An element inside an explicit tag.
const fn tagged(content: usize) -> usize {
    element(element(content))
}

/// Length of an OpenSSL ticket: key name, IV, the session in AES-256-CBC, HMAC-SHA-256
/// (RFC 5077 §4; `construct_stateless_ticket`). `age_add` obscures the ticket's age in TLS 1.3; with
/// its highest bit set it takes a byte more as a DER integer, and then a session may need one more
/// block of the cipher.
pub(super) fn ticket_len(config: &Config, client_certificate: Option<usize>, age_add: u32) -> usize {
    const MASTER_SECRET: usize = 48;
    let (secret, session_id, own) = match config.version {
        // Flags: the Extended Master Secret was used.
        Version::Tls12 => (MASTER_SECRET, 0, tagged(1)),
        Version::Tls13 => (config.cipher.hash_len(), 32, tagged(integer_len(age_add))),
    };
    // SSL_SESSION_ASN1: format version, protocol version, cipher suite, session identifier, secret,
    // time, lifetime of 7,200 s, application's name, group, and the client's certificate.
    let group = match config.group {
        super::Group::X25519 | super::Group::Secp256r1 => tagged(1),
    };
    let content = element(1)
        + element(2)
        + element(2)
        + element(session_id)
        + element(secret)
        + tagged(4)
        + tagged(2)
        + tagged(usize::from(config.session_context))
        + group
        + own
        + client_certificate.map_or(0, element);
    let plaintext = element(content);
    let encrypted = (plaintext / 16 + 1) * 16;
    16 + 16 + encrypted + 32
}

/// Bytes of a DER integer.
const fn integer_len(value: u32) -> usize {
    // One bit for the sign.
    (32 - value.leading_zeros() as usize) / 8 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_are_as_long_as_captured() {
        let twelve = Config::openssl(Version::Tls12);
        assert_eq!(ticket_len(&twelve, None, 0), 176);
        assert_eq!(ticket_len(&twelve, Some(800), 0), 992);
        let thirteen = Config::openssl(Version::Tls13);
        assert_eq!(ticket_len(&thirteen, None, 0x8000_0000), 224);
        assert_eq!(ticket_len(&thirteen, None, 0x7fff_ffff), 208);
        assert_eq!(ticket_len(&thirteen, Some(800), 0x8000_0000), 1_024);
        assert_eq!(ticket_len(&thirteen, Some(800), 0x7fff_ffff), 1_024);
    }

    #[test]
    fn integers_keep_a_bit_for_the_sign() {
        assert_eq!([0, 127, 128, 0x7fff_ffff, u32::MAX].map(integer_len), [1, 1, 2, 4, 5]);
    }
}

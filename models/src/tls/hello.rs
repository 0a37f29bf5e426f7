//! ClientHello and ServerHello as OpenSSL 3 writes them, and what the other end reads of them.

use super::config::{Cipher, Config, Group, Key, Version};
use super::fill::Fill;
use super::message::{Message, code_points, extension, message, share, vector};
use super::session::Session;

/// SignatureScheme values that OpenSSL 3 offers for TLS 1.2 at security level 2.
pub(super) const SIGNATURES_OF_1_2: [u16; 20] = [
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0809, 0x080a, 0x080b, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501,
    0x0601, 0x0303, 0x0301, 0x0302, 0x0402, 0x0502, 0x0602,
];
/// A server asks for these in TLS 1.3: all but DSA.
pub(super) const SIGNATURES_OF_A_1_3_SERVER: [u16; 16] = [
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0809, 0x080a, 0x080b, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501,
    0x0601, 0x0303, 0x0301,
];
/// A client that speaks only TLS 1.3 leaves SHA-224 out as well.
const SIGNATURES_OF_A_1_3_CLIENT: [u16; 14] = [
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0809, 0x080a, 0x080b, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501,
    0x0601,
];

/// Fourteen suites of Python's `ssl` (ECDHE and DHE with AES and ChaCha20, no SHA-1), and the
/// signalling value of RFC 5746 §3.3.
const SUITES_OF_1_2: [u16; 15] = [
    0xc02c, 0xc030, 0xc02b, 0xc02f, 0xcca9, 0xcca8, 0xc024, 0xc028, 0xc023, 0xc027, 0x009f, 0x009e, 0x006b,
    0x0067, 0x00ff,
];
const SUITES_OF_1_3: [u16; 4] = [0x1302, 0x1303, 0x1301, 0x00ff];

/// x25519, secp256r1, x448, secp521r1, secp384r1, then ffdhe2048 to ffdhe8192 in TLS 1.3.
const GROUPS: [u16; 10] = [0x001d, 0x0017, 0x001e, 0x0019, 0x0018, 0x0100, 0x0101, 0x0102, 0x0103, 0x0104];

const SERVER_NAME: u16 = 0;
const MAX_FRAGMENT_LENGTH: u16 = 1;
const SUPPORTED_GROUPS: u16 = 10;
const EC_POINT_FORMATS: u16 = 11;
const SIGNATURE_ALGORITHMS: u16 = 13;
const ALPN: u16 = 16;
const ENCRYPT_THEN_MAC: u16 = 22;
const EXTENDED_MASTER_SECRET: u16 = 23;
const SESSION_TICKET: u16 = 35;
const PRE_SHARED_KEY: u16 = 41;
const SUPPORTED_VERSIONS: u16 = 43;
const PSK_KEY_EXCHANGE_MODES: u16 = 45;
const KEY_SHARE: u16 = 51;
const RENEGOTIATION_INFO: u16 = 0xff01;

const LEGACY_VERSION: [u8; 2] = [3, 3];
const TLS_1_3: [u8; 2] = [3, 4];
const RANDOM: usize = 32;
const SESSION_ID: usize = 32;

pub(super) const fn named_group(group: Group) -> u16 {
    match group {
        Group::X25519 => 0x001d,
        Group::Secp256r1 => 0x0017,
    }
}

const fn suite(version: Version, cipher: Cipher, key: Key) -> u16 {
    let rsa = !matches!(key, Key::EcdsaP256);
    match (version, cipher) {
        (Version::Tls13, Cipher::Aes128Gcm | Cipher::Aes128Cbc) => 0x1301,
        (Version::Tls13, Cipher::Aes256Gcm) => 0x1302,
        (Version::Tls13, Cipher::ChaCha20Poly1305) => 0x1303,
        (Version::Tls12, Cipher::Aes128Gcm) => {
            if rsa {
                0xc02f
            } else {
                0xc02b
            }
        }
        (Version::Tls12, Cipher::Aes256Gcm) => {
            if rsa {
                0xc030
            } else {
                0xc02c
            }
        }
        (Version::Tls12, Cipher::ChaCha20Poly1305) => {
            if rsa {
                0xcca8
            } else {
                0xcca9
            }
        }
        (Version::Tls12, Cipher::Aes128Cbc) => {
            if rsa {
                0xc027
            } else {
                0xc023
            }
        }
    }
}

const fn cipher_of(suite: u16) -> Option<Cipher> {
    Some(match suite {
        0x1301 | 0xc02f | 0xc02b => Cipher::Aes128Gcm,
        0x1302 | 0xc030 | 0xc02c => Cipher::Aes256Gcm,
        0x1303 | 0xcca8 | 0xcca9 => Cipher::ChaCha20Poly1305,
        0xc027 | 0xc023 => Cipher::Aes128Cbc,
        _ => return None,
    })
}

/// RFC 6066 §4: 1 to 4 stand for 2^9 to 2^12.
const fn fragment_code(bytes: u16) -> Option<u8> {
    match bytes {
        512 => Some(1),
        1_024 => Some(2),
        2_048 => Some(3),
        4_096 => Some(4),
        _ => None,
    }
}

/// RFC 5246 §7.4.1.2, RFC 8446 §4.1.2
pub(super) fn client_hello(config: &Config, session: Option<Session>, fill: &mut Fill) -> Vec<u8> {
    let mut body = LEGACY_VERSION.to_vec();
    fill.bytes(RANDOM, &mut body);
    let mut session_id = Vec::new();
    // RFC 5077 §3.4: a client with a ticket sends an identifier to see it accepted;
    // RFC 8446 §D.4: in TLS 1.3 always one, for middleboxes.
    if session.is_some() || config.version == Version::Tls13 {
        fill.bytes(SESSION_ID, &mut session_id);
    }
    vector(1, &session_id, &mut body);
    body.extend_from_slice(&match config.version {
        Version::Tls12 => code_points(&SUITES_OF_1_2),
        Version::Tls13 => code_points(&SUITES_OF_1_3),
    });
    // No compression.
    vector(1, &[0], &mut body);
    vector(2, &client_extensions(config, session, fill), &mut body);
    message(Message::ClientHello, &body)
}

fn client_extensions(config: &Config, session: Option<Session>, fill: &mut Fill) -> Vec<u8> {
    let mut all = Vec::new();
    if let Some(name) = &config.server_name {
        let mut entry = vec![0];
        vector(2, name.as_bytes(), &mut entry);
        let mut list = Vec::new();
        vector(2, &entry, &mut list);
        extension(SERVER_NAME, &list, &mut all);
    }
    if let Some(code) = fragment_code(config.max_fragment) {
        extension(MAX_FRAGMENT_LENGTH, &[code], &mut all);
    }
    extension(EC_POINT_FORMATS, &[3, 0, 1, 2], &mut all);
    let mut groups = GROUPS;
    if config.group == Group::Secp256r1 {
        groups.swap(0, 1);
    }
    let count = match config.version {
        Version::Tls12 => 5,
        Version::Tls13 => GROUPS.len(),
    };
    extension(SUPPORTED_GROUPS, &code_points(&groups[..count]), &mut all);
    let mut ticket = Vec::new();
    if let Some(session) = session.filter(|_| config.version == Version::Tls12) {
        fill.bytes(usize::from(session.ticket_len), &mut ticket);
    }
    extension(SESSION_TICKET, &ticket, &mut all);
    if let Some(protocol) = &config.alpn {
        extension(ALPN, &protocol_list(protocol), &mut all);
    }
    extension(ENCRYPT_THEN_MAC, &[], &mut all);
    extension(EXTENDED_MASTER_SECRET, &[], &mut all);
    match config.version {
        Version::Tls12 => extension(SIGNATURE_ALGORITHMS, &code_points(&SIGNATURES_OF_1_2), &mut all),
        Version::Tls13 => {
            extension(SIGNATURE_ALGORITHMS, &code_points(&SIGNATURES_OF_A_1_3_CLIENT), &mut all);
            extension(SUPPORTED_VERSIONS, &[2, TLS_1_3[0], TLS_1_3[1]], &mut all);
            extension(PSK_KEY_EXCHANGE_MODES, &[1, u8::from(config.fresh_keys)], &mut all);
            let mut shares = Vec::new();
            vector(2, &key_share(config.group, fill), &mut shares);
            extension(KEY_SHARE, &shares, &mut all);
            if let Some(session) = session {
                // RFC 8446 §4.2.11: the last of all.
                extension(PRE_SHARED_KEY, &offered_key(config, session, fill), &mut all);
            }
        }
    }
    all
}

fn protocol_list(protocol: &str) -> Vec<u8> {
    let mut name = Vec::new();
    vector(1, protocol.as_bytes(), &mut name);
    let mut list = Vec::new();
    vector(2, &name, &mut list);
    list
}

fn key_share(group: Group, fill: &mut Fill) -> Vec<u8> {
    let mut entry = named_group(group).to_be_bytes().to_vec();
    vector(2, &share(group, fill), &mut entry);
    entry
}

/// RFC 8446 §4.2.11: one identity with the obscured age of its ticket, one binder.
fn offered_key(config: &Config, session: Session, fill: &mut Fill) -> Vec<u8> {
    let mut ticket = Vec::new();
    fill.bytes(usize::from(session.ticket_len), &mut ticket);
    let mut identity = Vec::new();
    vector(2, &ticket, &mut identity);
    fill.bytes(4, &mut identity);
    let mut mac = Vec::new();
    fill.bytes(config.cipher.hash_len(), &mut mac);
    let mut binder = Vec::new();
    vector(1, &mac, &mut binder);
    let mut offer = Vec::new();
    vector(2, &identity, &mut offer);
    vector(2, &binder, &mut offer);
    offer
}

/// What a server reads of a ClientHello.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Offer {
    pub version: Version,
    pub session_id: Vec<u8>,
    /// A ticket or a pre-shared key.
    pub resumes: bool,
    pub ticket_support: bool,
    pub fresh_keys: bool,
    pub fragment: Option<u16>,
    pub alpn: Option<Vec<u8>>,
    /// The preferred group.
    pub group: Option<u16>,
}

/// Reads fields one after the other.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self, width: usize) -> Option<usize> {
        Some(self.take(width)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    fn vector(&mut self, width: usize) -> Option<&'a [u8]> {
        let len = self.number(width)?;
        self.take(len)
    }
}

/// Reads the body of a ClientHello; `None` where it does not follow the format.
pub(super) fn read_client_hello(body: &[u8]) -> Option<Offer> {
    let mut fields = Fields(body);
    fields.take(LEGACY_VERSION.len() + RANDOM)?;
    let session_id = fields.vector(1)?.to_vec();
    fields.vector(2)?;
    fields.vector(1)?;
    let mut offer = Offer {
        version: Version::Tls12,
        session_id,
        resumes: false,
        ticket_support: false,
        fresh_keys: true,
        fragment: None,
        alpn: None,
        group: None,
    };
    let mut extensions = Fields(fields.vector(2)?);
    while !extensions.0.is_empty() {
        let number = extensions.number(2)? as u16;
        let content = extensions.vector(2)?;
        match number {
            SUPPORTED_VERSIONS if content.get(1..)?.chunks(2).any(|version| version == TLS_1_3) => {
                offer.version = Version::Tls13;
            }
            SESSION_TICKET => {
                offer.ticket_support = true;
                offer.resumes |= !content.is_empty();
            }
            PRE_SHARED_KEY => offer.resumes = true,
            PSK_KEY_EXCHANGE_MODES => offer.fresh_keys = content.get(1..)?.contains(&1),
            MAX_FRAGMENT_LENGTH => offer.fragment = Some(256 << u16::from(*content.first()?).min(4)),
            ALPN => offer.alpn = Some(content.to_vec()),
            SUPPORTED_GROUPS => offer.group = Some(u16::from_be_bytes([*content.get(2)?, *content.get(3)?])),
            _ => {}
        }
    }
    Some(offer)
}

/// RFC 5246 §7.4.1.3, RFC 8446 §4.1.3; for TLS 1.3 followed by EncryptedExtensions in a message of
/// its own.
pub(super) fn server_hello(
    config: &Config,
    key: Key,
    offer: &Offer,
    resumed: bool,
    fill: &mut Fill,
) -> Vec<u8> {
    let mut body = LEGACY_VERSION.to_vec();
    fill.bytes(RANDOM, &mut body);
    // RFC 5077 §3.4: repeated to accept the ticket, empty where a new one is to come.
    let repeated: &[u8] = match (config.version, resumed) {
        (Version::Tls13, _) | (Version::Tls12, true) => &offer.session_id,
        (Version::Tls12, false) => &[],
    };
    vector(1, repeated, &mut body);
    body.extend_from_slice(&suite(config.version, config.cipher, key).to_be_bytes());
    body.push(0);
    let mut all = Vec::new();
    match config.version {
        Version::Tls12 => {
            extension(RENEGOTIATION_INFO, &[0], &mut all);
            fragment_answer(offer, &mut all);
            extension(EC_POINT_FORMATS, &[3, 0, 1, 2], &mut all);
            if offer.ticket_support && config.tickets > 0 && !resumed {
                extension(SESSION_TICKET, &[], &mut all);
            }
            if let Some(list) = &offer.alpn {
                extension(ALPN, list, &mut all);
            }
            if config.cipher == Cipher::Aes128Cbc {
                // RFC 7366 §3: not with ciphers that authenticate by themselves.
                extension(ENCRYPT_THEN_MAC, &[], &mut all);
            }
            extension(EXTENDED_MASTER_SECRET, &[], &mut all);
        }
        Version::Tls13 => {
            extension(SUPPORTED_VERSIONS, &TLS_1_3, &mut all);
            if !resumed || offer.fresh_keys {
                let group = if offer.group == Some(0x0017) { Group::Secp256r1 } else { Group::X25519 };
                extension(KEY_SHARE, &key_share(group, fill), &mut all);
            }
            if resumed {
                extension(PRE_SHARED_KEY, &[0, 0], &mut all);
            }
        }
    }
    vector(2, &all, &mut body);
    message(Message::ServerHello, &body)
}

fn fragment_answer(offer: &Offer, all: &mut Vec<u8>) {
    if let Some(code) = offer.fragment.and_then(fragment_code) {
        extension(MAX_FRAGMENT_LENGTH, &[code], all);
    }
}

/// RFC 8446 §4.3.1
pub(super) fn encrypted_extensions(offer: &Offer) -> Vec<u8> {
    let mut all = Vec::new();
    fragment_answer(offer, &mut all);
    if let Some(list) = &offer.alpn {
        extension(ALPN, list, &mut all);
    }
    let mut body = Vec::new();
    vector(2, &all, &mut body);
    message(Message::EncryptedExtensions, &body)
}

/// What a client reads of a ServerHello.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Answer {
    pub version: Version,
    pub cipher: Cipher,
    /// The session that was offered is resumed.
    pub resumed: bool,
    /// Keys are exchanged.
    pub fresh_keys: bool,
}

/// Reads the body of a ServerHello; `None` where it does not follow the format.
pub(super) fn read_server_hello(body: &[u8]) -> Option<Answer> {
    let mut fields = Fields(body);
    fields.take(LEGACY_VERSION.len() + RANDOM)?;
    let repeated = !fields.vector(1)?.is_empty();
    let cipher = cipher_of(fields.number(2)? as u16)?;
    fields.number(1)?;
    let (mut version, mut key_exchange, mut chosen) = (Version::Tls12, false, false);
    let mut extensions = Fields(fields.vector(2)?);
    while !extensions.0.is_empty() {
        let number = extensions.number(2)? as u16;
        let content = extensions.vector(2)?;
        match number {
            SUPPORTED_VERSIONS if content == TLS_1_3 => version = Version::Tls13,
            KEY_SHARE => key_exchange = true,
            PRE_SHARED_KEY => chosen = true,
            _ => {}
        }
    }
    Some(match version {
        Version::Tls12 => Answer { version, cipher, resumed: repeated, fresh_keys: !repeated },
        Version::Tls13 => Answer { version, cipher, resumed: chosen, fresh_keys: key_exchange },
    })
}

/// The key behind the signature in a ServerKeyExchange's end or a CertificateVerify, by scheme and
/// length.
pub(super) fn signing_key(body: &[u8], version: Version, message: Message) -> Option<Key> {
    let mut fields = Fields(body);
    if message == Message::ServerKeyExchange {
        debug_assert_eq!(version, Version::Tls12, "TLS 1.3 has no such message");
        fields.take(3)?;
        fields.vector(1)?;
    }
    let scheme = fields.number(2)?;
    let signature = fields.vector(2)?;
    match (scheme, signature.len()) {
        (0x0403, _) => Some(Key::EcdsaP256),
        (_, 256) => Some(Key::Rsa2048),
        (_, 512) => Some(Key::Rsa4096),
        (_, _) => None,
    }
}

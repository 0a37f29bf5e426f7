//! Handshake messages after the hellos, composed field by field.

use super::config::{Certificate, Config, Group, Key, Version};
use super::der;
use super::fill::Fill;
use super::hello::SIGNATURES_OF_1_2;
use super::hello::SIGNATURES_OF_A_1_3_SERVER;

/// What a flight is made of, for charts: handshake messages, and what stands between them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are those of RFC 5246 §7.4 and RFC 8446 §4")]
pub enum Message {
    ClientHello,
    ServerHello,
    NewSessionTicket,
    EncryptedExtensions,
    Certificate,
    ServerKeyExchange,
    CertificateRequest,
    ServerHelloDone,
    CertificateVerify,
    ClientKeyExchange,
    Finished,
    ChangeCipherSpec,
    Alert,
}

impl Message {
    /// The standard's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Message::ClientHello => "ClientHello",
            Message::ServerHello => "ServerHello",
            Message::NewSessionTicket => "NewSessionTicket",
            Message::EncryptedExtensions => "EncryptedExtensions",
            Message::Certificate => "Certificate",
            Message::ServerKeyExchange => "ServerKeyExchange",
            Message::CertificateRequest => "CertificateRequest",
            Message::ServerHelloDone => "ServerHelloDone",
            Message::CertificateVerify => "CertificateVerify",
            Message::ClientKeyExchange => "ClientKeyExchange",
            Message::Finished => "Finished",
            Message::ChangeCipherSpec => "ChangeCipherSpec",
            Message::Alert => "Alert",
        }
    }

    /// HandshakeType (RFC 8446 §B.3); 0 for what is no handshake message.
    pub(super) const fn handshake_type(self) -> u8 {
        match self {
            Message::ClientHello => 1,
            Message::ServerHello => 2,
            Message::NewSessionTicket => 4,
            Message::EncryptedExtensions => 8,
            Message::Certificate => 11,
            Message::ServerKeyExchange => 12,
            Message::CertificateRequest => 13,
            Message::ServerHelloDone => 14,
            Message::CertificateVerify => 15,
            Message::ClientKeyExchange => 16,
            Message::Finished => 20,
            Message::ChangeCipherSpec | Message::Alert => 0,
        }
    }

    pub(super) fn from_handshake_type(byte: u8) -> Option<Self> {
        [
            Message::ClientHello,
            Message::ServerHello,
            Message::NewSessionTicket,
            Message::EncryptedExtensions,
            Message::Certificate,
            Message::ServerKeyExchange,
            Message::CertificateRequest,
            Message::ServerHelloDone,
            Message::CertificateVerify,
            Message::ClientKeyExchange,
            Message::Finished,
        ]
        .into_iter()
        .find(|message| message.handshake_type() == byte)
    }
}

/// Puts the handshake header before a body. RFC 8446 §4
pub(super) fn message(kind: Message, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind.handshake_type()];
    bytes.extend_from_slice(&(body.len() as u32).to_be_bytes()[1..]);
    bytes.extend_from_slice(body);
    bytes
}

/// Appends `content` behind its length in `width` bytes.
pub(super) fn vector(width: usize, content: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(content.len() as u32).to_be_bytes()[4 - width..]);
    out.extend_from_slice(content);
}

/// Appends an extension. RFC 8446 §4.2
pub(super) fn extension(number: u16, content: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&number.to_be_bytes());
    vector(2, content, out);
}

/// Two-byte code points behind their length in two bytes.
pub(super) fn code_points(points: &[u16]) -> Vec<u8> {
    let mut content = Vec::new();
    let bytes: Vec<u8> = points.iter().flat_map(|point| point.to_be_bytes()).collect();
    vector(2, &bytes, &mut content);
    content
}

/// The public value of a key exchange.
pub(super) fn share(group: Group, fill: &mut Fill) -> Vec<u8> {
    let mut bytes = Vec::new();
    match group {
        Group::X25519 => {}
        // RFC 8422 §5.4.1: the uncompressed form.
        Group::Secp256r1 => bytes.push(4),
    }
    fill.bytes(group.share_len() - bytes.len(), &mut bytes);
    bytes
}

/// SignatureScheme of RFC 8446 §4.2.3: what OpenSSL 3 takes first for a key.
const fn signature_scheme(key: Key) -> u16 {
    match key {
        Key::Rsa2048 | Key::Rsa4096 => 0x0804,
        Key::EcdsaP256 => 0x0403,
    }
}

/// Appends scheme and signature. An ECDSA signature is two DER integers of 31 to 33 bytes.
fn signature(key: Key, fill: &mut Fill, out: &mut Vec<u8>) {
    out.extend_from_slice(&signature_scheme(key).to_be_bytes());
    let content = match key {
        Key::Rsa2048 | Key::Rsa4096 => {
            let mut bytes = Vec::new();
            fill.bytes(key_bytes(key), &mut bytes);
            bytes
        }
        Key::EcdsaP256 => der::ecdsa_signature(fill),
    };
    vector(2, &content, out);
}

/// Length of an RSA modulus, or of a P-256 coordinate.
pub(super) const fn key_bytes(key: Key) -> usize {
    match key {
        Key::Rsa2048 => 256,
        Key::Rsa4096 => 512,
        Key::EcdsaP256 => 32,
    }
}

/// RFC 5246 §7.4.2, RFC 8446 §4.4.2; without a certificate the list is empty.
pub(super) fn certificate(version: Version, own: Option<&Certificate>, fill: &mut Fill) -> Vec<u8> {
    let mut list = Vec::new();
    for (place, len) in own.iter().flat_map(|own| own.chain.iter().enumerate()) {
        let key = if place == 0 { own.map_or(Key::Rsa2048, |own| own.key) } else { Key::Rsa2048 };
        vector(3, &der::certificate(key, *len as usize, fill), &mut list);
        if version == Version::Tls13 {
            // No extensions of this certificate.
            vector(2, &[], &mut list);
        }
    }
    let mut body = Vec::new();
    if version == Version::Tls13 {
        // certificate_request_context
        vector(1, &[], &mut body);
    }
    vector(3, &list, &mut body);
    message(Message::Certificate, &body)
}

/// RFC 8422 §5.4
pub(super) fn server_key_exchange(group: Group, key: Key, fill: &mut Fill) -> Vec<u8> {
    const NAMED_CURVE: u8 = 3;
    let mut body = vec![NAMED_CURVE];
    body.extend_from_slice(&super::hello::named_group(group).to_be_bytes());
    vector(1, &share(group, fill), &mut body);
    signature(key, fill, &mut body);
    message(Message::ServerKeyExchange, &body)
}

/// RFC 5246 §7.4.4, RFC 8446 §4.3.2; no certification authorities are named.
pub(super) fn certificate_request(version: Version) -> Vec<u8> {
    let mut body = Vec::new();
    match version {
        Version::Tls12 => {
            // rsa_sign, dss_sign, ecdsa_sign
            vector(1, &[1, 2, 64], &mut body);
            body.extend_from_slice(&code_points(&SIGNATURES_OF_1_2));
            vector(2, &[], &mut body);
        }
        Version::Tls13 => {
            vector(1, &[], &mut body);
            let mut extensions = Vec::new();
            extension(13, &code_points(&SIGNATURES_OF_A_1_3_SERVER), &mut extensions);
            vector(2, &extensions, &mut body);
        }
    }
    message(Message::CertificateRequest, &body)
}

/// RFC 8422 §5.7
pub(super) fn client_key_exchange(group: Group, fill: &mut Fill) -> Vec<u8> {
    let mut body = Vec::new();
    vector(1, &share(group, fill), &mut body);
    message(Message::ClientKeyExchange, &body)
}

/// RFC 5246 §7.4.8, RFC 8446 §4.4.3
pub(super) fn certificate_verify(key: Key, fill: &mut Fill) -> Vec<u8> {
    let mut body = Vec::new();
    signature(key, fill, &mut body);
    message(Message::CertificateVerify, &body)
}

/// RFC 5246 §7.4.9: 12 bytes; RFC 8446 §4.4.4: the length of the hash.
pub(super) fn finished(config: &Config, fill: &mut Fill) -> Vec<u8> {
    let len = match config.version {
        Version::Tls12 => 12,
        Version::Tls13 => config.cipher.hash_len(),
    };
    let mut body = Vec::new();
    fill.bytes(len, &mut body);
    message(Message::Finished, &body)
}

/// RFC 5077 §3.3, RFC 8446 §4.6.1; OpenSSL's tickets hold for two hours.
pub(super) fn new_session_ticket(
    version: Version,
    ticket_len: usize,
    age_add: u32,
    fill: &mut Fill,
) -> Vec<u8> {
    const LIFETIME_S: u32 = 7_200;
    let mut ticket = Vec::new();
    fill.bytes(ticket_len, &mut ticket);
    let mut body = LIFETIME_S.to_be_bytes().to_vec();
    if version == Version::Tls13 {
        body.extend_from_slice(&age_add.to_be_bytes());
        // ticket_nonce: a counter of eight bytes.
        vector(1, &[0; 8], &mut body);
    }
    vector(2, &ticket, &mut body);
    if version == Version::Tls13 {
        vector(2, &[], &mut body);
    }
    message(Message::NewSessionTicket, &body)
}

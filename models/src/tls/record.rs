//! The record layer (RFC 5246 §6.2, RFC 8446 §5).

use smallvec::SmallVec;

use super::config::{Cipher, Version};
use super::fill::Fill;
use crate::stream::{Chunk, Tag};

/// Largest plaintext of a record, in bytes. RFC 8446 §5.1
pub const MAX_PLAINTEXT: usize = 16_384;

pub(super) const HEADER: usize = 5;

/// The legacy version in every header: TLS 1.2.
const RECORD_VERSION: [u8; 2] = [3, 3];

/// What a record carries. RFC 8446 §5.1
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ContentType {
    ChangeCipherSpec = 20,
    Alert = 21,
    Handshake = 22,
    ApplicationData = 23,
}

impl ContentType {
    pub const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            20 => ContentType::ChangeCipherSpec,
            21 => ContentType::Alert,
            22 => ContentType::Handshake,
            23 => ContentType::ApplicationData,
            _ => return None,
        })
    }
}

/// Why a record cannot be read; each is an alert of RFC 8446 §6.2.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum RecordError {
    /// unexpected_message: a content type that does not exist.
    Type,
    /// record_overflow.
    Overflow,
    /// decode_error: too short for its own overhead.
    Short,
}

/// What protection adds around a plaintext.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Protection {
    pub version: Version,
    pub cipher: Cipher,
}

const TAG: usize = 16;
const CBC_BLOCK: usize = 16;
const CBC_MAC: usize = 32;

impl Protection {
    /// Bytes between header and plaintext: RFC 5288 §3, RFC 7905 §2, RFC 5246 §6.2.3.2.
    const fn front(self) -> usize {
        match (self.version, self.cipher) {
            (Version::Tls12, Cipher::Aes128Gcm | Cipher::Aes256Gcm) => 8,
            (Version::Tls12, Cipher::Aes128Cbc) => CBC_BLOCK,
            (Version::Tls12, Cipher::ChaCha20Poly1305) | (Version::Tls13, _) => 0,
        }
    }

    /// Bytes behind a plaintext of `len` bytes: RFC 8446 §5.2 has the content type there.
    const fn back(self, len: usize) -> usize {
        match (self.version, self.cipher) {
            (Version::Tls13, _) => 1 + TAG,
            // One to sixteen bytes of padding, the last of which says how many.
            (Version::Tls12, Cipher::Aes128Cbc) => CBC_BLOCK - len % CBC_BLOCK + CBC_MAC,
            (Version::Tls12, Cipher::Aes128Gcm | Cipher::Aes256Gcm | Cipher::ChaCha20Poly1305) => TAG,
        }
    }

    /// Bytes that a record adds to a plaintext of `len`, header included.
    pub const fn overhead(self, len: usize) -> usize {
        HEADER + self.front() + self.back(len)
    }

    const fn is_cbc(self) -> bool {
        matches!((self.version, self.cipher), (Version::Tls12, Cipher::Aes128Cbc))
    }
}

/// A header for `len` bytes.
pub(super) fn header(kind: ContentType, len: usize) -> [u8; HEADER] {
    let [high, low] = (len as u16).to_be_bytes();
    [kind as u8, RECORD_VERSION[0], RECORD_VERSION[1], high, low]
}

/// What stands before and behind a plaintext of `len` bytes.
pub(super) fn around(
    protection: Protection,
    kind: ContentType,
    len: usize,
    fill: &mut Fill,
) -> (SmallVec<[u8; 24]>, SmallVec<[u8; 48]>) {
    let outer = match protection.version {
        Version::Tls12 => kind,
        // RFC 8446 §5.2: to the outside every protected record is application data.
        Version::Tls13 => ContentType::ApplicationData,
    };
    let body = protection.overhead(len) - HEADER + len;
    let mut front: SmallVec<[u8; 24]> = SmallVec::from_slice(&header(outer, body));
    let mut secret = |count: usize| -> SmallVec<[u8; 48]> {
        let mut bytes = SmallVec::new();
        while bytes.len() < count {
            let word = fill.next().to_be_bytes();
            bytes.extend_from_slice(&word[..(count - bytes.len()).min(8)]);
        }
        bytes
    };
    front.extend_from_slice(&secret(protection.front()));
    let mut back: SmallVec<[u8; 48]> = SmallVec::new();
    if protection.version == Version::Tls13 {
        back.push(kind as u8);
    }
    if protection.is_cbc() {
        let padding = CBC_BLOCK - len % CBC_BLOCK;
        back.extend(std::iter::repeat_n((padding - 1) as u8, padding));
    }
    let missing = protection.back(len) - back.len();
    back.extend_from_slice(&secret(missing));
    (front, back)
}

/// A record as it came: what it carries, and its plaintext.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub kind: ContentType,
    pub plaintext: SmallVec<[Chunk; 2]>,
    pub len: usize,
    pub protected: bool,
}

/// Puts records together from a byte stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Incoming {
    header: [u8; HEADER],
    /// Bytes of the header that are there.
    have: u8,
    body: SmallVec<[Chunk; 2]>,
    body_len: usize,
    /// What came and was not looked at.
    rest: Option<Chunk>,
}

impl Incoming {
    /// Bytes of the unfinished record.
    pub fn buffered(&self) -> usize {
        usize::from(self.have) + self.body_len + self.rest.as_ref().map_or(0, Chunk::len)
    }

    /// Takes what the stream brings; [`next`](Self::next) has to have said `None` before.
    pub fn push(&mut self, chunk: Chunk) {
        debug_assert!(self.rest.is_none(), "the chunk before has been looked at");
        self.rest = Some(chunk);
    }

    /// The next whole record. `protection` is what the sender has turned on.
    pub fn next(&mut self, protection: Option<Protection>) -> Result<Option<Record>, RecordError> {
        while let Some(chunk) = self.rest.take() {
            if usize::from(self.have) < HEADER {
                let have = usize::from(self.have);
                let part = chunk.len().min(HEADER - have);
                self.header[have..have + part].copy_from_slice(&chunk.as_slice()[..part]);
                self.have += part as u8;
                self.keep(&chunk, part);
                if usize::from(self.have) < HEADER {
                    continue;
                }
                self.check(protection)?;
            } else {
                let part = chunk.len().min(self.announced() - self.body_len);
                let whole = part == chunk.len();
                self.keep(&chunk, part);
                self.add(if whole { chunk } else { chunk.slice(0..part) });
            }
            if usize::from(self.have) == HEADER && self.body_len == self.announced() {
                return self.finish(protection).map(Some);
            }
        }
        Ok(None)
    }

    fn keep(&mut self, chunk: &Chunk, from: usize) {
        if from < chunk.len() {
            self.rest = Some(chunk.slice(from..chunk.len()));
        }
    }

    fn add(&mut self, chunk: Chunk) {
        self.body_len += chunk.len();
        if !chunk.is_empty() && !self.body.last_mut().is_some_and(|last| last.try_join(&chunk)) {
            self.body.push(chunk);
        }
    }

    fn announced(&self) -> usize {
        usize::from(u16::from_be_bytes([self.header[3], self.header[4]]))
    }

    fn check(&self, protection: Option<Protection>) -> Result<(), RecordError> {
        ContentType::from_byte(self.header[0]).ok_or(RecordError::Type)?;
        // RFC 5246 §6.2.3, RFC 8446 §5.2
        let more = match protection.map(|protection| protection.version) {
            None => 0,
            Some(Version::Tls12) => 2_048,
            Some(Version::Tls13) => 256,
        };
        if self.announced() > MAX_PLAINTEXT + more { Err(RecordError::Overflow) } else { Ok(()) }
    }

    fn finish(&mut self, protection: Option<Protection>) -> Result<Record, RecordError> {
        let outer = ContentType::from_byte(self.header[0]).ok_or(RecordError::Type)?;
        let body = std::mem::take(&mut self.body);
        let len = std::mem::take(&mut self.body_len);
        self.have = 0;
        // RFC 8446 §5: a change_cipher_spec record is never protected in TLS 1.3.
        let plain = outer == ContentType::ChangeCipherSpec;
        let Some(protection) = protection.filter(|_| !plain) else {
            return Ok(Record { kind: outer, plaintext: body, len, protected: false });
        };
        let front = protection.front();
        let back = match protection.is_cbc() {
            true => {
                let last = len.checked_sub(CBC_MAC + 1).ok_or(RecordError::Short)?;
                usize::from(byte_at(&body, last)) + 1 + CBC_MAC
            }
            false => protection.back(0),
        };
        let plaintext_len = len.checked_sub(front + back).ok_or(RecordError::Short)?;
        let kind = match protection.version {
            Version::Tls12 => outer,
            Version::Tls13 => {
                ContentType::from_byte(byte_at(&body, plaintext_len)).ok_or(RecordError::Type)?
            }
        };
        let plaintext = cut(body, front, plaintext_len);
        Ok(Record { kind, plaintext, len: plaintext_len, protected: true })
    }
}

fn byte_at(chunks: &[Chunk], mut at: usize) -> u8 {
    for chunk in chunks {
        if at < chunk.len() {
            return chunk.as_slice()[at];
        }
        at -= chunk.len();
    }
    unreachable!("within the record")
}

/// `len` bytes from `skip` on.
fn cut(chunks: SmallVec<[Chunk; 2]>, mut skip: usize, mut len: usize) -> SmallVec<[Chunk; 2]> {
    let mut kept = SmallVec::new();
    for chunk in chunks {
        let start = skip.min(chunk.len());
        let end = chunk.len().min(start + len);
        skip -= start;
        len -= end - start;
        if start < end {
            kept.push(if end - start == chunk.len() { chunk } else { chunk.slice(start..end) });
        }
    }
    kept
}

/// The tag of what surrounds a plaintext: the same work, but no message.
pub(super) fn tag_around(first: &Chunk) -> Tag {
    Tag::of(first.tag.cause)
}

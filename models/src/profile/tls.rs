//! What TLS costs on a board, and the words that scenarios set it with.

use std::time::Duration;

use serde::Deserialize;

use super::{Figure, Incomplete, Quoted, Word, number, span};

/// A version of TLS.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "Quoted")]
pub enum TlsVersion {
    /// `"1.2"`
    Tls12,
    /// `"1.3"`
    Tls13,
}

impl Word for TlsVersion {
    const NOUN: &'static str = "version of TLS";
    const ALL: &'static [(&'static str, Self)] = &[("1.2", TlsVersion::Tls12), ("1.3", TlsVersion::Tls13)];
}

impl TlsVersion {
    /// As scenarios write it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            TlsVersion::Tls12 => "1.2",
            TlsVersion::Tls13 => "1.3",
        }
    }
}

/// The key of a certificate.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(try_from = "Quoted")]
pub enum TlsKey {
    /// `"RSA-2048"`
    #[default]
    Rsa2048,
    /// `"RSA-4096"`
    Rsa4096,
    /// `"ECDSA-P256"`
    EcdsaP256,
}

impl Word for TlsKey {
    const NOUN: &'static str = "kind of key";
    const ALL: &'static [(&'static str, Self)] =
        &[("RSA-2048", TlsKey::Rsa2048), ("RSA-4096", TlsKey::Rsa4096), ("ECDSA-P256", TlsKey::EcdsaP256)];
}

/// How records are protected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(try_from = "Quoted")]
pub enum TlsCipher {
    /// `"AES-256-GCM"`
    #[default]
    Aes256Gcm,
    /// `"AES-128-GCM"`
    Aes128Gcm,
    /// `"ChaCha20-Poly1305"`
    ChaCha20Poly1305,
    /// `"AES-128-CBC"`, in TLS 1.2 only.
    Aes128Cbc,
}

impl Word for TlsCipher {
    const NOUN: &'static str = "cipher";
    const ALL: &'static [(&'static str, Self)] = &[
        ("AES-256-GCM", TlsCipher::Aes256Gcm),
        ("AES-128-GCM", TlsCipher::Aes128Gcm),
        ("ChaCha20-Poly1305", TlsCipher::ChaCha20Poly1305),
        ("AES-128-CBC", TlsCipher::Aes128Cbc),
    ];
}

/// The group of the key exchange.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(try_from = "Quoted")]
pub enum TlsGroup {
    /// `"x25519"`
    #[default]
    X25519,
    /// `"secp256r1"`
    Secp256r1,
}

impl Word for TlsGroup {
    const NOUN: &'static str = "group";
    const ALL: &'static [(&'static str, Self)] =
        &[("x25519", TlsGroup::X25519), ("secp256r1", TlsGroup::Secp256r1)];
}

/// Whether a client goes on with an earlier session.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(try_from = "Quoted")]
pub enum TlsResumption {
    /// `"never"`: every handshake is a full one, as paho and libmosquitto do it.
    #[default]
    Never,
    /// `"tickets"`: with the last ticket it was given in the run.
    Tickets,
    /// `"known"`: the same, and it has a ticket from before the run.
    Known,
}

impl Word for TlsResumption {
    const NOUN: &'static str = "way to resume a session";
    const ALL: &'static [(&'static str, Self)] = &[
        ("never", TlsResumption::Never),
        ("tickets", TlsResumption::Tickets),
        ("known", TlsResumption::Known),
    ];
}

macro_rules! from_quoted {
    ($($word:ty),*) => {$(
        impl TryFrom<Quoted> for $word {
            type Error = String;

            fn try_from(word: Quoted) -> Result<Self, String> {
                <$word>::from_word(&word.0)
            }
        }
    )*};
}
from_quoted!(TlsVersion, TlsKey, TlsCipher, TlsGroup, TlsResumption);

/// CPU time of the operations of TLS on a board, as in its file. Cryptography is compiled code
/// everywhere, so these are the board's own times; its `cpu_factor` leaves them alone.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename = "Tls")]
pub struct TlsFile {
    /// Making a key pair for the key exchange.
    pub key_pair: Option<Figure>,
    /// Computing a shared secret.
    pub agreement: Option<Figure>,
    /// Signing with RSA-2048.
    pub rsa_2048_sign: Option<Figure>,
    /// Verifying with RSA-2048.
    pub rsa_2048_verify: Option<Figure>,
    /// Signing with RSA-4096.
    pub rsa_4096_sign: Option<Figure>,
    /// Verifying with RSA-4096.
    pub rsa_4096_verify: Option<Figure>,
    /// Signing with ECDSA on P-256.
    pub p256_sign: Option<Figure>,
    /// Verifying with ECDSA on P-256.
    pub p256_verify: Option<Figure>,
    /// Hashing a byte of the handshake.
    pub hash_per_byte: Option<Figure>,
    /// Protecting or opening a record, beside its bytes.
    pub record: Option<Figure>,
    /// Protecting or opening a byte of a record.
    pub record_per_byte: Option<Figure>,
}

/// The same with all its figures.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Tls {
    /// Making a key pair for the key exchange.
    pub key_pair: Duration,
    /// Computing a shared secret.
    pub agreement: Duration,
    /// Signing with RSA-2048.
    pub rsa_2048_sign: Duration,
    /// Verifying with RSA-2048.
    pub rsa_2048_verify: Duration,
    /// Signing with RSA-4096.
    pub rsa_4096_sign: Duration,
    /// Verifying with RSA-4096.
    pub rsa_4096_verify: Duration,
    /// Signing with ECDSA on P-256.
    pub p256_sign: Duration,
    /// Verifying with ECDSA on P-256.
    pub p256_verify: Duration,
    /// Hashing a byte of the handshake, in nanoseconds.
    pub hash_ns_per_byte: f64,
    /// Protecting or opening a record, beside its bytes.
    pub record: Duration,
    /// Protecting or opening a byte of a record, in nanoseconds.
    pub record_ns_per_byte: f64,
}

impl TlsFile {
    fn all(&self) -> [(&'static str, &Option<Figure>); 11] {
        [
            ("key_pair", &self.key_pair),
            ("agreement", &self.agreement),
            ("rsa_2048_sign", &self.rsa_2048_sign),
            ("rsa_2048_verify", &self.rsa_2048_verify),
            ("rsa_4096_sign", &self.rsa_4096_sign),
            ("rsa_4096_verify", &self.rsa_4096_verify),
            ("p256_sign", &self.p256_sign),
            ("p256_verify", &self.p256_verify),
            ("hash_per_byte", &self.hash_per_byte),
            ("record", &self.record),
            ("record_per_byte", &self.record_per_byte),
        ]
    }

    pub(super) fn figures(&self) -> impl Iterator<Item = (Vec<&'static str>, &Figure)> {
        self.all().into_iter().filter_map(|(key, figure)| Some((vec!["tls", key], figure.as_ref()?)))
    }

    pub(super) fn over(self, base: Self) -> Self {
        TlsFile {
            key_pair: self.key_pair.or(base.key_pair),
            agreement: self.agreement.or(base.agreement),
            rsa_2048_sign: self.rsa_2048_sign.or(base.rsa_2048_sign),
            rsa_2048_verify: self.rsa_2048_verify.or(base.rsa_2048_verify),
            rsa_4096_sign: self.rsa_4096_sign.or(base.rsa_4096_sign),
            rsa_4096_verify: self.rsa_4096_verify.or(base.rsa_4096_verify),
            p256_sign: self.p256_sign.or(base.p256_sign),
            p256_verify: self.p256_verify.or(base.p256_verify),
            hash_per_byte: self.hash_per_byte.or(base.hash_per_byte),
            record: self.record.or(base.record),
            record_per_byte: self.record_per_byte.or(base.record_per_byte),
        }
    }

    pub(super) fn complete(&self) -> Result<Tls, Incomplete> {
        let time = |key, figure: &Option<Figure>| span(&["tls", key], figure.as_ref());
        Ok(Tls {
            key_pair: time("key_pair", &self.key_pair)?,
            agreement: time("agreement", &self.agreement)?,
            rsa_2048_sign: time("rsa_2048_sign", &self.rsa_2048_sign)?,
            rsa_2048_verify: time("rsa_2048_verify", &self.rsa_2048_verify)?,
            rsa_4096_sign: time("rsa_4096_sign", &self.rsa_4096_sign)?,
            rsa_4096_verify: time("rsa_4096_verify", &self.rsa_4096_verify)?,
            p256_sign: time("p256_sign", &self.p256_sign)?,
            p256_verify: time("p256_verify", &self.p256_verify)?,
            hash_ns_per_byte: number(&["tls", "hash_per_byte"], self.hash_per_byte.as_ref(), "ns/B")?,
            record: time("record", &self.record)?,
            record_ns_per_byte: number(&["tls", "record_per_byte"], self.record_per_byte.as_ref(), "ns/B")?,
        })
    }
}

//! TLS of a broker and of its clients.

use models::profile::{TlsCipher, TlsGroup, TlsKey, TlsResumption, TlsVersion};
use serde::Deserialize;

use super::super::quantity::Size;
use super::yes;

/// TLS as a broker offers it. With it, the broker takes no other connections.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerTls {
    /// The version: `"1.2"` or `"1.3"`.
    pub version: TlsVersion,
    /// Key of the broker's certificate; `"RSA-2048"` unless said otherwise.
    #[serde(default)]
    pub key: TlsKey,
    /// Length of the broker's certificate in DER; 800 B unless said otherwise.
    #[serde(default = "usual_certificate")]
    pub certificate: Size,
    /// Lengths of the certificates of its issuers, sent behind it; none unless given.
    #[serde(default)]
    pub issuers: Vec<Size>,
    /// Whether clients have to show a certificate.
    #[serde(default)]
    pub client_certificate: bool,
    /// How records are protected; `"AES-256-GCM"` unless said otherwise.
    #[serde(default)]
    pub cipher: TlsCipher,
    /// Whether sessions can be resumed: the broker hands out tickets, as OpenSSL does by default.
    #[serde(default = "yes")]
    pub tickets: bool,
}

/// TLS as a client uses it.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientTls {
    /// The version; the broker's unless given, and no other works.
    pub version: Option<TlsVersion>,
    /// Length of the client's certificate in DER, for a broker that wants one; 800 B unless said
    /// otherwise.
    #[serde(default = "usual_certificate")]
    pub certificate: Size,
    /// Key of that certificate.
    #[serde(default)]
    pub key: TlsKey,
    /// Host name it asks for (SNI); none unless given, as for clients that are told an address.
    pub server_name: Option<String>,
    /// Application protocol it offers (ALPN), for example `"mqtt"`.
    pub alpn: Option<String>,
    /// Group of the key exchange; `"x25519"` unless said otherwise.
    #[serde(default)]
    pub group: TlsGroup,
    /// Largest record that a small client asks for: 512 B, 1024 B, 2048 B or 4096 B.
    pub max_fragment: Option<Size>,
    /// Whether it resumes sessions: `"never"`, `"tickets"` or `"known"`.
    #[serde(default)]
    pub resumption: TlsResumption,
    /// Whether a resumed session of TLS 1.3 has new keys (psk_dhe_ke).
    #[serde(default = "yes")]
    pub fresh_keys: bool,
}

const fn usual_certificate() -> Size {
    Size(800)
}

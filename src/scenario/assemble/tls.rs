//! TLS of a group: settings and prices.

use std::sync::Arc;
use std::time::Duration;

use models::host::secure::{Security, TlsCost};
use models::profile::{self, TlsCipher, TlsGroup, TlsKey, TlsResumption, TlsVersion};
use models::tls::{Certificate, Cipher, Config, Group as KeyGroup, Key, Session, Version};

use super::super::load::{Group, Loaded};
use super::super::schema::{BrokerTls, ClientTls, Role};
use super::bridge;

/// How the members of `group` secure their connections, if they do.
pub(super) fn security(loaded: &Loaded, group: &Group) -> Option<Arc<Security>> {
    let (config, resumption, session) = match &group.client {
        None => match broker_tls(group) {
            Some(tls) => (broker(tls), TlsResumption::Never, None),
            // Each bridge brings its own settings.
            None if bridge::of(group).iter().any(|bridge| bridge.tls.is_some()) => {
                (Config::openssl(Version::Tls13), TlsResumption::Never, None)
            }
            None => return None,
        },
        Some(client) => {
            let offered = broker_tls(&loaded.groups[client.broker])?;
            let own = client.tls.as_ref()?;
            let server = broker(offered);
            let shown = offered.client_certificate.then_some(own.certificate.0 as usize);
            let known = (own.resumption == TlsResumption::Known && offered.tickets)
                .then(|| Session::of(&server, shown));
            (self::client(own, offered, client.profile.close_notify), own.resumption, known)
        }
    };
    let tls = group.board.tls.as_ref().expect("checked to have figures");
    Some(Arc::new(Security {
        config: Arc::new(config),
        listens: broker_tls(group).is_some(),
        cost: cost(tls),
        ram_per_connection: group.software.tls_ram_bytes.expect("checked to have figures"),
        keeps_sessions: resumption != TlsResumption::Never,
        session,
    }))
}

pub(super) fn broker_tls(group: &Group) -> Option<&BrokerTls> {
    match &group.role {
        Role::Broker(role) => role.tls.as_ref(),
        Role::Publisher(_)
        | Role::Camera(_)
        | Role::Burst(_)
        | Role::Subscriber(_)
        | Role::Steps(_)
        | Role::SensorNode(_)
        | Role::ServerNode(_)
        | Role::Gateway(_)
        | Role::CloudSink(_)
        | Role::Service(_)
        | Role::Visitor(_) => None,
    }
}

fn broker(tls: &BrokerTls) -> Config {
    let lens = std::iter::once(&tls.certificate).chain(&tls.issuers);
    Config {
        cipher: cipher(tls.cipher),
        certificate: Some(Certificate { key: key(tls.key), chain: lens.map(|len| len.0 as u32).collect() }),
        client_certificate: tls.client_certificate,
        tickets: if tls.tickets { 2 } else { 0 },
        ..Config::openssl(version(tls.version))
    }
}

pub(super) fn client(tls: &ClientTls, offered: &BrokerTls, close_notify: bool) -> Config {
    let usual = Config::openssl(version(offered.version));
    Config {
        cipher: cipher(offered.cipher),
        group: match tls.group {
            TlsGroup::X25519 => KeyGroup::X25519,
            TlsGroup::Secp256r1 => KeyGroup::Secp256r1,
        },
        certificate: Some(Certificate { key: key(tls.key), chain: vec![tls.certificate.0 as u32] }),
        server_name: tls.server_name.as_deref().map(Arc::from),
        alpn: tls.alpn.as_deref().map(Arc::from),
        max_fragment: tls.max_fragment.map_or(usual.max_fragment, |size| size.0 as u16),
        fresh_keys: tls.fresh_keys,
        close_notify,
        ..usual
    }
}

const fn version(version: TlsVersion) -> Version {
    match version {
        TlsVersion::Tls12 => Version::Tls12,
        TlsVersion::Tls13 => Version::Tls13,
    }
}

const fn key(key: TlsKey) -> Key {
    match key {
        TlsKey::Rsa2048 => Key::Rsa2048,
        TlsKey::Rsa4096 => Key::Rsa4096,
        TlsKey::EcdsaP256 => Key::EcdsaP256,
    }
}

const fn cipher(cipher: TlsCipher) -> Cipher {
    match cipher {
        TlsCipher::Aes256Gcm => Cipher::Aes256Gcm,
        TlsCipher::Aes128Gcm => Cipher::Aes128Gcm,
        TlsCipher::ChaCha20Poly1305 => Cipher::ChaCha20Poly1305,
        TlsCipher::Aes128Cbc => Cipher::Aes128Cbc,
    }
}

fn cost(tls: &profile::Tls) -> TlsCost {
    let ns = |time: Duration| time.as_nanos() as u64;
    TlsCost {
        key_pair_ns: ns(tls.key_pair),
        agreement_ns: ns(tls.agreement),
        rsa_2048_sign_ns: ns(tls.rsa_2048_sign),
        rsa_2048_verify_ns: ns(tls.rsa_2048_verify),
        rsa_4096_sign_ns: ns(tls.rsa_4096_sign),
        rsa_4096_verify_ns: ns(tls.rsa_4096_verify),
        p256_sign_ns: ns(tls.p256_sign),
        p256_verify_ns: ns(tls.p256_verify),
        hash_byte_ps: (tls.hash_ns_per_byte * 1e3).round() as u64,
        record_ns: ns(tls.record),
        record_byte_ps: (tls.record_ns_per_byte * 1e3).round() as u64,
    }
}

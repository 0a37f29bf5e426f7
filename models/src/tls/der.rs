//! DER structures of a given length (X.690): certificates that a dissector can read.

use super::config::Key;
use super::fill::Fill;
use super::message::key_bytes;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const UTF8_STRING: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const EXTENSIONS: u8 = 0xa3;
const VERSION: u8 = 0xa0;

const COMMON_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x03];
const RSA_ENCRYPTION: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const SHA256_WITH_RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
const EC_PUBLIC_KEY: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const PRIME256V1: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const ECDSA_WITH_SHA256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const NULL: &[u8] = &[0x05, 0x00];
/// 1.3.6.1.4.1.99999.1: under no authority that anyone looks up.
const PADDING: &[u8] = &[0x06, 0x09, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x86, 0x8d, 0x1f, 0x01];

/// An element: tag, length, contents.
fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    let mut bytes = vec![tag];
    match len {
        0..=127 => bytes.push(len as u8),
        128..=255 => bytes.extend_from_slice(&[0x81, len as u8]),
        256..=65_535 => bytes.extend_from_slice(&[0x82, (len >> 8) as u8, len as u8]),
        _ => bytes.extend_from_slice(&[0x83, (len >> 16) as u8, (len >> 8) as u8, len as u8]),
    }
    for part in parts {
        bytes.extend_from_slice(part);
    }
    bytes
}

/// A positive integer of `count` random bytes with its highest bit set, as moduli have it.
fn big(count: usize, fill: &mut Fill) -> Vec<u8> {
    let mut digits = vec![0];
    fill.bytes(count, &mut digits);
    digits[1] |= 0x80;
    element(INTEGER, &[&digits])
}

/// Two integers below 2^256, each as long as it happens to be.
pub(super) fn ecdsa_signature(fill: &mut Fill) -> Vec<u8> {
    let mut integer = || {
        let mut digits = Vec::new();
        fill.bytes(32, &mut digits);
        // Random numbers are shorter by a byte once in 512; that is left out.
        match digits[0] & 0x80 {
            0 => {
                digits[0] |= 0x40;
                element(INTEGER, &[&digits])
            }
            _ => element(INTEGER, &[&[0], &digits]),
        }
    };
    let (r, s) = (integer(), integer());
    element(SEQUENCE, &[&r, &s])
}

fn name(text: &[u8]) -> Vec<u8> {
    let value = element(UTF8_STRING, &[text]);
    let attribute = element(SEQUENCE, &[COMMON_NAME, &value]);
    let set = element(SET, &[&attribute]);
    element(SEQUENCE, &[&set])
}

fn public_key(key: Key, fill: &mut Fill) -> Vec<u8> {
    match key {
        Key::Rsa2048 | Key::Rsa4096 => {
            let exponent = element(INTEGER, &[&[1, 0, 1]]);
            let numbers = element(SEQUENCE, &[&big(key_bytes(key), fill), &exponent]);
            let bits = element(BIT_STRING, &[&[0], &numbers]);
            element(SEQUENCE, &[&element(SEQUENCE, &[RSA_ENCRYPTION, NULL]), &bits])
        }
        Key::EcdsaP256 => {
            let mut point = vec![0, 4];
            fill.bytes(64, &mut point);
            let bits = element(BIT_STRING, &[&point]);
            element(SEQUENCE, &[&element(SEQUENCE, &[EC_PUBLIC_KEY, PRIME256V1]), &bits])
        }
    }
}

/// A certificate (RFC 5280 §4.1) of `len` bytes, padded by an extension; where `len` is too short
/// for its key, random bytes of that length.
pub(super) fn certificate(key: Key, len: usize, fill: &mut Fill) -> Vec<u8> {
    let (algorithm, signature) = match key {
        Key::Rsa2048 | Key::Rsa4096 => {
            let mut bits = vec![0];
            fill.bytes(key_bytes(key), &mut bits);
            (element(SEQUENCE, &[SHA256_WITH_RSA, NULL]), element(BIT_STRING, &[&bits]))
        }
        Key::EcdsaP256 => {
            // Of one length, so that the certificate can be of the length that was asked for.
            let half = {
                let mut digits = vec![0x7f];
                fill.bytes(31, &mut digits);
                element(INTEGER, &[&digits])
            };
            let pair = element(SEQUENCE, &[&half, &half]);
            (element(SEQUENCE, &[ECDSA_WITH_SHA256]), element(BIT_STRING, &[&[0], &pair]))
        }
    };
    let version = element(VERSION, &[&element(INTEGER, &[&[2]])]);
    let serial = element(INTEGER, &[&[1]]);
    let dates = [element(UTC_TIME, &[b"260101000000Z"]), element(UTC_TIME, &[b"360101000000Z"])];
    let validity = element(SEQUENCE, &[&dates[0], &dates[1]]);
    let (issuer, subject) = (name(b"mqtt-twin"), name(b"mqtt-twin"));
    let public_key = public_key(key, fill);
    let padded = |padding: usize| {
        let value = element(OCTET_STRING, &[&vec![0x2e; padding]]);
        let extension = element(SEQUENCE, &[PADDING, &value]);
        let extensions = element(EXTENSIONS, &[&element(SEQUENCE, &[&extension])]);
        let parts: [&[u8]; 8] =
            [&version, &serial, &algorithm, &issuer, &validity, &subject, &public_key, &extensions];
        let to_be_signed = element(SEQUENCE, &parts);
        element(SEQUENCE, &[&to_be_signed, &algorithm, &signature])
    };
    // Lengths grow with the padding, now and then by two at once.
    let least = padded(0).len();
    for padding in (len.saturating_sub(least + 16)..=len.saturating_sub(least)).rev() {
        let certificate = padded(padding);
        if certificate.len() == len {
            return certificate;
        }
    }
    let mut bytes = Vec::new();
    fill.bytes(len, &mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_have_the_length_asked_for() {
        for len in [600, 800, 801, 1_000, 1_300, 4_000] {
            let certificate = certificate(Key::Rsa2048, len, &mut Fill(1));
            assert_eq!(certificate.len(), len);
        }
        assert_eq!(certificate(Key::EcdsaP256, 500, &mut Fill(1)).len(), 500);
        assert_eq!(certificate(Key::Rsa4096, 1_300, &mut Fill(1))[..2], [SEQUENCE, 0x82]);
    }

    #[test]
    fn signatures_of_ecdsa_differ_by_a_few_bytes() {
        let mut fill = Fill(7);
        let lens: Vec<usize> = (0..200).map(|_| ecdsa_signature(&mut fill).len()).collect();
        assert_eq!((lens.iter().min(), lens.iter().max()), (Some(&70), Some(&72)));
    }
}

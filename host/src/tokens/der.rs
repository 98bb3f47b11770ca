//! The public keys of PEM files: SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) in DER.

use super::material::Material;

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
const INTEGER: u8 = 0x02;

/// The content of each AlgorithmIdentifier: an object identifier with its parameters.
const RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
const P256: &[u8] =
    &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
const ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];

/// The key of a SubjectPublicKeyInfo; `None` for another type of key.
pub(super) fn public_key(der: &[u8]) -> Option<Material> {
    let (info, []) = element(SEQUENCE, der)? else { return None };
    let (algorithm, rest) = element(SEQUENCE, info)?;
    let (bits, []) = element(BIT_STRING, rest)? else { return None };
    // The first byte is the number of unused bits.
    let key = bits.strip_prefix(&[0])?;
    match algorithm {
        RSA => {
            let (numbers, []) = element(SEQUENCE, key)? else { return None };
            let (modulus, rest) = element(INTEGER, numbers)?;
            let (exponent, []) = element(INTEGER, rest)? else { return None };
            Material::rsa(modulus, exponent)
        }
        P256 => Material::p256(key),
        P384 => Material::p384(key),
        ED25519 => Material::ed25519(key),
        _ => None,
    }
}

/// Splits an element of `tag` at the start of `der` into its content and the rest. Only minimal lengths of at most two bytes.
fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match der {
        [found, ..] if *found != tag => return None,
        [_, length @ 0..=0x7f, rest @ ..] => (usize::from(*length), rest),
        [_, 0x81, length @ 0x80..=0xff, rest @ ..] => (usize::from(*length), rest),
        [_, 0x82, high @ 1..=0xff, low, rest @ ..] => (usize::from(*high) << 8 | usize::from(*low), rest),
        _ => return None,
    };
    rest.split_at_checked(length)
}

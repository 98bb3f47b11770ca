//! The type and the bytes of a key. A type verifies only its own algorithms: an RSA public key can never be the secret of an HMAC
//! (RFC 8725 §3.1).

use ring::{hmac, signature};

use super::{Algorithm, KeyError};

/// The shortest secret of an HMAC, in bytes: the output of SHA-256 (RFC 7518 §3.2). HS384 needs 48, HS512 64.
pub const MIN_SECRET: usize = 32;

/// The type and the bytes of a key. The functions check their lengths.
#[derive(Clone)]
pub(super) enum Material {
    Secret(Vec<u8>),
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

impl Material {
    pub(super) fn secret(secret: &[u8]) -> Result<Self, KeyError> {
        if secret.windows(10).any(|window| window == b"-----BEGIN") {
            return Err(KeyError::PemSecret);
        }
        let secret = secret.strip_suffix(b"\n").unwrap_or(secret);
        let secret = secret.strip_suffix(b"\r").unwrap_or(secret);
        if secret.len() < MIN_SECRET { Err(KeyError::ShortSecret) } else { Ok(Self::Secret(secret.to_vec())) }
    }

    /// Big-endian numbers. A leading zero of DER is not part of them.
    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let number = |bytes: &[u8]| bytes.iter().position(|byte| *byte != 0).map(|start| bytes[start..].to_vec());
        let (modulus, exponent) = (number(modulus)?, number(exponent)?);
        // NIST SP 800-57: fewer than 2,048 bits are too weak. ring verifies at most 8,192.
        let bits = modulus.len() * 8 - modulus[0].leading_zeros() as usize;
        ((2048..=8192).contains(&bits) && exponent.len() <= 4).then_some(Self::Rsa { modulus, exponent })
    }

    /// An uncompressed point (SEC 1 §2.3.3).
    pub(super) fn p256(point: &[u8]) -> Option<Self> {
        (point.len() == 65 && point[0] == 4).then(|| Self::P256(point.to_vec()))
    }

    /// An uncompressed point (SEC 1 §2.3.3).
    pub(super) fn p384(point: &[u8]) -> Option<Self> {
        (point.len() == 97 && point[0] == 4).then(|| Self::P384(point.to_vec()))
    }

    pub(super) fn ed25519(key: &[u8]) -> Option<Self> {
        (key.len() == 32).then(|| Self::Ed25519(key.to_vec()))
    }

    pub(super) fn permits(&self, algorithm: Algorithm) -> bool {
        use Algorithm as A;
        match (self, algorithm) {
            (Self::Secret(_), A::HS256) => true,
            (Self::Secret(secret), A::HS384) => secret.len() >= 48,
            (Self::Secret(secret), A::HS512) => secret.len() >= 64,
            (Self::Rsa { .. }, A::RS256 | A::RS384 | A::RS512 | A::PS256 | A::PS384 | A::PS512) => true,
            (Self::P256(_), A::ES256) | (Self::P384(_), A::ES384) | (Self::Ed25519(_), A::EdDSA) => true,
            _ => false,
        }
    }

    pub(super) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Secret(secret) => {
                let Some(algorithm) = hmac_algorithm(algorithm) else { return false };
                // In constant time.
                hmac::verify(&hmac::Key::new(algorithm, secret), message, signature).is_ok()
            }
            Self::Rsa { modulus, exponent } => {
                let parameters = match algorithm {
                    Algorithm::RS256 => &signature::RSA_PKCS1_2048_8192_SHA256,
                    Algorithm::RS384 => &signature::RSA_PKCS1_2048_8192_SHA384,
                    Algorithm::RS512 => &signature::RSA_PKCS1_2048_8192_SHA512,
                    Algorithm::PS256 => &signature::RSA_PSS_2048_8192_SHA256,
                    Algorithm::PS384 => &signature::RSA_PSS_2048_8192_SHA384,
                    Algorithm::PS512 => &signature::RSA_PSS_2048_8192_SHA512,
                    _ => return false,
                };
                let key = signature::RsaPublicKeyComponents { n: &modulus[..], e: &exponent[..] };
                key.verify(parameters, message, signature).is_ok()
            }
            Self::P256(key) => verify(&signature::ECDSA_P256_SHA256_FIXED, key, message, signature),
            Self::P384(key) => verify(&signature::ECDSA_P384_SHA384_FIXED, key, message, signature),
            Self::Ed25519(key) => verify(&signature::ED25519, key, message, signature),
        }
    }
}

pub(super) fn hmac_algorithm(algorithm: Algorithm) -> Option<hmac::Algorithm> {
    match algorithm {
        Algorithm::HS256 => Some(hmac::HMAC_SHA256),
        Algorithm::HS384 => Some(hmac::HMAC_SHA384),
        Algorithm::HS512 => Some(hmac::HMAC_SHA512),
        _ => None,
    }
}

fn verify(by: &'static dyn signature::VerificationAlgorithm, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    signature::UnparsedPublicKey::new(by, key).verify(message, signature).is_ok()
}

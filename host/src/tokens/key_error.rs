//! The errors of keys.

use std::fmt;

/// The reason for which a file is not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// A secret has fewer than [`MIN_SECRET`](super::MIN_SECRET) bytes.
    ShortSecret,
    /// The file of a secret has a PEM section: a public key is not a secret.
    PemSecret,
    /// The PEM file has no section `PUBLIC KEY`.
    NoPublicKey,
    /// The PEM file has no section `PRIVATE KEY` (PKCS #8).
    NoPrivateKey,
    /// The key is none of RSA with 2,048 to 8,192 bits, P-256, P-384 and Ed25519.
    Unsupported,
    /// The text is not a JSON Web Key, nor a set of them (RFC 7517).
    Jwk,
    /// The set has no key for signatures of a supported type.
    NoKey,
    /// The key cannot sign by this algorithm.
    Algorithm,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ShortSecret => {
                "a secret has at least 32 bytes (48 for HS384, 64 for HS512); make one with `openssl rand -hex 32`"
            }
            Self::PemSecret => "this is a PEM file and not a secret; a public key is given as a key",
            Self::NoPublicKey => {
                "the PEM file has no section PUBLIC KEY; make it with `openssl pkey -in private.pem -pubout`"
            }
            Self::NoPrivateKey => {
                "the PEM file has no section PRIVATE KEY; make it with `openssl pkcs8 -topk8 -nocrypt -in key.pem`"
            }
            Self::Unsupported => "a key is RSA with 2048 to 8192 bits, P-256, P-384 or Ed25519",
            Self::Jwk => "the text is neither PEM nor a JSON Web Key nor a set of them",
            Self::NoKey => "the set has no key for signatures of a supported type",
            Self::Algorithm => "the key cannot sign by this algorithm",
        })
    }
}

impl std::error::Error for KeyError {}

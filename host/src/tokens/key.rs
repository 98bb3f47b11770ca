//! Keys that verify tokens. A key has one type, and verifies only the algorithms of that type: an RSA public key can never be the
//! secret of an HMAC (RFC 8725 §3.1).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::{hmac, signature};
use rustls::pki_types::pem::{PemObject, SectionKind};
use serde_json::Value;

use super::{Algorithm, der};

/// The shortest secret of an HMAC, in bytes: the output of SHA-256 (RFC 7518 §3.2). HS384 needs 48, HS512 64.
pub const MIN_SECRET: usize = 32;

/// A key that verifies tokens.
///
/// Its `Debug` output has no secret.
#[derive(Clone)]
pub struct VerificationKey {
    id: Option<String>,
    /// The only algorithm, where a JSON Web Key names one.
    algorithm: Option<Algorithm>,
    material: Material,
}

/// The type and the bytes of a key. The functions check their lengths.
#[derive(Clone)]
pub(super) enum Material {
    Secret(Vec<u8>),
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// The reason for which a file is not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// A secret has fewer than [`MIN_SECRET`] bytes.
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

impl VerificationKey {
    /// A secret of an HMAC, of at least [`MIN_SECRET`] bytes. A line end after it is not part of it.
    ///
    /// # Errors
    /// [`KeyError::ShortSecret`], [`KeyError::PemSecret`]
    pub fn secret(secret: &[u8]) -> Result<Self, KeyError> {
        Material::secret(secret).map(Self::of)
    }

    /// The keys of a text: PEM with sections `PUBLIC KEY`, a JSON Web Key, or a set of them (RFC 7517 §5).
    ///
    /// A set may have keys of other types or for other uses. They are skipped.
    ///
    /// # Errors
    /// [`KeyError`]
    pub fn parse(text: &[u8]) -> Result<Vec<Self>, KeyError> {
        if text.trim_ascii_start().starts_with(b"{") {
            return parse_jwk(text);
        }
        let mut keys = Vec::new();
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(text) {
            let Ok((kind, der)) = section else { return Err(KeyError::NoPublicKey) };
            if kind == SectionKind::PublicKey {
                keys.push(Self::of(der::public_key(&der).ok_or(KeyError::Unsupported)?));
            }
        }
        if keys.is_empty() { Err(KeyError::NoPublicKey) } else { Ok(keys) }
    }

    /// The public keys of a JSON Web Key Set. Secrets are skipped: a published one is not secret.
    ///
    /// # Errors
    /// [`KeyError::Jwk`], [`KeyError::NoKey`]
    pub fn parse_public_set(text: &[u8]) -> Result<Vec<Self>, KeyError> {
        let mut keys = parse_jwk(text)?;
        keys.retain(|key| !matches!(key.material, Material::Secret(_)));
        if keys.is_empty() { Err(KeyError::NoKey) } else { Ok(keys) }
    }

    /// The same key with this `kid`: it verifies tokens with that `kid`, or without one.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Its `kid`. A key without one verifies tokens with any.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Whether it is of the type of the algorithm, and long enough for it.
    pub fn permits(&self, algorithm: Algorithm) -> bool {
        self.algorithm.is_none_or(|only| only == algorithm) && self.material.permits(algorithm)
    }

    /// Whether `signature` is that of `message`. False if the key does not permit the algorithm.
    pub(super) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        self.permits(algorithm) && self.material.verifies(algorithm, message, signature)
    }

    fn of(material: Material) -> Self {
        Self { id: None, algorithm: None, material }
    }
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.material {
            Material::Secret(_) => "secret",
            Material::Rsa { .. } => "RSA",
            Material::P256(_) => "P-256",
            Material::P384(_) => "P-384",
            Material::Ed25519(_) => "Ed25519",
        };
        f.debug_struct("VerificationKey").field("id", &self.id).field("kind", &kind).finish_non_exhaustive()
    }
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

    fn permits(&self, algorithm: Algorithm) -> bool {
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

    fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
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

fn parse_jwk(text: &[u8]) -> Result<Vec<VerificationKey>, KeyError> {
    let json: Value = serde_json::from_slice(text).map_err(|_| KeyError::Jwk)?;
    match json.get("keys") {
        Some(Value::Array(keys)) => {
            // RFC 7517 §5: keys that are not understood are skipped.
            let keys: Vec<_> = keys.iter().filter_map(|key| jwk(key).ok()).collect();
            if keys.is_empty() { Err(KeyError::NoKey) } else { Ok(keys) }
        }
        Some(_) => Err(KeyError::Jwk),
        None => Ok(vec![jwk(&json)?]),
    }
}

/// A JSON Web Key (RFC 7517 §4) for signatures.
fn jwk(json: &Value) -> Result<VerificationKey, KeyError> {
    let text = |name: &str| match json.get(name) {
        None => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or(KeyError::Jwk),
    };
    let bytes = |name: &str| {
        let text = text(name)?.ok_or(KeyError::Jwk)?;
        URL_SAFE_NO_PAD.decode(text).map_err(|_| KeyError::Jwk)
    };
    let point = || Ok::<_, KeyError>([&[4][..], &bytes("x")?, &bytes("y")?].concat());
    if text("use")?.is_some_and(|purpose| purpose != "sig") {
        return Err(KeyError::Unsupported);
    }
    if let Some(operations) = json.get("key_ops") {
        let operations = operations.as_array().ok_or(KeyError::Jwk)?;
        if !operations.iter().any(|operation| matches!(operation.as_str(), Some("verify" | "sign"))) {
            return Err(KeyError::Unsupported);
        }
    }
    let material = match (text("kty")?.ok_or(KeyError::Jwk)?, text("crv")?) {
        ("oct", _) => {
            let secret = bytes("k")?;
            if secret.len() < MIN_SECRET { return Err(KeyError::ShortSecret) } else { Some(Material::Secret(secret)) }
        }
        ("RSA", _) => Material::rsa(&bytes("n")?, &bytes("e")?),
        ("EC", Some("P-256")) => Material::p256(&point()?),
        ("EC", Some("P-384")) => Material::p384(&point()?),
        ("OKP", Some("Ed25519")) => Material::ed25519(&bytes("x")?),
        _ => None,
    };
    let material = material.ok_or(KeyError::Unsupported)?;
    let algorithm = match text("alg")? {
        None => None,
        Some(name) => Some(name.parse::<Algorithm>().map_err(|_| KeyError::Unsupported)?),
    };
    if algorithm.is_some_and(|algorithm| !material.permits(algorithm)) {
        return Err(KeyError::Algorithm);
    }
    Ok(VerificationKey { id: text("kid")?.map(str::to_owned), algorithm, material })
}

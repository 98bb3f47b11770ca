//! Keys that verify tokens: secrets, PEM and JSON Web Keys.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::pem::{PemObject, SectionKind};
use serde_json::Value;

use super::der;
use super::material::Material;
use super::{Algorithm, KeyError, MIN_SECRET};

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

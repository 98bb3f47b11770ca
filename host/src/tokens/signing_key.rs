//! Keys that sign tokens.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{
    self, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaEncoding,
    RsaKeyPair,
};
use rustls::pki_types::pem::{PemObject, SectionKind};
use serde_json::{Map, Value, json};

use super::material::{Material, hmac_algorithm};
use super::{Algorithm, KeyError};

/// A key that signs tokens.
///
/// Its `Debug` output has no secret.
pub struct SigningKey {
    id: Option<String>,
    pair: KeyPair,
}

enum KeyPair {
    Secret(Vec<u8>),
    Rsa(Box<RsaKeyPair>),
    P256(Box<EcdsaKeyPair>),
    P384(Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// A secret of an HMAC, as [`VerificationKey::secret`](super::VerificationKey::secret).
    ///
    /// # Errors
    /// [`KeyError::ShortSecret`], [`KeyError::PemSecret`]
    pub fn secret(secret: &[u8]) -> Result<Self, KeyError> {
        match Material::secret(secret)? {
            Material::Secret(secret) => Ok(Self { id: None, pair: KeyPair::Secret(secret) }),
            _ => Err(KeyError::Unsupported),
        }
    }

    /// The first section `PRIVATE KEY` (PKCS #8) of a PEM file.
    ///
    /// # Errors
    /// [`KeyError::NoPrivateKey`], [`KeyError::Unsupported`]
    pub fn pem(text: &[u8]) -> Result<Self, KeyError> {
        let sections = <(SectionKind, Vec<u8>)>::pem_slice_iter(text);
        let (_, der) = sections
            .filter_map(Result::ok)
            .find(|(kind, _)| *kind == SectionKind::PrivateKey)
            .ok_or(KeyError::NoPrivateKey)?;
        let random = SystemRandom::new();
        let p256 = || EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der, &random);
        let p384 = || EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &der, &random);
        // Each names its own object identifier, so at most one succeeds. OpenSSL's Ed25519 keys have no public key.
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der)
            .map(|pair| KeyPair::Ed25519(pair.into()))
            .or_else(|_| p256().map(|pair| KeyPair::P256(pair.into())))
            .or_else(|_| p384().map(|pair| KeyPair::P384(pair.into())))
            .or_else(|_| RsaKeyPair::from_pkcs8(&der).map(|pair| KeyPair::Rsa(pair.into())));
        Ok(Self { id: None, pair: pair.map_err(|_| KeyError::Unsupported)? })
    }

    /// The same key, whose tokens have this `kid`.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// The algorithm that is used unless another is named: HS256, RS256, ES256, ES384 or EdDSA.
    pub fn default_algorithm(&self) -> Algorithm {
        match self.pair {
            KeyPair::Secret(_) => Algorithm::HS256,
            KeyPair::Rsa(_) => Algorithm::RS256,
            KeyPair::P256(_) => Algorithm::ES256,
            KeyPair::P384(_) => Algorithm::ES384,
            KeyPair::Ed25519(_) => Algorithm::EdDSA,
        }
    }

    /// A token with these claims, in compact form (RFC 7515 §7.1).
    ///
    /// # Errors
    /// [`KeyError::Algorithm`]: the algorithm is of another type of key, or the secret is too short for it.
    pub fn sign(&self, algorithm: Algorithm, claims: &Map<String, Value>) -> Result<String, KeyError> {
        let mut header = json!({ "alg": algorithm.as_str(), "typ": "JWT" });
        if let Some(id) = &self.id {
            header["kid"] = json!(id);
        }
        let encode = |json: String| URL_SAFE_NO_PAD.encode(json);
        let claims = encode(Value::Object(claims.clone()).to_string());
        let message = format!("{}.{claims}", encode(header.to_string()));
        let signature = self.signature(algorithm, message.as_bytes())?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn signature(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let random = SystemRandom::new();
        let ecdsa = |pair: &EcdsaKeyPair| {
            pair.sign(&random, message).map(|signature| signature.as_ref().to_vec()).map_err(|_| KeyError::Algorithm)
        };
        match (&self.pair, algorithm) {
            (KeyPair::Secret(secret), algorithm) => {
                let least = if algorithm == Algorithm::HS512 { 64 } else { 48 };
                let by = hmac_algorithm(algorithm).ok_or(KeyError::Algorithm)?;
                if algorithm != Algorithm::HS256 && secret.len() < least {
                    return Err(KeyError::ShortSecret);
                }
                Ok(hmac::sign(&hmac::Key::new(by, secret), message).as_ref().to_vec())
            }
            (KeyPair::P256(pair), Algorithm::ES256) | (KeyPair::P384(pair), Algorithm::ES384) => ecdsa(pair),
            (KeyPair::Ed25519(pair), Algorithm::EdDSA) => Ok(pair.sign(message).as_ref().to_vec()),
            (KeyPair::Rsa(pair), algorithm) => {
                let padding: &'static dyn RsaEncoding = match algorithm {
                    Algorithm::RS256 => &signature::RSA_PKCS1_SHA256,
                    Algorithm::RS384 => &signature::RSA_PKCS1_SHA384,
                    Algorithm::RS512 => &signature::RSA_PKCS1_SHA512,
                    Algorithm::PS256 => &signature::RSA_PSS_SHA256,
                    Algorithm::PS384 => &signature::RSA_PSS_SHA384,
                    Algorithm::PS512 => &signature::RSA_PSS_SHA512,
                    _ => return Err(KeyError::Algorithm),
                };
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(padding, &random, message, &mut signature).map_err(|_| KeyError::Algorithm)?;
                Ok(signature)
            }
            _ => Err(KeyError::Algorithm),
        }
    }
}

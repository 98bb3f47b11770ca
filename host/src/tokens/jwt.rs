//! Signed JSON Web Tokens in compact form (RFC 7515 §7.1, RFC 7519).

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::{Algorithm, Claims, MAX_TOKEN, TokenError, VerificationKey};

/// A token that is not verified yet.
#[derive(Clone, Debug)]
pub struct UnverifiedToken<'t> {
    algorithm: Algorithm,
    key_id: Option<String>,
    /// Header and claims as they are signed.
    message: &'t str,
    claims: Vec<u8>,
    signature: Vec<u8>,
}

impl<'t> UnverifiedToken<'t> {
    /// Parses the compact form.
    ///
    /// # Errors
    /// [`TokenError::TooLong`], [`TokenError::Malformed`], [`TokenError::Critical`], or [`TokenError::Algorithm`] for an unknown `alg` such
    /// as `none`.
    pub fn parse(token: &'t str) -> Result<Self, TokenError> {
        if token.len() > MAX_TOKEN {
            return Err(TokenError::TooLong);
        }
        let malformed = |_| TokenError::Malformed;
        let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, claims) = message.split_once('.').ok_or(TokenError::Malformed)?;
        // Strict: no padding, no line ends, no bits beyond the last byte.
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text);
        let header = decode(header).map_err(malformed)?;
        let header: Map<String, Value> = serde_json::from_slice(&header).map_err(|_| TokenError::Malformed)?;
        let text = |name: &str| match header.get(name) {
            None => Ok(None),
            Some(value) => value.as_str().map(Some).ok_or(TokenError::Malformed),
        };
        let algorithm = text("alg")?.ok_or(TokenError::Malformed)?;
        if header.contains_key("crit") {
            return Err(TokenError::Critical);
        }
        Ok(Self {
            algorithm: algorithm.parse().map_err(|_| TokenError::Algorithm)?,
            key_id: text("kid")?.map(str::to_owned),
            message,
            claims: decode(claims).map_err(malformed)?,
            signature: decode(signature).map_err(malformed)?,
        })
    }

    /// `alg`.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// `kid`.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// `iss`, without proof.
    pub(super) fn unverified_issuer(&self) -> Option<String> {
        let claims: Value = serde_json::from_slice(&self.claims).ok()?;
        Some(claims.get("iss")?.as_str()?.to_owned())
    }

    /// Parses the claims without a check of the signature, to show them.
    ///
    /// # Errors
    /// As [`Claims::parse`].
    pub fn unverified_claims(&self) -> Result<Map<String, Value>, TokenError> {
        serde_json::from_slice(&self.claims).map_err(|_| TokenError::Malformed)
    }

    /// Whether a key has its `kid`, or has none.
    fn is_of(&self, key: &VerificationKey) -> bool {
        match (self.key_id(), key.id()) {
            (Some(wanted), Some(id)) => wanted == id,
            _ => true,
        }
    }

    /// Whether one of the keys has its `kid` and is for its algorithm.
    pub(super) fn is_verified_by(&self, keys: &[VerificationKey]) -> bool {
        keys.iter().any(|key| self.is_of(key) && key.permits(self.algorithm))
    }

    /// Verifies the signature by one of the keys.
    ///
    /// # Errors
    /// [`TokenError::UnknownKey`], [`TokenError::Algorithm`], [`TokenError::Signature`]
    pub(super) fn verify_signature(&self, keys: &[VerificationKey]) -> Result<(), TokenError> {
        let mut error = TokenError::UnknownKey;
        for key in keys.iter().filter(|key| self.is_of(key)) {
            if !key.permits(self.algorithm) {
                if error == TokenError::UnknownKey {
                    error = TokenError::Algorithm;
                }
                continue;
            }
            if key.verifies(self.algorithm, self.message.as_bytes(), &self.signature) {
                return Ok(());
            }
            error = TokenError::Signature;
        }
        Err(error)
    }

    fn claims(&self) -> Result<Claims, TokenError> {
        Claims::parse(&self.claims)
    }
}

/// The rules for the claims of a token.
#[derive(Clone, Debug)]
pub struct TokenPolicy {
    /// The issuers that are accepted; empty: any, and none. Default: empty.
    pub issuers: Vec<String>,
    /// The audiences of the server. A token with `aud` is accepted if it names one of them. Where the list is not empty, a token without
    /// `aud` is rejected. Default: empty.
    pub audiences: Vec<String>,
    /// The algorithms that are accepted. A key also limits them to those of its type. Default: all.
    pub algorithms: Vec<Algorithm>,
    /// The difference of clocks that `exp` and `nbf` allow for. Default: 30 s.
    pub leeway: Duration,
}

impl Default for TokenPolicy {
    fn default() -> Self {
        Self {
            issuers: Vec::new(),
            audiences: Vec::new(),
            algorithms: Algorithm::ALL.to_vec(),
            leeway: Duration::from_secs(30),
        }
    }
}

impl TokenPolicy {
    /// Verifies the signature by one of `keys`, and then the claims at the time `now`.
    ///
    /// # Errors
    /// [`TokenError`]
    pub fn verify(
        &self,
        token: &UnverifiedToken<'_>,
        keys: &[VerificationKey],
        now: SystemTime,
    ) -> Result<Claims, TokenError> {
        if !self.algorithms.contains(&token.algorithm) {
            return Err(TokenError::Algorithm);
        }
        token.verify_signature(keys)?;
        let claims = token.claims()?;
        self.check(&claims, now)?;
        Ok(claims)
    }

    fn check(&self, claims: &Claims, now: SystemTime) -> Result<(), TokenError> {
        if now >= self.end(claims) {
            return Err(TokenError::Expired);
        }
        if claims.not_before.is_some_and(|start| now + self.leeway < start) {
            return Err(TokenError::NotYetValid);
        }
        if !self.permits_issuer(claims.issuer.as_deref()) {
            return Err(TokenError::Issuer);
        }
        let permitted = match &claims.audiences {
            None => self.audiences.is_empty(),
            Some(audiences) => audiences.iter().any(|audience| self.audiences.contains(audience)),
        };
        if permitted { Ok(()) } else { Err(TokenError::Audience) }
    }

    /// The end of a token: `exp` and the leeway.
    pub(super) fn end(&self, claims: &Claims) -> SystemTime {
        claims.expires.checked_add(self.leeway).unwrap_or(claims.expires)
    }

    pub(super) fn permits_issuer(&self, issuer: Option<&str>) -> bool {
        self.issuers.is_empty() || self.issuers.iter().any(|permitted| Some(&permitted[..]) == issuer)
    }
}

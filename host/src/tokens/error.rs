//! The reasons for which a token is rejected.

use std::fmt;

use goldcrest_core::http::Status;

/// The longest token, in bytes.
pub const MAX_TOKEN: usize = 8 * 1024;

/// The reason for which a request is rejected. The request never becomes one without a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    /// The request has no token.
    Missing,
    /// It has more than [`MAX_TOKEN`] bytes.
    TooLong,
    /// It is neither a token of the server nor a signed JSON Web Token in compact form (RFC 7515 §7.1), or the request has two.
    Malformed,
    /// Its header has `crit`: extensions that the server has to understand (RFC 7515 §4.1.11).
    Critical,
    /// Its `alg` is unknown or not permitted, or no key is for it.
    Algorithm,
    /// No key has its `kid`.
    UnknownKey,
    /// The signature is that of another key or of another content.
    Signature,
    /// This claim is missing, or has another type than the standard says.
    Claim(&'static str),
    /// `exp` has passed (RFC 7519 §4.1.4).
    Expired,
    /// `nbf` has not come yet (RFC 7519 §4.1.5).
    NotYetValid,
    /// `iss` is another one.
    Issuer,
    /// `aud` has no audience of the server (RFC 7519 §4.1.3).
    Audience,
    /// It is valid, and has no right to read this channel.
    ReadScope,
    /// It is valid, and has no right to publish to this channel.
    PublishScope,
    /// It would renew a connection of another `sub`.
    Identity,
    /// The keys that verify it cannot be fetched now.
    KeysUnavailable,
}

impl TokenError {
    /// The status of the response: 401, 403, or 503 without keys.
    pub const fn status(self) -> Status {
        match self {
            Self::ReadScope | Self::PublishScope => Status::FORBIDDEN,
            Self::KeysUnavailable => Status::SERVICE_UNAVAILABLE,
            _ => Status::UNAUTHORIZED,
        }
    }

    /// The value of `WWW-Authenticate` (RFC 6750 §3). A request without a token gets no error code (§3.1).
    pub fn challenge(self) -> String {
        let error = match self.status() {
            _ if self == Self::Missing => return "Bearer realm=\"goldcrest\"".into(),
            Status::FORBIDDEN => "insufficient_scope",
            _ => "invalid_token",
        };
        format!("Bearer realm=\"goldcrest\", error=\"{error}\", error_description=\"{self}\"")
    }
}

impl TokenError {
    /// A sentence of the characters that `error_description` may have (RFC 6750 §3), without the name of a claim.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Missing => "a token is required",
            Self::TooLong => "the token is too long",
            Self::Malformed => "the token is not a signed JSON Web Token",
            Self::Critical => "the header of the token has crit, and no extension is supported",
            Self::Algorithm => "no key of the server is for the algorithm of the token",
            Self::UnknownKey => "no key of the server has the kid of the token",
            Self::Signature => "the signature of the token is wrong",
            Self::Claim(_) => "a claim of the token is missing or has another type",
            Self::Expired => "the token has expired",
            Self::NotYetValid => "the token is not valid yet",
            Self::Issuer => "the token is from another issuer",
            Self::Audience => "the token is for another audience",
            Self::ReadScope => "the token does not permit reading this channel",
            Self::PublishScope => "the token does not permit publishing to this channel",
            Self::Identity => "the token is for another identity than the connection",
            Self::KeysUnavailable => "the keys for the token cannot be fetched; come back later",
        }
    }
}

/// [`TokenError::reason`], with the name of a claim.
impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim(name) => write!(f, "the claim {name} of the token is missing or has another type"),
            error => f.write_str(error.reason()),
        }
    }
}

impl std::error::Error for TokenError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_has_the_error_code_of_rfc_6750() {
        assert_eq!(TokenError::Missing.challenge(), "Bearer realm=\"goldcrest\"");
        let expired =
            "Bearer realm=\"goldcrest\", error=\"invalid_token\", error_description=\"the token has expired\"";
        assert_eq!(TokenError::Expired.challenge(), expired);
        let scope = TokenError::PublishScope;
        assert_eq!(scope.status(), Status::FORBIDDEN);
        assert!(scope.challenge().contains("error=\"insufficient_scope\""));
    }
}

//! Access by tokens: JSON Web Tokens (RFC 7519) and static secrets (feature `tokens`).
//!
//! [`TokenAuthorizer`] is an [`Authorizer`](crate::Authorizer). It reads the token of a request, verifies it by [`TokenAccess`], and
//! grants the rights of its claims until `exp`. A token that is invalid is 401, and one without the right is 403 (RFC 6750 §3). A request
//! with an invalid token never counts as one without a token.
//!
//! | file | content |
//! | --- | --- |
//! | `authorizer.rs` | [`TokenAuthorizer`], [`TokenAccess`]: places of a token, and the decision |
//! | `jwt.rs` | [`UnverifiedToken`], [`TokenPolicy`] |
//! | `claims.rs`, `channel_pattern.rs` | [`Claims`] with strict types, and their channels |
//! | `algorithm.rs` | [`Algorithm`] |
//! | `key.rs`, `material.rs`, `der.rs`, `key_error.rs` | [`VerificationKey`], and its public key in DER |
//! | `signing_key.rs` | [`SigningKey`] |
//! | `static_tokens.rs` | [`StaticTokens`] of a file |
//! | `key_set.rs` | [`RemoteKeySet`]: keys at a URL |
//! | `error.rs` | [`TokenError`] with its response |
//!
//! `ring` does the cryptography.
//!
//! ```
//! use std::sync::Arc;
//! use goldcrest_host::tokens::{TokenAccess, TokenAuthorizer, VerificationKey};
//! use goldcrest_host::{Exchange, Handler, HandlerResult, HubHandler, LocalHub, Runtime, Server};
//!
//! struct App {
//!     hub: LocalHub,
//!     authorizer: TokenAuthorizer,
//! }
//!
//! impl Handler for App {
//!     async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
//!         HubHandler::new(&self.hub).authorizer(&self.authorizer).handle(exchange).await
//!     }
//! }
//!
//! let secret = VerificationKey::secret(b"a secret of at least thirty-two bytes")?;
//! let access = Arc::new(TokenAccess { keys: vec![secret], ..TokenAccess::default() });
//! let server = Server::new().listen("127.0.0.1:0".parse()?).without_signals().start(move |hub: LocalHub| {
//!     let authorizer = TokenAuthorizer::new(hub.hub().clone(), access.clone());
//!     App { hub, authorizer }
//! })?;
//! server.shut_down()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod algorithm;
mod authorizer;
mod channel_pattern;
mod claims;
mod der;
mod error;
mod jwt;
mod key;
mod key_error;
mod key_set;
mod material;
mod signing_key;
mod static_tokens;

#[cfg(test)]
mod tests;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use authorizer::{TOKEN_COOKIE, TOKEN_PARAMETER, TOKEN_SUBPROTOCOL, TokenAccess, TokenAuthorizer, TokenGrant};
pub use channel_pattern::{ChannelPattern, ChannelPatternError};
pub use claims::Claims;
pub use error::{MAX_TOKEN, TokenError};
pub use jwt::{TokenPolicy, UnverifiedToken};
pub use key::VerificationKey;
pub use key_error::KeyError;
pub use key_set::{KeySetUrlError, RemoteKeySet};
pub use material::MIN_SECRET;
pub use signing_key::SigningKey;
pub use static_tokens::{MIN_STATIC_TOKEN, StaticTokens, StaticTokensError};

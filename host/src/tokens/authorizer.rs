//! The places of a token, and the decision on a request.

use std::time::{Duration, SystemTime};

use goldcrest_core::format::Transport;
use goldcrest_core::http::{Request, Status};
use goldcrest_core::hub_http::{Authorized, Authorizer, ChannelIntent, Grant, Rights};
use goldcrest_core::server::{Exchange, Runtime};
use goldcrest_core::time::Instant;
use std::task::Waker;

use super::{Claims, MAX_TOKEN, RemoteKeySet, StaticTokens, TokenError, TokenPolicy, UnverifiedToken, VerificationKey};
use crate::hub::{Hub, IdentityGrant};
use crate::sync::Arc;

/// The cookie with a token. A browser accepts it over TLS only (RFC 6265bis §4.1.3.1).
pub const TOKEN_COOKIE: &str = "__Secure-goldcrest_access_token";

/// The start of the WebSocket subprotocol with a token. It is offered beside `goldcrest.v1` and never selected.
pub const TOKEN_SUBPROTOCOL: &str = "goldcrest.token.";

/// The query parameter with a token (RFC 6750 §2.3), only with [`TokenAccess::token_in_query`].
pub const TOKEN_PARAMETER: &str = "access_token";

/// The rules by which tokens are accepted.
///
/// The default accepts no token and no request.
#[derive(Clone, Debug, Default)]
pub struct TokenAccess {
    /// The keys for JSON Web Tokens. Several permit a rotation.
    pub keys: Vec<VerificationKey>,
    /// Further keys at a URL. They are fetched only for a token whose issuer is one of [`TokenPolicy::issuers`], which must not be empty.
    pub key_set: Option<RemoteKeySet>,
    /// The rules for their claims.
    pub policy: TokenPolicy,
    /// Tokens that publish to every channel. Their identity is `publish-token`.
    pub publish_tokens: StaticTokens,
    /// Tokens that read every channel. Their identity is `subscribe-token`.
    pub subscribe_tokens: StaticTokens,
    /// Every client reads, without a token too. A request with an invalid token is rejected nevertheless. Default: `false`.
    pub anonymous_read: bool,
    /// A token is accepted in the query too, where logs and histories may store it. Default: `false`.
    pub token_in_query: bool,
}

/// Grants the rights of the token of a request.
///
/// Read in this order, and the first place that has a token counts: `Authorization: Bearer` (RFC 6750 §2.1), the cookie
/// [`TOKEN_COOKIE`], a subprotocol that begins with [`TOKEN_SUBPROTOCOL`], and with [`TokenAccess::token_in_query`] the query.
///
/// A grant has the identity `sub` and ends at `exp` plus the leeway. [`Hub::withdraw`] ends it earlier.
#[derive(Clone)]
pub struct TokenAuthorizer {
    hub: Hub,
    access: Arc<TokenAccess>,
}

/// The grant of a [`TokenAuthorizer`].
pub struct TokenGrant {
    /// `None` without a token.
    grant: Option<IdentityGrant>,
    /// The rules for a new token of a WebSocket; boxed, since most connections have none.
    renewal: Option<Box<Renewal>>,
}

/// The rules and the channel for a new token.
struct Renewal {
    access: Arc<TokenAccess>,
    channel: String,
}

/// Without a token: the right to read. A WebSocket with a JSON Web Token is renewed by another one of the same identity.
impl Grant for TokenGrant {
    const RENEWABLE: bool = true;

    fn rights(&self) -> Rights {
        self.grant.as_ref().map_or(Rights::READ, Grant::rights)
    }

    fn identity(&self) -> &str {
        self.grant.as_ref().map_or("", Grant::identity)
    }

    fn valid_until(&self) -> Instant {
        self.grant.as_ref().map_or(Instant::MAX, Grant::valid_until)
    }

    fn is_withdrawn(&self) -> bool {
        self.grant.as_ref().is_some_and(Grant::is_withdrawn)
    }

    fn register_waker(&mut self, waker: &Waker) {
        if let Some(grant) = &mut self.grant {
            grant.register_waker(waker);
        }
    }

    fn renew(&mut self, token: &str, now: Instant) -> Result<(), &'static str> {
        let (Some(grant), Some(renewal)) = (&mut self.grant, &self.renewal) else {
            return Err("a connection without an expiring token is not renewed");
        };
        let time = SystemTime::now();
        let renewed = renewal.access.renew(token, &renewal.channel, grant.identity(), time);
        let renewed = renewed.map_err(TokenError::reason)?;
        grant.renew(renewed.rights, end_of(renewed.until, now, time));
        Ok(())
    }
}

/// The clock of a connection counts whole milliseconds, and stands still while its thread runs other tasks. A response that ended before
/// its token would be opened once more.
const CLOCK_LAG: Duration = Duration::from_millis(100);

/// The end of a grant by the clock of the connection, which shows `now` at `time`. It is not before `until`.
fn end_of(until: Option<SystemTime>, now: Instant, time: SystemTime) -> Instant {
    until.map_or(Instant::MAX, |until| now + until.duration_since(time).unwrap_or(Duration::ZERO) + CLOCK_LAG)
}

/// The rights of a valid token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TokenRights {
    pub(super) identity: String,
    pub(super) rights: Rights,
    /// `None` for a static token.
    pub(super) until: Option<SystemTime>,
}

impl TokenAuthorizer {
    /// Grants the rights on the channels of `hub` by the rules of `access`.
    pub fn new(hub: Hub, access: impl Into<Arc<TokenAccess>>) -> Self {
        Self { hub, access: access.into() }
    }
}

impl Authorizer for TokenAuthorizer {
    type Grant = TokenGrant;

    async fn authorize<'x, 'l, R: Runtime>(
        &self,
        exchange: Exchange<'x, 'l, R>,
        intent: &ChannelIntent<'_>,
    ) -> Authorized<'x, 'l, R, TokenGrant> {
        let token = self.access.token_of(exchange.request(), intent.transport);
        let decided = match &token {
            Ok(None) => self.access.decide_anonymous(intent).map(|()| None),
            // Boxed: the wait for a key set must not make each connection's future larger.
            Ok(Some(token)) => Box::pin(self.access.decide(token, intent, SystemTime::now())).await.map(Some),
            Err(error) => Err(*error),
        };
        match decided {
            Ok(None) => Ok((exchange, TokenGrant { grant: None, renewal: None })),
            Ok(Some(granted)) => {
                let end = end_of(granted.until, exchange.now(), SystemTime::now());
                let grant = self.hub.grant(&granted.identity, granted.rights).until(end);
                let renewal = (intent.transport == Transport::WebSocket && granted.until.is_some()).then(|| {
                    let (access, channel) = (Arc::clone(&self.access), intent.channel.as_str().to_owned());
                    Box::new(Renewal { access, channel })
                });
                Ok((exchange, TokenGrant { grant: Some(grant), renewal }))
            }
            Err(error) => {
                let (challenge, text) = (error.challenge(), format!("{error}\n"));
                let retry = [("Retry-After", "10")];
                let asked = [("WWW-Authenticate", &challenge[..])];
                let headers = if error.status() == Status::SERVICE_UNAVAILABLE { &retry } else { &asked };
                Err(Box::pin(exchange.respond_error_with(error.status(), &text, headers)).await)
            }
        }
    }
}

impl TokenAccess {
    /// The token of a request; `None` without one.
    ///
    /// # Errors
    /// [`TokenError::Malformed`]: the first place that has a token has two, or one that is no bearer token.
    pub(super) fn token_of<B: AsRef<[u8]>>(
        &self,
        request: &Request<B>,
        transport: Transport,
    ) -> Result<Option<String>, TokenError> {
        let mut schemes = request.header_all("authorization").map(|field| {
            let end = field.iter().position(|byte| *byte == b' ').unwrap_or(field.len());
            field[..end].eq_ignore_ascii_case(b"bearer")
        });
        if schemes.any(|is_bearer| is_bearer) {
            return request.bearer().map(|token| Some(token.to_owned())).ok_or(TokenError::Malformed);
        }
        if let Some(token) = request.cookie(TOKEN_COOKIE) {
            return Ok(Some(token.to_owned()));
        }
        if transport == Transport::WebSocket {
            let mut offered = request
                .header_list("sec-websocket-protocol")
                .filter_map(|protocol| protocol.strip_prefix(TOKEN_SUBPROTOCOL.as_bytes()));
            if let Some(token) = offered.next() {
                let token = String::from_utf8(token.to_vec()).map_err(|_| TokenError::Malformed)?;
                return if offered.next().is_none() { Ok(Some(token)) } else { Err(TokenError::Malformed) };
            }
        }
        if self.token_in_query
            && let Some(token) = request.query_param(TOKEN_PARAMETER)
        {
            let token: Vec<u8> = token.bytes().take(MAX_TOKEN + 1).collect();
            return String::from_utf8(token).map(Some).map_err(|_| TokenError::Malformed);
        }
        Ok(None)
    }

    /// The decision on a request without a token.
    fn decide_anonymous(&self, intent: &ChannelIntent<'_>) -> Result<(), TokenError> {
        if self.anonymous_read && intent.wanted.read { Ok(()) } else { Err(TokenError::Missing) }
    }

    /// The decision on a request with a token.
    pub(super) async fn decide(
        &self,
        token: &str,
        intent: &ChannelIntent<'_>,
        now: SystemTime,
    ) -> Result<TokenRights, TokenError> {
        let mut granted = self.rights_of(token, intent.channel.as_str(), now).await?;
        granted.rights.read |= self.anonymous_read;
        match granted.rights.and(intent.wanted) {
            Rights::NONE if intent.wanted == Rights::PUBLISH => Err(TokenError::PublishScope),
            Rights::NONE => Err(TokenError::ReadScope),
            _ => Ok(granted),
        }
    }

    /// The rights of a token on a channel.
    async fn rights_of(&self, token: &str, channel: &str, now: SystemTime) -> Result<TokenRights, TokenError> {
        if token.len() > MAX_TOKEN {
            return Err(TokenError::TooLong);
        }
        let rights =
            Rights { read: self.subscribe_tokens.contains(token), publish: self.publish_tokens.contains(token) };
        if rights != Rights::NONE {
            let identity = if rights.publish { "publish-token" } else { "subscribe-token" };
            return Ok(TokenRights { identity: identity.into(), rights, until: None });
        }
        if self.keys.is_empty() && self.key_set.is_none() {
            return Err(TokenError::Signature);
        }
        let claims = self.verify(token, now).await?;
        Ok(self.granted(claims, channel))
    }

    fn granted(&self, claims: Claims, channel: &str) -> TokenRights {
        let (rights, until) = (claims.rights(channel), Some(self.policy.end(&claims)));
        TokenRights { rights, until, identity: claims.subject }
    }

    /// The rights of a new JSON Web Token for a connection of `identity`. It does not wait for keys at a URL: a token with an unknown key
    /// is rejected, and the keys are fetched for the next one.
    pub(super) fn renew(
        &self,
        token: &str,
        channel: &str,
        identity: &str,
        now: SystemTime,
    ) -> Result<TokenRights, TokenError> {
        let token = UnverifiedToken::parse(token)?;
        let claims = match self.policy.verify(&token, &self.keys, now) {
            Err(TokenError::UnknownKey | TokenError::Algorithm | TokenError::Signature) if self.key_set.is_some() => {
                let keys = self.fetchable(&token)?.known_keys(|keys| token.is_verified_by(keys));
                self.policy.verify(&token, &keys.ok_or(TokenError::KeysUnavailable)?, now)?
            }
            verified => verified?,
        };
        if claims.subject != identity {
            return Err(TokenError::Identity);
        }
        let mut granted = self.granted(claims, channel);
        granted.rights.read |= self.anonymous_read;
        if granted.rights == Rights::NONE { Err(TokenError::ReadScope) } else { Ok(granted) }
    }

    /// Verifies a JSON Web Token at the time `now`. It may wait for the keys at the URL.
    ///
    /// # Errors
    /// [`TokenError`]
    pub async fn verify(&self, token: &str, now: SystemTime) -> Result<Claims, TokenError> {
        let token = UnverifiedToken::parse(token)?;
        match self.policy.verify(&token, &self.keys, now) {
            Err(TokenError::UnknownKey | TokenError::Algorithm | TokenError::Signature) if self.key_set.is_some() => {
                let keys = self.remote_keys(&token).await?;
                self.policy.verify(&token, &keys, now)
            }
            verified => verified,
        }
    }

    /// The keys at the URL.
    async fn remote_keys(&self, token: &UnverifiedToken<'_>) -> Result<Arc<[VerificationKey]>, TokenError> {
        let keys = self.fetchable(token)?.keys(|keys| token.is_verified_by(keys)).await;
        keys.ok_or(TokenError::KeysUnavailable)
    }

    /// The key set for a token. No request is sent for one of another issuer, or with an algorithm that is not permitted.
    fn fetchable(&self, token: &UnverifiedToken<'_>) -> Result<&RemoteKeySet, TokenError> {
        let Some(key_set) = &self.key_set else { return Err(TokenError::UnknownKey) };
        if !self.policy.algorithms.contains(&token.algorithm()) {
            return Err(TokenError::Algorithm);
        }
        let issuer = token.unverified_issuer();
        if issuer.is_none() || self.policy.issuers.is_empty() || !self.policy.permits_issuer(issuer.as_deref()) {
            return Err(TokenError::Issuer);
        }
        Ok(key_set)
    }
}

//! Rights on channels: which requests read, and which publish.
//!
//! A WebSocket is a GET that also publishes, so the method of a request does not tell its rights. An [`Authorizer`] sees the parsed
//! [`ChannelIntent`] instead, once a request, and returns a [`Grant`] or answers the request itself.
//!
//! | grant | request | result |
//! | --- | --- | --- |
//! | without read | GET, HEAD | 403 |
//! | without publish | POST | 403 |
//! | without publish | WebSocket | opened; a publication is an error reply on `goldcrest.v1`, and closes with 1008 without a subprotocol |
//! | without read | WebSocket | opened; it sends no events |
//! | without both | WebSocket | 403 |
//!
//! At the end of a grant a live response ends in order:
//!
//! | transport | expired | withdrawn |
//! | --- | --- | --- |
//! | SSE | `event: grant-end`, `data: {"reason":"expired"}` | the same with `"withdrawn"` |
//! | streaming | the line `{"grant-end":{"reason":"expired"}}` | the same with `"withdrawn"` |
//! | WebSocket | close code [`GRANT_EXPIRED`] | close code [`GRANT_WITHDRAWN`] |
//! | long polling | the response of a wait that is over | the same |
//!
//! On `goldcrest.v1` a grant may be renewed ([`Grant::renew`]):
//!
//! | message | sender | meaning |
//! | --- | --- | --- |
//! | `{"grant":{"expires":60}}` | server | the seconds to the end, [`RENEWAL_NOTICE`] before it |
//! | `{"token":"…","ref":1}` | client | a new token |
//! | `{"ref":1,"grant":{"expires":3600}}` | server | the token was accepted |
//! | `{"ref":1,"error":"…"}` | server | it was rejected, and the grant is as before |

use core::task::{Context, Poll, Waker};
use core::time::Duration;

use crate::format::Transport;
use crate::http::Request;
use crate::hub::ChannelName;
use crate::server::{Exchange, HandlerResult, Runtime};
use crate::time::Instant;
use crate::ws::close::{CloseCode, CloseReason};

/// The close code of a WebSocket whose grant has expired: `Unauthorized` of the IANA registry.
pub const GRANT_EXPIRED: CloseCode = CloseCode::new(3000).unwrap();

/// The close code of a WebSocket whose grant was withdrawn: `Forbidden` of the IANA registry.
pub const GRANT_WITHDRAWN: CloseCode = CloseCode::new(3003).unwrap();

/// The header field by which a proxy reduces the rights of a request: a list of `read` and `publish`.
///
/// It never adds a right, so a server accepts it from every client. An unknown member adds no right either.
pub const RIGHTS_FIELD: &str = "Goldcrest-Rights";

/// Rights on a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rights {
    /// To read events.
    pub read: bool,
    /// To publish events.
    pub publish: bool,
}

impl Rights {
    /// Neither right.
    pub const NONE: Self = Self { read: false, publish: false };
    /// To read events.
    pub const READ: Self = Self { read: true, publish: false };
    /// To publish events.
    pub const PUBLISH: Self = Self { read: false, publish: true };
    /// To read and to publish events.
    pub const ALL: Self = Self { read: true, publish: true };

    /// The rights that both have.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self { read: self.read && other.read, publish: self.publish && other.publish }
    }

    /// The rights that the [`RIGHTS_FIELD`] of a request leaves: all without the field.
    pub fn of_field<B: AsRef<[u8]>>(request: &Request<B>) -> Self {
        if request.header(RIGHTS_FIELD).is_none() {
            return Self::ALL;
        }
        let has = |right| request.header_has_token(RIGHTS_FIELD, right);
        Self { read: has("read"), publish: has("publish") }
    }
}

/// The parsed aim of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelIntent<'r> {
    /// The channel. It need not exist.
    pub channel: ChannelName<'r>,
    /// The transport; [`Transport::Publish`] for POST.
    pub transport: Transport,
    /// The rights that the request uses: [`Rights::PUBLISH`] for POST, [`Rights::ALL`] for a WebSocket, [`Rights::READ`] otherwise.
    pub wanted: Rights,
}

/// The rights of one request, and their end. It lives as long as the response.
///
/// [`Rights`] are a grant without an end. [`ExpiringRights`] end at a time.
/// [`WithdrawableGrants`](super::WithdrawableGrants) are withdrawn together. A host has grants with an identity, by which they are
/// withdrawn.
pub trait Grant {
    /// The granted rights. Rights beyond the wanted ones have no effect.
    fn rights(&self) -> Rights;

    /// The identity that the metrics and the log see, such as the name of a user. Default: empty, for none.
    fn identity(&self) -> &str {
        ""
    }

    /// The end of its validity, by the clock of the connection ([`Exchange::now`]). Default: [`Instant::MAX`], for none.
    fn valid_until(&self) -> Instant {
        Instant::MAX
    }

    /// Whether it has been withdrawn. Default: never.
    fn is_withdrawn(&self) -> bool {
        false
    }

    /// Stores the waker of the task that is woken once [`Grant::is_withdrawn`] is true. Default: stores nothing.
    fn register_waker(&mut self, _waker: &Waker) {}

    /// Whether [`Grant::renew`] is called. Default: `false`, and no code for renewals is linked.
    const RENEWABLE: bool = false;

    /// Extends the grant by a token, which the client has sent on `goldcrest.v1` at the time `now`. The rights may become fewer. Rights
    /// that the connection did not have before have no effect.
    ///
    /// # Errors
    /// A sentence for the client, without quotes and backslashes. The grant is as before.
    fn renew(&mut self, _token: &str, _now: Instant) -> Result<(), &'static str> {
        Err("the grant cannot be renewed")
    }
}

/// The time before the end of a renewable grant at which the server sends its expiry on `goldcrest.v1`.
pub const RENEWAL_NOTICE: Duration = Duration::from_secs(60);

/// All rights without an end.
impl Grant for () {
    fn rights(&self) -> Rights {
        Rights::ALL
    }
}

impl Grant for Rights {
    fn rights(&self) -> Rights {
        *self
    }
}

/// Rights up to a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpiringRights {
    /// The rights.
    pub rights: Rights,
    /// Their end, by the clock of the connection ([`Exchange::now`]).
    pub valid_until: Instant,
}

impl Grant for ExpiringRights {
    fn rights(&self) -> Rights {
        self.rights
    }

    fn valid_until(&self) -> Instant {
        self.valid_until
    }
}

/// Decides on the rights of a request: the hook of [`HubHandler::authorizer`](super::HubHandler::authorizer).
///
/// ```
/// use goldcrest_core::hub_http::{Authorized, Authorizer, ChannelIntent, Rights};
/// use goldcrest_core::server::{Exchange, Runtime};
///
/// /// Every client reads. The secret is needed to publish.
/// struct Secret(&'static [u8]);
///
/// impl Authorizer for Secret {
///     type Grant = Rights;
///
///     async fn authorize<'x, 'l, R: Runtime>(
///         &self,
///         exchange: Exchange<'x, 'l, R>,
///         intent: &ChannelIntent<'_>,
///     ) -> Authorized<'x, 'l, R, Rights> {
///         if exchange.request().header("x-secret") == Some(self.0) {
///             return Ok((exchange, Rights::ALL));
///         }
///         match intent.wanted {
///             Rights::PUBLISH => Err(exchange.unauthorized("Bearer").await),
///             // A WebSocket without the secret reads, and its publications are refused.
///             _ => Ok((exchange, Rights::READ)),
///         }
///     }
/// }
/// ```
#[allow(async_fn_in_trait, reason = "single-threaded executors on both sides: no Send bound is wanted")]
pub trait Authorizer {
    /// The grants of this authorizer.
    type Grant: Grant;

    /// Decides on one request, before the channel is looked up and before content is read. It may wait, for example for a
    /// database; the request keeps its head buffer meanwhile. No deadline of the connection ends the wait.
    ///
    /// # Errors
    /// The request was answered: with [`Exchange::unauthorized`], a redirect or any other response.
    async fn authorize<'x, 'l, R: Runtime>(
        &self,
        exchange: Exchange<'x, 'l, R>,
        intent: &ChannelIntent<'_>,
    ) -> Authorized<'x, 'l, R, Self::Grant>;
}

/// The result of an [`Authorizer`]: the exchange with its grant, or the result of answering it.
pub type Authorized<'x, 'l, R, G> = Result<(Exchange<'x, 'l, R>, G), HandlerResult>;

/// Grants all rights to every request.
impl Authorizer for () {
    type Grant = ();

    async fn authorize<'x, 'l, R: Runtime>(
        &self,
        exchange: Exchange<'x, 'l, R>,
        _intent: &ChannelIntent<'_>,
    ) -> Authorized<'x, 'l, R, ()> {
        Ok((exchange, ()))
    }
}

/// Grants the same rights to every request: `Rights::READ` for channels that only the program publishes to.
impl Authorizer for Rights {
    type Grant = Self;

    async fn authorize<'x, 'l, R: Runtime>(
        &self,
        exchange: Exchange<'x, 'l, R>,
        _intent: &ChannelIntent<'_>,
    ) -> Authorized<'x, 'l, R, Self> {
        Ok((exchange, *self))
    }
}

impl<A: Authorizer> Authorizer for &A {
    type Grant = A::Grant;

    async fn authorize<'x, 'l, R: Runtime>(
        &self,
        exchange: Exchange<'x, 'l, R>,
        intent: &ChannelIntent<'_>,
    ) -> Authorized<'x, 'l, R, A::Grant> {
        (**self).authorize(exchange, intent).await
    }
}

/// The grant of a live response, and its rights on the channel.
pub(super) struct ActiveGrant<G> {
    pub(super) grant: G,
    /// The rights that the request wants and has.
    pub(super) rights: Rights,
}

impl<G: Grant> ActiveGrant<G> {
    /// The reason why it has ended, if it has by `now`.
    pub(super) fn end(&self, now: Instant) -> Option<GrantEnd> {
        if self.grant.is_withdrawn() {
            return Some(GrantEnd::Withdrawn);
        }
        (now >= self.grant.valid_until()).then_some(GrantEnd::Expired)
    }

    /// The end of its validity.
    pub(super) fn valid_until(&self) -> Instant {
        self.grant.valid_until()
    }

    /// The time from which its expiry is announced; [`Instant::MAX`] for never.
    pub(super) fn notice_at(&self) -> Instant {
        let end = self.grant.valid_until();
        if !G::RENEWABLE || end == Instant::MAX {
            return Instant::MAX;
        }
        Instant::from_millis(end.as_millis().saturating_sub(RENEWAL_NOTICE.as_millis() as u64))
    }

    /// Whole seconds to its end.
    pub(super) fn seconds_left(&self, now: Instant) -> u64 {
        self.grant.valid_until().as_millis().saturating_sub(now.as_millis()) / 1_000
    }

    /// Extends it. Its rights are those of the new token that the connection had before.
    pub(super) fn renew(&mut self, token: &str, now: Instant) -> Result<(), &'static str> {
        self.grant.renew(token, now)?;
        self.rights = self.rights.and(self.grant.rights());
        Ok(())
    }

    /// Ready once it has been withdrawn.
    pub(super) fn poll_withdrawn(&mut self, cx: &Context<'_>) -> Poll<()> {
        // Registered first, so that a withdrawal between both wakes the task.
        self.grant.register_waker(cx.waker());
        if self.grant.is_withdrawn() { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// The reason why a grant ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GrantEnd {
    Expired,
    Withdrawn,
}

impl GrantEnd {
    /// The last bytes of a stream.
    pub(super) fn notice(self, sse: bool) -> &'static str {
        match (self, sse) {
            (Self::Expired, true) => "event: grant-end\ndata: {\"reason\":\"expired\"}\n\n",
            (Self::Withdrawn, true) => "event: grant-end\ndata: {\"reason\":\"withdrawn\"}\n\n",
            (Self::Expired, false) => "{\"grant-end\":{\"reason\":\"expired\"}}\n",
            (Self::Withdrawn, false) => "{\"grant-end\":{\"reason\":\"withdrawn\"}}\n",
        }
    }

    /// The Close of a WebSocket.
    pub(super) fn close(self) -> (CloseCode, CloseReason) {
        match self {
            Self::Expired => (GRANT_EXPIRED, const { CloseReason::new("grant expired").unwrap() }),
            Self::Withdrawn => (GRANT_WITHDRAWN, const { CloseReason::new("grant withdrawn").unwrap() }),
        }
    }
}

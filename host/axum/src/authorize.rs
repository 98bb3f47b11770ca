//! Rights by extractors of axum.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use goldcrest_core::format::Transport;
use goldcrest_core::hub_http::{Authorized, Authorizer, ChannelIntent, Grant, Rights};
use goldcrest_core::server::{Disconnect, Exchange, Runtime};
use goldcrest_core::time::Instant;
use goldcrest_host::IdentityGrant;

/// The aim of a request, for [`EventRoutes::authorize`](crate::EventRoutes::authorize): an extractor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The name of the channel. It need not exist.
    pub channel: String,
    /// The transport; [`Transport::Publish`] for POST.
    pub transport: Transport,
    /// The rights that the request uses: [`Rights::PUBLISH`] for POST, [`Rights::ALL`] for a WebSocket, [`Rights::READ`] otherwise.
    pub wanted: Rights,
}

impl<S: Sync> FromRequestParts<S> for Intent {
    type Rejection = StatusCode;

    /// 500 outside of [`EventRoutes::authorize`](crate::EventRoutes::authorize).
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, StatusCode> {
        parts.extensions.get::<Self>().cloned().ok_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// The rights that a function of [`EventRoutes::authorize`](crate::EventRoutes::authorize) grants.
///
/// [`Rights`] and a [`Hub::grant`](goldcrest_host::Hub::grant) convert into it.
pub struct ChannelGrant {
    rights: Rights,
    valid_for: Option<Duration>,
    identity: Option<IdentityGrant>,
    /// The end of `valid_for`.
    valid_until: Instant,
}

impl ChannelGrant {
    /// The same rights up to `time` from now. A live response ends then, as [`goldcrest_core::hub_http::Grant`] describes.
    #[must_use]
    pub fn valid_for(mut self, time: Duration) -> Self {
        self.valid_for = Some(time);
        self
    }
}

impl From<Rights> for ChannelGrant {
    fn from(rights: Rights) -> Self {
        Self { rights, valid_for: None, identity: None, valid_until: Instant::MAX }
    }
}

impl From<IdentityGrant> for ChannelGrant {
    fn from(grant: IdentityGrant) -> Self {
        Self { identity: Some(grant), ..Rights::NONE.into() }
    }
}

/// A response that passes the grant to the routes. No client gets it.
impl IntoResponse for ChannelGrant {
    fn into_response(self) -> Response {
        let mut response = StatusCode::NO_CONTENT.into_response();
        response.extensions_mut().insert(GrantSlot(Arc::new(Mutex::new(Some(self)))));
        response
    }
}

/// A grant in the extensions of a response, whose values can be cloned.
#[derive(Clone)]
struct GrantSlot(Arc<Mutex<Option<ChannelGrant>>>);

impl Grant for ChannelGrant {
    fn rights(&self) -> Rights {
        self.identity.as_ref().map_or(self.rights, Grant::rights)
    }

    fn identity(&self) -> &str {
        self.identity.as_ref().map_or("", Grant::identity)
    }

    fn valid_until(&self) -> Instant {
        self.identity.as_ref().map_or(Instant::MAX, Grant::valid_until).min(self.valid_until)
    }

    fn is_withdrawn(&self) -> bool {
        self.identity.as_ref().is_some_and(Grant::is_withdrawn)
    }

    fn register_waker(&mut self, waker: &Waker) {
        if let Some(grant) = &mut self.identity {
            grant.register_waker(waker);
        }
    }
}

/// An asynchronous call of the user's function.
type Deciding = Pin<Box<dyn Future<Output = Response> + Send>>;

/// The user's function, with the state of the router.
pub(crate) type Decide<S> = Arc<dyn Fn(Request, S) -> Deciding + Send + Sync>;

/// The user's function for one request.
pub(crate) type DecideOnce = Box<dyn FnOnce(Intent) -> Deciding + Send>;

/// Decides on the rights of one request.
pub(crate) struct RequestAuthorizer {
    /// `None` where every request has all rights.
    decide: Option<Mutex<Option<DecideOnce>>>,
    /// The response of a request that was refused.
    refusal: Refusal,
}

/// A response of the user's function, which hyper sends in place of the connection's output.
pub(crate) type Refusal = Arc<Mutex<Option<Response>>>;

impl RequestAuthorizer {
    pub(crate) fn new(decide: Option<DecideOnce>, refusal: Refusal) -> Self {
        Self { decide: decide.map(|decide| Mutex::new(Some(decide))), refusal }
    }
}

/// A request without content, for the extractors.
pub(crate) fn decide_once<S: Send + 'static>(decide: &Decide<S>, parts: &Parts, state: S) -> DecideOnce {
    let (decide, mut parts) = (Arc::clone(decide), parts.clone());
    Box::new(move |intent| {
        parts.extensions.insert(intent);
        decide(Request::from_parts(parts, Body::empty()), state)
    })
}

impl Authorizer for RequestAuthorizer {
    type Grant = ChannelGrant;

    async fn authorize<'x, 'l, R: Runtime>(
        &self,
        exchange: Exchange<'x, 'l, R>,
        intent: &ChannelIntent<'_>,
    ) -> Authorized<'x, 'l, R, ChannelGrant> {
        let Some(decide) = &self.decide else { return Ok((exchange, Rights::ALL.into())) };
        let decide = decide.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The core asks once a request.
        let Some(decide) = decide else { return Ok((exchange, Rights::NONE.into())) };
        let ChannelIntent { channel, transport, wanted } = *intent;
        let deciding = decide(Intent { channel: channel.as_str().into(), transport, wanted });
        let mut response = deciding.await;
        match response.extensions_mut().remove::<GrantSlot>() {
            Some(GrantSlot(slot)) => {
                let grant = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
                let mut grant = grant.unwrap_or_else(|| Rights::NONE.into());
                grant.valid_until = grant.valid_for.map_or(Instant::MAX, |time| exchange.now() + time);
                Ok((exchange, grant))
            }
            None => {
                *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(response);
                Err(Err(Disconnect::Closed))
            }
        }
    }
}

//! The routes.

use std::future::Future;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::handler::Handler as AxumHandler;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use goldcrest_core::hub_http::HubHandler;
use goldcrest_core::io::Clock;
use goldcrest_core::server::{Access, Exchange, Handler, HandlerResult, Runtime, ServerConfig, serve};
use goldcrest_host::{Attachment, Hub};
use http_body::Body as _;
use hyper::upgrade::OnUpgrade;

use crate::authorize::{Decide, Refusal, RequestAuthorizer, decide_once};
use crate::connection::{Connection, Content};
use crate::request_head::{self, ContentLength};
use crate::response;
use crate::runtime::{TokioClock, TokioRuntime};
use crate::shutdown::Shutdown;
use crate::socket::{MemorySocket, Pipe};
use crate::upgrade::tunnel;

/// Idle channels are looked for once in so many milliseconds, when a request comes.
const REAP: u64 = 1_000;

/// The routes of the channels of a [`Hub`], for an application on axum whose state is `S`. A clone is the same.
///
/// The [crate's front page](crate) has an example.
pub struct EventRoutes<S = ()> {
    shared: Arc<Shared>,
    decide: Option<Decide<S>>,
}

struct Shared {
    hub: Hub,
    config: ServerConfig<'static>,
    runtime: TokioRuntime,
    attachment: Attachment,
    /// The time of the last look for idle channels, in milliseconds of the clock.
    reaped: AtomicU64,
}

impl<S> Clone for EventRoutes<S> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), decide: self.decide.clone() }
    }
}

/// The handler of one request.
struct ChannelRoute<'a> {
    hub: &'a Hub,
    /// `None`: the one that the path names.
    channel: Option<&'a str>,
    authorizer: RequestAuthorizer,
}

impl Handler for ChannelRoute<'_> {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        let handler = HubHandler::new(self.hub).authorizer(&self.authorizer);
        match self.channel {
            Some(channel) => handler.answer(exchange, channel).await,
            None => handler.handle(exchange).await,
        }
    }
}

impl<S: Clone + Send + Sync + 'static> EventRoutes<S> {
    /// The routes of `hub`, with the defaults of [`ServerConfig`] and a limit of 64 KiB for an event. Every request may read and
    /// publish until [`EventRoutes::authorize`] is called.
    ///
    /// The hub accepts events until [`EventRoutes::shut_down`], also where other servers share it.
    pub fn new(hub: Hub) -> Self {
        let config = ServerConfig::default();
        let runtime =
            TokioRuntime { clock: TokioClock::new(), shutdown: Shutdown::default(), max_event: max_event(&config) };
        let attachment = hub.attach();
        let shared = Shared { hub, config, runtime, attachment, reaped: AtomicU64::new(0) };
        Self { shared: Arc::new(shared), decide: None }
    }

    /// Sets the deadlines and bounds. Those of a connection have no effect, since hyper reads the requests: `max_requests`,
    /// `head_timeout`, `buffer_timeout` and `idle_timeout`. `write_timeout` holds for WebSockets; hyper asks for the content of any
    /// other response only while the client reads.
    #[must_use]
    pub fn config(mut self, config: ServerConfig<'static>) -> Self {
        self.replace(|shared| shared.config = config);
        self
    }

    /// Sets the permitted origins and hosts (403). Default: the same origin, by IP address or `localhost`.
    ///
    /// ```
    /// use goldcrest_axum::EventRoutes;
    /// use goldcrest_axum::core::server::{Access, HostPolicy};
    /// use goldcrest_host::{ChannelLimits, Hub};
    ///
    /// let hub = Hub::new(ChannelLimits::default())?;
    /// let hosts = HostPolicy::List(&["shop.example"]);
    /// let routes: EventRoutes = EventRoutes::new(hub).access(Access { hosts, ..Access::default() });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn access(mut self, access: Access<'static>) -> Self {
        self.replace(|shared| shared.config.access = access);
        self
    }

    /// Replaces the shared part before any request uses it; routes that were cloned before keep theirs.
    fn replace(&mut self, change: impl FnOnce(&mut Shared)) {
        if Arc::get_mut(&mut self.shared).is_none() {
            let Shared { hub, config, .. } = &*self.shared;
            let config = config.clone();
            self.shared = Self::new(hub.clone()).shared;
            if let Some(shared) = Arc::get_mut(&mut self.shared) {
                shared.config = config;
            }
        }
        if let Some(shared) = Arc::get_mut(&mut self.shared) {
            change(shared);
            shared.runtime.max_event = max_event(&shared.config);
        }
    }

    /// Asks `decide` for the rights of each request: an async function with axum's extractors, as a handler of axum. It returns a
    /// [`ChannelGrant`](crate::ChannelGrant), or any other response, which the client gets: a redirect, an error in JSON.
    /// [`Intent`](crate::Intent) is the extractor of what the request wants.
    ///
    /// It is asked once a request, before the channel is looked up and before content is read. An extractor of content finds none.
    ///
    /// ```
    /// use axum::http::{HeaderMap, StatusCode};
    /// use goldcrest_axum::{ChannelGrant, EventRoutes, Intent};
    /// use goldcrest_host::{ChannelLimits, Hub, Rights};
    ///
    /// /// Every client reads. A bearer token is needed to publish, also over a WebSocket.
    /// async fn authorize(headers: HeaderMap, intent: Intent) -> Result<ChannelGrant, StatusCode> {
    ///     let is_service = headers.get("authorization").is_some_and(|value| value == "Bearer secret");
    ///     match intent.wanted {
    ///         _ if is_service => Ok(Rights::ALL.into()),
    ///         Rights::PUBLISH => Err(StatusCode::UNAUTHORIZED),
    ///         _ => Ok(Rights::READ.into()),
    ///     }
    /// }
    ///
    /// let hub = Hub::new(ChannelLimits::default())?;
    /// let routes: EventRoutes = EventRoutes::new(hub).authorize(authorize);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn authorize<F, T>(mut self, decide: F) -> Self
    where
        F: AxumHandler<T, S> + Sync,
        T: 'static,
    {
        self.decide = Some(Arc::new(move |request, state| {
            let deciding = decide.clone().call(request, state);
            Box::pin(deciding)
        }));
        self
    }

    /// The routes `/events/{channel}`, to merge or nest.
    pub fn router(&self) -> Router<S> {
        let routes = self.clone();
        let handler = async move |State(state): State<S>, request: Request| routes.respond(request, None, state).await;
        Router::new().route("/events/", any(handler.clone())).route("/events/{*channel}", any(handler))
    }

    /// Answers a request of a route of your own with `channel`. The path of the request is not used; `state` is for the extractors
    /// of [`EventRoutes::authorize`].
    pub async fn answer(&self, request: Request, channel: &str, state: S) -> Response {
        self.respond(request, Some(channel.into()), state).await
    }

    async fn respond(&self, request: Request, channel: Option<Box<str>>, state: S) -> Response {
        self.shared.reap();
        let (mut parts, body) = request.into_parts();
        let length = ContentLength::of(&parts, &body);
        let pipe = Pipe::default();
        pipe.push(&request_head::write(&parts, length, body.size_hint().exact()));
        let refusal = Refusal::default();
        let decide = self.decide.as_ref().map(|decide| decide_once(decide, &parts, state));
        let authorizer = RequestAuthorizer::new(decide, Arc::clone(&refusal));
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| network(peer.ip()));
        let shared = Arc::clone(&self.shared);
        let mut socket = MemorySocket { pipe: pipe.clone(), peer };
        let serving = Box::pin(async move {
            let Shared { hub, config, runtime, .. } = &*shared;
            let route = ChannelRoute { hub, channel: channel.as_deref(), authorizer };
            let ended = serve(&mut socket, runtime, config, &route).await;
            tracing::trace!(%ended, "request");
        });
        let live = self.shared.runtime.shutdown.enter();
        let mut connection = Connection::new(serving, pipe, Content::new(body, length), live);
        let Some(head) = response::head(&mut connection, parts.version, parts.method == Method::HEAD).await else {
            let refusal = refusal.lock().unwrap_or_else(PoisonError::into_inner).take();
            // Without a refusal, the content could not be read.
            return refusal.unwrap_or_else(|| StatusCode::BAD_REQUEST.into_response());
        };
        if !head.switches_protocols {
            return head.with_body(connection);
        }
        let Some(upgrade) = parts.extensions.remove::<OnUpgrade>() else {
            // A server that cannot upgrade, such as a test that calls the router.
            let upgrade = [(header::CONNECTION, HeaderValue::from_static("close"))];
            return (StatusCode::UPGRADE_REQUIRED, upgrade).into_response();
        };
        // The first messages may follow the head at once.
        connection.pipe.return_output(&head.rest);
        tokio::spawn(tunnel(upgrade, connection));
        head.response.map(|()| Body::empty())
    }
}

impl<S> EventRoutes<S> {
    /// The hub, to publish and to read.
    pub fn hub(&self) -> &Hub {
        &self.shared.hub
    }

    /// Begins the shutdown: each response sends the events so far and ends in order, SSE with a jittered `retry` and a WebSocket
    /// with 1012. Publishing is 503 where no other server shares the hub.
    ///
    /// axum's graceful shutdown waits for all responses, so without this call it waits for the clients of live streams to leave.
    pub fn shut_down(&self) {
        // Every accepted event is in the log from here on, and is sent before the streams end.
        self.shared.attachment.detach();
        self.shared.runtime.shutdown.begin();
    }

    /// Begins the shutdown once `signal` is ready: the future for
    /// [`with_graceful_shutdown`](https://docs.rs/axum/0.8/axum/serve/struct.Serve.html#method.with_graceful_shutdown).
    pub fn shut_down_on<F: Future>(&self, signal: F) -> impl Future<Output = ()> + use<S, F> {
        let shared = Arc::clone(&self.shared);
        async move {
            signal.await;
            shared.attachment.detach();
            shared.runtime.shutdown.begin();
        }
    }

    /// Returns once no response lives, WebSockets included: axum does not wait for these.
    pub async fn finished(&self) {
        self.shared.runtime.shutdown.idle().await;
    }

    /// The number of responses that live.
    pub fn live_responses(&self) -> usize {
        self.shared.runtime.shutdown.count()
    }
}

impl Shared {
    /// Deletes idle channels, from time to time.
    fn reap(&self) {
        let now = self.runtime.clock.now().as_millis();
        let last = self.reaped.load(Ordering::Relaxed);
        let is_due = now.saturating_sub(last) >= REAP;
        if is_due && self.reaped.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.hub.reap();
        }
    }
}

fn max_event(config: &ServerConfig<'_>) -> usize {
    usize::try_from(config.max_body).unwrap_or(usize::MAX)
}

/// The network by which the hub limits the channels of a client: an IPv6 address is reduced to 64 bits.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(peer) => Ipv6Addr::from(u128::from(peer) & !u128::from(u64::MAX)).into(),
        peer => peer,
    }
}

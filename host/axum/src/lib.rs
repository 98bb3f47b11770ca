//! The channels of a hub as routes of an [axum] application: live updates over polling, long polling, streaming, Server-Sent Events
//! and WebSocket, from one event log.
//!
//! ```
//! use axum::{Json, Router, extract::State, routing::post};
//! use goldcrest_axum::EventRoutes;
//! use goldcrest_host::{ChannelLimits, EventType, Hub};
//!
//! async fn order(State(hub): State<Hub>, Json(order): Json<String>) -> String {
//!     match hub.publish("orders", EventType::MESSAGE, &order) {
//!         Ok(id) => id.to_string(),
//!         Err(error) => error.to_string(),
//!     }
//! }
//!
//! # async fn program() -> Result<(), Box<dyn std::error::Error>> {
//! let hub = Hub::new(ChannelLimits::default())?;
//! let events = EventRoutes::new(hub.clone());
//! let app = Router::new().route("/orders", post(order)).merge(events.router()).with_state(hub);
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! let interrupted = events.shut_down_on(tokio::signal::ctrl_c());
//! axum::serve(listener, app).with_graceful_shutdown(interrupted).await?;
//! events.finished().await;
//! # Ok(())
//! # }
//! ```
//!
//! # The parts
//! - **Routes.** [`EventRoutes::router`] has `/events/{channel}`, to merge or to nest. [`EventRoutes::answer`] answers a route of your
//!   own with a channel.
//! - **Publishing.** [`Hub::publish`](goldcrest_host::Hub::publish) may be called from any task, and never waits. Clients publish by
//!   POST or over a WebSocket.
//! - **Reading.** [`Hub::reader`](goldcrest_host::Hub::reader) reads a channel in a task of the program.
//! - **Rights.** [`EventRoutes::authorize`] takes an async function with axum's extractors. It sees the parsed [`Intent`], since a
//!   WebSocket is a GET that also publishes. It returns a [`ChannelGrant`] or a response of its own.
//! - **Origins and hosts.** [`EventRoutes::access`]. By default only the same origin, IP addresses and `localhost` are answered (403).
//! - **Shutdown.** [`EventRoutes::shut_down_on`] is for axum's `with_graceful_shutdown`. axum alone waits for the clients of live
//!   streams to leave. [`EventRoutes::finished`] waits for WebSockets too.
//! - **TLS, compression, tracing.** Use layers and servers of axum's ecosystem. The streams have `Cache-Control: no-transform`, which
//!   compressing layers obey or must be told. Behind `into_make_service_with_connect_info::<SocketAddr>()` the hub limits the
//!   channels of each client address.
//!
//! # Protocols
//! A request is served by the same code as in goldcrest's own server, so status codes, entity tags, conditional requests, idempotency
//! keys, gaps, resumption and error texts are the same. hyper reads the requests and frames the responses.
//!
//! | | HTTP/1.1 | HTTP/2 |
//! | --- | --- | --- |
//! | polling, long polling, streaming, SSE, publishing | yes | yes, with axum's feature `http2` |
//! | WebSocket | `Upgrade` (RFC 6455) | extended CONNECT (RFC 8441), which `axum::serve` enables |
//!
//! # Differences from goldcrest's own server
//! - The limits of connections and of request heads are hyper's. Memory is not limited in all.
//! - An SSE client or a streaming client that does not read has no write timeout: hyper asks for content only while the client reads.
//!   It does not delay publishers for longer than `ServerConfig::publish_wait`.
//! - Each reader takes the lock of its channel for an event, where goldcrest's own threads have a copy of the log.
//!
//! # How it works
//! ```text
//! hyper ── request ──► head and content as HTTP/1.1 bytes ──► goldcrest_core::server::serve + HubHandler ──► Hub
//!   ▲                                                                        │
//!   └── Response<Body> ◄── head parsed, content decoded, in Body::poll_frame ┘
//! ```
//! The body of the response polls the connection of the core, so a stream has no task and no queue. A WebSocket has one task.
//!
//! [axum]: https://docs.rs/axum

pub use goldcrest_core as core;

mod authorize;
mod connection;
mod request_head;
mod response;
mod routes;
mod runtime;
mod shutdown;
mod socket;
mod upgrade;

pub use authorize::{ChannelGrant, Intent};
pub use routes::EventRoutes;

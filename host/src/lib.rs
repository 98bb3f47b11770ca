//! The goldcrest server as a library: live updates over polling, long polling, streaming, Server-Sent Events and WebSocket,
//! from one event log.
//!
//! The protocols are those of `goldcrest-core`, the same code that runs on a microcontroller. This crate adds threads,
//! sockets, channels that are created on first use, limits, and TLS for clients.
//!
//! # The three types that matter
//! - [`Server`]: addresses, limits, permitted origins. [`Server::run`] serves until it is shut down.
//! - [`Hub`]: all channels. [`Hub::publish`] may be called from any thread, and never waits.
//! - [`Handler`]: the interface of your own endpoints. [`HubHandler`] is the one for `/events/{channel}`.
//!
//! # Layers
//! ```text
//!  your program     Handler, Hub::publish                         Connector, Subscription, Publisher
//!                          │                                                  │
//!  goldcrest-host   server (threads, limits) ── hub (channels) ── client (smol, TLS)
//!                          └───────────────── reactor (epoll, timers) ────────┘
//!  goldcrest-core   server, hub_http, websocket, client, format, log, http, sse, ws
//! ```
//! Each thread has its own executor (smol's `LocalExecutor`), its own listener, its own reactor, and its own copy of each
//! log that it has followers of. A connection never changes its thread, and its hot path takes no lock.
//!
//! | module | content |
//! | --- | --- |
//! | [`Server`] (`server/`) | listeners, accepting, limits, upstream channels, shutdown |
//! | [`Hub`], [`LocalHub`] (`hub/`) | the channels: a master log, and a copy for each thread |
//! | [`Metrics`] (`metrics/`) | what a server counts, as Prometheus reads it |
//! | [`JsonExchange`] (`json.rs`) | JSON as the content of requests and responses |
//! | `reactor/` | sockets and timers of a thread |
//! | [`client`] | the clients of the core on smol, with TLS |
//!
//! # Work that blocks
//! A thread of the server runs many connections. A handler that blocks stops all of them: a query of a database, a file, a long
//! computation. [`unblock`] runs such a function on a thread of a pool and returns a future of its result:
//!
//! ```
//! use goldcrest_host::{Exchange, Handler, HandlerResult, Response, Runtime, Status, unblock};
//!
//! struct Disk;
//!
//! impl Handler for Disk {
//!     async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
//!         let text = unblock(|| std::fs::read_to_string("/etc/hostname")).await;
//!         exchange.respond(&Response::text(Status::OK, &text.unwrap_or_default())).await
//!     }
//! }
//! ```
//!
//! # A first program
//! ```no_run
//! use goldcrest_host::{AcceptOptions, Exchange, Handler, HandlerResult, HubHandler, LocalHub, Runtime, Server};
//!
//! struct App(LocalHub);
//!
//! impl Handler for App {
//!     async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
//!         if exchange.request().path() != "/echo" {
//!             return HubHandler::new(&self.0).handle(exchange).await;
//!         }
//!         let mut socket = exchange.websocket(&AcceptOptions::default()).await?;
//!         let mut buffer = [0; 4096];
//!         while let Some(message) = socket.recv(&mut buffer).await? {
//!             socket.send(message.kind, message.payload).await?;
//!         }
//!         socket.close().await
//!     }
//! }
//!
//! fn main() -> std::io::Result<()> {
//!     Server::new().listen("127.0.0.1:8080".parse().unwrap()).run(App)
//! }
//! ```

pub use goldcrest_core as core;
pub use goldcrest_core::{
    AcceptOptions, Access, CloseCode, CloseReason, Encoding, EventId, EventType, Exchange, GapPolicy, Handler,
    HandlerResult, HubHandler, MessageKind, Method, NamePolicy, NewEvent, PublishError, PublishOutcome, Request,
    Response, Runtime, ServerConfig, Status,
};
/// The async runtime of the server: timers, files, sockets and processes for handlers.
pub use smol;
/// Runs a function that blocks on a thread of a pool. The future of its result runs on any executor.
pub use smol::unblock;

pub mod client;
mod counters;
mod hub;
mod hub_stream;
mod json;
mod memory;
mod metrics;
mod reactor;
mod server;
mod sync;
#[cfg(feature = "tokens")]
pub mod tokens;

pub use goldcrest_core::hub_http::{
    Authorized, Authorizer, ChannelIntent, ExpiringRights, GRANT_EXPIRED, GRANT_WITHDRAWN, Grant, RENEWAL_NOTICE,
    RIGHTS_FIELD, Rights,
};
pub use hub::{
    Attachment, ChannelLimits, ChannelStats, Hub, HubReader, IdentityGrant, LocalHub, LocalReader, OwnedEvent,
    ReaderItem,
};
pub use json::{JsonError, JsonExchange};
pub use metrics::{Metrics, MetricsSummary};
pub use server::{
    IpNetwork, IpNetworkError, Limits, RunningServer, Server, ShutdownHandle, UpstreamChannel, UpstreamError,
    UpstreamOptions, is_dual_stack, raise_descriptor_limit,
};

/// The examples in the README are compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

//! The goldcrest server: live updates over polling, long polling, streaming, Server-Sent Events and WebSocket, all of
//! them cursors on one event log.
//!
//! The protocols are `goldcrest-core`'s, the same code that runs on a microcontroller. What stands here is what a host
//! adds: threads, sockets, channels that are made on first use, limits.
//!
//! # A thread is a chip
//! Each thread has its own executor (smol's `LocalExecutor`), its own listener, its own reactor and its own mirror of
//! each log that it has followers of. A connection never changes its thread, and nothing of it needs a lock.
//!
//! | module | content |
//! | --- | --- |
//! | [`Server`] (`server/`) | listeners, accepting, limits, following other hubs, shutting down |
//! | [`Hub`], [`LocalHub`] (`hub/`) | the channels: a master log and its mirrors |
//! | `reactor/` | sockets and alarms of a thread |
//! | [`client`] | what the clients of the core stand on |
//!
//! # A server in ten lines
//! ```no_run
//! use goldcrest_host::core::hub_http::HubHandler;
//! use goldcrest_host::core::server::{Exchange, Handler, HandlerResult, Runtime, AcceptOptions};
//! use goldcrest_host::core::ws::close::{CloseCode, CloseReason};
//! use goldcrest_host::{Server, LocalHub};
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
//!         socket.close(CloseCode::NORMAL, CloseReason::NONE).await
//!     }
//! }
//!
//! fn main() -> std::io::Result<()> {
//!     Server::new().listen("127.0.0.1:8080".parse().unwrap()).run(App)
//! }
//! ```

pub use goldcrest_core as core;

pub mod client;
mod hub;
mod memory;
mod reactor;
mod server;
mod sync;

pub use hub::{ChannelLimits, Hub, LocalHub, LocalReader};
pub use server::{
    Limits, Server, ShutdownHandle, UpstreamChannel, UpstreamError, UpstreamOptions, is_dual_stack,
    raise_descriptor_limit,
};

/// The examples in the README are compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

//! Live updates over polling, long polling, streaming, Server-Sent Events (SSE) and WebSocket, without an operating system
//! and without an allocator.
//!
//! Every transport is a cursor on one event log. A subscriber costs a cursor, not a queue: memory does not grow with slow
//! readers, and missed events are always reported as a gap.
//!
//! # The three types that matter
//! - [`StaticHub`]: channels with a fixed-size event log each. [`StaticHub::publish`] is synchronous and never waits.
//! - [`HubHandler`]: the HTTP interface of a hub. It answers `/events/{channel}` on all five transports, and publishing.
//! - [`Handler`]: the interface of your own endpoints. [`serve`] runs one connection over a [`Socket`] and a [`Clock`].
//!
//! On the other side are the clients: [`Subscription`] (any transport, resumes without loss), [`EventSource`],
//! [`ClientWebSocket`](client::ClientWebSocket) and [`Publisher`].
//!
//! # Layers
//! ```text
//!  your program         Handler        StaticHub::publish        Subscription, EventSource, Publisher
//!                          │                   │                               │
//!  async shell          server ── hub_http ── hub                           client
//!                          └──── websocket ────┴───────────┬───────────────────┘
//!                                                     connection (io: Socket, Clock)
//!  state machines       http      sse      ws      log      format      json      (no I/O, no clock, no randomness)
//! ```
//! Each layer is usable without the layers above it. The state machines take bytes and the current time, and return bytes,
//! events and the next deadline.
//!
//! # A first program
//! ```
//! use embassy_sync::blocking_mutex::raw::NoopRawMutex;
//! use goldcrest_core::{Channel, EventType, Exchange, Handler, HandlerResult, HubHandler, Response, Runtime, StaticHub, Status};
//!
//! // One channel with 1,024 bytes of history and at most 16 events. At most 5 subscribers wait at the same time.
//! type Hub = StaticHub<NoopRawMutex, [u8; 1024], 1, 5>;
//!
//! fn hub(epoch: u32) -> Hub {
//!     StaticHub::new(epoch, [Channel::new("sensors", [0; 1024])])
//! }
//!
//! struct App<'h>(&'h Hub);
//!
//! impl Handler for App<'_> {
//!     async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
//!         match exchange.request().path() {
//!             "/" => exchange.respond(&Response::text(Status::OK, "subscribe to /events/sensors\n")).await,
//!             _ => HubHandler::new(self.0).handle(exchange).await,
//!         }
//!     }
//! }
//!
//! // The epoch is a random number, drawn once at boot. Any task publishes; each connection runs `serve`.
//! let hub = hub(0x5eed_cafe);
//! let id = hub.publish("sensors", EventType::MESSAGE, b"21.5").unwrap();
//! assert_eq!(id.to_string(), "5eedcafe-1");
//! let app = App(&hub);
//! # let _ = app;
//! ```
//! `firmware-example/` runs this on embassy-net, and the crate `goldcrest-host` on smol.
//!
//! # Modules, from the bottom up
//! | module | holds | knows |
//! | --- | --- | --- |
//! | [`time`] | an instant | nothing |
//! | [`output`] | output that resumes at any offset | nothing |
//! | `trace` | lines for the program's log | nothing |
//! | `grammar` | tokens, lists, hosts, origins (RFC 9110 §5.6, RFC 3986 §3.2, RFC 6454) | nothing |
//! | [`json`] | one flat object, read in place | nothing |
//! | `sha1` | SHA-1 digests (RFC 3174) | nothing |
//! | `base64` | Base64 (RFC 4648 §4) | `grammar` |
//! | [`io`] | `Socket`, `Clock`: the environment of a connection | `time` |
//! | [`http`] | request heads, credentials, body lengths, chunked coding, responses (RFC 9112) | `base64`, `grammar`, `output` |
//! | [`sse`] | event encoder, stream parser, reconnection (WHATWG HTML §9.2) | `output`, `time` |
//! | [`log`] | the ring of events, ids, cursors, gap policies | `output`, `sha1` |
//! | [`ws`] | handshake, frames, masking, connection (RFC 6455) | `base64`, `grammar`, `output`, `sha1`, `time` |
//! | [`format`] | transports, and the wire formats of events | `base64`, `log`, `output`, `sse`, `time`, `trace`, `ws` |
//! | [`hub`] | channels: a log, its followers, publishing | `format`, `log` |
//! | [`connection`] | the I/O of one connection, of a server or a client | `http`, `io`, `time`, `trace`, `ws` |
//! | [`websocket`] | an open WebSocket on either side | `connection`, `grammar`, `io`, `time`, `ws` |
//! | [`server`] | the generic HTTP server: exchanges and handlers | `connection`, `format`, `grammar`, `http`, `io`, `output`, `sse`, `time`, `trace`, `websocket`, `ws` |
//! | [`hub_http`] | the HTTP interface of a hub | `connection`, `format`, `grammar`, `http`, `hub`, `io`, `json`, `log`, `output`, `server`, `sse`, `time`, `trace`, `websocket`, `ws` |
//! | [`client`] | clients, on a chip and on a host | `base64`, `connection`, `format`, `grammar`, `http`, `hub`, `io`, `json`, `log`, `output`, `sse`, `time`, `websocket`, `ws` |
//! | `embassy` | a server and a client on a chip with embassy, with the feature `embassy-net` | `client`, `io`, `server` |
//! | [`assets`] | the client for browsers, as static files | `http`, `server` |
//! | `testing` | virtual time, tasks and buffers for tests, with the hidden feature `testing` | `format`, `hub_http`, `io`, `server`, `time`, `ws` |
//!
//! # Features
//! | feature | adds |
//! | --- | --- |
//! | `embassy-net` | `embassy`: buffers, a listening loop and a connector for a chip; [`Socket`] for `embassy_net::tcp::TcpSocket` (embassy-net 0.9), [`Clock`] for `embassy-time` |
//! | `embedded-tls` | `client::tls`: TLS 1.3 for the clients, by [embedded-tls](https://docs.rs/embedded-tls); not covered by the proof against panics |
//! | `defmt` | log lines to [defmt](https://docs.rs/defmt): rejected requests, upgraded and ended connections, gaps, a full server; `defmt::Format` for [`Disconnect`] |
//! | `log` | the same lines to [log](https://docs.rs/log) |
//!
//! No feature is on by default. `defmt` and `log` exclude each other; without both, no format string is linked.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(any(test, feature = "testing"))]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod assets;
mod base64;
pub mod client;
pub mod connection;
#[cfg(feature = "embassy-net")]
pub mod embassy;
pub mod format;
mod grammar;
pub mod http;
pub mod hub;
pub mod hub_http;
pub mod io;
pub mod json;
pub mod log;
pub mod output;
pub mod server;
mod sha1;
pub mod sse;
#[cfg(any(test, feature = "testing"))]
#[doc(hidden)]
pub mod testing;
pub mod time;
mod trace;
pub mod websocket;
pub mod ws;

pub use client::{EventSource, Publisher, Subscription};
pub use connection::Disconnect;
pub use http::{Method, Request, Response, Status};
pub use hub::{Channel, ChannelName, NamePolicy, NewEvent, PublishError, PublishOutcome, StaticHub};
pub use hub_http::{Authorized, Authorizer, ChannelIntent, Grant, HubHandler, Rights};
pub use io::{Clock, Socket};
pub use log::{Encoding, EventId, EventLog, EventType, GapPolicy};
pub use server::{AcceptOptions, Access, BufferKind, Exchange, Handler, HandlerResult, Runtime, ServerConfig, serve};
pub use websocket::{Message, WebSocket};
pub use ws::close::{CloseCode, CloseReason};
pub use ws::connection::MessageKind;

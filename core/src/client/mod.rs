//! Clients, on a chip and on a host: they resume after each disconnection.
//!
//! Three types matter:
//! - [`Subscription`] reads a channel, over the transport that works, and reports missed events as a gap.
//! - [`Publisher`] publishes to a channel; an event with an idempotency key is stored once.
//! - [`ClientRuntime`] is their environment: a connector, a clock and randomness ([`RuntimeParts`]).
//!
//! Beside them, [`EventSource`] is WHATWG HTML's client of SSE, [`ClientWebSocket`] a WebSocket of the role client, and
//! [`Bridge`] publishes a local channel on another hub.
//!
//! ```text
//!   Subscription   Publisher   EventSource   Bridge   ClientWebSocket
//!        |             |            |          |            |
//!        +---- one request or handshake, redirects ---------+   http_client.rs
//!                            |
//!              request and response on a connection             http_exchange.rs
//!                            |
//!          ClientRuntime: Connect · Clock · random              runtime.rs, connect.rs
//!                            |
//!      TcpConnector · tls::TlsConnector · the caller's own      tcp.rs, tls/
//! ```
//!
//! | file | contents |
//! | --- | --- |
//! | `runtime.rs` | [`ClientRuntime`], [`RuntimeParts`] |
//! | `connect.rs`, `tcp.rs` | [`Connect`], [`SchemeConnector`]; [`TcpConnector`] over `embedded-nal-async` |
//! | `tls/` | `tls::TlsConnector`: TLS 1.3 by `embedded-tls` (feature `embedded-tls`) |
//! | `config.rs` | [`ClientConfig`]: limits and timeouts; [`Buffers`] |
//! | `error.rs` | [`Error`], and whether another attempt may succeed |
//! | `url.rs` | [`Url`](url::Url) |
//! | `client_connection.rs` | [`ClientConnection`] |
//! | `http_exchange.rs`, `http_client.rs` | a request and its response; redirects |
//! | `event_source.rs` | [`EventSource`] |
//! | `websocket.rs` | [`ClientWebSocket`] |
//! | `subscription/` | [`Subscription`]: one cursor over five transports |
//! | `publish.rs` | [`Publisher`] |
//! | `fetch.rs` | [`fetch`]: one request, and its whole response |
//! | `bridge.rs` | [`Bridge`] |
//!
//! The caller owns all memory, and it limits all input. Every future is cancel-safe: dropped at an await, it loses no
//! byte in either direction. Only an attempt to connect starts again.
//!
//! ```
//! use goldcrest_core::client::{
//!     Buffers, ClientConfig, ClientRuntime, Event, Gap, Subscription, SubscriptionEvent, SubscriptionOptions,
//! };
//!
//! /// Shows the readings of a sensor, across all disconnections.
//! async fn watch<R: ClientRuntime>(runtime: &R) {
//!     let config = ClientConfig::default();
//!     let (mut buffer, mut location) = ([0; 1024], [0; 128]);
//!     let buffers = Buffers { buffer: &mut buffer, location: &mut location };
//!     let options = SubscriptionOptions::default();
//!     let mut sensor = Subscription::new(runtime, &config, "http://10.0.0.2/events/sensor", options, buffers);
//!     loop {
//!         match sensor.next().await {
//!             Ok(SubscriptionEvent::Event(Event { data, .. })) => println!("{:?}", data.as_bytes()),
//!             Ok(SubscriptionEvent::Gap(Gap { missed })) => println!("missed: {missed:?}"),
//!             Ok(SubscriptionEvent::Opened { .. } | SubscriptionEvent::Disconnected { .. }) => {} // it reconnects
//!             Err(error) => return println!("closed for good: {error}"),
//!         }
//!     }
//! }
//! ```

// rust-lang/rust#62958: the future of an `async fn` holds each argument twice, that of an `async` block once.
#![allow(clippy::manual_async_fn, reason = "an async fn keeps each of its arguments twice")]

mod bridge;
mod client_connection;
mod config;
mod connect;
mod error;
mod event_source;
mod fetch;
mod http_client;
mod http_exchange;
mod jitter;
mod publish;
mod runtime;
mod subscription;
mod tcp;
#[cfg(feature = "embedded-tls")]
pub mod tls;
pub mod url;
mod websocket;

#[cfg(test)]
mod tests;

pub use crate::format::Transport;
pub use crate::log::{Gap, Position};
pub use bridge::{Bridge, BridgeEvent, BridgeOptions};
pub use client_connection::ClientConnection;
pub use config::{Buffers, ClientConfig};
pub use connect::{Connect, MaybeTls, SchemeConnector};
pub use error::{Error, HeaderError};
pub use event_source::{EventSource, EventSourceEvent, EventSourceOptions, ReadyState};
pub use fetch::{FetchedResponse, fetch};
pub use http_client::validate_header;
pub use publish::{PublishResponse, Publisher};
pub use runtime::{ClientMaskingKeys, ClientRuntime, RuntimeParts};
pub use subscription::{Event, EventData, MAX_CURSOR, Subscription, SubscriptionEvent, SubscriptionOptions};
pub use tcp::{NoDns, NoDnsError, TcpConnectError, TcpConnector, TcpSocket};
pub use websocket::{ClientWebSocket, ConnectOptions};

/// The error of a runtime's connector.
pub type ConnectorError<R> = <<R as ClientRuntime>::Connector as Connect>::Error;

//! The async shell of clients, on a chip and on a host: the other end of a stream, which comes back.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `runtime.rs` | [`ClientRuntime`]: what a client stands on, and [`RuntimeParts`] that are one |
//! | `connect.rs`, `tcp.rs` | [`Connect`]: sockets by endpoint; [`SchemeConnector`]: plain or TLS; [`Tcp`]: over `embedded-nal-async`, in the caller's buffers |
//! | `tls/` | `tls::Tunnel`: TLS 1.3 by `embedded-tls`, for who has no operating system (feature `embedded-tls`) |
//! | `config.rs` | [`ClientConfig`]: every bound and timeout in one table |
//! | `error.rs` | [`Error`]: what went wrong, and whether trying again may help |
//! | `url.rs` | [`Url`](url::Url): where to go |
//! | `client_connection.rs`, `http_exchange.rs`, `http_client.rs` | a connection; one request and its answer; redirects |
//! | `event_source.rs` | [`EventSource`]: Server-Sent Events as WHATWG HTML §9.2 has them |
//! | `web_socket.rs` | [`ClientWebSocket`]: messages both ways |
//! | `subscription/` | [`Subscription`]: one cursor over WebSocket, SSE, streaming, long polling and polling |
//! | `publish.rs` | [`Publisher`]: events to a channel, stored once by their keys |
//! | `bridge.rs` | [`Bridge`]: a channel of a hub of ours, published on another |
//!
//! All memory is the caller's. Every future may be dropped at any await: what came and what was sent stays known, but
//! for an attempt to connect, which is given up. A server's worst gives an error within the memory given: none of it
//! grows.
//!
//! ```
//! use core::cell::Cell;
//! use goldcrest_core::client::{ClientConfig, Event, SubscriptionEvent, Buffers, SubscriptionOptions, ClientRuntime, Subscription};
//!
//! /// Shows what a sensor says, whatever happens to the network meanwhile.
//! async fn watch<R: ClientRuntime>(runtime: &R) {
//!     let config = ClientConfig::default();
//!     let (mut buffer, mut location) = ([0; 1024], [0; 128]);
//!     let memory = Buffers { buffer: &mut buffer, location: &mut location };
//!     let options = SubscriptionOptions::default();
//!     let mut sensor = Subscription::new(runtime, &config, "http://10.0.0.2/events/sensor", options, memory);
//!     loop {
//!         match sensor.next().await {
//!             Ok(SubscriptionEvent::Event(Event { event_type, data, .. })) => show(event_type, data.as_bytes()),
//!             Ok(SubscriptionEvent::Gap(Gap { missed })) => missing(missed),
//!             Ok(SubscriptionEvent::Opened { .. } | SubscriptionEvent::Disconnected { .. }) => {} // it comes back by itself
//!             Err(_) => break,                                 // there is nothing to be had any more
//!         }
//!     }
//! }
//! # fn show(_: &str, _: &[u8]) {}
//! # fn missing(_: Option<u64>) {}
//! ```

// Where a future is as large as what it is given, a function returns an `async` block: see `serve`.
#![allow(clippy::manual_async_fn, reason = "an async fn keeps each of its arguments twice")]

mod bridge;
mod client_connection;
mod config;
mod connect;
mod error;
mod event_source;
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
mod web_socket;

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
pub use http_client::validate_header;
pub use publish::{PublishResponse, Publisher};
pub use runtime::{ClientMaskingKeys, ClientRuntime, RuntimeParts};
pub use subscription::{Event, EventData, MAX_CURSOR, Subscription, SubscriptionEvent, SubscriptionOptions};
pub use tcp::{NoDns, NoDnsError, TcpConnectError, TcpConnector, TcpSocket};
pub use web_socket::{ClientWebSocket, ConnectOptions};

/// The error of a runtime's connector.
pub type ConnectorError<R> = <<R as ClientRuntime>::Connector as Connect>::Error;

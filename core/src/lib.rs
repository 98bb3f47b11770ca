//! Live updates between devices, servers and browsers, without an operating system and without an allocator.
//!
//! # Rooms, from the bottom up
//! | module | what it holds | knows |
//! | --- | --- | --- |
//! | [`time`], [`sink`] | an instant; a caller's slice that output is poured into | nothing |
//! | [`edge`] | `Socket`, `Clock`: what a connection stands on | `time` |
//! | [`http`] | request heads, body lengths, chunked coding, responses (RFC 9112) | `sink` |
//! | [`sse`] | event encoder, stream parser, reconnection (WHATWG HTML §9.2) | `sink`, `time` |
//! | [`log`] | the ring of events, ids, cursors, gap policies | `sink` |
//! | [`ws`] | handshake, frames, masking, connection (RFC 6455) | `time` |
//! | [`delivery`] | one file a transport: from a cursor to body bytes | `log`, `sse` |
//! | [`hub`] | channels: a log, its followers, publishing | `log` |
//! | [`json`] | one flat object, read in place | nothing |
//! | [`session`] | an open WebSocket on either side | `edge`, `ws` |
//! | [`serve`] | the async shell of a server, which a chip and a host both run | all of the above |
//! | [`client`] | the async shell of clients, on a chip and on a host | all but `serve` |
//! | [`script`] | the client for browsers, as bytes to serve | `serve` |
//!
//! # Features
//! | feature | what it adds |
//! | --- | --- |
//! | `embassy-net` | `edge::Socket` for `embassy_net::tcp::TcpSocket`, `edge::Clock` for `embassy-time` |
//! | `embedded-tls` | `client::tls`: TLS 1.3 for the clients, by [embedded-tls](https://docs.rs/embedded-tls); it is outside what is proven not to panic |
//! | `defmt` | a line to [defmt](https://docs.rs/defmt) when a request is refused, a connection upgraded or ended, a reader told of a gap, a client sent away since the server is full; `defmt::Format` for [`session::Ended`] and what it holds |
//! | `log` | the same lines to [log](https://docs.rs/log) |
//!
//! By default none is on. `defmt` and `log` exclude each other; with neither no format string remains.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod assets;
mod base64;
pub mod client;
pub mod connection;
pub mod format;
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
pub mod time;
pub mod websocket;
pub mod ws;

//! Live updates between devices, servers and browsers, without an operating system and without an allocator.
//!
//! # Rooms, from the bottom up
//! | module | holds | knows |
//! | --- | --- | --- |
//! | [`time`], [`output`] | an instant; output that resumes at any offset | nothing |
//! | [`io`] | `Socket`, `Clock`: the environment of a connection | `time` |
//! | `grammar` | tokens, lists, hosts, origins (RFC 9110 §5.6, RFC 3986 §3.2, RFC 6454) | nothing |
//! | [`http`] | request heads, body lengths, chunked coding, responses (RFC 9112) | `grammar`, `output` |
//! | [`sse`] | event encoder, stream parser, reconnection (WHATWG HTML §9.2) | `output`, `time` |
//! | [`log`] | the ring of events, ids, cursors, gap policies | `output` |
//! | [`ws`] | handshake, frames, masking, connection (RFC 6455) | `grammar`, `time` |
//! | [`format`] | the wire formats of events, one file a transport | `log`, `sse` |
//! | [`hub`] | channels: a log, its followers, publishing | `log` |
//! | [`json`] | one flat object, read in place | nothing |
//! | [`connection`] | the I/O of one connection, of a server or a client | `io`, `ws` |
//! | [`websocket`] | an open WebSocket on either side | `connection`, `ws` |
//! | [`server`] | the generic HTTP server: exchanges and handlers | all of the above |
//! | [`hub_http`] | the HTTP interface of a hub | `server` |
//! | [`client`] | clients, on a chip and on a host | all but `server` |
//! | [`assets`] | the client for browsers, as static files | `server` |
//!
//! # Features
//! | feature | what it adds |
//! | --- | --- |
//! | `embassy-net` | `io::Socket` for `embassy_net::tcp::TcpSocket`, `io::Clock` for `embassy-time` |
//! | `embedded-tls` | `client::tls`: TLS 1.3 for the clients, by [embedded-tls](https://docs.rs/embedded-tls); it is outside what is proven not to panic |
//! | `defmt` | a line to [defmt](https://docs.rs/defmt) when a request is refused, a connection upgraded or ended, a reader told of a gap, a client sent away since the server is full; `defmt::Format` for [`connection::Disconnect`] and what it holds |
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
pub mod time;
pub mod websocket;
pub mod ws;

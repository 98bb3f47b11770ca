//! The async HTTP server of a chip and of a host.
//!
//! [`serve`] runs one connection from its first byte to its last. Each request becomes an [`Exchange`], and a [`Handler`] answers
//! it. A handler returns a [`Responded`], which only a response creates. The handler of the hub is
//! [`HubHandler`](crate::hub_http::HubHandler).
//!
//! | file | content |
//! | --- | --- |
//! | `runtime.rs` | [`Runtime`]: sockets, clock, buffers, randomness |
//! | `config.rs`, `access.rs` | [`ServerConfig`]: the bounds of a connection; [`Access`]: permitted `Origin` and `Host` |
//! | `cors.rs` | [`CorsPolicy`]: the rules for pages of other origins |
//! | `rejection.rs` | [`Rejection`]: a rejected request, as the runtime's log sees it |
//! | `serve.rs` | [`serve`]: the requests of a connection, one after the other |
//! | `http_connection.rs` | a connection: reading, writing and waiting within its deadlines |
//! | `head_buffer.rs` | [`HeadBuffer`]: the buffer of a request's head |
//! | `handler.rs`, `exchange.rs` | [`Handler`]: answers requests; [`Exchange`]: a request, and the ways to answer it |
//! | `supervise.rs` | [`Exchange::supervise`]: panics of handlers |
//! | `response.rs` | [`Responded`]; heads of responses, and whole responses |
//! | `body_writer.rs`, `event_writer.rs` | [`BodyWriter`], [`EventWriter`]: streams that a handler writes |
//! | `server_error.rs` | the error responses of the server: status and text |
//! | `server_websocket.rs` | [`ServerWebSocket`]: a WebSocket that a handler drives |
//! | `abort.rs` | [`AbortHandle`]: breaks a connection from elsewhere in the program |
//!
//! ```
//! use goldcrest_core::http::{Response, Status};
//! use goldcrest_core::server::{Exchange, Handler, HandlerResult, Runtime};
//!
//! struct Hello;
//!
//! impl Handler for Hello {
//!     async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
//!         match exchange.request().path() {
//!             "/" => exchange.respond(&Response::text(Status::OK, "hello\n")).await,
//!             _ => exchange.not_found().await,
//!         }
//!     }
//! }
//! ```

// A future is as large as a connection's memory. A function that returns an `async` block stores its arguments once, an
// `async fn` twice: https://github.com/rust-lang/rust/issues/62958
#![allow(clippy::manual_async_fn, reason = "an async fn stores its arguments twice (rust-lang/rust#62958)")]

mod abort;
mod access;
pub(crate) mod body_writer;
mod config;
mod cors;
mod event_writer;
mod exchange;
mod handler;
mod head_buffer;
pub(crate) mod http_connection;
mod rejection;
pub(crate) mod response;
mod runtime;
mod serve;
mod server_error;
mod server_websocket;
mod supervise;

pub use crate::grammar::host::{HostError, HostPolicy, validate_host};
pub use crate::grammar::origin::{OriginError, OriginMatch, OriginPolicy, validate_origin};
pub use crate::websocket::{Disconnect, Message, MessageChunk};
pub use abort::AbortHandle;
pub use access::{Access, AccessDenied, AccessError};
pub use body_writer::BodyWriter;
pub use config::ServerConfig;
pub use cors::{CorsNames, CorsPolicy};
pub use event_writer::EventWriter;
pub use exchange::{BodyError, Exchange};
pub use handler::Handler;
pub use head_buffer::HeadBuffer;
pub use rejection::{DateField, ErrorContent, Rejection, RejectionReason, Resource};
pub use response::{HandlerResult, Responded};
pub use runtime::{BufferKind, Growth, Runtime};
pub use serve::serve;
pub(crate) use server_error::ServerError;
pub use server_websocket::{AcceptOptions, ServerWebSocket};

#[cfg(test)]
pub(crate) mod tests;

//! A server and a client on a chip with [embassy](https://embassy.dev): the feature `embassy-net`.
//!
//! [`Device`] is the [`Runtime`](crate::server::Runtime) of the connections of one executor, and [`Device::listen`] serves one client
//! after the other on a TCP port. `docs/FIRMWARE.md` has a whole firmware.
//!
//! | file | contents |
//! | --- | --- |
//! | `device.rs` | [`Device`]: the buffers, random numbers and sockets of one executor |
//! | `pool.rs` | [`Buffer`]: a buffer of a pool |
//! | `listen.rs` | [`Device::listen`]: a listening socket, and everything that protects it |
//! | `socket_buffers.rs` | [`SocketBuffers`]: the buffers of one TCP socket |
//! | `shutdown.rs` | [`Shutdown`]: whether and when the server ends |
//! | `connector.rs` | [`Connector`]: the connection of a client |
//!
//! embassy-net has no queue of incoming connections: each task that calls [`Device::listen`] has one socket, and serves one client.
//! Where all of them are busy, a further client is refused at once (RST).
//!
//! ```no_run
//! use embassy_net::Stack;
//! use goldcrest_core::embassy::{Device, SocketBuffers, Unseeded};
//! use goldcrest_core::{Handler, ServerConfig};
//!
//! // Two request heads of 1,024 bytes and one event of 512 bytes at a time.
//! type Web = Device<1024, 2, 512, 1>;
//!
//! // In a static cell, so that the buffers never lie on the stack.
//! const fn memory() -> Unseeded<Web> {
//!     Web::unseeded()
//! }
//!
//! static CONFIG: ServerConfig = ServerConfig::chip();
//!
//! // The body of a task; as many tasks as there may be clients. `device` is `memory.seed(random)`.
//! async fn connection(stack: Stack<'_>, device: &Web, handler: &impl Handler) {
//!     device.listen(stack, 80, &mut SocketBuffers::<512, 1072>::new(), &CONFIG, handler).await
//! }
//! # let _ = memory;
//! ```

// A future is as large as a connection's memory. A function that returns an `async` block stores its arguments once, an
// `async fn` twice: https://github.com/rust-lang/rust/issues/62958
#![allow(clippy::manual_async_fn, reason = "an async fn stores its arguments twice (rust-lang/rust#62958)")]

mod connector;
mod device;
mod listen;
mod pool;
mod shutdown;
mod socket_buffers;

pub use connector::{Connector, ConnectorSocket};
pub use device::{Device, Unseeded};
pub use pool::Buffer;
pub use shutdown::{Shutdown, ShutdownSignal};
pub use socket_buffers::SocketBuffers;

pub use crate::io::{EmbassyClock, EmbassyTimer};

#[cfg(test)]
mod tests;

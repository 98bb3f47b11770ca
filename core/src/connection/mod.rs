//! The I/O of one connection, of a server or a client.
//!
//! | file | content |
//! | --- | --- |
//! | `connection_io.rs` | [`ConnectionIo`]: the connection of a WebSocket |
//! | `connection_socket.rs` | a socket with its timer, its budget and its counters |
//! | `io_budget.rs`, `rate_limit.rs` | bounds on the work of a turn, and on requests in a second |
//! | `receive_allowance.rs` | [`ReceiveTimeout`]: deadline for a body or message that arrives in parts |
//! | `disconnect.rs` | [`Disconnect`]: the end of a connection |

#![allow(clippy::manual_async_fn, reason = "an async fn stores its arguments twice (rust-lang/rust#62958)")]

mod connection_io;
mod connection_socket;
mod disconnect;
mod io_budget;
mod rate_limit;
mod receive_allowance;

pub use connection_io::{ConnectionIo, Timeouts};
pub(crate) use connection_socket::ConnectionSocket;
pub use disconnect::Disconnect;
pub(crate) use receive_allowance::ReceiveAllowance;
pub use receive_allowance::ReceiveTimeout;

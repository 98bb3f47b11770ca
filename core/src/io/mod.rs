//! The environment of a connection: a socket and a clock.
//!
//! A connection is a synchronous state machine with little `async` code around it: it waits until it can make progress, and then
//! reads or writes without waiting. A [`Socket`] passes its receive buffer and the free part of its send buffer to closures, so that
//! nothing is copied.
//!
//! | file | contents |
//! | --- | --- |
//! | `socket.rs` | [`Socket`], [`Interest`], [`TryIo`] |
//! | `callback.rs` | [`BufferFn`], [`WakeCondition`]: closures as trait objects |
//! | `clock.rs` | [`Clock`], [`Timer`] |
//! | `buffered.rs` | [`BufferedIo`]: any `embedded_io_async::Read + Write` as a `Socket` |
//! | `embassy.rs` | `EmbassyClock`, and `embassy_net::tcp::TcpSocket` as a `Socket` (feature `embassy-net`) |
//! | `pipe.rs` | [`Pipe`]: two sockets in memory, for tests of handlers |
//!
//! ```
//! use goldcrest_core::io::{Interest, TryIo, Pipe, Socket};
//!
//! # futures_lite::future::block_on(async {
//! let pipe = Pipe::<8>::new();
//! let (mut device, mut browser) = pipe.ends();
//! browser.try_write_with(|buffer| {
//!     buffer[..2].copy_from_slice(b"hi");
//!     (2, ())
//! })?;
//! device.wait(Interest::READ).await?;
//! let TryIo::Done(received) = device.try_read_with(|bytes| (bytes.len(), bytes.to_vec()))? else { panic!("the socket is readable") };
//! assert_eq!(received, b"hi");
//! # Ok::<(), goldcrest_core::io::PipeError>(())
//! # }).unwrap();
//! ```

mod buffered;
mod callback;
mod clock;
#[cfg(feature = "embassy-net")]
pub(crate) mod embassy;
mod pipe;
mod socket;

pub use buffered::{BufferedIo, BufferedIoError};
pub use callback::{BufferFn, WakeCondition};
pub(crate) use callback::{never, one_copy};
pub use clock::{Clock, Timer};
#[cfg(feature = "embassy-net")]
pub use embassy::{EmbassyClock, EmbassyTimer};
pub use pipe::{Pipe, PipeEnd, PipeError};
pub use socket::{Interest, Socket, TryIo};

//! The edge: what a connection stands on. Wait, then act; lend, don't copy.
//!
//! A connection is a synchronous machine and a little `async` around it: it waits until there is something to do, and
//! then acts at once. What it stands on is a [`Socket`] that lends its received bytes and its free room to closures,
//! and a [`Clock`].
//!
//! | file | what it holds |
//! | --- | --- |
//! | `socket.rs` | [`Socket`], [`Interest`], [`TryIo`] |
//! | `callback.rs` | [`BufferFn`], [`WakeCondition`]: what is handed down to a socket |
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
//! browser.try_write_with(|room| {
//!     room[..2].copy_from_slice(b"hi");
//!     (2, ())
//! })?;
//! device.wait(Interest::READ).await?;
//! let TryIo::Done(seen) = device.try_read_with(|bytes| (bytes.len(), bytes.to_vec()))? else { panic!("it was ready") };
//! assert_eq!(seen, b"hi");
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
pub(crate) use callback::never;
pub use callback::{BufferFn, WakeCondition};
pub use clock::{Clock, Timer};
#[cfg(feature = "embassy-net")]
pub use embassy::{EmbassyClock, EmbassyTimer};
pub use pipe::{Pipe, PipeEnd, PipeError};
pub use socket::{Interest, Socket, TryIo};

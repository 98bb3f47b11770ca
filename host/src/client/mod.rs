//! Clients on a host: those of the core, over TCP and TLS, one thread's worth at a time.
//!
//! | file | content |
//! | --- | --- |
//! | `runtime.rs` | [`SmolRuntime`]: what the core's clients stand on here, and the loop that runs them |
//! | `connect.rs` | [`Connector`]: all addresses of a name, raced |
//! | `tls.rs` | [`TlsOptions`]: whom to trust |
//! | `tls_socket.rs` | TLS as a socket over another |
//! | `socket.rs` | [`ClientSocket`]: plain or TLS |
//!
//! ```no_run
//! use goldcrest_host::client::{SmolRuntime, TlsOptions};
//! use goldcrest_host::core::client::{ClientConfig, EventSource, EventSourceOptions, Buffers, EventSourceEvent};
//!
//! fn main() -> std::io::Result<()> {
//!     SmolRuntime::block_on(TlsOptions::default(), async |runtime| {
//!         let config = ClientConfig::default();
//!         let (mut head, mut location, mut events) = ([0; 4096], [0; 1024], vec![0; 1 << 20]);
//!         let memory = Buffers { buffer: &mut head, location: &mut location };
//!         let options = EventSourceOptions::default();
//!         let url = "https://stream.wikimedia.org/v2/stream/recentchange";
//!         let mut source = EventSource::new(runtime, &config, url, options, memory, &mut events);
//!         while let Ok(update) = source.next().await {
//!             if let EventSourceEvent::Event(event) = update {
//!                 println!("{}", event.data);
//!             }
//!         }
//!     })
//! }
//! ```

mod connect;
mod runtime;
mod socket;
mod tls;
mod tls_socket;

pub use crate::reactor::{Alarm, CoarseClock};
pub use connect::{ConnectError, Connector};
pub use runtime::{SmolRuntime, random};
pub use socket::ClientSocket;
pub use tls::TlsOptions;

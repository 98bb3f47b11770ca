//! Clients on a host: those of [`goldcrest_core::client`] on smol, over TCP and TLS, several to a thread.
//!
//! Three types matter:
//! - [`SmolRuntime`] is the environment of a thread's clients, and runs them ([`SmolRuntime::block_on`]).
//! - [`Connector`] opens their connections, over TCP or TLS.
//! - [`TlsOptions`] defines which servers they trust.
//!
//! | file | contents |
//! | --- | --- |
//! | `smol_runtime.rs` | [`SmolRuntime`] |
//! | `connector.rs` | [`Connector`]: all addresses of a name, by Happy Eyeballs (RFC 8305) |
//! | `tls_options.rs` | [`TlsOptions`] |
//! | `tls_socket.rs` | TLS over a socket, by rustls |
//! | `client_socket.rs` | [`ClientSocket`]: plain or TLS |
//! | `percent_encode.rs` | [`percent_encode`]: URLs with characters beyond ASCII |
//!
//! ```no_run
//! use goldcrest_host::client::{SmolRuntime, TlsOptions};
//! use goldcrest_host::core::client::{Buffers, ClientConfig, EventSource, EventSourceEvent, EventSourceOptions};
//!
//! fn main() -> std::io::Result<()> {
//!     SmolRuntime::block_on(TlsOptions::default(), async |runtime| {
//!         let config = ClientConfig::default();
//!         let (mut head, mut location, mut events) = ([0; 4096], [0; 1024], vec![0; 1 << 20]);
//!         let memory = Buffers { buffer: &mut head, location: &mut location };
//!         let options = EventSourceOptions::default();
//!         let url = "https://stream.wikimedia.org/v2/stream/recentchange";
//!         let mut source = EventSource::new(runtime, &config, url, options, memory, &mut events);
//!         while let Ok(event) = source.next().await {
//!             if let EventSourceEvent::Event(event) = event {
//!                 println!("{}", event.data);
//!             }
//!         }
//!     })
//! }
//! ```

mod client_socket;
mod connector;
mod percent_encode;
mod smol_runtime;
mod tls_options;
mod tls_socket;

pub use crate::reactor::{Alarm, CoarseClock};
pub use client_socket::ClientSocket;
pub use connector::{ConnectError, Connector};
pub use percent_encode::percent_encode;
pub use smol_runtime::{SmolRuntime, random};
pub use tls_options::TlsOptions;

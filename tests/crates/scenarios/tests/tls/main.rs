//! The clients of the core through `client::tls::Tunnel`, which is TLS by embedded-tls as a chip has it, over real sockets.
//!
//! | file | content |
//! | --- | --- |
//! | `runtime.rs` | a tunnel that runs, and the clients' runtime over it |
//! | `authority.rs` | authorities and certificates; a provider that verifies with them |
//! | `terminator.rs` | a server of TLS, by rustls, before any other; it misbehaves if asked to |
//! | `data_transfer.rs` | events and messages arrive complete |
//! | `verification.rs` | refused servers |
//! | `impersonation.rs` | servers that omit messages of the handshake |
//! | `disconnects.rs` | connections that end before their time |
//! | `cancellation.rs` | futures that are dropped at any await |
//! | `interoperability.rs` | nginx and OpenSSL |

mod authority;
mod cancellation;
mod data_transfer;
mod disconnects;
mod impersonation;
mod interoperability;
mod runtime;
mod terminator;
mod verification;

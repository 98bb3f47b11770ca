//! The clients of the core through `client::tls::Tunnel`, which is TLS by embedded-tls as a chip has it, over real sockets.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `runtime.rs` | a tunnel that runs, and the clients' runtime over it |
//! | `authority.rs` | authorities and certificates; a provider that judges by them |
//! | `terminator.rs` | a server of TLS, by rustls, before any other; it misbehaves if asked to |
//! | `data_transfer.rs` | what arrives |
//! | `verification.rs` | whom it does not talk to |
//! | `impersonation.rs` | servers that leave out of the handshake what they cannot show |
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

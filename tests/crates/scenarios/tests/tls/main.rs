//! The clients of the core through `client::tls::Tunnel`, which is TLS by embedded-tls as a chip has it, over real sockets.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `world.rs` | a tunnel that runs, and the clients' runtime over it |
//! | `authority.rs` | authorities and certificates; a provider that judges by them |
//! | `terminator.rs` | a server of TLS, by rustls, before any other; it misbehaves if asked to |
//! | `carried.rs` | what arrives |
//! | `refused.rs` | whom it does not talk to |
//! | `impostor.rs` | servers that leave out of the handshake what they cannot show |
//! | `broken.rs` | connections that end before their time |
//! | `dropped.rs` | futures that are dropped at any await |
//! | `strangers.rs` | nginx and OpenSSL |

mod authority;
mod broken;
mod carried;
mod dropped;
mod impostor;
mod refused;
mod strangers;
mod terminator;
mod world;

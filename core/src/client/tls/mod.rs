//! TLS 1.3 for clients without an operating system, by [`embedded_tls`] (feature `embedded-tls`).
//!
//! The futures of `embedded-tls` are not cancel-safe, and those of a client are dropped. So a session is a task of its own,
//! [`TlsConnector::run`], and the client has one end of a pipe to it. `N` limits the bytes between them: a side that does
//! not read stops the other, as in TCP.
//!
//! ```text
//!   client task                           TLS task: TlsConnector::run (run.rs)
//!   TlsSocket  <- N bytes each way ->  plaintext_pipe.rs <-> embedded_tls <-> record_io.rs <-> TCP socket
//! ```
//!
//! | file | contents |
//! | --- | --- |
//! | `connector.rs` | [`TlsConnector`], a [`Connect`](super::Connect); [`TlsSocket`] |
//! | `run.rs` | [`TlsConnector::run`]: opens and ends sessions |
//! | `plaintext_pipe.rs` | copies bytes between the pipe and the session |
//! | `verification.rs` | [`ServerVerification`]: the authentication of the server |
//! | `record_io.rs` | the TCP socket, as `embedded-tls` reads and writes it |
//! | `record_filter.rs` | rejects records that `embedded-tls` must not see |
//! | `error.rs` | [`TlsConnectError`], [`TlsDisconnect`] |
//!
//! ```
//! use goldcrest_core::client::tls::embedded_tls::pki::CertVerifier;
//! use goldcrest_core::client::tls::embedded_tls::{
//!     Aes128GcmSha256, Certificate, CryptoProvider, CryptoRngCore, TlsClock, TlsError, TlsVerifier,
//! };
//! use goldcrest_core::client::tls::{ServerVerification, TlsConnector};
//! use goldcrest_core::client::{
//!     Buffers, ClientConfig, ClientRuntime, Connect, RuntimeParts, SchemeConnector, Subscription, SubscriptionEvent,
//!     SubscriptionOptions,
//! };
//! use goldcrest_core::io::Clock;
//! use goldcrest_core::ws::connection::NoEntropy;
//!
//! /// The authority of the device's servers, in DER, and certificates of up to 1,024 bytes.
//! static AUTHORITY: &[u8] = &[/* include_bytes!("authority.der") */];
//! type Verifier = CertVerifier<'static, Aes128GcmSha256, WallClock, 1024>;
//!
//! /// Seconds since 1970, from SNTP; with `None` an expired certificate is accepted.
//! struct WallClock;
//!
//! impl TlsClock for WallClock {
//!     fn now() -> Option<u64> {
//!         None
//!     }
//! }
//!
//! /// The chip's random source, and the verifier of certificates.
//! struct Provider<R> {
//!     random: R,
//!     verifier: Verifier,
//! }
//!
//! impl<R: CryptoRngCore> CryptoProvider for Provider<R> {
//!     type CipherSuite = Aes128GcmSha256;
//!     type Signature = [u8; 0]; // the device has no certificate of its own
//!
//!     fn rng(&mut self) -> impl CryptoRngCore {
//!         &mut self.random
//!     }
//!
//!     fn verifier(&mut self) -> Result<&mut impl TlsVerifier<Aes128GcmSha256>, TlsError> {
//!         Ok(&mut self.verifier)
//!     }
//! }
//!
//! /// A task of its own, on the executor of the clients.
//! async fn run_tls<C: Connect>(tls: &TlsConnector<C::Error, 1024>, tcp: &C, random: impl CryptoRngCore) -> ! {
//!     let provider = Provider { random, verifier: Verifier::new(Certificate::X509(AUTHORITY)) };
//!     let mut verification = ServerVerification::certificate(provider);
//!     let (mut read_record, mut write_record) = ([0; 16_640], [0; 1_152]); // in statics, on a chip
//!     tls.run(tcp, &mut verification, &mut read_record, &mut write_record).await
//! }
//!
//! /// The clients' environment: `http:` and `ws:` by TCP, `https:` and `wss:` by TLS.
//! fn runtime<C: Connect, K: Clock>(
//!     tcp: C,
//!     tls: &'static TlsConnector<C::Error, 1024>,
//!     clock: K,
//!     random: impl Fn() -> Result<[u8; 4], NoEntropy>,
//! ) -> impl ClientRuntime {
//!     RuntimeParts { connector: SchemeConnector { plain: tcp, tls }, clock, random }
//! }
//!
//! /// Shows the readings of a sensor.
//! async fn watch<R: ClientRuntime>(runtime: &R) {
//!     let (config, mut buffer, mut location) = (ClientConfig::default(), [0; 1024], [0; 128]);
//!     let memory = Buffers { buffer: &mut buffer, location: &mut location };
//!     let url = "https://sensor.example/events/celsius";
//!     let mut sensor = Subscription::new(runtime, &config, url, SubscriptionOptions::default(), memory);
//!     while let Ok(event) = sensor.next().await {
//!         if let SubscriptionEvent::Event(event) = event {
//!             println!("{:?}", event.data);
//!         }
//!     }
//! }
//! ```
//!
//! # Memory and flash
//! On thumbv7m, with `N` = 1,072 and optimised for size:
//!
//! | part | bytes |
//! | --- | --- |
//! | [`TlsConnector`] | 2,524: 2 `N` and 380 |
//! | [`ServerVerification`] with a verifier of certificates up to 1,024 bytes | 1,624 |
//! | [`ServerVerification`] with a pre-shared key | 144 |
//! | the future of [`TlsConnector::run`], without that of the TCP connector | 4,520 |
//! | `read_record` for any server | 16,640 |
//! | `read_record` for a server with records of up to 1,024 bytes | 1,280 |
//! | `write_record` | 1,200: `N` and 128 |
//! | flash | 97,000 |
//! | flash, with a pre-shared key | 76,000 |
//!
//! The handshake needs stack beside this, and computes without yielding: other tasks of its executor wait.
//!
//! A server sends smaller records on request, if it supports that: `ServerVerification::certificate(…).configure(|config|
//! config.with_max_fragment_length(…))` (RFC 6066 §4). OpenSSL does; rustls has one limit for all clients
//! (`ServerConfig::max_fragment_size`). A buffer of 256 bytes more than the content holds any such record (RFC 8446 §5.2).
//! `embedded-tls` does not support fragmented handshake messages, so the server's certificates have to fit in a record too.
//!
//! # Server authentication
//! [`ServerVerification`] defines it, by a provider of the caller's; there is no default.
//! `embedded_tls::pki::CertVerifier` verifies the authority's signature, the name and, with a clock, the validity, without
//! an allocator:
//! - Keys of P-256. P-384, Ed25519 and RSA by the features `p384`, `ed25519` and `rsa` (which allocates) of `embedded-tls`,
//!   enabled by the program's own dependency on it.
//! - Names of up to 64 bytes, the first three of a certificate, and no addresses: a URL with an address is rejected.
//! - One authority. The self-signed certificate of a server, as the authority, pins that server.
//! - Not whether the issuer of a certificate was permitted to issue it: [`ServerVerification::max_chain`] limits that.
//!
//! Another verifier of the caller's (`embedded_tls::TlsVerifier`) may verify in any other way.
//! `embedded_tls::UnsecureProvider` has no verifier: it is for a pre-shared key. `embedded_tls::NoVerify` accepts all
//! servers, an attacker on the path included.
//!
//! # Security
//! `embedded-tls` is outside the proofs that this crate does not panic. An attacker on the path could use three known
//! faults of version 0.19, so the records and messages for them are rejected before it. They are unencrypted records
//! after the handshake, encrypted records without content, and a signature without a certificate. A server that omits
//! certificate and signature is not authenticated.
//!
//! Two faults are left, so a device needs a watchdog. An *authenticated* server can cause a panic by a handshake message
//! after the handshake, other than those below. With the features `ed25519` and `rsa`, an attacker can, by a key of
//! another kind.
//!
//! - Session tickets (RFC 8446 §4.6.1) are ignored: each connection is a full handshake.
//! - A `KeyUpdate` (RFC 8446 §4.6.3), which rustls and OpenSSL send after millions of records, ends the connection with
//!   [`TlsDisconnect::Tls`]; the client reconnects and resumes.
//! - An end of TCP without `close_notify` (RFC 8446 §6.1) is [`TlsDisconnect::Truncated`], after all data before it was
//!   read. An end in order ends both directions.
//! - TLS 1.2 is not supported: a server without 1.3 is [`TlsConnectError::Alert`], such as nginx before 1.23.4 unless
//!   `ssl_protocols` has `TLSv1.3`.

mod connector;
mod error;
mod plaintext_pipe;
mod record_filter;
mod record_io;
mod run;
mod verification;

pub use connector::{TlsConnector, TlsSocket};
pub use embedded_tls;
pub use error::{TlsConnectError, TlsDisconnect};
pub use verification::ServerVerification;

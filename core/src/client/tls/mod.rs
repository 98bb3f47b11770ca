//! TLS 1.3 for clients without an operating system, by [`embedded_tls`] (feature `embedded-tls`).
//!
//! A session of `embedded-tls` has no futures that may be dropped, and a client's socket has no others: so the session is a task
//! of its own, [`TlsConnector::run`], and the client has the other end of a pipe to it. `N` bounds what stands between them, so a side
//! that does not read stops the other, as TCP does.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `connector.rs` | [`TlsConnector`], a [`Connect`](super::Connect); [`TlsSocket`] |
//! | `run.rs` | [`TlsConnector::run`]: opens connections, and winds them up |
//! | `plaintext_pipe.rs` | what carries bytes from the pipe into the session, and back |
//! | `verification.rs` | [`ServerVerification`]: whom it talks to, and whether a server has proven to be that |
//! | `record_io.rs` | a socket, as `embedded-tls` reads and writes it |
//! | `record_filter.rs` | which records `embedded-tls` gets to see |
//! | `error.rs` | [`TlsConnectError`], [`TlsDisconnect`] |
//!
//! ```
//! use goldcrest_core::client::tls::embedded_tls::pki::CertVerifier;
//! use goldcrest_core::client::tls::embedded_tls::{
//!     Aes128GcmSha256, Certificate, CryptoProvider, CryptoRngCore, TlsClock, TlsError, TlsVerifier,
//! };
//! use goldcrest_core::client::tls::{Trust, Tunnel};
//! use goldcrest_core::client::{SchemeConnector, ClientConfig, Connect, SubscriptionEvent, Buffers, SubscriptionOptions, RuntimeParts, ClientRuntime, Subscription};
//! use goldcrest_core::io::Clock;
//! use goldcrest_core::ws::connection::NoEntropy;
//!
//! /// The authority of the servers that the device talks to, in DER, and certificates of up to 1,024 bytes.
//! static AUTHORITY: &[u8] = &[/* include_bytes!("authority.der") */];
//! type Verifier = CertVerifier<'static, Aes128GcmSha256, WallClock, 1024>;
//!
//! /// Seconds since 1970, from SNTP; with `None` a certificate that is out of its time is taken.
//! struct WallClock;
//!
//! impl TlsClock for WallClock {
//!     fn now() -> Option<u64> {
//!         None
//!     }
//! }
//!
//! /// The chip's own random source, and who judges certificates.
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
//! async fn carry<C: Connect>(tunnel: &Tunnel<C::Error, 1024>, tcp: &C, random: impl CryptoRngCore) -> ! {
//!     let mut trust = Trust::certificate(Provider { random, verifier: Verifier::new(Certificate::X509(AUTHORITY)) });
//!     let (mut read_record, mut write_record) = ([0; 16_640], [0; 1_152]); // in statics, on a chip
//!     tunnel.run(tcp, &mut trust, &mut read_record, &mut write_record).await
//! }
//!
//! /// What the clients stand on: `http:` and `ws:` by TCP, `https:` and `wss:` through the tunnel.
//! fn runtime<C: Connect, K: Clock>(
//!     tcp: C,
//!     tunnel: &'static Tunnel<C::Error, 1024>,
//!     clock: K,
//!     random: impl Fn() -> Result<[u8; 4], NoEntropy>,
//! ) -> impl ClientRuntime {
//!     RuntimeParts { connector: SchemeConnector { plain: tcp, tls: tunnel }, clock, random }
//! }
//!
//! /// Shows what a sensor somewhere says.
//! async fn watch<R: ClientRuntime>(runtime: &R) {
//!     let (config, mut buffer, mut location) = (ClientConfig::default(), [0; 1024], [0; 128]);
//!     let memory = Buffers { buffer: &mut buffer, location: &mut location };
//!     let url = "https://sensor.example/events/celsius";
//!     let mut sensor = Subscription::new(runtime, &config, url, SubscriptionOptions::default(), memory);
//!     while let Ok(item) = sensor.next().await {
//!         if let SubscriptionEvent::Event(event) = item {
//!             println!("{:?}", event.data);
//!         }
//!     }
//! }
//! ```
//!
//! # What it takes
//! On thumbv7m, with `N` of 1,072 and optimised for size:
//!
//! | what | bytes |
//! | --- | --- |
//! | [`TlsConnector`] | 2,524: 2 `N` and 380 |
//! | [`ServerVerification`] with a verifier for certificates of 1,024 bytes; with a pre-shared key | 1,624; 144 |
//! | the future of [`TlsConnector::run`], beside that of who connects by TCP | 4,520 |
//! | `read_record` for any server; where the server keeps to 1,024 bytes a record | 16,640; 1,280 |
//! | `write_record` | 1,200: `N` and 128 |
//! | flash; with a pre-shared key | 97,000; 76,000 |
//!
//! The handshake takes stack beside, and computes without giving way: other tasks of its executor wait.
//!
//! A server sends smaller records if it is asked to (`Trust::certificate(…).configure(|config|
//! config.with_max_fragment_length(…))`, RFC 6066 §4) and honours that: OpenSSL and what stands on it do, rustls does not, and
//! has a bound of its own for all clients (`ServerConfig::max_fragment_size`). 256 bytes beside the content hold any such record
//! (RFC 8446 §5.2). `embedded-tls` takes no message of a handshake in parts, so the server's certificates have to fit a record as
//! well.
//!
//! # Whom it talks to
//! [`ServerVerification`] says so, by a provider of the caller's; there is no default. `embedded_tls::pki::CertVerifier` judges the signature of
//! the authority, the name and, with a clock, the time, without an allocator:
//! - keys of P-256; P-384, Ed25519 and RSA by the features `p384`, `ed25519` and `rsa` (which allocates) of `embedded-tls`, which the
//!   program's own dependency on it turns on;
//! - names of up to 64 bytes, the first three of a certificate; no addresses: a URL with an address is refused;
//! - one authority: a server's own certificate, if it is signed by itself, pins that server;
//! - not whether who signed a certificate was allowed to sign any: [`ServerVerification::chain`] tells why that bounds how many there are.
//!
//! A verifier of the caller's (`embedded_tls::TlsVerifier`) may judge in any other way. `embedded_tls::UnsecureProvider` has none: it is
//! for a pre-shared key. `embedded_tls::NoVerify` takes everybody, and so whoever stands between.
//!
//! # What it withstands
//! `embedded-tls` is outside the proofs of this crate that nothing panics. What anybody on the way could make of that with version
//! 0.19 does not get to it: records in the clear after the handshake, encrypted ones without content, a signature without a
//! certificate. Nor is a server taken for proven that leaves certificate and signature out of its handshake. What is left: a
//! server *that has proven who it is* can make it panic by a message of a handshake after the handshake, other than those below;
//! with the features `ed25519` and `rsa`, anybody can, by a key of another kind. A watchdog is no luxury.
//!
//! - Session tickets are read and forgotten: each connection is a whole handshake.
//! - A server that changes its keys (`KeyUpdate`, which rustls and OpenSSL send after millions of records) ends the connection with
//!   [`TlsDisconnect::Tls`]; a client that comes back resumes.
//! - An end of TCP without `close_notify` is [`TlsDisconnect::Truncated`], after all that came before has been read; an end in order is an
//!   end, and nothing can be sent any more then.
//! - TLS 1.2 is not spoken: a server without 1.3 (nginx before 1.23.4, unless its `ssl_protocols` say `TLSv1.3`) is
//!   [`TlsConnectError::Alert`].

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

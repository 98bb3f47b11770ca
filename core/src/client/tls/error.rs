//! Why there is no TLS connection, and why there is one no longer.

use core::fmt;

use embedded_tls::TlsError;
use embedded_tls::alert::AlertDescription;

/// Why a [`TlsConnector`](super::Tunnel) gives no connection; `E` is the error of who opens those of TCP.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum TlsConnectError<E> {
    /// The URL does not ask for TLS.
    NotTls,
    /// The tunnel's one connection is in use.
    Busy,
    /// The host's name is longer than 253 bytes, which no name is (RFC 1035 §2.3.4).
    Name,
    /// A record buffer is too small for any connection: see [`TlsConnector::run`](super::Tunnel::run).
    Buffers,
    /// The provider has no verifier, so nobody would judge the server.
    NoVerifier,
    /// There is no TCP connection.
    Tcp(E),
    /// The connection broke, or ended, before the handshake was done.
    Disconnected,
    /// The server ended the handshake by an alert.
    Alert(AlertDescription),
    /// The server sent so many certificates, which is more than [`ServerVerification::chain`](super::Trust::chain) allows.
    ChainTooLong(usize),
    /// The verifier refused the certificate: another authority, another name, or out of its time.
    Certificate(TlsError),
    /// The server does not hold the key of the certificate that it shows.
    Signature(TlsError),
    /// The server finished the handshake without showing who it is.
    Unauthenticated,
    /// What came is not the TLS that is understood here, or larger than the memory for it
    /// ([`TlsError::InsufficientSpace`]).
    Tls(TlsError),
    /// Who runs the tunnel was stopped.
    Stopped,
}

impl<E: fmt::Debug> fmt::Display for TlsConnectError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTls => f.write_str("this connector is for TLS alone"),
            Self::Busy => f.write_str("the tunnel's connection is in use"),
            Self::Name => f.write_str("the host's name is too long"),
            Self::Buffers => f.write_str("the tunnel's record buffers are too small"),
            Self::NoVerifier => f.write_str("there is no verifier to judge the server by"),
            Self::Tcp(error) => write!(f, "no connection: {error:?}"),
            Self::Disconnected => f.write_str("the connection ended during the handshake"),
            Self::Alert(alert) => write!(f, "the server refuses: {alert:?}"),
            Self::ChainTooLong(sent) => write!(f, "the server sent {sent} certificates, which is more than is allowed"),
            Self::Certificate(error) => write!(f, "the certificate is not trusted: {error}"),
            Self::Signature(error) => write!(f, "the certificate is not the server's own: {error}"),
            Self::Unauthenticated => f.write_str("the server did not show who it is"),
            Self::Tls(error) => write!(f, "no TLS: {error}"),
            Self::Stopped => f.write_str("the tunnel was stopped"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for TlsConnectError<E> {}

/// Why a connection through a [`TlsConnector`](super::Tunnel) broke.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum TlsDisconnect {
    /// This side was closed or aborted, or the tunnel was stopped.
    Closed,
    /// TCP broke (a reset), or ended where a record was not yet whole or `close_notify` had not come (RFC 8446 §6.1): what
    /// was said may have been cut off.
    Truncated,
    /// A record in the clear, or one that has no content: not the server's.
    Forged,
    /// A record that cannot be decrypted or understood, is larger than the memory for it, or a message that embedded-tls
    /// does not know: a change of keys (RFC 8446 §4.6.3) is [`TlsError::Unimplemented`].
    Tls(TlsError),
}

impl fmt::Display for TlsDisconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the connection was closed"),
            Self::Truncated => f.write_str("the connection ended without saying so"),
            Self::Forged => f.write_str("a record was not the server's"),
            Self::Tls(error) => write!(f, "TLS broke: {error}"),
        }
    }
}

impl core::error::Error for TlsDisconnect {}

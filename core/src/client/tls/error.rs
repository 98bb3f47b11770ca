//! The errors of TLS connections.

use core::fmt;

use embedded_tls::TlsError;
use embedded_tls::alert::AlertDescription;

/// The reason for which a [`TlsConnector`](super::TlsConnector) has no connection; `E` is the TCP connector's error.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum TlsConnectError<E> {
    /// The URL's scheme is one without TLS.
    NotTls,
    /// The connector's one connection is in use.
    Busy,
    /// The host's name is longer than 253 bytes (RFC 1035 §2.3.4).
    Name,
    /// A record buffer is shorter than 512 bytes: see [`TlsConnector::run`](super::TlsConnector::run).
    Buffers,
    /// The provider has no verifier, so the server could not be authenticated.
    NoVerifier,
    /// The TCP connection failed.
    Tcp(E),
    /// The connection ended during the handshake.
    Disconnected,
    /// The server aborted the handshake (RFC 8446 §6.2).
    Alert(AlertDescription),
    /// The server sent so many certificates, more than
    /// [`ServerVerification::max_chain`](super::ServerVerification::max_chain).
    ChainTooLong(usize),
    /// The verifier rejected the certificate: another authority, another name, or outside its validity.
    Certificate(TlsError),
    /// The signature of `CertificateVerify` (RFC 8446 §4.4.3) is wrong: the server does not have the certificate's
    /// key.
    Signature(TlsError),
    /// The handshake ended without certificate and signature.
    Unauthenticated,
    /// The server's TLS is malformed or unsupported, or exceeds a record buffer ([`TlsError::InsufficientSpace`]).
    Tls(TlsError),
    /// The future of [`TlsConnector::run`](super::TlsConnector::run) was dropped.
    Stopped,
}

impl<E: fmt::Debug> fmt::Display for TlsConnectError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTls => f.write_str("the URL is one without TLS; use a SchemeConnector"),
            Self::Busy => f.write_str("the connector's one connection is in use; use another TlsConnector"),
            Self::Name => f.write_str("the host's name is longer than 253 bytes"),
            Self::Buffers => f.write_str("a record buffer is shorter than 512 bytes; enlarge it"),
            Self::NoVerifier => f.write_str("the provider has no verifier; add one, or use a pre-shared key"),
            Self::Tcp(error) => write!(f, "no TCP connection: {error:?}"),
            Self::Disconnected => f.write_str("the connection ended during the TLS handshake"),
            Self::Alert(alert) => write!(f, "the server aborted the TLS handshake: {alert:?}"),
            Self::ChainTooLong(sent) => {
                write!(f, "the server sent {sent} certificates; permit that by ServerVerification::max_chain")
            }
            Self::Certificate(error) => write!(f, "the server's certificate was rejected: {error}"),
            Self::Signature(error) => write!(f, "the server does not have the key of its certificate: {error}"),
            Self::Unauthenticated => f.write_str("the server sent no certificate and signature"),
            Self::Tls(error) => {
                write!(f, "the server's TLS is malformed, unsupported or larger than a record buffer: {error}")
            }
            Self::Stopped => f.write_str("TlsConnector::run was stopped"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for TlsConnectError<E> {}

/// The reason for which a connection of a [`TlsConnector`](super::TlsConnector) broke.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum TlsDisconnect {
    /// This side closed or aborted it, or [`TlsConnector::run`](super::TlsConnector::run) was dropped.
    Closed,
    /// TCP ended without `close_notify`, so the data may be truncated (RFC 8446 §6.1).
    Truncated,
    /// A record without encryption or without content: not sent by the server.
    Forged,
    /// A record that cannot be decrypted or parsed, exceeds a record buffer, or is unknown to `embedded-tls`. A
    /// `KeyUpdate` (RFC 8446 §4.6.3) is [`TlsError::Unimplemented`].
    Tls(TlsError),
}

impl fmt::Display for TlsDisconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the connection was closed"),
            Self::Truncated => f.write_str("the connection ended without close_notify; data may be missing"),
            Self::Forged => f.write_str("a record was not encrypted, or empty: not sent by the server"),
            Self::Tls(error) => write!(f, "a record could not be decrypted or parsed: {error}"),
        }
    }
}

impl core::error::Error for TlsDisconnect {}

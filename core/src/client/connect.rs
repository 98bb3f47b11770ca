//! The connector: sockets by endpoint.

use core::fmt;

use super::url::Endpoint;
use crate::io::{Interest, Socket, TryIo};

/// Opens connections: [`TcpConnector`](super::TcpConnector) plain ones, [`SchemeConnector`] plain and TLS.
///
/// Connectors of TLS: `client::tls::TlsConnector` on a chip (feature `embedded-tls`), the connector of
/// `goldcrest-host` by rustls. A type of `embedded-io-async` becomes a [`Socket`] in a
/// [`BufferedIo`](crate::io::BufferedIo).
///
/// ```
/// use goldcrest_core::client::url::{Endpoint, Host};
/// use goldcrest_core::client::{SchemeConnector, Connect};
/// use goldcrest_core::io::{Pipe, PipeEnd, PipeError};
///
/// /// A TLS server in memory, for a test.
/// struct Loop<'p>(&'p Pipe<512>);
///
/// impl Connect for Loop<'_> {
///     type Socket<'a>
///         = PipeEnd<'a>
///     where
///         Self: 'a;
///     type Error = PipeError;
///
///     async fn connect(&self, endpoint: Endpoint<'_>) -> Result<PipeEnd<'_>, PipeError> {
///         assert!(endpoint.secure && endpoint.host == Host::Name("chip.local"));
///         Ok(self.0.ends().0)
///     }
/// }
///
/// fn connector<P: Connect>(plain: P, pipe: &Pipe<512>) -> SchemeConnector<P, Loop<'_>> {
///     SchemeConnector { plain, tls: Loop(pipe) }
/// }
/// ```
#[allow(async_fn_in_trait, reason = "single-threaded executors on both sides: no Send bound is wanted")]
pub trait Connect {
    /// A connection. Dropping it closes it.
    type Socket<'a>: Socket
    where
        Self: 'a;
    /// The reason for a failed attempt.
    type Error: fmt::Debug;

    /// Opens a connection to `endpoint`, ready for HTTP. Dropping the future cancels the attempt.
    ///
    /// A connector without TLS returns an error for a secure endpoint and never connects in plain text.
    ///
    /// # Errors
    /// The attempt failed. Another attempt may succeed.
    async fn connect(&self, endpoint: Endpoint<'_>) -> Result<Self::Socket<'_>, Self::Error>;
}

impl<C: Connect> Connect for &C {
    type Socket<'a>
        = C::Socket<'a>
    where
        Self: 'a;
    type Error = C::Error;

    async fn connect(&self, endpoint: Endpoint<'_>) -> Result<Self::Socket<'_>, Self::Error> {
        (**self).connect(endpoint).await
    }
}

/// Opens plain connections by one connector, those of TLS by another.
#[derive(Clone, Copy, Debug)]
pub struct SchemeConnector<P, T> {
    /// For `http` and `ws`.
    pub plain: P,
    /// For `https` and `wss`.
    pub tls: T,
}

/// A connection, or an error, of either connector of [`SchemeConnector`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaybeTls<P, T> {
    /// Plain text.
    Plain(P),
    /// TLS.
    Tls(T),
}

impl<P: Connect, T: Connect> Connect for SchemeConnector<P, T> {
    type Socket<'a>
        = MaybeTls<P::Socket<'a>, T::Socket<'a>>
    where
        Self: 'a;
    type Error = MaybeTls<P::Error, T::Error>;

    async fn connect(&self, endpoint: Endpoint<'_>) -> Result<Self::Socket<'_>, Self::Error> {
        if endpoint.secure {
            self.tls.connect(endpoint).await.map(MaybeTls::Tls).map_err(MaybeTls::Tls)
        } else {
            self.plain.connect(endpoint).await.map(MaybeTls::Plain).map_err(MaybeTls::Plain)
        }
    }
}

impl<P: Socket, T: Socket> Socket for MaybeTls<P, T> {
    type Error = MaybeTls<P::Error, T::Error>;

    async fn wait(&mut self, want: Interest) -> Result<(), Self::Error> {
        match self {
            Self::Plain(socket) => socket.wait(want).await.map_err(MaybeTls::Plain),
            Self::Tls(socket) => socket.wait(want).await.map_err(MaybeTls::Tls),
        }
    }

    fn try_read_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, Self::Error> {
        match self {
            Self::Plain(socket) => socket.try_read_with(f).map_err(MaybeTls::Plain),
            Self::Tls(socket) => socket.try_read_with(f).map_err(MaybeTls::Tls),
        }
    }

    fn try_write_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, Self::Error> {
        match self {
            Self::Plain(socket) => socket.try_write_with(f).map_err(MaybeTls::Plain),
            Self::Tls(socket) => socket.try_write_with(f).map_err(MaybeTls::Tls),
        }
    }

    fn send_free(&self) -> usize {
        match self {
            Self::Plain(socket) => socket.send_free(),
            Self::Tls(socket) => socket.send_free(),
        }
    }

    fn send_capacity(&self) -> usize {
        match self {
            Self::Plain(socket) => socket.send_capacity(),
            Self::Tls(socket) => socket.send_capacity(),
        }
    }

    fn send_queue(&self) -> usize {
        match self {
            Self::Plain(socket) => socket.send_queue(),
            Self::Tls(socket) => socket.send_queue(),
        }
    }

    fn close(&mut self) {
        match self {
            Self::Plain(socket) => socket.close(),
            Self::Tls(socket) => socket.close(),
        }
    }

    fn abort(&mut self) {
        match self {
            Self::Plain(socket) => socket.abort(),
            Self::Tls(socket) => socket.abort(),
        }
    }
}

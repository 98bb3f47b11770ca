//! Sockets by endpoint.

use core::fmt;

use super::url::Endpoint;
use crate::edge::{Interest, Lent, Socket};

/// Opens connections: [`Tcp`](super::Tcp) plain ones, a connector of the caller's those of TLS, [`ByScheme`] both.
///
/// ```
/// use goldcrest_core::client::url::Endpoint;
/// use goldcrest_core::client::{ByScheme, Connect};
///
/// /// TLS over the connections of another: `embedded-tls` on a chip, `rustls` on a host.
/// struct Tls<T> {
///     tcp: T,
/// }
///
/// impl<T: Connect> Connect for Tls<T> {
///     type Socket<'a>
///         = T::Socket<'a> // the TLS session over it, in an `Adapter`
///     where
///         Self: 'a;
///     type Error = T::Error;
///
///     async fn connect(&self, endpoint: Endpoint<'_>) -> Result<Self::Socket<'_>, T::Error> {
///         let socket = self.tcp.connect(Endpoint { secure: false, ..endpoint }).await?;
///         // Here it shakes hands, with `endpoint.host` as the name that the certificate has to bear.
///         Ok(socket)
///     }
/// }
///
/// fn connector<P: Connect, T: Connect>(plain: P, tcp: T) -> ByScheme<P, Tls<T>> {
///     ByScheme { plain, tls: Tls { tcp } }
/// }
/// ```
#[allow(async_fn_in_trait, reason = "single-threaded executors on both sides: no Send bound is wanted")]
pub trait Connect {
    /// A connection. Dropping it closes it.
    type Socket<'a>: Socket
    where
        Self: 'a;
    /// Why there is none.
    type Error: fmt::Debug;

    /// Opens a connection to `endpoint`, ready for HTTP. Dropping the future gives the attempt up.
    ///
    /// Who needs TLS for a secure endpoint and has none fails: it never connects in the clear instead.
    ///
    /// # Errors
    /// Why there is no connection; to try again may help.
    async fn connect(&self, endpoint: Endpoint<'_>) -> Result<Self::Socket<'_>, Self::Error>;
}

/// Opens plain connections by one connector, those of TLS by another.
#[derive(Clone, Copy, Debug)]
pub struct ByScheme<P, T> {
    /// For `http` and `ws`.
    pub plain: P,
    /// For `https` and `wss`.
    pub tls: T,
}

/// What [`ByScheme`] gives: a connection, or an error, of either connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Either<P, T> {
    /// In the clear.
    Plain(P),
    /// Of TLS.
    Tls(T),
}

impl<P: Connect, T: Connect> Connect for ByScheme<P, T> {
    type Socket<'a>
        = Either<P::Socket<'a>, T::Socket<'a>>
    where
        Self: 'a;
    type Error = Either<P::Error, T::Error>;

    async fn connect(&self, endpoint: Endpoint<'_>) -> Result<Self::Socket<'_>, Self::Error> {
        if endpoint.secure {
            self.tls.connect(endpoint).await.map(Either::Tls).map_err(Either::Tls)
        } else {
            self.plain.connect(endpoint).await.map(Either::Plain).map_err(Either::Plain)
        }
    }
}

impl<P: Socket, T: Socket> Socket for Either<P, T> {
    type Error = Either<P::Error, T::Error>;

    async fn wait(&mut self, want: Interest) -> Result<(), Self::Error> {
        match self {
            Self::Plain(socket) => socket.wait(want).await.map_err(Either::Plain),
            Self::Tls(socket) => socket.wait(want).await.map_err(Either::Tls),
        }
    }

    fn try_read_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<Lent<R>, Self::Error> {
        match self {
            Self::Plain(socket) => socket.try_read_with(f).map_err(Either::Plain),
            Self::Tls(socket) => socket.try_read_with(f).map_err(Either::Tls),
        }
    }

    fn try_write_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<Lent<R>, Self::Error> {
        match self {
            Self::Plain(socket) => socket.try_write_with(f).map_err(Either::Plain),
            Self::Tls(socket) => socket.try_write_with(f).map_err(Either::Tls),
        }
    }

    fn room(&self) -> usize {
        match self {
            Self::Plain(socket) => socket.room(),
            Self::Tls(socket) => socket.room(),
        }
    }

    fn capacity(&self) -> usize {
        match self {
            Self::Plain(socket) => socket.capacity(),
            Self::Tls(socket) => socket.capacity(),
        }
    }

    fn unsent(&self) -> usize {
        match self {
            Self::Plain(socket) => socket.unsent(),
            Self::Tls(socket) => socket.unsent(),
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

//! Sockets by endpoint.

use core::fmt;

use super::url::Endpoint;
use crate::edge::Socket;

/// Opens connections: [`Tcp`](super::Tcp) plain ones, a connector of the caller's those of TLS.
///
/// ```
/// use goldcrest_core::client::Connect;
/// use goldcrest_core::client::url::Endpoint;
/// use goldcrest_core::edge::Socket;
///
/// /// Plain or TLS, as the URL says: `embedded-tls` on a chip, `rustls` on a host.
/// struct Either<P, T> {
///     plain: P,
///     tls: T, // shakes hands for `endpoint.host`, whose name the certificate has to bear
/// }
/// # enum Stream<A, B> { Plain(A), Tls(B) }
/// # macro_rules! each { ($self:ident, $s:ident => $e:expr, $error:expr) => { match $self { Self::Plain($s) => $e, Self::Tls($s) => $e } } }
/// # use goldcrest_core::edge::{Interest, Lent};
/// # impl<A: Socket, B: Socket<Error = A::Error>> Socket for Stream<A, B> {
/// #     type Error = A::Error;
/// #     async fn wait(&mut self, want: Interest) -> Result<(), A::Error> { each!(self, s => s.wait(want).await, ()) }
/// #     fn try_read_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<Lent<R>, A::Error> { each!(self, s => s.try_read_with(f), ()) }
/// #     fn try_write_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<Lent<R>, A::Error> { each!(self, s => s.try_write_with(f), ()) }
/// #     fn room(&self) -> usize { each!(self, s => s.room(), ()) }
/// #     fn capacity(&self) -> usize { each!(self, s => s.capacity(), ()) }
/// #     fn unsent(&self) -> usize { each!(self, s => s.unsent(), ()) }
/// #     fn close(&mut self) { each!(self, s => s.close(), ()) }
/// #     fn abort(&mut self) { each!(self, s => s.abort(), ()) }
/// # }
///
/// impl<P: Connect, T: Connect<Error = P::Error>> Connect for Either<P, T>
/// where
///     for<'a> T::Socket<'a>: Socket<Error = <P::Socket<'a> as Socket>::Error>,
/// {
///     type Socket<'a>
///         = Stream<P::Socket<'a>, T::Socket<'a>> // an enum that passes each call on
///     where
///         Self: 'a;
///     type Error = P::Error;
///
///     async fn connect(&self, endpoint: Endpoint<'_>) -> Result<Self::Socket<'_>, P::Error> {
///         if endpoint.secure {
///             self.tls.connect(endpoint).await.map(Stream::Tls)
///         } else {
///             self.plain.connect(endpoint).await.map(Stream::Plain)
///         }
///     }
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

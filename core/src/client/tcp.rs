//! Plain connections over `embedded-nal-async`, such as `embassy-net`'s `TcpClient`.

use core::cell::Cell;
use core::fmt;
use core::net::{IpAddr, SocketAddr};

use embedded_io_async::{Read, Write};
use embedded_nal_async::{AddrType, Dns, TcpConnect};

use super::Connect;
use super::url::{Endpoint, Host};
use crate::io::{BufferedIo, Interest, Socket, TryIo};

/// Opens TCP connections, up to `N` at a time, each with two of the caller's buffers.
///
/// ```no_run
/// use embedded_nal_async::{Dns, TcpConnect};
/// use goldcrest_core::client::TcpConnector;
///
/// fn connector<'b, T: TcpConnect, D: Dns>(
///     tcp: T,
///     dns: D,
///     buffers: &'b mut [[u8; 512]; 2],
/// ) -> TcpConnector<'b, T, D, 1> {
///     let [received, committed] = buffers;
///     TcpConnector::new(tcp, dns, [(&mut received[..], &mut committed[..])])
/// }
/// ```
pub struct TcpConnector<'b, T, D, const N: usize> {
    tcp: T,
    dns: D,
    buffers: [Cell<Option<Buffers<'b>>>; N],
}

type Buffers<'b> = (&'b mut [u8], &'b mut [u8]);

/// The reason for which there is no TCP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpConnectError<T, D> {
    /// The URL requires TLS, which takes another connector.
    TlsRequired,
    /// All buffers are in use.
    NoBuffers,
    /// The name was not resolved.
    Dns(D),
    /// The host did not accept the connection.
    Tcp(T),
}

impl<T: fmt::Debug, D: fmt::Debug> fmt::Display for TcpConnectError<T, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TlsRequired => {
                f.write_str("the URL requires TLS, and this connector has none; use a SchemeConnector")
            }
            Self::NoBuffers => {
                f.write_str("the buffers of all connections are in use; drop a connection or add buffers")
            }
            Self::Dns(error) => write!(f, "the host's name was not resolved: {error:?}"),
            Self::Tcp(error) => write!(f, "no TCP connection: {error:?}"),
        }
    }
}

impl<T: fmt::Debug, D: fmt::Debug> core::error::Error for TcpConnectError<T, D> {}

impl<'b, T, D, const N: usize> TcpConnector<'b, T, D, N> {
    /// Connects by `tcp` and resolves names by `dns`. Each pair of buffers, of at least one byte each, holds received
    /// bytes and bytes to send. The second one bounds a WebSocket message that is sent at once.
    pub fn new(tcp: T, dns: D, buffers: [Buffers<'b>; N]) -> Self {
        Self { tcp, dns, buffers: buffers.map(|pair| Cell::new(Some(pair))) }
    }
}

impl<T, D, const N: usize> TcpConnector<'_, T, D, N> {
    /// The TCP stack.
    pub fn stack(&self) -> &T {
        &self.tcp
    }
}

impl<'b, T: TcpConnect, D: Dns, const N: usize> Connect for TcpConnector<'b, T, D, N> {
    type Socket<'a>
        = TcpSocket<'a, 'b, T::Connection<'a>>
    where
        Self: 'a;
    type Error = TcpConnectError<T::Error, D::Error>;

    async fn connect(&self, endpoint: Endpoint<'_>) -> Result<Self::Socket<'_>, Self::Error> {
        if endpoint.secure {
            return Err(TcpConnectError::TlsRequired);
        }
        let address = match endpoint.host {
            Host::Ip(address) => address,
            Host::Name(name) => {
                self.dns.get_host_by_name(name, AddrType::Either).await.map_err(TcpConnectError::Dns)?
            }
        };
        // A stack without IPv6 may panic on such an address, so an IPv4-mapped one (RFC 4291 §2.5.5.2) becomes IPv4.
        let address = match address {
            IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
            IpAddr::V4(_) => address,
        };
        // Take the buffers after the await, so that a dropped future does not leak them.
        let connection =
            self.tcp.connect(SocketAddr::new(address, endpoint.port)).await.map_err(TcpConnectError::Tcp)?;
        let found = self.buffers.iter().find_map(|slot| slot.take().map(|buffers| (slot, buffers)));
        let (slot, (received, committed)) = found.ok_or(TcpConnectError::NoBuffers)?;
        Ok(TcpSocket { inner: BufferedIo::new(connection, received, committed), slot })
    }
}

/// Resolves no names: for connections to addresses only.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoDns;

/// [`NoDns`] resolves no names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoDnsError;

impl Dns for NoDns {
    type Error = NoDnsError;

    async fn get_host_by_name(&self, _host: &str, _addr_type: AddrType) -> Result<IpAddr, NoDnsError> {
        Err(NoDnsError)
    }

    async fn get_host_by_address(&self, _addr: IpAddr, _result: &mut [u8]) -> Result<usize, NoDnsError> {
        Err(NoDnsError)
    }
}

impl<T, D, const N: usize> fmt::Debug for TcpConnector<'_, T, D, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tcp").finish_non_exhaustive()
    }
}

/// A connection of [`TcpConnector`]. Dropping it returns its buffers.
pub struct TcpSocket<'a, 'b, C> {
    inner: BufferedIo<'b, C>,
    slot: &'a Cell<Option<Buffers<'b>>>,
}

impl<C> fmt::Debug for TcpSocket<'_, '_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpSocket").finish_non_exhaustive()
    }
}

impl<C> Drop for TcpSocket<'_, '_, C> {
    fn drop(&mut self) {
        self.slot.set(Some(self.inner.take_buffers()));
    }
}

impl<C: Read + Write> Socket for TcpSocket<'_, '_, C> {
    type Error = <BufferedIo<'static, C> as Socket>::Error;

    async fn wait(&mut self, want: Interest) -> Result<(), Self::Error> {
        self.inner.wait(want).await
    }

    fn try_read_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, Self::Error> {
        self.inner.try_read_with(f)
    }

    fn try_write_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, Self::Error> {
        self.inner.try_write_with(f)
    }

    fn send_free(&self) -> usize {
        self.inner.send_free()
    }

    fn send_capacity(&self) -> usize {
        self.inner.send_capacity()
    }

    fn send_queue(&self) -> usize {
        self.inner.send_queue()
    }

    fn close(&mut self) {
        self.inner.close();
    }

    fn abort(&mut self) {
        self.inner.abort();
    }
}

//! The connection of a client.

use core::cell::{RefCell, RefMut};
use core::net::IpAddr;

use embassy_net::Stack;
use embassy_net::tcp::{ConnectError, Error, TcpSocket};

use super::socket_buffers::SocketBuffers;
use crate::client::Connect;
use crate::client::url::{Endpoint, Host};
use crate::io::{Interest, Socket, TryIo};

/// Connects the [clients](crate::client) of the core to servers by IPv4 address, without TLS, one connection at a time.
///
/// It has one socket of the stack for all connections; the client works in the socket's buffers.
///
/// ```no_run
/// use embassy_net::Stack;
/// use goldcrest_core::client::RuntimeParts;
/// use goldcrest_core::embassy::{Connector, EmbassyClock, SocketBuffers};
/// use goldcrest_core::ws::connection::NoEntropy;
///
/// fn client<'a>(stack: Stack<'a>, buffers: &'a mut SocketBuffers<512, 1072>, random: fn() -> Result<[u8; 4], NoEntropy>) {
///     let runtime = RuntimeParts { connector: Connector::new(stack, buffers), clock: EmbassyClock, random };
///     // Publisher::new(&runtime, …), Subscription::new(&runtime, …)
///     # let _ = runtime;
/// }
/// ```
pub struct Connector<'b> {
    socket: RefCell<TcpSocket<'b>>,
}

/// The connected socket of a [`Connector`]. Dropping it resets the connection.
pub struct ConnectorSocket<'a, 'b> {
    socket: RefMut<'a, TcpSocket<'b>>,
}

impl<'b> Connector<'b> {
    /// A connector with a socket of `stack`, over `buffers`.
    pub fn new<const RECEIVE: usize, const TRANSMIT: usize>(
        stack: Stack<'b>,
        buffers: &'b mut SocketBuffers<RECEIVE, TRANSMIT>,
    ) -> Self {
        let (receive, transmit) = buffers.split();
        let mut socket = TcpSocket::new(stack, receive, transmit);
        socket.set_nagle_enabled(false);
        Self { socket: RefCell::new(socket) }
    }
}
impl<'b> Connect for Connector<'b> {
    type Socket<'a>
        = ConnectorSocket<'a, 'b>
    where
        Self: 'a;
    type Error = ConnectError;

    /// Connects to an IPv4 address without TLS, one connection at a time.
    async fn connect(&self, endpoint: Endpoint<'_>) -> Result<ConnectorSocket<'_, 'b>, ConnectError> {
        let Endpoint { secure: false, host: Host::Ip(IpAddr::V4(address)), port } = endpoint else {
            return Err(ConnectError::NoRoute);
        };
        let socket = self.socket.try_borrow_mut().map_err(|_| ConnectError::InvalidState)?;
        let mut connected = ConnectorSocket { socket };
        connected.socket.connect((address, port)).await?;
        Ok(connected)
    }
}

impl Drop for ConnectorSocket<'_, '_> {
    fn drop(&mut self) {
        self.socket.abort();
    }
}

impl Socket for ConnectorSocket<'_, '_> {
    type Error = Error;

    async fn wait(&mut self, want: Interest) -> Result<(), Error> {
        self.socket.wait(want).await
    }

    fn try_read_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, Error> {
        self.socket.try_read_with(f)
    }

    fn try_write_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, Error> {
        self.socket.try_write_with(f)
    }

    fn send_free(&self) -> usize {
        Socket::send_free(&*self.socket)
    }

    fn send_capacity(&self) -> usize {
        Socket::send_capacity(&*self.socket)
    }

    fn send_queue(&self) -> usize {
        Socket::send_queue(&*self.socket)
    }

    fn close(&mut self) {
        Socket::close(&mut *self.socket);
    }

    fn abort(&mut self) {
        Socket::abort(&mut *self.socket);
    }
}

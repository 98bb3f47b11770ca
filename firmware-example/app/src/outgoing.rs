//! The bridge's connection.

use core::cell::{RefCell, RefMut};
use core::net::IpAddr;

use embassy_net::tcp::{ConnectError, Error, TcpSocket};
use goldcrest_core::client::Connect;
use goldcrest_core::client::url::{Endpoint, Host};
use goldcrest_core::io::{Interest, Socket, TryIo};

/// One socket for all connects: the client works in the socket's ring buffers.
pub(crate) struct Outgoing<'b> {
    socket: RefCell<TcpSocket<'b>>,
}

/// The connected socket. Dropping it resets the connection.
pub(crate) struct Connected<'a, 'b> {
    socket: RefMut<'a, TcpSocket<'b>>,
}

impl<'b> Outgoing<'b> {
    pub(crate) fn new(mut socket: TcpSocket<'b>) -> Self {
        socket.set_nagle_enabled(false);
        Self { socket: RefCell::new(socket) }
    }
}

impl<'b> Connect for Outgoing<'b> {
    type Socket<'a>
        = Connected<'a, 'b>
    where
        Self: 'a;
    type Error = ConnectError;

    /// Connects to an IPv4 address without TLS, one connection at a time.
    async fn connect(&self, endpoint: Endpoint<'_>) -> Result<Connected<'_, 'b>, ConnectError> {
        let Endpoint { secure: false, host: Host::Ip(IpAddr::V4(address)), port } = endpoint else {
            return Err(ConnectError::NoRoute);
        };
        let socket = self.socket.try_borrow_mut().map_err(|_| ConnectError::InvalidState)?;
        let mut connected = Connected { socket };
        connected.socket.connect((address, port)).await?;
        Ok(connected)
    }
}

impl Drop for Connected<'_, '_> {
    fn drop(&mut self) {
        self.socket.abort();
    }
}

impl Socket for Connected<'_, '_> {
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

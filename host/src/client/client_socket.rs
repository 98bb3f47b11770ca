//! The socket of a client.

use std::fmt;
use std::io;

use goldcrest_core::io::{Interest, Socket, TryIo};

use super::tls_socket::TlsSocket;
use crate::reactor::TcpSocket;

/// A connection of a client, plain or TLS.
pub struct ClientSocket(Kind);

enum Kind {
    Plain(TcpSocket),
    Tls(Box<TlsSocket<TcpSocket>>),
}

impl ClientSocket {
    pub(super) fn plain(socket: TcpSocket) -> Self {
        Self(Kind::Plain(socket))
    }

    pub(super) fn tls(socket: TlsSocket<TcpSocket>) -> Self {
        Self(Kind::Tls(Box::new(socket)))
    }
}

impl fmt::Debug for ClientSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Plain(_) => "ClientSocket(plain)",
            Kind::Tls(_) => "ClientSocket(TLS)",
        })
    }
}

macro_rules! either {
    ($self:ident, $socket:ident => $call:expr) => {
        match &$self.0 {
            Kind::Plain($socket) => $call,
            Kind::Tls($socket) => $call,
        }
    };
    (mut $self:ident, $socket:ident => $call:expr) => {
        match &mut $self.0 {
            Kind::Plain($socket) => $call,
            Kind::Tls($socket) => $call,
        }
    };
}

impl Socket for ClientSocket {
    type Error = io::Error;

    async fn wait(&mut self, want: Interest) -> io::Result<()> {
        either!(mut self, socket => socket.wait(want).await)
    }

    fn try_read_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> io::Result<TryIo<R>> {
        either!(mut self, socket => socket.try_read_with(f))
    }

    fn try_write_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> io::Result<TryIo<R>> {
        either!(mut self, socket => socket.try_write_with(f))
    }

    fn send_free(&self) -> usize {
        either!(self, socket => socket.send_free())
    }

    fn send_capacity(&self) -> usize {
        either!(self, socket => socket.send_capacity())
    }

    fn send_queue(&self) -> usize {
        either!(self, socket => socket.send_queue())
    }

    fn close(&mut self) {
        either!(mut self, socket => socket.close());
    }

    fn abort(&mut self) {
        either!(mut self, socket => socket.abort());
    }
}

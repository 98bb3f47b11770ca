//! TLS as a socket over another.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

use goldcrest_core::io::{Interest, Socket, TryIo};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

/// Bytes of plain text that are lent at a time, in each direction: a record (RFC 8446 §5.1).
const RECORD: usize = 16 * 1024;

/// A client's TLS connection. Room is lent only while nothing waits to leave, so what it keeps is bounded.
pub(super) struct TlsSocket<S> {
    socket: S,
    tls: ClientConnection,
    received: Box<[u8]>,
    /// What of `received` is unread.
    start: usize,
    end: usize,
    room: Box<[u8]>,
    /// The peer has ended its side in order.
    peer_closed: bool,
    /// Our side is to end once all has left.
    closing: bool,
}

impl<S: Socket<Error = io::Error>> TlsSocket<S> {
    /// Shakes hands with the server, which is to be `name`.
    ///
    /// # Errors
    /// The connection broke, it is no TLS, or the certificate is not trusted.
    pub(super) async fn connect(socket: S, config: Arc<ClientConfig>, name: ServerName<'static>) -> io::Result<Self> {
        let tls = ClientConnection::new(config, name).map_err(io::Error::other)?;
        let buffer = || vec![0; RECORD].into_boxed_slice();
        let (received, room) = (buffer(), buffer());
        let mut this = Self { socket, tls, received, start: 0, end: 0, room, peer_closed: false, closing: false };
        while this.tls.is_handshaking() {
            this.send()?;
            this.receive()?;
            if this.tls.is_handshaking() {
                let room = usize::from(this.tls.wants_write());
                this.socket.wait(Interest { read: true, writable_bytes: room, flushed: false }).await?;
            }
        }
        this.send()?;
        Ok(this)
    }

    /// Hands records down, as far as there is room.
    fn send(&mut self) -> io::Result<()> {
        let Self { socket, tls, .. } = self;
        while tls.wants_write() {
            let lent = socket.try_write_with(|room| {
                let mut rest = &mut room[..];
                let written = tls.write_tls(&mut rest);
                (*written.as_ref().unwrap_or(&0), written)
            })?;
            match lent {
                TryIo::Done(written) => drop(written?),
                TryIo::WouldBlock => return Ok(()),
                TryIo::Eof => return Err(ErrorKind::BrokenPipe.into()),
            }
        }
        if self.closing {
            self.socket.close();
        }
        Ok(())
    }

    /// Takes records in until there is plain text, an end, or nothing more to take.
    fn receive(&mut self) -> io::Result<()> {
        while self.start == self.end && !self.peer_closed {
            match self.tls.reader().read(&mut self.received) {
                Ok(0) => self.peer_closed = true,
                Ok(count) => (self.start, self.end) = (0, count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if !self.read_records()? {
                        return Ok(());
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Gives rustls what came; `false` where there was nothing.
    fn read_records(&mut self) -> io::Result<bool> {
        let Self { socket, tls, .. } = self;
        let lent = socket.try_read_with(|bytes| {
            let mut rest = &bytes[..];
            let read = tls.read_tls(&mut rest);
            (bytes.len() - rest.len(), read)
        })?;
        match lent {
            TryIo::WouldBlock => return Ok(false),
            TryIo::Done(read) => drop(read?),
            // An end without a close_notify may have cut something off: the next read says so.
            TryIo::Eof if tls.is_handshaking() => return Err(ErrorKind::UnexpectedEof.into()),
            TryIo::Eof => drop(tls.read_tls(&mut io::empty())?),
        }
        if let Err(error) = tls.process_new_packets() {
            // The alert that says why leaves first.
            let _ = self.send();
            return Err(io::Error::new(ErrorKind::InvalidData, error));
        }
        // A change of keys is answered.
        self.send()?;
        Ok(true)
    }
}

impl<S: Socket<Error = io::Error>> Socket for TlsSocket<S> {
    type Error = io::Error;

    async fn wait(&mut self, want: Interest) -> io::Result<()> {
        loop {
            self.send()?;
            if want.read {
                self.receive()?;
                if self.start < self.end || self.peer_closed {
                    return Ok(());
                }
            }
            let idle = !self.tls.wants_write();
            if idle && (want.writable_bytes > 0 || (want.flushed && self.socket.send_queue() == 0)) {
                return Ok(());
            }
            let below = Interest { read: want.read, writable_bytes: usize::from(!idle), flushed: want.flushed && idle };
            self.socket.wait(below).await?;
        }
    }

    fn try_read_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> io::Result<TryIo<R>> {
        self.receive()?;
        if self.start == self.end {
            return Ok(if self.peer_closed { TryIo::Eof } else { TryIo::WouldBlock });
        }
        let (consumed, result) = f(&mut self.received[self.start..self.end]);
        self.start = (self.start + consumed).min(self.end);
        Ok(TryIo::Done(result))
    }

    fn try_write_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> io::Result<TryIo<R>> {
        self.send()?;
        if self.tls.wants_write() {
            return Ok(TryIo::WouldBlock);
        }
        let (written, result) = f(&mut self.room);
        let written = written.min(self.room.len());
        self.tls.writer().write_all(&self.room[..written])?;
        self.send()?;
        Ok(TryIo::Done(result))
    }

    fn send_free(&self) -> usize {
        if self.tls.wants_write() { 0 } else { self.room.len() }
    }

    fn send_capacity(&self) -> usize {
        self.room.len()
    }

    fn send_queue(&self) -> usize {
        // How much rustls keeps it does not say: that it keeps something does.
        self.socket.send_queue() + usize::from(self.tls.wants_write())
    }

    fn close(&mut self) {
        self.tls.send_close_notify();
        self.closing = true;
        let _ = self.send();
    }

    fn abort(&mut self) {
        self.socket.abort();
    }
}

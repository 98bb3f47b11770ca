//! TLS over a socket.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

use goldcrest_core::io::{Interest, Socket, TryIo};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

/// The plaintext of a record (RFC 8446 §5.1), lent at a time in each direction.
const RECORD: usize = 16 * 1024;

/// The TLS connection of a client. It lends its write buffer only when no record is pending, which bounds its memory.
pub(super) struct TlsSocket<S> {
    socket: S,
    tls: ClientConnection,
    received: Box<[u8]>,
    /// The unread range of `received`.
    start: usize,
    end: usize,
    room: Box<[u8]>,
    /// The peer has sent `close_notify` (RFC 8446 §6.1).
    peer_closed: bool,
    /// Close the socket once all records are sent.
    closing: bool,
}

impl<S: Socket<Error = io::Error>> TlsSocket<S> {
    /// Performs the TLS handshake with the server `name`.
    ///
    /// # Errors
    /// The connection broke, the server does not speak TLS, or its certificate was rejected.
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

    /// Writes pending records to the socket.
    fn send(&mut self) -> io::Result<()> {
        let Self { socket, tls, .. } = self;
        while tls.wants_write() {
            let attempt = socket.try_write_with(|room| {
                let mut rest = &mut room[..];
                let written = tls.write_tls(&mut rest);
                (*written.as_ref().unwrap_or(&0), written)
            })?;
            match attempt {
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

    /// Reads records until there is plaintext, an end, or no more input.
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

    /// Passes input to rustls; `false` without input.
    fn read_records(&mut self) -> io::Result<bool> {
        let Self { socket, tls, .. } = self;
        let attempt = socket.try_read_with(|bytes| {
            let mut rest = &bytes[..];
            let read = tls.read_tls(&mut rest);
            (bytes.len() - rest.len(), read)
        })?;
        match attempt {
            TryIo::WouldBlock => return Ok(false),
            TryIo::Done(read) => drop(read?),
            // RFC 8446 §6.1: without close_notify the data may be truncated; rustls reports that at the next read.
            TryIo::Eof if tls.is_handshaking() => return Err(ErrorKind::UnexpectedEof.into()),
            TryIo::Eof => drop(tls.read_tls(&mut io::empty())?),
        }
        if let Err(error) = tls.process_new_packets() {
            // Send the alert first (RFC 8446 §6.2).
            let _ = self.send();
            return Err(io::Error::new(ErrorKind::InvalidData, error));
        }
        // RFC 8446 §4.6.3: a KeyUpdate may need a response.
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
        // rustls does not report the length of its pending records, so they count as one byte.
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

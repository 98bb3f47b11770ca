//! A connection: its socket, and its unprocessed input and output.

use goldcrest_bench::poller::Poller;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;

/// The state of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Requests,
    Echo,
    Subscriber,
}

pub(crate) struct Connection {
    pub(crate) kind: Kind,
    /// Events published by the requests of one read, encoded.
    pub(crate) events: Vec<Vec<u8>>,
    stream: TcpStream,
    /// A request or frame that is not whole.
    kept: Vec<u8>,
    /// Output that the socket did not take.
    unsent: Vec<u8>,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { kind: Kind::Requests, events: Vec::new(), stream, kept: Vec::new(), unsent: Vec::new() }
    }

    /// Puts the kept bytes and those of one read into `input`. Returns their number, or nothing if nothing was read.
    pub(crate) fn receive(&mut self, input: &mut [u8]) -> io::Result<Option<usize>> {
        // A client that does not read its responses is not read either.
        if !self.unsent.is_empty() {
            return Ok(None);
        }
        let kept = self.kept.len();
        input[..kept].copy_from_slice(&self.kept);
        match self.stream.read(&mut input[kept..]) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                self.kept.clear();
                Ok(Some(kept + read))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Keeps an incomplete request.
    pub(crate) fn keep(&mut self, bytes: &[u8]) {
        self.kept.extend_from_slice(bytes);
        if self.kept.is_empty() {
            self.kept = Vec::new();
        }
    }

    /// Sends, and keeps the bytes that the socket does not accept.
    pub(crate) fn send(&mut self, bytes: &[u8], poller: &Poller, number: usize) -> io::Result<()> {
        let mut written = 0;
        if self.unsent.is_empty() && !bytes.is_empty() {
            written = written_by(self.stream.write(bytes))?;
            if written < bytes.len() {
                poller.want_write(&self.stream, number, true)?;
            }
        }
        self.unsent.extend_from_slice(&bytes[written..]);
        Ok(())
    }

    /// Sends the kept bytes, as far as the socket accepts them.
    pub(crate) fn drain(&mut self, poller: &Poller, number: usize) -> io::Result<()> {
        if self.unsent.is_empty() {
            return Ok(());
        }
        let written = written_by(self.stream.write(&self.unsent))?;
        self.unsent.drain(..written);
        if self.unsent.is_empty() {
            self.unsent = Vec::new();
            poller.want_write(&self.stream, number, false)?;
        }
        Ok(())
    }
}

fn written_by(write: io::Result<usize>) -> io::Result<usize> {
    match write {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}

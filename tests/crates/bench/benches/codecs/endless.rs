//! A connection whose peer never stops sending the same bytes, and takes all that is sent.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Reads go round in the bytes; a read never crosses their end. Never pending.
pub(crate) struct Endless {
    bytes: Vec<u8>,
    at: usize,
    /// The most that one read brings.
    piece: usize,
}

impl Endless {
    /// A read brings as much as there is room for.
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, at: 0, piece: usize::MAX }
    }

    /// A read brings at most `piece` bytes.
    pub(crate) fn in_pieces(bytes: Vec<u8>, piece: usize) -> Self {
        Self { bytes, at: 0, piece }
    }
}

impl io::Read for Endless {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let left = &self.bytes[self.at..];
        let read = left.len().min(room.len()).min(self.piece);
        room[..read].copy_from_slice(&left[..read]);
        self.at = (self.at + read) % self.bytes.len();
        Ok(read)
    }
}

impl io::Write for Endless {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl tokio::io::AsyncRead for Endless {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        room: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let left = &self.bytes[self.at..];
        let read = left.len().min(room.remaining()).min(self.piece);
        room.put_slice(&left[..read]);
        self.at = (self.at + read) % self.bytes.len();
        Poll::Ready(Ok(()))
    }
}

impl tokio::io::AsyncWrite for Endless {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl smol::io::AsyncRead for Endless {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(io::Read::read(&mut *self, room))
    }
}

impl smol::io::AsyncWrite for Endless {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

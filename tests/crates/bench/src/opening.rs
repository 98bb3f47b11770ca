//! Connecting, and the HTTP exchange that opens a WebSocket or an event stream.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The protocol of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// A WebSocket handshake, without subprotocols or extensions (RFC 6455 §4.1).
    WebSocket,
    /// A subscription with `Accept: text/event-stream`.
    EventStream,
}

impl Opening {
    /// Connects, sends the request for `path` and reads the answer's head, each within 10 s.
    ///
    /// Returns the connection, now non-blocking, and the bytes behind the head.
    ///
    /// # Errors
    /// The system's; or an answer that is neither 101 nor 200, with its first line.
    pub fn open(self, address: SocketAddr, path: &str) -> io::Result<(TcpStream, Vec<u8>)> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.set_write_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(self.request(address, path).as_bytes())?;
        let (head, rest) = read_head(&mut stream)?;
        let expected = match self {
            Self::WebSocket => "HTTP/1.1 101 ",
            Self::EventStream => "HTTP/1.1 200 ",
        };
        if !head.starts_with(expected) {
            return Err(io::Error::other(format!("{path}: {}", head.lines().next().unwrap_or_default())));
        }
        stream.set_nonblocking(true)?;
        Ok((stream, rest))
    }

    /// The key need not be random here: no proxy and no cache stands between.
    fn request(self, address: SocketAddr, path: &str) -> String {
        let fields = match self {
            Self::WebSocket => {
                "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                 Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n"
            }
            Self::EventStream => "Accept: text/event-stream\r\n",
        };
        format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{fields}\r\n")
    }
}

/// Reads until a head has ended; returns it and the bytes behind it.
///
/// # Errors
/// The system's; or that the connection ended first.
pub fn read_head(stream: &mut impl Read) -> io::Result<(String, Vec<u8>)> {
    let mut seen = Vec::new();
    loop {
        if let Some(end) = seen.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = seen.split_off(end + 4);
            return Ok((String::from_utf8_lossy(&seen).into_owned(), rest));
        }
        let mut piece = [0; 1024];
        match stream.read(&mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => seen.extend_from_slice(&piece[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a byte at a time.
    struct Trickle<'a>(&'a [u8]);

    impl Read for Trickle<'_> {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let one = room.len().min(1);
            self.0.read(&mut room[..one])
        }
    }

    #[test]
    fn bytes_after_a_head_are_kept() {
        let (head, rest) = read_head(&mut &b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n: hello"[..]).unwrap();
        assert_eq!((head.as_str(), rest.as_slice()), ("HTTP/1.1 200 OK\r\nA: b\r\n\r\n", &b": hello"[..]));
    }

    #[test]
    fn a_head_may_come_byte_by_byte_and_may_be_missing() {
        assert!(read_head(&mut Trickle(b"HTTP/1.1 200 OK\r\n\r\n")).is_ok());
        assert!(read_head(&mut Trickle(b"HTTP/1.1 200 OK\r\n\r")).is_err());
    }
}

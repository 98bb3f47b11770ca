//! A blocking connection that sees every byte, and gives up in time.

use std::env;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::peer_error::malformed;
use crate::{Answer, Framing, Head, PeerError};

/// The time limit of each wait.
pub type Patience = Duration;

/// Seconds in `GOLDCREST_PATIENCE`, 10 without it.
pub fn patience() -> Patience {
    let seconds = env::var("GOLDCREST_PATIENCE").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(10))
}

/// The most bytes that the system buffers for a client that does not read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Width {
    /// As usual, up to megabytes.
    #[default]
    Wide,
    /// The least: a server notices a slow reader at once.
    Narrow,
}

/// A connection to a server.
#[derive(Debug)]
pub struct Peer {
    stream: TcpStream,
    unread: Vec<u8>,
    /// How many bytes came in all.
    received: usize,
    patience: Patience,
}

impl Peer {
    /// Connects.
    ///
    /// # Errors
    /// [`PeerError`]
    pub fn connect(address: SocketAddr, width: Width) -> Result<Self, PeerError> {
        Self::connect_from(None, address, width)
    }

    /// Connects from one of this machine's addresses.
    ///
    /// # Errors
    /// [`PeerError`]
    pub fn connect_from(local: Option<IpAddr>, address: SocketAddr, width: Width) -> Result<Self, PeerError> {
        let stream = connect(local, address, width).map_err(|error| trouble(&error))?;
        Ok(Self { stream, unread: Vec::new(), received: 0, patience: patience() })
    }

    /// A second hand on this connection, to send with while the first one reads.
    ///
    /// # Errors
    /// [`PeerError`]
    pub fn second_hand(&self) -> Result<Self, PeerError> {
        let stream = self.stream.try_clone().map_err(|error| trouble(&error))?;
        Ok(Self { stream, unread: Vec::new(), received: 0, patience: self.patience })
    }

    /// Waits longer or shorter than usual from here on.
    pub fn set_patience(&mut self, patience: Patience) {
        self.patience = patience;
    }

    /// Sends all of `bytes`.
    ///
    /// # Errors
    /// [`PeerError`]
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), PeerError> {
        self.stream.write_all(bytes).map_err(|error| trouble(&error))
    }

    /// Says that nothing more will be sent.
    pub fn half_close(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    pub(crate) fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// A second handle of the stream; bytes that were read ahead stay here.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// How many bytes have come so far.
    pub fn received(&self) -> usize {
        self.received
    }

    /// A whole response to a request with `method`; interim responses are passed over.
    ///
    /// # Errors
    /// [`PeerError`]
    pub fn answer(&mut self, method: &str) -> Result<Answer, PeerError> {
        let mut head = self.head()?;
        while (100..200).contains(&head.status) && head.status != 101 {
            head = self.head()?;
        }
        let mut framing = head.framing(method)?;
        let mut content = Vec::new();
        while let Some(piece) = self.piece(&mut framing)? {
            content.extend_from_slice(&piece);
        }
        Ok(Answer { head, content })
    }

    /// A response's head.
    ///
    /// # Errors
    /// [`PeerError`]
    pub fn head(&mut self) -> Result<Head, PeerError> {
        let deadline = Instant::now() + self.patience;
        loop {
            if let Some(end) = find(&self.unread, b"\r\n\r\n") {
                let bytes: Vec<u8> = self.unread.drain(..end + 4).collect();
                return Head::parse(&bytes);
            }
            self.more(deadline)?;
        }
    }

    /// The next piece of a response's content, `None` at its end.
    ///
    /// # Errors
    /// [`PeerError`]; [`PeerError::Closed`] where the content was cut off.
    pub fn piece(&mut self, framing: &mut Framing) -> Result<Option<Vec<u8>>, PeerError> {
        let deadline = Instant::now() + self.patience;
        match framing {
            Framing::Length(0) => Ok(None),
            Framing::Length(left) => {
                while self.unread.is_empty() {
                    self.more(deadline)?;
                }
                let count = self.unread.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= count as u64;
                Ok(Some(self.unread.drain(..count).collect()))
            }
            Framing::Close => {
                while self.unread.is_empty() {
                    match self.more(deadline) {
                        Ok(()) => {}
                        Err(PeerError::Closed) => return Ok(None),
                        Err(trouble) => return Err(trouble),
                    }
                }
                Ok(Some(std::mem::take(&mut self.unread)))
            }
            Framing::Chunked => {
                let size = self.chunk_size(deadline)?;
                if size == 0 {
                    // No trailer section.
                    self.line_end(deadline)?;
                    *framing = Framing::Length(0);
                    return Ok(None);
                }
                *framing = Framing::Chunk(size);
                self.piece(framing)
            }
            Framing::Chunk(left) => {
                while self.unread.is_empty() {
                    self.more(deadline)?;
                }
                let count = self.unread.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= count as u64;
                let piece = self.unread.drain(..count).collect();
                if *left == 0 {
                    self.line_end(deadline)?;
                    *framing = Framing::Chunked;
                }
                Ok(Some(piece))
            }
        }
    }

    /// The size of a chunk without extensions.
    fn chunk_size(&mut self, deadline: Instant) -> Result<u64, PeerError> {
        let line = loop {
            if let Some(end) = find(&self.unread, b"\r\n") {
                break self.unread.drain(..end + 2).collect::<Vec<u8>>();
            }
            self.more(deadline)?;
        };
        let digits = std::str::from_utf8(&line[..line.len() - 2]).unwrap_or("?");
        u64::from_str_radix(digits, 16).map_err(|_| malformed("chunk size", &line))
    }

    fn line_end(&mut self, deadline: Instant) -> Result<(), PeerError> {
        while self.unread.len() < 2 {
            self.more(deadline)?;
        }
        let end: Vec<u8> = self.unread.drain(..2).collect();
        if end == b"\r\n" { Ok(()) } else { Err(malformed("end of a chunk", &end)) }
    }

    /// At least one byte of any kind.
    ///
    /// # Errors
    /// [`PeerError`]
    pub fn bytes(&mut self) -> Result<Vec<u8>, PeerError> {
        let deadline = Instant::now() + self.patience;
        while self.unread.is_empty() {
            self.more(deadline)?;
        }
        Ok(std::mem::take(&mut self.unread))
    }

    /// Exactly so many bytes.
    ///
    /// # Errors
    /// [`PeerError`]
    pub fn exactly(&mut self, count: usize) -> Result<Vec<u8>, PeerError> {
        let deadline = Instant::now() + self.patience;
        while self.unread.len() < count {
            self.more(deadline)?;
        }
        Ok(self.unread.drain(..count).collect())
    }

    /// All that comes until the server ends the connection, in order or by a reset.
    ///
    /// # Errors
    /// [`PeerError::Timeout`]: it does not end it.
    pub fn until_closed(&mut self) -> Result<Vec<u8>, PeerError> {
        let deadline = Instant::now() + self.patience;
        loop {
            match self.more(deadline) {
                Ok(()) => {}
                Err(PeerError::Closed | PeerError::Reset) => return Ok(std::mem::take(&mut self.unread)),
                Err(trouble) => return Err(trouble),
            }
        }
    }

    fn more(&mut self, deadline: Instant) -> Result<(), PeerError> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(PeerError::Timeout);
        }
        self.stream.set_read_timeout(Some(left)).map_err(|error| trouble(&error))?;
        let mut room = [0; 16 * 1024];
        match self.stream.read(&mut room) {
            Ok(0) => Err(PeerError::Closed),
            Ok(count) => {
                self.unread.extend_from_slice(&room[..count]);
                self.received += count;
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(trouble(&error)),
        }
    }
}

fn connect(local: Option<IpAddr>, address: SocketAddr, width: Width) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if width == Width::Narrow {
        // Before the handshake, which says how much may come.
        socket.set_recv_buffer_size(1)?;
    }
    if let Some(local) = local {
        socket.bind(&SocketAddr::new(local, 0).into())?;
    }
    socket.connect_timeout(&address.into(), patience())?;
    socket.set_tcp_nodelay(true)?;
    socket.set_read_timeout(Some(patience()))?;
    socket.set_write_timeout(Some(patience()))?;
    Ok(socket.into())
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn trouble(error: &std::io::Error) -> PeerError {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => PeerError::Timeout,
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted => PeerError::Reset,
        ErrorKind::ConnectionRefused => PeerError::Closed,
        _ => PeerError::Malformed(error.to_string()),
    }
}

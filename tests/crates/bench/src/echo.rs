//! The load of the echo benchmark: so many WebSockets, so many messages in flight on each.

use crate::frames::{MessageCounter, push_masked};
use crate::opening::Opening;
use crate::poller::Poller;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Open WebSockets to one echo server, driven by one thread.
#[derive(Debug)]
pub struct EchoLoad {
    connections: Vec<Connection>,
    poller: Poller,
    received: Vec<u8>,
}

/// The load of a connection in a slice: messages of one payload, so many in flight.
#[derive(Debug)]
pub struct Messages {
    in_flight: usize,
    frame: usize,
    /// As many frames as are in flight, so that a whole answer's worth leaves in one write.
    frames: Vec<u8>,
}

/// The result of a slice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slice {
    /// Messages that came back.
    pub messages: u64,
    /// From the first write to the last echo.
    pub took: Duration,
}

impl Messages {
    /// Messages of `payload` bytes, `in_flight` on each connection.
    pub fn new(payload: usize, in_flight: usize) -> Self {
        let mut frames = Vec::new();
        for _ in 0..in_flight {
            push_masked(payload, &mut frames);
        }
        Self { in_flight, frame: frames.len() / in_flight.max(1), frames }
    }
}

impl EchoLoad {
    /// Opens `connections` WebSockets at `path`.
    ///
    /// # Errors
    /// The system's, or a handshake that fails.
    pub fn open(address: SocketAddr, path: &str, connections: usize) -> io::Result<Self> {
        let poller = Poller::new()?;
        let mut opened = Vec::with_capacity(connections);
        for number in 0..connections {
            let (stream, early) = Opening::WebSocket.open(address, path)?;
            poller.add(&stream, number)?;
            let mut connection = Connection {
                stream,
                counter: MessageCounter::default(),
                owed: 0,
                sent: 0,
                pong: vec![],
                blocked: false,
            };
            connection.counter.receive(&early);
            opened.push(connection);
        }
        Ok(Self { connections: opened, poller, received: vec![0; 256 * 1024] })
    }

    /// Keeps the messages in flight for `slice`, then waits until every one has come back.
    ///
    /// Afterwards nothing is under way, so the server's CPU time read before and after belongs to these messages.
    ///
    /// # Errors
    /// The system's; a server that closes, or that leaves messages unanswered for 10 s.
    pub fn run(&mut self, messages: &Messages, slice: Duration) -> io::Result<Slice> {
        let begin = Instant::now();
        let mut outstanding = (messages.in_flight * self.connections.len()) as u64;
        let mut done = 0;
        for number in 0..self.connections.len() {
            self.connections[number].owed = messages.in_flight;
            self.flush(number, messages)?;
        }
        let mut ready = Vec::new();
        while outstanding > 0 {
            self.poller.wait(&mut ready, Some(Duration::from_secs(10)))?;
            if ready.is_empty() {
                return Err(io::Error::new(ErrorKind::TimedOut, format!("{outstanding} messages never came back")));
            }
            let more = begin.elapsed() < slice;
            for &number in &ready {
                let echoed = self.connections[number].receive(&mut self.received)?;
                done += echoed;
                if more {
                    self.connections[number].owed += echoed as usize;
                } else {
                    outstanding = outstanding.saturating_sub(echoed);
                }
                self.flush(number, messages)?;
            }
        }
        Ok(Slice { messages: done, took: begin.elapsed() })
    }

    fn flush(&mut self, number: usize, messages: &Messages) -> io::Result<()> {
        let connection = &mut self.connections[number];
        let blocked = !connection.send(messages)?;
        if blocked != connection.blocked {
            connection.blocked = blocked;
            self.poller.want_write(&connection.stream, number, blocked)?;
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    counter: MessageCounter,
    /// Frames that are to be sent, the one begun included.
    owed: usize,
    /// Bytes of the frame begun that have left.
    sent: usize,
    pong: Vec<u8>,
    blocked: bool,
}

impl Connection {
    /// Reads once and counts the messages that ended.
    fn receive(&mut self, room: &mut [u8]) -> io::Result<u64> {
        let read = match self.stream.read(room) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
            Err(error) => return Err(error),
        };
        let counted = self.counter.receive(&room[..read]);
        if counted.closed {
            return Err(io::Error::new(ErrorKind::ConnectionAborted, "the server closes"));
        }
        if let Some(pong) = self.counter.take_pong() {
            self.pong = pong;
        }
        Ok(counted.messages)
    }

    /// Sends the queued output; false if the socket is full. A pong is sent between two frames.
    fn send(&mut self, messages: &Messages) -> io::Result<bool> {
        while self.owed > 0 || !self.pong.is_empty() {
            let pong = self.sent == 0 && !self.pong.is_empty();
            let end = self.owed.min(messages.in_flight) * messages.frame;
            let bytes = if pong { &self.pong[..] } else { &messages.frames[self.sent..end] };
            let written = match self.stream.write(bytes) {
                Ok(written) => written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            };
            if pong {
                self.pong.drain(..written);
                // Its rest, if there is one, must not be cut by a frame.
                if !self.pong.is_empty() {
                    return Ok(false);
                }
                continue;
            }
            let sent = self.sent + written;
            self.owed -= sent / messages.frame;
            self.sent = sent % messages.frame;
        }
        Ok(true)
    }
}

//! Counts the bytes of a client's connections.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use goldcrest_core::client::Connect;
use goldcrest_core::client::url::Endpoint;
use goldcrest_core::http::{BodyDecoder, HeadReader, MAX_FIELDS, ResponseHead};
use goldcrest_core::io::{Interest, Socket, TryIo};
use goldcrest_core::ws::Role;
use goldcrest_core::ws::frame::FrameHeaderDecoder;
use goldcrest_host::client::{ClientSocket, ConnectError, Connector};

/// Bytes of an answer's head.
const HEAD: usize = 16 * 1024;

/// The costs of a technique so far. Header bytes are all bytes except payload: HTTP heads, chunk sizes, frame headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Costs {
    pub(super) requests: u64,
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) payload: u64,
    /// Connections that were opened.
    pub(super) connections: u64,
    /// Those that are open.
    pub(super) open: u64,
}

/// A connector that counts the bytes of its connections.
pub(super) struct MeteredConnector {
    pub(super) connector: Connector,
    pub(super) costs: Rc<Cell<Costs>>,
}

impl Connect for MeteredConnector {
    type Socket<'a> = MeteredSocket;
    type Error = ConnectError;

    async fn connect(&self, endpoint: Endpoint<'_>) -> Result<MeteredSocket, ConnectError> {
        let socket = self.connector.connect(endpoint).await?;
        let meter = Meter::new(Rc::clone(&self.costs));
        Ok(MeteredSocket { socket, meter })
    }
}

/// A connection, and the parser that counts its bytes.
pub(super) struct MeteredSocket {
    socket: ClientSocket,
    meter: Meter,
}

/// Reads along on one connection.
struct Meter {
    costs: Rc<Cell<Costs>>,
    /// A request has left, and its answer has not ended.
    asked: bool,
    reading: Reading,
}

/// The expected next part.
enum Reading {
    Head(HeadReader, Vec<u8>),
    Content(BodyDecoder),
    /// Frames of WebSocket: a head, or so many bytes of payload, which count where it is no control frame's.
    Frames(FrameHeaderDecoder, u64, bool),
    /// Unknown: all of it counts as header.
    Anything,
}

impl Reading {
    fn head() -> Self {
        Self::Head(HeadReader::new(), vec![0; HEAD])
    }
}

impl Meter {
    fn new(costs: Rc<Cell<Costs>>) -> Self {
        let meter = Self { costs, asked: false, reading: Reading::head() };
        meter.count(|costs| {
            costs.connections += 1;
            costs.open += 1;
        });
        meter
    }

    fn count(&self, change: impl FnOnce(&mut Costs)) {
        let mut costs = self.costs.get();
        change(&mut costs);
        self.costs.set(costs);
    }

    fn sent(&mut self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let begins = matches!(self.reading, Reading::Head(..)) && !std::mem::replace(&mut self.asked, true);
        self.count(|costs| {
            costs.requests += u64::from(begins);
            costs.sent += bytes as u64;
        });
    }

    fn received(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (consumed, payload) = self.next(bytes);
            self.count(|costs| {
                costs.payload += payload as u64;
                costs.received += (consumed - payload) as u64;
            });
            bytes = &bytes[consumed..];
        }
    }

    /// How many bytes the next piece has, one at least, and how many of them are payload.
    fn next(&mut self, bytes: &[u8]) -> (usize, usize) {
        let all = (bytes.len(), 0);
        let (came, next) = match &mut self.reading {
            Reading::Anything => return all,
            Reading::Head(accumulator, buffer) => match accumulator.take(buffer, bytes) {
                Ok(taken) => match taken.complete {
                    None => ((taken.consumed, 0), None),
                    Some(length) => ((taken.consumed, 0), Some(self.behind(length))),
                },
                Err(_) => (all, Some(Reading::Anything)),
            },
            Reading::Content(decoder) => match decoder.decode(bytes) {
                Ok(decoded) => {
                    let next = decoded.done.then(Reading::head);
                    self.asked &= next.is_none();
                    ((decoded.consumed, decoded.data.len()), next)
                }
                Err(_) => (all, Some(Reading::Anything)),
            },
            Reading::Frames(_, left @ 1.., counts) => {
                let piece = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= piece as u64;
                return (piece, if *counts { piece } else { 0 });
            }
            Reading::Frames(decoder, left, counts) => match decoder.push(bytes, Role::Server) {
                (consumed, Ok(head)) => {
                    if let Some(head) = head {
                        (*left, *counts) = (head.len, !head.opcode.is_control());
                    }
                    ((consumed, 0), None)
                }
                (_, Err(_)) => (all, Some(Reading::Anything)),
            },
        };
        if let Some(next) = next {
            self.reading = next;
        }
        // A decoder that consumes nothing of a non-empty input never will.
        if came.0 == 0 { all } else { came }
    }

    /// The part after the head of `length` bytes.
    fn behind(&mut self, length: usize) -> Reading {
        let Reading::Head(_, buffer) = &self.reading else { return Reading::Anything };
        let Ok(answer) = ResponseHead::parse(&buffer[..length], MAX_FIELDS) else { return Reading::Anything };
        if answer.is_interim() {
            return Reading::head();
        }
        if answer.status() == 101 {
            return Reading::Frames(FrameHeaderDecoder::default(), 0, false);
        }
        match BodyDecoder::new(answer.body_length(false), u64::MAX) {
            Ok(decoder) if decoder.is_done() => {
                self.asked = false;
                Reading::head()
            }
            Ok(decoder) => Reading::Content(decoder),
            Err(_) => Reading::Anything,
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.count(|costs| costs.open -= 1);
    }
}

impl Socket for MeteredSocket {
    type Error = io::Error;

    async fn wait(&mut self, want: Interest) -> io::Result<()> {
        self.socket.wait(want).await
    }

    fn try_read_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> io::Result<TryIo<R>> {
        let meter = &mut self.meter;
        self.socket.try_read_with(|bytes| {
            let (consumed, result) = f(bytes);
            // A server masks no frame (RFC 6455 §5.1), so the consumed bytes are unchanged.
            meter.received(&bytes[..consumed]);
            (consumed, result)
        })
    }

    fn try_write_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> io::Result<TryIo<R>> {
        let meter = &mut self.meter;
        self.socket.try_write_with(|room| {
            let (written, result) = f(room);
            meter.sent(written);
            (written, result)
        })
    }

    fn send_free(&self) -> usize {
        self.socket.send_free()
    }

    fn send_capacity(&self) -> usize {
        self.socket.send_capacity()
    }

    fn send_queue(&self) -> usize {
        self.socket.send_queue()
    }

    fn close(&mut self) {
        self.socket.close();
    }

    fn abort(&mut self) {
        self.socket.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The costs of this traffic, equal for any split.
    fn counted(traffic: &[(usize, &[u8])]) -> Costs {
        let mut seen: Option<Costs> = None;
        for step in 1..40 {
            let costs = Rc::new(Cell::new(Costs::default()));
            let mut meter = Meter::new(Rc::clone(&costs));
            for (sent, received) in traffic {
                meter.sent(*sent);
                received.chunks(step).for_each(|piece| meter.received(piece));
            }
            let now = costs.get();
            assert_eq!(*seen.get_or_insert(now), now, "cut into pieces of {step}");
            drop(meter);
            assert_eq!(costs.get().open, 0);
        }
        seen.unwrap()
    }

    #[test]
    fn content_counts_as_payload_and_the_rest_as_header() {
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let answer = [&head[..], b"5\r\nhello\r\n0\r\n\r\n"].concat();
        let costs = counted(&[(30, &answer), (31, b"HTTP/1.1 304 Not Modified\r\n\r\n"), (32, b"")]);
        let received = (head.len() + 10 + 29) as u64;
        assert_eq!(costs, Costs { requests: 3, sent: 93, received, payload: 5, connections: 1, open: 1 });
    }

    #[test]
    fn a_websocket_counts_as_one_request() {
        let head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
        let answer = [&head[..], b"\x81\x05hello\x89\x01p\x82\x7e\x00\x80", &[7; 128]].concat();
        let costs = counted(&[(30, &answer), (7, b"")]);
        let received = (head.len() + 2 + 3 + 4) as u64;
        assert_eq!(costs, Costs { requests: 1, sent: 37, received, payload: 133, connections: 1, open: 1 });
    }
}

//! A client: bytes by hand, answers by decoders that are not those of the server's side.

use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::json::Json;
use crate::http::ChunkDecoder;
use crate::io::{Pipe, PipeEnd, Socket, TryIo};
use crate::output::ResumableWriter;
use crate::server::{Disconnect, Handler, ServerConfig, serve};
use crate::sse::parse::{Parser, ParserLimits};
use crate::testing::{Simulation, leak};
use crate::ws::close::{CloseCode, CloseReason};
use crate::ws::connection::{Connection, ConnectionConfig, Incoming, MaskingKeys, MessageKind, NoEntropy};
use crate::ws::handshake::UpgradeRequest;

/// An endless response is read up to so many bytes.
const ENDLESS: usize = 32 * 1024;

/// The client's end of a connection.
pub(crate) struct Client {
    pub(super) sim: &'static Simulation,
    task: usize,
    end: Option<PipeEnd<'static>>,
    /// Bytes received and not yet consumed.
    pub(super) came: Vec<u8>,
    /// The server ended its direction.
    pub(super) eof: bool,
    /// The connection was reset.
    pub(super) reset: bool,
    /// Bytes sent and received.
    moved: (u64, u64),
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(super) fn text(&self) -> &str {
        core::str::from_utf8(&self.body).unwrap()
    }

    pub(super) fn json(&self) -> Json {
        Json::parse(self.text())
    }

    /// Whether the connection goes on after it.
    pub(super) fn keeps(&self) -> bool {
        self.field("connection") != Some("close")
    }
}

impl Simulation {
    /// A client of a connection that `handler` serves, over rings of 512 bytes.
    pub(super) fn connect<H: Handler>(
        &'static self,
        config: &'static ServerConfig<'static>,
        handler: &'static H,
    ) -> Client {
        self.connect_over(leak(Pipe::<512>::new()).ends(), config, handler)
    }

    pub(super) fn connect_over<H: Handler>(
        &'static self,
        (mut device, browser): (PipeEnd<'static>, PipeEnd<'static>),
        config: &'static ServerConfig<'static>,
        handler: &'static H,
    ) -> Client {
        let task = self.spawn(async move { serve(&mut device, &self.runtime, config, handler).await });
        Client::new(self, task, browser)
    }
}

impl Client {
    fn new(sim: &'static Simulation, task: usize, end: PipeEnd<'static>) -> Self {
        Self { sim, task, end: Some(end), came: Vec::new(), eof: false, reset: false, moved: (0, 0) }
    }

    /// Puts as much of `bytes` on the wire as fits there now: how much.
    pub(super) fn put(&mut self, bytes: &[u8]) -> usize {
        let Some(end) = &mut self.end else { return 0 };
        let mut put = 0;
        while put < bytes.len() {
            let rest = &bytes[put..];
            let lent = end.try_write_with(|room| {
                let count = room.len().min(rest.len());
                room[..count].copy_from_slice(&rest[..count]);
                (count, count)
            });
            match lent {
                Ok(TryIo::Done(count)) => {
                    put += count;
                    self.moved.0 += count as u64;
                }
                Ok(_) => break,
                Err(_) => {
                    self.reset = true;
                    break;
                }
            }
        }
        put
    }

    /// Sends `bytes` and runs the server; responses are read meanwhile. Returns the number of bytes sent.
    pub(super) fn try_send(&mut self, bytes: &[u8]) -> usize {
        let mut sent = 0;
        loop {
            let put = self.put(&bytes[sent..]);
            sent += put;
            let before = self.came.len();
            self.read();
            if sent == bytes.len() || (put == 0 && before == self.came.len()) || self.came.len() > ENDLESS {
                return sent;
            }
        }
    }

    /// As [`Client::try_send`]; the server has to take all.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        let sent = self.try_send(bytes);
        assert_eq!(sent, bytes.len(), "the server reads no further: {:?}", self.ended());
    }

    /// Lets the server work and reads all that comes, or [`ENDLESS`] bytes. How much that was.
    pub(super) fn read(&mut self) -> usize {
        let mut count = 0;
        loop {
            self.sim.run();
            let taken = self.take(usize::MAX);
            count += taken;
            if taken == 0 || count > ENDLESS {
                return count;
            }
        }
    }

    /// Takes at most `most` bytes off the wire, without letting the server work.
    pub(super) fn take(&mut self, most: usize) -> usize {
        let Some(end) = &mut self.end else { return 0 };
        let mut taken = 0;
        while taken < most {
            let came = &mut self.came;
            let lent = end.try_read_with(|bytes| {
                let count = bytes.len().min(most - taken);
                came.extend_from_slice(&bytes[..count]);
                (count, count)
            });
            match lent {
                Ok(TryIo::Done(count)) => {
                    taken += count;
                    self.moved.1 += count as u64;
                }
                Ok(TryIo::WouldBlock) => break,
                Ok(TryIo::Eof) => {
                    self.eof = true;
                    break;
                }
                Err(_) => {
                    self.reset = true;
                    break;
                }
            }
        }
        taken
    }

    /// Ends this direction.
    pub(super) fn fin(&mut self) {
        if let Some(end) = &mut self.end {
            end.close();
        }
    }

    /// Breaks the connection.
    pub(super) fn rst(&mut self) {
        if let Some(end) = &mut self.end {
            end.abort();
        }
        self.sim.run();
    }

    /// Is gone, as a process that ends.
    pub(super) fn leave(&mut self) {
        self.end = None;
        self.sim.run();
    }

    /// Bytes sent and received since the connection began.
    pub(super) fn moved(&self) -> (u64, u64) {
        self.moved
    }

    /// Bytes of each ring.
    pub(super) fn capacity(&self) -> usize {
        self.end.as_ref().map_or(0, PipeEnd::send_capacity)
    }

    pub(super) fn ended(&self) -> Option<Disconnect> {
        self.sim.output(self.task)
    }

    pub(super) fn task(&self) -> usize {
        self.task
    }

    /// Sends a request and reads its answer.
    pub(super) fn ask(&mut self, request: &str) -> Answer {
        self.send(request.as_bytes());
        let head = request.starts_with("HEAD ");
        self.answer_to(head).unwrap_or_else(|| panic!("no answer to {request:?}: {:?} {:?}", self.ended(), self.text()))
    }

    /// A GET with these field lines.
    pub(super) fn get(&mut self, target: &str, fields: &str) -> Answer {
        self.ask(&get(target, fields))
    }

    pub(super) fn post(&mut self, target: &str, fields: &str, body: &str) -> Answer {
        self.ask(&post(target, fields, body))
    }

    /// The received bytes, as text.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.came).into_owned()
    }

    /// Removes the next head from the received bytes.
    pub(super) fn head(&mut self) -> Option<Answer> {
        let end = self.came.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
        let head = String::from_utf8(self.came.drain(..end).collect()).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().strip_prefix("HTTP/1.1 ").expect("our version");
        let fields = lines.map(|line| line.split_once(": ").unwrap()).map(|(a, b)| (a.to_string(), b.to_string()));
        Some(Answer { status: status[..3].parse().unwrap(), fields: fields.collect(), body: Vec::new() })
    }

    /// Removes the next complete response; `head_only` where the request was HEAD.
    pub(super) fn answer_to(&mut self, head_only: bool) -> Option<Answer> {
        self.read();
        let before = self.came.clone();
        let mut answer = self.head()?;
        let body = if head_only || matches!(answer.status, 100..=199 | 204 | 304) {
            Some(Vec::new())
        } else if let Some(length) = answer.field("content-length") {
            assert!(answer.field("transfer-encoding").is_none());
            let length = length.parse().unwrap();
            (self.came.len() >= length).then(|| self.came.drain(..length).collect())
        } else if answer.field("transfer-encoding") == Some("chunked") {
            let mut content = Content::of(&answer);
            let body = content.decode(&mut self.came);
            content.done.then_some(body)
        } else {
            self.eof.then(|| core::mem::take(&mut self.came))
        };
        match body {
            Some(body) => {
                answer.body = body;
                Some(answer)
            }
            None => {
                self.came = before;
                None
            }
        }
    }

    pub(super) fn answer(&mut self) -> Option<Answer> {
        self.answer_to(false)
    }
}

pub(super) fn get(target: &str, fields: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n")
}

pub(super) fn post(target: &str, fields: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{fields}\r\n{body}")
}

/// The content of an answer that comes bit by bit.
pub(super) struct Content {
    chunks: Option<ChunkDecoder>,
    pub(super) done: bool,
}

impl Content {
    pub(super) fn of(answer: &Answer) -> Self {
        let chunked = answer.field("transfer-encoding") == Some("chunked");
        Self { chunks: chunked.then(ChunkDecoder::new), done: false }
    }

    /// Removes the content from the received bytes.
    pub(super) fn decode(&mut self, came: &mut Vec<u8>) -> Vec<u8> {
        let Some(chunks) = &mut self.chunks else { return core::mem::take(came) };
        let mut content = Vec::new();
        let mut at = 0;
        while at < came.len() && !self.done {
            let decoded = chunks.decode(&came[at..]).expect("well-formed chunks");
            content.extend_from_slice(&came[at..][decoded.data.clone()]);
            at += decoded.consumed;
            self.done = decoded.done;
        }
        came.drain(..at);
        content
    }
}

/// An item that a reader received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ReaderItem {
    Event {
        id: String,
        event_type: String,
        data: String,
    },
    /// So many are missing, and where reading goes on.
    Gap {
        missed: Option<u64>,
        after: String,
    },
    /// Something that says that the server is there.
    KeepAlive,
    /// A WebSocket's answer to a publication.
    Reply(Json),
    Binary(Vec<u8>),
    /// A text message that is read as it is.
    Plain(String),
    Ping,
    Close(Option<u16>, String),
}

/// A JSON object that is an event or a gap.
pub(super) fn told(object: &Json) -> ReaderItem {
    match object.member("gap") {
        Some(gap) => ReaderItem::Gap { missed: missed(gap), after: object.text("after") },
        None if object.member("type").is_some() => {
            ReaderItem::Event { id: object.text("id"), event_type: object.text("type"), data: object.text("data") }
        }
        None => ReaderItem::Reply(object.clone()),
    }
}

fn missed(gap: &Json) -> Option<u64> {
    match gap.member("missed") {
        Some(Json::Number(missed)) => Some(*missed as u64),
        None => None,
        other => panic!("missed is {other:?}"),
    }
}

/// The body of a poll: its items and `after`.
pub(super) fn polled(body: &Json) -> (Vec<ReaderItem>, String) {
    let after = body.text("after");
    let gap = body.member("gap").map(|gap| ReaderItem::Gap { missed: missed(gap), after: String::new() });
    (gap.into_iter().chain(body.list("events").iter().map(told)).collect(), after)
}

/// Lines of JSON. The first is a cursor or a gap; a later cursor is a keep-alive.
#[derive(Default)]
pub(super) struct Lines {
    rest: Vec<u8>,
    begun: bool,
}

impl Lines {
    pub(super) fn read(&mut self, content: &[u8]) -> Vec<ReaderItem> {
        self.rest.extend_from_slice(content);
        let mut seen = Vec::new();
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let object = Json::parse(core::str::from_utf8(&line).unwrap().trim_end());
            let is_cursor = ["gap", "id"].into_iter().all(|name| object.member(name).is_none());
            let begins = !core::mem::replace(&mut self.begun, true);
            assert!(!begins || object.member("after").is_some(), "it begins with a cursor or a gap");
            match is_cursor {
                true if begins => {}
                true => seen.push(ReaderItem::KeepAlive),
                false => seen.push(told(&object)),
            }
        }
        seen
    }

    pub(super) fn is_between(&self) -> bool {
        self.rest.is_empty()
    }
}

/// Server-Sent Events.
pub(super) struct Sse {
    parser: Parser<Vec<u8>>,
    /// The whole stream, for comments, which a parser does not return.
    raw: Vec<u8>,
}

impl Default for Sse {
    fn default() -> Self {
        Self { parser: Parser::new(std::vec![0; 1 << 16], ParserLimits::DEFAULT), raw: Vec::new() }
    }
}

impl Sse {
    pub(super) fn read(&mut self, content: &[u8]) -> Vec<ReaderItem> {
        let mut seen = Vec::new();
        let mut rest = content;
        self.raw.extend_from_slice(content);
        while !rest.is_empty() {
            let fed = self.parser.feed(rest).unwrap();
            if let Some(event) = fed.event {
                seen.push(if event.event_type == "gap" {
                    ReaderItem::Gap { missed: missed(&Json::parse(event.data)), after: event.last_event_id.to_string() }
                } else {
                    ReaderItem::Event {
                        id: event.last_event_id.to_string(),
                        event_type: event.event_type.to_string(),
                        data: event.data.to_string(),
                    }
                });
            }
            let consumed = fed.consumed;
            rest = &rest[consumed..];
        }
        seen
    }

    pub(super) fn last_event_id(&self) -> String {
        self.parser.last_event_id().to_string()
    }

    pub(super) fn retry(&self) -> Option<u64> {
        self.parser.reconnection_time().map(|time| time.as_millis() as u64)
    }

    pub(super) fn comments(&self) -> usize {
        let text = String::from_utf8_lossy(&self.raw);
        text.lines().filter(|line| line.starts_with(':')).count()
    }
}

pub(super) struct Keys(pub(super) u32);

impl MaskingKeys for Keys {
    fn next_key(&mut self) -> Result<[u8; 4], NoEntropy> {
        self.0 = self.0.wrapping_mul(0x9e37_79b9).wrapping_add(1);
        Ok(self.0.to_be_bytes())
    }
}

/// A WebSocket's client.
pub(super) struct Ws {
    pub(super) connection: Connection,
    pub(super) keys: Keys,
    text: Vec<u8>,
    pub(super) protocol: Option<String>,
}

impl Ws {
    /// Opens `target` with these subprotocols.
    pub(super) fn open(client: &mut Client, target: &str, fields: &str, protocols: &[&str]) -> Self {
        let upgrade = UpgradeRequest { origin: None, protocols, nonce: [7; 16] };
        let mut room = [0; 1024];
        let mut out = ResumableWriter::new(&mut room, 0);
        upgrade.put(&mut out);
        let written = out.written();
        let asked = core::str::from_utf8(&room[..written]).unwrap();
        client.send(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{asked}{fields}\r\n").as_bytes());
        client.read();
        let answer = client.head().unwrap_or_else(|| panic!("no answer: {:?}", client.ended()));
        let fields = answer.fields.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let chosen = upgrade.verify(answer.status, fields).unwrap();
        let protocol = chosen.map(str::to_string);
        Self { protocol, ..Self::after_handshake() }
    }

    /// The client of a connection that is open already.
    pub(super) fn after_handshake() -> Self {
        Self {
            connection: Connection::client(ConnectionConfig::default()),
            keys: Keys(1),
            text: Vec::new(),
            protocol: None,
        }
    }

    /// A message as a frame.
    pub(super) fn message(&mut self, kind: MessageKind, payload: &[u8]) -> Vec<u8> {
        let mut room = std::vec![0; payload.len() + 14];
        let written = self.connection.frame(&mut room, kind, payload, &mut self.keys).unwrap();
        room.truncate(written);
        room
    }

    pub(super) fn close(&mut self, code: CloseCode) -> Vec<u8> {
        self.connection.close(code, CloseReason::NONE).unwrap();
        self.output()
    }

    /// The queued output of this side.
    pub(super) fn output(&mut self) -> Vec<u8> {
        let mut room = std::vec![0; 512];
        let written = self.connection.transmit(&mut room, &mut self.keys).unwrap();
        room.truncate(written);
        room
    }

    /// Removes complete messages from the received bytes. A text message is an event's JSON object, or raw where `plain`.
    pub(super) fn read(&mut self, came: &mut Vec<u8>, plain: bool) -> Vec<ReaderItem> {
        let mut seen = Vec::new();
        let mut at = 0;
        while at < came.len() {
            let received = self.connection.receive(&mut came[at..]);
            at += received.consumed;
            match received.event {
                Some(Incoming::Chunk(piece)) => {
                    self.text.extend_from_slice(piece.payload);
                    if piece.last {
                        let message = core::mem::take(&mut self.text);
                        seen.push(match piece.kind {
                            MessageKind::Binary => ReaderItem::Binary(message),
                            MessageKind::Text if plain => ReaderItem::Plain(String::from_utf8(message).unwrap()),
                            MessageKind::Text => told(&Json::parse(core::str::from_utf8(&message).unwrap())),
                        });
                    }
                }
                Some(Incoming::Ping) => seen.push(ReaderItem::Ping),
                Some(Incoming::Pong(_)) => {}
                Some(Incoming::Closed { code }) => {
                    let reason = self.connection.peer_close().unwrap().reason.to_string();
                    seen.push(ReaderItem::Close(code.map(CloseCode::as_u16), reason));
                }
                Some(Incoming::Failed(error)) => panic!("the server broke a rule: {error:?}"),
                None => {}
            }
        }
        came.drain(..at);
        seen
    }

    /// Whether a message has begun and not ended.
    pub(super) fn is_between(&self) -> bool {
        self.text.is_empty()
    }
}

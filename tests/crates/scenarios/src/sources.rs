//! The state of a [`Reader`](crate::Reader) of each transport.

use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tungstenite::Message;

use crate::websocket::{Socket, try_websocket};
use crate::{
    Channel, Event, EventStream, Framing, Gap, Item, Peer, PeerError, Start, StreamEvent, Transport, Width, patience,
};

/// Asks, and asks again.
#[derive(Debug)]
pub(crate) struct Poller<'c> {
    channel: &'c Channel<'c>,
    peer: Peer,
    transport: Transport,
    start: Start,
    asked: bool,
}

impl<'c> Poller<'c> {
    pub(crate) fn open(channel: &'c Channel<'_>, transport: Transport, start: Start) -> Result<Self, String> {
        let peer = connect(channel, start.width)?;
        let mut poller = Self { channel, peer, transport, start, asked: false };
        if transport == Transport::LongPoll {
            poller.ask(None)?;
        }
        Ok(poller)
    }

    fn ask(&mut self, cursor: Option<&str>) -> Result<(), String> {
        let again;
        let start = match cursor {
            Some(cursor) => {
                again = Start { by_query: self.start.by_query, ..Start::after(cursor) };
                &again
            }
            None => &self.start,
        };
        let request = request(self.channel, self.transport, start);
        self.asked = true;
        self.peer.send(&request).map_err(ended)
    }

    /// The next response: its items, and its `after`.
    pub(crate) fn fetch(&mut self, cursor: Option<&str>) -> Result<(Vec<Item>, String), String> {
        if !self.asked {
            self.ask(cursor)?;
        }
        self.asked = false;
        let answer = self.peer.answer("GET").map_err(ended)?;
        assert_eq!(answer.status(), 200, "{answer:?}");
        let json = answer.json();
        let gap = json.get("gap").map(|gap| Item::Gap(Gap { missed: missed(gap), after: None }));
        let events = json["events"].as_array().expect("a list of events").iter().map(event);
        let items: Vec<Item> = gap.into_iter().chain(events).collect();
        if items.is_empty() && self.transport == Transport::Poll {
            // A poller asks again.
            thread::sleep(Duration::from_millis(5));
        }
        Ok((items, json["after"].as_str().expect("a cursor").to_owned()))
    }
}

/// Reads a response that does not end: NDJSON or an event stream.
#[derive(Debug)]
pub(crate) struct Follower {
    peer: Peer,
    framing: Framing,
    body: Body,
    /// Items at the beginning of the stream.
    ready: Vec<Item>,
}

#[derive(Debug)]
enum Body {
    Lines {
        unread: Vec<u8>,
        /// The cursor of the last line that held nothing else.
        cursor: String,
    },
    EventStream(EventStream),
}

impl Follower {
    pub(crate) fn open(channel: &Channel<'_>, transport: Transport, start: Start) -> Result<Self, String> {
        let mut peer = connect(channel, start.width)?;
        peer.send(&request(channel, transport, &start)).map_err(ended)?;
        let head = peer.head().map_err(ended)?;
        assert_eq!(head.status, 200, "{head:?}");
        let kind = head.field("content-type").expect("a Content-Type").to_ascii_lowercase();
        let body = if transport == Transport::Stream {
            assert!(kind.starts_with("application/x-ndjson"), "{kind}");
            Body::Lines { unread: Vec::new(), cursor: String::new() }
        } else {
            assert_eq!(kind.replace(' ', ""), "text/event-stream;charset=utf-8");
            Body::EventStream(EventStream::default())
        };
        let mut follower = Self { framing: head.framing("GET").unwrap(), peer, body, ready: Vec::new() };
        // Both begin at once, whether there is an event or not.
        while follower.ready.is_empty() && !follower.body.has_begun() {
            follower.ready = follower.piece()?;
        }
        Ok(follower)
    }

    /// The cursor that the stream began with, before any event or gap; empty where the client has sent it itself.
    ///
    /// # Errors
    /// How the stream ended first.
    pub(crate) fn opened_after(&mut self) -> Result<&str, String> {
        while self.ready.is_empty() && self.body.cursor().is_empty() {
            self.ready = self.piece()?;
        }
        assert!(self.ready.is_empty(), "an event came first: {:?}", self.ready);
        Ok(self.body.cursor())
    }

    /// The item that the next bytes complete.
    pub(crate) fn more(&mut self) -> Result<Vec<Item>, String> {
        if !self.ready.is_empty() {
            return Ok(std::mem::take(&mut self.ready));
        }
        self.piece()
    }

    fn piece(&mut self) -> Result<Vec<Item>, String> {
        match self.peer.piece(&mut self.framing) {
            Ok(Some(piece)) => Ok(self.body.take(&piece)),
            Ok(None) => Err("the end of the stream".to_owned()),
            Err(trouble) => Err(ended(trouble)),
        }
    }
}

impl Body {
    fn has_begun(&self) -> bool {
        match self {
            Self::Lines { cursor, .. } => !cursor.is_empty(),
            Self::EventStream(parser) => parser.retry.is_some(),
        }
    }

    fn cursor(&self) -> &str {
        match self {
            Self::Lines { cursor, .. } => cursor,
            Self::EventStream(parser) => &parser.last_id,
        }
    }

    fn take(&mut self, piece: &[u8]) -> Vec<Item> {
        match self {
            Self::Lines { unread, cursor } => {
                let mut items = Vec::new();
                unread.extend_from_slice(piece);
                while let Some(end) = unread.iter().position(|&byte| byte == b'\n') {
                    let line: Vec<u8> = unread.drain(..=end).collect();
                    let object: Value = serde_json::from_slice(&line).expect("a line of JSON");
                    match object["after"].as_str().filter(|_| object.get("gap").is_none()) {
                        Some(after) => after.clone_into(cursor),
                        None => items.push(item(&object)),
                    }
                }
                items
            }
            Self::EventStream(parser) => parser.take(piece).into_iter().map(from_event_stream).collect(),
        }
    }
}

fn from_event_stream(event: StreamEvent) -> Item {
    if event.event_type == "gap" {
        let gap: Value = serde_json::from_str(&event.data).expect("a gap is JSON");
        return Item::Gap(Gap { missed: missed(&gap), after: Some(event.id) });
    }
    let (event_type, data, binary) = match event.event_type.strip_suffix(";base64") {
        Some(event_type) => (event_type.to_owned(), STANDARD.decode(&event.data).unwrap(), true),
        None => (event.event_type, event.data.into_bytes(), false),
    };
    Item::Event(Event { id: event.id, event_type, data, binary })
}

/// Reads messages of `goldcrest.v1`.
#[derive(Debug)]
pub(crate) struct WebSocketSource {
    socket: Socket,
}

impl WebSocketSource {
    pub(crate) fn open(channel: &Channel<'_>, mut start: Start) -> Result<Self, String> {
        if start.by_query {
            start = start.query("transport", "websocket");
        }
        let fields: Vec<&str> = start.fields.iter().map(String::as_str).collect();
        let target = channel.target(&start.query.join("&"));
        let socket = try_websocket(start.width, channel.server(), &target, "goldcrest.v1", &fields)
            .map_err(|error| format!("{error:?}"))?;
        Ok(Self { socket })
    }

    pub(crate) fn next(&mut self) -> Result<Item, String> {
        // Pings alone are nothing.
        let deadline = Instant::now() + patience();
        while Instant::now() < deadline {
            match self.socket.read().map_err(|error| error.to_string())? {
                Message::Text(text) => {
                    return Ok(item(&serde_json::from_str(text.as_str()).expect("a JSON message")));
                }
                Message::Binary(bytes) => {
                    let end = bytes.iter().position(|&byte| byte == b'\n').expect("a line feed behind the head");
                    let head: Value = serde_json::from_slice(&bytes[..end]).expect("a head of JSON");
                    let Item::Event(event) = item(&head) else { panic!("a binary gap") };
                    return Ok(Item::Event(Event { data: bytes[end + 1..].to_vec(), binary: true, ..event }));
                }
                Message::Ping(_) | Message::Pong(_) => {}
                other => return Err(format!("{other:?}")),
            }
        }
        Err("nothing".to_owned())
    }
}

fn connect(channel: &Channel<'_>, width: Width) -> Result<Peer, String> {
    let server = channel.server();
    // Where connections are few, the scenario's own others may have to end first.
    if server.has_few_connections() { Ok(server.connect_with(width)) } else { server.try_connect(width).map_err(ended) }
}

fn ended(trouble: PeerError) -> String {
    format!("{trouble:?}")
}

/// The request that begins to read.
fn request(channel: &Channel<'_>, transport: Transport, start: &Start) -> Vec<u8> {
    let mut query = start.query.clone();
    let mut fields: Vec<&str> = start.fields.iter().map(String::as_str).collect();
    if start.by_query {
        query.push(format!("transport={}", transport.name()));
        if transport == Transport::LongPoll {
            query.push("wait=20".to_owned());
        }
    } else {
        fields.extend(transport.field());
    }
    channel.server().request("GET", &channel.target(&query.join("&")), &fields, b"")
}

/// An object of JSON: an event or a gap.
fn item(json: &Value) -> Item {
    match json.get("gap") {
        Some(gap) => Item::Gap(Gap { missed: missed(gap), after: json["after"].as_str().map(str::to_owned) }),
        None => event(json),
    }
}

fn event(json: &Value) -> Item {
    let text = |name: &str| json[name].as_str().unwrap_or_else(|| panic!("no {name} in {json}")).to_owned();
    let (data, binary) = match json.get("encoding").map(|encoding| encoding.as_str()) {
        None if json.get("data").is_none() => (Vec::new(), false),
        None => (text("data").into_bytes(), false),
        Some(Some("base64")) => (STANDARD.decode(text("data")).unwrap(), true),
        Some(other) => panic!("encoding {other:?}"),
    };
    Item::Event(Event { id: text("id"), event_type: text("type"), data, binary })
}

fn missed(gap: &Value) -> Option<u64> {
    assert!(gap.is_object(), "a gap is an object: {gap}");
    gap.get("missed").map(|missed| missed.as_u64().expect("a number of missed events"))
}

//! A format's output of a log that grows while it is read, beside the appended events.

use std::time::Duration;

use arbitrary::Arbitrary;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use eventsource_stream::Eventsource;
use futures_lite::{StreamExt, future, stream};
use goldcrest_core::format::{
    BodyState, EventMessages, Fill, NextMessage, PollBody, PollLimits, StreamBody, StreamFormat, StreamTimers,
    Subprotocol,
};
use goldcrest_core::log::{Encoding, EventId, EventLog, EventType, GapPolicy, LogReader, Position};
use goldcrest_core::time::Instant;
use goldcrest_core::ws::connection::MessageKind;
use serde_json::Value;

use crate::Steps;
use crate::ring::{Policy, Start};

const EPOCH: u32 = 0x5eed_cafe;

/// A reader, a log, and how both move.
#[derive(Clone, Debug, Arbitrary)]
pub struct FormatCase {
    /// Which delivery reads.
    pub form: Form,
    /// The gap policy.
    pub policy: Policy,
    /// Bytes of the log's storage.
    pub size: u16,
    /// Events that it keeps at most.
    pub slots: u8,
    /// Where its sequence numbers start.
    pub start: Start,
    /// Events that are there when the reader comes.
    pub before: u8,
    /// How far before the newest the reader starts; `None`: its cursor is lost.
    pub back: Option<u8>,
    /// The steps, in order.
    pub turns: Steps<Turn>,
}

/// A delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Arbitrary)]
#[expect(missing_docs, reason = "the names are those of the deliveries")]
pub enum Form {
    Ndjson,
    EventStream,
    Plain,
    Envelope,
    Poll,
}

/// A thing that happens.
#[derive(Clone, Copy, Debug, Arbitrary)]
pub enum Turn {
    /// An event of so many bytes is appended.
    Append {
        /// Bytes of its data.
        length: u8,
        /// The kind of their data.
        what: u8,
        /// Whether it is text.
        text: bool,
    },
    /// A room of so many bytes is to be filled.
    Fill(u8),
    /// The clock goes on by so many milliseconds, or back.
    Pass(i32),
    /// The delivery is asked to end.
    End,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Event {
    name: &'static str,
    data: Vec<u8>,
    encoding: Encoding,
}

struct World {
    log: EventLog<Vec<u8>>,
    start: u64,
    events: Vec<Event>,
    now: Instant,
}

/// An item that a reader received.
#[derive(Debug)]
enum ReceivedItem {
    Event {
        id: Option<String>,
        event: Event,
    },
    Gap {
        missed: Option<u64>,
        after: String,
    },
    /// The cursor, at the beginning of a stream and as its keep-alive.
    Cursor(String),
}

/// The replacement of CR, and of CR LF, in text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LineEnds {
    Kept,
    /// An event stream has no others.
    Lf,
}

const NAMES: [&str; 4] = ["", "note", "Temp\"\\\u{e4}", "t"];
const TEXTS: [&str; 6] = ["x", "\n", "\"\\\u{1}", "\u{20ac}", "a\rb\r\nc", "\u{1f426} data: id:1\n\n"];

impl World {
    fn append(&mut self, length: u8, what: u8, text: bool) {
        let length = usize::from(length);
        let data = if text {
            let pattern = TEXTS[usize::from(what) % TEXTS.len()];
            pattern.repeat(length.div_ceil(pattern.len())).into_bytes()
        } else {
            (0..length).map(|at| (at as u8).wrapping_mul(what | 1)).collect()
        };
        let encoding = if text { Encoding::Text } else { Encoding::Binary };
        let event = Event { name: NAMES[usize::from(what) % NAMES.len()], data, encoding };
        if self.log.append(EventType::new(event.name).unwrap(), encoding, &event.data).is_ok() {
            self.events.push(event);
        }
    }

    fn id(seq: u64) -> String {
        EventId { epoch: EPOCH, seq }.to_string()
    }

    /// Whether a reader that starts at `at` may receive `told`. Returns its next position.
    fn judge(&self, told: &[ReceivedItem], mut at: u64, line_ends: LineEnds) -> u64 {
        for told in told {
            match told {
                ReceivedItem::Event { id, event } => {
                    let seq = at + 1;
                    if let Some(id) = id {
                        assert_eq!(*id, Self::id(seq), "an event is skipped or repeated");
                    }
                    let mut appended = self.events[(seq - self.start - 1) as usize].clone();
                    if line_ends == LineEnds::Lf && appended.encoding == Encoding::Text {
                        let text = String::from_utf8(appended.data).unwrap();
                        appended.data = text.replace("\r\n", "\n").replace('\r', "\n").into_bytes();
                    }
                    assert_eq!(*event, appended);
                    at = seq;
                }
                ReceivedItem::Gap { missed, after } => {
                    let after: EventId = after.parse().expect("an id");
                    assert_eq!(after.epoch, EPOCH);
                    if let Some(missed) = missed {
                        assert!(*missed > 0);
                        assert_eq!(after.seq, at + missed);
                    }
                    at = after.seq;
                }
                ReceivedItem::Cursor(after) => {
                    assert_eq!(*after, Self::id(at), "a cursor passes over events or goes back")
                }
            }
        }
        at
    }
}

/// Reads by the turns, and then to the end; checks every item.
pub fn delivers_the_appended_events(reading: &FormatCase) {
    let start = reading.start.seq().min(u64::MAX - 300);
    let id = EventId { epoch: EPOCH, seq: start };
    let size = usize::from(reading.size % 2048);
    let Ok(log) = EventLog::after(vec![0; size], (reading.slots % 17).into(), id) else { return };
    let mut world = World { log, start, events: vec![], now: Instant::from_millis(1_000_000) };
    for n in 0..reading.before % 32 {
        world.append(n % 40, n, n % 3 > 0);
    }
    let at = world.log.newest().saturating_sub(reading.back.unwrap_or(0).into()).max(start);
    let position = match reading.back {
        Some(_) => Position::After(EventId { epoch: EPOCH, seq: at }),
        None => Position::Unknown,
    };
    match reading.form {
        Form::Ndjson => follow(StreamFormat::Ndjson, &mut world, reading, position, at),
        Form::EventStream => follow(StreamFormat::EventStream, &mut world, reading, position, at),
        Form::Plain => messages(Subprotocol::Plain, &mut world, reading, position, at),
        Form::Envelope => messages(Subprotocol::Envelope, &mut world, reading, position, at),
        Form::Poll => poll(&mut world, reading, position, at),
    }
}

impl World {
    /// The steps of other parties. Returns whether this was one.
    fn turn(&mut self, turn: Turn) -> bool {
        match turn {
            Turn::Append { length, what, text } if self.events.len() < 200 => self.append(length, what, text),
            Turn::Append { .. } => {}
            Turn::Pass(millis) => {
                let now = self.now.as_millis().saturating_add_signed(millis.into());
                self.now = Instant::from_millis(now);
            }
            Turn::Fill(_) | Turn::End => return false,
        }
        true
    }
}

fn follow(form: StreamFormat, world: &mut World, reading: &FormatCase, position: Position, at: u64) {
    let (pace, policy) = (StreamTimers::default(), GapPolicy::from(reading.policy));
    let resumed = reading.back.is_some_and(|back| back % 2 > 0);
    let mut follow = StreamBody::new(form, &world.log, position, policy, pace, world.now).resumed(resumed);
    let (mut said, mut ended, mut farewell) = (Vec::new(), None, false);
    let rest = [Turn::Fill(255)].repeat(400);
    for turn in reading.turns.0.iter().chain(&rest) {
        if world.turn(*turn) {
            continue;
        }
        let Turn::Fill(size) = turn else {
            farewell = true;
            follow.end(Duration::from_millis(1234));
            continue;
        };
        let mut room = vec![0; usize::from(*size)];
        let Fill { written, state: then } = follow.fill(&world.log, &mut room, world.now);
        said.extend_from_slice(&room[..written]);
        match then {
            BodyState::More => assert_eq!(written, room.len(), "there is more to say, and room"),
            BodyState::Wait(deadline) => {
                assert!(deadline > world.now, "a wait is not over when it begins");
                assert!(
                    deadline <= world.now + pace.keep_alive,
                    "nothing is said for too long after a clock went back"
                );
            }
            BodyState::End | BodyState::Abort => {
                ended = Some(then);
                break;
            }
        }
    }
    let sse = form.content_type().starts_with("text/event-stream");
    let told = if sse { event_stream(&said) } else { lines(&said) };
    if sse {
        let blocks = String::from_utf8_lossy(&said);
        let (whole, _) = blocks.rsplit_once("\n\n").unwrap_or_default();
        let empty = |block: &&str| !block.lines().any(|line| line.starts_with("data:"));
        let empty = whole.split("\n\n").filter(|_| !whole.is_empty()).filter(empty).count();
        assert!(empty <= usize::from(!resumed), "{empty} blocks without data: {whole}");
    }
    let reached = world.judge(&told, at, if sse { LineEnds::Lf } else { LineEnds::Kept });
    match ended {
        Some(BodyState::Abort) => {
            // Part of an event has left, and is no event by itself.
            let behind = if sse { said.ends_with(b"\n\n") } else { said.ends_with(b"\n") };
            assert!(!behind || sse && !said.is_empty(), "an abort between two events");
        }
        Some(_) => assert!(farewell || reading.policy == Policy::Disconnect, "it ended by itself"),
        None => assert_eq!(reached, world.log.newest(), "it does not come to the end"),
    }
}

fn lines(said: &[u8]) -> Vec<ReceivedItem> {
    let whole = said.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let lines = said[..whole].split_inclusive(|byte| *byte == b'\n');
    lines.map(|line| object(&serde_json::from_slice(line).expect("a line is JSON"))).collect()
}

fn object(value: &Value) -> ReceivedItem {
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    if let Some(gap) = value.get("gap") {
        return ReceivedItem::Gap { missed: gap["missed"].as_u64(), after: text("after").expect("a gap says after") };
    }
    if let Some(after) = text("after") {
        return ReceivedItem::Cursor(after);
    }
    let data = text("data").expect("data is a string");
    let event = match value.get("encoding").and_then(Value::as_str) {
        Some("base64") => event(&text("type").unwrap(), STANDARD.decode(data).unwrap(), Encoding::Binary),
        None => event(&text("type").unwrap(), data.into_bytes(), Encoding::Text),
        Some(other) => panic!("encoding {other}"),
    };
    ReceivedItem::Event { id: text("id"), event }
}

fn event(name: &str, data: Vec<u8>, encoding: Encoding) -> Event {
    let name = NAMES.into_iter().find(|known| *known == name).unwrap_or_else(|| {
        assert_eq!(name, "message");
        ""
    });
    Event { name, data, encoding }
}

fn event_stream(said: &[u8]) -> Vec<ReceivedItem> {
    // A cut may fall within a character of the event that is never ended.
    let text = String::from_utf8_lossy(said).into_owned();
    let whole = stream::iter([Ok::<_, std::convert::Infallible>(text)]);
    future::block_on(async {
        let mut events = whole.eventsource();
        let mut told = Vec::new();
        while let Some(Ok(seen)) = events.next().await {
            told.push(if seen.event == "gap" {
                let gap: Value = serde_json::from_str(&seen.data).unwrap();
                ReceivedItem::Gap { missed: gap["missed"].as_u64(), after: seen.id }
            } else if let Some(name) = seen.event.strip_suffix(";base64") {
                let event = event(name, STANDARD.decode(&seen.data).unwrap(), Encoding::Binary);
                ReceivedItem::Event { id: Some(seen.id), event }
            } else {
                ReceivedItem::Event {
                    id: Some(seen.id),
                    event: event(&seen.event, seen.data.into_bytes(), Encoding::Text),
                }
            });
        }
        told
    })
}

fn messages(framing: Subprotocol, world: &mut World, reading: &FormatCase, position: Position, at: u64) {
    let policy = GapPolicy::from(reading.policy);
    let mut reader = EventMessages::new(framing, &world.log, position, policy);
    let mut told = Vec::new();
    let mut message: Option<(MessageKind, u64, Vec<u8>)> = None;
    let (mut behind, mut cut) = (false, false);
    let rest = [Turn::Fill(255)].repeat(400);
    'turns: for turn in reading.turns.0.iter().chain(&rest) {
        if world.turn(*turn) {
            continue;
        }
        let Turn::Fill(size) = turn else { continue };
        let mut left = usize::from(*size);
        while left > 0 {
            let Some((_, length, bytes)) = &mut message else {
                let has_next = reader.has_next(&world.log);
                match reader.next(&world.log) {
                    NextMessage::Nothing => {
                        assert!(!has_next);
                        break;
                    }
                    NextMessage::Behind => {
                        behind = true;
                        break 'turns;
                    }
                    NextMessage::Message(kind, 0) => told.push(spoken(framing, kind, vec![])),
                    NextMessage::Message(kind, length) => message = Some((kind, length, vec![])),
                }
                continue;
            };
            let mut room = vec![0; left.min(usize::try_from(*length).unwrap() - bytes.len())];
            let Ok(written) = reader.fill(&world.log, &mut room) else {
                cut = true;
                break 'turns;
            };
            assert!(written == room.len(), "a message is as long as it says");
            bytes.extend_from_slice(&room[..written]);
            left -= written;
            if bytes.len() as u64 == *length {
                let (kind, _, bytes) = message.take().unwrap();
                told.push(spoken(framing, kind, bytes));
            }
        }
    }
    if framing == Subprotocol::Plain {
        // Only data arrives: of consecutive events, in order, without gaps.
        let start = if told.is_empty() { at } else { at.max(world.start) };
        let placed = reading.back.is_some() && !behind;
        if placed {
            for (index, told) in told.iter().enumerate() {
                let ReceivedItem::Event { event, .. } = told else { unreachable!() };
                let original = &world.events[(start - world.start) as usize + index];
                assert_eq!((&event.data, event.encoding), (&original.data, original.encoding));
            }
        }
    } else {
        let reached = world.judge(&told, at, LineEnds::Kept);
        assert!(cut || behind || reached == world.log.newest());
    }
    assert!(!behind || framing == Subprotocol::Plain || reading.policy == Policy::Disconnect);
}

fn spoken(framing: Subprotocol, kind: MessageKind, bytes: Vec<u8>) -> ReceivedItem {
    let encoding = if kind == MessageKind::Text { Encoding::Text } else { Encoding::Binary };
    match (framing, kind) {
        (Subprotocol::Plain, _) => ReceivedItem::Event { id: None, event: Event { name: "", data: bytes, encoding } },
        (Subprotocol::Envelope, MessageKind::Text) => object(&serde_json::from_slice(&bytes).expect("JSON")),
        (Subprotocol::Envelope, MessageKind::Binary) => {
            let end = bytes.iter().position(|byte| *byte == b'\n').expect("a line feed behind the object");
            let head: Value = serde_json::from_slice(&bytes[..end]).expect("JSON");
            let event = event(head["type"].as_str().unwrap(), bytes[end + 1..].to_vec(), encoding);
            ReceivedItem::Event { id: head["id"].as_str().map(str::to_owned), event }
        }
    }
}

fn poll(world: &mut World, reading: &FormatCase, position: Position, at: u64) {
    let bounds = PollLimits { events: usize::from(reading.slots), bytes: reading.size.into() };
    let mut poll = PollBody::new(&world.log, world.log.seek(position, reading.policy.into()), &bounds);
    let (mut said, mut ended) = (Vec::new(), None);
    let rest = [Turn::Fill(255)].repeat(400);
    for turn in reading.turns.0.iter().chain(&rest) {
        if world.turn(*turn) {
            continue;
        }
        let Turn::Fill(size) = turn else { continue };
        let mut room = vec![0; usize::from(*size)];
        let Fill { written, state: then } = poll.fill(&world.log, &mut room);
        said.extend_from_slice(&room[..written]);
        match then {
            BodyState::More => assert_eq!(written, room.len()),
            BodyState::Wait(_) => panic!("a poll never waits"),
            BodyState::End | BodyState::Abort => {
                ended = Some(then);
                break;
            }
        }
    }
    if ended != Some(BodyState::End) {
        assert!((said.len() as u64) < poll.length(), "a poll that was cut passes for a whole one");
        return;
    }
    assert_eq!(said.len() as u64, poll.length());
    let body: Value = serde_json::from_slice(&said).expect("JSON");
    let after = body["after"].as_str().unwrap();
    let events: Vec<_> = body["events"].as_array().unwrap().iter().map(object).collect();
    assert!(events.len() <= bounds.events.max(1));
    // The gap is reported beside the events: it ends where the first one begins.
    let reached = after.parse::<EventId>().unwrap().seq;
    let first = reached - events.len() as u64;
    let at = match body.get("gap") {
        Some(gap) => {
            if let Some(missed) = gap["missed"].as_u64() {
                assert_eq!(first, at + missed);
            }
            first
        }
        None => at,
    };
    assert_eq!(world.judge(&events, at, LineEnds::Kept), reached);
    assert_eq!(poll.last().to_string(), after);
}

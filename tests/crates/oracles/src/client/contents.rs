//! The contents of a connection's bytes, by httparse, eventsource-stream, `serde_json` and tungstenite.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use goldcrest_core::ws::Role;
use goldcrest_core::ws::connection::MessageKind;
use serde_json::Value;

use super::network::Line;
use crate::{event_stream, websocket};

/// The most bytes of a request without its content: twice the URLs there are, a cursor, the fields that are sent.
const REQUEST: usize = 1024;

/// Something that a client has handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ReturnedItem {
    /// An event: id, type, data.
    Event(String, String, Data),
    /// A complete message, or its beginning.
    Message(MessageKind, Vec<u8>, bool),
    /// The id of a receipt.
    Receipt(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Data {
    Text(String),
    Binary(Vec<u8>),
}

/// The contents of a connection's bytes: one response's content after another, or frames after responses.
#[derive(Debug, Default)]
struct Held {
    /// Final answers.
    answers: usize,
    contents: Vec<Content>,
}

#[derive(Debug)]
enum Content {
    Stream(Vec<u8>),
    Other(Vec<u8>),
    Frames(Vec<u8>),
}

/// Reads answers for as long as httparse does; `None` where it refuses one that ours takes.
fn held(said: &[u8]) -> Option<Held> {
    let (mut held, mut rest) = (Held::default(), said);
    loop {
        let mut fields = [httparse::EMPTY_HEADER; 256];
        let mut answer = httparse::Response::new(&mut fields);
        let length = match answer.parse(rest) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Some(held),
            // HTTP/1.2 to 1.9 are read as 1.1 (RFC 9110 §2.5).
            Err(httparse::Error::Version) => return None,
            Err(_) => return Some(held),
        };
        let named = |name: &str| {
            let values = answer.headers.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
            values.map(|field| String::from_utf8_lossy(field.value).to_ascii_lowercase()).next()
        };
        let status = answer.code.unwrap_or_default();
        let after = &rest[length..];
        if status == 101 {
            held.answers += 1;
            held.contents.push(Content::Frames(after.to_vec()));
            return Some(held);
        }
        if status < 200 {
            rest = after;
            continue;
        }
        held.answers += 1;
        let of_stream = named("content-type").is_some_and(|value| value.starts_with("text/event-stream"));
        let (content, taken) = if matches!(status, 204 | 304) {
            (Vec::new(), 0)
        } else if named("transfer-encoding").is_some() {
            chunked(after)
        } else {
            let told = named("content-length").and_then(|value| value.split(',').next()?.trim().parse().ok());
            let taken = told.unwrap_or(usize::MAX).min(after.len());
            (after[..taken].to_vec(), taken)
        };
        held.contents.push(if of_stream { Content::Stream(content) } else { Content::Other(content) });
        rest = &after[taken..];
    }
}

/// The decoded content, and the number of bytes that it took.
fn chunked(bytes: &[u8]) -> (Vec<u8>, usize) {
    let (mut rest, mut content) = (bytes, Vec::new());
    while let Ok(httparse::Status::Complete((start, size))) = httparse::parse_chunk_size(rest) {
        rest = &rest[start..];
        if size == 0 {
            // No trailers but the empty line and those that the fuzzer makes.
            let end = rest.windows(4).position(|it| it == b"\r\n\r\n").map_or(rest.len(), |at| at + 4);
            let end = if rest.starts_with(b"\r\n") { 2 } else { end };
            rest = &rest[end..];
            break;
        }
        let size = usize::try_from(size).unwrap_or(usize::MAX).min(rest.len());
        content.extend_from_slice(&rest[..size]);
        rest = rest[size..].strip_prefix(b"\r\n").unwrap_or_default();
    }
    (content, bytes.len() - rest.len())
}

/// All events that a content may hold, in order; `None` where the other parser cannot decide.
fn says(content: &Content) -> Option<Vec<ReturnedItem>> {
    match content {
        Content::Stream(bytes) => {
            let events = event_stream::says(&String::from_utf8_lossy(bytes));
            Some(events.into_iter().map(|(name, data, id)| ReturnedItem::Event(id, name, Data::Text(data))).collect())
        }
        Content::Other(bytes) => objects(bytes),
        Content::Frames(bytes) => {
            let messages = websocket::messages(Role::Server, bytes);
            Some(messages.into_iter().map(|(kind, bytes)| ReturnedItem::Message(kind, bytes, true)).collect())
        }
    }
}

/// All objects, nested ones as well. `None` where `serde_json` refuses one: ours does not validate unread
/// members.
fn objects(bytes: &[u8]) -> Option<Vec<ReturnedItem>> {
    let mut all = Vec::new();
    for at in (0..bytes.len()).filter(|at| bytes[*at] == b'{') {
        let mut values = serde_json::Deserializer::from_slice(&bytes[at..]).into_iter::<Value>();
        match values.next() {
            Some(Ok(object)) => all.extend(event(&object)),
            Some(Err(error)) if error.is_eof() => {}
            _ => return None,
        }
    }
    Some(all)
}

fn event(object: &Value) -> Option<ReturnedItem> {
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    let id = text("id")?.to_owned();
    let name = text("type").filter(|name| !name.is_empty()).unwrap_or("message").to_owned();
    let Some(data) = text("data") else { return Some(ReturnedItem::Receipt(id)) };
    let data = match text("encoding") {
        Some("base64") => Data::Binary(STANDARD.decode(data).ok()?),
        _ => Data::Text(data.to_owned()),
    };
    Some(ReturnedItem::Event(id, name, data))
}

/// Whether `handed` equals `held`, as a client of a channel or of a stream returns it.
fn is_of(handed: &ReturnedItem, held: &ReturnedItem) -> bool {
    match (handed, held) {
        (ReturnedItem::Event(id, name, data), ReturnedItem::Event(held_id, held_name, held_data)) => {
            // A stream without ids goes on with that of the one before it.
            let id = id == held_id || held_id.is_empty();
            let plain = name == held_name && data == held_data;
            let coded = match (data, held_data) {
                (Data::Binary(bytes), Data::Text(text)) => {
                    held_name.strip_suffix(";base64") == Some(name)
                        && STANDARD.decode(text).is_ok_and(|decoded| decoded == *bytes)
                }
                _ => false,
            };
            id && (plain || coded)
        }
        (ReturnedItem::Event(id, name, data), ReturnedItem::Message(kind, bytes, _)) => {
            let (object, binary) = match kind {
                MessageKind::Text => (&bytes[..], None),
                MessageKind::Binary => {
                    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return false };
                    (&bytes[..end], Some(Data::Binary(bytes[end + 1..].to_vec())))
                }
            };
            let Ok(object) = serde_json::from_slice::<Value>(object) else { return is_unjudged(object) };
            match (event(&object), binary) {
                (Some(ReturnedItem::Event(held_id, held_name, held)), None) => {
                    (id, name, data) == (&held_id, &held_name, &held)
                }
                (Some(ReturnedItem::Event(held_id, held_name, _)), Some(binary)) => {
                    (id, name, data) == (&held_id, &held_name, &binary)
                }
                (Some(ReturnedItem::Receipt(held_id)), Some(binary)) => *id == held_id && *data == binary,
                _ => false,
            }
        }
        (ReturnedItem::Message(kind, bytes, whole), ReturnedItem::Message(held_kind, held, _)) => {
            kind == held_kind && if *whole { bytes == held } else { held.starts_with(bytes) }
        }
        (ReturnedItem::Receipt(id), ReturnedItem::Receipt(held) | ReturnedItem::Event(held, ..)) => id == held,
        _ => false,
    }
}

/// Whether our parser may accept an object that `serde_json` refuses: the error is in a member that is not read.
fn is_unjudged(object: &[u8]) -> bool {
    object.iter().filter(|byte| **byte == b':').count() > 2
}

/// Whether it is a receipt out of content that was longer than the memory for it.
fn is_cut(handed: &ReturnedItem, said: &[u8]) -> bool {
    matches!(handed, ReturnedItem::Receipt(id) if said.windows(id.len()).any(|it| it == id.as_bytes()))
}

/// Each of `handed` is part of the server's bytes of this connection, in the same order.
pub(super) fn holds(line: &Line, handed: &[ReturnedItem]) {
    let Some(held) = held(&line.said) else { return };
    let Some(all) = held.contents.iter().map(says).collect::<Option<Vec<_>>>() else { return };
    let mut all = all.iter().flatten();
    for one in handed {
        assert!(
            all.any(|held| is_of(one, held)) || is_cut(one, &line.said),
            "{one:?} was handed over, which is not in {}\nafter {handed:?}",
            line.said.escape_ascii()
        );
    }
}

/// The client's bytes are one request after another, each within its limits and after the response to the one before,
/// and then frames.
pub(super) fn keeps_its_bounds(line: &Line, content: usize) {
    let Some(held) = held(&line.said) else { return };
    let (mut rest, mut requests, mut upgrade) = (&line.sent[..], 0, false);
    let upgraded = matches!(held.contents.last(), Some(Content::Frames(_)));
    while !(rest.is_empty() || upgrade && upgraded) {
        let context = || format!("{}\nafter {}", line.sent.escape_ascii(), line.said.escape_ascii());
        assert!(!upgrade, "it goes on where nothing was upgraded: {}", context());
        requests += 1;
        assert!(requests <= held.answers + 1, "it does not wait for an answer: {}", context());
        let mut fields = [httparse::EMPTY_HEADER; 32];
        let mut request = httparse::Request::new(&mut fields);
        let length = match request.parse(rest).unwrap_or_else(|error| panic!("{error}: {}", context())) {
            httparse::Status::Complete(length) => length,
            httparse::Status::Partial => rest.len(),
        };
        assert!(length <= REQUEST, "{length} bytes of a head: {}", context());
        let named = |name: &str| request.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name));
        upgrade = named("upgrade").is_some();
        let told = named("content-length").map_or(0, |it| String::from_utf8_lossy(it.value).parse().unwrap_or(0));
        assert!(told <= content, "{told} bytes of content: {}", context());
        rest = &rest[length..];
        rest = &rest[told.min(rest.len())..];
    }
    frames(rest);
}

/// Frames of a client, whole but for the last: masked, control frames of at most 125 bytes, nothing after a Close.
fn frames(bytes: &[u8]) {
    let (mut rest, mut closed) = (bytes, false);
    while let [first, second, after @ ..] = rest {
        assert!(!closed, "a frame after a Close: {}", bytes.escape_ascii());
        assert!(second & 0x80 != 0, "unmasked: {}", bytes.escape_ascii());
        let control = first & 0x08 != 0;
        assert!([0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x88, 0x89, 0x8a].contains(first), "{}", bytes.escape_ascii());
        let (digits, short) = match second & 0x7f {
            126 => (2, None),
            127 => (8, None),
            short => (0, Some(usize::from(short))),
        };
        assert!(!control || digits == 0, "a long control frame: {}", bytes.escape_ascii());
        let Some((told, after)) = after.split_at_checked(digits) else { return };
        let length = short.unwrap_or(told.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)));
        closed = first & 0x0f == 8;
        rest = after.get(4 + length..).unwrap_or_default();
    }
}

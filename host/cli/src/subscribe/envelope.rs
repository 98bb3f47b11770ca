//! The JSON of `goldcrest.v1`, as a client reads and writes it.

use goldcrest_core::client::EventData;
use goldcrest_core::log::EventId;
use goldcrest_core::ws::connection::MessageKind;
use serde_json::{Value, json};

/// A message of the server.
#[derive(Debug, PartialEq)]
pub(super) enum ServerMessage<'m> {
    Event {
        id: String,
        event_type: String,
        data: EnvelopeData<'m>,
    },
    Gap {
        missed: Option<u64>,
        after: String,
    },
    /// A publication is stored.
    Stored {
        id: String,
    },
    /// A publication is refused.
    Refused {
        reason: String,
    },
    /// No message of `goldcrest.v1`: the server accepted the subprotocol and uses another one.
    Stranger,
}

/// The data of an event.
#[derive(Debug, PartialEq)]
pub(super) enum EnvelopeData<'m> {
    Text(String),
    Binary(&'m [u8]),
}

impl EnvelopeData<'_> {
    pub(super) fn borrow(&self) -> EventData<'_> {
        match self {
            Self::Text(text) => EventData::Text(text),
            Self::Binary(bytes) => EventData::Binary(bytes),
        }
    }
}

/// Reads a message.
pub(super) fn read(kind: MessageKind, message: &[u8]) -> ServerMessage<'_> {
    let (object, bytes) = match kind {
        MessageKind::Text => (message, None),
        MessageKind::Binary => match message.iter().position(|byte| *byte == b'\n') {
            Some(end) => (&message[..end], Some(&message[end + 1..])),
            None => return ServerMessage::Stranger,
        },
    };
    let Ok(Value::Object(object)) = serde_json::from_slice(object) else { return ServerMessage::Stranger };
    let text = |name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
    if let (Some(Value::Object(gap)), Some(after)) = (object.get("gap"), text("after"))
        && after.parse::<EventId>().is_ok()
    {
        let missed = gap.get("missed").and_then(Value::as_u64);
        if gap.len() == usize::from(missed.is_some()) {
            return ServerMessage::Gap { missed, after };
        }
    }
    if let Some(reason) = text("error") {
        return ServerMessage::Refused { reason };
    }
    match (text("id"), text("type"), bytes, text("data")) {
        (Some(id), Some(event_type), Some(bytes), None) => {
            ServerMessage::Event { id, event_type, data: EnvelopeData::Binary(bytes) }
        }
        (Some(id), Some(event_type), None, Some(data)) => {
            ServerMessage::Event { id, event_type, data: EnvelopeData::Text(data) }
        }
        (Some(id), None, None, None) => ServerMessage::Stored { id },
        _ => ServerMessage::Stranger,
    }
}

/// A publication of this line, of bytes where it is no text.
pub(super) fn publication(line: &[u8], reference: u64, key: &str) -> (MessageKind, Vec<u8>) {
    match str::from_utf8(line) {
        Ok(text) => (MessageKind::Text, json!({ "data": text, "ref": reference, "key": key }).to_string().into_bytes()),
        Err(_) => {
            let mut message = json!({ "ref": reference, "key": key }).to_string().into_bytes();
            message.push(b'\n');
            message.extend_from_slice(line);
            (MessageKind::Binary, message)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_form_is_recognised() {
        let text = |message: &'static str| read(MessageKind::Text, message.as_bytes());
        let data = EnvelopeData::Text("b\n".into());
        let event = ServerMessage::Event { id: "a-1".into(), event_type: "x".into(), data };
        assert_eq!(text(r#"{"id":"a-1","type":"x","data":"b\n"}"#), event);
        assert_eq!(
            text(r#"{"gap":{"missed":2},"after":"00000abc-3"}"#),
            ServerMessage::Gap { missed: Some(2), after: "00000abc-3".into() }
        );
        assert_eq!(
            text(r#"{"gap":{},"after":"00000abc-3"}"#),
            ServerMessage::Gap { missed: None, after: "00000abc-3".into() }
        );
        assert_eq!(text(r#"{"ref":1,"id":"a-4"}"#), ServerMessage::Stored { id: "a-4".into() });
        assert_eq!(text(r#"{"ref":1,"error":"no"}"#), ServerMessage::Refused { reason: "no".into() });
        let gaps = [r#"{"gap":{"hello":1},"after":"00000abc-3"}"#, r#"{"gap":{},"after":"a-3"}"#, r#"{"gap":{}}"#];
        for stranger in ["hello", "[]", "{}", "7", ""].into_iter().chain(gaps) {
            assert_eq!(text(stranger), ServerMessage::Stranger, "{stranger}");
        }
        let binary =
            ServerMessage::Event { id: "a-1".into(), event_type: "x".into(), data: EnvelopeData::Binary(b"\n\xff") };
        assert_eq!(read(MessageKind::Binary, b"{\"id\":\"a-1\",\"type\":\"x\"}\n\n\xff"), binary);
        assert_eq!(read(MessageKind::Binary, b"\xff"), ServerMessage::Stranger);
    }

    #[test]
    fn data_that_is_not_utf8_is_published_as_binary() {
        assert_eq!(publication("ü".as_bytes(), 7, "k").0, MessageKind::Text);
        let (kind, message) = publication(b"\xff\n", 7, "k");
        assert_eq!(kind, MessageKind::Binary);
        assert!(message.ends_with(b"}\n\xff\n"), "{message:?}");
    }
}

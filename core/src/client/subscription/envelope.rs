//! The JSON of goldcrest: an event, a gap, a cursor.
//!
//! The object is parsed and unescaped in place. The results are ranges of the buffer, from which events are borrowed
//! later.

use super::{Event, EventData};
use crate::base64::{decode_in_place, is_base64};
use crate::json::{JsonError, Members, text};
use crate::log::Gap;
use crate::sse::parse::MESSAGE;

/// A range of a buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    start: usize,
    len: usize,
}

impl Span {
    pub(super) const fn new(start: usize, len: usize) -> Self {
        Self { start, len }
    }

    pub(super) fn of(self, buffer: &[u8]) -> &[u8] {
        buffer.get(self.start..self.start.saturating_add(self.len)).unwrap_or_default()
    }

    pub(super) fn text(self, buffer: &[u8]) -> &str {
        core::str::from_utf8(self.of(buffer)).unwrap_or_default()
    }
}

/// An event in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EventSpans {
    pub(super) id: Span,
    event_type: Span,
    data: Span,
    binary: bool,
}

impl EventSpans {
    pub(super) fn event(self, buffer: &[u8]) -> Event<'_> {
        let event_type = match self.event_type.text(buffer) {
            "" => MESSAGE,
            named => named,
        };
        let data =
            if self.binary { EventData::Binary(self.data.of(buffer)) } else { EventData::Text(self.data.text(buffer)) };
        Event { id: self.id.text(buffer), event_type, data }
    }
}

/// The content of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EnvelopeMessage {
    Event(EventSpans),
    /// Events are missing. Reading continues after this id, if there is one.
    Gap {
        gap: Gap,
        after: Option<Span>,
    },
    /// Reading continues after this id.
    After(Span),
    Other,
}

/// Parses `object`, which starts at the start of the buffer. With `data` it describes a binary event whose bytes are
/// in that range.
///
/// # Errors
/// It is not a JSON object, or a member has another type.
pub(super) fn read(object: &mut [u8], data: Option<Span>) -> Result<EnvelopeMessage, JsonError> {
    let base = object.as_ptr() as usize;
    let place = |part: &[u8]| Span::new((part.as_ptr() as usize).saturating_sub(base), part.len());
    let mut members = Members::new(object)?;
    let (mut id, mut event_type, mut after) = (None, Span::default(), None);
    let mut text_data: Option<&mut [u8]> = None;
    let (mut gap, mut base64) = (None, false);
    while let Some((name, value)) = members.next()? {
        match name {
            "id" => id = Some(place(text(value)?.as_bytes())),
            "type" => event_type = place(text(value)?.as_bytes()),
            "data" => text_data = Some(value),
            "after" => after = Some(place(text(value)?.as_bytes())),
            "encoding" => base64 = text(value)? == "base64",
            "gap" => gap = Some(parse_gap(value)?),
            _ => {}
        }
    }
    if let Some(gap) = gap {
        return Ok(EnvelopeMessage::Gap { gap, after });
    }
    let (data, binary) = match (text_data, data) {
        (_, Some(data)) => (data, true),
        (Some(value), None) => {
            let span = place(text(value)?.as_bytes());
            // `value` begins with its quote, followed by the text.
            let inside = value.get_mut(1..span.len.saturating_add(1)).unwrap_or_default();
            if base64 {
                if !is_base64(inside) {
                    return Err(JsonError::String);
                }
                (Span::new(span.start, decode_in_place(inside)), true)
            } else {
                (span, false)
            }
        }
        (None, None) => return Ok(after.map_or(EnvelopeMessage::Other, EnvelopeMessage::After)),
    };
    Ok(id.map_or(EnvelopeMessage::Other, |id| EnvelopeMessage::Event(EventSpans { id, event_type, data, binary })))
}

/// Parses a binary message of `goldcrest.v1`: an object, LF and the bytes.
pub(super) fn read_binary(message: &mut [u8]) -> Result<EnvelopeMessage, JsonError> {
    let end = message.iter().position(|byte| *byte == b'\n').ok_or(JsonError::Object)?;
    let start = end.saturating_add(1);
    let data = Span::new(start, message.len().saturating_sub(start));
    read(message.get_mut(..end).unwrap_or_default(), Some(data))
}

/// Parses `{"missed":N}` or an object without that member.
pub(super) fn parse_gap(object: &mut [u8]) -> Result<Gap, JsonError> {
    let mut members = Members::new(object)?;
    let mut missed = None;
    while let Some((name, value)) = members.next()? {
        if name == "missed" {
            missed = core::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok());
        }
    }
    Ok(Gap { missed })
}

/// Parses a gap event on SSE. `None` if it differs from goldcrest's own by any byte, since another server may name an
/// event `gap`.
pub(super) fn parse_sse_gap(data: &[u8]) -> Option<Gap> {
    if data == b"{}" {
        return Some(Gap { missed: None });
    }
    let digits = data.strip_prefix(b"{\"missed\":")?.strip_suffix(b"}")?;
    let is_number = digits.iter().all(u8::is_ascii_digit);
    core::str::from_utf8(digits).ok().filter(|_| is_number)?.parse().ok().map(|missed| Gap { missed: Some(missed) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_goldcrests_gap_event_is_a_gap() {
        assert_eq!(
            (parse_sse_gap(b"{}"), parse_sse_gap(b"{\"missed\":7}")),
            (Some(Gap { missed: None }), Some(Gap { missed: Some(7) }))
        );
        for other in ["", "7", "{\"hello\":1}", "{\"missed\":}", "{\"missed\":+7}", "{\"missed\":7,\"x\":1}", "{ }"] {
            assert_eq!(parse_sse_gap(other.as_bytes()), None, "{other}");
        }
    }

    fn event(text: &str) -> Result<EnvelopeMessage, JsonError> {
        read(&mut text.as_bytes().to_vec(), None)
    }

    #[test]
    fn events_are_borrowed_from_the_buffer() {
        let mut object = br#" {"id":"a-1","type":"n\u00e9","x":[1],"data":"a\n\"b\""}"#.to_vec();
        let Ok(EnvelopeMessage::Event(spans)) = read(&mut object, None) else { panic!() };
        assert_eq!(spans.event(&object), Event { id: "a-1", event_type: "n\u{e9}", data: EventData::Text("a\n\"b\"") });
        let mut object = br#"{"id":"a-2","encoding":"base64","data":"AP8\/"}"#.to_vec();
        let Ok(EnvelopeMessage::Event(spans)) = read(&mut object, None) else { panic!() };
        assert_eq!(
            spans.event(&object),
            Event { id: "a-2", event_type: "message", data: EventData::Binary(b"\0\xff\x3f") }
        );
        let mut message = b"{\"id\":\"a-3\",\"type\":\"b\"}\n\n\x00".to_vec();
        let Ok(EnvelopeMessage::Event(spans)) = read_binary(&mut message) else { panic!() };
        assert_eq!(spans.event(&message), Event { id: "a-3", event_type: "b", data: EventData::Binary(b"\n\0") });
    }

    #[test]
    fn gaps_cursors_and_other_objects_are_distinguished() {
        assert!(matches!(
            event(r#"{"gap":{},"after":"a-3"}"#),
            Ok(EnvelopeMessage::Gap { gap: Gap { missed: None }, after: Some(_) })
        ));
        assert_eq!(
            event(r#"{"gap":{"missed":7}}"#),
            Ok(EnvelopeMessage::Gap { gap: Gap { missed: Some(7) }, after: None })
        );
        assert!(matches!(event(r#"{"after":"a-3"}"#), Ok(EnvelopeMessage::After(_))));
        assert_eq!(event(r#"{"ref":1,"id":"a-1"}"#), Ok(EnvelopeMessage::Other));
        assert_eq!(event(r#"{"data":"no id"}"#), Ok(EnvelopeMessage::Other));
        for bad in ["", "[]", r#"{"id":1,"data":""}"#, r#"{"id":"a","data":1}"#, r#"{"gap":1}"#, r#"{"id":"a""#] {
            assert!(event(bad).is_err(), "{bad}");
        }
        assert!(event(r#"{"id":"a","encoding":"base64","data":"A"}"#).is_err());
        assert!(read_binary(&mut b"{\"id\":\"a\"}".to_vec()).is_err());
    }
}

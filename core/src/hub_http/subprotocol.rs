//! What a client says on `goldcrest.v1`, and what it is answered.
//!
//! A publication is `{"type","data","ref","key"}` in a text message, or `{"type","ref","key"}`, LF and the bytes in a
//! binary one. Every member may be left out but `data`. It is answered by `{"ref","id"}` or `{"ref","error"}`.

use core::net::IpAddr;

use super::hub_error::{IDEMPOTENCY_KEY_RULE, event_type_rule};
use crate::hub::{ChannelReader, NewEvent, PublishError};
use crate::json::{JsonError, Members, text};
use crate::log::{Encoding, EventId, EventType, MAX_IDEMPOTENCY_KEY};
use crate::output::{Output, Ruler};
use crate::ws::connection::MessageKind;

/// The longest `ref`, in bytes of its JSON.
const MAX_REF: usize = 40;

/// The answer to a publication.
#[derive(Debug)]
pub(super) struct Reply {
    /// The JSON of the client's `ref`, empty where it gave none.
    reference: heapless::Vec<u8, MAX_REF>,
    result: Result<EventId, &'static str>,
}

impl Reply {
    pub(super) fn put(&self, out: &mut impl Output) {
        out.put(b"{");
        if !self.reference.is_empty() {
            out.put(b"\"ref\":");
            out.put(&self.reference);
            out.put(b",");
        }
        match &self.result {
            Ok(id) => {
                out.put(b"\"id\":\"");
                id.put(out);
            }
            Err(error) => {
                out.put(b"\"error\":\"");
                out.put(error.as_bytes());
            }
        }
        out.put(b"\"}");
    }

    pub(super) fn length(&self) -> u64 {
        let mut length = Ruler::ruler();
        self.put(&mut length);
        length.measured()
    }
}

pub(super) fn encoding(kind: MessageKind) -> Encoding {
    match kind {
        MessageKind::Text => Encoding::Text,
        MessageKind::Binary => Encoding::Binary,
    }
}

/// Publishes what the message says, which is altered in place. Without a reader it is refused.
pub(super) fn publish(
    reader: Result<&impl ChannelReader, PublishError>,
    kind: MessageKind,
    message: &mut [u8],
    peer: Option<IpAddr>,
) -> Reply {
    let mut reference = heapless::Vec::new();
    let (object, bytes) = match kind {
        MessageKind::Text => (message, None),
        MessageKind::Binary => {
            let end = message.iter().position(|byte| *byte == b'\n').unwrap_or(message.len());
            let (object, rest) = message.split_at_mut_checked(end).unwrap_or_default();
            (object, Some(&*rest))
        }
    };
    let said = read(object, &mut reference);
    let result = said.and_then(|said| {
        let data = match (bytes, said.data) {
            (None, Some(data)) => data.as_bytes(),
            (Some([_, bytes @ ..]), None) => bytes,
            (None, None) => return Err("data is missing"),
            (Some([]), _) => return Err("a binary message is a JSON object, a line feed and the bytes"),
            (Some(_), Some(_)) => return Err("the data of a binary message stands behind the line feed"),
        };
        let publication = NewEvent {
            event_type: said.event_type,
            encoding: encoding(kind),
            data,
            idempotency_key: said.key.map(str::as_bytes),
        };
        let published = reader.and_then(|reader| reader.publish(&publication, peer));
        published.map(|published| published.id).map_err(PublishError::reason)
    });
    Reply { reference, result }
}

#[derive(Default)]
struct Said<'a> {
    event_type: EventType<'a>,
    data: Option<&'a str>,
    key: Option<&'a str>,
}

fn read<'a>(object: &'a mut [u8], reference: &mut heapless::Vec<u8, MAX_REF>) -> Result<Said<'a>, &'static str> {
    let malformed = |error| match error {
        JsonError::Object => "not a JSON object",
        JsonError::String => "type, data and key are JSON strings",
    };
    let mut members = Members::new(object).map_err(malformed)?;
    let mut said = Said::default();
    // A bad member is told once the reference is known.
    let mut bad = None;
    while let Some((name, value)) = members.next().map_err(malformed)? {
        match name {
            "ref" => {
                let nested = matches!(value.first(), Some(b'{' | b'['));
                match heapless::Vec::from_slice(value) {
                    Ok(json) if !nested => *reference = json,
                    _ => bad = Some("ref is a string or a number of at most 40 bytes"),
                }
            }
            "data" => said.data = Some(text(value).map_err(malformed)?),
            "key" => match text(value).map_err(malformed)? {
                key if (1..=MAX_IDEMPOTENCY_KEY).contains(&key.len()) => said.key = Some(key),
                _ => bad = Some(IDEMPOTENCY_KEY_RULE),
            },
            "type" => match EventType::new(text(value).map_err(malformed)?) {
                Ok(event_type) => said.event_type = event_type,
                Err(error) => bad = Some(event_type_rule(error)),
            },
            _ => {}
        }
    }
    bad.map_or(Ok(said), Err)
}

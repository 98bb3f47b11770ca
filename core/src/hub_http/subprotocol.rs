//! What a client says on `goldcrest.v1`, and what it is answered.
//!
//! A publication is `{"type","data","ref","key"}` in a text message, or `{"type","ref","key"}`, LF and the bytes in a
//! binary one. Every member may be left out but `data`. It is answered by `{"ref","id"}` or `{"ref","error"}`.
//!
//! Where grants are renewable, `{"token","ref"}` renews. It is answered by `{"ref","grant":{"expires"}}` or `{"ref","error"}`.

use core::net::IpAddr;

use super::hub_error::{IDEMPOTENCY_KEY_RULE, event_type_rule};
use super::rights::{ActiveGrant, Grant};
use crate::hub::{ChannelReader, NewEvent, PublishError};
use crate::json::{JsonError, Members, text};
use crate::log::{Encoding, EventId, EventType, MAX_IDEMPOTENCY_KEY};
use crate::output::{Output, Ruler};
use crate::time::Instant;
use crate::ws::connection::MessageKind;

/// The longest `ref`, in bytes of its JSON.
const MAX_REF: usize = 40;

/// The answer to a publication or a renewal, or a notice without either.
#[derive(Debug)]
pub(super) struct Reply {
    /// The JSON of the client's `ref`, empty where it gave none.
    reference: heapless::Vec<u8, MAX_REF>,
    result: ReplyResult,
}

#[derive(Debug)]
enum ReplyResult {
    Published(EventId),
    Error(&'static str),
    /// The seconds to the end of the grant. Only where [`Grant::RENEWABLE`].
    Grant(u64),
}

impl Reply {
    /// The notice that the grant ends after so many seconds.
    pub(super) fn grant_expires(seconds: u64) -> Self {
        Self { reference: heapless::Vec::new(), result: ReplyResult::Grant(seconds) }
    }

    pub(super) fn put<G: Grant>(&self, out: &mut impl Output) {
        out.put(b"{");
        if !self.reference.is_empty() {
            out.put(b"\"ref\":");
            out.put(&self.reference);
            out.put(b",");
        }
        match &self.result {
            ReplyResult::Grant(seconds) if G::RENEWABLE => {
                out.put(b"\"grant\":{\"expires\":");
                out.put_decimal(*seconds);
                return out.put(b"}}");
            }
            ReplyResult::Grant(_) => {}
            ReplyResult::Published(id) => {
                out.put(b"\"id\":\"");
                id.put(out);
            }
            ReplyResult::Error(error) => {
                out.put(b"\"error\":\"");
                out.put(error.as_bytes());
            }
        }
        out.put(b"\"}");
    }

    pub(super) fn length<G: Grant>(&self) -> u64 {
        let mut length = Ruler::ruler();
        self.put::<G>(&mut length);
        length.measured()
    }
}

pub(super) fn encoding(kind: MessageKind) -> Encoding {
    match kind {
        MessageKind::Text => Encoding::Text,
        MessageKind::Binary => Encoding::Binary,
    }
}

/// Publishes what the message says, which is altered in place, or renews the grant. Without a reader a publication is refused.
pub(super) fn publish<G: Grant>(
    reader: Result<&impl ChannelReader, PublishError>,
    grant: &mut ActiveGrant<G>,
    kind: MessageKind,
    message: &mut [u8],
    peer: Option<IpAddr>,
    now: Instant,
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
    let said = read::<G>(object, &mut reference);
    let result = said.and_then(|said| {
        if G::RENEWABLE
            && let Some(token) = said.token
        {
            if said.data.is_some() || bytes.is_some() {
                return Err("a token is sent without data");
            }
            return grant.renew(token, now).map(|()| ReplyResult::Grant(grant.seconds_left(now)));
        }
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
        published.map(|published| ReplyResult::Published(published.id)).map_err(PublishError::reason)
    });
    Reply { reference, result: result.unwrap_or_else(ReplyResult::Error) }
}

#[derive(Default)]
struct Said<'a> {
    event_type: EventType<'a>,
    data: Option<&'a str>,
    key: Option<&'a str>,
    token: Option<&'a str>,
}

fn read<'a, G: Grant>(
    object: &'a mut [u8],
    reference: &mut heapless::Vec<u8, MAX_REF>,
) -> Result<Said<'a>, &'static str> {
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
            "token" if G::RENEWABLE => said.token = Some(text(value).map_err(malformed)?),
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

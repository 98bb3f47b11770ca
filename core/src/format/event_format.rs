//! The wire formats of an event.

use super::{event_stream, json};
use crate::log::{EventId, EventMeta};
use crate::output::Output;

/// A wire format of an event: a head, the data in chunks, a tail.
///
/// Each part is deterministic: one that did not fit is written again from its start, and the bytes that have been sent are
/// skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// A block of `text/event-stream`.
    EventStream,
    /// A JSON object and a line feed.
    Ndjson,
    /// A JSON object, the first of an array.
    FirstInArray,
    /// A comma and a JSON object.
    NextInArray,
    /// The data alone: a WebSocket message without a subprotocol.
    Data,
    /// A WebSocket message of `goldcrest.v1` from a server: a JSON object, or for binary data one without `data`, LF and the data.
    Message,
    /// A WebSocket message of `goldcrest.v1` from a publisher.
    Publication,
}

impl Format {
    /// Writes everything before the data.
    #[cfg_attr(not(small_code), inline(always))]
    pub(super) fn head(self, id: EventId, meta: &EventMeta, event_type: &[u8], out: &mut impl Output) {
        match self {
            Self::EventStream => event_stream::head(id, meta.encoding, event_type, out),
            Self::Ndjson | Self::FirstInArray => json::head(id, meta.encoding, event_type, out),
            Self::NextInArray => {
                out.put(b",");
                json::head(id, meta.encoding, event_type, out);
            }
            Self::Data => {}
            Self::Message => json::message_head(id, meta.encoding, event_type, out),
            Self::Publication => json::publication_head(id, meta.encoding, event_type, out),
        }
    }

    /// Writes a chunk of the data. `previous` is the byte before it.
    #[cfg_attr(not(small_code), inline(always))]
    pub(super) fn data(self, meta: &EventMeta, previous: Option<u8>, chunk: &[u8], out: &mut impl Output) {
        match self {
            Self::EventStream => event_stream::data(meta.encoding, previous, chunk, out),
            Self::Ndjson | Self::FirstInArray | Self::NextInArray => json::data(meta.encoding, chunk, out),
            Self::Data => out.put(chunk),
            Self::Message | Self::Publication => json::message_data(meta.encoding, chunk, out),
        }
    }

    /// Writes everything after the data.
    #[cfg_attr(not(small_code), inline(always))]
    pub(super) fn tail(self, meta: &EventMeta, out: &mut impl Output) {
        match self {
            Self::EventStream => event_stream::tail(meta.data_len, out),
            Self::Ndjson => {
                json::tail(out);
                out.put(b"\n");
            }
            Self::FirstInArray | Self::NextInArray => json::tail(out),
            Self::Data => {}
            Self::Message | Self::Publication => json::message_tail(meta.encoding, out),
        }
    }
}

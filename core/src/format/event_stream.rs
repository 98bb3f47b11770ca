//! Server-Sent Events: `text/event-stream`.

use core::time::Duration;

use super::event_format::AnyForm;
use super::json::{base64, gap_object};
use super::render::Form;
use super::stream_body::{Following, Opening, StreamFormat, StreamTimers};
use crate::log::{Encoding, EventId, EventMeta, Gap};
use crate::output::Output;
use crate::sse::encode;

/// The form of SSE (WHATWG HTML §9.2.6). Pair it with [`StreamBody`](super::StreamBody).
///
/// The stream begins with the reconnection time. Where the client does not know its cursor and no event follows at once, a
/// block with an `id` and no data follows, so that a client that has seen no event resumes where the stream began. The
/// standard dispatches nothing for such a block; **a client that hands out every block has to skip events whose data is
/// empty.** No other block is without data: the keep-alive is a comment line, and neither it nor `retry` ends a block.
///
/// Binary data is Base64, and its event type ends in `;base64`. CR and CRLF in text arrive as LF, since SSE has no other line
/// ends in data.
#[derive(Clone, Copy, Debug)]
pub struct EventStream;

impl Form for EventStream {
    fn any(&self) -> AnyForm {
        AnyForm::EventStream
    }

    #[inline]
    fn head(&self, id: EventId, meta: &EventMeta, event_type: &[u8], out: &mut impl Output) {
        out.put(b"id: ");
        id.put(out);
        out.put(b"\n");
        let base64 = meta.encoding == Encoding::Binary;
        if base64 || !event_type.is_empty() {
            out.put(b"event: ");
            out.put(if event_type.is_empty() { b"message" } else { event_type });
            out.put(if base64 { b";base64\n" } else { b"\n" });
        }
    }

    #[inline]
    fn data(&self, meta: &EventMeta, previous: Option<u8>, piece: &[u8], out: &mut impl Output) {
        match meta.encoding {
            Encoding::Text => encode::data_piece(previous, piece, out),
            Encoding::Binary => {
                if previous.is_none() {
                    out.put(b"data: ");
                }
                base64(piece, out);
            }
        }
    }

    #[inline]
    fn tail(&self, meta: &EventMeta, out: &mut impl Output) {
        let last = (meta.data_len > 0).then_some(0);
        encode::data_end(last, out);
        encode::blank_line(out);
    }
}

impl StreamFormat for EventStream {
    fn content_type(&self) -> &'static str {
        "text/event-stream;charset=UTF-8"
    }
}

impl Following for EventStream {
    fn opening(&self, opening: Opening, after: EventId, pace: &StreamTimers, out: &mut impl Output) {
        encode::retry(pace.reconnection_time, out);
        if opening == Opening::Unknown {
            out.put(b"id: ");
            after.put(out);
            out.put(b"\n\n");
        }
    }

    fn gap(&self, gap: Gap, after: EventId, out: &mut impl Output) {
        out.put(b"id: ");
        after.put(out);
        out.put(b"\nevent: gap\ndata: ");
        gap_object(gap, out);
        out.put(b"\n\n");
    }

    fn keep_alive(&self, _after: EventId, out: &mut impl Output) {
        out.put(b":\n");
    }

    fn farewell(&self, reconnection_time: Duration, out: &mut impl Output) {
        encode::retry(reconnection_time, out);
    }
}

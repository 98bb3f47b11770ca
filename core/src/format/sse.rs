//! Server-Sent Events: `text/event-stream`.

use core::time::Duration;

use super::any::AnyForm;
use super::envelope::{base64, gap_object};
use super::render::Form;
use super::stream_body::{FollowForm, Following, Opening, Pace};
use crate::log::{Encoding, EventId, Gap, Meta};
use crate::output::Pour;
use crate::sse::encode;

/// The form of SSE (WHATWG HTML §9.2.6). Pair it with [`Follow`](super::Follow).
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
    fn head(&self, id: EventId, meta: &Meta, event_type: &[u8], out: &mut impl Pour) {
        out.pour(b"id: ");
        id.pour(out);
        out.pour(b"\n");
        let base64 = meta.encoding == Encoding::Binary;
        if base64 || !event_type.is_empty() {
            out.pour(b"event: ");
            out.pour(if event_type.is_empty() { b"message" } else { event_type });
            out.pour(if base64 { b";base64\n" } else { b"\n" });
        }
    }

    #[inline]
    fn data(&self, meta: &Meta, previous: Option<u8>, piece: &[u8], out: &mut impl Pour) {
        match meta.encoding {
            Encoding::Text => encode::data_piece(previous, piece, out),
            Encoding::Binary => {
                if previous.is_none() {
                    out.pour(b"data: ");
                }
                base64(piece, out);
            }
        }
    }

    #[inline]
    fn tail(&self, meta: &Meta, out: &mut impl Pour) {
        let last = (meta.data_len > 0).then_some(0);
        encode::data_end(last, out);
        encode::blank_line(out);
    }
}

impl FollowForm for EventStream {
    fn content_type(&self) -> &'static str {
        "text/event-stream;charset=UTF-8"
    }
}

impl Following for EventStream {
    fn opening(&self, opening: Opening, after: EventId, pace: &Pace, out: &mut impl Pour) {
        encode::retry(pace.reconnection_time, out);
        if opening == Opening::Unknown {
            out.pour(b"id: ");
            after.pour(out);
            out.pour(b"\n\n");
        }
    }

    fn gap(&self, gap: Gap, after: EventId, out: &mut impl Pour) {
        out.pour(b"id: ");
        after.pour(out);
        out.pour(b"\nevent: gap\ndata: ");
        gap_object(gap, out);
        out.pour(b"\n\n");
    }

    fn keep_alive(&self, _after: EventId, out: &mut impl Pour) {
        out.pour(b":\n");
    }

    fn farewell(&self, reconnection_time: Duration, out: &mut impl Pour) {
        encode::retry(reconnection_time, out);
    }
}

//! Server-Sent Events: `text/event-stream`.

use core::time::Duration;

use super::any::AnyForm;
use super::envelope::{base64, gap_object};
use super::follow::{FollowForm, Following, Pace};
use super::render::Form;
use crate::log::{Encoding, EventId, Gap, Meta};
use crate::sink::Pour;
use crate::sse::encode;

/// The form of SSE (WHATWG HTML §9.2.6). Pair it with [`Follow`](super::Follow).
///
/// The first block primes the reconnection time and the last event ID, so that a reader that never saw an event
/// resumes where it began. Binary data is Base64, and its event type ends in `;base64`.
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
    fn opening(&self, after: EventId, pace: &Pace, out: &mut impl Pour) {
        encode::retry(pace.reconnection_time, out);
        out.pour(b"id: ");
        after.pour(out);
        out.pour(b"\n\n");
    }

    fn gap(&self, gap: Gap, after: EventId, out: &mut impl Pour) {
        out.pour(b"id: ");
        after.pour(out);
        out.pour(b"\nevent: gap\ndata: ");
        gap_object(gap, out);
        out.pour(b"\n\n");
    }

    fn keep_alive(&self, out: &mut impl Pour) {
        out.pour(b":\n\n");
    }

    fn farewell(&self, reconnection_time: Duration, out: &mut impl Pour) {
        encode::retry(reconnection_time, out);
        out.pour(b"\n");
    }
}

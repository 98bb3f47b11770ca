//! Streaming: one JSON object a line (`application/x-ndjson`).

use core::time::Duration;

use super::any::AnyForm;
use super::envelope::{Envelope, after_member, gap_notice};
use super::render::Form;
use super::stream_body::{FollowForm, Following, Opening, Pace};
use crate::log::{EventId, Gap, Meta};
use crate::output::Pour;

/// The form of streaming. Pair it with [`Follow`](super::Follow).
///
/// Every line is a JSON object:
///
/// | line | meaning |
/// | --- | --- |
/// | `{"id":"ID","type":"TYPE","data":"DATA"}` | an event; binary data has `"encoding":"base64"` as well |
/// | `{"after":"ID"}` | the cursor, without an event: the first line, and the keep-alive |
/// | `{"gap":{"missed":N},"after":"ID"}` | missed events, and the cursor behind them; it is the first line where a stream begins with it |
///
/// The first line is sent at once: Firefox reports a response once its content has begun, and a client that waits for the
/// first byte learns that no proxy holds the stream back.
#[derive(Clone, Copy, Debug)]
pub struct Ndjson;

const LINE: Envelope = Envelope { before: b"", behind: b"\n" };

impl Form for Ndjson {
    fn any(&self) -> AnyForm {
        AnyForm::Envelope(LINE)
    }

    fn head(&self, id: EventId, meta: &Meta, event_type: &[u8], out: &mut impl Pour) {
        LINE.head(id, meta, event_type, out);
    }

    fn data(&self, meta: &Meta, previous: Option<u8>, piece: &[u8], out: &mut impl Pour) {
        LINE.data(meta, previous, piece, out);
    }

    fn tail(&self, meta: &Meta, out: &mut impl Pour) {
        LINE.tail(meta, out);
    }
}

impl FollowForm for Ndjson {
    fn content_type(&self) -> &'static str {
        "application/x-ndjson"
    }
}

impl Following for Ndjson {
    fn opening(&self, opening: Opening, after: EventId, _pace: &Pace, out: &mut impl Pour) {
        if opening != Opening::Gap {
            self.keep_alive(after, out);
        }
    }

    fn gap(&self, gap: Gap, after: EventId, out: &mut impl Pour) {
        gap_notice(gap, after, out);
        out.pour(b"\n");
    }

    fn keep_alive(&self, after: EventId, out: &mut impl Pour) {
        out.pour(b"{");
        after_member(after, out);
        out.pour(b"}\n");
    }

    fn farewell(&self, _reconnection_time: Duration, _out: &mut impl Pour) {}
}

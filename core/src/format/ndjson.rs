//! Streaming: one JSON object a line (`application/x-ndjson`).

use core::time::Duration;

use super::event_format::AnyForm;
use super::json::{Envelope, after_member, gap_notice};
use super::render::Form;
use super::stream_body::{Following, Opening, StreamFormat, StreamTimers};
use crate::log::{EventId, EventMeta, Gap};
use crate::output::Output;

/// The form of streaming. Pair it with [`StreamBody`](super::StreamBody).
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

    fn head(&self, id: EventId, meta: &EventMeta, event_type: &[u8], out: &mut impl Output) {
        LINE.head(id, meta, event_type, out);
    }

    fn data(&self, meta: &EventMeta, previous: Option<u8>, piece: &[u8], out: &mut impl Output) {
        LINE.data(meta, previous, piece, out);
    }

    fn tail(&self, meta: &EventMeta, out: &mut impl Output) {
        LINE.tail(meta, out);
    }
}

impl StreamFormat for Ndjson {
    fn content_type(&self) -> &'static str {
        "application/x-ndjson"
    }
}

impl Following for Ndjson {
    fn opening(&self, opening: Opening, after: EventId, _pace: &StreamTimers, out: &mut impl Output) {
        if opening != Opening::Gap {
            self.keep_alive(after, out);
        }
    }

    fn gap(&self, gap: Gap, after: EventId, out: &mut impl Output) {
        gap_notice(gap, after, out);
        out.put(b"\n");
    }

    fn keep_alive(&self, after: EventId, out: &mut impl Output) {
        out.put(b"{");
        after_member(after, out);
        out.put(b"}\n");
    }

    fn farewell(&self, _reconnection_time: Duration, _out: &mut impl Output) {}
}

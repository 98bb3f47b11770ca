//! Streaming: one JSON object a line (`application/x-ndjson`).

use core::time::Duration;

use super::any::AnyForm;
use super::envelope::{Envelope, gap_notice};
use super::follow::{FollowForm, Following, Pace};
use super::render::Form;
use crate::log::{EventId, Gap, Meta};
use crate::sink::Pour;

/// The form of streaming. Pair it with [`Follow`](super::Follow). An empty line says that the server is there.
///
/// The first line is an empty one: Firefox tells of an answer once its content has begun, and a client that waits for the
/// first byte knows at once that no proxy collects it.
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
    fn opening(&self, _after: EventId, _pace: &Pace, out: &mut impl Pour) {
        out.pour(b"\n");
    }

    fn gap(&self, gap: Gap, after: EventId, out: &mut impl Pour) {
        gap_notice(gap, after, out);
        out.pour(b"\n");
    }

    fn keep_alive(&self, out: &mut impl Pour) {
        out.pour(b"\n");
    }

    fn farewell(&self, _reconnection_time: Duration, _out: &mut impl Pour) {}
}

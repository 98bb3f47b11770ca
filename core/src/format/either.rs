//! SSE or streaming, whichever a request chose.

use core::time::Duration;

use super::event_format::AnyForm;
use super::render::Form;
use super::stream_body::{Following, Opening, StreamFormat, StreamTimers};
use super::{EventStream, Ndjson};
use crate::log::{EventId, EventMeta, Gap};
use crate::output::Output;

/// The form that a request chose: one reader for both, where code is scarcer than time.
#[derive(Clone, Copy, Debug)]
pub enum EitherForm {
    /// SSE.
    EventStream,
    /// Streaming.
    Ndjson,
}

/// The same call on the form that was chosen.
macro_rules! chosen {
    ($form:ident.$method:ident($($argument:expr),*)) => {
        match $form {
            Self::EventStream => EventStream.$method($($argument),*),
            Self::Ndjson => Ndjson.$method($($argument),*),
        }
    };
}

impl Form for EitherForm {
    fn any(&self) -> AnyForm {
        chosen!(self.any())
    }

    fn head(&self, id: EventId, meta: &EventMeta, event_type: &[u8], out: &mut impl Output) {
        chosen!(self.head(id, meta, event_type, out));
    }

    fn data(&self, meta: &EventMeta, previous: Option<u8>, piece: &[u8], out: &mut impl Output) {
        chosen!(self.data(meta, previous, piece, out));
    }

    fn tail(&self, meta: &EventMeta, out: &mut impl Output) {
        chosen!(self.tail(meta, out));
    }
}

impl StreamFormat for EitherForm {
    fn content_type(&self) -> &'static str {
        chosen!(self.content_type())
    }
}

impl Following for EitherForm {
    fn opening(&self, opening: Opening, after: EventId, pace: &StreamTimers, out: &mut impl Output) {
        chosen!(self.opening(opening, after, pace, out));
    }

    fn gap(&self, gap: Gap, after: EventId, out: &mut impl Output) {
        chosen!(self.gap(gap, after, out));
    }

    fn keep_alive(&self, after: EventId, out: &mut impl Output) {
        chosen!(self.keep_alive(after, out));
    }

    fn farewell(&self, reconnection_time: Duration, out: &mut impl Output) {
        chosen!(self.farewell(reconnection_time, out));
    }
}

//! An event on its way to another hub, as a client of `goldcrest.v1` publishes it.
//!
//! ```
//! use goldcrest_core::format::{MessageKind, Outgoing, publication};
//! use goldcrest_core::log::{Encoding, EventLog, EventType};
//!
//! let mut log = EventLog::new([0; 256], 8, 1).unwrap();
//! log.append(EventType::new("reading").unwrap(), Encoding::Text, b"21.5").unwrap();
//! let mut room = [0; 128];
//! let outgoing = publication(&log, 0, &mut room);
//! assert_eq!(outgoing, Outgoing::Message { kind: goldcrest_core::ws::connection::MessageKind::Text, length: 59 });
//! assert_eq!(&room[..59], br#"{"ref":1,"key":"00000001-1","type":"reading","data":"21.5"}"#);
//! ```

use super::any::AnyForm;
use super::envelope::escape;
use super::render::{Form, Progress, Rendered, render};
use crate::log::{Encoding, EventId, Look, Meta, Source};
use crate::output::Pour;
use crate::ws::connection::MessageKind;

/// What [`publication`] wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// A whole message.
    Message {
        /// Its type.
        kind: MessageKind,
        /// Its bytes.
        length: usize,
    },
    /// The message is longer than the room.
    TooLarge,
    /// There is no event yet.
    Nothing,
    /// The event is not there any more.
    Overwritten,
}

/// Writes the event that follows `after` to `room`: `{"ref","key","type","data"}`, or for bytes
/// `{"ref","key","type"}`, LF and the bytes. `ref` is its sequence number, `key` its id.
pub fn publication(source: &impl Source, after: u64, room: &mut [u8]) -> Outgoing {
    let kind = match source.look(after, 0, &mut []) {
        Look::Event(seen) => match seen.meta.encoding {
            Encoding::Text => MessageKind::Text,
            Encoding::Binary => MessageKind::Binary,
        },
        Look::Nothing => return Outgoing::Nothing,
        Look::Overwritten => return Outgoing::Overwritten,
    };
    match render(&Published, source, after, &mut Progress::default(), room) {
        Rendered::Whole(length) => Outgoing::Message { kind, length },
        Rendered::Partly(_) => Outgoing::TooLarge,
        Rendered::Nothing | Rendered::Overwritten => Outgoing::Overwritten,
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Published;

impl Form for Published {
    fn any(&self) -> AnyForm {
        AnyForm::Published
    }

    fn head(&self, id: EventId, meta: &Meta, event_type: &[u8], out: &mut impl Pour) {
        out.pour(b"{\"ref\":");
        out.pour_decimal(id.seq);
        out.pour(b",\"key\":\"");
        id.pour(out);
        out.pour(b"\"");
        if !event_type.is_empty() {
            out.pour(b",\"type\":\"");
            escape(event_type, out);
            out.pour(b"\"");
        }
        out.pour(match meta.encoding {
            Encoding::Text => b",\"data\":\"",
            Encoding::Binary => b"}\n",
        });
    }

    fn data(&self, meta: &Meta, _previous: Option<u8>, piece: &[u8], out: &mut impl Pour) {
        match meta.encoding {
            Encoding::Text => escape(piece, out),
            Encoding::Binary => out.pour(piece),
        }
    }

    fn tail(&self, meta: &Meta, out: &mut impl Pour) {
        if meta.encoding == Encoding::Text {
            out.pour(b"\"}");
        }
    }
}

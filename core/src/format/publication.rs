//! An event on its way to another hub, as a client of `goldcrest.v1` publishes it.
//!
//! ```
//! use goldcrest_core::format::{MessageKind, PublishMessage, publication};
//! use goldcrest_core::log::{Encoding, EventLog, EventType};
//!
//! let mut log = EventLog::new([0; 256], 8, 1).unwrap();
//! log.append(EventType::new("reading").unwrap(), Encoding::Text, b"21.5").unwrap();
//! let mut room = [0; 128];
//! let outgoing = publication(&log, 0, &mut room);
//! assert_eq!(outgoing, PublishMessage::Message { kind: goldcrest_core::ws::connection::MessageKind::Text, length: 59 });
//! assert_eq!(&room[..59], br#"{"ref":1,"key":"00000001-1","type":"reading","data":"21.5"}"#);
//! ```

use super::event_format::AnyForm;
use super::json::escape;
use super::render::{Form, Progress, Rendered, render};
use crate::log::{Encoding, EventId, EventMeta, LogReader, ReadEvent};
use crate::output::Output;
use crate::ws::connection::MessageKind;

/// What [`publication`] wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishMessage {
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
pub fn publication(source: &impl LogReader, after: u64, room: &mut [u8]) -> PublishMessage {
    let kind = match source.read_at(after, 0, &mut []) {
        ReadEvent::Event(seen) => match seen.meta.encoding {
            Encoding::Text => MessageKind::Text,
            Encoding::Binary => MessageKind::Binary,
        },
        ReadEvent::Nothing => return PublishMessage::Nothing,
        ReadEvent::Overwritten => return PublishMessage::Overwritten,
    };
    match render(&Published, source, after, &mut Progress::default(), room) {
        Rendered::Whole(length) => PublishMessage::Message { kind, length },
        Rendered::Partly(_) => PublishMessage::TooLarge,
        Rendered::Nothing | Rendered::Overwritten => PublishMessage::Overwritten,
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Published;

impl Form for Published {
    fn any(&self) -> AnyForm {
        AnyForm::Published
    }

    fn head(&self, id: EventId, meta: &EventMeta, event_type: &[u8], out: &mut impl Output) {
        out.put(b"{\"ref\":");
        out.put_decimal(id.seq);
        out.put(b",\"key\":\"");
        id.put(out);
        out.put(b"\"");
        if !event_type.is_empty() {
            out.put(b",\"type\":\"");
            escape(event_type, out);
            out.put(b"\"");
        }
        out.put(match meta.encoding {
            Encoding::Text => b",\"data\":\"",
            Encoding::Binary => b"}\n",
        });
    }

    fn data(&self, meta: &EventMeta, _previous: Option<u8>, piece: &[u8], out: &mut impl Output) {
        match meta.encoding {
            Encoding::Text => escape(piece, out),
            Encoding::Binary => out.put(piece),
        }
    }

    fn tail(&self, meta: &EventMeta, out: &mut impl Output) {
        if meta.encoding == Encoding::Text {
            out.put(b"\"}");
        }
    }
}

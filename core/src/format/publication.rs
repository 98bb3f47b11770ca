//! Events of a log as a client of `goldcrest.v1` publishes them to another hub.
//!
//! ```
//! use goldcrest_core::format::{PublishMessage, publication};
//! use goldcrest_core::log::{Encoding, EventLog, EventType};
//! use goldcrest_core::ws::connection::MessageKind;
//!
//! let mut log = EventLog::new([0; 256], 8, 1).unwrap();
//! log.append(EventType::new("reading").unwrap(), Encoding::Text, b"21.5").unwrap();
//! let mut buffer = [0; 128];
//! let message = publication(&log, 0, &mut buffer);
//! assert_eq!(message, PublishMessage::Message { kind: MessageKind::Text, length: 59 });
//! assert_eq!(&buffer[..59], br#"{"ref":1,"key":"00000001-1","type":"reading","data":"21.5"}"#);
//! ```

use super::event_format::Format;
use super::event_messages::message_kind;
use super::render::{Progress, Rendered, render};
use crate::log::{LogReader, ReadEvent};
use crate::ws::connection::MessageKind;

/// The result of [`publication`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishMessage {
    /// A whole message.
    Message {
        /// Text or binary, as the event's data.
        kind: MessageKind,
        /// Bytes of the message.
        length: usize,
    },
    /// The message is longer than the buffer.
    TooLarge,
    /// There is no event yet.
    Nothing,
    /// The event is no longer in the log.
    Overwritten,
}

/// Writes the event that follows `after` to `buffer`: `{"ref","key","type","data"}`, or for binary data
/// `{"ref","key","type"}`, LF and the bytes. `ref` is its sequence number, `key` its id.
pub fn publication(log: &impl LogReader, after: u64, buffer: &mut [u8]) -> PublishMessage {
    let kind = match log.read_at(after, 0, &mut []) {
        ReadEvent::Event(event) => message_kind(event.meta.encoding),
        ReadEvent::Nothing => return PublishMessage::Nothing,
        ReadEvent::Overwritten => return PublishMessage::Overwritten,
    };
    match render(Format::Publication, log, after, &mut Progress::default(), buffer) {
        Rendered::Complete(length) => PublishMessage::Message { kind, length },
        Rendered::Partial(_) => PublishMessage::TooLarge,
        Rendered::Nothing | Rendered::Overwritten => PublishMessage::Overwritten,
    }
}

//! The encoder of event streams: fields, comments and complete events (WHATWG HTML §9.2.5).
//!
//! Every function appends to an [`Output`], such as a [`ResumableWriter`](crate::output::ResumableWriter) or a
//! [`ByteCounter`]. The output depends on the arguments only: to continue a partly sent event, encode it again.
//!
//! - Data may contain LF, CR and CRLF. Each ends a line, and each line has a `data` field. The receiver joins them by
//!   LF, so **CR and CRLF in data arrive as LF**.
//! - A space always follows the colon. The receiver removes exactly one, so a leading space of the data arrives.
//! - Empty data is one empty `data` field. Without a `data` field receivers dispatch no event.
//!
//! Data in several pieces, such as the two parts of a ring buffer, is encoded piece by piece:
//!
//! ```
//! use goldcrest_core::output::ResumableWriter;
//! use goldcrest_core::sse::encode::{blank_line, data_end, data_piece};
//!
//! let mut room = [0; 64];
//! let mut sink = ResumableWriter::new(&mut room, 0);
//! data_piece(None, b"first\r", &mut sink); // a CRLF lies over the seam
//! data_piece(Some(b'\r'), b"\nsecond", &mut sink);
//! data_end(Some(b'd'), &mut sink);
//! blank_line(&mut sink);
//! let written = sink.written();
//! assert_eq!(&room[..written], b"data: first\ndata: second\n\n");
//! ```

use core::time::Duration;

use super::field::{Comment, EventField, IdField};
use super::line::{CR, LF, find_line_end};
use crate::output::{ByteCounter, Output};
use crate::time::millis;

#[cfg(test)]
mod tests;

/// One event, as sent. For all values of the fields the receiver dispatches exactly one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventBlock<'a> {
    /// The receiver's new last event ID. `None` leaves it unchanged.
    pub id: Option<IdField<'a>>,
    /// The event type. `None` is `message`.
    pub event: Option<EventField<'a>>,
    /// The data, of any length and any bytes. Invalid UTF-8 arrives as U+FFFD, CR and CRLF as LF.
    pub data: &'a [u8],
    /// The receiver's new reconnection time, sent in whole milliseconds.
    pub retry: Option<Duration>,
}

impl<'a> EventBlock<'a> {
    /// An event with `data` only.
    pub const fn new(data: &'a [u8]) -> Self {
        Self { id: None, event: None, data, retry: None }
    }

    /// Appends the event with the blank line that dispatches it.
    #[inline]
    pub fn encode(&self, out: &mut impl Output) {
        if let Some(value) = self.id {
            id(value, out);
        }
        if let Some(value) = self.event {
            event(value, out);
        }
        if let Some(time) = self.retry {
            retry(time, out);
        }
        out.put(b"data: ");
        data_lines(self.data, out);
        out.put(b"\n\n");
    }

    /// The number of bytes that [`encode`](Self::encode) appends. One pass over the data.
    pub fn encoded_len(&self) -> u64 {
        let mut measure = ByteCounter::default();
        self.encode(&mut measure);
        measure.0
    }
}

/// Appends an `id` field.
#[inline]
pub fn id(value: IdField<'_>, out: &mut impl Output) {
    out.put(b"id: ");
    out.put(value.as_bytes());
    out.put(b"\n");
}

/// Appends an `event` field: the event type.
#[inline]
pub fn event(value: EventField<'_>, out: &mut impl Output) {
    out.put(b"event: ");
    out.put(value.as_bytes());
    out.put(b"\n");
}

/// Appends a `retry` field: the reconnection time in whole milliseconds, at most `u64::MAX`. It takes effect without
/// a blank line.
pub fn retry(time: Duration, out: &mut impl Output) {
    out.put(b"retry: ");
    out.put_decimal(millis(time));
    out.put(b"\n");
}

/// Appends a comment: one line that receivers ignore. It needs no blank line and does not end an event.
pub fn comment(text: Comment<'_>, out: &mut impl Output) {
    if text == Comment::EMPTY {
        return out.put(b":\n");
    }
    out.put(b": ");
    out.put(text.as_bytes());
    out.put(b"\n");
}

/// Appends the `data` fields of complete data: one for each line, and one for empty data.
#[inline]
pub fn data(payload: &[u8], out: &mut impl Output) {
    out.put(b"data: ");
    data_lines(payload, out);
    out.put(b"\n");
}

/// Appends one piece of the data.
///
/// `previous` is the byte before this piece, `None` at the start: a CR there and an LF here are one line end. For every
/// split, with empty pieces too, the output of the pieces and of [`data_end`] equals the output of [`data`].
#[inline]
pub fn data_piece(previous: Option<u8>, piece: &[u8], out: &mut impl Output) {
    let rest = match previous {
        // After an empty first piece the data has still not started.
        None if piece.is_empty() => return,
        None => {
            out.put(b"data: ");
            piece
        }
        Some(CR) => piece.strip_prefix(&[LF]).unwrap_or(piece),
        Some(_) => piece,
    };
    data_lines(rest, out);
}

/// Ends data that was appended in pieces. `previous` is its last byte, `None` if it is empty.
#[inline]
pub fn data_end(previous: Option<u8>, out: &mut impl Output) {
    out.put(if previous.is_none() { b"data: \n" } else { b"\n" });
}

/// Appends the blank line that dispatches an event.
#[inline]
pub fn blank_line(out: &mut impl Output) {
    out.put(b"\n");
}

/// Writes `payload` within a `data` field. Each line end in it ends the field and begins the next.
#[inline]
fn data_lines(payload: &[u8], out: &mut impl Output) {
    let mut rest = payload;
    while let Some(end) = find_line_end(rest) {
        let (line, from_end) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        out.put(line);
        out.put(b"\ndata: ");
        rest = match from_end {
            [CR, LF, after @ ..] | [_, after @ ..] => after,
            [] => &[],
        };
    }
    out.put(rest);
}

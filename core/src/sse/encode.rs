//! An event stream's bytes: fields, comments and whole events (WHATWG HTML §9.2.5).
//!
//! Every function appends to a [`Output`]: a [`ResumableWriter`](crate::output::ResumableWriter) that skips what was sent already, or a
//! [`ByteCounter`]. The output depends on the arguments alone, so a half-sent event goes on by being rendered again.
//!
//! - Text may hold LF, CR and CRLF: each ends a line and a `data` field stands for every line. The receiver joins them
//!   by LF, so **CR and CRLF in data arrive as LF**.
//! - A space always follows the colon. The receiver takes exactly one away, so a leading space of the payload arrives.
//! - Empty data is one empty `data` field: without any, receivers dispatch nothing.
//!
//! An event that lies in pieces (a ring has a seam) is poured without being joined first:
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

/// One event, as it is sent. Whatever its fields hold, the receiver dispatches one event and no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventBlock<'a> {
    /// What the receiver remembers as its last event ID; without one it keeps what it had.
    pub id: Option<IdField<'a>>,
    /// The event type; without one it is `message`.
    pub event: Option<EventField<'a>>,
    /// The payload, any length, any bytes; those that are not UTF-8 arrive as U+FFFD, CR and CRLF as LF.
    pub data: &'a [u8],
    /// A new reconnection time for the receiver, sent in whole milliseconds.
    pub retry: Option<Duration>,
}

impl<'a> EventBlock<'a> {
    /// An event with `data` and nothing else.
    pub const fn new(data: &'a [u8]) -> Self {
        Self { id: None, event: None, data, retry: None }
    }

    /// Appends the event, up to and with the blank line that dispatches it.
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

    /// Bytes that [`encode`](Self::encode) appends. One pass over the data.
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

/// Appends an `event` field, which names the event type.
#[inline]
pub fn event(value: EventField<'_>, out: &mut impl Output) {
    out.put(b"event: ");
    out.put(value.as_bytes());
    out.put(b"\n");
}

/// Appends a `retry` field: the reconnection time in whole milliseconds, at most `u64::MAX`. It acts without a blank
/// line.
pub fn retry(time: Duration, out: &mut impl Output) {
    out.put(b"retry: ");
    out.put_decimal(millis(time));
    out.put(b"\n");
}

/// Appends a comment, one line that receivers ignore. It needs no blank line and ends no event.
pub fn comment(text: Comment<'_>, out: &mut impl Output) {
    if text == Comment::EMPTY {
        return out.put(b":\n");
    }
    out.put(b": ");
    out.put(text.as_bytes());
    out.put(b"\n");
}

/// Appends the `data` fields of a whole payload, one for each of its lines, and one where it is empty.
#[inline]
pub fn data(payload: &[u8], out: &mut impl Output) {
    out.put(b"data: ");
    data_lines(payload, out);
    out.put(b"\n");
}

/// Appends one piece of a payload that is poured piece by piece.
///
/// `previous` is the payload's byte before this piece, `None` at its start: a CR there and an LF here are one line end.
/// For every cut of a payload, empty pieces among them, the output of its pieces and of [`data_end`] is that of
/// [`data`].
#[inline]
pub fn data_piece(previous: Option<u8>, piece: &[u8], out: &mut impl Output) {
    let rest = match previous {
        // An empty piece leaves the start where it is.
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

/// Ends a payload that was poured piece by piece; `previous` is its last byte, `None` where it is empty.
#[inline]
pub fn data_end(previous: Option<u8>, out: &mut impl Output) {
    out.put(if previous.is_none() { b"data: \n" } else { b"\n" });
}

/// Appends the blank line that dispatches an event.
#[inline]
pub fn blank_line(out: &mut impl Output) {
    out.put(b"\n");
}

/// Pours `payload` into an open `data` field: each line end in it closes the field and opens the next.
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

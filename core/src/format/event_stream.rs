//! Server-Sent Events: `text/event-stream` (WHATWG HTML §9.2.6).
//!
//! The stream begins with the reconnection time. Where the client does not know its cursor and no event follows at once, a
//! block with an `id` and without data comes next. A client that has seen no event then resumes where the stream began. The
//! standard dispatches nothing for such a block. **A client that dispatches every block has to skip those without data.** No
//! other block is without data: the keep-alive is a comment line, and neither it nor `retry` ends a block.
//!
//! Binary data is Base64, and its event type ends in `;base64`. CR and CRLF in text arrive as LF, since SSE has no other line
//! ends in data.

use super::json::{base64, gap_object};
use crate::log::{Encoding, EventId, Gap};
use crate::output::Output;
use crate::sse::encode;

#[cfg_attr(not(small_code), inline(always))]
pub(super) fn head(id: EventId, encoding: Encoding, event_type: &[u8], out: &mut impl Output) {
    out.put(b"id: ");
    id.put(out);
    out.put(b"\n");
    let base64 = encoding == Encoding::Binary;
    if base64 || !event_type.is_empty() {
        out.put(b"event: ");
        out.put(if event_type.is_empty() { b"message" } else { event_type });
        out.put(if base64 { b";base64\n" } else { b"\n" });
    }
}

#[cfg_attr(not(small_code), inline(always))]
pub(super) fn data(encoding: Encoding, previous: Option<u8>, chunk: &[u8], out: &mut impl Output) {
    match encoding {
        Encoding::Text => encode::data_piece(previous, chunk, out),
        Encoding::Binary => {
            if previous.is_none() {
                out.put(b"data: ");
            }
            base64(chunk, out);
        }
    }
}

#[cfg_attr(not(small_code), inline(always))]
pub(super) fn tail(data_len: usize, out: &mut impl Output) {
    let last = (data_len > 0).then_some(0);
    encode::data_end(last, out);
    encode::blank_line(out);
}

/// A block without data, which sets the client's last event ID.
pub(super) fn cursor(after: EventId, out: &mut impl Output) {
    out.put(b"id: ");
    after.put(out);
    out.put(b"\n\n");
}

pub(super) fn gap(gap: Gap, after: EventId, out: &mut impl Output) {
    out.put(b"id: ");
    after.put(out);
    out.put(b"\nevent: gap\ndata: ");
    gap_object(gap, out);
    out.put(b"\n\n");
}

/// A comment line.
pub(super) fn keep_alive(out: &mut impl Output) {
    out.put(b":\n");
}

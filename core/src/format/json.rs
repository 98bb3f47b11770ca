//! The JSON object of an event: `{"id":…,"type":…,"data":…}`.

use crate::base64::encode;
use crate::log::{Encoding, EventId, Gap};
use crate::output::Output;

#[cfg_attr(not(small_code), inline(always))]
pub(super) fn head(id: EventId, encoding: Encoding, event_type: &[u8], out: &mut impl Output) {
    id_and_type(id, event_type, out);
    out.put(match encoding {
        Encoding::Text => b",\"data\":\"",
        Encoding::Binary => b",\"encoding\":\"base64\",\"data\":\"",
    });
}

#[cfg_attr(not(small_code), inline(always))]
pub(super) fn data(encoding: Encoding, chunk: &[u8], out: &mut impl Output) {
    match encoding {
        Encoding::Text => escape(chunk, out),
        Encoding::Binary => base64(chunk, out),
    }
}

#[cfg_attr(not(small_code), inline(always))]
pub(super) fn tail(out: &mut impl Output) {
    out.put(b"\"}");
}

/// As [`head`], but binary data follows the object and a line feed.
#[cfg_attr(not(small_code), inline(always))]
pub(super) fn message_head(id: EventId, encoding: Encoding, event_type: &[u8], out: &mut impl Output) {
    match encoding {
        Encoding::Text => head(id, encoding, event_type, out),
        Encoding::Binary => {
            id_and_type(id, event_type, out);
            out.put(b"}\n");
        }
    }
}

#[cfg_attr(not(small_code), inline(always))]
pub(super) fn message_data(encoding: Encoding, chunk: &[u8], out: &mut impl Output) {
    match encoding {
        Encoding::Text => escape(chunk, out),
        Encoding::Binary => out.put(chunk),
    }
}

#[cfg_attr(not(small_code), inline(always))]
pub(super) fn message_tail(encoding: Encoding, out: &mut impl Output) {
    if encoding == Encoding::Text {
        tail(out);
    }
}

/// `{"ref":SEQ,"key":"ID","type":"TYPE"`, and the start of the data.
#[cfg_attr(not(small_code), inline(always))]
pub(super) fn publication_head(id: EventId, encoding: Encoding, event_type: &[u8], out: &mut impl Output) {
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
    out.put(match encoding {
        Encoding::Text => b",\"data\":\"",
        Encoding::Binary => b"}\n",
    });
}

/// `{"id":"ID","type":"TYPE"`.
#[cfg_attr(not(small_code), inline(always))]
fn id_and_type(id: EventId, event_type: &[u8], out: &mut impl Output) {
    out.put(b"{\"id\":\"");
    id.put(out);
    out.put(b"\",\"type\":\"");
    if event_type.is_empty() {
        out.put(b"message");
    } else {
        escape(event_type, out);
    }
    out.put(b"\"");
}

/// `"gap":{"missed":N}`, without the number where it is unknown.
pub(super) fn gap_member(gap: Gap, out: &mut impl Output) {
    out.put(b"\"gap\":");
    gap_object(gap, out);
}

/// `{"missed":N}`, or `{}` where the number is unknown.
pub(super) fn gap_object(gap: Gap, out: &mut impl Output) {
    match gap.missed {
        Some(missed) => {
            out.put(b"{\"missed\":");
            out.put_decimal(missed);
            out.put(b"}");
        }
        None => out.put(b"{}"),
    }
}

/// `"after":"ID"`.
pub(super) fn after_member(id: EventId, out: &mut impl Output) {
    out.put(b"\"after\":\"");
    id.put(out);
    out.put(b"\"");
}

/// `{"after":"ID"}` and a line feed: the first line of a stream, and its keep-alive.
pub(super) fn cursor_line(after: EventId, out: &mut impl Output) {
    out.put(b"{");
    after_member(after, out);
    out.put(b"}\n");
}

/// `{"gap":{"missed":N},"after":"ID"}`, the notice of NDJSON and of `goldcrest.v1`.
pub(super) fn gap_notice(gap: Gap, after: EventId, out: &mut impl Output) {
    out.put(b"{");
    gap_member(gap, out);
    out.put(b",");
    after_member(after, out);
    out.put(b"}");
}

/// The contents of a JSON string (RFC 8259 §7). However `text` is cut, the bytes are the same.
pub(super) fn escape(text: &[u8], out: &mut impl Output) {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, 0..=0x1f | b'"' | b'\\')) {
        let Some((clean, [byte, behind @ ..])) = rest.split_at_checked(at) else { break };
        out.put(clean);
        match byte {
            b'"' => out.put(b"\\\""),
            b'\\' => out.put(b"\\\\"),
            b'\n' => out.put(b"\\n"),
            b'\r' => out.put(b"\\r"),
            b'\t' => out.put(b"\\t"),
            _ => {
                let digit = |value: u8| if value < 10 { b'0' + value } else { b'a' + (value - 10) };
                out.put(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 0xf)]);
            }
        }
        rest = behind;
    }
    out.put(rest);
}

/// Base64 with padding (RFC 4648 §4). Every chunk but the last has a multiple of 3 bytes.
pub(super) fn base64(chunk: &[u8], out: &mut impl Output) {
    for group in chunk.chunks(48) {
        let mut text = [b'='; 64];
        encode(group, &mut text);
        out.put(text.get(..group.len().div_ceil(3) * 4).unwrap_or_default());
    }
}

//! The JSON object that stands for an event: `{"id":…,"type":…,"data":…}`.

use super::event_format::AnyForm;
use super::render::Form;
use crate::base64::encode;
use crate::log::{Encoding, EventId, EventMeta, Gap};
use crate::output::Output;

/// The object, with what a transport puts before and behind it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Envelope {
    pub(super) before: &'static [u8],
    pub(super) behind: &'static [u8],
}

impl Envelope {
    /// `"id":"ID","type":"TYPE"`, which every form of an event has.
    pub(super) fn id_and_type(id: EventId, event_type: &[u8], out: &mut impl Output) {
        out.put(b"\"id\":\"");
        id.put(out);
        out.put(b"\",\"type\":\"");
        if event_type.is_empty() {
            out.put(b"message");
        } else {
            escape(event_type, out);
        }
        out.put(b"\"");
    }
}

impl Form for Envelope {
    fn any(&self) -> AnyForm {
        AnyForm::Envelope(*self)
    }

    fn head(&self, id: EventId, meta: &EventMeta, event_type: &[u8], out: &mut impl Output) {
        out.put(self.before);
        out.put(b"{");
        Self::id_and_type(id, event_type, out);
        out.put(match meta.encoding {
            Encoding::Text => b",\"data\":\"",
            Encoding::Binary => b",\"encoding\":\"base64\",\"data\":\"",
        });
    }

    fn data(&self, meta: &EventMeta, _previous: Option<u8>, piece: &[u8], out: &mut impl Output) {
        match meta.encoding {
            Encoding::Text => escape(piece, out),
            Encoding::Binary => base64(piece, out),
        }
    }

    fn tail(&self, _meta: &EventMeta, out: &mut impl Output) {
        out.put(b"\"}");
        out.put(self.behind);
    }
}

/// `"gap":{"missed":N}`, without the number where it is unknown.
pub(super) fn gap_member(gap: Gap, out: &mut impl Output) {
    out.put(b"\"gap\":");
    gap_object(gap, out);
}

/// `{"missed":N}`.
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

/// `{"gap":{"missed":N},"after":"ID"}`, the notice of streaming and of `goldcrest.v1`.
pub(super) fn gap_notice(gap: Gap, after: EventId, out: &mut impl Output) {
    out.put(b"{");
    gap_member(gap, out);
    out.put(b",");
    after_member(after, out);
    out.put(b"}");
}

/// The inside of a JSON string (RFC 8259 §7). Cutting `text` anywhere gives the same bytes.
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

/// Base64 with padding (RFC 4648 §4). Every piece but the last has a multiple of 3 bytes.
pub(super) fn base64(piece: &[u8], out: &mut impl Output) {
    for group in piece.chunks(48) {
        let mut text = [b'='; 64];
        encode(group, &mut text);
        out.put(text.get(..group.len().div_ceil(3) * 4).unwrap_or_default());
    }
}

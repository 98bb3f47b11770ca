//! The media type of event streams (WHATWG HTML §9.2.3, MIME Sniffing §4.4).
//!
//! ```
//! use goldcrest_core::sse::media_type::is_event_stream;
//!
//! assert!(is_event_stream(b"Text/Event-Stream; charset=UTF-8"));
//! assert!(!is_event_stream(b"text/html"));
//! ```

/// The media type of an event stream.
pub const EVENT_STREAM: &str = "text/event-stream";

/// [`EVENT_STREAM`] with its charset, for the responses of servers.
pub const EVENT_STREAM_UTF8: &str = "text/event-stream;charset=UTF-8";

/// Whether `content_type`, the value of a `Content-Type` field, is [`EVENT_STREAM`], in any case and with any parameters.
///
/// Parameters are ignored: an event stream is UTF-8 for every value of `charset` (WHATWG HTML §9.2.5).
pub fn is_event_stream(content_type: &[u8]) -> bool {
    let essence = content_type.split(|&byte| byte == b';').next().unwrap_or_default();
    trim_http_whitespace(essence).eq_ignore_ascii_case(EVENT_STREAM.as_bytes())
}

/// Trims HTTP whitespace. Unlike Rust's ASCII whitespace it has no form feed.
fn trim_http_whitespace(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    while let [b' ' | b'\t' | b'\r' | b'\n', after @ ..] = rest {
        rest = after;
    }
    while let [before @ .., b' ' | b'\t' | b'\r' | b'\n'] = rest {
        rest = before;
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_case_and_whitespace_are_ignored() {
        for value in [
            &b"text/event-stream"[..],
            b"TEXT/EVENT-STREAM",
            b"text/event-stream;charset=UTF-8",
            b"text/event-stream ; charset=windows-1252",
            b"text/event-stream;",
            b" \ttext/event-stream\t ",
            b"text/event-stream;a=\"text/html\"",
        ] {
            assert!(is_event_stream(value), "{}", value.escape_ascii());
        }
    }

    #[test]
    fn other_media_types_do_not_match() {
        for value in [
            &b""[..],
            b";text/event-stream",
            b"text/event-strea",
            b"text/event-streams",
            b"text/event-stream, text/html",
            b"text /event-stream",
            b"text/event-stream\x0c",
            b"text/x; text/event-stream",
            b"x-text/event-stream",
        ] {
            assert!(!is_event_stream(value), "{}", value.escape_ascii());
        }
    }
}

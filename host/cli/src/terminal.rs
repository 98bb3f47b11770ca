//! Escapes text from the network before it is written to a terminal.
//!
//! Servers and publishers choose payloads, ids, types, reasons and header fields. A control character in them could move
//! the cursor, set the window's title or hide text; a bidirectional override shows text in another order.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};

use tracing::field::Field;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{self, Writer};

use super::CommandError;

/// Whether a terminal obeys this character instead of showing it: C0, DEL and C1, the bidirectional controls, and the
/// line ends of Unicode.
fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Appends `text`, with control characters escaped in the form of JSON. `keeps` selects characters to keep.
fn escape_into(out: &mut String, text: &str, keeps: impl Fn(char) -> bool) {
    for character in text.chars() {
        match character {
            _ if !is_obeyed(character) || keeps(character) => out.push(character),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ => {
                // All of them are in the Basic Multilingual Plane.
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
        }
    }
}

/// A message for people, in one line.
pub(crate) fn message(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    escape_into(&mut escaped, text, |_| false);
    Cow::Owned(escaped)
}

/// A payload, or lines of them: LF and tab stay, and bytes that are no UTF-8 are `\xNN`.
pub(crate) fn payload(bytes: &[u8]) -> Vec<u8> {
    let mut escaped = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        escape_into(&mut escaped, chunk.valid(), |character| matches!(character, '\n' | '\t'));
        for byte in chunk.invalid() {
            let _ = write!(escaped, "\\x{byte:02x}");
        }
    }
    escaped.into_bytes()
}

/// Writes lines of JSON, with the control characters in their texts escaped in the form of JSON. So they stay the same JSON.
pub(crate) struct JsonLines<W>(pub(crate) W);

impl<W: io::Write> io::Write for JsonLines<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(&payload(bytes)).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// How the fields of a line of the log are written: each value is a message. (`tracing-subscriber` itself escapes some
/// controls, and none in a field that is displayed by `%`.)
pub(crate) fn fields() -> impl for<'w> FormatFields<'w> + Send + Sync + 'static {
    let write = |writer: &mut Writer<'_>, field: &Field, value: &dyn std::fmt::Debug| {
        let text = format!("{value:?}");
        let (name, text) = (field.name(), message(&text));
        match (name, writer.has_ansi_escapes()) {
            ("message", _) => writer.write_str(&text),
            (_, true) => write!(writer, "\x1b[3m{name}\x1b[0m\x1b[2m=\x1b[0m{text}"),
            (_, false) => write!(writer, "{name}={text}"),
        }
    };
    format::debug_fn(write).delimited(" ")
}

/// Prints all of it; a closed pipe is no error. A terminal gets no control characters.
pub(crate) fn print_text(text: &[u8]) -> Result<(), CommandError> {
    let mut stdout = io::stdout().lock();
    let text = if stdout.is_terminal() { Cow::Owned(payload(text)) } else { Cow::Borrowed(text) };
    match stdout.write_all(&text).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A title, CSI by ESC and by C1, a bell, an override of the direction, an isolate, NUL, a line separator.
    const HOSTILE: &str = "\x1b]0;owned\x07\x1b[2J\u{9b}2J\u{202e}x\u{2066}\u{200f}\0\x7f\u{2028}\r";

    #[test]
    fn a_message_is_one_line_with_escaped_controls() {
        assert_eq!(
            message(HOSTILE),
            "\\u001b]0;owned\\u0007\\u001b[2J\\u009b2J\\u202ex\\u2066\\u200f\\u0000\\u007f\\u2028\\r"
        );
        assert_eq!(message("a\tb\nc"), "a\\tb\\nc");
        assert!(matches!(message("ü \\ \"x\" 你 שלום"), Cow::Borrowed("ü \\ \"x\" 你 שלום")));
    }

    #[test]
    fn a_payload_keeps_line_ends_and_tabs_only() {
        let shown = String::from_utf8(payload(format!("a\tb\n{HOSTILE}\n").as_bytes())).unwrap();
        assert!(shown.starts_with("a\tb\n\\u001b]0;owned") && shown.ends_with("\\r\n"), "{shown:?}");
        assert!(!shown.contains(|c| is_obeyed(c) && c != '\n' && c != '\t'), "{shown:?}");
        // A single C1 byte is a control character for a terminal that is not in UTF-8 mode.
        assert_eq!(payload(b"\x9b2J\xff \xc3"), b"\\x9b2J\\xff \\xc3");
    }

    #[test]
    fn json_stays_the_same_json() {
        let value = serde_json::json!({ "data": HOSTILE });
        let shown = payload(value.to_string().as_bytes());
        assert!(!str::from_utf8(&shown).unwrap().contains(is_obeyed));
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&shown).unwrap(), value);
    }

    #[test]
    fn logged_text_of_peers_has_no_control_characters() {
        use std::io::{self, Write};
        use std::sync::{Arc, Mutex};

        #[derive(Clone, Default)]
        struct Shared(Arc<Mutex<Vec<u8>>>);

        impl Write for Shared {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().extend_from_slice(bytes);
                Ok(bytes.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        let logged = |colours| {
            let written = Shared::default();
            let writer = written.clone();
            let log = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(colours);
            tracing::subscriber::with_default(log.fmt_fields(fields()).finish(), || {
                let error = io::Error::other(HOSTILE);
                let error: &dyn std::error::Error = &error;
                let span = tracing::info_span!("of", span = %HOSTILE).entered();
                tracing::warn!(display = %HOSTILE, debug = ?HOSTILE, text = HOSTILE, error, missed = 3, "{HOSTILE}");
                drop(span);
            });
            String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
        };
        let (coloured, plain) = (logged(true), logged(false));
        // Without the colours, which are all that is left of ESC.
        let mut parts = coloured.split('\x1b');
        let mut bare = parts.next().unwrap().to_owned();
        for part in parts {
            let (code, rest) = part.split_once('m').unwrap();
            assert!(["[0", "[1", "[2", "[3", "[33"].contains(&code), "{coloured:?}");
            bare.push_str(rest);
        }
        for line in [bare, plain] {
            let (line, rest) = line.split_once('\n').unwrap();
            assert_eq!(rest, "");
            assert!(!line.contains(is_obeyed), "{line:?}");
            assert_eq!(line.matches("owned").count(), 6, "{line:?}");
            assert!(line.ends_with(" missed=3"), "{line:?}");
        }
    }
}

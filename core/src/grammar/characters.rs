//! Character classes of a message head, in one table.

const TOKEN: u8 = 1;
const VALUE: u8 = 2;
const TARGET: u8 = 4;
const HOST: u8 = 8;

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let byte = at as u8;
        let mut class = 0;
        if byte.is_ascii_alphanumeric()
            || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
        {
            class |= TOKEN;
        }
        if matches!(byte, b'\t' | b' '..=b'~' | 0x80..) {
            class |= VALUE;
        }
        if matches!(byte, b'!'..=b'~') && byte != b'#' {
            class |= TARGET;
        }
        if byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&'..=b',' | b';' | b'=')
        {
            class |= HOST;
        }
        table[at] = class;
        at += 1;
    }
    table
}

fn is(byte: u8, class: u8) -> bool {
    CLASSES.get(usize::from(byte)).is_some_and(|classes| classes & class != 0)
}

/// Whether `byte` is a `tchar` (RFC 9110 §5.6.2).
pub(crate) fn is_token(byte: u8) -> bool {
    is(byte, TOKEN)
}

/// Whether `byte` is valid in a field value: HTAB, SP, VCHAR or obs-text (RFC 9110 §5.5).
pub(crate) fn is_value(byte: u8) -> bool {
    is(byte, VALUE)
}

/// Whether `byte` is valid in a request target: visible ASCII except `#`.
///
/// Wider than RFC 3986: browsers do not encode some characters of a query, such as `|` and `^`.
pub(crate) fn is_target(byte: u8) -> bool {
    is(byte, TARGET)
}

/// Whether `byte` is *unreserved* or one of the *sub-delims*: the characters of a registered name (RFC 3986 §3.2.2).
pub(crate) fn is_host(byte: u8) -> bool {
    is(byte, HOST)
}

/// Whether `bytes` is a token: one `tchar` or more.
pub(crate) fn all_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| is_token(byte))
}

/// `bytes` without optional whitespace (SP, HTAB) at either end (RFC 9110 §5.6.3).
pub(crate) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// `bytes` as text. Callers have validated them as ASCII; other bytes read as empty.
pub(crate) fn ascii(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn tokens_are_letters_digits_and_the_15_marks_of_rfc_9110() {
        let marks: Vec<u8> = (0..=255).filter(|&byte: &u8| is_token(byte) && !byte.is_ascii_alphanumeric()).collect();
        assert_eq!(marks, b"!#$%&'*+-.^_`|~");
        assert!((b'0'..=b'9').chain(b'a'..=b'z').chain(b'A'..=b'Z').all(is_token));
    }

    #[test]
    fn field_values_exclude_controls_except_tab() {
        let controls: Vec<u8> = (0..=255).filter(|&byte: &u8| is_value(byte) && byte.is_ascii_control()).collect();
        assert_eq!(controls, b"\t");
        assert!(is_value(0x80) && is_value(0xFF) && is_value(b' '));
    }

    #[test]
    fn registered_names_are_unreserved_characters_and_sub_delims() {
        let marks: Vec<u8> = (0..=255).filter(|&byte: &u8| is_host(byte) && !byte.is_ascii_alphanumeric()).collect();
        assert_eq!(marks, b"!$&'()*+,-.;=_~");
    }
}

//! Comma-separated lists of tokens (RFC 9110 §5.6.1, §5.6.2).
//!
//! ```
//! use goldcrest_core::ws::handshake::list::{elements, has_token, is_token};
//!
//! assert!(elements(b" , keep-alive,\tUpgrade,").eq([&b"keep-alive"[..], b"Upgrade"]));
//! assert!(has_token(b"keep-alive, Upgrade", "upgrade"));
//! assert!(!has_token(b"notupgrade", "upgrade"));
//! assert!(is_token(b"goldcrest.v1") && !is_token(b"a b") && !is_token(b""));
//! ```

/// The elements of a list in order, without white space around them; empty ones are left out.
///
/// Quoted strings are not known here: see [`extension`](super::extension).
pub fn elements(list: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    Elements { rest: Some(list) }
}

#[derive(Clone)]
struct Elements<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let rest = self.rest?;
            let comma = rest.iter().position(|byte| *byte == b',').unwrap_or(rest.len());
            let (element, behind) = rest.split_at_checked(comma).unwrap_or_default();
            self.rest = behind.get(1..);
            let element = trim(element);
            if !element.is_empty() {
                return Some(element);
            }
        }
    }
}

/// Whether `token` is an element of the list, in whatever case.
pub fn has_token(list: &[u8], token: &str) -> bool {
    elements(list).any(|element| eq_ignore_ascii_case(element, token.as_bytes()))
}

/// Whether `text` is a token: one or more of RFC 9110's `tchar`.
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| is_token_byte(*byte))
}

pub(super) const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}

/// Whether two names are the same but for case. (That of the standard library can panic, as far as a compiler for size
/// can see.)
pub(super) fn eq_ignore_ascii_case(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.eq_ignore_ascii_case(b))
}

/// `text` without spaces and tabs at its ends.
pub(super) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_what_rfc_9110_says() {
        let allowed = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        for byte in 0..=255u8 {
            assert_eq!(is_token(&[byte]), allowed.contains(&byte), "{byte:#x}");
        }
    }

    #[test]
    fn empty_elements_are_no_elements() {
        assert_eq!(elements(b"").count(), 0);
        assert_eq!(elements(b" , ,\t,").count(), 0);
        assert!(has_token(b", ,Upgrade,", "upgrade"));
        assert!(!has_token(b"Up grade", "upgrade"));
    }
}

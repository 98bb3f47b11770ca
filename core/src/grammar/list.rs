//! Comma-separated lists in field values (RFC 9110 §5.6.1), quoted strings respected.

use super::characters::trim;
use super::scan::split_once;

/// The elements of a list, without surrounding whitespace. Empty elements are skipped (RFC 9110 §5.6.1.2).
///
/// A comma or semicolon inside a quoted string is no separator. An unterminated quoted string extends to the end.
#[derive(Clone, Copy, Debug)]
pub struct HeaderList<'a> {
    rest: Option<&'a [u8]>,
    separator: u8,
}

impl<'a> HeaderList<'a> {
    /// The elements of `value` between commas.
    ///
    /// ```
    /// use goldcrest_core::http::HeaderList;
    ///
    /// let tokens: Vec<_> = HeaderList::new(b"keep-alive, , Upgrade;x=\"a,b\"").collect();
    /// assert_eq!(tokens, [&b"keep-alive"[..], b"Upgrade;x=\"a,b\""]);
    /// ```
    pub const fn new(value: &'a [u8]) -> Self {
        Self { rest: Some(value), separator: b',' }
    }

    /// The parts of one element between semicolons: the value, then its parameters.
    pub const fn parts(element: &'a [u8]) -> Self {
        Self { rest: Some(element), separator: b';' }
    }

    /// The next element, which may be empty.
    pub(crate) fn next_raw(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        let end = unquoted(rest, self.separator);
        self.rest = end.and_then(|at| rest.get(at.wrapping_add(1)..));
        Some(trim(end.and_then(|at| rest.get(..at)).unwrap_or(rest)))
    }
}

impl<'a> Iterator for HeaderList<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            // Linear: an empty element costs one byte.
            if let Some(rest) = &mut self.rest {
                let start = rest.iter().position(|byte| *byte != self.separator && !matches!(byte, b' ' | b'\t'));
                *rest = rest.get(start.unwrap_or(rest.len())..).unwrap_or_default();
            }
            let element = self.next_raw()?;
            if !element.is_empty() {
                return Some(element);
            }
        }
    }
}

/// The elements of several lists, as one list (RFC 9110 §5.3). A `FlatMap` is larger: it is double-ended.
#[derive(Clone)]
pub(crate) struct Lists<'a, I> {
    pub(crate) values: I,
    pub(crate) list: Option<HeaderList<'a>>,
}

impl<'a, I: Iterator<Item = &'a [u8]>> Iterator for Lists<'a, I> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            if let Some(element) = self.list.as_mut().and_then(HeaderList::next) {
                return Some(element);
            }
            self.list = Some(HeaderList::new(self.values.next()?));
        }
    }
}

/// Index of the first `separator` outside a quoted string.
fn unquoted(value: &[u8], separator: u8) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    value.iter().position(|&byte| {
        if escaped {
            escaped = false;
        } else if byte == b'"' {
            quoted = !quoted;
        } else if byte == b'\\' {
            escaped = quoted;
        }
        byte == separator && !quoted
    })
}

/// Whether `token` is an element of the list, compared without case.
pub(crate) fn has_token(list: &[u8], token: &str) -> bool {
    HeaderList::new(list).any(|element| element.eq_ignore_ascii_case(token.as_bytes()))
}

/// A parameter `name=value`, or a name alone with an empty value. Whitespace around `=` is accepted (RFC 9110 §5.6.6).
pub(crate) fn parameter(part: &[u8]) -> (&[u8], &[u8]) {
    let (name, value) = split_once(part, b'=').unwrap_or((part, &[]));
    (trim(name), trim(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn elements(value: &[u8]) -> Vec<&[u8]> {
        HeaderList::new(value).collect()
    }

    #[test]
    fn list_elements_are_split_at_commas_and_trimmed() {
        assert_eq!(elements(b"a,b ,\tc"), [b"a", b"b", b"c"]);
        assert_eq!(elements(b""), [b""; 0]);
        assert_eq!(elements(b" , ,,"), [b""; 0]);
        assert_eq!(elements(b",a,"), [b"a"]);
    }

    #[test]
    fn a_token_is_a_whole_element_in_any_case() {
        assert!(has_token(b"keep-alive, Upgrade", "upgrade"));
        assert!(has_token(b", ,Upgrade,", "upgrade"));
        assert!(!has_token(b"notupgrade", "upgrade"));
        assert!(!has_token(b"Up grade", "upgrade"));
    }

    #[test]
    fn commas_in_quoted_strings_are_no_separators() {
        assert_eq!(elements(br#"a;b="x,\",y", c"#), [&br#"a;b="x,\",y""#[..], b"c"]);
        assert_eq!(elements(br#"a="never, ending"#), [br#"a="never, ending"#]);
        assert_eq!(elements(br"a\,b"), [&br"a\"[..], b"b"]);
    }

    #[test]
    fn parameters_may_have_whitespace_around_equals() {
        assert_eq!(parameter(b"wait = 5"), (&b"wait"[..], &b"5"[..]));
        assert_eq!(parameter(b"wait"), (&b"wait"[..], &b""[..]));
    }
}

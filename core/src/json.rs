//! A parser of one JSON object, in place (RFC 8259).
//!
//! A message from a client on the subprotocol `goldcrest.v1` is one flat object. Its members are read one by one, and
//! strings are unescaped in place, without copies and allocation.
//!
//! ```
//! use goldcrest_core::json::{Members, text};
//!
//! let mut object = *br#"{"type":"note","data":"a\n\u00e9"}"#;
//! let mut members = Members::new(&mut object)?;
//! while let Some((name, value)) = members.next()? {
//!     match name {
//!         "type" => assert_eq!(text(value)?, "note"),
//!         "data" => assert_eq!(text(value)?, "a\n\u{e9}"),
//!         _ => {}
//!     }
//! }
//! # Ok::<(), goldcrest_core::json::JsonError>(())
//! ```

use core::fmt;

/// The reason that a text is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonError {
    /// Not exactly one JSON object.
    Object,
    /// A value is not a string, or its escapes are malformed.
    String,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Object => "not a JSON object",
            Self::String => "not a JSON string",
        })
    }
}

impl core::error::Error for JsonError {}

/// The members of an object, in order. The content of arrays and objects is skipped: only their brackets are counted.
#[derive(Debug)]
pub struct Members<'a> {
    rest: &'a mut [u8],
    first: bool,
}

impl<'a> Members<'a> {
    /// The members of the object in `text`.
    ///
    /// # Errors
    /// [`JsonError::Object`] if `text` does not begin with an object.
    pub fn new(text: &'a mut [u8]) -> Result<Self, JsonError> {
        let mut members = Self { rest: text, first: true };
        members.punctuation(b'{')?;
        Ok(members)
    }

    /// The next member: its name and its raw value. A string has its quotes.
    ///
    /// # Errors
    /// [`JsonError`] if neither a member nor the end of the object and of the text follows.
    #[allow(clippy::should_implement_trait, reason = "an iterator's items could not be Results with a `?` each")]
    pub fn next(&mut self) -> Result<Option<(&'a str, &'a mut [u8])>, JsonError> {
        if self.peek() == Some(b'}') {
            self.take(1);
            return if self.peek().is_none() { Ok(None) } else { Err(JsonError::Object) };
        }
        if !core::mem::take(&mut self.first) {
            self.punctuation(b',')?;
        }
        let name = self.token()?;
        let name = text(name)?;
        self.punctuation(b':')?;
        let value = self.token()?;
        // A number has no end mark: it is complete only before a separator.
        if !matches!(self.peek(), Some(b',' | b'}')) {
            return Err(JsonError::Object);
        }
        Ok(Some((name, value)))
    }

    /// The next byte that is not whitespace.
    fn peek(&mut self) -> Option<u8> {
        let blank = self.rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
        self.take(blank);
        self.rest.first().copied()
    }

    fn punctuation(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.peek() != Some(byte) {
            return Err(JsonError::Object);
        }
        self.take(1);
        Ok(())
    }

    fn take(&mut self, count: usize) -> &'a mut [u8] {
        let (taken, rest) = core::mem::take(&mut self.rest).split_at_mut_checked(count).unwrap_or_default();
        self.rest = rest;
        taken
    }

    fn token(&mut self) -> Result<&'a mut [u8], JsonError> {
        let length = match self.peek() {
            Some(b'"') => string_length(self.rest),
            Some(b'{' | b'[') => nested_length(self.rest),
            _ => scalar_length(self.rest),
        };
        length.map(|length| self.take(length)).ok_or(JsonError::Object)
    }
}

/// The length of the string at the start of `bytes`, with both quotes.
fn string_length(bytes: &[u8]) -> Option<usize> {
    let (mut escaped, mut at) = (false, 1usize);
    loop {
        let byte = bytes.get(at)?;
        at = at.checked_add(1)?;
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at),
            0..=0x1f => return None,
            _ => {}
        }
    }
}

fn nested_length(bytes: &[u8]) -> Option<usize> {
    let (mut depth, mut at) = (0u32, 0usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = at.checked_add(string_length(bytes.get(at..)?)?)?;
                continue;
            }
            b'{' | b'[' => depth = depth.checked_add(1)?,
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return at.checked_add(1);
                }
            }
            _ => {}
        }
        at = at.checked_add(1)?;
    }
    None
}

fn scalar_length(bytes: &[u8]) -> Option<usize> {
    for literal in [&b"true"[..], b"false", b"null"] {
        if bytes.starts_with(literal) {
            return Some(literal.len());
        }
    }
    let digits = |bytes: &[u8]| bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = usize::from(bytes.first() == Some(&b'-'));
    let whole = digits(bytes.get(at..)?);
    if whole == 0 || (whole > 1 && bytes.get(at) == Some(&b'0')) {
        return None;
    }
    at = at.checked_add(whole)?;
    if bytes.get(at) == Some(&b'.') {
        let fraction = digits(bytes.get(at.checked_add(1)?..)?);
        at = at.checked_add(1)?.checked_add(Some(fraction).filter(|count| *count > 0)?)?;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at = at.checked_add(1)?;
        at = at.checked_add(usize::from(matches!(bytes.get(at), Some(b'+' | b'-'))))?;
        let exponent = digits(bytes.get(at..)?);
        at = at.checked_add(Some(exponent).filter(|count| *count > 0)?)?;
    }
    Some(at)
}

/// The text of a string, unescaped in place.
///
/// # Errors
/// [`JsonError::String`] if the value is not a string, an escape is malformed, or a surrogate is unpaired.
pub fn text(value: &mut [u8]) -> Result<&str, JsonError> {
    let end = value.len().checked_sub(1).ok_or(JsonError::String)?;
    let inside = match (value.first(), value.get(end)) {
        (Some(b'"'), Some(b'"')) if end > 0 => value.get_mut(1..end).ok_or(JsonError::String)?,
        _ => return Err(JsonError::String),
    };
    let length = unescape(inside).ok_or(JsonError::String)?;
    let text = inside.get(..length).ok_or(JsonError::String)?;
    core::str::from_utf8(text).map_err(|_| JsonError::String)
}

/// Unescapes in place. Returns the length of the text.
fn unescape(bytes: &mut [u8]) -> Option<usize> {
    let mut written = bytes.iter().position(|byte| *byte == b'\\').unwrap_or(bytes.len());
    let mut read = written;
    while let Some(byte) = bytes.get(read).copied() {
        read = read.checked_add(1)?;
        if byte != b'\\' {
            *bytes.get_mut(written)? = byte;
            written = written.checked_add(1)?;
            continue;
        }
        let escape = bytes.get(read).copied()?;
        read = read.checked_add(1)?;
        let character = match escape {
            b'"' | b'\\' | b'/' => char::from(escape),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => unicode(bytes, &mut read)?,
            _ => return None,
        };
        let mut encoded = [0; 4];
        // An escape is at least as long as its character, so writing never passes reading.
        for byte in character.encode_utf8(&mut encoded).bytes() {
            *bytes.get_mut(written)? = byte;
            written = written.checked_add(1)?;
        }
    }
    Some(written)
}

/// The character after `\u`, from one escape or from a surrogate pair (RFC 8259 §7).
fn unicode(bytes: &[u8], read: &mut usize) -> Option<char> {
    let mut unit = || -> Option<u32> {
        let digits = bytes.get(*read..)?.first_chunk::<4>()?;
        *read = read.checked_add(4)?;
        digits.iter().try_fold(0, |sum, digit| Some(sum << 4 | char::from(*digit).to_digit(16)?))
    };
    let high = unit()?;
    if !(0xd800..0xe000).contains(&high) {
        return char::from_u32(high);
    }
    if bytes.get(*read..)?.first_chunk::<2>()? != b"\\u" || high >= 0xdc00 {
        return None;
    }
    *read = read.checked_add(2)?;
    let digits = bytes.get(*read..)?.first_chunk::<4>()?;
    *read = read.checked_add(4)?;
    let low = digits.iter().try_fold(0u32, |sum, digit| Some(sum << 4 | char::from(*digit).to_digit(16)?))?;
    let low = low.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
    let high = high.checked_sub(0xd800)?;
    char::from_u32((high << 10 | low).checked_add(0x1_0000)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::{String, ToString};
    use std::vec::Vec;

    fn read(object: &str) -> Result<Vec<(String, String)>, JsonError> {
        let mut bytes = object.as_bytes().to_vec();
        let mut members = Members::new(&mut bytes)?;
        let mut seen = Vec::new();
        while let Some((name, value)) = members.next()? {
            let value = if value.first() == Some(&b'"') {
                text(value)?.to_string()
            } else {
                core::str::from_utf8(value).unwrap().to_string()
            };
            seen.push((name.to_string(), value));
        }
        Ok(seen)
    }

    #[test]
    fn members_are_in_order_and_unescaped() {
        let object = " {\"a\" : \"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\ud83d\\ude00\" ,\n\"b\":-1.5e+3,\"c\":{\"x\":[\"}\"]},\"\":null} ";
        let seen = read(object).unwrap();
        let seen: Vec<_> = seen.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            seen,
            [("a", "\"\\/\u{8}\u{c}\n\r\tA\u{1f600}"), ("b", "-1.5e+3"), ("c", "{\"x\":[\"}\"]}"), ("", "null")]
        );
        assert_eq!(read("{}"), Ok(Vec::new()));
    }

    #[test]
    fn texts_other_than_objects_are_rejected() {
        for bad in [
            "",
            "[]",
            "\"a\"",
            "{",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1",
            "{\"a\":1,}",
            "{\"a\":1}x",
            "{,}",
            "{\"a\":01}",
            "{\"a\":1.}",
            "{\"a\":1e}",
            "{\"a\":-}",
            "{\"a\":tru}",
            "{\"a\":\"\n\"}",
            "{\"a\":\"}",
            "{\"a\":[}",
            "{\"a\":1 2}",
            "{\"a\":nullx}",
            "{a:1}",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        for bad in [
            "{\"a\":\"\\x\"}",
            "{\"a\":\"\\u12\"}",
            "{\"a\":\"\\ud800\"}",
            "{\"a\":\"\\udc00\\ud800\"}",
            "{\"a\":\"\\ud800\\u0041\"}",
        ] {
            assert_eq!(read(bad), Err(JsonError::String), "{bad}");
        }
        assert_eq!(text(&mut b"\"".to_vec()), Err(JsonError::String));
        assert_eq!(text(&mut []), Err(JsonError::String));
    }
}

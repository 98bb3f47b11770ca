//! Field values of one line, so that a value cannot inject a field.
//!
//! A line end in an event type ends its line, and the receiver parses the rest as another field. The constructors
//! of this module reject it. They are `const`, so that a literal is validated at compile time.
//!
//! ```
//! use goldcrest_core::sse::field::{EventField, FieldError};
//!
//! const SENSOR: EventField<'static> = match EventField::new(b"sensor") {
//!     Ok(name) => name,
//!     Err(_) => panic!("not one line"),
//! };
//! assert_eq!(SENSOR.as_bytes(), b"sensor");
//! assert_eq!(EventField::new(b"a\ndata: forged"), Err(FieldError::LineEnd { at: 1 }));
//! ```

use core::fmt;

use super::line::{CR, LF};

/// The reason that bytes are not a valid field value. For a value from a request the response is 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldError {
    /// The value contains a CR or LF, which ends the line.
    LineEnd {
        /// Index of the first one.
        at: usize,
    },
    /// The id contains a U+0000 NULL: receivers ignore such an `id` field (WHATWG HTML §9.2.6).
    Null {
        /// Index of the first one.
        at: usize,
    },
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineEnd { at } => write!(f, "a line end at byte {at}"),
            Self::Null { at } => write!(f, "a NULL at byte {at} of an id"),
        }
    }
}

impl core::error::Error for FieldError {}

/// The value of an `id` field, without line end and NULL. The empty value resets the receiver's last event ID.
///
/// Invalid UTF-8 arrives as U+FFFD, and returns as U+FFFD in `Last-Event-ID`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IdField<'a>(&'a [u8]);

impl<'a> IdField<'a> {
    /// Validates `value`.
    ///
    /// # Errors
    /// [`FieldError::LineEnd`] or [`FieldError::Null`], for the first invalid byte.
    pub const fn new(value: &'a [u8]) -> Result<Self, FieldError> {
        match first_error(value, true) {
            None => Ok(Self(value)),
            Some(error) => Err(error),
        }
    }

    /// The value as bytes.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

/// The value of an `event` field, without line end. The empty value arrives as `message`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventField<'a>(&'a [u8]);

impl<'a> EventField<'a> {
    /// Validates `value`.
    ///
    /// # Errors
    /// [`FieldError::LineEnd`].
    pub const fn new(value: &'a [u8]) -> Result<Self, FieldError> {
        match first_error(value, false) {
            None => Ok(Self(value)),
            Some(error) => Err(error),
        }
    }

    /// The value as bytes.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

/// The text of a comment, without line end. Receivers ignore it. An empty comment is a keep-alive of two bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Comment<'a>(&'a [u8]);

impl<'a> Comment<'a> {
    /// The comment without text.
    pub const EMPTY: Self = Self(b"");

    /// Validates `text`.
    ///
    /// # Errors
    /// [`FieldError::LineEnd`].
    pub const fn new(text: &'a [u8]) -> Result<Self, FieldError> {
        match first_error(text, false) {
            None => Ok(Self(text)),
            Some(error) => Err(error),
        }
    }

    /// The value as bytes.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

/// The error for the first invalid byte of `value`.
const fn first_error(value: &[u8], null_is_one: bool) -> Option<FieldError> {
    let mut at = 0;
    let mut rest = value;
    while let Some((&byte, after)) = rest.split_first() {
        match byte {
            LF | CR => return Some(FieldError::LineEnd { at }),
            0 if null_is_one => return Some(FieldError::Null { at }),
            _ => {}
        }
        at += 1;
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_end_is_rejected_at_any_index() {
        for (value, at) in [(&b"\n"[..], 0), (b"\rx", 0), (b"a\nb", 1), (b"a\rb", 1), (b"ab\r\n", 2), (b"ab\n", 2)] {
            let error = FieldError::LineEnd { at };
            assert_eq!(IdField::new(value), Err(error));
            assert_eq!(EventField::new(value), Err(error));
            assert_eq!(Comment::new(value), Err(error));
        }
    }

    #[test]
    fn only_an_id_rejects_null() {
        assert_eq!(IdField::new(b"a\0"), Err(FieldError::Null { at: 1 }));
        assert!(EventField::new(b"a\0").is_ok());
        assert!(Comment::new(b"a\0").is_ok());
    }

    #[test]
    fn every_other_byte_is_kept() {
        for byte in (1..=u8::MAX).filter(|byte| !b"\r\n".contains(byte)) {
            assert_eq!(IdField::new(&[byte]).map(IdField::as_bytes), Ok(&[byte][..]));
        }
        assert_eq!(IdField::new(b"").map(IdField::as_bytes), Ok(&b""[..]));
    }
}

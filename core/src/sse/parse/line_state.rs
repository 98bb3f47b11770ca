//! The position within a line at the end of the input.

use crate::sse::line::find_line_end;

/// The position of the next byte in its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    LineStart,
    /// In a prefix of a field name.
    Name(Name),
    /// In a field's value. With `space`, a U+0020 at its start is not part of it.
    Value {
        field: Field,
        space: bool,
    },
    /// In a comment or an unknown field.
    Ignored,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Data,
    Event,
    Id,
    Retry,
}

/// A prefix of a name, up to the length of the longest field name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    bytes: [u8; 5],
    len: u8,
}

impl Name {
    const EMPTY: Self = Self { bytes: [0; 5], len: 0 };

    /// Appends a byte. Returns false if the name is longer than every field name.
    pub(super) fn push(&mut self, byte: u8) -> bool {
        let Some(next) = self.bytes.get_mut(usize::from(self.len)) else { return false };
        *next = byte;
        self.len = self.len.saturating_add(1);
        true
    }

    pub(super) fn field(&self) -> Option<Field> {
        match self.bytes.get(..usize::from(self.len))? {
            b"data" => Some(Field::Data),
            b"event" => Some(Field::Event),
            b"id" => Some(Field::Id),
            b"retry" => Some(Field::Retry),
            _ => None,
        }
    }
}

/// The state after the first bytes of a line that is not empty, and the rest of `line`. The first bytes are the name
/// and its colon, if both are in `line`.
#[inline]
pub(super) fn begin_line(line: &[u8]) -> (At, &[u8]) {
    let (field, value) = match line {
        [b'd', b'a', b't', b'a', b':', value @ ..] => (Field::Data, value),
        [b'i', b'd', b':', value @ ..] => (Field::Id, value),
        [b'e', b'v', b'e', b'n', b't', b':', value @ ..] => (Field::Event, value),
        [b'r', b'e', b't', b'r', b'y', b':', value @ ..] => (Field::Retry, value),
        _ => return (At::Name(Name::EMPTY), line),
    };
    (At::Value { field, space: true }, value)
}

/// The part before the first line end, then the first byte of the line end and the rest after that byte.
#[inline]
pub(super) fn split_line(bytes: &[u8]) -> (&[u8], Option<(u8, &[u8])>) {
    let split = find_line_end(bytes).and_then(|end| bytes.split_at_checked(end));
    match split {
        Some((line, [first, after @ ..])) => (line, Some((*first, after))),
        _ => (bytes, None),
    }
}

/// The value of a `retry` field: only ASCII digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digits {
    None,
    Number(u64),
    Invalid,
}

impl Digits {
    /// Appends digits. The number saturates at `u64::MAX`.
    pub(super) fn push(&mut self, piece: &[u8]) {
        for &byte in piece {
            *self = match self {
                Self::None if byte.is_ascii_digit() => Self::Number(digit(byte)),
                Self::Number(number) if byte.is_ascii_digit() => {
                    Self::Number(number.saturating_mul(10).saturating_add(digit(byte)))
                }
                _ => Self::Invalid,
            };
        }
    }
}

fn digit(byte: u8) -> u64 {
    u64::from(byte.saturating_sub(b'0'))
}

/// The received part of a byte order mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BomSeen {
    None,
    One,
    Two,
    /// The complete mark, or another byte.
    Past,
}

impl BomSeen {
    /// The next byte of the mark.
    pub(super) fn next(self) -> Option<u8> {
        match self {
            Self::None => Some(0xEF),
            Self::One => Some(0xBB),
            Self::Two => Some(0xBF),
            Self::Past => None,
        }
    }

    pub(super) fn and_one(self) -> Self {
        match self {
            Self::None => Self::One,
            Self::One => Self::Two,
            Self::Two | Self::Past => Self::Past,
        }
    }
}

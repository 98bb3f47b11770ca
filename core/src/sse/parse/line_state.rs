//! Where in a line the stream was cut.

use crate::sse::line::find_line_end;

/// The place in the line that the next byte has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    LineStart,
    /// In what may be the name of a field.
    Name(Name),
    /// In a field's value. With `space`, a first U+0020 is not part of it.
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

/// As much of a name as the longest field has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    bytes: [u8; 5],
    len: u8,
}

impl Name {
    const EMPTY: Self = Self { bytes: [0; 5], len: 0 };

    /// Appends a byte; false where no field has so long a name.
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

/// The state after the first bytes of a line that is not empty, and what follows them: the whole name and its colon
/// where they lie in `line`.
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

/// What stands before the first line end; and the first byte of that with what follows the byte.
#[inline]
pub(super) fn split_line(bytes: &[u8]) -> (&[u8], Option<(u8, &[u8])>) {
    let split = find_line_end(bytes).and_then(|end| bytes.split_at_checked(end));
    match split {
        Some((line, [first, after @ ..])) => (line, Some((*first, after))),
        _ => (bytes, None),
    }
}

/// The value of a `retry` field: ASCII digits and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digits {
    None,
    Number(u64),
    Invalid,
}

impl Digits {
    /// Reads on; past `u64::MAX` it stays at that.
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

/// How much of a byte order mark has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BomSeen {
    None,
    One,
    Two,
    /// All of it, or something else.
    Past,
}

impl BomSeen {
    /// The byte that would go on with it.
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

//! Validation of UTF-8 in parts (RFC 3629, RFC 6455 §8.1).
//!
//! ```
//! use goldcrest_core::ws::utf8::Utf8Validator;
//!
//! let mut text = Utf8Validator::default();
//! assert_eq!(text.push(b"gr\xc3"), Ok(()));
//! assert!(!text.is_complete());
//! assert_eq!(text.push(b"\xbc\xc3\x9fe"), Ok(()));
//! assert!(text.is_complete());
//! // The byte that can belong to no UTF-8 is named, here a surrogate's second byte.
//! assert_eq!(text.push(b"ab\xed\xa0\x80"), Err(3));
//! ```

/// A validator that takes a text in pieces of any length, cut anywhere.
///
/// It fails at the first byte after which no continuation could be valid: overlong forms, surrogates and code points
/// past U+10FFFF are known by their second byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Utf8Validator {
    /// Continuation bytes that the unfinished character still needs: 0..=3.
    missing: u8,
    /// The bounds of the next of them; `0x80..=0xBF` except for some second bytes.
    low: u8,
    high: u8,
}

impl Default for Utf8Validator {
    fn default() -> Self {
        Self::NEW
    }
}

impl Utf8Validator {
    /// A validator at the start of a text.
    pub const NEW: Self = Self { missing: 0, low: 0x80, high: 0xbf };

    /// Validates the next part.
    ///
    /// # Errors
    /// The index in `piece` of the first invalid byte. The validator then is in its state before that byte.
    #[inline]
    pub fn push(&mut self, piece: &[u8]) -> Result<(), usize> {
        if self.missing == 0 && core::str::from_utf8(piece).is_ok() { Ok(()) } else { self.push_hard(piece) }
    }

    /// Whether the text may end here: no character is unfinished.
    #[inline]
    pub fn is_complete(self) -> bool {
        self.missing == 0
    }

    /// A piece that begins or ends within a character, or is bad.
    #[inline(never)]
    fn push_hard(&mut self, piece: &[u8]) -> Result<(), usize> {
        let mut at = 0usize;
        while self.missing > 0 {
            let Some(&byte) = piece.get(at) else { return Ok(()) };
            self.step(byte).map_err(|()| at)?;
            at = at.wrapping_add(1);
        }
        let rest = piece.get(at..).unwrap_or_default();
        let Err(error) = core::str::from_utf8(rest) else { return Ok(()) };
        let valid = error.valid_up_to();
        at = at.wrapping_add(valid);
        for &byte in rest.get(valid..).unwrap_or_default() {
            self.step(byte).map_err(|()| at)?;
            at = at.wrapping_add(1);
        }
        Ok(())
    }

    /// Table 3-7 of the Unicode standard, a byte at a time.
    fn step(&mut self, byte: u8) -> Result<(), ()> {
        if self.missing > 0 {
            if byte < self.low || byte > self.high {
                return Err(());
            }
            *self = Self { missing: self.missing - 1, ..Self::NEW };
            return Ok(());
        }
        let (missing, low, high) = match byte {
            0x00..=0x7f => (0, 0x80, 0xbf),
            0xc2..=0xdf => (1, 0x80, 0xbf),
            0xe0 => (2, 0xa0, 0xbf),
            0xe1..=0xec | 0xee..=0xef => (2, 0x80, 0xbf),
            0xed => (2, 0x80, 0x9f),
            0xf0 => (3, 0x90, 0xbf),
            0xf1..=0xf3 => (3, 0x80, 0xbf),
            0xf4 => (3, 0x80, 0x8f),
            _ => return Err(()),
        };
        *self = Self { missing, low, high };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::String;
    use std::vec::Vec;

    /// The first index whose byte leaves no way to go on, by trying every way.
    fn first_bad_byte(bytes: &[u8]) -> Option<usize> {
        (0..bytes.len()).find(|&at| match core::str::from_utf8(&bytes[..=at]) {
            Ok(_) => false,
            Err(error) => error.error_len().is_some(),
        })
    }

    fn push_in_pieces(bytes: &[u8], size: usize) -> (Result<(), usize>, Utf8Validator) {
        let mut text = Utf8Validator::default();
        for (index, piece) in bytes.chunks(size).enumerate() {
            if let Err(at) = text.push(piece) {
                return (Err(index * size + at), text);
            }
        }
        (Ok(()), text)
    }

    #[test]
    fn every_second_byte_is_validated_as_by_core() {
        for first in 0..=255u8 {
            for second in 0..=255u8 {
                let bytes = [first, second];
                for size in 1..=2 {
                    let (result, text) = push_in_pieces(&bytes, size);
                    assert_eq!(result.err(), first_bad_byte(&bytes), "{bytes:x?} by {size}");
                    if result.is_ok() {
                        assert_eq!(text.is_complete(), core::str::from_utf8(&bytes).is_ok(), "{bytes:x?}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_state_is_three_bytes() {
        assert_eq!(size_of::<Utf8Validator>(), 3);
    }

    fn text() -> impl Strategy<Value = String> {
        proptest::collection::vec(any::<char>(), 0..32).prop_map(String::from_iter)
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_result(
            text in text(),
            noise in proptest::collection::vec(any::<u8>(), 0..3),
            tail in text(),
            size in 1usize..20,
        ) {
            let mut bytes: Vec<u8> = text.into_bytes();
            bytes.extend(noise);
            bytes.extend(tail.as_bytes());
            let (result, state) = push_in_pieces(&bytes, size);
            prop_assert_eq!(result.err(), first_bad_byte(&bytes));
            if result.is_ok() {
                prop_assert_eq!(state.is_complete(), core::str::from_utf8(&bytes).is_ok());
            }
        }
    }
}

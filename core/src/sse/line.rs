//! Line ends: LF, CR or CRLF (WHATWG HTML §9.2.5, `end-of-line`).

/// LF and CR, as bytes.
pub(super) const LF: u8 = b'\n';
/// CR, as a byte.
pub(super) const CR: u8 = b'\r';

/// Index of the first LF or CR in `bytes`.
///
/// Searches by blocks, then by words: one pass for any bytes.
#[inline]
pub(super) fn find_line_end(bytes: &[u8]) -> Option<usize> {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    for (index, block) in blocks.iter().enumerate() {
        if block_has_byte_under(block, CR + 1)
            && let Some(inside) = find_in_words(block)
        {
            return Some(index.saturating_mul(BLOCK).saturating_add(inside));
        }
    }
    find_in_words(rest).map(|inside| blocks.len().saturating_mul(BLOCK).saturating_add(inside))
}

/// Whether `byte` is an LF or a CR.
#[inline]
pub(super) fn is_line_end(byte: u8) -> bool {
    byte == LF || byte == CR
}

const WORD: usize = size_of::<usize>();
const BLOCK: usize = 32;
/// A word with 1 in each byte.
const ONES: usize = usize::MAX / 255;
/// A word with the high bit of each byte.
const HIGH: usize = ONES * 0x80;

/// Whether some byte of `block` is smaller than `bound` (at most 128). Most blocks have none, so one test covers the
/// block.
#[inline]
fn block_has_byte_under(block: &[u8; BLOCK], bound: u8) -> bool {
    let (words, _) = block.as_chunks::<WORD>();
    words.iter().fold(false, |has, word| has | has_byte_under(usize::from_le_bytes(*word), bound))
}

/// [`find_line_end`], a word at a time.
#[inline]
fn find_in_words(bytes: &[u8]) -> Option<usize> {
    let (words, tail) = bytes.as_chunks::<WORD>();
    for (index, word) in words.iter().enumerate() {
        if let Some(inside) = line_end_in(usize::from_le_bytes(*word)) {
            return Some(index.saturating_mul(WORD).saturating_add(inside));
        }
    }
    let inside = tail.iter().position(|&byte| is_line_end(byte))?;
    Some(words.len().saturating_mul(WORD).saturating_add(inside))
}

/// Whether some byte of `word` is smaller than `bound` (at most 128): three operations.
#[inline]
fn has_byte_under(word: usize, bound: u8) -> bool {
    word.wrapping_sub(ONES * bound as usize) & !word & HIGH != 0
}

/// Index of the first LF or CR among the bytes of a little-endian `word`.
#[inline]
fn line_end_in(word: usize) -> Option<usize> {
    let found = zero_bytes(word ^ (ONES * LF as usize)) | zero_bytes(word ^ (ONES * CR as usize));
    (found != 0).then(|| (found.trailing_zeros() / 8) as usize)
}

/// The high bit of exactly those bytes of `word` that are zero: no addition overflows into the next byte.
#[inline]
fn zero_bytes(word: usize) -> usize {
    !(((word & !HIGH).wrapping_add(!HIGH)) | word | !HIGH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;

    #[test]
    fn a_line_end_is_found_at_every_index_of_every_length() {
        for len in 0..40 {
            assert_eq!(find_line_end(&vec![b'x'; len]), None);
            for at in 0..len {
                for end in [LF, CR] {
                    let mut bytes = vec![b'x'; len];
                    bytes[at] = end;
                    assert_eq!(find_line_end(&bytes), Some(at), "{end} at {at} of {len}");
                }
            }
        }
    }

    #[test]
    fn no_other_byte_ends_a_line() {
        for byte in (0..=u8::MAX).filter(|&byte| byte != LF && byte != CR) {
            assert_eq!(find_line_end(&[byte; 33]), None, "{byte}");
        }
    }

    proptest! {
        #[test]
        fn the_word_wise_search_agrees_with_the_bytewise_one(
            bytes in prop::collection::vec(prop_oneof![0u8..16, any::<u8>()], 0..80),
        ) {
            prop_assert_eq!(find_line_end(&bytes), bytes.iter().position(|&byte| is_line_end(byte)));
        }
    }
}

//! Byte search, one machine word at a time.

const WIDTH: usize = size_of::<usize>();
const LOW: usize = usize::MAX / 255;
const HIGH: usize = LOW << 7;

/// Marks the zero bytes of `word`. Only the lowest mark is exact: a borrow may set those above it.
const fn zeros(word: usize) -> usize {
    word.wrapping_sub(LOW) & !word & HIGH
}

fn scan(bytes: &[u8], marks: impl Fn(usize) -> usize, hit: impl Fn(u8) -> bool) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<WIDTH>();
    for (at, word) in words.iter().enumerate() {
        let marked = marks(usize::from_le_bytes(*word));
        if marked != 0 {
            return Some(at.wrapping_mul(WIDTH).wrapping_add((marked.trailing_zeros() / 8) as usize));
        }
    }
    let at = rest.iter().position(|&byte| hit(byte))?;
    Some(words.len().wrapping_mul(WIDTH).wrapping_add(at))
}

/// Index of the first `byte` in `bytes`.
pub(crate) fn find(bytes: &[u8], byte: u8) -> Option<usize> {
    let pattern = LOW.wrapping_mul(usize::from(byte));
    scan(bytes, |word| zeros(word ^ pattern), |other| other == byte)
}

/// Index of the first ASCII control character (below SP, or DEL) in `bytes`.
pub(crate) fn find_control(bytes: &[u8]) -> Option<usize> {
    let below_space = |word: usize| word.wrapping_sub(LOW << 5) & !word & HIGH;
    scan(bytes, |word| below_space(word) | zeros(word ^ (LOW * 0x7F)), |byte| byte.is_ascii_control())
}

/// The parts before and after the first `byte`.
pub(crate) fn split_once(bytes: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let (before, rest) = bytes.split_at_checked(find(bytes, byte)?)?;
    Some((before, rest.get(1..)?))
}

/// The first line of `bytes` without its CR LF, and the rest. `None` without a line end, or with a bare CR or LF.
pub(crate) fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (line, rest) = bytes.split_at_checked(find(bytes, b'\r')?)?;
    Some((line, rest.strip_prefix(b"\r\n")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn find_agrees_with_a_bytewise_search(bytes in proptest::collection::vec(any::<u8>(), 0..80), byte: u8) {
            prop_assert_eq!(find(&bytes, byte), bytes.iter().position(|&other| other == byte));
            prop_assert_eq!(find_control(&bytes), bytes.iter().position(u8::is_ascii_control));
        }

        #[test]
        fn find_control_finds_a_control_at_any_index(before in 0_usize..40, after in 0_usize..40, byte: u8, filler in 0x20_u8..) {
            prop_assume!(filler != 0x7F);
            let mut bytes = std::vec![filler; before];
            bytes.push(byte);
            bytes.extend(std::iter::repeat_n(filler, after));
            prop_assert_eq!(find_control(&bytes), byte.is_ascii_control().then_some(before));
        }
    }
}

//! Base64 with padding (RFC 4648 §4), without a panic path.

/// Writes the digits of `bytes` into `text`, groups of four for three bytes each. Where the last group is not full its padding
/// has to stand there already; what does not fit is left out.
pub(crate) fn encode(bytes: &[u8], text: &mut [u8]) {
    for (bytes, text) in bytes.chunks(3).zip(text.as_chunks_mut::<4>().0) {
        let mut group = bytes.iter();
        let mut next = || u32::from(group.next().copied().unwrap_or(0));
        let bits = next() << 16 | next() << 8 | next();
        for (index, to) in text.iter_mut().enumerate().take(bytes.len() + 1) {
            *to = letter((bits >> (18 - 6 * index) & 0x3f) as u8);
        }
    }
}

/// The letter of a digit below 64.
const fn letter(digit: u8) -> u8 {
    match digit {
        0..26 => b'A' + digit,
        26..52 => b'a' + (digit - 26),
        52..62 => b'0' + (digit - 52),
        62 => b'+',
        _ => b'/',
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec;

    proptest! {
        #[test]
        fn any_bytes_give_what_the_crate_gives(bytes: Vec<u8>) {
            let mut text = vec![b'='; bytes.len().div_ceil(3) * 4];
            encode(&bytes, &mut text);
            prop_assert_eq!(text, STANDARD.encode(&bytes).into_bytes());
        }
    }
}

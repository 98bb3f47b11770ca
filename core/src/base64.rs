//! Base64 with padding (RFC 4648 §4).
//!
//! The `base64` crate encodes. The decoder is local code: the crate decodes only into a second buffer, and an event is
//! decoded in place. Its `decode_slice` also has a panic path at the opt-levels "s" and "z" (tests/scripts/no-panic).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::grammar::copy;

/// Writes the digits of `bytes` into `text`, four for each three bytes. An incomplete last group gets no padding: the
/// caller has written it into `text`. Digits that do not fit are omitted.
pub(crate) fn encode(bytes: &[u8], text: &mut [u8]) {
    for (bytes, text) in bytes.chunks(3).zip(text.as_chunks_mut::<4>().0) {
        // `encode_slice` has no panic path at any opt-level if the length is known at compile time.
        let mut group = [0; 3];
        copy(bytes, &mut group);
        let mut letters = [b'='; 4];
        let _ = STANDARD.encode_slice(group, &mut letters);
        copy(letters.get(..bytes.len().wrapping_add(1)).unwrap_or_default(), text);
    }
}

/// Whether `text` is canonical Base64 with padding: unused bits are zero (RFC 4648 §3.5).
pub(crate) fn is_base64(text: &[u8]) -> bool {
    let padding = text.iter().rev().take(2).take_while(|letter| **letter == b'=').count();
    let (digits, _) = text.split_at_checked(text.len().saturating_sub(padding)).unwrap_or_default();
    let spare = match padding {
        0 => 0,
        1 => 0x3,
        _ => 0xf,
    };
    let last = digits.last().and_then(|last| digit(*last)).unwrap_or(0);
    text.len().is_multiple_of(4) && last & spare == 0 && digits.iter().all(|letter| digit(*letter).is_some())
}

/// Decodes valid text in place, see [`is_base64`]. Returns the number of bytes.
pub(crate) fn decode_in_place(text: &mut [u8]) -> usize {
    let (mut written, mut bits, mut held) = (0_usize, 0_u32, 0_u32);
    for at in 0..text.len() {
        let Some(value) = text.get(at).and_then(|letter| digit(*letter)) else { break };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            if let Some(room) = text.get_mut(written) {
                *room = (bits >> held) as u8;
            }
            written = written.wrapping_add(1);
        }
    }
    written
}

/// The value of a letter, below 64.
const fn digit(letter: u8) -> Option<u8> {
    Some(match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::String;
    use std::vec;
    use std::vec::Vec;

    /// Valid Base64, nearly valid Base64 and other text.
    fn any_text() -> impl Strategy<Value = String> {
        let letter = prop::sample::select(&b"ABCDabcd0123+/"[..]).prop_map(char::from);
        let letters = prop::collection::vec(letter, 0..10).prop_map(String::from_iter);
        let nearly = (letters, 0_usize..4).prop_map(|(letters, padding)| letters + &"=".repeat(padding));
        let any = prop::collection::vec(prop::char::range(' ', '~'), 0..10).prop_map(String::from_iter);
        prop_oneof![nearly, any]
    }

    proptest! {
        #[test]
        fn encoding_agrees_with_the_crate(bytes: Vec<u8>) {
            let mut text = vec![b'='; bytes.len().div_ceil(3) * 4];
            encode(&bytes, &mut text);
            prop_assert_eq!(text, STANDARD.encode(&bytes).into_bytes());
        }

        #[test]
        fn validation_and_decoding_agree_with_the_crate(text in any_text(), bytes: Vec<u8>) {
            for text in [text, STANDARD.encode(&bytes)] {
                let expected = STANDARD.decode(&text).ok();
                prop_assert_eq!(is_base64(text.as_bytes()), expected.is_some(), "{}", text);
                if let Some(expected) = expected {
                    let mut decoded = text.into_bytes();
                    let length = decode_in_place(&mut decoded);
                    decoded.truncate(length);
                    prop_assert_eq!(decoded, expected);
                }
            }
        }
    }
}

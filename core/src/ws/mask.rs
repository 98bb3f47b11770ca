//! Masking in place (RFC 6455 §5.3).
//!
//! Byte `i` of the payload is XORed with byte `i mod 4` of the key; a second time restores the payload. For a payload in
//! parts, each part uses the key [rotated] by the number of bytes before it.
//!
//! [rotated]: rotated
//! ```
//! use goldcrest_core::ws::mask::{mask, rotated};
//!
//! let key = [0x37, 0xfa, 0x21, 0x3d];
//! let mut hello = *b"Hello";
//! let (front, back) = hello.split_at_mut(3);
//! mask(front, key);
//! mask(back, rotated(key, 3));
//! assert_eq!(hello, [0x7f, 0x9f, 0x4d, 0x51, 0x58]);
//! ```

/// Masks or unmasks `payload` in place with `key`, whose first byte belongs to the payload's first.
#[inline]
pub fn mask(payload: &mut [u8], key: [u8; 4]) {
    apply::<false>(payload, key);
}

/// Like [`mask`]. Returns whether the resulting `payload` is all ASCII.
#[inline]
pub fn mask_and_see_ascii(payload: &mut [u8], key: [u8; 4]) -> bool {
    apply::<true>(payload, key)
}

/// The key for the part after the first `passed` bytes of a payload.
#[inline]
pub const fn rotated(key: [u8; 4], passed: usize) -> [u8; 4] {
    u32::from_le_bytes(key).rotate_right((passed as u32 & 3) * 8).to_le_bytes()
}

/// On a chip, whose registers are no wider and which has no vectors.
#[cfg(small_code)]
#[inline(never)]
fn apply<const WATCH: bool>(payload: &mut [u8], key: [u8; 4]) -> bool {
    let mut seen = 0;
    let (words, rest) = payload.as_chunks_mut::<4>();
    for word in words {
        let plain = u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(key);
        seen |= plain;
        *word = plain.to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key) {
        *byte ^= key;
        seen |= u32::from(*byte);
    }
    seen & 0x8080_8080 == 0
}

#[cfg(not(small_code))]
#[inline(always)]
fn apply<const WATCH: bool>(payload: &mut [u8], key: [u8; 4]) -> bool {
    let seen =
        if payload.len() < LONG { wide::words::<WATCH>(payload, key) } else { wide::blocks::<WATCH>(payload, key) };
    seen & 0x8080_8080_8080_8080 == 0
}

/// From this many bytes on, aligning costs less than it saves.
#[cfg(any(test, not(small_code)))]
const LONG: usize = 256;

/// Words and blocks of words, which become vectors.
#[cfg(not(small_code))]
mod wide {
    use super::rotated;

    /// The bits seen in a payload of any length.
    #[inline(always)]
    pub(super) fn words<const WATCH: bool>(payload: &mut [u8], key: [u8; 4]) -> u64 {
        let mut seen = 0;
        let (words, rest) = payload.as_chunks_mut::<8>();
        for word in words {
            let plain = u64::from_ne_bytes(*word) ^ twice(key);
            seen |= if WATCH { plain } else { 0 };
            *word = plain.to_ne_bytes();
        }
        let (words, rest) = rest.as_chunks_mut::<4>();
        for word in words {
            let plain = u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(key);
            seen |= if WATCH { u64::from(plain) } else { 0 };
            *word = plain.to_ne_bytes();
        }
        for (byte, key) in rest.iter_mut().zip(key) {
            *byte ^= key;
            seen |= if WATCH { u64::from(*byte) } else { 0 };
        }
        seen
    }

    /// The same for long payloads: in aligned blocks, so that no vector lies across two cache lines, and of 128 bytes, so that
    /// the speed does not hang on where the linker puts the loop.
    #[inline(never)]
    pub(super) fn blocks<const WATCH: bool>(payload: &mut [u8], key: [u8; 4]) -> u64 {
        let ahead = payload.as_ptr().align_offset(16).min(payload.len());
        let (ahead, aligned) = payload.split_at_mut_checked(ahead).unwrap_or_default();
        let (blocks, rest) = aligned.as_chunks_mut::<128>();
        let seen = words::<WATCH>(ahead, key);
        let key = rotated(key, ahead.len());
        let seen = seen | if WATCH { blocks_seen(blocks, twice(key)) } else { blocks_unseen(blocks, twice(key)) };
        seen | words::<WATCH>(rest, key)
    }

    /// As words: they become vectors that are stored one at a time, a tenth faster than in pairs.
    #[inline(always)]
    fn blocks_unseen(blocks: &mut [[u8; 128]], key: u64) -> u64 {
        for block in blocks {
            for word in block.as_chunks_mut::<8>().0 {
                *word = (u64::from_ne_bytes(*word) ^ key).to_ne_bytes();
            }
        }
        0
    }

    /// As single bytes side by side, so that the compiler vectorises the check for ASCII too.
    #[inline(always)]
    fn blocks_seen(blocks: &mut [[u8; 128]], key: u64) -> u64 {
        let mut keys = [0; 128];
        for word in keys.as_chunks_mut::<8>().0 {
            *word = key.to_ne_bytes();
        }
        let mut seen = [0; 128];
        for block in blocks {
            for ((byte, key), seen) in block.iter_mut().zip(&keys).zip(&mut seen) {
                *byte ^= key;
                *seen |= *byte;
            }
        }
        seen.as_chunks::<8>().0.iter().fold(0, |all, word| all | u64::from_ne_bytes(*word))
    }

    #[inline(always)]
    const fn twice(key: [u8; 4]) -> u64 {
        let key = u32::from_ne_bytes(key) as u64;
        key << 32 | key
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn by_the_book(payload: &[u8], key: [u8; 4]) -> Vec<u8> {
        payload.iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]).collect()
    }

    #[test]
    fn every_length_to_past_three_blocks_is_masked_by_the_book() {
        let key = [0x11, 0x82, 0x43, 0xf4];
        for len in 0..450 {
            let payload: Vec<u8> = (0..len).map(|i| (i * 7) as u8).collect();
            let mut masked = payload.clone();
            mask(&mut masked, key);
            assert_eq!(masked, by_the_book(&payload, key), "{len} bytes");
        }
    }

    #[test]
    fn one_high_byte_anywhere_is_seen() {
        // Blocks are for payloads from 256 bytes on.
        let lens = (1..150).chain(255..274).chain([3 * 128 + 15]);
        for (from, len) in lens.flat_map(|len| [(0, len), (5, len)]) {
            for at in from..from + len {
                let mut payload = std::vec![0x20u8; from + len];
                payload[at] = 0xa0;
                assert!(!mask_and_see_ascii(&mut payload.clone()[from..], [0; 4]), "{at} of {from} and {len}");
                payload[at] = 0x7f;
                assert!(mask_and_see_ascii(&mut payload[from..], [0; 4]), "{at} of {from} and {len}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_payload_anywhere_in_memory_is_masked_by_the_book_and_nothing_beside_it(
            memory in proptest::collection::vec(0u8..0x81, 0..900),
            from in 0usize..64,
            behind in 0usize..64,
            key in any::<[u8; 4]>(),
            blank in any::<bool>(),
        ) {
            // With a blank key ASCII stays ASCII.
            let key = if blank { [0; 4] } else { key };
            let from = from.min(memory.len());
            let to = memory.len().saturating_sub(behind).max(from);
            let mut expected = memory.clone();
            expected[from..to].copy_from_slice(&by_the_book(&memory[from..to], key));
            let (mut masked, mut seen) = (memory.clone(), memory);
            mask(&mut masked[from..to], key);
            prop_assert_eq!(&masked, &expected);
            prop_assert_eq!(mask_and_see_ascii(&mut seen[from..to], key), expected[from..to].is_ascii());
            prop_assert_eq!(seen, expected);
        }

        #[test]
        fn any_split_masks_like_the_whole(
            payload in proptest::collection::vec(any::<u8>(), 0..1500),
            key in any::<[u8; 4]>(),
            cuts in proptest::collection::vec(0usize..600, 0..12),
        ) {
            let mut pieces = payload.clone();
            let mut rest = &mut pieces[..];
            let mut passed = 0;
            for cut in cuts.into_iter().chain([usize::MAX]) {
                let (piece, after) = rest.split_at_mut(cut.min(rest.len()));
                mask(piece, rotated(key, passed));
                passed += piece.len();
                rest = after;
            }
            prop_assert_eq!(&pieces, &by_the_book(&payload, key));
            prop_assert_eq!(mask_and_see_ascii(&mut pieces, key), payload.is_ascii());
            prop_assert_eq!(pieces, payload);
        }
    }
}

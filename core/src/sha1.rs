//! SHA-1 (RFC 3174), without a panic path: what a handshake answers a key by, and what an idempotency key is kept as.

const BLOCK: usize = 64;
/// At a message's end: a byte, and its length in bits.
const END: usize = 9;

/// The digest of these parts, one behind the other.
pub(crate) fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    let mut state = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    let mut bytes = parts.iter().copied().flatten();
    let (mut length, mut ended) = (0u64, false);
    loop {
        let mut block = [0; BLOCK];
        let mut padding = 0usize;
        for to in &mut block {
            match bytes.next() {
                Some(byte) => {
                    *to = *byte;
                    length = length.wrapping_add(8);
                }
                None => {
                    padding = padding.saturating_add(1);
                    *to = if core::mem::replace(&mut ended, true) { 0 } else { 0x80 };
                }
            }
        }
        let is_last = padding >= END;
        if is_last && let Some(tail) = block.last_chunk_mut::<8>() {
            *tail = length.to_be_bytes();
        }
        compress(&mut state, &block);
        if is_last {
            break;
        }
    }
    let mut digest = [0; 20];
    for (to, word) in digest.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *to = word.to_be_bytes();
    }
    digest
}

fn compress(state: &mut [u32; 5], block: &[u8; 64]) {
    let mut words = [0u32; 16];
    for (word, bytes) in words.iter_mut().zip(block.as_chunks::<4>().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    let [mut a, mut b, mut c, mut d, mut e] = *state;
    for round in 0..80usize {
        // The schedule's last sixteen words are all that the next one needs.
        if round >= 16 {
            let next = words[(round + 13) & 15] ^ words[(round + 8) & 15] ^ words[(round + 2) & 15] ^ words[round & 15];
            words[round & 15] = next.rotate_left(1);
        }
        let (mix, constant) = match round {
            0..20 => ((b & c) | (!b & d), 0x5a82_7999u32),
            20..40 => (b ^ c ^ d, 0x6ed9_eba1),
            40..60 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
            _ => (b ^ c ^ d, 0xca62_c1d6),
        };
        let next =
            a.rotate_left(5).wrapping_add(mix).wrapping_add(e).wrapping_add(constant).wrapping_add(words[round & 15]);
        (a, b, c, d, e) = (next, a, b.rotate_left(30), c, d);
    }
    for (sum, word) in state.iter_mut().zip([a, b, c, d, e]) {
        *sum = sum.wrapping_add(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    proptest! {
        #[test]
        fn any_parts_give_what_the_crate_gives(
            first in proptest::collection::vec(any::<u8>(), 0..200),
            second in proptest::collection::vec(any::<u8>(), 0..70),
        ) {
            let whole: Vec<u8> = first.iter().chain(&second).copied().collect();
            prop_assert_eq!(sha1(&[&first, &second]), sha1_smol::Sha1::from(whole).digest().bytes());
        }
    }

    #[test]
    fn every_length_around_a_block_is_padded() {
        let zeros = [0; 3 * BLOCK];
        for length in 0..=zeros.len() {
            let expected = sha1_smol::Sha1::from(&zeros[..length]).digest().bytes();
            assert_eq!(sha1(&[&zeros[..length]]), expected, "{length}");
        }
    }
}

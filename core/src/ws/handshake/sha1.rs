//! SHA-1 (RFC 3174) of the sixty bytes that a handshake digests: two blocks, always.
//!
//! The general crates keep paths that can panic, and half of their code serves lengths that never come.

/// The digest of `key` followed by `suffix`.
pub(super) fn sha1(key: &[u8; 24], suffix: &[u8; 36]) -> [u8; 20] {
    let mut message = [0; 128];
    let end = 60u64 * 8;
    let bytes = key.iter().chain(suffix).chain(&[0x80]);
    for (to, from) in message.iter_mut().zip(bytes) {
        *to = *from;
    }
    if let Some(tail) = message.last_chunk_mut::<8>() {
        *tail = end.to_be_bytes();
    }
    let mut state = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    for block in message.as_chunks::<64>().0 {
        compress(&mut state, block);
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

    proptest! {
        #[test]
        fn the_digest_is_that_of_the_crate_that_digests_anything(key: [u8; 24], suffix in proptest::collection::vec(any::<u8>(), 36)) {
            let mut reference = sha1_smol::Sha1::new();
            reference.update(&key);
            reference.update(&suffix);
            let suffix: [u8; 36] = suffix.try_into().unwrap();
            prop_assert_eq!(sha1(&key, &suffix), reference.digest().bytes());
        }
    }
}

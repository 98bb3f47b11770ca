//! SHA-1 (RFC 3174) of inputs of one length: by `sha1_smol` on a host, by local code on a chip.
//!
//! The crate's `update` has panic paths if the length is unknown at compile time, or if it is called more than once
//! (tests/scripts/no-panic). So one function calls it, with the length of the handshake. A digest of more bytes is a
//! chain of such inputs. On a Cortex-M3 the crate takes 3,100 bytes of flash, the compact form a quarter of that.

/// The length of a WebSocket key and its GUID (RFC 6455 §4.2.2).
const INPUT: usize = 60;

const DIGEST: usize = 20;

/// The SHA-1 digest of `input`.
#[cfg(not(small_code))]
#[inline(never)]
pub(crate) fn sha1(input: &[u8; INPUT]) -> [u8; DIGEST] {
    let mut hash = sha1_smol::Sha1::new();
    hash.update(input);
    hash.digest().bytes()
}

#[cfg(small_code)]
pub(crate) use compact::sha1;

/// The compact form: one loop for all rounds.
#[cfg(any(test, small_code))]
mod compact {
    use crate::sha1::{DIGEST, INPUT};

    const BLOCK: usize = 64;

    /// The SHA-1 digest of `input`.
    pub(crate) fn sha1(input: &[u8; INPUT]) -> [u8; DIGEST] {
        let mut state = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
        // After the padding bit the block has no space for the length, which ends a second block (RFC 3174 §4).
        let mut block = [0; BLOCK];
        for (to, byte) in block.iter_mut().zip(input.iter().chain(&[0x80])) {
            *to = *byte;
        }
        compress(&mut state, &block);
        block = [0; BLOCK];
        if let Some(length) = block.last_chunk_mut::<8>() {
            *length = (INPUT as u64 * 8).to_be_bytes();
        }
        compress(&mut state, &block);
        let mut digest = [0; DIGEST];
        for (to, word) in digest.as_chunks_mut::<4>().0.iter_mut().zip(state) {
            *to = word.to_be_bytes();
        }
        digest
    }

    #[inline(never)]
    fn compress(state: &mut [u32; 5], block: &[u8; BLOCK]) {
        let mut words = [0_u32; 16];
        for (word, bytes) in words.iter_mut().zip(block.as_chunks::<4>().0) {
            *word = u32::from_be_bytes(*bytes);
        }
        let [mut a, mut b, mut c, mut d, mut e] = *state;
        for round in 0..80_usize {
            // The next word of the schedule depends only on the last sixteen.
            if round >= 16 {
                let next =
                    words[(round + 13) & 15] ^ words[(round + 8) & 15] ^ words[(round + 2) & 15] ^ words[round & 15];
                words[round & 15] = next.rotate_left(1);
            }
            let (mix, constant) = match round {
                0..20 => ((b & c) | (!b & d), 0x5a82_7999_u32),
                20..40 => (b ^ c ^ d, 0x6ed9_eba1),
                40..60 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6),
            };
            let word = words[round & 15];
            let next = a.rotate_left(5).wrapping_add(mix).wrapping_add(e).wrapping_add(constant).wrapping_add(word);
            (a, b, c, d, e) = (next, a, b.rotate_left(30), c, d);
        }
        for (sum, word) in state.iter_mut().zip([a, b, c, d, e]) {
            *sum = sum.wrapping_add(word);
        }
    }
}

/// A digest of the concatenated parts. Each block is hashed after the digest of the blocks before it.
///
/// The chain begins with the length, so that no input is a prefix of another and zeros suffice as padding. A
/// collision is as hard to find as for SHA-1 (Merkle-Damgård).
pub(crate) fn chained(parts: &[&[u8]]) -> [u8; DIGEST] {
    let mut bytes = parts.iter().copied().flatten().copied();
    let mut left = parts.iter().fold(0_u64, |sum, part| sum.wrapping_add(part.len() as u64));
    let mut digest = [0; DIGEST];
    if let Some(length) = digest.first_chunk_mut() {
        *length = left.to_le_bytes();
    }
    loop {
        let mut input = [0; INPUT];
        if let Some((before, block)) = input.split_first_chunk_mut::<DIGEST>() {
            *before = digest;
            for (to, byte) in block.iter_mut().zip(&mut bytes) {
                *to = byte;
            }
            left = left.saturating_sub(block.len() as u64);
        }
        digest = sha1(&input);
        if left == 0 {
            return digest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn the_compact_form_agrees_with_the_crate(input in prop::array::uniform32(any::<u8>()), end: [u8; 28]) {
            let input: [u8; INPUT] = [&input[..], &end].concat().try_into().unwrap();
            prop_assert_eq!(compact::sha1(&input), sha1_smol::Sha1::from(input).digest().bytes());
        }
    }

    #[test]
    fn digests_the_example_of_rfc_6455_1_3() {
        let input = *b"dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
        let expected = [
            0xb3, 0x7a, 0x4f, 0x2c, 0xc0, 0x62, 0x4f, 0x16, 0x90, 0xf6, 0x46, 0x06, 0xcf, 0x38, 0x59, 0x45, 0xb2, 0xbe,
            0xc4, 0xea,
        ];
        assert_eq!(sha1(&input), expected);
    }

    #[test]
    fn each_length_around_a_block_has_another_digest() {
        let zeros = [0; 200];
        let digests: BTreeSet<_> = (0..=zeros.len()).map(|length| chained(&[&zeros[..length]])).collect();
        assert_eq!(digests.len(), 201);
    }

    #[test]
    fn the_digest_depends_on_each_byte_and_not_on_the_parts() {
        let bytes: std::vec::Vec<u8> = (0..150).collect();
        let digest = chained(&[&bytes]);
        for at in 0..bytes.len() {
            assert_eq!(chained(&[&bytes[..at], &bytes[at..]]), digest, "{at}");
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert_ne!(chained(&[&other]), digest, "{at}");
        }
        assert_eq!(chained(&[]), chained(&[b""]));
        assert_eq!(chained(&[&[0; 40]])[..], {
            let mut input = [0; INPUT];
            input[0] = 40;
            sha1(&input)
        });
    }
}

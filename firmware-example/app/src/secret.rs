//! Unpredictable bits, derived from the board's secret.

use core::cell::Cell;

/// One word of each block of ChaCha20 (RFC 8439 §2.3): without the key the next word cannot be predicted from the earlier ones.
pub(crate) struct Secret {
    key: [u32; 8],
    count: Cell<u32>,
}

impl Secret {
    pub(crate) fn new([a, b, c, d]: [u64; 4]) -> Self {
        let high = |word: u64| (word >> 32) as u32;
        let key = [a as u32, high(a), b as u32, high(b), c as u32, high(c), d as u32, high(d)];
        Self { key, count: Cell::new(0) }
    }

    /// Four new bytes; `None` after 2³² calls.
    pub(crate) fn next(&self) -> Option<[u8; 4]> {
        let count = self.count.get();
        self.count.set(count.checked_add(1)?);
        Some(first_word(&self.key, count).to_le_bytes())
    }
}

/// The first word of a block, with a nonce of zeros.
fn first_word(key: &[u32; 8], count: u32) -> u32 {
    const CONSTANT: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];
    let mut rows = [CONSTANT, [0; 4], [0; 4], [count, 0, 0, 0]];
    rows[1].copy_from_slice(&key[..4]);
    rows[2].copy_from_slice(&key[4..]);
    for round in 0..20 {
        // A column round, or a diagonal round by rotated rows (RFC 8439 §2.3).
        let rotation = if round % 2 == 0 { 0 } else { 1 };
        for column in 0..4 {
            let at = |row: usize| (column + row * rotation) % 4;
            let [mut a, mut b, mut c, mut d] = [rows[0][at(0)], rows[1][at(1)], rows[2][at(2)], rows[3][at(3)]];
            for [one, other] in [[16, 12], [8, 7]] {
                a = a.wrapping_add(b);
                d = (d ^ a).rotate_left(one);
                c = c.wrapping_add(d);
                b = (b ^ c).rotate_left(other);
            }
            (rows[0][at(0)], rows[1][at(1)], rows[2][at(2)], rows[3][at(3)]) = (a, b, c, d);
        }
    }
    rows[0][0].wrapping_add(CONSTANT[0])
}

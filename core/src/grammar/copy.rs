//! Copying between slices of any lengths, and within one.

/// Copies as much of `from` to the start of `to` as fits. Returns the number of bytes.
///
/// Unlike `copy_from_slice` it has no panic path at any optimisation level. At full optimisation it is still a `memcpy`.
#[inline]
pub(crate) fn copy(from: &[u8], to: &mut [u8]) -> usize {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
    from.len().min(to.len())
}

/// Moves the bytes from index `by` on to the start of `bytes`, block by block. Unlike `copy_within` it has no panic path.
pub(crate) fn shift(bytes: &mut [u8], by: usize) {
    const BLOCK: usize = 32;
    let mut rest = bytes;
    while let Some(block) = rest.get(by..).and_then(|from| from.first_chunk::<BLOCK>()).copied() {
        let Some((to, behind)) = rest.split_first_chunk_mut() else { return };
        *to = block;
        rest = behind;
    }
    let mut from = by;
    for at in 0..rest.len() {
        let Some(byte) = rest.get(from).copied() else { return };
        if let Some(to) = rest.get_mut(at) {
            *to = byte;
        }
        from = from.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn shift_moves_bytes_to_the_start_for_any_distance() {
        for len in 0..140 {
            for by in 0..40 {
                let mut bytes: Vec<u8> = (0..len).collect();
                shift(&mut bytes, by.into());
                let kept = len.saturating_sub(by);
                assert!((0..kept).all(|at| bytes[usize::from(at)] == at + by), "{by} of {len}");
            }
        }
    }
}

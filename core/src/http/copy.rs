//! Copying between slices of any lengths.

/// Copies as much of `from` to the start of `to` as fits; how much that was.
///
/// Unlike `copy_from_slice` it has no length to panic about, whatever the optimiser sees; at full optimisation it is still a `memcpy`.
pub(crate) fn copy(from: &[u8], to: &mut [u8]) -> usize {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
    from.len().min(to.len())
}

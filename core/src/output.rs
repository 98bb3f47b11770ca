//! Output into the caller's slices, which may be shorter than the output.
//!
//! Each encoder of this crate is deterministic, so output that did not fit is not stored. It is rendered again, and the writer skips
//! the bytes that have been sent. A cursor on output is one number, for slices of any length.
//!
//! ```
//! use goldcrest_core::output::{Output, ResumableWriter};
//!
//! fn greet(out: &mut ResumableWriter<'_>) {
//!     out.put(b"hello, ");
//!     out.put(b"world");
//! }
//!
//! let mut sent = 0;
//! let mut received = Vec::new();
//! loop {
//!     let mut buffer = [0; 3];
//!     let mut out = ResumableWriter::new(&mut buffer, sent);
//!     greet(&mut out);
//!     let (written, whole) = (out.written(), out.is_whole());
//!     received.extend_from_slice(&buffer[..written]);
//!     sent += written;
//!     if whole {
//!         break;
//!     }
//! }
//! assert_eq!(received, b"hello, world");
//! ```

/// A writer into a slice that skips the start of the output.
#[derive(Debug)]
pub struct ResumableWriter<'a> {
    buffer: &'a mut [u8],
    written: usize,
    skip: usize,
    truncated: bool,
}

impl<'a> ResumableWriter<'a> {
    /// Writes the output after its first `skip` bytes to `buffer`.
    pub fn new(buffer: &'a mut [u8], skip: usize) -> Self {
        Self { buffer, written: 0, skip, truncated: false }
    }

    /// Bytes that have been written to the slice.
    pub fn written(&self) -> usize {
        self.written
    }

    /// Whether no byte of the output so far was left out: each has been skipped or written.
    pub fn is_whole(&self) -> bool {
        !self.truncated
    }

    /// Whether the slice is full.
    pub fn is_full(&self) -> bool {
        self.written >= self.buffer.len()
    }
}

impl Output for ResumableWriter<'_> {
    // One copy of it in flash.
    #[cfg_attr(not(small_code), inline)]
    #[cfg_attr(small_code, inline(never))]
    fn put(&mut self, bytes: &[u8]) {
        // The common case is separate, so that the compiler stores a short literal without a call of memcpy.
        if self.skip == 0
            && let Some(room) = self.buffer.get_mut(self.written..)
            && let Some((to, _)) = room.split_at_mut_checked(bytes.len())
        {
            to.copy_from_slice(bytes);
            self.written = self.written.wrapping_add(bytes.len());
            return;
        }
        self.put_part(bytes);
    }
}

impl ResumableWriter<'_> {
    /// Writes the part of `bytes` that is not to be skipped and fits.
    fn put_part(&mut self, bytes: &[u8]) {
        let skipped = self.skip.min(bytes.len());
        self.skip -= skipped;
        let Some(bytes) = bytes.get(skipped..) else { return };
        let Some(room) = self.buffer.get_mut(self.written..) else { return };
        let fits = room.len().min(bytes.len());
        if let (Some(to), Some(from)) = (room.get_mut(..fits), bytes.get(..fits)) {
            to.copy_from_slice(from);
        }
        self.written = self.written.wrapping_add(fits);
        self.truncated |= fits < bytes.len();
    }
}

/// The output of an encoder: a [`ResumableWriter`], or a [`ByteCounter`].
pub trait Output {
    /// Appends `bytes`.
    fn put(&mut self, bytes: &[u8]);

    /// Appends `number` in decimal digits.
    fn put_decimal(&mut self, number: u64) {
        let mut digits = [0; 20];
        let mut at = digits.len();
        let mut rest = number;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
            at -= 1;
            if rest == 0 {
                break;
            }
        }
        self.put(digits.get(at..).unwrap_or_default());
    }
}

/// A closure that renders output, again for each buffer until all of it has been sent. The vtable of `dyn Fn` has the methods of its
/// supertraits as well, which would take flash.
pub(crate) trait Render {
    fn render(&self, out: &mut ResumableWriter<'_>);
}

impl<F: Fn(&mut ResumableWriter<'_>)> Render for F {
    fn render(&self, out: &mut ResumableWriter<'_>) {
        self(out);
    }
}

/// Counts the bytes of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByteCounter(pub u64);

impl Output for ByteCounter {
    fn put(&mut self, bytes: &[u8]) {
        self.0 = self.0.saturating_add(bytes.len() as u64);
    }
}

/// The text that `render` writes to `buffer`; empty where it is not UTF-8.
pub(crate) fn written_text(buffer: &mut [u8], render: impl FnOnce(&mut ResumableWriter<'_>)) -> &str {
    let mut out = ResumableWriter::new(buffer, 0);
    render(&mut out);
    let written = out.written();
    text(buffer, written)
}

// Not generic, so that each closure has no copy of it.
#[cfg_attr(small_code, inline(never))]
fn text(buffer: &[u8], written: usize) -> &str {
    core::str::from_utf8(buffer.get(..written).unwrap_or_default()).unwrap_or_default()
}

/// `number` in decimal digits, in `buffer`.
pub(crate) fn decimal(buffer: &mut [u8; 20], number: u64) -> &str {
    written_text(buffer, |out| out.put_decimal(number))
}

/// Measures the output of an encoder. With `small_code` it is a writer that skips everything, so that each encoder has one copy in
/// flash.
#[cfg(not(small_code))]
pub(crate) type Ruler = ByteCounter;
#[cfg(small_code)]
pub(crate) type Ruler = ResumableWriter<'static>;

#[cfg(not(small_code))]
impl ByteCounter {
    pub(crate) const fn ruler() -> Self {
        Self(0)
    }

    pub(crate) const fn measured(&self) -> u64 {
        self.0
    }
}

#[cfg(small_code)]
impl ResumableWriter<'static> {
    pub(crate) const fn ruler() -> Self {
        Self { buffer: &mut [], written: 0, skip: usize::MAX, truncated: false }
    }

    pub(crate) const fn measured(&self) -> u64 {
        (usize::MAX - self.skip) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn buffers_of_any_length_get_the_same_bytes() {
        let encode = |out: &mut ResumableWriter<'_>| {
            out.put(b"id: ");
            out.put_decimal(u64::MAX);
            out.put(b"");
            out.put_decimal(0);
            out.put(b"\n");
        };
        let whole = b"id: 184467440737095516150\n";
        for size in 1..=whole.len() + 1 {
            let mut received = Vec::new();
            loop {
                let mut buffer = std::vec![0; size];
                let mut out = ResumableWriter::new(&mut buffer, received.len());
                encode(&mut out);
                let (written, done) = (out.written(), out.is_whole());
                received.extend_from_slice(&buffer[..written]);
                if done {
                    break;
                }
            }
            assert_eq!(received, whole, "buffer of {size}");
        }
    }
}

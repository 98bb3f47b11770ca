//! Where output is poured: a caller's slice that may be shorter than what is to be said.
//!
//! Every encoder of this crate is deterministic, so what did not fit is not kept: it is rendered again, and the sink
//! skips what has left already. A cursor on output is then one number, however short the slices are.
//!
//! ```
//! use goldcrest_core::output::{Output, ResumableWriter};
//!
//! fn greet(sink: &mut ResumableWriter<'_>) {
//!     sink.put(b"hello, ");
//!     sink.put(b"world");
//! }
//!
//! let mut sent = 0;
//! let mut seen = Vec::new();
//! loop {
//!     let mut room = [0; 3]; // a ring's seam may leave less
//!     let mut sink = ResumableWriter::new(&mut room, sent);
//!     greet(&mut sink);
//!     let (written, whole) = (sink.written(), sink.is_whole());
//!     seen.extend_from_slice(&room[..written]);
//!     sent += written;
//!     if whole {
//!         break;
//!     }
//! }
//! assert_eq!(seen, b"hello, world");
//! ```

/// A slice that takes output after skipping some of it.
#[derive(Debug)]
pub struct ResumableWriter<'a> {
    room: &'a mut [u8],
    written: usize,
    skip: usize,
    missed: bool,
}

impl<'a> ResumableWriter<'a> {
    /// Pours into `room` what follows the first `skip` bytes.
    pub fn new(room: &'a mut [u8], skip: usize) -> Self {
        Self { room, written: 0, skip, missed: false }
    }

    /// Bytes that stand in the slice now.
    pub fn written(&self) -> usize {
        self.written
    }

    /// Whether everything that was poured since the start has been skipped or written.
    ///
    /// Also true while all that was poured is still being skipped.
    pub fn is_whole(&self) -> bool {
        !self.missed
    }

    /// Whether the slice is full.
    pub fn is_full(&self) -> bool {
        self.written >= self.room.len()
    }
}

impl Output for ResumableWriter<'_> {
    /// Appends `bytes`: what is to be skipped is, what does not fit is noted and left out.
    // On a chip code is scarcer than time: there it is called.
    #[cfg_attr(not(small_code), inline)]
    #[cfg_attr(small_code, inline(never))]
    fn put(&mut self, bytes: &[u8]) {
        // The common case, apart so that a literal is stored and not copied by a call.
        if self.skip == 0
            && let Some(room) = self.room.get_mut(self.written..)
            && let Some((to, _)) = room.split_at_mut_checked(bytes.len())
        {
            to.copy_from_slice(bytes);
            self.written = self.written.wrapping_add(bytes.len());
            return;
        }
        self.pour_part(bytes);
    }
}

impl ResumableWriter<'_> {
    /// What is to be skipped in part, or does not fit.
    fn pour_part(&mut self, bytes: &[u8]) {
        let skipped = self.skip.min(bytes.len());
        self.skip -= skipped;
        let Some(bytes) = bytes.get(skipped..) else { return };
        let Some(room) = self.room.get_mut(self.written..) else { return };
        let fits = room.len().min(bytes.len());
        if let (Some(to), Some(from)) = (room.get_mut(..fits), bytes.get(..fits)) {
            to.copy_from_slice(from);
        }
        self.written = self.written.wrapping_add(fits);
        self.missed |= fits < bytes.len();
    }
}

/// What an encoder writes to: a [`ResumableWriter`], or a [`ByteCounter`] that only counts.
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

/// What is poured again and again, until all of it has left. A trait of its own, so that in a closure's table no other ways to
/// call it stand.
pub(crate) trait Render {
    fn render(&self, out: &mut ResumableWriter<'_>);
}

impl<F: Fn(&mut ResumableWriter<'_>)> Render for F {
    fn render(&self, out: &mut ResumableWriter<'_>) {
        self(out);
    }
}

/// Counts the bytes that it is given and keeps none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByteCounter(pub u64);

impl Output for ByteCounter {
    fn put(&mut self, bytes: &[u8]) {
        self.0 = self.0.saturating_add(bytes.len() as u64);
    }
}

/// The text that `render` pours, in `room`, which is to hold it; what is no text reads as empty.
pub(crate) fn written_text(room: &mut [u8], render: impl FnOnce(&mut ResumableWriter<'_>)) -> &str {
    let mut sink = ResumableWriter::new(room, 0);
    render(&mut sink);
    let written = sink.written();
    text(room, written)
}

// Apart, so that each who pours has not a copy.
#[cfg_attr(small_code, inline(never))]
fn text(room: &[u8], written: usize) -> &str {
    core::str::from_utf8(room.get(..written).unwrap_or_default()).unwrap_or_default()
}

/// `number` in decimal digits, in `room`.
pub(crate) fn decimal(room: &mut [u8; 20], number: u64) -> &str {
    written_text(room, |out| out.put_decimal(number))
}

/// What measures what an encoder would pour. On a host it only counts. On a chip code is scarcer than time: there it is a sink
/// that skips everything, so that each encoder stands there once.
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
        Self { room: &mut [], written: 0, skip: usize::MAX, missed: false }
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
    fn any_room_gives_the_same_bytes() {
        let say = |sink: &mut ResumableWriter<'_>| {
            sink.put(b"id: ");
            sink.put_decimal(u64::MAX);
            sink.put(b"");
            sink.put_decimal(0);
            sink.put(b"\n");
        };
        let whole = b"id: 184467440737095516150\n";
        for size in 1..=whole.len() + 1 {
            let mut seen = Vec::new();
            loop {
                let mut room = std::vec![0; size];
                let mut sink = ResumableWriter::new(&mut room, seen.len());
                say(&mut sink);
                let (written, done) = (sink.written(), sink.is_whole());
                seen.extend_from_slice(&room[..written]);
                if done {
                    break;
                }
            }
            assert_eq!(seen, whole, "room of {size}");
        }
    }
}

//! The chunked encoder. It writes into the send buffer.

use crate::grammar::copy::{copy, shift};

/// Size of the pending buffer. In a shorter send buffer, a chunk is encoded in the pending buffer first.
const BUFFER: usize = 16;
/// The data of a chunk in the pending buffer, without a size of one digit and two line ends.
const BUFFER_DATA: usize = BUFFER - 5;
/// Two line ends.
const LINE_ENDS: usize = 4;

/// The result of [`ChunkEncoder::finish`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct FinishProgress {
    /// Written bytes.
    pub written: usize,
    /// Whether the last chunk is written completely. If not, call again with more space.
    pub done: bool,
}

/// Encodes content as chunks, each directly in the send buffer.
///
/// The free space may have any length, down to one byte. If it is too short for a chunk, the chunk is encoded in a
/// pending buffer of 16 bytes, and later calls write the rest. Sizes have their shortest form.
#[derive(Clone, Debug, Default)]
pub struct ChunkEncoder {
    buffer: [u8; BUFFER],
    /// The unsent part of the pending buffer: `start..end`, both at most 16.
    start: usize,
    end: usize,
    finishing: bool,
}

impl ChunkEncoder {
    /// An encoder before the first chunk.
    pub const fn new() -> Self {
        Self { buffer: [0; BUFFER], start: 0, end: 0, finishing: false }
    }

    /// Writes pending bytes, then at most one chunk, into `room`. Returns the number of written bytes.
    ///
    /// `fill` writes content at the start of a slice, which is never empty, and returns its length. The length 0 makes no
    /// chunk. `fill` is called at most once. It is not called after [`finish`](Self::finish), or if pending bytes fill
    /// `room`. All content of `fill` is accepted: bytes beyond `room` are kept in the pending buffer.
    pub fn transmit(&mut self, room: &mut [u8], fill: impl FnOnce(&mut [u8]) -> usize) -> usize {
        let drained = self.drain(room);
        let Some(room) = room.get_mut(drained..).filter(|room| !room.is_empty()) else { return drained };
        if self.pending() || self.finishing {
            return drained;
        }
        let written = if room.len() < BUFFER {
            self.end = chunk(&mut self.buffer, 1, BUFFER_DATA, fill);
            self.start = 0;
            self.drain(room)
        } else {
            let width = hex_width(room.len().saturating_sub(LINE_ENDS + 1));
            let data = room.len().saturating_sub(LINE_ENDS).saturating_sub(width);
            chunk(room, hex_width(data), data, fill)
        };
        drained.wrapping_add(written)
    }

    /// Writes pending bytes, then the last chunk and an empty trailer section.
    ///
    /// Call it until it is `done`. Later calls write nothing.
    pub fn finish(&mut self, room: &mut [u8]) -> FinishProgress {
        let mut written = self.drain(room);
        if !self.pending() && !self.finishing {
            self.finishing = true;
            let last = b"0\r\n\r\n";
            if let Some(buffer) = self.buffer.first_chunk_mut() {
                *buffer = *last;
            }
            (self.start, self.end) = (0, last.len());
            written = written.wrapping_add(self.drain(room.get_mut(written..).unwrap_or_default()));
        }
        FinishProgress { written, done: !self.pending() }
    }

    /// Whether there are pending bytes.
    pub const fn pending(&self) -> bool {
        self.start < self.end
    }

    /// Moves as many pending bytes into `room` as fit.
    fn drain(&mut self, room: &mut [u8]) -> usize {
        let moved = copy(self.buffer.get(self.start..self.end).unwrap_or_default(), room);
        self.start = self.start.wrapping_add(moved);
        moved
    }
}

/// Encodes a chunk of up to `most` bytes at the start of `room`, with a size of at most `width` digits. Returns its length.
fn chunk(room: &mut [u8], width: usize, most: usize, fill: impl FnOnce(&mut [u8]) -> usize) -> usize {
    let at = width.wrapping_add(2);
    let Some(lent) = room.get_mut(at..at.wrapping_add(most)) else { return 0 };
    let length = fill(lent).min(most);
    if length == 0 {
        return 0;
    }
    let digits = hex_width(length);
    let start = digits.wrapping_add(2);
    if start < at {
        let end = at.wrapping_add(length);
        shift(room.get_mut(start..end).unwrap_or_default(), at.saturating_sub(start));
    }
    let mut rest = length;
    for digit in room.get_mut(..digits).unwrap_or_default().iter_mut().rev() {
        *digit = match (rest & 15) as u8 {
            low @ 0..10 => b'0' | low,
            high => b'a'.wrapping_add(high).wrapping_sub(10),
        };
        rest >>= 4;
    }
    let end = start.wrapping_add(length);
    for (place, line_end) in [(digits, b"\r\n"), (end, b"\r\n")] {
        if let Some(to) = room.get_mut(place..).and_then(|room| room.first_chunk_mut()) {
            *to = *line_end;
        }
    }
    end.wrapping_add(2)
}

/// The number of hexadecimal digits of `number`.
const fn hex_width(number: usize) -> usize {
    let bits = usize::BITS.saturating_sub(number.leading_zeros());
    if bits == 0 { 1 } else { bits.div_ceil(4) as usize }
}

//! Putting content into chunks, in the room that it leaves through.

use crate::grammar::copy::{copy, shift};

/// Room shorter than this takes a part of a chunk that is made in the carry.
const CARRY: usize = 16;
/// The data that a chunk in the carry has: what a size of one digit and two line ends leave.
const CARRY_DATA: usize = CARRY - 5;
/// Two line ends.
const LINE_ENDS: usize = 4;

/// What [`ChunkEncoder::finish`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct FinishProgress {
    /// Bytes that were written.
    pub written: usize,
    /// Whether the last chunk has left whole; else call again with more room.
    pub done: bool,
}

/// Puts content into chunks, each written straight into the room it is sent from.
///
/// Rooms may be of any length, one byte included: a room too short for a chunk worth its frame takes a piece of one
/// that is made in a carry of 16 bytes, and the rooms after it take the rest. Sizes are written in their shortest form.
#[derive(Clone, Debug, Default)]
pub struct ChunkEncoder {
    carry: [u8; CARRY],
    /// The part of the carry that has not left: `start..end`, both at most 16.
    start: usize,
    end: usize,
    finishing: bool,
}

impl ChunkEncoder {
    /// An encoder before the first chunk.
    pub const fn new() -> Self {
        Self { carry: [0; CARRY], start: 0, end: 0, finishing: false }
    }

    /// Writes what is pending and then at most one chunk into `room`; tells how many bytes were written.
    ///
    /// `fill` is lent free room, never empty, and tells how much content it put at its start; 0 makes no chunk. It is
    /// called at most once, and not at all while `room` ends before what is pending does, or after
    /// [`finish`](Self::finish) was called. What it told is taken: content that did not fit is kept in the carry.
    pub fn transmit(&mut self, room: &mut [u8], fill: impl FnOnce(&mut [u8]) -> usize) -> usize {
        let drained = self.drain(room);
        let Some(room) = room.get_mut(drained..).filter(|room| !room.is_empty()) else { return drained };
        if self.pending() || self.finishing {
            return drained;
        }
        let written = if room.len() < CARRY {
            self.end = chunk(&mut self.carry, 1, CARRY_DATA, fill);
            self.start = 0;
            self.drain(room)
        } else {
            let width = hex_width(room.len().saturating_sub(LINE_ENDS + 1));
            let data = room.len().saturating_sub(LINE_ENDS).saturating_sub(width);
            chunk(room, hex_width(data), data, fill)
        };
        drained.wrapping_add(written)
    }

    /// Writes what is pending, then the last chunk and an empty trailer section.
    ///
    /// Call it until it is `done`; called again after that it writes nothing.
    pub fn finish(&mut self, room: &mut [u8]) -> FinishProgress {
        let mut written = self.drain(room);
        if !self.pending() && !self.finishing {
            self.finishing = true;
            let last = b"0\r\n\r\n";
            if let Some(carry) = self.carry.first_chunk_mut() {
                *carry = *last;
            }
            (self.start, self.end) = (0, last.len());
            written = written.wrapping_add(self.drain(room.get_mut(written..).unwrap_or_default()));
        }
        FinishProgress { written, done: !self.pending() }
    }

    /// Whether bytes wait in the carry for room.
    pub const fn pending(&self) -> bool {
        self.start < self.end
    }

    /// Moves what is pending into `room`, as much as fits.
    fn drain(&mut self, room: &mut [u8]) -> usize {
        let moved = copy(self.carry.get(self.start..self.end).unwrap_or_default(), room);
        self.start = self.start.wrapping_add(moved);
        moved
    }
}

/// Makes a chunk at the start of `room`, of up to `most` bytes whose size has at most `width` digits; its length.
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

/// How many hexadecimal digits a number has.
const fn hex_width(number: usize) -> usize {
    let bits = usize::BITS.saturating_sub(number.leading_zeros());
    if bits == 0 { 1 } else { bits.div_ceil(4) as usize }
}

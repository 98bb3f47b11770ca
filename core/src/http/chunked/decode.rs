//! The chunked decoder, in place.

use crate::grammar::characters::{is_token, is_value};
use crate::http::RequestError;
use crate::http::query::nibble;
use core::ops::Range;

/// The default bound on all chunk extensions of one message, in bytes (RFC 9112 §7.1.1).
pub const MAX_EXTENSIONS: u16 = 4096;

/// The default bound on a trailer section, in bytes (RFC 9112 §7.1.2).
pub const MAX_TRAILER: u16 = 4096;

/// The result of a call of [`ChunkDecoder::decode`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct ChunkProgress {
    /// Consumed bytes of the input. At least 1, unless the input is empty or the content has ended.
    pub consumed: usize,
    /// The range of the input with content, up to the end of the consumed bytes. It may be empty.
    pub data: Range<usize>,
    /// Whether the content has ended. The next byte belongs to the next message.
    pub done: bool,
}

/// Decodes chunked content without copying it.
///
/// Strict: a size has 1 to 16 hexadecimal digits, every line ends with CR LF, extensions have no whitespace.
/// Extensions and trailer fields are validated and discarded (RFC 9112 §7.1.1, §7.1.2).
///
/// Call [`decode`](Self::decode) with the unconsumed rest until `done`. Each call returns content of at most one chunk.
#[derive(Clone, Debug)]
pub struct ChunkDecoder {
    state: State,
    /// Missing bytes of the current chunk. While the size is read, its value so far.
    remaining: u64,
    /// The rest of the bound on extensions, in bytes.
    extensions: u16,
    /// The rest of the bound on the trailer section, in bytes.
    trailer: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In a size, after this number of digits.
    Size(u8),
    /// After `;`
    ExtensionStart,
    ExtensionName,
    /// After `=`
    ExtensionValueStart,
    ExtensionValue,
    Quoted,
    /// After a backslash in a quoted string.
    QuotedPair,
    QuotedEnd,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLf,
    EndLf,
    Done,
    Refused(RequestError),
}

impl ChunkDecoder {
    /// A decoder before the first chunk, with the default bounds.
    pub const fn new() -> Self {
        Self::with_bounds(MAX_EXTENSIONS, MAX_TRAILER)
    }

    /// A decoder with these bounds on the chunk extensions and the trailer of a message, in bytes.
    pub const fn with_bounds(extensions: u16, trailer: u16) -> Self {
        Self { state: State::Size(0), remaining: 0, extensions, trailer }
    }

    /// Decodes `input` up to the end of the first run of content in it.
    ///
    /// # Errors
    /// [`ChunkSize`](RequestError::ChunkSize), [`ChunkExtension`](RequestError::ChunkExtension),
    /// [`ChunkEnd`](RequestError::ChunkEnd), [`Trailer`](RequestError::Trailer),
    /// [`TrailerTooLarge`](RequestError::TrailerTooLarge), [`LineEnd`](RequestError::LineEnd). An error is final.
    pub fn decode(&mut self, input: &[u8]) -> Result<ChunkProgress, RequestError> {
        let mut consumed = 0_usize;
        for &byte in input {
            match self.state {
                State::Data => break,
                State::Done | State::Refused(_) => break,
                state => self.state = self.step(state, byte),
            }
            consumed = consumed.wrapping_add(1);
        }
        if let State::Refused(refusal) = self.state {
            return Err(refusal);
        }
        let mut data = consumed..consumed;
        if self.state == State::Data {
            let here = input.len().saturating_sub(consumed);
            let run = usize::try_from(self.remaining).map_or(here, |remaining| remaining.min(here));
            data.end = consumed.wrapping_add(run);
            consumed = data.end;
            self.remaining = self.remaining.wrapping_sub(run as u64);
            if self.remaining == 0 {
                self.state = State::DataCr;
            }
        }
        Ok(ChunkProgress { consumed, data, done: self.state == State::Done })
    }

    /// Whether the content has ended.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Missing bytes of the current chunk.
    pub fn outstanding(&self) -> u64 {
        if self.state == State::Data { self.remaining } else { 0 }
    }

    fn step(&mut self, state: State, byte: u8) -> State {
        match (state, byte) {
            (State::Size(digits), b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') if digits < 16 => {
                self.remaining = self.remaining << 4 | u64::from(nibble(byte));
                State::Size(digits.wrapping_add(1))
            }
            (State::Size(1..), b'\r') => State::SizeLf,
            (State::Size(1..), b';') => self.extension(State::ExtensionStart),
            (State::Size(_), _) => State::Refused(RequestError::ChunkSize),

            (State::ExtensionName | State::ExtensionValue | State::QuotedEnd, b'\r') => State::SizeLf,
            (State::ExtensionName | State::ExtensionValue | State::QuotedEnd, b';') => {
                self.extension(State::ExtensionStart)
            }
            (State::ExtensionName, b'=') => self.extension(State::ExtensionValueStart),
            (State::ExtensionStart | State::ExtensionName, _) if is_token(byte) => self.extension(State::ExtensionName),
            (State::ExtensionValueStart, b'"') => self.extension(State::Quoted),
            (State::ExtensionValueStart | State::ExtensionValue, _) if is_token(byte) => {
                self.extension(State::ExtensionValue)
            }
            (State::Quoted, b'"') => self.extension(State::QuotedEnd),
            (State::Quoted, b'\\') => self.extension(State::QuotedPair),
            (State::Quoted | State::QuotedPair, _) if is_value(byte) => self.extension(State::Quoted),
            (
                State::ExtensionStart
                | State::ExtensionName
                | State::ExtensionValueStart
                | State::ExtensionValue
                | State::Quoted
                | State::QuotedPair
                | State::QuotedEnd,
                _,
            ) => State::Refused(RequestError::ChunkExtension),

            (State::SizeLf, b'\n') if self.remaining == 0 => State::TrailerStart,
            (State::SizeLf, b'\n') => State::Data,
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::Size(0),
            (State::DataCr | State::DataLf, _) => State::Refused(RequestError::ChunkEnd),

            (State::TrailerStart, b'\r') => State::EndLf,
            (State::TrailerStart | State::TrailerName, _) if is_token(byte) => self.trailer(State::TrailerName),
            (State::TrailerName, b':') => self.trailer(State::TrailerValue),
            (State::TrailerValue, b'\r') => self.trailer(State::TrailerLf),
            (State::TrailerValue, _) if is_value(byte) => self.trailer(State::TrailerValue),
            (State::TrailerStart | State::TrailerName | State::TrailerValue, _) => {
                State::Refused(RequestError::Trailer)
            }
            (State::TrailerLf, b'\n') => self.trailer(State::TrailerStart),
            (State::EndLf, b'\n') => State::Done,
            (State::SizeLf | State::TrailerLf | State::EndLf, _) => State::Refused(RequestError::LineEnd),

            (State::Data | State::Done | State::Refused(_), _) => state,
        }
    }

    /// Counts a byte of an extension against the bound.
    fn extension(&mut self, next: State) -> State {
        match self.extensions.checked_sub(1) {
            Some(left) => {
                self.extensions = left;
                next
            }
            None => State::Refused(RequestError::ChunkExtension),
        }
    }

    /// Counts a byte of the trailer section against the bound.
    fn trailer(&mut self, next: State) -> State {
        match self.trailer.checked_sub(1) {
            Some(left) => {
                self.trailer = left;
                next
            }
            None => State::Refused(RequestError::TrailerTooLarge),
        }
    }
}

impl Default for ChunkDecoder {
    fn default() -> Self {
        Self::new()
    }
}

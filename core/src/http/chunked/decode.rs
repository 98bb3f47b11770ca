//! Taking chunked content apart, in place.

use crate::grammar::characters::{is_token, is_value};
use crate::http::RequestError;
use crate::http::query::nibble;
use core::ops::Range;

/// The default bound on the bytes of all chunk extensions of one message together.
pub const MAX_EXTENSIONS: u16 = 4096;

/// The default bound on the bytes of a trailer section.
pub const MAX_TRAILER: u16 = 4096;

/// What a decoder found in its input.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct ChunkProgress {
    /// Bytes of the input that are used up. More than none unless the input is empty or the content has ended.
    pub consumed: usize,
    /// Where content stands in the input; ends where what is consumed does. May be empty.
    pub data: Range<usize>,
    /// Whether the content has ended: what follows is the next message.
    pub done: bool,
}

/// Takes chunked content apart without copying it.
///
/// Strict: a size is 1 to 16 hexadecimal digits, every line ends with CR LF, extensions follow their grammar without
/// whitespace. Extensions and trailer fields are judged and dropped (RFC 9112 §7.1.1, §7.1.2).
///
/// Call [`decode`](Self::decode) with what has not been consumed until it says `done`; each call yields content up to
/// the end of a chunk at most.
#[derive(Clone, Debug)]
pub struct ChunkDecoder {
    state: State,
    /// Bytes of the present chunk to come; the size read so far while it is read.
    remaining: u64,
    /// What may still come of extensions.
    extensions: u16,
    /// What may still come of the trailer section.
    trailer: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In a size, with so many digits read.
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

    /// A decoder that takes so many bytes of chunk extensions and of trailer in the whole message.
    pub const fn with_bounds(extensions: u16, trailer: u16) -> Self {
        Self { state: State::Size(0), remaining: 0, extensions, trailer }
    }

    /// Takes `input` apart up to the end of the first run of content in it.
    ///
    /// # Errors
    /// [`ChunkSize`](RequestError::ChunkSize), [`ChunkExtension`](RequestError::ChunkExtension),
    /// [`ChunkEnd`](RequestError::ChunkEnd), [`Trailer`](RequestError::Trailer),
    /// [`TrailerTooLarge`](RequestError::TrailerTooLarge), [`LineEnd`](RequestError::LineEnd). Once refused, always refused.
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

    /// Bytes of content that the present chunk has announced and not brought yet.
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

    /// Counts a byte of an extension.
    fn extension(&mut self, next: State) -> State {
        match self.extensions.checked_sub(1) {
            Some(left) => {
                self.extensions = left;
                next
            }
            None => State::Refused(RequestError::ChunkExtension),
        }
    }

    /// Counts a byte of the trailer section.
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

//! The stream parser (WHATWG HTML §9.2.6): input in any pieces, events by borrow.
//!
//! Every split of the stream results in the same events. Data of one line within one input is borrowed from the
//! input. Other data is stored in the caller's memory. The cost is linear in the stream. Comments and unknown fields
//! may have any length and take no memory.
//!
//! ```
//! use goldcrest_core::sse::parse::{ParserLimits, Parser};
//!
//! const BOUNDS: ParserLimits = ParserLimits { id: 32, event_type: 16 };
//! let mut parser = Parser::new([0; BOUNDS.memory(256)], BOUNDS);
//!
//! let mut seen = Vec::new();
//! for mut input in [&b"id: 7\r\nevent: add\r\nda"[..], b"ta: 1\r", b"\ndata: 2\r\n\r\n", b": ping\n\n"] {
//!     while !input.is_empty() {
//!         let fed = parser.feed(input)?;
//!         if let Some(event) = fed.event {
//!             seen.push((event.event_type.to_owned(), event.data.to_owned(), event.last_event_id.to_owned()));
//!         }
//!         input = &input[fed.consumed..];
//!     }
//! }
//! assert_eq!(seen, [("add".to_owned(), "1\n2".to_owned(), "7".to_owned())]);
//! # Ok::<(), goldcrest_core::sse::parse::ParseError>(())
//! ```

use core::fmt;
use core::time::Duration;

use self::line_state::{At, BomSeen, Digits};
use self::read::{Complete, Data};
use self::store::Store;
use super::field::IdField;

mod decode;
mod line_state;
mod read;
mod store;
#[cfg(test)]
mod tests;

/// The default event type.
pub const MESSAGE: &str = "message";

/// The parts of the parser's memory, in bytes of UTF-8. The rest is for data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ParserLimits {
    /// The longest `id`. It is stored three times.
    pub id: usize,
    /// The longest event type.
    pub event_type: usize,
}

impl ParserLimits {
    /// 64 bytes each.
    pub const DEFAULT: Self = Self { id: 64, event_type: 64 };

    /// Bytes of memory for these bounds and for data of up to `data` bytes, with the LF between lines.
    pub const fn memory(self, data: usize) -> usize {
        self.id.saturating_mul(3).saturating_add(self.event_type).saturating_add(data)
    }
}

impl Default for ParserLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// One event, borrowed from the input or from the parser's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MessageEvent<'a> {
    /// The event type, by default [`MESSAGE`].
    pub event_type: &'a str,
    /// The lines of the `data` fields, joined by LF.
    pub data: &'a str,
    /// The last event ID at this event, to resume from. It may be empty.
    pub last_event_id: &'a str,
}

/// The result of [`Parser::feed`].
#[must_use = "feed the unconsumed input again; an event is returned only once"]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ParseProgress<'a> {
    /// Consumed bytes of the input: all of it without an event.
    pub consumed: usize,
    /// The dispatched event, at most one per call.
    pub event: Option<MessageEvent<'a>>,
}

/// The result of [`Parser::store`].
#[must_use = "store the unconsumed input again"]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StoreProgress {
    /// Consumed bytes of the input: all of it without an event.
    pub consumed: usize,
    /// Whether an event was dispatched, at most one per call.
    pub event: bool,
}

/// The bound that a stream exceeds. The caller closes the stream. With the same memory, a later resume from the same
/// ID fails at the same event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParseError {
    /// The decoded data of an event is longer than its part of the memory.
    DataTooLong,
    /// A decoded event type is longer than [`ParserLimits::event_type`].
    EventTypeTooLong,
    /// A decoded ID without NULL is longer than [`ParserLimits::id`].
    IdTooLong,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DataTooLong => "an event's data is longer than the parser's memory",
            Self::EventTypeTooLong => "an event type is longer than its bound",
            Self::IdTooLong => "an event's id is longer than its bound",
        })
    }
}

impl core::error::Error for ParseError {}

/// Parses an event stream in the caller's memory `B`: an array, or a mutable slice.
#[derive(Debug)]
pub struct Parser<B> {
    store: Store<B>,
    at: At,
    /// The received bytes of the byte order mark. All, once the mark is no longer possible.
    bom: BomSeen,
    /// The input ended after a CR: an LF at the start of the next input belongs to it.
    after_cr: bool,
    digits: Digits,
    reconnection_time: Option<Duration>,
    failed: Option<ParseError>,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Parser<B> {
    /// A parser at the start of a stream. Memory shorter than [`ParserLimits::memory`] is valid and lowers the bounds.
    pub fn new(memory: B, bounds: ParserLimits) -> Self {
        Self {
            store: Store::new(memory, bounds),
            at: At::LineStart,
            bom: BomSeen::None,
            after_cr: false,
            digits: Digits::None,
            reconnection_time: None,
            failed: None,
        }
    }

    /// Parses `input` up to the end of the first event. An event is returned at the first byte of its blank line, without
    /// waiting for an LF after a CR.
    ///
    /// Call it again with the unconsumed rest. An event that is incomplete at the end of the stream is never returned.
    ///
    /// # Errors
    /// [`ParseError`] if a bound is exceeded. Later calls return the same error until [`restart`](Self::restart).
    pub fn feed<'a>(&'a mut self, input: &'a [u8]) -> Result<ParseProgress<'a>, ParseError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let Complete { rest, data } = match self.read(input) {
            Ok(Some(complete)) => complete,
            Ok(None) => return Ok(ParseProgress { consumed: input.len(), event: None }),
            Err(error) => {
                self.failed = Some(error);
                return Err(error);
            }
        };
        let consumed = input.len().saturating_sub(rest.len());
        let store = &self.store;
        let event_type = match store.event_type() {
            "" => MESSAGE,
            named => named,
        };
        let data = match data {
            Data::Lent(text) => text,
            Data::Stored => store.data(),
        };
        Ok(ParseProgress {
            consumed,
            event: Some(MessageEvent { event_type, data, last_event_id: store.last_event_id() }),
        })
    }

    /// As [`feed`](Self::feed), for input that is borrowed only during the call. The event is stored in the parser's
    /// memory, and [`event`](Self::event) returns it until the next call.
    ///
    /// # Errors
    /// As [`feed`](Self::feed).
    pub fn store(&mut self, input: &[u8]) -> Result<StoreProgress, ParseError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let stored = match self.read(input) {
            Ok(None) => Ok(StoreProgress { consumed: input.len(), event: false }),
            Ok(Some(Complete { rest, data })) => {
                let consumed = input.len().saturating_sub(rest.len());
                let kept = match data {
                    Data::Lent(text) => self.store.push_data(text.as_bytes()),
                    Data::Stored => Ok(()),
                };
                kept.map(|()| StoreProgress { consumed, event: true })
            }
            Err(error) => Err(error),
        };
        if let Err(error) = stored {
            self.failed = Some(error);
        }
        stored
    }

    /// The event that the last call of [`store`](Self::store) found.
    pub fn event(&self) -> Option<MessageEvent<'_>> {
        let store = &self.store;
        let event_type = match store.event_type() {
            "" => MESSAGE,
            named => named,
        };
        store.is_dispatched().then(|| MessageEvent {
            event_type,
            data: store.data(),
            last_event_id: store.last_event_id(),
        })
    }

    /// The last event ID, event type and data of that event. The data can be modified in place.
    pub fn event_mut(&mut self) -> Option<(&str, &str, &mut [u8])> {
        if !self.store.is_dispatched() {
            return None;
        }
        let (last_event_id, event_type, data) = self.store.parts_mut();
        Some((last_event_id, if event_type.is_empty() { MESSAGE } else { event_type }, data))
    }

    /// Returns the memory.
    pub fn into_memory(self) -> B {
        self.store.into_memory()
    }

    /// Prepares for a new stream of the same source. An incomplete event and an error are discarded. The last event ID
    /// and the reconnection time are kept.
    pub fn restart(&mut self) {
        self.store.drop_block();
        self.at = At::LineStart;
        self.bom = BomSeen::None;
        self.after_cr = false;
        self.failed = None;
    }

    /// As [`restart`](Self::restart), with a last event ID from elsewhere, for example from before a reboot.
    ///
    /// # Errors
    /// [`ParseError::IdTooLong`] past [`ParserLimits::id`]. The last event ID is then unchanged.
    pub fn restart_after(&mut self, id: IdField<'_>) -> Result<(), ParseError> {
        self.restart();
        self.store.begin_id();
        self.store.push_id(id.as_bytes());
        self.store.end_id()?;
        self.store.commit_id();
        Ok(())
    }

    /// The last event ID at the last blank line: the value of `Last-Event-ID` in the next request. It may be empty.
    pub fn last_event_id(&self) -> &str {
        self.store.last_event_id()
    }

    /// The reconnection time of the last valid `retry` field, which takes effect at the end of its line.
    ///
    /// The standard has no upper bound. The value saturates at `u64::MAX` milliseconds.
    pub fn reconnection_time(&self) -> Option<Duration> {
        self.reconnection_time
    }
}

//! The stream parser (WHATWG HTML §9.2.6): bytes in as they come, events out by borrow.
//!
//! However the stream is cut, the same events come out. A `data` field that lies whole in one piece of input is lent
//! from there; what is cut, or has several lines, is gathered in the caller's memory. The cost is linear in the stream,
//! comments and unknown fields may have any length, and nothing is stored of them.
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

/// The event type of an event that names none.
pub const MESSAGE: &str = "message";

/// How the parser's memory is divided, in bytes of UTF-8. What remains holds data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ParserLimits {
    /// Longest `id`. It is held three times.
    pub id: usize,
    /// Longest event type.
    pub event_type: usize,
}

impl ParserLimits {
    /// 64 bytes each.
    pub const DEFAULT: Self = Self { id: 64, event_type: 64 };

    /// Bytes of memory for these bounds and events of up to `data` bytes, the LF between their lines counted.
    pub const fn memory(self, data: usize) -> usize {
        self.id.saturating_mul(3).saturating_add(self.event_type).saturating_add(data)
    }
}

impl Default for ParserLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// One event, lent from the input or from the parser's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MessageEvent<'a> {
    /// The event type, [`MESSAGE`] where the stream names none.
    pub event_type: &'a str,
    /// The lines of the `data` fields, joined by LF.
    pub data: &'a str,
    /// The last event ID as of this event, empty where there was none: what to resume from.
    pub last_event_id: &'a str,
}

/// What one call of [`Parser::feed`] came to.
#[must_use = "what was not consumed is to be fed again, and an event is lent only once"]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ParseProgress<'a> {
    /// Bytes of the input that are done with: all of them where there is no event.
    pub consumed: usize,
    /// The event that was dispatched, at most one a call.
    pub event: Option<MessageEvent<'a>>,
}

/// What one call of [`Parser::store`] came to.
#[must_use = "what was not consumed is to be stored again"]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StoreProgress {
    /// Bytes of the input that are done with: all of them where there is no event.
    pub consumed: usize,
    /// Whether an event was dispatched, at most one a call.
    pub event: bool,
}

/// Why a stream cannot be read on: a bound of the caller's. It is to be closed; a later resume from the same ID meets
/// the same event again unless there is more memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParseError {
    /// The data of an event, decoded, is longer than what [`ParserLimits`] leave of the memory.
    DataTooLong,
    /// An event type, decoded, is longer than [`ParserLimits::event_type`].
    EventTypeTooLong,
    /// An ID without NULL, decoded, is longer than [`ParserLimits::id`].
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

/// Reads an event stream, in memory `B` of the caller's: an array, or a slice by `&mut`.
#[derive(Debug)]
pub struct Parser<B> {
    store: Store<B>,
    at: At,
    /// Bytes of the byte order mark seen, all of them when it can no longer come.
    bom: BomSeen,
    /// The input ended after a CR: an LF that comes first belongs to it.
    after_cr: bool,
    digits: Digits,
    reconnection_time: Option<Duration>,
    failed: Option<ParseError>,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Parser<B> {
    /// A parser at the start of a stream. Memory shorter than [`ParserLimits::memory`] is legal: what does not fit is too
    /// long.
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

    /// Reads on in `input`, up to the first event that is complete. An event is given with its blank line's first byte:
    /// nothing is waited for.
    ///
    /// Call it again with what it did not consume. An event that the stream's end cuts is never given.
    ///
    /// # Errors
    /// [`ParseError`] past a bound; then the parser has failed for good, and says so again whatever it is fed, until
    /// [`restart`](Self::restart).
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

    /// As [`feed`](Self::feed), with the event kept in the parser's memory, where [`event`](Self::event) finds it until the
    /// next call: for input that is only lent for the time of the call.
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

    /// The parts of that event, its data as bytes to be altered where they stand: last event ID, event type, data.
    pub fn event_mut(&mut self) -> Option<(&str, &str, &mut [u8])> {
        if !self.store.is_dispatched() {
            return None;
        }
        let (last_event_id, event_type, data) = self.store.parts_mut();
        Some((last_event_id, if event_type.is_empty() { MESSAGE } else { event_type }, data))
    }

    /// The memory back.
    pub fn into_memory(self) -> B {
        self.store.into_memory()
    }

    /// Makes it a parser at the start of a new stream of the same source: an unfinished event and an error are gone, the
    /// last event ID and the reconnection time stay.
    pub fn restart(&mut self) {
        self.store.drop_block();
        self.at = At::LineStart;
        self.bom = BomSeen::None;
        self.after_cr = false;
        self.failed = None;
    }

    /// As [`restart`](Self::restart), with a last event ID that was kept elsewhere (over a reboot, for example).
    ///
    /// # Errors
    /// [`ParseError::IdTooLong`] past [`ParserLimits::id`]; then the last event ID is what it was.
    pub fn restart_after(&mut self, id: IdField<'_>) -> Result<(), ParseError> {
        self.restart();
        self.store.begin_id();
        self.store.push_id(id.as_bytes());
        self.store.end_id()?;
        self.store.commit_id();
        Ok(())
    }

    /// The last event ID, as of the last blank line: what `Last-Event-ID` says at the next connection. Empty where there
    /// is none.
    pub fn last_event_id(&self) -> &str {
        self.store.last_event_id()
    }

    /// The reconnection time of the last valid `retry` field, which acts at the end of its line.
    ///
    /// The standard knows no upper bound: digits past `u64::MAX` milliseconds are taken as that.
    pub fn reconnection_time(&self) -> Option<Duration> {
        self.reconnection_time
    }
}

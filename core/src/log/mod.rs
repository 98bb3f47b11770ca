//! The event log: a ring of events in memory of the caller's, and cursors on it.
//!
//! Every transport is a cursor on one log. A subscriber costs a number, not a queue: a slow one falls behind in the
//! ring, and when its next event has been overwritten it is told how many it missed.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `event_id.rs` | [`EventId`]: `EPOCH-SEQ`, the same text on every transport |
//! | `event.rs` | [`EventType`], [`Encoding`], [`EventMeta`]: what an event is beside its bytes |
//! | `cursor.rs` | [`Position`], [`GapPolicy`], [`Cursor`]: where a reader starts, and what happens at a gap |
//! | `event_log.rs` | [`EventLog`]: the ring itself |
//! | `reader.rs` | [`LogReader`]: how a reader looks at a log that others write to |
//! | `idempotency.rs` | [`IdempotencyKeys`]: publishing twice, storing once |
//!
//! ```
//! use goldcrest_core::log::{Encoding, EventLog, EventType, GapPolicy, ReadEvent, Position, LogReader};
//!
//! // 256 bytes hold 16 events at most: 4 bytes of each slot, 6 bytes of each event are the log's own.
//! let mut log = EventLog::new([0; 256], 16, 0x5eed_cafe).unwrap();
//! let id = log.append(EventType::new("reading").unwrap(), Encoding::Text, b"21.5").unwrap();
//! assert_eq!(id.to_string(), "5eedcafe-1");
//!
//! let start = log.seek(Position::Oldest, GapPolicy::Replay);
//! let mut bytes = [0; 32];
//! let ReadEvent::Event(event) = log.read_at(start.after, 0, &mut bytes) else { panic!("an event is there") };
//! assert_eq!(&bytes[..event.copied], b"reading21.5");
//! ```

mod cursor;
mod event;
mod event_id;
mod event_log;
mod idempotency;
mod reader;

pub use cursor::{Cursor, Gap, GapPolicy, Position};
pub use event::{Encoding, EventMeta, EventType, EventTypeError, MAX_EVENT_TYPE};
pub use event_id::{EventId, EventIdError, MAX_EVENT_ID};
pub use event_log::{AppendError, EventLog, NewLogError, RECORD_OVERHEAD, SLOT_SIZE};
pub use idempotency::{IdempotencyKeys, KeyDigest, Lookup, MAX_IDEMPOTENCY_KEY};
pub use reader::{EventChunk, LogReader, ReadEvent};

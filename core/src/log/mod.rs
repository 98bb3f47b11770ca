//! The event log: a ring of events in the caller's memory, and cursors on it.
//!
//! Each transport is a cursor on one log. A subscriber has a number and no queue. A slow subscriber falls behind in the ring, and once
//! its next event has been overwritten it gets a gap with the number of missed events.
//!
//! | file | contents |
//! | --- | --- |
//! | `event_id.rs` | [`EventId`]: `EPOCH-SEQ`, the same text on every transport |
//! | `event.rs` | [`EventType`], [`Encoding`], [`EventMeta`] |
//! | `cursor.rs` | [`Position`], [`GapPolicy`], [`Cursor`]: where a reader starts, and how it continues after a gap |
//! | `event_log.rs` | [`EventLog`]: the ring |
//! | `reader.rs` | [`LogReader`]: reading a log while it is written |
//! | `idempotency.rs` | [`IdempotencyKeys`]: publishing the same event twice stores it once |
//!
//! ```
//! use goldcrest_core::log::{Encoding, EventLog, EventType, GapPolicy, ReadEvent, Position, LogReader};
//!
//! // At most 16 events in 256 bytes, of which each slot takes 4 and each event 6 beside its type and data.
//! let mut log = EventLog::new([0; 256], 16, 0x5eed_cafe).unwrap();
//! let id = log.append(EventType::new("reading").unwrap(), Encoding::Text, b"21.5").unwrap();
//! assert_eq!(id.to_string(), "5eedcafe-1");
//!
//! let start = log.seek(Position::Oldest, GapPolicy::Replay);
//! let mut bytes = [0; 32];
//! let ReadEvent::Event(event) = log.read_at(start.after, 0, &mut bytes) else { panic!("there is an event") };
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
pub use event_log::{AppendError, BYTES_PER_SLOT, EventLog, NewLogError, RECORD_OVERHEAD, SLOT_SIZE};
pub use idempotency::{IdempotencyKeys, KeyDigest, Lookup, MAX_IDEMPOTENCY_KEY};
pub use reader::{EventChunk, LogReader, ReadEvent};

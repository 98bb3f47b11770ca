//! The wire formats of events, and the transports that send them.
//!
//! A body or a message is a cursor on a log. It fills buffers of any length and reports its state; sockets, chunked coding and HTTP
//! are not its concern. Bytes that did not fit are not stored: the position within an event is a pair of numbers, and the rest is
//! rendered again from the log. If the event has been overwritten by then, the state is [`BodyState::Abort`]: half an event never
//! passes for a whole one.
//!
//! | file | contents |
//! | --- | --- |
//! | `transport.rs`, `media_type.rs` | [`Transport`]; [`media_type`] |
//! | `poll_body.rs` | [`PollBody`]: polling and long polling |
//! | `stream_body.rs` | [`StreamBody`]: streaming and SSE |
//! | `event_messages.rs` | [`EventMessages`]: WebSocket messages, plain or of `goldcrest.v1` |
//! | `publication.rs` | [`publication`]: an event as a client publishes it |
//! | `render.rs` | one event, rendered into short buffers |
//! | `event_format.rs` | the formats of an event |
//! | `event_stream.rs`, `json.rs` | their syntax |
//!
//! ```
//! use goldcrest_core::format::{BodyState, StreamBody, StreamFormat, StreamTimers};
//! use goldcrest_core::log::{Encoding, EventLog, EventType, GapPolicy, Position};
//! use goldcrest_core::time::Instant;
//!
//! let mut log = EventLog::new([0; 256], 8, 1).unwrap();
//! log.append(EventType::MESSAGE, Encoding::Text, b"21.5").unwrap();
//!
//! let (now, timers) = (Instant::default(), StreamTimers::default());
//! let mut body = StreamBody::new(StreamFormat::Ndjson, &log, Position::Oldest, GapPolicy::Replay, timers, now);
//! let mut buffer = [0; 128];
//! let fill = body.fill(&log, &mut buffer, now);
//! // The first line is the cursor.
//! let lines = b"{\"after\":\"00000001-0\"}\n{\"id\":\"00000001-1\",\"type\":\"message\",\"data\":\"21.5\"}\n";
//! assert_eq!(&buffer[..fill.written], lines);
//! assert!(matches!(fill.state, BodyState::Wait(_)));
//! ```

mod event_format;
mod event_messages;
mod event_stream;
mod json;
pub mod media_type;
mod poll_body;
mod publication;
mod render;
mod stream_body;
mod transport;

pub use event_messages::{EventMessages, NextMessage, OverwrittenError, Subprotocol};
pub use poll_body::{PollBody, PollLimits};
pub use publication::{PublishMessage, publication};
pub use stream_body::{BodyState, Fill, StreamBody, StreamFormat, StreamTimers};
pub use transport::Transport;

#[cfg(test)]
mod tests;

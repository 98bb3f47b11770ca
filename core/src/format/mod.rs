//! From a cursor to body bytes: one file a transport.
//!
//! A delivery knows nothing of sockets, of chunking or of HTTP/2: it fills the room that it is given, of any length, and
//! says what to wait for. What did not fit is not kept anywhere: the place within an event is a pair of numbers, and the
//! rest is rendered again from the log. If the event was overwritten meanwhile the delivery says [`BodyState::Abort`]: half an
//! event never passes for a whole one.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `transport.rs` | [`Transport`]: the five techniques, and publishing |
//! | `poll_body.rs` | [`PollBody`]: a bounded list of events, its length known beforehand; polling and long polling |
//! | `stream_body.rs` | [`StreamBody`]: what streaming and SSE have in common: opening, events, gaps, keep-alives, farewell |
//! | `ndjson.rs` | [`Ndjson`]: one JSON object a line |
//! | `event_stream.rs` | [`EventStream`]: `text/event-stream` |
//! | `either.rs` | [`EitherForm`]: one of these two, chosen by a request |
//! | `event_messages.rs` | [`EventMessages`]: events as messages, plain or in the envelope of `goldcrest.v1` |
//! | `publication.rs` | [`publication`]: an event as a client publishes it elsewhere |
//! | `json.rs` | the JSON object that stands for an event |
//! | `render.rs` | an event's wire form, piece by piece |
//!
//! ```
//! use goldcrest_core::format::{StreamBody, Ndjson, StreamTimers, BodyState};
//! use goldcrest_core::log::{Encoding, EventLog, EventType, GapPolicy, Position};
//! use goldcrest_core::time::Instant;
//!
//! let mut log = EventLog::new([0; 256], 8, 1).unwrap();
//! log.append(EventType::MESSAGE, Encoding::Text, b"21.5").unwrap();
//!
//! let now = Instant::default();
//! let mut follow = StreamBody::new(Ndjson, &log, Position::Oldest, GapPolicy::Replay, StreamTimers::default(), now);
//! let mut room = [0; 128];
//! let filled = follow.fill(&log, &mut room, now);
//! // The first line is the cursor: the stream has begun.
//! let lines = b"{\"after\":\"00000001-0\"}\n{\"id\":\"00000001-1\",\"type\":\"message\",\"data\":\"21.5\"}\n";
//! assert_eq!(&room[..filled.written], lines);
//! assert!(matches!(filled.state, BodyState::Wait(_)));
//! ```

mod either;
mod event_format;
mod event_messages;
mod event_stream;
mod json;
mod ndjson;
mod poll_body;
mod publication;
mod render;
mod stream_body;
mod transport;

pub use either::EitherForm;
pub use event_messages::{EventMessages, MessageKind, NextMessage, OverwrittenError, Subprotocol};
pub use event_stream::EventStream;
pub use ndjson::Ndjson;
pub use poll_body::{PollBody, PollLimits};
pub use publication::{PublishMessage, publication};
pub use stream_body::{BodyState, Fill, StreamBody, StreamFormat, StreamTimers};
pub use transport::Transport;

#[cfg(test)]
mod tests;

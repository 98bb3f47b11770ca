//! Server-Sent Events by WHATWG HTML §9.2: what a server writes, what a client reads, when it comes back.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`field`] | values that are proven to be one line: an id, an event type, a comment |
//! | [`encode`] | an event into bytes, whole or piece by piece |
//! | [`parse`] | a stream into events, however it is cut |
//! | [`reconnect`] | when a client comes back, and with which last event ID |
//! | [`media_type`] | whether a response is an event stream |
//!
//! ```
//! use goldcrest_core::output::ResumableWriter;
//! use goldcrest_core::sse::encode::EventBlock;
//! use goldcrest_core::sse::field::IdField;
//!
//! let event = EventBlock { id: Some(IdField::new(b"7f-12")?), ..EventBlock::new(b"first\nsecond") };
//! let mut room = [0; 64];
//! let mut sink = ResumableWriter::new(&mut room, 0);
//! event.encode(&mut sink);
//! let written = sink.written();
//! assert_eq!(&room[..written], b"id: 7f-12\ndata: first\ndata: second\n\n");
//! # Ok::<(), goldcrest_core::sse::field::FieldError>(())
//! ```

pub mod encode;
pub mod field;
mod line;
pub mod media_type;
pub mod parse;
pub mod reconnect;

//! Server-Sent Events (WHATWG HTML §9.2): the encoder, the parser and the reconnection.
//!
//! | module | content |
//! | --- | --- |
//! | [`field`] | values of one line: id, event type, comment |
//! | [`encode`] | encoder of events |
//! | [`parse`] | parser of event streams |
//! | [`reconnect`] | delay of a reconnection, and its last event ID |
//! | [`media_type`] | the media type `text/event-stream` |
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

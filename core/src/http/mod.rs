//! HTTP/1.1 without I/O: request heads, body lengths, chunked coding and responses (RFC 9110, RFC 9112).
//!
//! Input and output are slices of any length. The module does not wait, allocate or own a buffer.
//!
//! RFC 9112 permits a recipient to repair some messages: a bare LF, a folded field, two equal lengths. This parser
//! rejects them: a proxy may repair them differently, which permits request smuggling (RFC 9112 §11.2).
//!
//! | step | type |
//! | --- | --- |
//! | read a head from a stream | [`HeadReader`] |
//! | validate a request | [`Request`] |
//! | read its credentials | [`Request::cookie`], [`Request::bearer`], [`Request::basic`] |
//! | decode its content | [`BodyDecoder`] |
//! | respond | [`Response`], or [`HeadWriter`] and [`ChunkEncoder`] |
//! | reject a request | [`RequestError`] with its [`Status`] |
//! | read a response | [`HeadReader`], [`ResponseHead`], [`BodyDecoder`] |
//!
//! ```
//! use goldcrest_core::http::{HeadReader, BodyLength, MAX_FIELDS, Method, Request, Response, Status};
//! use goldcrest_core::output::ResumableWriter;
//!
//! let mut buffer = [0; 256];
//! let mut reader = HeadReader::new();
//! let wire = b"GET /events/news?after=7 HTTP/1.1\r\nHost: chip.local\r\n\r\nthe next request";
//! let taken = reader.take(&mut buffer, wire)?;
//! let length = taken.complete.expect("the whole head was there");
//! assert_eq!(&wire[taken.consumed..], b"the next request");
//!
//! let request = Request::parse(&mut buffer[..], length, MAX_FIELDS).map_err(|(error, _)| error)?;
//! assert_eq!(request.method(), Method::Get);
//! assert_eq!(request.path(), "/events/news");
//! assert_eq!(request.body_length(), BodyLength::None);
//!
//! let response = Response { status: Status::OK, content_type: Some("text/plain"), headers: &[], body: b"hello" };
//! let mut room = [0; 256];
//! let mut sink = ResumableWriter::new(&mut room, 0);
//! response.render(&mut sink, request.version(), request.keep_alive(), false);
//! let written = sink.written();
//! assert!(room[..written].ends_with(b"\r\n\r\nhello"));
//! # Ok::<(), goldcrest_core::http::RequestError>(())
//! ```

mod accept;
mod body;
pub mod chunked;
mod credentials;
mod field;
mod head_reader;
mod length;
mod method;
mod prefer;
mod query;
mod request;
mod request_error;
mod response;
mod response_head;
mod status;
mod target;

#[cfg(test)]
mod request_rules;

pub use crate::grammar::list::HeaderList;
pub use body::BodyDecoder;
pub use chunked::{ChunkDecoder, ChunkEncoder, ChunkProgress, FinishProgress};
pub use credentials::{BasicCredentials, MAX_BASIC, constant_time_eq};
pub use field::HeaderFields;
pub use head_reader::{HeadProgress, HeadReader, MAX_EMPTY_LINES};
pub use length::BodyLength;
pub use method::Method;
pub(crate) use prefer::seconds_of;
pub use query::{PercentEncoded, Query};
pub use request::{MAX_FIELDS, Request, Version};
pub use request_error::RequestError;
pub use response::{Framing, HeadWriter, Response};
pub use response_head::{ResponseError, ResponseHead};
pub use status::Status;

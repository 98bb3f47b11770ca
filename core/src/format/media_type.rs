//! The media types of the transports.

pub use crate::sse::media_type::{EVENT_STREAM, EVENT_STREAM_UTF8};

/// The media type of streaming: a JSON object on each line.
pub const NDJSON: &str = "application/x-ndjson";

/// The media type of a poll's events and of the reply to a publisher (RFC 8259 §11).
pub const JSON: &str = "application/json";

/// The media type of a problem details object (RFC 9457 §6.1).
pub const PROBLEM_JSON: &str = "application/problem+json";

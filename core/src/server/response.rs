//! Heads of responses, and whole responses.

use super::http_connection::HttpConnection;
use super::rejection::{DateField, ErrorContent};
use super::runtime::Runtime;
use crate::connection::Disconnect;
use crate::grammar::origin::OriginMatch;
use crate::http::{Framing, HeadWriter, Response, Status, Version};
use crate::output::{Output, Render, ResumableWriter};

/// What a handler returns: that the request was answered, or how the connection ended.
pub type HandlerResult = Result<Responded, Disconnect>;

/// A request was answered.
#[derive(Debug)]
#[must_use = "a handler returns it"]
pub struct Responded {
    keeps_connection: bool,
}

impl Responded {
    pub(crate) const CLOSE: Self = Self { keeps_connection: false };

    pub(crate) const fn after_stream(keeps_connection: bool) -> Self {
        Self { keeps_connection }
    }

    pub(crate) fn keeps_connection(&self) -> bool {
        self.keeps_connection
    }
}

/// Who asked, as far as the head of an answer depends on it: what is left of a request whose buffer was given back.
#[derive(Debug)]
pub(crate) struct ResponseContext {
    pub(crate) version: Version,
    pub(crate) origin: heapless::Vec<u8, MAX_ORIGIN>,
    /// How it is permitted.
    pub(crate) found: OriginMatch,
    pub(crate) keeps_connection: bool,
    pub(crate) head_only: bool,
    /// The answer refuses the request, and ends the connection.
    pub(crate) refuses: bool,
}

/// The longest origin that is told that it may read the answer.
const MAX_ORIGIN: usize = 128;

/// What every content has: no browser takes it for something else than its `Content-Type` says, and none lets pages of another
/// origin embed it (Fetch §3.6, §3.7). A page that may ask by `fetch` reads it all the same.
const GUARDED: &[u8] = b"X-Content-Type-Options: nosniff\r\nCross-Origin-Resource-Policy: ";

/// What a cross-origin answer adds: the fields that its page may read.
const EXPOSED: &[u8] = b"Access-Control-Expose-Headers: ETag, Preference-Applied, Retry-After\r\nVary: Origin\r\n";

/// What keeps intermediaries from holding a stream back: one that compresses (`no-transform`, RFC 9111 §5.2.2.6), any
/// (`Incremental`, RFC 10036), and nginx.
const UNBUFFERED: &[u8] = b"Cache-Control: no-cache, no-transform\r\nIncremental: ?1\r\nX-Accel-Buffering: no\r\n";

impl ResponseContext {
    /// Answers with a whole response.
    pub(crate) async fn respond<R: Runtime>(
        &self,
        connection: &mut HttpConnection<'_, R>,
        response: &Response<'_>,
    ) -> HandlerResult {
        let date = connection.runtime.date();
        let bodiless = response.status.is_bodiless();
        let framing = if bodiless { Framing::None } else { Framing::Length(response.body.len() as u64) };
        let render = |out: &mut ResumableWriter<'_>| {
            put_head(self, response.status, framing, self.keeps_connection, out, &|out: &mut ResumableWriter<'_>| {
                put_date(&date, out);
                if let Some(content_type) = response.content_type.filter(|_| !bodiless) {
                    put_field("Content-Type", content_type.as_bytes(), out);
                }
                for (name, value) in response.headers {
                    put_field(name, value.as_bytes(), out);
                }
            });
            if !bodiless && !self.head_only {
                out.put(response.body);
            }
        };
        connection.answering = true;
        connection.send(&render).await?;
        connection.answering = false;
        if self.refuses {
            return Err(Disconnect::Rejected(response.status));
        }
        Ok(Responded { keeps_connection: self.keeps_connection })
    }

    /// Sends the head of a stream, with the fields that keep what stands in between from holding it back.
    pub(crate) async fn begin_stream<R: Runtime>(
        &self,
        connection: &mut HttpConnection<'_, R>,
        content_type: &str,
        framing: Framing,
    ) -> Result<(), Disconnect> {
        let date = connection.runtime.date();
        let render = |out: &mut ResumableWriter<'_>| {
            put_head(self, Status::OK, framing, self.keeps_connection, out, &|out: &mut ResumableWriter<'_>| {
                put_date(&date, out);
                put_field("Content-Type", content_type.as_bytes(), out);
                out.put(UNBUFFERED);
            });
        };
        connection.answering = true;
        connection.send(&render).await
    }
}

/// Pours a whole head; `fields` pours those that are the answer's own.
pub(crate) fn put_head(
    context: &ResponseContext,
    status: Status,
    framing: Framing,
    keeps_connection: bool,
    out: &mut ResumableWriter<'_>,
    fields: &dyn Render,
) {
    // A head is poured field by field: the writer holds nothing but its sink.
    let _ = HeadWriter::new(out, status);
    fields.render(out);
    if framing != Framing::None {
        out.put(GUARDED);
        out.put(if context.found == OriginMatch::Any { b"cross-origin\r\n" } else { b"same-origin\r\n" });
    }
    if !context.origin.is_empty() {
        put_field("Access-Control-Allow-Origin", &context.origin, out);
        if context.found == OriginMatch::Listed {
            out.put(b"Access-Control-Allow-Credentials: true\r\n");
        }
        out.put(EXPOSED);
    }
    HeadWriter::resume(out).framing(framing).connection(context.version, keeps_connection).finish();
}

/// The answer to a request that is rejected: what the runtime says, or the text.
pub(crate) fn rejected<'a>(
    own: &'a impl ErrorContent,
    status: Status,
    text: &'a str,
    headers: &'a [(&'a str, &'a str)],
) -> Response<'a> {
    let response = Response { headers, ..Response::text(status, text) };
    match own.content() {
        Some((content_type, body)) => Response { content_type: Some(content_type), body, ..response },
        None => response,
    }
}

/// Pours `Date`, where it is known.
#[inline]
pub(crate) fn put_date(date: &impl DateField, out: &mut ResumableWriter<'_>) {
    if let Some(date) = date.text() {
        put_field("Date", date, out);
    }
}

/// Pours one field.
#[inline(never)]
pub(crate) fn put_field(name: &str, value: &[u8], out: &mut ResumableWriter<'_>) {
    let _ = HeadWriter::resume(out).header(name, value);
}

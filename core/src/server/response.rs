//! Heads of responses, and whole responses.

use super::cors::CorsPolicy;
use super::http_connection::HttpConnection;
use super::rejection::{DateField, ErrorContent};
use super::runtime::Runtime;
use crate::connection::Disconnect;
use crate::grammar::origin::OriginMatch;
use crate::http::{Framing, HeadWriter, Response, Status, Version};
use crate::output::{Output, Render, ResumableWriter};

/// The result of a handler: the request was answered, or the connection ended.
pub type HandlerResult = Result<Responded, Disconnect>;

/// The proof that a request was answered.
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

/// The properties of a request that its response depends on. They outlive the buffer of the head.
#[derive(Debug)]
pub(crate) struct ResponseContext {
    pub(crate) version: Version,
    pub(crate) origin: heapless::Vec<u8, MAX_ORIGIN>,
    /// The match of `Origin`.
    pub(crate) origin_match: OriginMatch,
    pub(crate) keeps_connection: bool,
    pub(crate) head_only: bool,
    /// The response rejects the request and ends the connection.
    pub(crate) rejects: bool,
}

/// The longest `Origin` that gets an `Access-Control-Allow-Origin`, in bytes.
const MAX_ORIGIN: usize = 128;

/// The fields of every content: browsers do not guess its type (Fetch §3.6), and pages of other origins cannot embed it
/// (Fetch §3.7). A page whose origin is permitted still reads it by `fetch`.
const GUARDED: &[u8] = b"X-Content-Type-Options: nosniff\r\nCross-Origin-Resource-Policy: ";

/// The fields of a cross-origin response that the page may read.
const EXPOSED: &[u8] = b"Access-Control-Expose-Headers: ETag, Preference-Applied, Retry-After\r\nVary: Origin\r\n";

/// Asks intermediaries not to buffer a stream: those that compress (`no-transform`, RFC 9111 §5.2.2.6), any (`Incremental`,
/// RFC 10036), and nginx.
const UNBUFFERED: &[u8] = b"Cache-Control: no-cache, no-transform\r\nIncremental: ?1\r\nX-Accel-Buffering: no\r\n";

impl ResponseContext {
    /// Sends a whole response.
    pub(crate) async fn respond<R: Runtime>(
        &self,
        connection: &mut HttpConnection<'_, R>,
        response: &Response<'_>,
    ) -> HandlerResult {
        let (date, runtime) = (connection.runtime.date(), connection.runtime);
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
                self.put_exposed(runtime.cors(), out);
            });
            if !bodiless && !self.head_only {
                out.put(response.body);
            }
        };
        runtime.response_began(connection.socket(), response.status);
        connection.answering = true;
        connection.send(&render).await?;
        connection.answering = false;
        if self.rejects {
            return Err(Disconnect::Rejected(response.status));
        }
        Ok(Responded { keeps_connection: self.keeps_connection })
    }

    /// Writes the names of the program's own fields that the page may read. They add to [`EXPOSED`] as a list field (RFC 9110 §5.3).
    // Inlined, so that a chip with the default policy has no code for it.
    #[inline(always)]
    fn put_exposed(&self, cors: &CorsPolicy<'_>, out: &mut ResumableWriter<'_>) {
        if !cors.expose.is_empty() && !self.origin.is_empty() {
            for name in cors.expose {
                put_field("Access-Control-Expose-Headers", name.as_bytes(), out);
            }
        }
    }

    /// Sends the head of a stream, with the fields that ask intermediaries not to buffer it.
    pub(crate) async fn begin_stream<R: Runtime>(
        &self,
        connection: &mut HttpConnection<'_, R>,
        content_type: &str,
        framing: Framing,
    ) -> Result<(), Disconnect> {
        let (date, runtime) = (connection.runtime.date(), connection.runtime);
        let render = |out: &mut ResumableWriter<'_>| {
            put_head(self, Status::OK, framing, self.keeps_connection, out, &|out: &mut ResumableWriter<'_>| {
                put_date(&date, out);
                put_field("Content-Type", content_type.as_bytes(), out);
                out.put(UNBUFFERED);
                self.put_exposed(runtime.cors(), out);
            });
        };
        runtime.response_began(connection.socket(), Status::OK);
        connection.answering = true;
        connection.send(&render).await
    }
}

/// Writes a whole head; `fields` writes the fields of this response.
pub(crate) fn put_head(
    context: &ResponseContext,
    status: Status,
    framing: Framing,
    keeps_connection: bool,
    out: &mut ResumableWriter<'_>,
    fields: &dyn Render,
) {
    // A head is written field by field: the writer has no state but its output.
    let _ = HeadWriter::new(out, status);
    fields.render(out);
    if framing != Framing::None {
        out.put(GUARDED);
        out.put(if context.origin_match == OriginMatch::Any { b"cross-origin\r\n" } else { b"same-origin\r\n" });
    }
    if !context.origin.is_empty() {
        put_field("Access-Control-Allow-Origin", &context.origin, out);
        if context.origin_match == OriginMatch::Listed {
            out.put(b"Access-Control-Allow-Credentials: true\r\n");
        }
        out.put(EXPOSED);
    }
    HeadWriter::resume(out).framing(framing).connection(context.version, keeps_connection).finish();
}

/// The response to a rejected request: the content of the runtime, or the text.
pub(crate) fn error_response<'a>(
    content: &'a impl ErrorContent,
    status: Status,
    text: &'a str,
    headers: &'a [(&'a str, &'a str)],
) -> Response<'a> {
    let response = Response { headers, ..Response::text(status, text) };
    match content.content() {
        Some((content_type, body)) => Response { content_type: Some(content_type), body, ..response },
        None => response,
    }
}

/// Writes `Date`, if a clock knows it.
#[inline]
pub(crate) fn put_date(date: &impl DateField, out: &mut ResumableWriter<'_>) {
    if let Some(date) = date.text() {
        put_field("Date", date, out);
    }
}

/// Writes one field.
#[inline(never)]
pub(crate) fn put_field(name: &str, value: &[u8], out: &mut ResumableWriter<'_>) {
    let _ = HeadWriter::resume(out).header(name, value);
}

//! JSON as the content of requests and responses.

use std::fmt;

use goldcrest_core::http::{Response, Status};
use goldcrest_core::server::{BodyError, Exchange, HandlerResult, Runtime};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Requests and responses with content in JSON, by `serde`.
///
/// ```
/// use goldcrest_host::{Exchange, Handler, HandlerResult, JsonExchange, Runtime, Status};
/// use serde_json::{Value, json};
///
/// struct Orders;
///
/// impl Handler for Orders {
///     async fn handle<R: Runtime>(&self, mut exchange: Exchange<'_, '_, R>) -> HandlerResult {
///         let order: Value = match exchange.json().await {
///             Ok(order) => order,
///             Err(error) => return error.respond(exchange).await,
///         };
///         exchange.respond_json(Status::CREATED, &json!({ "ordered": order["dish"] })).await
///     }
/// }
/// ```
#[allow(async_fn_in_trait, reason = "a connection stays on its thread: no Send bound is wanted")]
pub trait JsonExchange: Sized {
    /// Reads the content as a `T`, which `Content-Type` has to declare as JSON. Pages of other sites cannot send that type without a
    /// preflight.
    ///
    /// The content is at most [`ServerConfig::max_body`](crate::ServerConfig::max_body) bytes, 64 KiB by default, or as
    /// [`Exchange::limit_content`] set before. The memory grows with the received bytes.
    ///
    /// # Errors
    /// [`JsonError`]. Answer with [`JsonError::respond`].
    async fn json<T: DeserializeOwned>(&mut self) -> Result<T, JsonError>;

    /// Answers with `value` in JSON. A value that cannot be written, such as a map whose keys are no texts, is answered with 500 and
    /// logged.
    ///
    /// # Errors
    /// The connection ended first.
    async fn respond_json<T: Serialize + ?Sized>(self, status: Status, value: &T) -> HandlerResult;
}

/// The reason why a request's content is not the expected JSON.
#[derive(Debug)]
pub enum JsonError {
    /// `Content-Type` is neither `application/json` nor a type that ends in `+json` (RFC 6839 §3.1): 415.
    ContentType,
    /// The content was not read: 400, 408 or 413.
    Content(BodyError),
    /// The content is not JSON (400), or JSON of another shape (422). The error has the line and the column.
    Json(serde_json::Error),
}

impl JsonError {
    /// Answers the request with the status and the reason.
    ///
    /// # Errors
    /// The connection ended.
    pub async fn respond<R: Runtime>(self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        let status = match self {
            Self::Content(error) => return exchange.respond_body_error(error).await,
            Self::ContentType => Status::UNSUPPORTED_MEDIA_TYPE,
            Self::Json(ref error) if error.is_data() => Status::UNPROCESSABLE_CONTENT,
            Self::Json(_) => Status::BAD_REQUEST,
        };
        exchange.respond_error(status, &format!("{self}\n")).await
    }
}

impl From<BodyError> for JsonError {
    fn from(error: BodyError) -> Self {
        Self::Content(error)
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ContentType => f.write_str("the content is not JSON; send Content-Type: application/json"),
            Self::Content(error) => error.fmt(f),
            Self::Json(error) if error.is_data() => write!(f, "the JSON has another shape: {error}"),
            Self::Json(error) => write!(f, "the content is not valid JSON: {error}"),
        }
    }
}

impl std::error::Error for JsonError {}

/// The bytes that the memory for the content grows by.
const STEP: usize = 8 * 1024;

impl<R: Runtime> JsonExchange for Exchange<'_, '_, R> {
    async fn json<T: DeserializeOwned>(&mut self) -> Result<T, JsonError> {
        let is_declared = {
            let mut types = self.request().header_all("content-type");
            types.next().is_some_and(is_json) && types.next().is_none()
        };
        if !is_declared {
            return Err(JsonError::ContentType);
        }
        let mut content = Vec::new();
        loop {
            let filled = content.len();
            content.resize(filled + STEP, 0);
            let count = self.read(&mut content[filled..]).await?;
            content.truncate(filled + count);
            if count == 0 {
                return serde_json::from_slice(&content).map_err(JsonError::Json);
            }
        }
    }

    async fn respond_json<T: Serialize + ?Sized>(self, status: Status, value: &T) -> HandlerResult {
        match serde_json::to_vec(value) {
            Ok(content) => self.respond(&Response::new(status, "application/json", &content)).await,
            Err(error) => {
                tracing::error!(%error, "a response cannot be written in JSON");
                self.respond_error(Status::INTERNAL_SERVER_ERROR, "the response cannot be written in JSON\n").await
            }
        }
    }
}

/// Whether a `Content-Type` is JSON, with any parameters.
fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
    essence == b"application/json" || (essence.ends_with(b"+json") && essence.contains(&b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_its_media_type_and_those_with_its_suffix() {
        for (content_type, json) in [
            ("application/json", true),
            ("Application/JSON ; charset=utf-8", true),
            ("application/merge-patch+json", true),
            ("text/plain", false),
            ("application/jsonp", false),
            ("application/x-www-form-urlencoded", false),
            ("+json", false),
            ("text/plain;a=/+json", false),
            ("", false),
        ] {
            assert_eq!(is_json(content_type.as_bytes()), json, "{content_type}");
        }
    }
}

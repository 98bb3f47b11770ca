//! Rejected requests: log lines at a bounded rate, and the content of the responses.

use std::cell::Cell;
use std::net::SocketAddr;

use goldcrest_core::format::media_type;
use goldcrest_core::http::{Method, Request, RequestError, Status};
use goldcrest_core::server::{AccessDenied, ErrorContent, Rejection, RejectionReason, Resource};
use goldcrest_core::time::Instant;
use tracing::Level;

use super::Limits;

/// Bytes that are shown of a path or of a field's value, at most.
const SHOWN: usize = 128;

/// Logs the rejected requests of a thread, and adds the remedy for an operator to the responses.
pub(super) struct Rejections {
    /// Bytes of a request's content, and of its head.
    event: usize,
    head: usize,
    /// Lines a second.
    rate: u32,
    second: Cell<u64>,
    lines: Cell<u32>,
    suppressed: Cell<u64>,
}

/// The content of an answer.
pub(super) struct Content {
    content_type: &'static str,
    text: String,
}

/// The content of an answer, or none: then the answer is the core's own text.
pub(super) struct RejectionContent(Option<Content>);

impl ErrorContent for RejectionContent {
    fn content(&self) -> Option<(&str, &[u8])> {
        self.0.as_ref().map(|own| (own.content_type, own.text.as_bytes()))
    }
}

impl Rejections {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            event: limits.event,
            head: limits.head,
            rate: limits.rejection_lines,
            second: Cell::new(u64::MAX),
            lines: Cell::new(0),
            suppressed: Cell::new(0),
        }
    }

    /// Logs the request, and returns the content of its response.
    pub(super) fn report<B: AsRef<[u8]>>(
        &self,
        peer: impl FnOnce() -> Option<SocketAddr>,
        rejection: &Rejection<'_, B>,
        now: Instant,
    ) -> RejectionContent {
        let (level, explained) = self.explain(rejection);
        let status = rejection.status.code();
        let text = rejection.text.trim_end();
        self.log(level, now, || {
            let explained = explained.as_deref().unwrap_or(text);
            let peer = peer().map_or_else(|| "unknown".into(), |peer| peer.to_string());
            match rejection.request {
                Some(request) => {
                    // Without the query: a token may stand there.
                    let (method, path) = (shown(request.method().as_str()), shown(request.path()));
                    format!("{method} {path} from {peer} refused with {status}: {explained}")
                }
                None => format!("request from {peer} refused with {status}: {explained}"),
            }
        });
        if rejection.request.is_some_and(wants_json) {
            let problem = serde_json::json!({
                "type": "about:blank",
                "title": rejection.status.reason(),
                "status": status,
                "detail": explained.as_deref().unwrap_or(text),
            });
            return RejectionContent(Some(Content {
                content_type: "application/problem+json",
                text: format!("{problem}\n"),
            }));
        }
        let text = explained.map(|explained| format!("{status}: {explained}\n"));
        RejectionContent(text.map(|text| Content { content_type: "text/plain;charset=UTF-8", text }))
    }

    /// Logs that a connection is not served since a bound is reached.
    pub(super) fn full(&self, peer: SocketAddr, bound: &str, option: &str, now: Instant) {
        self.log(Level::WARN, now, || format!("connection from {peer} refused: {bound}; raise {option}"));
    }

    /// Logs a line, unless this second has had its lines.
    fn log(&self, level: Level, now: Instant, line: impl FnOnce() -> String) {
        let enabled = match level {
            Level::WARN => tracing::enabled!(Level::WARN),
            Level::INFO => tracing::enabled!(Level::INFO),
            _ => tracing::enabled!(Level::DEBUG),
        };
        if !enabled {
            return;
        }
        let Some(suppressed) = self.permit(now) else { return };
        let mut line = line();
        if suppressed > 0 {
            line.push_str(&format!(" ({suppressed} more were refused and not logged)"));
        }
        match level {
            Level::WARN => tracing::warn!("{line}"),
            Level::INFO => tracing::info!("{line}"),
            _ => tracing::debug!("{line}"),
        }
    }

    /// How many lines were suppressed since the last one; `None` if this one is to be.
    fn permit(&self, now: Instant) -> Option<u64> {
        let second = now.as_millis() / 1_000;
        if self.second.replace(second) != second {
            self.lines.set(0);
        }
        if self.lines.get() >= self.rate {
            self.suppressed.set(self.suppressed.get() + 1);
            return None;
        }
        self.lines.set(self.lines.get() + 1);
        Some(self.suppressed.take())
    }

    /// The log level, and an explanation where the plain text is not enough: the observed value and the remedy.
    fn explain<B: AsRef<[u8]>>(&self, rejection: &Rejection<'_, B>) -> (Level, Option<String>) {
        match rejection.reason {
            RejectionReason::Access(denied) => {
                let Some(request) = rejection.request else { return (Level::WARN, None) };
                (Level::WARN, Some(explain_access(denied, request)))
            }
            RejectionReason::Malformed(RequestError::ContentTooLarge) => {
                let limit = rejection.content_limit;
                let remedy = if limit >= self.event as u64 { "; raise --max-body" } else { "" };
                (Level::WARN, Some(format!("the content has more than {limit} bytes{remedy}")))
            }
            RejectionReason::Malformed(RequestError::HeadTooLarge | RequestError::UriTooLong) => {
                let text = format!("the request head has more than {} bytes; raise --max-head", self.head);
                (Level::WARN, Some(text))
            }
            RejectionReason::EventTooLarge => {
                let text = "the event is larger than the history of its channel; raise --history-bytes";
                (Level::WARN, Some(text.into()))
            }
            RejectionReason::Exhausted(resource) => {
                let (level, text) = match resource {
                    Resource::Channels => {
                        (Level::WARN, "all channels are in use; come back later, or raise --max-channels")
                    }
                    Resource::Followers => {
                        (Level::WARN, "the channel has all the readers that it may have; come back later")
                    }
                    Resource::EventBuffers | Resource::HeadBuffers => {
                        (Level::WARN, "the memory for buffers is in use; come back later, or raise --max-memory")
                    }
                    // The bound was logged when the connection was accepted.
                    Resource::Connections => (Level::DEBUG, "all connections are in use; come back later"),
                    Resource::ShuttingDown => (Level::DEBUG, "the server is shutting down; come back later"),
                };
                (level, Some(text.into()))
            }
            RejectionReason::Malformed(_) => (Level::DEBUG, None),
            RejectionReason::Other => {
                // Those that an operator can do something about.
                let concerns = [
                    Status::UNAUTHORIZED,
                    Status::FORBIDDEN,
                    Status::NOT_FOUND,
                    Status::CONTENT_TOO_LARGE,
                    Status::TOO_MANY_REQUESTS,
                    Status::SERVICE_UNAVAILABLE,
                ];
                let concerns = concerns.contains(&rejection.status);
                (if concerns { Level::INFO } else { Level::DEBUG }, None)
            }
        }
    }
}

fn explain_access<B: AsRef<[u8]>>(denied: AccessDenied, request: &Request<B>) -> String {
    let host = request.host().unwrap_or_default();
    match denied {
        AccessDenied::Host => {
            let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|it| it.is_ascii_digit()));
            let name = name.map_or(host, |(name, _)| name);
            format!("host \"{}\" is not allowed; start the server with --allow-host {}", shown(host), shown(name))
        }
        AccessDenied::Origin => {
            let mut origins = request.header_all("origin").map(|origin| shown(&String::from_utf8_lossy(origin)));
            let origin = origins.next().unwrap_or_default();
            if origins.next().is_some() {
                return "the request has more than one Origin".into();
            }
            format!(
                "origin \"{origin}\" is not allowed at host \"{}\"; if its pages may use this server, start the server with \
                 --allow-origin {origin}",
                shown(host)
            )
        }
        AccessDenied::CrossSite => {
            let method = if matches!(request.method(), Method::Get | Method::Head) { "embed" } else { "send" };
            format!(
                "a page of another origin may not {method} this (Sec-Fetch-Site: {}); allowed origins have to be listed by \
                 --allow-origin, and ask by fetch, EventSource or WebSocket",
                shown(&String::from_utf8_lossy(request.header("sec-fetch-site").unwrap_or_default()))
            )
        }
    }
}

/// Whether `Accept` names JSON: the response is then a problem details object (RFC 9457).
fn wants_json<B: AsRef<[u8]>>(request: &Request<B>) -> bool {
    ["application/problem+json", media_type::JSON].iter().any(|json| request.accept_names(json))
}

/// The start of a text, its control characters escaped: a log's reader may be a terminal.
pub(super) fn shown(text: &str) -> String {
    let end = (0..=SHOWN.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let rest = if end < text.len() { "…" } else { "" };
    format!("{}{rest}", text[..end].escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;
    use goldcrest_core::http::MAX_FIELDS;

    fn rejections() -> Rejections {
        Rejections::new(&Limits { rejection_lines: 3, ..Limits::default() })
    }

    fn answer(head: &str, status: Status, reason: RejectionReason) -> Option<(String, String)> {
        let request = Request::parse(head.as_bytes(), head.len(), MAX_FIELDS).unwrap();
        let rejection =
            Rejection { request: Some(&request), status, reason, text: "the core's text\n", content_limit: 64 * 1024 };
        let own = rejections().report(|| None, &rejection, Instant::from_millis(0));
        own.content().map(|(kind, text)| (kind.into(), String::from_utf8(text.to_vec()).unwrap()))
    }

    #[test]
    fn a_rejection_names_the_value_and_the_remedy() {
        let host = "GET /events/a?token=x HTTP/1.1\r\nHost: goldcrest:8080\r\n\r\n";
        let (kind, text) = answer(host, Status::FORBIDDEN, RejectionReason::Access(AccessDenied::Host)).unwrap();
        assert_eq!(kind, "text/plain;charset=UTF-8");
        assert_eq!(text, "403: host \"goldcrest:8080\" is not allowed; start the server with --allow-host goldcrest\n");
        let origin = "GET / HTTP/1.1\r\nHost: a\r\nOrigin: https://b.example\r\n\r\n";
        let (_, text) = answer(origin, Status::FORBIDDEN, RejectionReason::Access(AccessDenied::Origin)).unwrap();
        assert!(text.starts_with("403: origin \"https://b.example\" is not allowed at host \"a\"; "), "{text}");
        assert!(text.ends_with("--allow-origin https://b.example\n"), "{text}");
        let (_, text) =
            answer(host, Status::CONTENT_TOO_LARGE, RejectionReason::Malformed(RequestError::ContentTooLarge)).unwrap();
        assert_eq!(text, "413: the content has more than 65536 bytes; raise --max-body\n");
        assert_eq!(answer(host, Status::NOT_FOUND, RejectionReason::Other), None);
    }

    #[test]
    fn accept_json_gets_problem_details() {
        for (accept, json) in [
            ("application/json", true),
            ("text/html, application/problem+json;q=0.5", true),
            ("*/*", false),
            ("application/*", false),
            ("application/json;q=0", false),
            ("text/event-stream", false),
        ] {
            let head = format!("GET /x HTTP/1.1\r\nHost: a\r\nAccept: {accept}\r\n\r\n");
            let content = answer(&head, Status::NOT_FOUND, RejectionReason::Other);
            assert_eq!(content.is_some(), json, "{accept}");
            if let Some((kind, text)) = content {
                assert_eq!(kind, "application/problem+json");
                let problem: serde_json::Value = serde_json::from_str(&text).unwrap();
                let expected = serde_json::json!({
                    "type": "about:blank", "title": "Not Found", "status": 404, "detail": "the core's text"
                });
                assert_eq!(problem, expected);
            }
        }
    }

    #[test]
    fn log_lines_are_limited_and_suppressed_ones_are_counted() {
        let rejections = rejections();
        let lines = |at| (0..10).filter_map(|_| rejections.permit(Instant::from_millis(at))).collect::<Vec<_>>();
        assert_eq!(lines(500), [0, 0, 0]);
        assert_eq!(lines(1_000), [7, 0, 0]);
        assert_eq!(lines(1_999), [0; 0]);
        assert_eq!(rejections.permit(Instant::from_millis(5_000)), Some(17));
    }

    #[test]
    fn logged_values_are_short_without_control_characters() {
        assert_eq!(shown("a\x1b]0;x\x07\u{202e}b"), "a\\u{1b}]0;x\\u{7}\\u{202e}b");
        assert_eq!(shown(&"é".repeat(100)), format!("{}…", "é".repeat(64)));
    }
}

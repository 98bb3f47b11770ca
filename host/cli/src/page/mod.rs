//! The page at `/`: plain files, compiled in.
//!
//! The page publishes to the channel `demo`, subscribes over all five transports, and shows the costs of each. It loads
//! only these files (by relative URLs), `/goldcrest.js` and `/goldcrest-shared.js` ([`goldcrest_core::assets`]), and runs
//! under `Content-Security-Policy: default-src 'self'`. Besides `/events/demo` it requests
//! `GET /page/figures?page=ID` and `POST /page/cut?page=ID&transport=NAME`.
//!
//! | file | content |
//! | --- | --- |
//! | `base.js` | the URL of the server |
//! | `page.js` | publishing, polling, the controls, the table |
//! | `transports.js` | a subscription to each transport, and its row on the page |
//! | `reader.js` | the cursor of one transport, and its counters: lost, duplicate, latency |
//! | `turns.js` | the schedule of the four transports that hold a connection |
//! | `shared.js` | the status of the connection that all tabs share |
//! | `connections.js` | the number of connections of the tab, and the queue of short requests |
//! | `chart.js` | the chart |
//! | `metrics.rs` | [`PageMetrics`]: requests and bytes of each transport, and the "cut" button |

mod metrics;

use std::sync::OnceLock;

use goldcrest_host::core::http::{Method, Response, Status};
use goldcrest_host::core::server::{Exchange, HandlerResult, Runtime};
use sha1_smol::Sha1;

pub(crate) use metrics::PageMetrics;

/// A file of the page.
#[derive(Debug)]
pub(crate) struct PageFile {
    /// Where it is served: an absolute path, without a query.
    pub(crate) path: &'static str,
    /// Its `Content-Type`.
    pub(crate) content_type: &'static str,
    /// All of its bytes; at most 32 KiB.
    pub(crate) body: &'static [u8],
    entity_tag: OnceLock<String>,
}

impl PageFile {
    pub(crate) const fn new(path: &'static str, content_type: &'static str, body: &'static [u8]) -> Self {
        Self { path, content_type, body, entity_tag: OnceLock::new() }
    }

    /// Its `ETag`, a strong one: of all of its bytes (RFC 9110 §8.8.1).
    pub(crate) fn entity_tag(&self) -> &str {
        self.entity_tag.get_or_init(|| format!("\"{}\"", Sha1::from(self.body).digest()))
    }
}

/// The file that is served at `path` (without a query), if there is one.
#[must_use]
pub(crate) fn file(path: &str) -> Option<&'static PageFile> {
    FILES.iter().find(|file| file.path == path)
}

/// All files of the page.
static FILES: [PageFile; 11] = [
    PageFile::new("/", HTML, include_bytes!("index.html")),
    PageFile::new("/page/page.css", CSS, include_bytes!("page.css")),
    PageFile::new("/page/icon.svg", SVG, include_bytes!("icon.svg")),
    PageFile::new("/page/page.js", SCRIPT, include_bytes!("page.js")),
    PageFile::new("/page/base.js", SCRIPT, include_bytes!("base.js")),
    PageFile::new("/page/chart.js", SCRIPT, include_bytes!("chart.js")),
    PageFile::new("/page/connections.js", SCRIPT, include_bytes!("connections.js")),
    PageFile::new("/page/reader.js", SCRIPT, include_bytes!("reader.js")),
    PageFile::new("/page/shared.js", SCRIPT, include_bytes!("shared.js")),
    PageFile::new("/page/transports.js", SCRIPT, include_bytes!("transports.js")),
    PageFile::new("/page/turns.js", SCRIPT, include_bytes!("turns.js")),
];

/// Whether the request only reads.
pub(crate) fn is_read<R: Runtime>(exchange: &Exchange<'_, '_, R>) -> bool {
    matches!(exchange.request().method(), Method::Get | Method::Head)
}

/// Answers with a file of a page.
pub(crate) async fn send<R: Runtime>(exchange: Exchange<'_, '_, R>, file: &PageFile) -> HandlerResult {
    if !is_read(&exchange) {
        return exchange.method_not_allowed("GET, HEAD, OPTIONS").await;
    }
    // The browser revalidates the file each time; a changed one is sent (RFC 9111 §5.2.2.4).
    let tag = file.entity_tag();
    if exchange.request().matches_etag(tag) {
        let unchanged = Response {
            status: Status::NOT_MODIFIED,
            content_type: None,
            headers: &[("Cache-Control", "no-cache"), ("ETag", tag)],
            body: b"",
        };
        return exchange.respond(&unchanged).await;
    }
    let response = Response {
        status: Status::OK,
        content_type: Some(file.content_type),
        headers: &[
            ("Cache-Control", "no-cache"),
            ("ETag", tag),
            ("Content-Security-Policy", "default-src 'self'; frame-ancestors 'self'"),
            ("Referrer-Policy", "no-referrer"),
        ],
        body: file.body,
    };
    exchange.respond(&response).await
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SVG: &str = "image/svg+xml";
const SCRIPT: &str = "text/javascript; charset=utf-8";

#[cfg(test)]
mod tests {
    use super::*;
    use goldcrest_core::assets;

    fn text(path: &str) -> &'static str {
        std::str::from_utf8(file(path).unwrap().body).unwrap()
    }

    /// The text between each occurrence of `before` and the next quote.
    fn quoted<'t>(text: &'t str, before: &'t str) -> impl Iterator<Item = &'t str> {
        text.split(before).skip(1).filter_map(|rest| rest.split(['"', '\'']).next())
    }

    #[test]
    fn every_file_that_the_page_names_is_served() {
        let html = text("/");
        let named: Vec<_> = quoted(html, "href=\"").chain(quoted(html, "src=\"")).collect();
        assert!(named.len() >= 3, "{named:?}");
        for path in named {
            // Relative, so that the page works below a path of a proxy's.
            assert!(!path.starts_with('/') && file(&format!("/{path}")).is_some(), "{path}");
        }
        for script in FILES.iter().filter(|file| file.content_type == SCRIPT) {
            for module in quoted(text(script.path), "from './") {
                assert!(file(&format!("/page/{module}")).is_some(), "{module} in {}", script.path);
            }
            for module in quoted(text(script.path), "from '../") {
                assert!(assets::file(&format!("/{module}")).is_some(), "{module} in {}", script.path);
            }
            assert!(!["'/", "\"/", "`/"].iter().any(|root| text(script.path).contains(root)), "{}", script.path);
        }
    }

    #[test]
    fn the_page_works_under_default_src_self() {
        let html = text("/");
        for inline in ["<style", " style=", " onclick=", " onload=", "javascript:", "data:"] {
            assert!(!html.contains(inline), "{inline}");
        }
        assert!(html.split("<script").skip(1).all(|script| script.starts_with(" type=\"module\" src=\"page/")));
        for script in FILES.iter().filter(|file| file.content_type == SCRIPT) {
            let script = text(script.path);
            assert!(!["eval(", "new Function", "innerHTML", "://"].iter().any(|word| script.contains(word)));
        }
        assert!(!["url(", "@import"].iter().any(|word| text("/page/page.css").contains(word)));
    }

    #[test]
    fn every_file_is_small() {
        for file in &FILES {
            assert!(file.body.len() <= 32 * 1024, "{}: {} bytes", file.path, file.body.len());
        }
        assert!(FILES.iter().map(|file| file.body.len()).sum::<usize>() <= 64 * 1024);
    }
}

//! `/`, `/goldcrest.js` and `/goldcrest-shared.js`: the page and its modules, compressed and embedded.

use goldcrest_core::assets::{GOLDCREST, GOLDCREST_SHARED, StaticFile};
use goldcrest_core::http::{Method, Response, Status};
use goldcrest_core::server::{Exchange, HandlerResult, Runtime};

static PAGE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/page.html.gz"));

/// The modules for browsers with gzip only: the uncompressed ones would need twice the flash.
static MODULES: [StaticFile; 2] = [GOLDCREST.with_plain(ASK), GOLDCREST_SHARED.with_plain(ASK)];
const ASK: &[u8] = b"// Ask with Accept-Encoding: gzip.\n";

const DOORS: &str = "\
The page is for browsers (Accept-Encoding: gzip). Without one:
  curl HOST/events/sensors
  curl -NH 'Accept: text/event-stream' HOST/events/sensors
  curl -NH 'Accept: application/x-ndjson' HOST/events/sensors
  curl -d hello HOST/events/chat
  curl HOST/memory
WebSockets: /events/sensors, /events/chat, /led (on, off, toggle), /echo
";

/// The module that is served at `path`, if there is one.
pub(crate) fn module(path: &str) -> Option<&'static StaticFile> {
    MODULES.iter().find(|module| module.path == path)
}

pub(crate) async fn answer<R: Runtime>(exchange: Exchange<'_, '_, R>) -> HandlerResult {
    if !matches!(exchange.request().method(), Method::Get | Method::Head) {
        return exchange.method_not_allowed("GET, HEAD, OPTIONS").await;
    }
    // Enough for browsers; a weight of 0 (RFC 9110 §12.5.3) is not evaluated.
    let packed = exchange.request().header_has_token("accept-encoding", "gzip");
    let response = if packed {
        Response {
            status: Status::OK,
            content_type: Some("text/html;charset=UTF-8"),
            headers: &[
                ("Content-Encoding", "gzip"),
                ("Vary", "Accept-Encoding"),
                ("Cache-Control", "no-cache"),
                ("Content-Security-Policy", "frame-ancestors 'self'"),
            ],
            body: PAGE,
        }
    } else {
        Response {
            headers: &[("Vary", "Accept-Encoding"), ("Cache-Control", "no-cache")],
            ..Response::text(Status::OK, DOORS)
        }
    };
    exchange.respond(&response).await
}

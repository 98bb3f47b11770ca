//! `/` and `/goldcrest.js`: the page and the module that it uses, packed and compiled in.

use goldcrest_core::http::{Method, Response, Status};
use goldcrest_core::script::{GOLDCREST, Script};
use goldcrest_core::serve::{Exchange, Outcome, Runtime};

static PAGE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/page.html.gz"));

/// The module for browsers, in its packed form alone: the other one would take twice as much flash.
pub(crate) static MODULE: Script = Script { plain: b"// Ask with Accept-Encoding: gzip.\n", ..GOLDCREST };

const DOORS: &str = "\
This is a chip. Its page is for browsers (ask with Accept-Encoding: gzip); everything else goes by hand:
  curl -N -H 'Accept: text/event-stream' HOST/events/sensors
  curl -N -H 'Accept: application/x-ndjson' HOST/events/sensors
  curl HOST/events/sensors
  curl -d hello HOST/events/chat
  curl HOST/memory
WebSockets: /events/sensors, /events/chat, /led (on, off, toggle), /echo
";

pub(crate) async fn answer<R: Runtime>(exchange: Exchange<'_, '_, R>) -> Outcome {
    if !matches!(exchange.request().method(), Method::Get | Method::Head) {
        return exchange.allow("GET, HEAD, OPTIONS").await;
    }
    // Browsers say it so; who excludes it by a weight of 0 would not name it.
    let packed = exchange.request().list_has("accept-encoding", "gzip");
    let response = if packed {
        Response {
            status: Status::OK,
            content_type: Some("text/html;charset=UTF-8"),
            headers: &[("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding"), ("Cache-Control", "no-cache")],
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

//! `/memory`: the chip's RAM as JSON.

use core::fmt::Write;

use goldcrest_core::http::{Method, Response, Status};
use goldcrest_core::serve::{Exchange, Outcome, Runtime};
use heapless::String;

use crate::Board;

pub(crate) async fn answer<R: Runtime>(exchange: Exchange<'_, '_, R>, board: &Board) -> Outcome {
    if !matches!(exchange.request().method(), Method::Get | Method::Head) {
        return exchange.allow("GET, HEAD, OPTIONS").await;
    }
    let figures = (board.memory)();
    let mut text = String::<96>::new();
    let _ = writeln!(
        text, // holds the longest figures of a 32-bit chip
        "{{\"statics\":{},\"stack\":{},\"stack_used\":{}}}",
        figures.statics,
        figures.stack,
        figures.stack_used,
    );
    let headers = &[("Cache-Control", "no-store")];
    let content_type = Some("application/json");
    exchange.respond(&Response { status: Status::OK, content_type, headers, body: text.as_bytes() }).await
}

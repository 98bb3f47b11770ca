//! `/memory`: the chip's RAM as JSON.

use goldcrest_core::http::{Method, Response, Status};
use goldcrest_core::output::{Pour, Sink};
use goldcrest_core::server::{Exchange, Outcome, Runtime};

use crate::Board;

pub(crate) async fn answer<R: Runtime>(exchange: Exchange<'_, '_, R>, board: &Board) -> Outcome {
    if !matches!(exchange.request().method(), Method::Get | Method::Head) {
        return exchange.allow("GET, HEAD, OPTIONS").await;
    }
    let mut text = [0; 96]; // holds the longest figures of a 32-bit chip
    let mut out = Sink::new(&mut text, 0);
    out.pour(b"{");
    figures(board, &mut out);
    out.pour(b"\n");
    let written = out.written();
    let body = text.get(..written).unwrap_or_default();
    let headers = &[("Cache-Control", "no-store")];
    let content_type = Some("application/json");
    exchange.respond(&Response { status: Status::OK, content_type, headers, body }).await
}

/// Writes `"statics":40000,"stack":8192,"stack_used":2100}`: bytes, and the end of the object that they are in.
pub(crate) fn figures(board: &Board, out: &mut Sink<'_>) {
    let figures = (board.memory)();
    out.pour(b"\"statics\":");
    out.pour_decimal(figures.statics as u64);
    out.pour(b",\"stack\":");
    out.pour_decimal(figures.stack as u64);
    out.pour(b",\"stack_used\":");
    out.pour_decimal(figures.stack_used as u64);
    out.pour(b"}");
}

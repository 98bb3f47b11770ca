//! `/memory`: the chip's RAM as JSON.

use goldcrest_core::http::{Method, Response, Status};
use goldcrest_core::output::{Output, ResumableWriter};
use goldcrest_core::server::{Exchange, HandlerResult, Runtime};

use crate::Board;

pub(crate) async fn answer<R: Runtime>(exchange: Exchange<'_, '_, R>, board: &Board) -> HandlerResult {
    if !matches!(exchange.request().method(), Method::Get | Method::Head) {
        return exchange.method_not_allowed("GET, HEAD, OPTIONS").await;
    }
    let mut text = [0; 96]; // holds the longest figures of a 32-bit chip
    let mut out = ResumableWriter::new(&mut text, 0);
    out.put(b"{");
    figures(board, &mut out);
    out.put(b"\n");
    let written = out.written();
    let body = text.get(..written).unwrap_or_default();
    let headers = &[("Cache-Control", "no-store")];
    let content_type = Some("application/json");
    exchange.respond(&Response { status: Status::OK, content_type, headers, body }).await
}

/// Writes `"statics":40000,"stack":8192,"stack_used":2100}`: bytes, and the end of the object that they are in.
pub(crate) fn figures(board: &Board, out: &mut ResumableWriter<'_>) {
    let figures = (board.memory)();
    out.put(b"\"statics\":");
    out.put_decimal(figures.statics as u64);
    out.put(b",\"stack\":");
    out.put_decimal(figures.stack as u64);
    out.put(b",\"stack_used\":");
    out.put_decimal(figures.stack_used as u64);
    out.put(b"}");
}

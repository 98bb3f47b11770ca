//! `/echo`: a WebSocket echo, and a POST that returns its content.

use goldcrest_core::http::{Method, Response, Status};
use goldcrest_core::server::{AcceptOptions, BufferKind, Exchange, HandlerResult, Runtime};

const PROTOCOLS: &[&str] = &["chat", "superchat"];

pub(crate) async fn answer<R: Runtime>(exchange: Exchange<'_, '_, R>) -> HandlerResult {
    if exchange.request().method() == Method::Post { upload(exchange).await } else { socket(exchange).await }
}

async fn upload<R: Runtime>(mut exchange: Exchange<'_, '_, R>) -> HandlerResult {
    let Some(mut buffer) = exchange.runtime().buffer(BufferKind::Event) else {
        return busy(exchange).await;
    };
    let length = match exchange.read_whole(buffer.as_mut()).await {
        Ok(length) => length,
        Err(error) => return exchange.respond_body_error(error).await,
    };
    let body = buffer.as_ref().get(..length).unwrap_or_default();
    let content_type = Some("application/octet-stream");
    exchange.respond(&Response { status: Status::OK, content_type, headers: &[], body }).await
}

/// Messages of any length are echoed in chunks of this size. The buffer is in the connection's task, so that open echoes do not use
/// the shared buffers.
const CHUNK: usize = 256;

async fn socket<R: Runtime>(exchange: Exchange<'_, '_, R>) -> HandlerResult {
    let mut socket = exchange.websocket(&AcceptOptions { protocols: PROTOCOLS, ..Default::default() }).await?;
    let mut buffer = [0; CHUNK];
    while let Some(part) = socket.read(&mut buffer).await? {
        let payload = buffer.get(..part.len).unwrap_or_default();
        if part.first && part.last {
            socket.send(part.kind, payload).await?;
            continue;
        }
        if part.first {
            socket.start_message(part.kind)?;
        }
        socket.write(payload).await?;
        if part.last {
            socket.end_message().await?;
        }
    }
    socket.close().await
}

async fn busy<R: Runtime>(exchange: Exchange<'_, '_, R>) -> HandlerResult {
    let response = Response {
        headers: &[("Retry-After", "5")],
        ..Response::text(Status::SERVICE_UNAVAILABLE, "all buffers are in use, come back later\n")
    };
    exchange.respond(&response).await
}

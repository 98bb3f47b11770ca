//! Handlers of a user's own, one for each way to answer.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;
use std::vec;
use std::vec::Vec;

use crate::http::{Response, Status};
use crate::server::{AcceptOptions, Exchange, Handler, HandlerResult, Runtime};
use crate::sse::encode::EventBlock;
use crate::ws::connection::MessageKind;

/// Polls `future` once and drops it: its output, if it was ready.
async fn once<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// Waits until the task is woken, for any reason.
async fn woken() {
    let mut first = true;
    poll_fn(|_| if core::mem::take(&mut first) { Poll::Pending } else { Poll::Ready(()) }).await;
}

/// Makes the future anew for every poll, until one is ready at once.
macro_rules! dropping {
    ($future:expr) => {
        loop {
            if let Some(output) = once($future).await {
                break output;
            }
            woken().await;
        }
    };
}

/// The content of `/stream`.
pub(super) fn streamed() -> Vec<u8> {
    (0..60u8).flat_map(|number| vec![b'a' + number % 26; usize::from(number)]).collect()
}

pub(super) const LINES: &[u8] = b"two\nlines of a hand-written event";

/// | path | answer |
/// | --- | --- |
/// | `/hello` | text |
/// | `/back` | the content, or the error of reading it |
/// | `/dropping/back` | the same, read by futures that are dropped at every poll |
/// | `/unread` | text; the content is not read |
/// | `/stream`, `/sse` | a hand-written stream |
/// | `/echo` | a WebSocket that echoes messages |
/// | `/dropping/echo` | the same, by futures that are dropped at every poll |
/// | `/unheard`, `/endless` | a WebSocket that closes at once; one that never stops |
/// | `/ready/echo` | the same, with a buffer only while a message is there |
/// | `/parts` | a WebSocket that echoes messages in chunks of 7 bytes |
pub(super) struct TestHandlers;

impl Handler for TestHandlers {
    async fn handle<R: Runtime>(&self, mut exchange: Exchange<'_, '_, R>) -> HandlerResult {
        match exchange.request().path() {
            "/hello" | "/unread" => exchange.respond(&Response::text(Status::OK, "hello\n")).await,
            "/back" => {
                let mut body = [0; 200];
                match exchange.read_whole(&mut body).await {
                    Ok(count) => {
                        let response = Response { body: &body[..count], ..Response::text(Status::OK, "") };
                        exchange.respond(&response).await
                    }
                    Err(error) => exchange.respond_body_error(error).await,
                }
            }
            "/dropping/back" => {
                let mut body = Vec::new();
                loop {
                    let mut piece = [0; 3];
                    match dropping!(exchange.read(&mut piece)) {
                        Ok(0) => {
                            break exchange.respond(&Response { body: &body, ..Response::text(Status::OK, "") }).await;
                        }
                        Ok(count) => body.extend_from_slice(&piece[..count]),
                        Err(error) => break exchange.respond_body_error(error).await,
                    }
                }
            }
            "/stream" => {
                let mut body = exchange.stream("text/plain").await?;
                for number in 0..60u8 {
                    body.write(&vec![b'a' + number % 26; usize::from(number)]).await?;
                }
                body.finish().await
            }
            "/sse" => {
                let mut events = exchange.sse().await?;
                for _ in 0..20 {
                    events.event(&EventBlock::new(LINES)).await?;
                }
                events.finish().await
            }
            "/echo" => {
                let options = AcceptOptions { protocols: &["chat"], ..Default::default() };
                let mut ws = exchange.websocket(&options).await?;
                let mut buffer = [0; 2000];
                while let Some(message) = ws.recv(&mut buffer).await? {
                    ws.send(message.kind, message.payload).await?;
                }
                ws.close().await
            }
            "/dropping/echo" => {
                let mut ws = exchange.websocket(&AcceptOptions::default()).await?;
                let mut buffer = [0; 2000];
                loop {
                    let message = dropping!(async {
                        ws.recv(&mut buffer).await.map(|message| message.map(|it| (it.kind, it.payload.len())))
                    });
                    let Some((kind, length)) = message? else { break };
                    dropping!(ws.send(kind, &buffer[..length]))?;
                }
                ws.close().await
            }
            "/ready/echo" => {
                let mut ws = exchange.websocket(&AcceptOptions::default()).await?;
                while dropping!(ws.ready())? {
                    let mut buffer = vec![0; 2000];
                    let Some(message) = ws.recv(&mut buffer).await? else { break };
                    ws.send(message.kind, message.payload).await?;
                }
                ws.close().await
            }
            "/parts" => {
                let mut ws = exchange.websocket(&AcceptOptions::default()).await?;
                let mut buffer = [0; 7];
                while let Some(part) = dropping!(ws.read(&mut buffer))? {
                    if part.first {
                        ws.start_message(part.kind)?;
                    }
                    ws.write(&buffer[..part.len]).await?;
                    if part.last {
                        dropping!(ws.end_message())?;
                    }
                }
                ws.close().await
            }
            "/unheard" => {
                let mut ws = exchange.websocket(&AcceptOptions::default()).await?;
                ws.close().await
            }
            "/endless" => {
                let mut ws = exchange.websocket(&AcceptOptions::default()).await?;
                loop {
                    ws.send(MessageKind::Text, b"there is no end to it").await?;
                }
            }
            "/secret" => exchange.unauthorized("Bearer").await,
            _ => exchange.not_found().await,
        }
    }
}

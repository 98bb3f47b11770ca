//! An unfinished response never looks complete to the client.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;
use std::format;
use std::vec::Vec;

use super::client::{Client, Content, ReaderItem, Sse, get};
use crate::http::{Response, Status};
use crate::hub_http::HubHandler;
use crate::server::{Disconnect, Exchange, Handler, HandlerResult, Runtime, ServerConfig, serve};
use crate::sse::encode::EventBlock;
use crate::testing::{Simulation, leak};

/// Polls `future` once and drops it; it is not ready yet.
async fn drop_midway<F: Future>(future: F) {
    let mut future = pin!(future);
    poll_fn(|cx| {
        assert!(future.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
}

struct Careless;

impl Handler for Careless {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        let path = std::string::String::from(exchange.request().path());
        match path.as_str() {
            "/stream" => {
                let mut body = exchange.stream("text/plain").await?;
                body.write(b"the beginning").await?;
            }
            "/write" => {
                let mut body = exchange.stream("text/plain").await?;
                drop_midway(body.write(&[b'x'; 2000])).await;
                assert_eq!(body.write(b"more").await, Err(Disconnect::Broken));
                return body.finish().await;
            }
            "/event" => {
                let mut events = exchange.sse().await?;
                events.event(&EventBlock::new(b"whole")).await?;
                drop_midway(events.event(&EventBlock::new(&[b'x'; 2000]))).await;
                events.event(&EventBlock::new(b"another")).await?;
            }
            "/respond" => {
                let body = [b'x'; 2000];
                let response = Response { body: &body, ..Response::text(Status::OK, "") };
                drop_midway(exchange.respond(&response)).await;
            }
            _ => {}
        }
        Err(Disconnect::Closed)
    }
}

fn ask(request: &str) -> Client {
    let sim = Simulation::new();
    let mut client = sim.connect(leak(ServerConfig::default()), &Careless);
    client.send(request.as_bytes());
    client.read();
    client
}

#[test]
fn an_unfinished_stream_aborts_the_connection() {
    for path in ["/stream", "/write", "/event", "/respond"] {
        for request in [get(path, ""), format!("GET {path} HTTP/1.0\r\n\r\n")] {
            let mut client = ask(&request);
            assert!(client.reset && !client.eof, "{request}");
            let Some(head) = client.head() else { continue };
            let mut content = Content::of(&head);
            let seen = content.decode(&mut client.came);
            assert!(!content.done, "{request}");
            if path == "/event" {
                let events: Vec<ReaderItem> = Sse::default().read(&seen);
                assert!(events.len() <= 1, "{events:?}");
            }
        }
    }
}

#[test]
fn an_unanswered_request_closes_the_connection() {
    let client = ask(&get("/nothing", ""));
    assert!(client.eof && client.came.is_empty());
}

/// RAM of a chip for each client, beside the socket's rings.
#[test]
fn a_hub_connection_future_is_below_2_kib() {
    let sim = Simulation::new();
    let (mut device, _browser) = leak(crate::io::Pipe::<512>::new()).ends();
    let hub = crate::testing::hub(4, 512);
    let (config, events) = (ServerConfig::default(), HubHandler::new(&hub));
    let size = size_of_val(&serve(&mut device, &sim.runtime, &config, &events));
    assert!(size <= 2048, "{size} bytes");
}

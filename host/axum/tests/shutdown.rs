//! A graceful shutdown with live streams.

mod support;

use std::time::Duration;

use axum::Router;
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use futures_util::stream;
use goldcrest_host::EventType;
use support::{Lines, PATIENCE, Socket, connect_http1, request, routes, start, text};
use tokio::sync::oneshot;
use tokio::time::timeout;

#[tokio::test]
async fn live_streams_end_in_order_and_lose_no_event() {
    let routes = routes();
    let (stop, stopped) = oneshot::channel::<()>();
    let (address, server) = start(routes.router(), routes.shut_down_on(stopped)).await;
    let get = |path: &str| request(address, "GET", path, &[("host", "localhost")], "");
    let mut sse = Lines::new(connect_http1(address).await.send_request(get("/events/a?transport=sse")).await.unwrap());
    sse.until("retry: 3000\n").await;
    let ndjson =
        Lines::new(connect_http1(address).await.send_request(get("/events/a?transport=stream")).await.unwrap());
    let mut socket = Socket::open(address, "/events/a", &[]).await;
    let waiting = tokio::spawn(connect_http1(address).await.send_request(get("/events/b?wait=60")));
    while routes.live_responses() < 4 {
        tokio::task::yield_now().await;
    }

    routes.hub().publish("a", EventType::MESSAGE, "last").unwrap();
    stop.send(()).unwrap();

    let rest = timeout(PATIENCE, sse.rest()).await.unwrap();
    assert!(rest.contains("data: last\n\n") && rest.contains("retry: "), "{rest}");
    assert!(timeout(PATIENCE, ndjson.rest()).await.unwrap().contains("\"data\":\"last\""));
    assert_eq!(timeout(PATIENCE, socket.next()).await.unwrap(), "last");
    assert_eq!(timeout(PATIENCE, socket.next()).await.unwrap(), "close 1012 ");
    drop(socket);
    let (status, events) = text(timeout(PATIENCE, waiting).await.unwrap().unwrap().unwrap()).await;
    assert!(status.is_success() && events.starts_with("{\"events\":[]"), "{events}");
    timeout(PATIENCE, server).await.unwrap().unwrap();
    timeout(PATIENCE, routes.finished()).await.unwrap();
    assert!(routes.hub().publish("a", EventType::MESSAGE, "late").is_err());
}

/// The behaviour that the shutdown of the routes prevents.
#[tokio::test]
async fn axum_alone_waits_for_the_clients_of_its_streams() {
    async fn silent() -> Sse<impl stream::Stream<Item = Result<Event, std::convert::Infallible>>> {
        let first = stream::iter([Ok(Event::default().data("first"))]);
        Sse::new(stream::StreamExt::chain(first, stream::pending()))
    }

    let (stop, stopped) = oneshot::channel::<()>();
    let app = Router::new().route("/sse", get(silent));
    let (address, server) = start(app, async { drop(stopped.await) }).await;
    let get = request(address, "GET", "/sse", &[("host", "localhost")], "");
    let mut sse = Lines::new(connect_http1(address).await.send_request(get).await.unwrap());
    sse.until("first").await;
    stop.send(()).unwrap();
    let mut server = server;
    assert!(timeout(Duration::from_millis(500), &mut server).await.is_err(), "the stream is still open");
    drop(sse);
    timeout(PATIENCE, server).await.unwrap().unwrap();
}

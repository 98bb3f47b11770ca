//! All transports over HTTP/2, by hyper's client and tungstenite.

mod support;

use axum::http::StatusCode;
use std::future::pending;
use support::{Lines, Socket, connect_http2, request, routes, start, text};

#[tokio::test]
async fn polls_publications_and_conditional_requests_are_those_of_http1() {
    let routes = routes();
    let (address, _server) = start(routes.router(), pending()).await;
    let mut client = connect_http2(address).await;

    let response = client.send_request(request(address, "POST", "/events/a", &[], "one")).await.unwrap();
    let (status, published) = text(response).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let id = published.split('"').nth(3).unwrap().to_owned();

    let response = client.send_request(request(address, "GET", "/events/a?after=oldest", &[], "")).await.unwrap();
    assert_eq!(response.headers()["etag"], format!("\"{id}\"").as_str());
    let events =
        format!("{{\"events\":[{{\"id\":\"{id}\",\"type\":\"message\",\"data\":\"one\"}}],\"after\":\"{id}\"}}");
    assert_eq!(text(response).await, (StatusCode::OK, events));

    let etag = format!("\"{id}\"");
    let unchanged = request(address, "GET", "/events/a", &[("if-none-match", &etag)], "");
    let response = client.send_request(unchanged).await.unwrap();
    assert_eq!(text(response).await, (StatusCode::NOT_MODIFIED, String::new()));

    let long = request(address, "GET", &format!("/events/a?after={id}&wait=20"), &[], "");
    let waiting = tokio::spawn(client.send_request(long));
    while routes.live_responses() == 0 {
        tokio::task::yield_now().await;
    }
    routes.hub().publish("a", goldcrest_host::EventType::MESSAGE, "two").unwrap();
    let (status, events) = text(waiting.await.unwrap().unwrap()).await;
    assert!(status == StatusCode::OK && events.contains("\"data\":\"two\""), "{events}");

    // The same key again stores nothing.
    for _ in 0..2 {
        let keyed = request(address, "POST", "/events/a", &[("idempotency-key", "k")], "three");
        assert_eq!(client.send_request(keyed).await.unwrap().status(), StatusCode::ACCEPTED);
    }
    assert_eq!(routes.hub().reader("a").unwrap().position().seq, 3);
}

#[tokio::test]
async fn streams_resume_report_gaps_and_share_a_connection() {
    let routes = routes();
    let (address, _server) = start(routes.router(), pending()).await;
    let mut client = connect_http2(address).await;
    let first = routes.hub().publish("a", goldcrest_host::EventType::MESSAGE, "one").unwrap();
    routes.hub().publish("a", goldcrest_host::EventType::new("order").unwrap(), "two").unwrap();

    let fields = [("accept", "text/event-stream"), ("last-event-id", &first.to_string())];
    let response = client.send_request(request(address, "GET", "/events/a", &fields, "")).await.unwrap();
    assert!(!response.headers().contains_key("connection"), "RFC 9113 §8.2.2");
    let mut sse = Lines::new(response);
    assert!(sse.until("data: two\n\n").await.contains("event: order\n"));

    let fields = [("accept", "application/x-ndjson")];
    let response = client.send_request(request(address, "GET", "/events/a?after=0000-7", &fields, "")).await.unwrap();
    let mut lines = Lines::new(response);
    assert!(lines.until("\"data\":\"two\"}\n").await.contains("\"gap\""));

    routes.hub().publish("a", goldcrest_host::EventType::MESSAGE, "three").unwrap();
    sse.until("data: three\n\n").await;
    lines.until("\"data\":\"three\"}\n").await;
}

#[tokio::test]
async fn a_websocket_over_extended_connect_reads_and_publishes() {
    let routes = routes();
    let (address, _server) = start(routes.router(), pending()).await;
    let mut http1 = Socket::open(address, "/events/a", &[]).await;
    let mut http2 = Socket::open_http2(address, "/events/a", &[]).await;
    http2.send("over http2").await;
    assert_eq!((http1.next().await.as_str(), http2.next().await.as_str()), ("over http2", "over http2"));
    http1.send("over http1").await;
    assert_eq!((http1.next().await.as_str(), http2.next().await.as_str()), ("over http1", "over http1"));

    // Larger than all buffers on the way.
    let large = "x".repeat(60_000);
    http2.send(&large).await;
    assert_eq!(http1.next().await, large);
    assert_eq!(http2.next().await, large);
}

#[tokio::test]
async fn a_reader_that_leaves_is_no_follower_any_more() {
    let routes = routes();
    let (address, _server) = start(routes.router(), pending()).await;
    let mut client = connect_http2(address).await;
    let response = client.send_request(request(address, "GET", "/events/a?transport=sse", &[], "")).await.unwrap();
    let mut sse = Lines::new(response);
    sse.until("retry: 3000\n").await;
    assert_eq!(routes.live_responses(), 1);
    drop(sse);
    while routes.live_responses() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(routes.hub().channels(), 0);
}

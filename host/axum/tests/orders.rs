//! The examples `orders` and `orders_by_hand` by the same checks: the table in the README compares programs that do the same.

mod support;

#[path = "../examples/orders.rs"]
#[allow(dead_code, unreachable_pub, reason = "its main is not called")]
mod orders;
#[path = "../examples/orders_by_hand.rs"]
#[allow(dead_code, unreachable_pub, reason = "its main is not called")]
mod orders_by_hand;

use std::net::SocketAddr;

use axum::http::StatusCode;
use support::{Lines, PATIENCE, Socket, connect_http1, request, text};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::timeout;

const COOKIE: (&str, &str) = ("cookie", "session=ada");
const TOKEN: (&str, &str) = ("authorization", "Bearer shop");

async fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    fields: &[(&str, &str)],
    content: &str,
) -> (StatusCode, String) {
    let length = content.len().to_string();
    let fields =
        [fields, &[("host", "localhost"), ("content-length", &length), ("content-type", "application/json")]].concat();
    text(connect_http1(address).await.send_request(request(address, method, path, &fields, content)).await.unwrap())
        .await
}

async fn follow(address: SocketAddr, accept: &str, fields: &[(&str, &str)]) -> Lines {
    let fields = [fields, &[COOKIE, ("host", "localhost"), ("accept", accept)]].concat();
    Lines::new(
        connect_http1(address)
            .await
            .send_request(request(address, "GET", "/events/orders", &fields, ""))
            .await
            .unwrap(),
    )
}

async fn order(address: SocketAddr, item: &str) {
    let order = format!("{{\"item\":\"{item}\",\"count\":1}}");
    assert_eq!(send(address, "POST", "/orders", &[TOKEN], &order).await.0, StatusCode::CREATED);
}

async fn check<E>(
    run: impl Future<Output = Result<(), E>> + Send + 'static,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
) where
    E: std::fmt::Debug + Send + 'static,
{
    let server = tokio::spawn(run);
    // Rights.
    assert_eq!(
        send(address, "POST", "/orders", &[COOKIE], "{\"item\":\"tea\",\"count\":1}").await.0,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(send(address, "GET", "/events/orders", &[], "").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(send(address, "POST", "/events/orders", &[COOKIE], "forged").await.0, StatusCode::FORBIDDEN);

    // The five transports.
    let mut sse = follow(address, "text/event-stream", &[]).await;
    sse.until("retry: 3000\n").await;
    let mut ndjson = follow(address, "application/x-ndjson", &[]).await;
    let mut socket = Socket::open(address, "/events/orders", &[COOKIE]).await;
    let mut forger = Socket::open(address, "/events/orders", &[COOKIE]).await;
    let waiting = tokio::spawn(async move { send(address, "GET", "/events/orders?wait=20", &[COOKIE], "").await });
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    order(address, "tea").await;
    let block = sse.until("tea").await;
    ndjson.until("tea").await;
    assert!(socket.next().await.contains("tea") && forger.next().await.contains("tea"));
    assert!(waiting.await.unwrap().1.contains("tea"));
    let (_, polled) = send(address, "GET", "/events/orders?after=oldest", &[COOKIE], "").await;
    assert!(polled.contains("tea"));
    assert!(send(address, "GET", "/orders", &[], "").await.1.contains("tea"));

    // Resumption: by the id of the stream on any transport.
    let id = block.rsplit("id: ").next().unwrap().split('\n').next().unwrap().to_owned();
    order(address, "coffee").await;
    let (_, polled) = send(address, "GET", &format!("/events/orders?after={id}"), &[COOKIE], "").await;
    assert!(polled.contains("coffee") && !polled.contains("tea"), "{polled}");
    let resumed = follow(address, "text/event-stream", &[("last-event-id", &id)]).await.until("coffee").await;
    assert!(!resumed.contains("tea"), "{resumed}");
    let unchanged = ("if-none-match", polled.split("\"after\":\"").last().unwrap().split('"').next().unwrap());
    let etag = format!("\"{}\"", unchanged.1);
    let status = send(address, "GET", "/events/orders", &[COOKIE, ("if-none-match", &etag)], "").await.0;
    assert_eq!(status, StatusCode::NOT_MODIFIED);

    // A gap: the history has four orders.
    for item in ["1", "2", "3", "4", "5"] {
        order(address, item).await;
    }
    let late = follow(address, "text/event-stream", &[("last-event-id", &id)]).await.until("\"item\":\"5\"").await;
    assert!(late.contains("event: gap\n"), "{late}");

    // A forged order over a WebSocket.
    forger.send("forged").await;
    while !{
        let next = forger.next().await;
        assert!(!next.contains("forged"), "{next}");
        next.starts_with("close 1008")
    } {}
    drop(forger);

    // The shutdown ends the streams in order.
    stop.send(()).unwrap();
    assert!(timeout(PATIENCE, sse.rest()).await.unwrap().contains("\"item\":\"5\""));
    timeout(PATIENCE, ndjson.rest()).await.unwrap();
    while !socket.next().await.starts_with("close 1012") {}
    drop(socket);
    timeout(PATIENCE, server).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn the_program_with_event_routes_passes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    check(orders::run(listener, 4, async { drop(stopped.await) }), address, stop).await;
}

#[tokio::test]
async fn the_program_by_hand_passes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    check(orders_by_hand::run(listener, 4, async { drop(stopped.await) }), address, stop).await;
}

//! Metrics after a scripted history of requests, and the deletion of channels, over real sockets.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use goldcrest_host::{ChannelLimits, EventType, Hub, HubHandler, LocalHub, Metrics, RunningServer, Server};
use goldcrest_host::{Exchange, Handler, HandlerResult, Runtime};

struct App(LocalHub);

impl Handler for App {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        HubHandler::new(&self.0).handle(exchange).await
    }
}

fn start(limits: ChannelLimits) -> (RunningServer, Hub, Metrics) {
    let hub = Hub::new(limits).unwrap();
    let server = Server::new().threads(2).listen(SocketAddr::from(([127, 0, 0, 1], 0))).hub(hub.clone());
    let metrics = server.metrics();
    (server.without_signals().start(App).unwrap(), hub, metrics)
}

fn connect(server: &RunningServer, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.addresses()[0]).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// The whole response to a request that ends its connection.
fn ask(server: &RunningServer, line: &str, fields: &str, content: &str) -> String {
    let length = if content.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", content.len()) };
    let request = format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{length}{fields}\r\n{content}");
    let mut response = String::new();
    connect(server, &request).read_to_string(&mut response).unwrap();
    response
}

/// Reads until `text` has arrived.
fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut buffer).unwrap();
        seen.extend_from_slice(&buffer[..count]);
        let so_far = String::from_utf8_lossy(&seen).into_owned();
        if so_far.contains(text) {
            return so_far;
        }
        assert!(count > 0, "the end before {text:?}: {so_far}");
    }
}

/// The value of a series.
fn value(metrics: &Metrics, series: &str) -> f64 {
    let text = metrics.text();
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().unwrap())
}

/// Waits until a series has this value.
fn wait_for(metrics: &Metrics, series: &str, expected: f64) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while value(metrics, series) != expected {
        assert!(Instant::now() < deadline, "{series} is {}, not {expected}", value(metrics, series));
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn metrics_agree_with_a_history_of_requests() {
    let (server, hub, metrics) = start(ChannelLimits::default());
    let mut sse = connect(&server, "GET /events/a HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n");
    read_until(&mut sse, "retry:");
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    let mut socket = connect(&server, &format!("GET /events/a HTTP/1.1\r\nHost: localhost\r\n{upgrade}\r\n"));
    read_until(&mut socket, "\r\n\r\n");
    let stats = hub.channel("a").unwrap();
    let readers = |name| stats.readers.iter().find(|(of, _)| *of == name).unwrap().1;
    assert_eq!((stats.followers, readers("sse"), readers("websocket"), readers("longpoll")), (2, 1, 1, 0));

    for number in 1..=5 {
        let reply = ask(&server, "POST /events/a", &format!("Idempotency-Key: {number}\r\n"), "hello");
        assert!(reply.starts_with("HTTP/1.1 201"), "{reply}");
    }
    assert!(ask(&server, "POST /events/a", "Idempotency-Key: 5\r\n", "hello").contains("\"repeated\":true"));
    assert!(ask(&server, "POST /events/a", "Idempotency-Key: 5\r\n", "other").starts_with("HTTP/1.1 422"));
    hub.publish("a", EventType::MESSAGE, "by the program").unwrap();
    read_until(&mut sse, "by the program");
    read_until(&mut socket, "by the program");
    let poll = ask(&server, "GET /events/a?after=oldest", "", "");
    assert_eq!(poll.matches("\"hello\"").count(), 5, "{poll}");
    let id = poll.split("\"after\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    assert!(ask(&server, &format!("GET /events/a?after={id}"), "", "").contains("\"events\":[]"));
    assert!(ask(&server, "GET /events/a?after=00000000-1", "", "").contains("\"gap\":{}"), "an unknown epoch");
    assert!(ask(&server, "GET /nothing", "", "").starts_with("HTTP/1.1 404"));
    assert!(ask(&server, "GET /events/a", "Origin: https://b.example\r\n", "").starts_with("HTTP/1.1 403"));
    assert!(connect(&server, "nonsense\r\n\r\n").read_to_string(&mut String::new()).is_ok());

    drop(sse);
    wait_for(&metrics, "goldcrest_readers{transport=\"sse\"}", 0.0);
    // 5 + 2 publications, 3 polls, 3 rejected requests, 2 readers.
    wait_for(&metrics, "goldcrest_connections", 1.0);
    for (series, expected) in [
        ("goldcrest_connections_opened_total", 15.0),
        ("goldcrest_requests_total{method=\"POST\",status=\"201\"}", 6.0),
        ("goldcrest_requests_total{method=\"POST\",status=\"422\"}", 1.0),
        ("goldcrest_requests_total{method=\"GET\",status=\"200\"}", 4.0),
        ("goldcrest_requests_total{method=\"GET\",status=\"101\"}", 1.0),
        ("goldcrest_requests_total{method=\"GET\",status=\"403\"}", 1.0),
        ("goldcrest_requests_total{method=\"GET\",status=\"404\"}", 1.0),
        ("goldcrest_requests_total{method=\"none\",status=\"400\"}", 1.0),
        // The requests above without the two readers, and without bytes that are no request.
        ("goldcrest_request_duration_seconds_count", 12.0),
        ("goldcrest_events_published_total", 6.0),
        ("goldcrest_events_published_bytes_total", 5.0 * 5.0 + 14.0),
        ("goldcrest_events_duplicate_total", 1.0),
        ("goldcrest_events_refused_total{reason=\"key_reused\"}", 1.0),
        ("goldcrest_events_delivered_total{transport=\"sse\"}", 6.0),
        ("goldcrest_events_delivered_total{transport=\"websocket\"}", 6.0),
        ("goldcrest_events_delivered_total{transport=\"poll\"}", 12.0),
        ("goldcrest_readers{transport=\"websocket\"}", 1.0),
        ("goldcrest_readers_opened_total{transport=\"sse\"}", 1.0),
        ("goldcrest_readers_closed_total{transport=\"sse\",reason=\"closed\"}", 1.0),
        ("goldcrest_readers_closed_total{transport=\"poll\",reason=\"closed\"}", 3.0),
        ("goldcrest_reader_duration_seconds_count{transport=\"sse\"}", 1.0),
        ("goldcrest_resumes_total{transport=\"poll\"}", 2.0),
        ("goldcrest_gaps_total{transport=\"poll\",missed=\"unknown\"}", 1.0),
        ("goldcrest_gaps_total{transport=\"poll\",missed=\"known\"}", 0.0),
        ("goldcrest_channels", 1.0),
        ("goldcrest_log_events", 6.0),
        ("goldcrest_shutting_down", 0.0),
    ] {
        assert_eq!(value(&metrics, series), expected, "{series}");
    }
    let measured = value(&metrics, "goldcrest_publish_to_write_seconds_count");
    assert!((1.0..=12.0).contains(&measured), "{measured}");
    assert!(value(&metrics, "goldcrest_publish_to_write_seconds_sum") < 5.0);
    drop(socket);
    wait_for(&metrics, "goldcrest_readers{transport=\"websocket\"}", 0.0);
    server.shut_down().unwrap();
    assert_eq!(value(&metrics, "goldcrest_connections"), 0.0);
    assert_eq!(value(&metrics, "goldcrest_shutting_down"), 1.0);
}

#[test]
fn a_lagging_reader_is_measured_and_its_gap_is_counted() {
    let limits = ChannelLimits { events: 8, bytes: 1 << 20, ..ChannelLimits::default() };
    let (server, hub, metrics) = start(limits);
    let stream = connect(&server, "GET /events/a HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson\r\n\r\n");
    wait_for(&metrics, "goldcrest_readers{transport=\"stream\"}", 1.0);
    let data = "x".repeat(60 * 1024);
    // Until the buffers of both kernels are full: the reader, which reads nothing, is behind then.
    let (deadline, behind) = (Instant::now() + Duration::from_secs(20), "goldcrest_readers_behind{events=\"100\"}");
    while value(&metrics, behind) == 0.0 {
        assert!(Instant::now() < deadline, "the reader is never behind");
        hub.publish("a", EventType::MESSAGE, &data).unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!((value(&metrics, behind), value(&metrics, "goldcrest_readers_behind{events=\"1\"}")), (1.0, 1.0));
    assert!(value(&metrics, "goldcrest_reader_max_lag_events") >= 100.0);
    let epoch = hub.channel("a").unwrap().newest.epoch;
    let seen = ask(&server, &format!("GET /events/a?after={epoch:08x}-1"), "", "");
    let missed: f64 = seen.split("\"missed\":").nth(1).unwrap().split('}').next().unwrap().parse().unwrap();
    assert!(missed > 100.0);
    wait_for(&metrics, "goldcrest_gaps_total{transport=\"poll\",missed=\"known\"}", 1.0);
    assert_eq!(value(&metrics, "goldcrest_events_missed_total{transport=\"poll\"}"), missed);
    // Once the client reads again it gets the gap, or its connection breaks where a part of an overwritten event was written.
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let _ = std::io::copy(&mut &stream, &mut std::io::sink());
    let reported = value(&metrics, "goldcrest_gaps_total{transport=\"stream\",missed=\"known\"}");
    let broken = value(&metrics, "goldcrest_readers_closed_total{transport=\"stream\",reason=\"overwritten\"}");
    assert_eq!((reported + broken, value(&metrics, "goldcrest_readers{transport=\"stream\"}")), (1.0, reported));
    assert_eq!(value(&metrics, "goldcrest_connections_closed_total{reason=\"overwritten\"}"), broken);
    server.shut_down().unwrap();
}

#[test]
fn a_deleted_channel_has_no_events_and_another_epoch() {
    let (server, hub, _metrics) = start(ChannelLimits::default());
    let first = hub.publish("a", EventType::MESSAGE, "1").unwrap();
    assert_eq!(hub.delete_channel("a"), Ok(true));
    assert_eq!((hub.channel("a"), hub.delete_channel("a")), (None, Ok(false)));
    assert!(hub.delete_channel("a b").is_err());
    let second = hub.publish("a", EventType::MESSAGE, "2").unwrap();
    assert!(second.epoch != first.epoch && second.seq == 1, "{second:?}");

    // With followers the channel stays, and those that have read all events miss nothing.
    let mut sse =
        connect(&server, "GET /events/a?after=oldest HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n");
    read_until(&mut sse, "data: 2");
    assert_eq!(hub.delete_channel("a"), Ok(true));
    let stats = hub.channel("a").unwrap();
    assert_eq!((stats.events, stats.bytes, stats.followers, stats.newest.seq), (0, 0, 1, 1));
    assert_ne!(stats.newest.epoch, second.epoch);
    let third = hub.publish("a", EventType::MESSAGE, "3").unwrap();
    assert_eq!((third.seq, third.epoch), (2, stats.newest.epoch));
    let seen = read_until(&mut sse, "data: 3");
    assert!(seen.contains(&format!("id: {third}")) && !seen.contains("gap"), "{seen}");
    let poll = ask(&server, &format!("GET /events/a?after={second}"), "", "");
    assert!(
        poll.contains("\"gap\":{}") && poll.contains("\"data\":\"3\"") && !poll.contains("\"data\":\"2\""),
        "{poll}"
    );
    server.shut_down().unwrap();
}

#[test]
fn a_reader_that_lacks_deleted_events_gets_a_gap_of_their_number() {
    let (server, hub, metrics) = start(ChannelLimits { bytes: 4 << 20, ..ChannelLimits::default() });
    let mut reader = hub.reader("b").unwrap();
    for number in 0..3 {
        hub.publish("b", EventType::MESSAGE, &number.to_string()).unwrap();
    }
    assert!(hub.delete_channel("b").unwrap());
    hub.publish("b", EventType::MESSAGE, "after").unwrap();
    let items: Vec<String> = std::iter::from_fn(|| reader.try_next()).map(|item| format!("{item:?}")).collect();
    assert!(items.len() == 2 && items[0].contains("missed: Some(3)") && items[1].contains("seq: 4"), "{items:?}");
    let _ = metrics;
    server.shut_down().unwrap();
}

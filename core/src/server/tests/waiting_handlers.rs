//! Handlers that wait: for time, or for something of their own.

use core::cell::{Cell, RefCell};
use core::future::poll_fn;
use core::task::{Poll, Waker};
use core::time::Duration;

use super::client::{Client, Content, ReaderItem, Sse, Ws, get};
use crate::http::{Response, Status};
use crate::server::{AcceptOptions, Disconnect, Exchange, Handler, HandlerResult, Runtime, ServerConfig};
use crate::sse::encode::EventBlock;
use crate::testing::{Simulation, leak};
use crate::ws::connection::MessageKind;

const SECOND: Duration = Duration::from_secs(1);

/// | path | answer |
/// | --- | --- |
/// | `/ticks`, `/sse` | a tick at once and every second; `bye` on shutdown |
/// | `/ws` | the same as messages, without `bye` |
/// | `/signal` | the text of the signal |
/// | `/locked`, `/banned` | refused |
#[derive(Default)]
struct Ticking {
    signal: Cell<Option<&'static str>>,
    waker: RefCell<Option<Waker>>,
}

impl Ticking {
    fn send(&self, signal: &'static str) {
        self.signal.set(Some(signal));
        self.waker.take().unwrap().wake();
    }
}

impl Handler for Ticking {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        match exchange.request().path() {
            "/ticks" => {
                let mut body = exchange.stream("text/plain").await?;
                body.write(b"tick\n").await?;
                while body.sleep(SECOND).await? {
                    body.write(b"tick\n").await?;
                }
                body.write(b"bye\n").await?;
                body.finish().await
            }
            "/sse" => {
                let mut events = exchange.sse().await?;
                events.event(&EventBlock::new(b"tick")).await?;
                while events.sleep(SECOND).await? {
                    events.event(&EventBlock::new(b"tick")).await?;
                }
                events.finish().await
            }
            "/ws" => {
                let mut socket = exchange.websocket(&AcceptOptions::default()).await?;
                for _ in 0..3 {
                    socket.sleep(SECOND).await?;
                    socket.send(MessageKind::Text, b"tick").await?;
                }
                socket.close().await
            }
            "/signal" => {
                let mut body = exchange.stream("text/plain").await?;
                let signal = poll_fn(|cx| match self.signal.take() {
                    Some(signal) => Poll::Ready(signal),
                    None => {
                        *self.waker.borrow_mut() = Some(cx.waker().clone());
                        Poll::Pending
                    }
                });
                let text = body.while_open(signal).await?.unwrap_or("nothing");
                body.write(text.as_bytes()).await?;
                body.finish().await
            }
            "/locked" => exchange.unauthorized("Bearer realm=\"ticks\"").await,
            "/banned" => exchange.forbidden().await,
            _ => exchange.respond(&Response::text(Status::OK, "hello\n")).await,
        }
    }
}

fn connect() -> (&'static Simulation, &'static Ticking, Client) {
    let (sim, handler) = (Simulation::new(), leak(Ticking::default()));
    (sim, handler, sim.connect(leak(ServerConfig::default()), handler))
}

/// A client whose stream of ticks has begun.
fn ticking() -> (&'static Simulation, Client, Content) {
    let (sim, _, mut client) = connect();
    client.send(get("/ticks", "").as_bytes());
    let content = Content::of(&client.head().unwrap());
    (sim, client, content)
}

#[test]
fn a_stream_with_unread_bytes_ends_when_its_client_half_closes() {
    let (sim, mut client, _) = ticking();
    client.send(get("/ticks", "").as_bytes());
    sim.pass(SECOND * 2);
    assert_eq!(client.ended(), None);
    client.fin();
    sim.pass(SECOND);
    client.read();
    sim.pass(SECOND * 3);
    assert_eq!(sim.running(), 0);
}

#[test]
fn a_sleeping_stream_writes_at_its_deadline() {
    let (sim, mut client, mut content) = ticking();
    assert_eq!(content.decode(&mut client.came), b"tick\n");
    for _ in 0..3 {
        sim.pass(Duration::from_millis(999));
        assert_eq!(client.read(), 0);
        sim.pass(Duration::from_millis(1));
        client.read();
        assert_eq!(content.decode(&mut client.came), b"tick\n");
    }
    // Four waits, and no turn between them.
    assert!(sim.polls() < 20, "{} polls", sim.polls());
}

#[test]
fn a_sleeping_handler_detects_a_disconnect() {
    let (_, mut client, _) = ticking();
    client.fin();
    client.read();
    assert_eq!((client.eof, client.reset, client.ended()), (true, false, Some(Disconnect::Closed)));
    let (_, mut client, _) = ticking();
    client.rst();
    assert_eq!(client.ended(), Some(Disconnect::Broken));
}

#[test]
fn a_close_delimited_stream_ends_when_its_client_disconnects() {
    let (_, _, mut client) = connect();
    client.send(b"GET /ticks HTTP/1.0\r\nHost: localhost\r\n\r\n");
    client.fin();
    client.read();
    assert_eq!((client.reset, client.ended()), (true, Some(Disconnect::Closed)));
}

#[test]
fn a_sleeping_handler_is_asked_to_finish_on_shutdown() {
    let (sim, mut client, mut content) = ticking();
    sim.shut_down();
    client.read();
    assert_eq!(content.decode(&mut client.came), b"tick\nbye\n");
    assert!(client.eof, "the connection ends in order");
}

#[test]
fn a_head_request_ends_a_stream_at_once() {
    let (_, _, mut client) = connect();
    for path in ["/ticks", "/sse", "/signal"] {
        let answer = client.ask(&get(path, "").replacen("GET", "HEAD", 1));
        assert_eq!((answer.status, answer.body.len()), (200, 0), "{path}");
    }
    assert_eq!(client.get("/hello", "").text(), "hello\n");
}

#[test]
fn the_next_request_waits_for_the_end_of_the_stream() {
    let (_, handler, mut client) = connect();
    client.send(get("/signal", "").as_bytes());
    client.send(get("/hello", "").as_bytes());
    let mut content = Content::of(&client.head().unwrap());
    assert_eq!(client.read(), 0);
    handler.send("news");
    client.read();
    let came = client.text();
    assert!(came.starts_with("4\r\nnews\r\n0\r\n\r\nHTTP/1.1 200 OK"), "{came}");
    assert_eq!(content.decode(&mut client.came), b"news");
}

#[test]
fn a_handler_in_while_open_is_asked_to_finish_on_shutdown() {
    let (sim, _, mut client) = connect();
    client.send(get("/signal", "").as_bytes());
    sim.shut_down();
    client.read();
    let mut content = Content::of(&client.head().unwrap());
    assert_eq!(content.decode(&mut client.came), b"nothing");
}

#[test]
fn a_handler_sends_its_own_sse_events() {
    let (sim, _, mut client) = connect();
    client.send(get("/sse", "").as_bytes());
    let mut content = Content::of(&client.head().unwrap());
    sim.pass(2 * SECOND);
    client.read();
    assert_eq!(Sse::default().read(&content.decode(&mut client.came)).len(), 3);
}

#[test]
fn a_websocket_handler_sleeps_and_answers_pings() {
    let (sim, _, mut client) = connect();
    let mut ws = Ws::open(&mut client, "/ws", "", &[]);
    client.send(&[0x89, 0x83, 0, 0, 0, 0, b'h', b'e', b'y']);
    client.read();
    assert_eq!(client.came, b"\x8a\x03hey", "the pong comes at once");
    client.came.clear();
    sim.pass(Duration::from_millis(2999));
    client.read();
    assert_eq!(ws.read(&mut client.came, true), [ReaderItem::Plain("tick".into()), ReaderItem::Plain("tick".into())]);
}

#[test]
fn a_401_has_www_authenticate() {
    let (_, _, mut client) = connect();
    let answer = client.get("/locked", "");
    assert_eq!((answer.status, answer.field("www-authenticate")), (401, Some("Bearer realm=\"ticks\"")));
    let answer = client.get("/banned", "");
    assert_eq!((answer.status, answer.field("www-authenticate")), (403, None));
}

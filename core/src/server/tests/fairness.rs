//! A greedy client: the others of its executor have their turn all the same.

use core::cell::{Cell, RefCell};
use core::convert::Infallible;
use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::rc::Rc;
use std::string::String;
use std::vec;
use std::vec::Vec;

use super::client::{Content, Keys, get};
use super::handlers::TestHandlers;
use crate::hub_http::HubHandler;
use crate::io::{Interest, Socket, TryIo};
use crate::log::EventType;
use crate::server::{Disconnect, Handler, ServerConfig, serve};
use crate::testing::{BufferPool, Random, Simulation, TestHub, TestRuntime, hub, leak};
use crate::ws::connection::{Connection, ConnectionConfig as WsConfig, MessageKind};

/// The most bytes of one poll: the budget, and the slice that exceeds it.
const TURN: usize = 16 * 1024 + 2 * LOAN;
const LOAN: usize = 2048;

/// A socket whose peer has always sent more and always takes all.
struct Flood {
    /// Input that arrives once, and input that repeats for ever.
    once: Vec<u8>,
    forever: Vec<u8>,
    at: usize,
    lent: Vec<u8>,
    moved: Rc<Cell<usize>>,
    seen: Rc<RefCell<Vec<u8>>>,
}

impl Socket for Flood {
    type Error = Infallible;

    async fn wait(&mut self, want: Interest) -> Result<(), Infallible> {
        if want == Interest::NONE {
            core::future::pending().await
        }
        Ok(())
    }

    fn try_read_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, Infallible> {
        if self.forever.is_empty() && self.at >= self.once.len() {
            return Ok(TryIo::WouldBlock);
        }
        let once = self.once.get(self.at..).unwrap_or_default();
        if once.is_empty() {
            // Cut where its last loan ended.
            let at = (self.at - self.once.len()) % self.forever.len();
            self.lent.clear();
            self.lent.extend_from_slice(&self.forever[at..]);
            while self.lent.len() < LOAN {
                self.lent.extend_from_slice(&self.forever);
            }
            self.lent.truncate(LOAN);
        } else {
            self.lent = once.to_vec();
        }
        let (consumed, result) = f(&mut self.lent);
        self.at += consumed;
        self.moved.set(self.moved.get() + consumed);
        Ok(TryIo::Done(result))
    }

    fn try_write_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, Infallible> {
        let mut room = [0; LOAN];
        let (written, result) = f(&mut room);
        self.moved.set(self.moved.get() + written);
        let mut seen = self.seen.borrow_mut();
        if seen.len() < LOAN {
            seen.extend_from_slice(&room[..written]);
        }
        Ok(TryIo::Done(result))
    }

    fn send_free(&self) -> usize {
        LOAN
    }

    fn send_capacity(&self) -> usize {
        LOAN
    }

    fn send_queue(&self) -> usize {
        0
    }

    fn close(&mut self) {}

    fn abort(&mut self) {}
}

/// Runs a flood for so many polls, a tenth of a second apart. Returns the output, and how the connection ended.
fn flood(handler: &impl Handler, once: &[u8], forever: &[u8], turns: usize) -> (String, Option<Disconnect>) {
    let sim = Simulation::new();
    let buffers = BufferPool::new(1, 1024);
    let runtime = TestRuntime::new(sim.clock().clone(), buffers.clone(), buffers, Random::fixed(0));
    let moved = Rc::new(Cell::new(0));
    let seen = Rc::new(RefCell::new(Vec::new()));
    let mut socket = Flood {
        once: once.to_vec(),
        forever: forever.to_vec(),
        at: 0,
        lent: Vec::new(),
        moved: Rc::clone(&moved),
        seen: Rc::clone(&seen),
    };
    let config = ServerConfig::default();
    let mut serving = pin!(serve(&mut socket, &runtime, &config, handler));
    let mut ended = None;
    for _ in 0..turns {
        moved.set(0);
        sim.clock().begin_poll();
        let poll = serving.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(moved.get() <= TURN, "{} bytes in one turn", moved.get());
        if let Poll::Ready(end) = poll {
            ended = Some(end);
            break;
        }
        sim.pass(Duration::from_millis(100));
    }
    let text = String::from_utf8_lossy(&seen.borrow()).into_owned();
    (text, ended)
}

fn frame(kind: MessageKind, payload: &[u8]) -> Vec<u8> {
    let mut room = vec![0; payload.len() + 14];
    let mut client = Connection::client(WsConfig::default());
    let length = client.frame(&mut room, kind, payload, &mut Keys(5)).unwrap();
    room.truncate(length);
    room
}

fn upgrade(target: &str, protocol: &str) -> Vec<u8> {
    let fields = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                  Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    get(target, &std::format!("{fields}{protocol}")).into_bytes()
}

fn events() -> (&'static TestHub, HubHandler<'static, TestHub>) {
    let hub = leak(hub(8, 4096));
    (hub, HubHandler::new(hub))
}

#[test]
fn a_flood_uses_at_most_its_io_budget_in_one_poll() {
    let (_, events) = events();
    let ping = [0x89, 0x80, 0, 0, 0, 0];
    let note = frame(MessageKind::Text, br#"{"data":"flood","ref":1}"#);
    let envelope = "Sec-WebSocket-Protocol: goldcrest.v1\r\n";
    let no_end = |text: &str, ended| assert_eq!(ended, None, "{text}");
    let (text, ended) = flood(&events, &upgrade("/events/a", ""), &note, 100);
    no_end(&text, ended);
    let (text, ended) = flood(&events, &upgrade("/events/a", envelope), &note, 100);
    no_end(&text, ended);
    let (text, ended) = flood(&events, &upgrade("/events/a", envelope), &ping, 100);
    no_end(&text, ended);
    let (text, ended) = flood(&events, b"", get("/events/a", "").as_bytes(), 100);
    no_end(&text, ended);
    for accept in ["Accept: text/event-stream\r\n", "Accept: application/x-ndjson\r\n"] {
        let (text, ended) = flood(&events, get("/events/a", accept).as_bytes(), b"unrequested bytes", 100);
        no_end(&text, ended);
    }
    let (text, ended) = flood(&TestHandlers, &upgrade("/echo", ""), &note, 100);
    no_end(&text, ended);
    let (text, ended) = flood(&TestHandlers, &upgrade("/parts", ""), &note, 100);
    no_end(&text, ended);
    let (text, ended) = flood(&TestHandlers, &upgrade("/endless", ""), &ping, 100);
    no_end(&text, ended);
    let (text, ended) = flood(&TestHandlers, b"", get("/stream", "").as_bytes(), 100);
    no_end(&text, ended);
}

#[test]
fn a_flood_is_subject_to_the_limits() {
    let (_, events) = events();
    // A head that never ends.
    let (text, ended) = flood(&events, b"GET /events/a HTTP/1.1\r\n", b"X: y\r\n", 200);
    assert!(text.starts_with("HTTP/1.1 431") && matches!(ended, Some(Disconnect::Rejected(_))), "{text} {ended:?}");
    // Content that is passed over, and content that is read.
    let chunked = b"POST /unread HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (text, ended) = flood(&TestHandlers, chunked, b"4\r\nmore\r\n", 200);
    assert!(text.starts_with("HTTP/1.1 200") && ended.is_some(), "{text} {ended:?}");
    let chunked = b"POST /back HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (text, ended) = flood(&TestHandlers, chunked, b"4\r\nmore\r\n", 200);
    assert!(text.starts_with("HTTP/1.1 413") && matches!(ended, Some(Disconnect::Rejected(_))), "{text} {ended:?}");
    // A closing handshake whose end never comes; messages and pings do.
    let note = frame(MessageKind::Text, b"more");
    let (_, ended) = flood(&TestHandlers, &upgrade("/unheard", ""), &note, 200);
    assert_eq!(ended, Some(Disconnect::TimedOut));
}

#[test]
fn a_reader_beside_greedy_clients_waits_two_rounds() {
    let (sim, hub) = (Simulation::new(), leak(hub(8, 4096)));
    let handler = leak(HubHandler::new(hub));
    let config = leak(ServerConfig::default());
    let mut greedy: Vec<_> = (0..3)
        .map(|number| {
            let mut client = sim.connect(config, handler);
            match number {
                0 => client.send(&upgrade("/events/b", "")),
                1 => client.send(get("/events/b", "Accept: text/event-stream\r\n").as_bytes()),
                _ => {}
            }
            client
        })
        .collect();
    let note = frame(MessageKind::Text, &[b'x'; 100]);
    let poll = get("/events/b?after=oldest", "");
    let mut neighbour = sim.connect(config, handler);
    neighbour.send(get("/events/a", "Accept: application/x-ndjson\r\n").as_bytes());
    let mut content = Content::of(&neighbour.head().unwrap());
    let mut text = String::new();
    let mut longest = 0;
    for number in 0..50 {
        let data = std::format!("number {number}");
        hub.publish("a", EventType::MESSAGE, data.as_bytes()).unwrap();
        // Rounds until it has its event, while the others send and read as much as they can.
        let mut rounds = 0;
        while !text.contains(&data) {
            for client in &mut greedy {
                client.take(usize::MAX);
                client.came.clear();
            }
            greedy[0].put(&note.repeat(5));
            greedy[2].put(poll.as_bytes());
            sim.round();
            neighbour.take(usize::MAX);
            text.push_str(core::str::from_utf8(&content.decode(&mut neighbour.came)).unwrap());
            rounds += 1;
            assert!(rounds < 100);
        }
        longest = longest.max(rounds);
    }
    assert!(longest <= 2, "{longest} rounds");
}

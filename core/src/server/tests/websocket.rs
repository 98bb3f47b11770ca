//! A handler's own WebSocket.

use core::cell::{Cell, RefCell};
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::{Poll, Waker};
use core::time::Duration;
use std::string::ToString;
use std::vec;
use std::vec::Vec;

use super::client::{Client, ReaderItem, Ws, get};
use super::handlers::TestHandlers;
use crate::server::{AcceptOptions, Disconnect, Exchange, Handler, HandlerResult, Runtime, ServerConfig};
use crate::testing::{Simulation, leak};
use crate::ws::ProtocolError;
use crate::ws::close::{CloseCode, CloseReason};
use crate::ws::connection::MessageKind;

/// Something that a handler waits for.
#[derive(Default)]
struct Gate {
    open: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Gate {
    async fn opened(&self) -> &'static str {
        poll_fn(|cx| {
            *self.waker.borrow_mut() = Some(cx.waker().clone());
            if self.open.get() { Poll::Ready("opened") } else { Poll::Pending }
        })
        .await
    }

    fn open(&self) {
        self.open.set(true);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

#[derive(Default)]
struct Sockets {
    gate: Gate,
    refused: Cell<usize>,
    during: Cell<Option<Result<&'static str, Disconnect>>>,
}

impl Handler for Sockets {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        let path = std::string::String::from(exchange.request().path());
        let max_message = if path == "/bounded" { 10 } else { u64::MAX };
        let mut ws = exchange.websocket(&AcceptOptions { max_message, ..Default::default() }).await?;
        let mut buffer = [0; 10];
        match path.as_str() {
            "/small" | "/bounded" => {
                while let Some(message) = ws.recv(&mut buffer).await? {
                    ws.send(message.kind, message.payload).await?;
                }
            }
            "/try" => {
                while ws.try_send(MessageKind::Text, &[b'x'; 100])? {}
                self.refused.set(self.refused.get() + 1);
                assert!(!ws.try_send(MessageKind::Text, &[b'x'; 600])?, "never");
                ws.recv(&mut buffer).await?;
                ws.send(MessageKind::Text, b"behind").await?;
            }
            "/cut" => {
                {
                    // A message longer than the ring, dropped at its first wait.
                    let payload = [b'x'; 2000];
                    let mut sending = pin!(ws.send(MessageKind::Text, &payload));
                    poll_fn(|cx| {
                        assert!(sending.as_mut().poll(cx).is_pending());
                        Poll::Ready(())
                    })
                    .await;
                }
                ws.send(MessageKind::Text, b"more").await?;
            }
            "/during" => {
                self.during.set(Some(ws.while_open(self.gate.opened()).await));
                while let Some(message) = ws.recv(&mut buffer).await? {
                    ws.send(message.kind, message.payload).await?;
                }
            }
            "/greet" => ws.send(MessageKind::Text, b"hello").await?,
            _ => {
                while let Some(part) = ws.read(&mut buffer).await? {
                    let told = [u8::from(part.first), u8::from(part.last), part.len as u8];
                    ws.send(MessageKind::Binary, &told).await?;
                }
            }
        }
        ws.close_with(CloseCode::NORMAL, CloseReason::new("done").unwrap()).await
    }
}

struct Test {
    sim: &'static Simulation,
    sockets: &'static Sockets,
    client: Client,
    ws: Ws,
}

impl Test {
    fn new(path: &str) -> Self {
        let (sim, sockets) = (Simulation::new(), leak(Sockets::default()));
        let mut client = sim.connect(leak(ServerConfig::default()), sockets);
        let ws = Ws::open(&mut client, path, "", &[]);
        Self { sim, sockets, client, ws }
    }

    fn say(&mut self, text: &str) {
        let message = self.ws.message(MessageKind::Text, text.as_bytes());
        self.client.send(&message);
    }

    fn told(&mut self) -> Vec<ReaderItem> {
        self.client.read();
        let told = self.ws.read(&mut self.client.came, true);
        let output = self.ws.output();
        if !self.client.eof {
            self.client.try_send(&output);
        }
        told
    }

    fn ended(&mut self) -> Option<Disconnect> {
        self.client.leave();
        self.client.ended()
    }
}

fn plain(text: &str) -> ReaderItem {
    ReaderItem::Plain(text.to_string())
}

fn closed(code: u16, reason: &str) -> ReaderItem {
    ReaderItem::Close(Some(code), reason.to_string())
}

#[test]
fn a_message_larger_than_the_buffer_closes_with_1009() {
    for path in ["/small", "/bounded"] {
        let mut test = Test::new(path);
        test.say("0123456789");
        assert_eq!(test.told(), [plain("0123456789")]);
        test.say("0123456789a");
        assert_eq!(test.told(), [closed(1009, "")], "{path}");
        assert_eq!(test.ended(), Some(Disconnect::Protocol(ProtocolError::MessageTooBig)));
    }
    // In fragments, the last of them empty.
    let mut test = Test::new("/small");
    test.client.send(&[0x01, 0x85, 0, 0, 0, 0, b'a', b'b', b'c', b'd', b'e']);
    test.client.send(&[0x00, 0x85, 0, 0, 0, 0, b'f', b'g', b'h', b'i', b'j', 0x80, 0x80, 0, 0, 0, 0]);
    assert_eq!(test.told(), [plain("abcdefghij")]);
    test.client.send(&[0x01, 0x8a, 0, 0, 0, 0]);
    test.client.send(b"0123456789");
    test.client.send(&[0x80, 0x81, 0, 0, 0, 0, b'x']);
    assert_eq!(test.told(), [closed(1009, "")]);
}

#[test]
fn chunks_mark_the_first_and_last_of_a_message() {
    let mut test = Test::new("/parts");
    test.say("0123456789012345678901234");
    test.say("short");
    test.say("");
    let parts: Vec<Vec<u8>> = vec![vec![1, 0, 10], vec![0, 0, 10], vec![0, 1, 5], vec![1, 1, 5], vec![1, 1, 0]];
    assert_eq!(test.told(), parts.into_iter().map(ReaderItem::Binary).collect::<Vec<_>>());
}

#[test]
fn try_send_reports_a_full_socket() {
    let mut test = Test::new("/try");
    assert_eq!(test.sockets.refused.get(), 1);
    let told = test.told();
    assert!((3..=5).contains(&told.len()) && told.iter().all(|told| *told == plain(&"x".repeat(100))), "{told:?}");
    test.say("go on");
    assert_eq!(test.told(), [plain("behind"), closed(1000, "done")]);
    assert_eq!(test.ended(), Some(Disconnect::Closed));
}

#[test]
fn a_cancelled_long_send_closes_with_1011() {
    let mut test = Test::new("/cut");
    let told = test.told();
    assert_eq!(told, [closed(1011, "")], "the message never ends");
    assert!(!test.ws.is_between());
    assert_eq!(test.ended(), Some(Disconnect::Closed));
}

#[test]
fn while_open_answers_pings_and_defers_messages() {
    for split in 0..11 {
        let mut test = Test::new("/during");
        let ping = [0x89, 0x85, 0, 0, 0, 0, b'h', b'e', b'l', b'l', b'o'];
        // However the ping is cut.
        let (start, rest) = ping.split_at(split);
        test.client.send(start);
        test.client.send(rest);
        test.client.read();
        assert_eq!(test.client.came, b"\x8a\x05hello", "cut at {split}");
        test.client.came.clear();
        test.say("a message");
        test.client.send(&ping);
        assert_eq!(test.told(), []);
        // The heartbeat goes on.
        test.sim.pass(Duration::from_secs(25));
        assert_eq!(test.told(), [ReaderItem::Ping]);
        test.sockets.gate.open();
        assert_eq!(test.told(), [plain("a message")]);
        assert_eq!(test.sockets.during.get(), Some(Ok("opened")));
        let close = test.ws.close(CloseCode::NORMAL);
        test.client.send(&close);
        assert_eq!(test.told(), [closed(1000, "")]);
        assert_eq!(test.ended(), Some(Disconnect::Closed));
    }
}

#[test]
fn while_open_detects_the_peer_s_close() {
    let mut test = Test::new("/during");
    let close = test.ws.close(CloseCode::GOING_AWAY);
    test.client.send(&close);
    assert_eq!(test.told(), [closed(1001, "")]);
    assert_eq!(test.sockets.during.get(), Some(Err(Disconnect::Closed)));
    let mut test = Test::new("/during");
    test.client.fin();
    test.sim.run();
    assert_eq!(test.sockets.during.get(), Some(Err(Disconnect::Closed)));
    let mut test = Test::new("/during");
    test.client.send(&[0x89, 0x00]);
    assert_eq!(test.told(), [closed(1002, "")], "an unmasked frame");
    assert_eq!(test.sockets.during.get(), Some(Err(Disconnect::Protocol(ProtocolError::Unmasked))));
    let test = Test::new("/during");
    test.sim.pass(Duration::from_secs(45));
    assert_eq!(test.sockets.during.get(), Some(Err(Disconnect::TimedOut)));
}

#[test]
fn a_silent_peer_is_pinged_and_then_times_out() {
    let mut test = Test::new("/small");
    test.sim.pass(Duration::from_secs(24));
    assert_eq!(test.told(), []);
    for wait in [1, 25, 25] {
        test.sim.pass(Duration::from_secs(wait));
        assert_eq!(test.told(), [ReaderItem::Ping], "and the pong is on its way");
    }
    test.sim.pass(Duration::from_secs(25));
    test.client.read();
    assert_eq!(test.ws.read(&mut test.client.came, true), [ReaderItem::Ping], "and no pong is");
    test.sim.pass(Duration::from_secs(19));
    assert_eq!(test.client.ended(), None);
    test.sim.pass(Duration::from_secs(1));
    assert_eq!(test.client.ended(), Some(Disconnect::TimedOut));
}

#[test]
fn either_side_may_close_first() {
    let mut test = Test::new("/greet");
    test.client.read();
    // The server's Close is there; the client still sends, and closes later.
    test.say("a message that crosses it");
    let told = test.told();
    assert_eq!(told, [plain("hello"), closed(1000, "done")]);
    assert!(test.client.eof, "the server ends the connection first");
    assert_eq!(test.ended(), Some(Disconnect::Closed));

    let mut test = Test::new("/small");
    let close = test.ws.close(CloseCode::new(4321).unwrap());
    test.client.send(&close);
    assert_eq!(test.told(), [closed(4321, "")]);
    assert!(test.client.eof);
    assert_eq!(test.ended(), Some(Disconnect::Closed));
}

#[test]
fn a_shutdown_closes_with_1012_in_every_handler_state() {
    for path in ["/small", "/during", "/parts", "/endless"] {
        let (sim, sockets) = (Simulation::new(), leak(Sockets::default()));
        let mut client = if path == "/endless" {
            sim.connect(leak(ServerConfig::default()), &TestHandlers)
        } else {
            sim.connect(leak(ServerConfig::default()), sockets)
        };
        let mut ws = Ws::open(&mut client, path, "", &[]);
        sim.shut_down();
        client.read();
        let told = ws.read(&mut client.came, true);
        assert_eq!(told.last(), Some(&closed(1012, "")), "{path}");
        let close = ws.output();
        client.try_send(&close);
        client.read();
        assert!(client.eof, "{path}");
        client.leave();
        assert_eq!(client.ended(), Some(Disconnect::Closed), "{path}");
    }
}

#[test]
fn a_ping_flood_is_answered_and_delays_no_deadline() {
    let mut test = Test::new("/greet");
    // Its Close waits for ours, which never comes.
    let ping = [0x89, 0x80, 0, 0, 0, 0];
    for _ in 0..200 {
        test.client.try_send(&ping.repeat(10));
        test.sim.pass(Duration::from_millis(100));
    }
    assert_eq!(test.client.ended(), Some(Disconnect::TimedOut));
    let mut test = Test::new("/small");
    for round in 0..100 {
        test.client.send(&ping.repeat(50));
        if round % 10 == 9 {
            // As many as a second may bring.
            test.sim.pass(Duration::from_millis(1_100));
        }
    }
    test.client.read();
    assert!(test.client.came.len() >= 200 && test.client.came.chunks(2).all(|pong| pong == [0x8a, 0]));
}

#[test]
fn an_incomplete_upgrade_request_is_400_or_426() {
    let cases = [
        ("", 426),
        ("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n", 400),
        (
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n",
            426,
        ),
    ];
    for (fields, status) in cases {
        let sim = Simulation::new();
        let mut client = sim.connect(leak(ServerConfig::default()), leak(Sockets::default()));
        let answer = client.ask(&get("/small", fields));
        assert_eq!(answer.status, status, "{fields}");
        assert_eq!(answer.field("sec-websocket-version"), (status == 426).then_some("13"));
        assert!(client.eof && answer.field("connection").unwrap().contains("close"));
    }
}

/// A future that is dropped when it was pending has registered nothing that would be missed.
#[test]
fn a_dropped_wait_still_wakes_its_task() {
    let sim = Simulation::new();
    let mut client = sim.connect(leak(ServerConfig::default()), &TestHandlers);
    let mut ws = Ws::open(&mut client, "/dropping/echo", "", &[]);
    sim.pass(Duration::from_secs(25));
    client.read();
    assert_eq!(ws.read(&mut client.came, true), [ReaderItem::Ping]);
    let pong = ws.output();
    client.send(&pong);
    let message = ws.message(MessageKind::Text, b"still there");
    client.send(&message);
    client.read();
    assert_eq!(ws.read(&mut client.came, true), [plain("still there")]);
}

//! A device and a browser on one wire in memory. The browser is a raw TCP client.

use core::future::Future;
use core::task::Context;
use std::boxed::Box;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::string::String;
use std::vec::Vec;

use embassy_net::tcp::TcpSocket;
use embassy_net::{Runner, Stack};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_time::{Duration, Instant, Timer, with_timeout};
use futures_lite::future::{or, poll_once, yield_now};

use super::pool::Pool;
use super::*;
use crate::client::{Buffers, ClientConfig, Publisher, RuntimeParts};
use crate::http::{Response, Status};
use crate::hub::{Channel, NewEvent, StaticHub};
use crate::hub_http::HubHandler;
use crate::io::embassy::tests::{Card, Line, Task, host, ip, run};
use crate::log::{Encoding, EventType};
use crate::server::{Exchange, Handler, HandlerResult, Runtime, ServerConfig};
use crate::testing::WakeCount;

const PORT: u16 = 80;

type Hub = StaticHub<NoopRawMutex, [u8; 512], 1, 2>;
type Web<S = ()> = Device<512, 1, 128, 1, S>;

/// The hub below `/events/`, and a response of 4,000 bytes at `/large`.
struct App<'h>(&'h Hub);

impl Handler for App<'_> {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        match exchange.request().path() {
            "/large" => exchange.respond(&Response { body: &[b'x'; 4_000], ..Response::text(Status::OK, "") }).await,
            _ => HubHandler::new(self.0).handle(exchange).await,
        }
    }
}

fn hub() -> Hub {
    StaticHub::new(0xabc, [Channel::new("a", [0; 512])])
}

fn leak<T>(value: T) -> &'static mut T {
    Box::leak(Box::new(value))
}

/// The browser's side: its stack, and the frames that have arrived for it.
struct Browser {
    stack: Stack<'static>,
    runner: Cell<Option<Runner<'static, Card>>>,
    incoming: Rc<RefCell<Line>>,
}

impl Browser {
    /// Runs its stack during `future`. At other times it sends nothing, as if its cable were pulled.
    async fn during<T>(&self, future: impl Future<Output = T>) -> T {
        let mut runner = self.runner.take().expect("one part of the test at a time");
        let output = or(future, async { runner.run().await }).await;
        self.runner.set(Some(runner));
        output
    }

    async fn connect(&self) -> TcpSocket<'static> {
        let mut socket = TcpSocket::new(self.stack, leak([0; 1_024]), leak([0; 1_024]));
        socket.set_nagle_enabled(false);
        with_timeout(Duration::from_secs(1), socket.connect((ip(1), PORT))).await.unwrap().unwrap();
        socket
    }

    /// Sends a GET request, and reads until the text `end` or the end of the connection.
    async fn get(&self, socket: &mut TcpSocket<'static>, path: &str, end: &str) -> String {
        let request = std::format!("GET {path} HTTP/1.1\r\nHost: sensor.local\r\nAccept: text/event-stream\r\n\r\n");
        let mut rest = request.as_bytes();
        while !rest.is_empty() {
            rest = &rest[socket.write(rest).await.unwrap()..];
        }
        let (mut text, mut buffer) = (String::new(), [0; 256]);
        while !text.contains(end) {
            match socket.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(count) => text.push_str(str::from_utf8(&buffer[..count]).unwrap()),
            }
        }
        text
    }
}

/// Serves `hub` by one task of `device`, and runs `test` beside it. The device's task ends with the test or before it.
fn serving<S: Shutdown>(device: &Web<S>, hub: &Hub, test: impl AsyncFnOnce(Browser)) {
    let (one, other) = (Rc::default(), Rc::default());
    let (stack, mut runner) = host(1, &one, &other);
    let (browser, browser_runner) = host(2, &other, &one);
    let app = App(hub);
    let mut buffers = SocketBuffers::<256, 1_072>::new();
    let config = ServerConfig::chip();
    let listening = device.listen(stack, PORT, &mut buffers, &config, &app);
    let tasks = [Task::new(async move { runner.run().await }), Task::new(listening)];
    let browser = Browser { stack: browser, runner: Cell::new(Some(browser_runner)), incoming: other };
    run(tasks.into(), test(browser));
}

#[test]
fn one_task_serves_one_client_after_the_other() {
    let mut memory = Web::unseeded();
    let device = memory.seed(1);
    serving(device, &hub(), async |browser| {
        browser
            .during(async {
                for _ in 0..3 {
                    let mut socket = browser.connect().await;
                    let text = browser.get(&mut socket, "/large", &"x".repeat(4_000)).await;
                    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
                    assert_eq!((device.listeners(), device.sockets.listening.get()), (1, 0));
                    socket.close();
                    assert_eq!(socket.read(&mut [0]).await, Ok(0));
                    socket.flush().await.unwrap();
                    while device.sockets.listening.get() == 0 {
                        Timer::after_millis(1).await;
                    }
                }
            })
            .await;
    });
}

/// An Ethernet frame with IPv4 and TCP, and the flags SYN and ACK.
fn is_syn_ack(frame: &[u8]) -> bool {
    frame.len() >= 54 && frame[12..14] == [8, 0] && frame[23] == 6 && frame[47] & 0x12 == 0x12
}

#[test]
fn a_handshake_without_an_end_occupies_the_socket_for_three_seconds() {
    let mut memory = Web::unseeded();
    serving(memory.seed(1), &hub(), async |browser| {
        let mut half_open = TcpSocket::new(browser.stack, leak([0; 256]), leak([0; 256]));
        let start = Instant::now();
        browser
            .during(async {
                let mut connect = core::pin::pin!(half_open.connect((ip(1), PORT)));
                while !browser.incoming.borrow().any(is_syn_ack) {
                    assert!(poll_once(connect.as_mut()).await.is_none());
                    yield_now().await;
                }
            })
            .await;
        drop(half_open);
        Timer::at(start + Duration::from_millis(3_500)).await;
        browser.incoming.borrow_mut().clear();
        browser.during(async { drop(browser.connect().await) }).await;
    });
}

#[test]
fn a_client_that_vanished_is_disconnected_after_thirty_seconds() {
    let mut memory = Web::unseeded();
    let device = memory.seed(1);
    serving(device, &hub(), async |browser| {
        let mut socket = browser.during(browser.connect()).await;
        let head = browser.during(browser.get(&mut socket, "/events/a", "\r\n\r\n")).await;
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        let start = Instant::now();
        Timer::at(start + Duration::from_secs(25)).await;
        assert_eq!(device.sockets.listening.get(), 0);
        Timer::at(start + Duration::from_secs(45)).await;
        assert_eq!(device.sockets.listening.get(), 1, "the device listens again");
    });
}

#[test]
fn a_shutdown_ends_a_stream_and_then_the_listening_task() {
    let mut memory = Web::with_shutdown(ShutdownSignal::<1>::new());
    let device = memory.seed(1);
    serving(device, &hub(), async |browser| {
        browser
            .during(async {
                let mut socket = browser.connect().await;
                let head = browser.get(&mut socket, "/events/a", "\r\n\r\n").await;
                assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
                let (start, mut text) = (Instant::now(), Vec::new());
                device.shutdown().begin();
                loop {
                    let mut buffer = [0; 256];
                    match socket.read(&mut buffer).await.unwrap() {
                        0 => break,
                        count => text.extend_from_slice(&buffer[..count]),
                    }
                }
                socket.close();
                while device.listeners() > 0 {
                    Timer::after_millis(1).await;
                }
                assert!(text.ends_with(b"0\r\n\r\n"), "the chunked response is complete");
                assert!(start.elapsed() < Duration::from_secs(3), "{}", start.elapsed());
            })
            .await;
    });
}

#[test]
fn a_shutdown_ends_a_task_that_waits_for_a_client() {
    let mut memory = Web::with_shutdown(ShutdownSignal::<1>::new());
    let device = memory.seed(1);
    serving(device, &hub(), async |_| {
        Timer::after_millis(5).await;
        assert_eq!((device.listeners(), device.sockets.listening.get()), (1, 1));
        let start = Instant::now();
        device.shutdown().begin();
        while device.listeners() > 0 {
            yield_now().await;
            assert!(start.elapsed() < Duration::from_millis(100), "the task was not woken");
        }
    });
}

#[test]
fn a_shutdown_wakes_the_tasks_that_replaced_others() {
    let signal = ShutdownSignal::<2>::new();
    let (counters, wakers): (Vec<_>, Vec<_>) = (0..4).map(|_| WakeCount::new()).unzip();
    let poll = |at: usize| {
        let mut task = core::pin::pin!(signal.run(core::future::pending::<()>()));
        assert!(task.as_mut().poll(&mut Context::from_waker(&wakers[at])).is_pending());
    };
    let taken = || counters.iter().map(|counter| counter.take()).collect::<Vec<_>>();
    // The tasks 0 and 1 end; 2 and 3 take their places.
    [0, 1, 1, 0].into_iter().for_each(poll);
    assert_eq!(taken(), [0; 4]);
    [2, 3].into_iter().for_each(poll);
    assert_eq!(taken(), [1, 1, 0, 0]);
    signal.begin();
    assert_eq!(taken(), [0, 0, 1, 1]);
    assert!(signal.is_shutting_down());
}

#[test]
fn an_exhausted_pool_reports_it_until_a_buffer_returns() {
    let pool = Pool::<8, 2>::new();
    let (mut one, other) = (pool.lend().unwrap(), pool.lend().unwrap());
    one.as_mut().copy_from_slice(b"12345678");
    assert_eq!(one.as_ref(), b"12345678");
    assert!(!pool.is_exhausted());
    assert!(pool.lend().is_none() && pool.is_exhausted());
    drop(other);
    assert!(!pool.is_exhausted() && pool.lend().is_some());
}

#[test]
fn random_numbers_differ_by_the_seed() {
    let next = |seed| {
        let mut memory = Web::unseeded();
        let runtime = device::ConnectionRuntime::new(memory.seed(seed));
        [runtime.random(), runtime.random()]
    };
    assert_ne!(next(1), next(2));
    assert_ne!(next(1)[0], next(1)[1]);
    assert_ne!(next(0), [0, 0]);
    assert_ne!(next(0xffff_ffff_ffff_ffff), [0, 0], "the halves of the seed cancel out");
}

#[test]
fn a_connector_publishes_to_a_listening_device() {
    let mut memory = Web::unseeded();
    let hub = hub();
    serving(memory.seed(1), &hub, async |browser| {
        let runtime = RuntimeParts {
            connector: Connector::new(browser.stack, leak(SocketBuffers::<512, 1_072>::new())),
            clock: EmbassyClock,
            random: || Ok([1; 4]),
        };
        let config = ClientConfig::default();
        let (mut buffer, mut location) = ([0; 512], [0; 64]);
        let memory = Buffers { buffer: &mut buffer, location: &mut location };
        let mut publisher = Publisher::new(&runtime, &config, "http://10.0.0.1/events/a", memory);
        let event =
            NewEvent { event_type: EventType::MESSAGE, encoding: Encoding::Text, data: b"21.5", idempotency_key: None };
        browser
            .during(async {
                assert_eq!(publisher.publish(&event).await.unwrap().id, "00000abc-1");
                assert_eq!(publisher.publish(&event).await.unwrap().id, "00000abc-2");
            })
            .await;
        // A name is for a connector with DNS, and TLS for one with TLS.
        for url in ["http://sensor.local/events/a", "https://10.0.0.1/events/a"] {
            let (mut buffer, mut location) = ([0; 512], [0; 64]);
            let memory = Buffers { buffer: &mut buffer, location: &mut location };
            let mut publisher = Publisher::new(&runtime, &config, url, memory);
            assert!(browser.during(publisher.publish(&event)).await.is_err(), "{url}");
        }
    });
}

//! The clients, over a network, a clock and a log that no compiler knows: of panics only the compiler's own may be
//! reachable, for an `async fn` that is polled after its end (`tests/scripts/no-panic`).
#![no_std]
#![no_main]

mod unknown;

use core::future::Future;
use core::hint::black_box;
use core::pin::pin;
use core::task::{Context, Poll as Polled, Waker};
use core::time::Duration;

use goldcrest_core::client::url::Endpoint;
use goldcrest_core::client::{
    Bridge, BridgeOptions, Config, Connect, EventSource, EventSourceOptions, Memory, Options, Publisher, Runtime,
    Start, Subscription, WebSocket, WebSocketOptions,
};
use goldcrest_core::io::{Clock, Interest, Lent, Socket, Timer};
use goldcrest_core::hub::{Publication, Reader};
use goldcrest_core::log::{Encoding, EventType, GapPolicy, Look, Placed, Position, Source};
use goldcrest_core::time::Instant;
use goldcrest_core::ws::close::{CloseCode, CloseReason};
use goldcrest_core::ws::connection::{MessageKind, NoEntropy};
use unknown::{input, number, room, text};

fn now() -> Instant {
    Instant::from_millis(number())
}

/// A world that may say and do anything.
struct World;

struct Anything;

impl Socket for Anything {
    type Error = ();

    async fn wait(&mut self, _: Interest) -> Result<(), ()> {
        black_box(Ok(()))
    }

    fn try_read_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<Lent<R>, ()> {
        match number() {
            0 => {
                let (count, result) = f(input());
                black_box(count);
                Ok(Lent::Got(result))
            }
            1 => Ok(Lent::NotNow),
            2 => Ok(Lent::Eof),
            _ => Err(()),
        }
    }

    fn try_write_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<Lent<R>, ()> {
        match number() {
            0 => {
                let (count, result) = f(room());
                black_box(count);
                Ok(Lent::Got(result))
            }
            1 => Ok(Lent::NotNow),
            _ => Err(()),
        }
    }

    fn room(&self) -> usize {
        number() as usize
    }

    fn capacity(&self) -> usize {
        number() as usize
    }

    fn unsent(&self) -> usize {
        number() as usize
    }

    fn close(&mut self) {}

    fn abort(&mut self) {}
}

impl Timer for Anything {
    fn poll_until(&mut self, _: &mut Context<'_>, _: Instant) -> Polled<()> {
        black_box(Polled::Ready(()))
    }
}

impl Clock for World {
    type Timer = Anything;

    fn now(&self) -> Instant {
        now()
    }

    fn timer(&self) -> Anything {
        Anything
    }
}

impl Connect for World {
    type Socket<'a> = Anything;
    type Error = ();

    async fn connect(&self, endpoint: Endpoint<'_>) -> Result<Anything, ()> {
        black_box(endpoint);
        black_box(Ok(Anything))
    }
}

impl Runtime for World {
    type Connect = Self;
    type Clock = Self;

    fn connector(&self) -> &Self {
        self
    }

    fn clock(&self) -> &Self {
        self
    }

    fn random(&self) -> Result<[u8; 4], NoEntropy> {
        black_box(Ok([0; 4]))
    }
}

impl Source for World {
    fn epoch(&self) -> u32 {
        number() as u32
    }

    fn newest(&self) -> u64 {
        number()
    }

    fn place(&self, _: Position, _: GapPolicy) -> Placed {
        Placed { after: number(), gap: black_box(None) }
    }

    fn look(&self, _: u64, _: usize, _: &mut [u8]) -> Look {
        black_box(Look::Nothing)
    }
}

impl Reader for World {
    fn poll_moved(&mut self, _: &mut Context<'_>, _: u64) -> Polled<()> {
        black_box(Polled::Pending)
    }
}

fn run<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    while number() < 3 {
        if let Polled::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
    }
    None
}

fn memory() -> Memory<'static> {
    Memory { buffer: room(), location: input() }
}

fn all() {
    let (world, config) = (&World, &Config::default());
    let options = EventSourceOptions { last_event_id: text(), ..EventSourceOptions::default() };
    let mut source = EventSource::new(world, config, text(), options, memory(), input());
    let options = Options { start: black_box(Start::After(text())), ..Options::default() };
    let mut subscription = Subscription::new(world, config, text(), options, memory());
    let mut publisher = Publisher::new(world, config, text(), memory());
    let mut bridge = Bridge::new(world, config, text(), World, BridgeOptions::default(), memory());
    let key = Some(&*input());
    let event = Publication {
        event_type: EventType::new(text()).unwrap_or_default(),
        encoding: black_box(Encoding::Text),
        data: input(),
        idempotency_key: key,
    };
    while number() < 3 {
        let _ = black_box(run(source.next()));
        let _ = black_box(run(subscription.next()));
        let _ = black_box(run(publisher.publish(&event)));
        let _ = black_box(run(bridge.next()));
    }
    let options = WebSocketOptions { protocols: &[text()], origin: Some(text()), ..WebSocketOptions::default() };
    let Some(Ok(mut socket)) = run(WebSocket::connect(world, config, text(), &options, room())) else { return };
    while number() < 3 {
        let _ = black_box(run(socket.recv(room())));
        let _ = black_box(run(socket.read(room())));
        let _ = black_box(run(socket.send(MessageKind::Text, input())));
        let _ = black_box(socket.try_send(MessageKind::Binary, input()));
        let _ = socket.start_message(MessageKind::Text);
        let _ = black_box(run(socket.write(input())));
        let _ = black_box(run(socket.end_message()));
        let _ = black_box(run(socket.sleep(Duration::from_millis(number()))));
        let _ = black_box(run(socket.finish(CloseCode::NORMAL, CloseReason::NONE)));
        black_box((socket.peer_close_reason(), socket.buffered_amount()));
    }
}

#[unsafe(no_mangle)]
extern "C" fn _start() {
    all();
}

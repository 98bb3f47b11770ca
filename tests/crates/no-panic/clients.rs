//! The clients, over a network, a clock and a log that no compiler knows: of panics only the compiler's own may be
//! reachable, for an `async fn` that is polled after its end (`tests/scripts/no-panic`).
#![no_std]
#![no_main]

mod unknown;

use core::future::Future;
use core::hint::black_box;
use core::net::IpAddr;
use core::pin::pin;
use core::task::{Context, Poll as Polled, Waker};
use core::time::Duration;

use goldcrest_core::client::url::Endpoint;
use goldcrest_core::client::{
    Bridge, BridgeOptions, Buffers, ClientConfig, ClientRuntime, ClientWebSocket, Connect, ConnectOptions, EventSource,
    EventSourceOptions, Publisher, Subscription, SubscriptionOptions, fetch,
};
use goldcrest_core::hub::{ChannelReader, NewEvent, PublishError, PublishOutcome};
use goldcrest_core::io::{Clock, Interest, Socket, Timer, TryIo};
use goldcrest_core::log::{Cursor, Encoding, EventType, GapPolicy, LogReader, Position, ReadEvent};
use goldcrest_core::time::Instant;
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

    fn try_read_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, ()> {
        match number() {
            0 => {
                let (count, result) = f(input());
                black_box(count);
                Ok(TryIo::Done(result))
            }
            1 => Ok(TryIo::WouldBlock),
            2 => Ok(TryIo::Eof),
            _ => Err(()),
        }
    }

    fn try_write_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, ()> {
        match number() {
            0 => {
                let (count, result) = f(room());
                black_box(count);
                Ok(TryIo::Done(result))
            }
            1 => Ok(TryIo::WouldBlock),
            _ => Err(()),
        }
    }

    fn send_free(&self) -> usize {
        number() as usize
    }

    fn send_capacity(&self) -> usize {
        number() as usize
    }

    fn send_queue(&self) -> usize {
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

impl ClientRuntime for World {
    type Connector = Self;
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

impl LogReader for World {
    fn epoch(&self) -> u32 {
        number() as u32
    }

    fn newest(&self) -> u64 {
        number()
    }

    fn seek(&self, _: Position, _: GapPolicy) -> Cursor {
        Cursor { after: number(), gap: black_box(None) }
    }

    fn read_at(&self, _: u64, _: usize, _: &mut [u8]) -> ReadEvent {
        black_box(ReadEvent::Nothing)
    }
}

impl ChannelReader for World {
    fn publish(&self, _: &NewEvent<'_>, _: Option<IpAddr>) -> Result<PublishOutcome, PublishError> {
        black_box(Err(PublishError::NoSuchChannel))
    }

    fn poll_new_event(&mut self, _: &mut Context<'_>, _: u64) -> Polled<()> {
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

fn memory() -> Buffers<'static> {
    Buffers { buffer: room(), location: input() }
}

fn all() {
    let (world, config) = (&World, &ClientConfig::default());
    let options = EventSourceOptions { last_event_id: text(), ..EventSourceOptions::default() };
    let mut source = EventSource::new(world, config, text(), options, memory(), input());
    let options = SubscriptionOptions { start: black_box(Position::After(text())), ..SubscriptionOptions::default() };
    let mut subscription = Subscription::new(world, config, text(), options, memory());
    let mut publisher = Publisher::new(world, config, text(), memory());
    let mut bridge = Bridge::new(world, config, text(), World, BridgeOptions::default(), memory());
    let key = Some(&*input());
    let event = NewEvent {
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
        if let Some(Ok(response)) = run(fetch(world, config, text(), black_box(key), memory())) {
            black_box((response.head.status(), response.content));
        }
    }
    let options = ConnectOptions { protocols: &[text()], origin: Some(text()), ..ConnectOptions::default() };
    let Some(Ok(mut socket)) = run(ClientWebSocket::connect(world, config, text(), &options, room())) else { return };
    while number() < 3 {
        let _ = black_box(run(socket.recv(room())));
        let _ = black_box(run(socket.read(room())));
        let _ = black_box(run(socket.send(MessageKind::Text, input())));
        let _ = black_box(socket.try_send(MessageKind::Binary, input()));
        let _ = socket.start_message(MessageKind::Text);
        let _ = black_box(run(socket.write(input())));
        let _ = black_box(run(socket.end_message()));
        let _ = black_box(run(socket.sleep(Duration::from_millis(number()))));
        let _ = black_box(run(socket.close()));
        black_box((socket.peer_close(), socket.buffered_amount()));
    }
}

#[unsafe(no_mangle)]
extern "C" fn _start() {
    all();
}

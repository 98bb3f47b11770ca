//! The async shell, served over a socket, a clock and buffers that no compiler knows, by a handler that does all there is
//! to do: of panics only the compiler's own may be reachable, for an `async fn` that is polled after its end
//! (`tests/scripts/no-panic`).
#![no_std]
#![no_main]

mod unknown;
mod world;

use core::future::poll_fn;
use core::hint::black_box;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use goldcrest_core::assets::GOLDCREST;
use goldcrest_core::http::{Response, Status};
use goldcrest_core::hub::{Channel, StaticHub};
use goldcrest_core::hub_http::{
    Authorized, Authorizer, ChannelIntent, HubHandler, Overloaded, Rights, WithdrawableGrant, WithdrawableGrants,
};
use goldcrest_core::io::{Interest, Socket, TryIo};
use goldcrest_core::log::{EventLog, EventType, GapPolicy};
use goldcrest_core::server::{
    AcceptOptions, Access, BodyWriter, EventWriter, Exchange, Handler, HandlerResult, HostPolicy, Runtime,
    ServerConfig, ServerWebSocket, serve,
};
use goldcrest_core::sse::encode::EventBlock;
use goldcrest_core::sse::field::Comment;
use goldcrest_core::ws::close::{CloseCode, CloseReason};
use goldcrest_core::ws::connection::MessageKind;
use unknown::{chance, input, number, room, text};
use world::World;

/// Anything may happen on it.
struct AnySocket;

#[derive(Debug)]
struct Broken;

fn lend<R>(bytes: &mut [u8], f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, Broken> {
    match number() {
        0 => Err(Broken),
        1 => Ok(TryIo::WouldBlock),
        2 => Ok(TryIo::Eof),
        _ => {
            let (count, result) = f(bytes);
            black_box(count);
            Ok(TryIo::Done(result))
        }
    }
}

fn poll_anything<T>(ready: T) -> Poll<T> {
    if chance() { Poll::Ready(ready) } else { Poll::Pending }
}

impl Socket for AnySocket {
    type Error = Broken;

    async fn wait(&mut self, want: Interest) -> Result<(), Broken> {
        black_box(want);
        poll_fn(|_| poll_anything(if chance() { Ok(()) } else { Err(Broken) })).await
    }

    fn try_read_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, Broken> {
        lend(input(), f)
    }

    fn try_write_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, Broken> {
        lend(room(), f)
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

fn some_time() -> Duration {
    Duration::from_millis(number())
}

type AnyHub = StaticHub<NoopRawMutex, &'static mut [u8], 2, 3>;

/// Decides in every way that there is.
struct AnyGrants(WithdrawableGrants<NoopRawMutex, 3>);

impl<'h> Authorizer for &'h AnyGrants {
    type Grant = WithdrawableGrant<'h, NoopRawMutex, 3>;

    async fn authorize<'x, 'l, R: Runtime>(
        &self,
        exchange: Exchange<'x, 'l, R>,
        intent: &ChannelIntent<'_>,
    ) -> Authorized<'x, 'l, R, Self::Grant> {
        poll_fn(|_| poll_anything(())).await;
        let rights = Rights { read: chance(), publish: chance() && intent.wanted.publish };
        let end = exchange.now() + some_time();
        match number() {
            0 => return Err(exchange.unauthorized(text()).await),
            1 => _ = black_box(self.0.withdraw()),
            _ => {}
        }
        match self.0.grant(rights) {
            Some(grant) => Ok((exchange, grant.until(end))),
            None => Err(exchange.forbidden().await),
        }
    }
}

/// Answers in every way that there is.
struct Any<'h>(HubHandler<'h, AnyHub>, HubHandler<'h, AnyHub, (), &'h AnyGrants>);

impl Handler for Any<'_> {
    async fn handle<R: Runtime>(&self, mut exchange: Exchange<'_, '_, R>) -> HandlerResult {
        match number() {
            0 => self.0.handle(exchange).await,
            7 => self.1.handle(exchange).await,
            1 => Overloaded.handle(exchange).await,
            8 => exchange.redirect(black_box(Status::SEE_OTHER), text()).await,
            9 => exchange.respond_error(black_box(Status::CONFLICT), text()).await,
            10 => match exchange.limit_content(number()) {
                Ok(()) => GOLDCREST.answer(exchange).await,
                Err(error) => exchange.respond_body_error(error).await,
            },
            2 => exchange.method_not_allowed(text()).await,
            3 => match exchange.read_whole(input()).await {
                Ok(length) => {
                    let body = input().get(..length).unwrap_or_default();
                    let headers = &[(text(), text())];
                    let status = Status::new(number() as u16).unwrap_or(Status::OK);
                    exchange.respond(&Response { status, content_type: Some(text()), headers, body }).await
                }
                Err(error) => exchange.respond_body_error(error).await,
            },
            4 => stream(exchange.stream(text()).await?).await,
            5 => events(exchange.sse().await?).await,
            6 => {
                let options = AcceptOptions { protocols: &[text()], max_message: number() };
                websocket(exchange.websocket(&options).await?).await
            }
            _ => exchange.not_found().await,
        }
    }
}

async fn stream<R: Runtime>(mut body: BodyWriter<'_, '_, R>) -> HandlerResult {
    while body.sleep(some_time()).await? {
        body.write(input()).await?;
        black_box(body.buffered_amount());
        body.while_open(poll_fn(|_| poll_anything(()))).await?;
    }
    body.finish().await
}

async fn events<R: Runtime>(mut events: EventWriter<'_, '_, R>) -> HandlerResult {
    while events.sleep(some_time()).await? {
        events.event(&EventBlock::new(input())).await?;
        if let Ok(comment) = Comment::new(input()) {
            events.comment(comment).await?;
        }
        events.while_open(poll_fn(|_| poll_anything(()))).await?;
    }
    events.finish().await
}

async fn websocket<R: Runtime>(mut socket: ServerWebSocket<'_, '_, R>) -> HandlerResult {
    while socket.ready().await? {
        let kind = if chance() { MessageKind::Text } else { MessageKind::Binary };
        match number() {
            0 => _ = black_box(socket.recv(room()).await?),
            1 => _ = black_box(socket.read(room()).await?),
            2 => socket.send(kind, input()).await?,
            3 => _ = black_box(socket.try_send(kind, input())?),
            4 => socket.start_message(kind)?,
            5 => socket.write(input()).await?,
            6 => socket.end_message().await?,
            7 => socket.while_open(poll_fn(|_| poll_anything(()))).await?,
            8 => socket.sleep(some_time()).await?,
            _ => socket.start_close(CloseCode::NORMAL, CloseReason::NONE),
        }
        black_box((socket.protocol(), socket.buffered_amount()));
    }
    socket.close().await
}

#[unsafe(no_mangle)]
extern "C" fn _start() {
    let log = || EventLog::new(room(), number() as usize, number() as u32);
    let (Ok(a), Ok(b)) = (log(), log()) else { return };
    let policy = black_box(GapPolicy::Disconnect);
    let hub = AnyHub::new(number() as u32, [Channel::with_log("a", a), Channel::with_log("b", b)]).with_gap_policy(policy);
    let _ = black_box(hub.publish(text(), EventType::MESSAGE, input()));
    let mut config = ServerConfig {
        access: Access { hosts: HostPolicy::List(&[text()]), ..Access::default() },
        max_fields: number() as usize,
        max_body: number(),
        io_budget: number() as usize,
        retry_after: some_time(),
        default_wait: some_time(),
        max_wait: some_time(),
        ..ServerConfig::default()
    };
    for time in [
        &mut config.head_timeout,
        &mut config.idle_timeout,
        &mut config.body_timeout,
        &mut config.write_timeout,
        &mut config.linger_timeout,
        &mut config.close_timeout,
        &mut config.stream_timers.keep_alive,
        &mut config.stream_timers.reconnection_time,
        &mut config.keep_alive.ping_interval,
        &mut config.keep_alive.pong_deadline,
    ] {
        // Any there is, Duration::MAX too.
        *time = Duration::new(number(), 999_999_999);
    }
    config.poll.events = number() as usize;
    config.poll.bytes = number();
    let grants = AnyGrants(WithdrawableGrants::new());
    let handler = Any(HubHandler::new(&hub), HubHandler::new(&hub).authorizer(&grants));
    let (mut socket, world) = (AnySocket, World::<AnySocket>::new());
    let mut serving = pin!(serve(&mut socket, &world, &config, &handler));
    while black_box(serving.as_mut().poll(&mut Context::from_waker(Waker::noop()))).is_pending() {}
}

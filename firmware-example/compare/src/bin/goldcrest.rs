//! `/memory`, `/events` (SSE, an event a second) and `/echo` (WebSocket) by goldcrest-core: by exchanges, without the hub.
#![no_std]
#![no_main]

#[path = "../board.rs"]
mod board;
#[path = "../../../boards/qemu-lm3s6965/src/boot.rs"]
mod boot;
#[path = "../../../boards/qemu-lm3s6965/src/entropy.rs"]
mod entropy;
#[path = "../../../boards/qemu-lm3s6965/src/ethernet.rs"]
mod ethernet;
#[path = "../../../boards/qemu-lm3s6965/src/executor.rs"]
mod executor;
#[path = "../../../boards/qemu-lm3s6965/src/register.rs"]
mod register;
#[path = "../../../boards/qemu-lm3s6965/src/time.rs"]
mod time;
#[path = "../../../boards/qemu-lm3s6965/src/uart.rs"]
mod uart;

use core::fmt::Write;
use core::marker::PhantomData;

use embassy_executor::Spawner;
use embassy_net::Stack;
use embassy_net::tcp::TcpSocket;
use embassy_time::{Duration, Instant, Timer};
use goldcrest_core::http::{Response, Status};
use goldcrest_core::io::EmbassyClock;
use goldcrest_core::server::{
    AcceptOptions, BufferKind, Exchange, Handler, HandlerResult, Runtime, ServerConfig, serve,
};
use goldcrest_core::sse::encode;
use heapless::String;
use static_cell::StaticCell;

use ethernet::Ethernet;

use board::{CONNECTIONS, HEAD, MESSAGE, PORT, Rings, spawn};

static CONFIG: StaticCell<ServerConfig<'static>> = StaticCell::new();

/// A head buffer for each connection, as in the other images.
struct World<'s>(PhantomData<TcpSocket<'s>>);

struct Head([u8; HEAD]);

impl AsRef<[u8]> for Head {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl AsMut<[u8]> for Head {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl<'s> Runtime for World<'s> {
    type Socket = TcpSocket<'s>;
    type Clock = EmbassyClock;
    type Buffer = Head;

    fn clock(&self) -> &EmbassyClock {
        &EmbassyClock
    }

    fn buffer(&self, _: BufferKind) -> Option<Head> {
        Some(Head([0; HEAD]))
    }

    fn random(&self) -> u32 {
        Instant::now().as_ticks() as u32
    }

    fn is_shutting_down(&self) -> bool {
        false
    }
}

struct Routes;

impl Handler for Routes {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        match exchange.request().path() {
            "/memory" => {
                let text = board::memory();
                let content_type = Some("application/json");
                let response = Response { status: Status::OK, content_type, headers: &[], body: text.as_bytes() };
                exchange.respond(&response).await
            }
            "/events" => events(exchange).await,
            "/echo" => echo(exchange).await,
            _ => exchange.respond(&Response::text(Status::NOT_FOUND, "not found\n")).await,
        }
    }
}

async fn events<R: Runtime>(exchange: Exchange<'_, '_, R>) -> HandlerResult {
    let mut writer = exchange.sse().await?;
    loop {
        let mut text = String::<20>::new();
        let _ = write!(text, "{}", Instant::now().as_secs());
        writer.event(&encode::EventBlock::new(text.as_bytes())).await?;
        if writer.while_open(Timer::after(Duration::from_secs(1))).await?.is_none() {
            return writer.finish().await;
        }
    }
}

async fn echo<R: Runtime>(exchange: Exchange<'_, '_, R>) -> HandlerResult {
    let mut socket = exchange.websocket(&AcceptOptions::default()).await?;
    let mut buffer = [0; MESSAGE];
    while let Some(message) = socket.recv(&mut buffer).await? {
        socket.send(message.kind, message.payload).await?;
    }
    socket.close().await
}

#[embassy_executor::task(pool_size = CONNECTIONS)]
async fn connection(stack: Stack<'static>, rings: &'static mut Rings, config: &'static ServerConfig<'static>) -> ! {
    let (receive, transmit) = rings;
    loop {
        let mut socket = TcpSocket::new(stack, receive, transmit);
        socket.set_nagle_enabled(false);
        socket.set_timeout(Some(Duration::from_secs(30)));
        socket.set_keep_alive(Some(Duration::from_secs(10)));
        if socket.accept(PORT).await.is_ok() {
            let _ = serve(&mut socket, &World(PhantomData), config, &Routes).await;
            let _ = socket.flush().await;
        }
    }
}

fn start(spawner: Spawner, ethernet: &'static mut Ethernet) {
    let (stack, rings) = board::serve(spawner, ethernet);
    let config = CONFIG.init(ServerConfig::default());
    for rings in rings {
        spawn(spawner, connection(stack, rings, config));
    }
}

//! `/memory`, `/events` (SSE, an event a second) and `/echo` (WebSocket) by picoserve.
#![no_std]
#![no_main]
#![recursion_limit = "256"] // of the futures' types

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

use core::convert::Infallible;

use embassy_executor::Spawner;
use embassy_net::Stack;
use embassy_net::tcp::TcpSocket;
use embassy_time::{Duration, Instant, Timer};
use heapless::String;
use picoserve::io::{Read, Write};
use picoserve::response::sse::{EventSource, EventWriter};
use picoserve::response::ws::{Message, SocketRx, SocketTx, WebSocketCallback, WebSocketUpgrade};
use picoserve::response::{Content, EventStream};
use picoserve::routing::get;
use picoserve::{Config, Router, Server, Timeouts};

use ethernet::Ethernet;

use board::{CONNECTIONS, HEAD, MESSAGE, PORT, Rings, spawn};

static CONFIG: Config = Config::new(Timeouts {
    start_read_request: picoserve::time::Duration::from_secs(5),
    persistent_start_read_request: picoserve::time::Duration::from_secs(5),
    read_request: picoserve::time::Duration::from_secs(5),
    write: picoserve::time::Duration::from_secs(30),
})
.keep_connection_alive();

struct Figures(String<32>);

impl Content for Figures {
    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn content_length(&self) -> usize {
        self.0.len()
    }

    async fn write_content<W: Write>(self, mut writer: W) -> Result<(), W::Error> {
        writer.write_all(self.0.as_bytes()).await
    }
}

struct Seconds;

impl EventSource for Seconds {
    async fn write_events<W: Write>(self, mut writer: EventWriter<'_, W>) -> Result<(), W::Error> {
        loop {
            writer.write_event("message", format_args!("{}", Instant::now().as_secs())).await?;
            Timer::after(Duration::from_secs(1)).await;
        }
    }
}

struct Echo;

impl WebSocketCallback for Echo {
    async fn run<R: Read, W: Write<Error = R::Error>>(
        self,
        mut rx: SocketRx<R>,
        mut tx: SocketTx<W>,
    ) -> Result<(), W::Error> {
        let mut buffer = [0; MESSAGE];
        loop {
            let message = rx.next_message(&mut buffer, core::future::pending::<Infallible>()).await?;
            match message.ignore_never_b() {
                Ok(Message::Text(text)) => tx.send_text(text).await?,
                Ok(Message::Binary(bytes)) => tx.send_binary(bytes).await?,
                Ok(Message::Ping(bytes)) => tx.send_pong(bytes).await?,
                Ok(Message::Pong(_)) => {}
                Ok(Message::Close(_)) => return tx.close(None).await,
                Err(error) => return tx.close((error.code(), "")).await,
            }
        }
    }
}

#[embassy_executor::task(pool_size = CONNECTIONS)]
async fn connection(stack: Stack<'static>, rings: &'static mut Rings) -> ! {
    let (receive, transmit) = rings;
    let app = Router::new()
        .route("/memory", get(|| async { Figures(board::memory()) }))
        .route("/events", get(|| async { EventStream(Seconds) }))
        .route("/echo", get(|upgrade: WebSocketUpgrade| async move { upgrade.on_upgrade(Echo) }));
    let mut head = [0; HEAD];
    loop {
        // As `Server::listen_and_serve` does it, which leaves Nagle's algorithm on.
        let mut socket = TcpSocket::new(stack, receive, transmit);
        socket.set_nagle_enabled(false);
        socket.set_timeout(Some(Duration::from_secs(30)));
        socket.set_keep_alive(Some(Duration::from_secs(10)));
        if socket.accept(PORT).await.is_ok() {
            let _ = Server::new(&app, &CONFIG, &mut head).serve(socket).await;
        }
    }
}

fn start(spawner: Spawner, ethernet: &'static mut Ethernet) {
    let (stack, rings) = board::serve(spawner, ethernet);
    for rings in rings {
        spawn(spawner, connection(stack, rings));
    }
}

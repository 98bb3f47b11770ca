//! The first firmware of docs/FIRMWARE.md on the emulated board, by picoserve: SSE of the newest value.
#![no_std]
#![no_main]
#![recursion_limit = "256"] // of the futures' types

#[allow(dead_code, reason = "the other images use more of it")]
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

// The program.
use core::convert::Infallible;
use core::sync::atomic::{AtomicU32, Ordering};
use embassy_executor::Spawner;
use embassy_net::Stack;
use embassy_time::{Instant, Timer};
use picoserve::io::{Read, Write};
use picoserve::response::sse::{EventSource, EventWriter};
use picoserve::response::ws::{Message, SocketRx, SocketTx, WebSocketCallback, WebSocketUpgrade};
use picoserve::response::{EventStream, File};
use picoserve::routing::{get, get_service};
use picoserve::{Config, Router, Server, Timeouts};

/// The newest value, which each connection sends once a second.
static UPTIME: AtomicU32 = AtomicU32::new(0);
const HTML: &str = "<h1 id=t></h1><script>new EventSource('/events/uptime').onmessage=e=>t.innerText=e.data</script>";
static CONFIG: Config = Config::new(Timeouts {
    start_read_request: picoserve::time::Duration::from_secs(5),
    persistent_start_read_request: picoserve::time::Duration::from_secs(5),
    read_request: picoserve::time::Duration::from_secs(5),
    write: picoserve::time::Duration::from_secs(30),
})
.keep_connection_alive();

struct Uptime;
impl EventSource for Uptime {
    async fn write_events<W: Write>(self, mut writer: EventWriter<'_, W>) -> Result<(), W::Error> {
        loop {
            writer.write_event("message", format_args!("{}", UPTIME.load(Ordering::Relaxed))).await?;
            writer.flush().await?;
            Timer::after_secs(1).await;
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
        let mut buffer = [0; 256];
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

#[embassy_executor::task(pool_size = board::CONNECTIONS)]
async fn client(id: usize, stack: Stack<'static>) {
    let app = Router::new()
        .route("/", get_service(File::html(HTML)))
        .route("/events/uptime", get(|| async { EventStream(Uptime) }))
        .route("/echo", get(|upgrade: WebSocketUpgrade| async move { upgrade.on_upgrade(Echo) }));
    let (mut head, mut receive, mut transmit) = ([0; 1024], [0; 512], [0; 1072]);
    Server::new(&app, &CONFIG, &mut head).listen_and_serve(id, stack, 80, &mut receive, &mut transmit).await;
}

#[embassy_executor::task]
async fn sensor() {
    loop {
        UPTIME.store(Instant::now().as_secs() as u32, Ordering::Relaxed);
        Timer::after_secs(1).await;
    }
}

fn start(spawner: Spawner, ethernet: &'static mut ethernet::Ethernet) {
    let stack = board::network(spawner, ethernet);
    board::spawn(spawner, sensor());
    (0..board::CONNECTIONS).for_each(|id| board::spawn(spawner, client(id, stack)));
}

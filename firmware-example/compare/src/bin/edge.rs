//! `/memory`, `/events` (SSE, an event a second) and `/echo` (WebSocket) by edge-http and edge-ws.
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

use core::fmt::Write as _;

use edge_http::Method;
use edge_http::io::Error;
use edge_http::io::server::Connection;
use edge_http::ws::MAX_BASE64_KEY_RESPONSE_LEN;
use edge_ws::FrameType;
use embassy_executor::Spawner;
use embassy_net::Stack;
use embassy_net::tcp::TcpSocket;
use embassy_time::{Duration, Instant, Timer};
use embedded_io_async::{Read, Write};
use heapless::String;

use ethernet::Ethernet;

use board::{CONNECTIONS, HEAD, MESSAGE, PORT, Rings, spawn};

const FIELDS: usize = 32;

#[embassy_executor::task(pool_size = CONNECTIONS)]
async fn connection(stack: Stack<'static>, rings: &'static mut Rings) -> ! {
    let (receive, transmit) = rings;
    let mut head = [0; HEAD];
    loop {
        let mut socket = TcpSocket::new(stack, receive, transmit);
        socket.set_nagle_enabled(false);
        socket.set_timeout(Some(Duration::from_secs(30)));
        socket.set_keep_alive(Some(Duration::from_secs(10)));
        if socket.accept(PORT).await.is_ok() {
            while request(&mut head, &mut socket).await.unwrap_or(false) {}
            socket.close();
            let _ = socket.flush().await;
        }
    }
}

/// Whether the connection stays open.
async fn request<T: Read + Write>(head: &mut [u8], io: T) -> Result<bool, Error<T::Error>> {
    let mut connection = Connection::<_, FIELDS>::new(head, io).await?;
    let headers = connection.headers()?;
    match (headers.method, headers.path) {
        (Method::Get, "/memory") => {
            let text = board::memory();
            let mut length = String::<4>::new();
            let _ = write!(length, "{}", text.len());
            let fields = [("Content-Type", "application/json"), ("Content-Length", length.as_str())];
            connection.initiate_response(200, Some("OK"), &fields).await?;
            connection.write_all(text.as_bytes()).await?;
        }
        (Method::Get, "/events") => {
            let fields = [("Content-Type", "text/event-stream"), ("Cache-Control", "no-cache")];
            connection.initiate_response(200, Some("OK"), &fields).await?;
            loop {
                let mut event = String::<64>::new();
                let _ = write!(event, "event: message\ndata: {}\n\n", Instant::now().as_secs());
                connection.write_all(event.as_bytes()).await?;
                connection.flush().await?;
                Timer::after(Duration::from_secs(1)).await;
            }
        }
        (Method::Get, "/echo") if connection.is_ws_upgrade_request()? => {
            let mut key = [0; MAX_BASE64_KEY_RESPONSE_LEN];
            connection.initiate_ws_upgrade_response(&mut key).await?;
            connection.complete().await?;
            let _ = echo(connection.unbind()?).await;
            return Ok(false);
        }
        _ => connection.initiate_response(404, Some("Not Found"), &[]).await?,
    }
    connection.complete().await?;
    Ok(!connection.needs_close())
}

async fn echo<T: Read + Write>(mut io: T) -> Result<(), edge_ws::io::Error<T::Error>> {
    let mut buffer = [0; MESSAGE];
    loop {
        let (kind, length) = edge_ws::io::recv(&mut io, &mut buffer).await?;
        let payload = buffer.get(..length).unwrap_or_default();
        match kind {
            FrameType::Text(_) | FrameType::Binary(_) | FrameType::Continue(_) => {
                edge_ws::io::send(&mut io, kind, None, payload).await?;
            }
            FrameType::Ping => edge_ws::io::send(&mut io, FrameType::Pong, None, payload).await?,
            FrameType::Pong => {}
            FrameType::Close => return edge_ws::io::send(&mut io, FrameType::Close, None, payload).await,
        }
    }
}

fn start(spawner: Spawner, ethernet: &'static mut Ethernet) {
    let (stack, rings) = board::serve(spawner, ethernet);
    for rings in rings {
        spawn(spawner, connection(stack, rings));
    }
}

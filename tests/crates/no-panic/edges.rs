//! The async shell over `io::BufferedIo`, and a client over `client::TcpConnector`, with a network of `embedded-io-async` and
//! `embedded-nal-async` that may do anything: of panics only the compiler's own may be reachable, for an `async fn` that is polled
//! after its end (`tests/scripts/no-panic`).
#![no_std]
#![no_main]

mod unknown;
mod world;

use core::fmt;
use core::future::{Future, poll_fn};
use core::hint::black_box;
use core::net::{IpAddr, Ipv6Addr, SocketAddr};
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embedded_io_async::{ErrorKind, ErrorType, Read, Write};
use embedded_nal_async::{AddrType, Dns, TcpConnect};
use goldcrest_core::client;
use goldcrest_core::client::{Buffers, EventSource, EventSourceOptions, RuntimeParts, TcpConnector};
use goldcrest_core::hub::{Channel, StaticHub};
use goldcrest_core::hub_http::HubHandler;
use goldcrest_core::io::{BufferedIo, Socket};
use goldcrest_core::server::{ServerConfig, serve};
use unknown::{chance, input, number, room, text};
use world::{AnyClock, World};

/// Moves any number of bytes, or breaks.
struct AnyStream;

#[derive(Debug)]
struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken")
    }
}

impl core::error::Error for Broken {}

impl embedded_io_async::Error for Broken {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

impl ErrorType for AnyStream {
    type Error = Broken;
}

async fn anything() -> Result<usize, Broken> {
    poll_fn(|_| match number() {
        0 => Poll::Pending,
        1 => Poll::Ready(Err(Broken)),
        _ => Poll::Ready(Ok(number() as usize)),
    })
    .await
}

impl Read for AnyStream {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Broken> {
        black_box(buffer);
        anything().await
    }
}

impl Write for AnyStream {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Broken> {
        black_box(bytes);
        anything().await
    }

    async fn flush(&mut self) -> Result<(), Broken> {
        anything().await.map(|_| ())
    }
}

/// Connects to anybody, or to nobody.
struct AnyStack;

impl TcpConnect for AnyStack {
    type Error = Broken;
    type Connection<'a> = AnyStream;

    async fn connect<'a>(&'a self, remote: SocketAddr) -> Result<AnyStream, Broken> {
        black_box(remote);
        anything().await.map(|_| AnyStream)
    }
}

impl Dns for AnyStack {
    type Error = Broken;

    async fn get_host_by_name(&self, host: &str, _: AddrType) -> Result<IpAddr, Broken> {
        black_box(host);
        anything().await.map(|_| black_box(IpAddr::V6(Ipv6Addr::UNSPECIFIED)))
    }

    async fn get_host_by_address(&self, _: IpAddr, _: &mut [u8]) -> Result<usize, Broken> {
        anything().await
    }
}

type AnySocket = BufferedIo<'static, AnyStream>;

type AnyHub = StaticHub<NoopRawMutex, &'static mut [u8], 1, 2>;

fn served(socket: &mut AnySocket, hub: &AnyHub) {
    let (world, config, events) = (World::<AnySocket>::new(), ServerConfig::default(), HubHandler::new(hub));
    let mut serving = pin!(serve(socket, &world, &config, &events));
    while black_box(serving.as_mut().poll(&mut Context::from_waker(Waker::noop()))).is_pending() {}
}

fn listened() {
    let connector = TcpConnector::new(AnyStack, AnyStack, [(room(), input())]);
    let world = RuntimeParts { connector, clock: AnyClock, random: || black_box(Ok([0; 4])) };
    let (config, memory) = (client::ClientConfig::default(), Buffers { buffer: room(), location: input() });
    let mut source = EventSource::new(&world, &config, text(), EventSourceOptions::default(), memory, input());
    while chance() {
        let mut next = pin!(source.next());
        let _ = black_box(next.as_mut().poll(&mut Context::from_waker(Waker::noop())));
    }
}

#[unsafe(no_mangle)]
extern "C" fn _start() {
    listened();
    let hub = &AnyHub::new(number() as u32, [Channel::new("a", room())]);
    let mut adapter = BufferedIo::new(AnyStream, room(), input());
    served(&mut adapter, hub);
    adapter.close();
    adapter.abort();
    black_box(adapter.into_inner());
}

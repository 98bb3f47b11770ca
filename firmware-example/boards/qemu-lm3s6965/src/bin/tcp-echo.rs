//! The same board with a TCP echo only: the difference to the application's size is the size of HTTP, the five transports and the
//! application (`tests/scripts/budget`).
#![no_std]
#![no_main]

#[path = "../boot.rs"]
mod boot;
#[path = "../entropy.rs"]
mod entropy;
#[path = "../ethernet.rs"]
mod ethernet;
#[path = "../executor.rs"]
mod executor;
#[path = "../panic.rs"]
mod panic;
#[path = "../register.rs"]
mod register;
#[path = "../time.rs"]
mod time;
#[path = "../uart.rs"]
mod uart;

use embassy_executor::Spawner;
use embassy_net::tcp::TcpSocket;
use embassy_net::{Config, Stack, StackResources};
use goldcrest_app::sizes::{CONNECTIONS, RECEIVE, SOCKETS, TRANSMIT};
use goldcrest_app::spawn;
use log::info;
use static_cell::ConstStaticCell;

use ethernet::Ethernet;

const PORT: u16 = 80;

static STACK: ConstStaticCell<StackResources<SOCKETS>> = ConstStaticCell::new(StackResources::new());
static BUFFERS: ConstStaticCell<[([u8; RECEIVE], [u8; TRANSMIT]); CONNECTIONS]> =
    ConstStaticCell::new([([0; RECEIVE], [0; TRANSMIT]); CONNECTIONS]);

#[embassy_executor::task]
async fn address(stack: Stack<'static>) {
    stack.wait_config_up().await;
    if let Some(config) = stack.config_v4() {
        let [a, b, c, d] = config.address.address().octets();
        info!("echoes at {a}.{b}.{c}.{d}:{PORT}");
    }
}

#[embassy_executor::task(pool_size = CONNECTIONS)]
async fn connection(stack: Stack<'static>, buffers: &'static mut ([u8; RECEIVE], [u8; TRANSMIT])) -> ! {
    loop {
        let (receive, transmit) = &mut *buffers;
        let mut socket = TcpSocket::new(stack, receive, transmit);
        if socket.accept(PORT).await.is_ok() {
            while echo(&mut socket).await.is_ok_and(|count| count > 0) {}
            socket.close();
            let _ = socket.flush().await;
        }
    }
}

async fn echo(socket: &mut TcpSocket<'_>) -> Result<usize, embassy_net::tcp::Error> {
    let mut chunk = [0; 64];
    let count = socket.read(&mut chunk).await?;
    let mut rest = chunk.get(..count).unwrap_or_default();
    while !rest.is_empty() {
        let written = socket.write(rest).await?;
        rest = rest.get(written..).unwrap_or_default();
    }
    Ok(count)
}

fn start(spawner: Spawner, ethernet: &'static mut Ethernet) {
    let config = Config::dhcpv4(Default::default());
    let (stack, runner) = embassy_net::new(ethernet, config, STACK.take(), entropy::seed());
    spawn(spawner, boot::network(runner));
    spawn(spawner, address(stack));
    for buffers in BUFFERS.take() {
        spawn(spawner, connection(stack, buffers));
    }
}

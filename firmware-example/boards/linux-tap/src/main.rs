//! The application on Linux, with its own TCP/IP over a TAP device: for a debugger, a sanitizer or a profiler.
//!
//! `linux-tap [DEVICE]`: the device is `tap0` by default; the user needs access to it. Its address is 10.0.2.15, as of the emulated
//! chip. Each line typed is published on the channel `chat`.

use std::io::{self, BufRead};
use std::{env, thread};

use embassy_executor::{Executor, Spawner};
use embassy_net::{Ipv4Address, Ipv4Cidr, Runner, StackResources, StaticConfigV4};
use embassy_net_tuntap::TunTapDevice;
use goldcrest_app::sizes::SOCKETS;
use goldcrest_app::{Board, EventType, Memory};
use log::{LevelFilter, error, info, warn};
use static_cell::{ConstStaticCell, StaticCell};

static EXECUTOR: StaticCell<Executor> = StaticCell::new();
static BOARD: StaticCell<Board> = StaticCell::new();
static STACK: ConstStaticCell<StackResources<SOCKETS>> = ConstStaticCell::new(StackResources::new());

const FALLBACK: StaticConfigV4 = StaticConfigV4 {
    address: Ipv4Cidr::new(Ipv4Address::new(10, 0, 2, 15), 24),
    gateway: Some(Ipv4Address::new(10, 0, 2, 2)),
    dns_servers: heapless::Vec::new(),
};

#[embassy_executor::task]
async fn network(mut runner: Runner<'static, TunTapDevice>) -> ! {
    runner.run().await
}

#[embassy_executor::task]
async fn led() -> ! {
    loop {
        info!("the LED is {}", if goldcrest_app::led::changed().await { "on" } else { "off" });
    }
}

fn main() -> io::Result<()> {
    env_logger::Builder::new().filter_level(LevelFilter::Info).parse_default_env().init();
    let device = TunTapDevice::new(&env::args().nth(1).unwrap_or_else(|| "tap0".to_owned()))?;
    let random = || getrandom::u64().map_err(io::Error::other);
    let (seed, secret) = (random()?, [random()?, random()?, random()?, random()?]);
    thread::spawn(publish_typed_lines);
    EXECUTOR.init(Executor::new()).run(|spawner| start(spawner, device, seed, secret))
}

fn start(spawner: Spawner, device: TunTapDevice, seed: u64, secret: [u64; 4]) {
    let (stack, runner) = embassy_net::new(device, goldcrest_app::network::dhcp(), STACK.take(), seed);
    let board = BOARD.init(Board { name: "linux-tap", fallback: FALLBACK, memory: unknown, seed, secret });
    goldcrest_app::spawn(spawner, network(runner));
    goldcrest_app::spawn(spawner, led());
    goldcrest_app::start(spawner, stack, board);
}

/// A process has no fixed memory: all zeros.
fn unknown() -> Memory {
    Memory { statics: 0, stack: 0, stack_used: 0 }
}

/// From another thread, as from a chip's interrupt.
fn publish_typed_lines() {
    for line in io::stdin().lock().lines() {
        match line {
            Ok(line) => match goldcrest_app::publish("chat", EventType::MESSAGE, line.as_bytes()) {
                Ok(id) => info!("published as {id}"),
                Err(error) => warn!("not published: {error}"),
            },
            Err(error) => return error!("{error}"),
        }
    }
}

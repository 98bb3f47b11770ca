//! The examples in one image for QEMU's `lm3s6965evb`: `cargo run --release` in this folder.
//!
//! | file | example | path |
//! | --- | --- | --- |
//! | `ota.rs` | an update over the air, as a streaming POST | `/update` |
//! | `captive_portal.rs` | a captive portal: a redirect of unknown hosts, and a DNS response for every name | all |
//! | `static_secret.rs` | readers are free, publishing needs a secret | `/events/orders`, `/update` |
//!
//! `tests/scripts/firmware-examples` drives them with real clients.
#![no_std]
#![no_main]

#[path = "../../boards/qemu-lm3s6965/src/boot.rs"]
mod boot;
mod captive_portal;
#[path = "../../boards/qemu-lm3s6965/src/entropy.rs"]
mod entropy;
#[path = "../../boards/qemu-lm3s6965/src/ethernet.rs"]
mod ethernet;
#[path = "../../boards/qemu-lm3s6965/src/executor.rs"]
mod executor;
mod ota;
#[path = "../../boards/qemu-lm3s6965/src/panic.rs"]
mod panic;
#[path = "../../boards/qemu-lm3s6965/src/register.rs"]
mod register;
mod static_secret;
#[path = "../../boards/qemu-lm3s6965/src/time.rs"]
mod time;
#[path = "../../boards/qemu-lm3s6965/src/uart.rs"]
mod uart;

use core::convert::Infallible;
use core::net::Ipv4Addr;

use cortex_m_memory as _;
use embassy_executor::{SpawnError, SpawnToken, Spawner};
use embassy_net::udp::{PacketMetadata, UdpSocket};
use embassy_net::{Config, Ipv4Cidr, Stack, StackResources, StaticConfigV4};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::mutex::Mutex;
use goldcrest_core::embassy::{Device, SocketBuffers, Unseeded};
use goldcrest_core::http::{Response, Status};
use goldcrest_core::hub::{Channel, StaticHub};
use goldcrest_core::hub_http::HubHandler;
use goldcrest_core::server::{Exchange, Handler, HandlerResult, HostPolicy, Runtime, ServerConfig};
use log::{error, info};
use static_cell::{ConstStaticCell, StaticCell};

use ethernet::Ethernet;
use static_secret::StaticSecret;

const CLIENTS: usize = 4;
/// The address behind QEMU's user network, and on the TAP device of the tests.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
/// A product has a secret for each device.
const SECRET: StaticSecret = StaticSecret { user: "device", secret: "correct-horse-battery-staple" };

type Web = Device<1024, 2, 512, 1>;
/// Each channel remembers 8 idempotency keys.
type Hub = StaticHub<NoopRawMutex, &'static mut [u8], 2, CLIENTS, 8>;
type Flash = Mutex<NoopRawMutex, MemoryPartition>;

/// A partition in RAM, in place of the flash that the emulated chip cannot write.
struct MemoryPartition {
    bytes: [u8; Self::SIZE],
    active: u32,
}

impl MemoryPartition {
    const EMPTY: Self = Self { bytes: [0; Self::SIZE], active: 0 };
    const SIZE: usize = 12 * 1024;
}

impl ota::Partition for MemoryPartition {
    type Error = Infallible;
    const CAPACITY: u32 = Self::SIZE as u32;

    async fn erase(&mut self) -> Result<(), Infallible> {
        self.bytes.fill(0xff);
        Ok(())
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Infallible> {
        let room = self.bytes.get_mut(offset as usize..).and_then(|room| room.get_mut(..bytes.len()));
        if let Some(room) = room {
            room.copy_from_slice(bytes);
        }
        Ok(())
    }

    async fn activate(&mut self, length: u32) -> Result<(), Infallible> {
        self.active = length;
        info!("an image was activated");
        Ok(())
    }
}

struct Examples {
    hub: &'static Hub,
    flash: &'static Flash,
}

impl Handler for Examples {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        let exchange = match captive_portal::redirect(exchange, ADDRESS).await {
            Ok(exchange) => exchange,
            Err(redirected) => return redirected,
        };
        match exchange.request().path() {
            "/" => exchange.respond(&Response::text(Status::OK, "the page of the chip\n")).await,
            "/update" if !SECRET.permits(&exchange) => exchange.unauthorized("Basic realm=\"device\"").await,
            "/update" => {
                let publish = |event_type: goldcrest_core::log::EventType<'_>, text: &[u8]| {
                    let _ = self.hub.publish("update", event_type, text); // fails only for text that is too long
                };
                ota::answer(exchange, self.flash, publish).await
            }
            _ => HubHandler::new(self.hub).authorizer(SECRET).handle(exchange).await,
        }
    }
}

// Constants in static cells: large values would be built on the stack, which has 8 KiB.
static FLASH: ConstStaticCell<Flash> = ConstStaticCell::new(Mutex::new(MemoryPartition::EMPTY));
static EVENTS: ConstStaticCell<[[u8; 1024]; 2]> = ConstStaticCell::new([[0; 1024]; 2]);
static HUB: StaticCell<Hub> = StaticCell::new();
static WEB: ConstStaticCell<Unseeded<Web>> = ConstStaticCell::new(Web::unseeded());
static SOCKETS: ConstStaticCell<StackResources<{ CLIENTS + 1 }>> = ConstStaticCell::new(StackResources::new());
static CONFIG: ServerConfig<'static> = {
    let mut config = ServerConfig::chip();
    config.access.hosts = HostPolicy::Any;
    // The largest content of all routes; a route with less lowers it by `Exchange::limit_content`.
    config.max_body = MemoryPartition::SIZE as u64;
    config
};

#[embassy_executor::task(pool_size = CLIENTS)]
async fn client(stack: Stack<'static>, web: &'static Web, examples: Examples) {
    web.listen(stack, 80, &mut SocketBuffers::<512, 1072>::new(), &CONFIG, &examples).await;
}

/// The name server of the captive portal.
#[embassy_executor::task]
async fn name_server(stack: Stack<'static>) {
    let (mut receive, mut transmit) = ([0; 512], [0; 512]);
    let (mut received, mut sent) = ([PacketMetadata::EMPTY; 2], [PacketMetadata::EMPTY; 2]);
    let mut socket = UdpSocket::new(stack, &mut received, &mut receive, &mut sent, &mut transmit);
    if socket.bind(53).is_err() {
        return;
    }
    let (mut query, mut response) = ([0; 256], [0; 272]);
    loop {
        // A longer query is an error, and is dropped.
        let Ok((length, peer)) = socket.recv_from(&mut query).await else { continue };
        let query = query.get(..length).unwrap_or_default();
        if let Some(length) = captive_portal::answer_dns(query, ADDRESS, &mut response) {
            let _ = socket.send_to(response.get(..length).unwrap_or_default(), peer).await;
        }
    }
}

fn start(spawner: Spawner, ethernet: &'static mut Ethernet) {
    let seed = entropy::seed();
    let address = Ipv4Cidr::new(ADDRESS, 24);
    let config = Config::ipv4_static(StaticConfigV4 { address, gateway: None, dns_servers: heapless::Vec::new() });
    let (stack, runner) = embassy_net::new(ethernet, config, SOCKETS.take(), seed);
    let [orders, update] = EVENTS.take();
    let hub = HUB.init(Hub::new(seed as u32, [Channel::new("orders", orders), Channel::new("update", update)]));
    let flash = FLASH.take();
    let web = WEB.take().seed(seed);
    spawn(spawner, boot::network(runner));
    spawn(spawner, name_server(stack));
    for _ in 0..CLIENTS {
        spawn(spawner, client(stack, web, Examples { hub, flash }));
    }
    info!("the image of the examples serves http://10.0.2.15/");
}

/// Spawns a task, or logs that its pool is exhausted.
fn spawn<S>(spawner: Spawner, task: Result<SpawnToken<S>, SpawnError>) {
    match task {
        Ok(task) => spawner.spawn(task),
        Err(_) => error!("the task pool is exhausted"),
    }
}

//! The first firmware of docs/FIRMWARE.md on the emulated board, by goldcrest-core: the hub, over all five transports.
#![no_std]
#![no_main]

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
use embassy_executor::Spawner;
use embassy_net::Stack;
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_time::{Instant, Timer};
use goldcrest_core::embassy::{Device, SocketBuffers, Unseeded};
use goldcrest_core::{AcceptOptions, Channel, EventType, Exchange, Handler, HandlerResult, HubHandler};
use goldcrest_core::{Response, Runtime, ServerConfig, StaticHub, Status};
use static_cell::{ConstStaticCell, StaticCell};

type Web = Device<1024, 2, 512, 1>;
type Hub = StaticHub<NoopRawMutex, [u8; 1024], 1, { board::CONNECTIONS }, 8>;
const HTML: &str = "<h1 id=t></h1><script>new EventSource('/events/uptime').onmessage=e=>t.innerText=e.data</script>";

struct App(&'static Hub);
impl Handler for App {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        match exchange.request().path() {
            "/" => exchange.respond(&Response::new(Status::OK, "text/html", HTML.as_bytes())).await,
            "/echo" => {
                let mut socket = exchange.websocket(&AcceptOptions::default()).await?;
                while let Some(message) = socket.recv(&mut [0; 256]).await? {
                    socket.send(message.kind, message.payload).await?;
                }
                socket.close().await
            }
            _ => HubHandler::new(self.0).handle(exchange).await,
        }
    }
}

#[embassy_executor::task(pool_size = board::CONNECTIONS)]
async fn client(stack: Stack<'static>, web: &'static Web, hub: &'static Hub) {
    web.listen(stack, 80, &mut SocketBuffers::<512, 1072>::new(), &const { ServerConfig::chip() }, &App(hub)).await
}

#[embassy_executor::task]
async fn sensor(hub: &'static Hub) {
    loop {
        let mut text = heapless::String::<20>::new();
        let _ = core::fmt::Write::write_fmt(&mut text, format_args!("{}", Instant::now().as_secs()));
        let _ = hub.publish("uptime", EventType::MESSAGE, text.as_bytes());
        Timer::after_secs(1).await;
    }
}

fn start(spawner: Spawner, ethernet: &'static mut ethernet::Ethernet) {
    static WEB: ConstStaticCell<Unseeded<Web>> = ConstStaticCell::new(Web::unseeded());
    static HUB: StaticCell<Hub> = StaticCell::new();
    let (stack, seed) = (board::network(spawner, ethernet), entropy::seed());
    let (hub, web) = (HUB.init(Hub::new(seed as u32, [Channel::new("uptime", [0; 1024])])), WEB.take().seed(seed));
    board::spawn(spawner, sensor(hub));
    (0..board::CONNECTIONS).for_each(|_| board::spawn(spawner, client(stack, web, hub)));
}

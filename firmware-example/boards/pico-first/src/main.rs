#![no_std]
#![no_main]
use core::fmt::Write;
use embassy_net::{Config, Stack, StackResources};
use embassy_rp::gpio::{Input, Level, Output, Pull};
use embassy_rp::{adc, bind_interrupts, clocks::RoscRng, dma::InterruptHandler as Dma, peripherals, spi};
use embassy_time::{Delay, Timer};
use goldcrest_core::embassy::{Device, SocketBuffers, Unseeded};
use goldcrest_core::{AcceptOptions, Channel, EventType, Exchange, Handler, HandlerResult, HubHandler};
use goldcrest_core::{Response, Runtime, ServerConfig, StaticHub, Status};
use panic_reset as _;
use static_cell::{ConstStaticCell, StaticCell};

const CLIENTS: usize = 4; // each has a socket of the network stack, and DHCP has one
type Web = Device<1024, 2, 512, 1>;
type Hub = StaticHub<embassy_sync::blocking_mutex::raw::NoopRawMutex, [u8; 2048], 1, CLIENTS>;
const HTML: &str = "<h1 id=t></h1><script>new EventSource('/events/celsius').onmessage=e=>t.innerText=e.data</script>";
bind_interrupts!(struct Irqs { DMA_IRQ_0 => Dma<peripherals::DMA_CH0>, Dma<peripherals::DMA_CH1>; });

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
            _ => HubHandler::new(self.0).handle(exchange).await, // all transports of /events/celsius
        }
    }
}
#[embassy_executor::task(pool_size = CLIENTS)]
async fn client(stack: Stack<'static>, web: &'static Web, hub: &'static Hub) {
    web.listen(stack, 80, &mut SocketBuffers::<512, 1072>::new(), &const { ServerConfig::chip() }, &App(hub)).await
}
#[embassy_executor::task]
async fn thermometer(hub: &'static Hub, mut adc: adc::Adc<'static, adc::Blocking>, mut pin: adc::Channel<'static>) {
    loop {
        let millivolts = i32::from(adc.blocking_read(&mut pin).unwrap_or(0)) * 3_300 / 4_096;
        let mut celsius = heapless::String::<8>::new();
        let _ = write!(celsius, "{}", 27 - (millivolts - 706) * 1_000 / 1_721); // RP2040 datasheet, 4.9.5
        let _ = hub.publish("celsius", EventType::MESSAGE, celsius.as_bytes());
        Timer::after_secs(1).await;
    }
}

#[embassy_executor::main]
async fn main(spawner: embassy_executor::Spawner) {
    static SOCKETS: ConstStaticCell<StackResources<{ CLIENTS + 1 }>> = ConstStaticCell::new(StackResources::new());
    static WEB: ConstStaticCell<Unseeded<Web>> = ConstStaticCell::new(Web::unseeded());
    static HUB: StaticCell<Hub> = StaticCell::new();
    let (chip, seed, mut fast) = (embassy_rp::init(Default::default()), RoscRng.next_u64(), spi::Config::default());
    fast.frequency = 30_000_000;
    let bus = spi::Spi::new(chip.SPI0, chip.PIN_18, chip.PIN_19, chip.PIN_16, chip.DMA_CH0, chip.DMA_CH1, Irqs, fast);
    let Ok(bus) = embedded_hal_bus::spi::ExclusiveDevice::new(bus, Output::new(chip.PIN_17, Level::High), Delay);
    let (interrupt, reset) = (Input::new(chip.PIN_21, Pull::Up), Output::new(chip.PIN_20, Level::High));
    let mut frames = embassy_net_wiznet::State::<4, 4>::new();
    let card = embassy_net_wiznet::new([2, 0, 0, 0, 0, 1], &mut frames, bus, interrupt, reset).await;
    let (card, wiznet): (_, embassy_net_wiznet::Runner<embassy_net_wiznet::chip::W5500, _, _, _>) = card.unwrap();
    let (stack, mut network) = embassy_net::new(card, Config::dhcpv4(Default::default()), SOCKETS.take(), seed);
    let (hub, web) = (HUB.init(Hub::new(seed as u32, [Channel::new("celsius", [0; 2048])])), WEB.take().seed(seed));
    (0..CLIENTS).for_each(|_| spawner.spawn(client(stack, web, hub).unwrap()));
    let pin = adc::Channel::new_temp_sensor(chip.ADC_TEMP_SENSOR);
    spawner.spawn(thermometer(hub, adc::Adc::new_blocking(chip.ADC, Default::default()), pin).unwrap());
    embassy_futures::join::join(wiznet.run(), network.run()).await;
}

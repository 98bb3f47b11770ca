//! The application on a Raspberry Pi Pico (RP2040) with a W5500 Ethernet chip at SPI0, as on the W5500-EVB-Pico.
#![no_std]
#![no_main]

use core::panic::PanicInfo;

use embassy_executor::Spawner;
use embassy_net::{Ipv4Address, Ipv4Cidr, StackResources, StaticConfigV4};
use embassy_net_wiznet::chip::W5500;
use embassy_net_wiznet::{Device, Runner, State};
use embassy_rp::clocks::RoscRng;
use embassy_rp::gpio::{Input, Level, Output, Pull};
use embassy_rp::peripherals::{DMA_CH0, DMA_CH1, SPI0};
use embassy_rp::spi::{Async, Config as SpiConfig, Spi};
use embassy_rp::{bind_interrupts, dma};
use embassy_time::Delay;
use embedded_hal_bus::spi::ExclusiveDevice;
use goldcrest_app::Board;
use goldcrest_app::sizes::SOCKETS;
use static_cell::{ConstStaticCell, StaticCell};

bind_interrupts!(struct Interrupts {
    DMA_IRQ_0 => dma::InterruptHandler<DMA_CH0>, dma::InterruptHandler<DMA_CH1>;
});

type Bus = ExclusiveDevice<Spi<'static, SPI0, Async>, Output<'static>, Delay>;

static BOARD: StaticCell<Board> = StaticCell::new();
static FRAMES: StaticCell<State<4, 4>> = StaticCell::new();
static STACK: ConstStaticCell<StackResources<SOCKETS>> = ConstStaticCell::new(StackResources::new());

/// For a direct cable to a computer without a DHCP server.
const FALLBACK: StaticConfigV4 = StaticConfigV4 {
    address: Ipv4Cidr::new(Ipv4Address::new(192, 168, 7, 2), 24),
    gateway: None,
    dns_servers: heapless::Vec::new(),
};

/// The fastest SPI clock that works over short wires.
const SPI_HZ: u32 = 30_000_000;

#[embassy_executor::task]
async fn ethernet(runner: Runner<'static, W5500, Bus, Input<'static>, Output<'static>>) -> ! {
    runner.run().await
}

#[embassy_executor::task]
async fn network(mut runner: embassy_net::Runner<'static, Device<'static>>) -> ! {
    runner.run().await
}

#[embassy_executor::task]
async fn led(mut pin: Output<'static>) -> ! {
    loop {
        pin.set_level(goldcrest_app::led::changed().await.into());
    }
}

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    let chip = embassy_rp::init(Default::default());
    let seed = RoscRng.next_u64();
    let secret = core::array::from_fn(|_| RoscRng.next_u64());

    let mut config = SpiConfig::default();
    config.frequency = SPI_HZ;
    let spi =
        Spi::new(chip.SPI0, chip.PIN_18, chip.PIN_19, chip.PIN_16, chip.DMA_CH0, chip.DMA_CH1, Interrupts, config);
    let select = Output::new(chip.PIN_17, Level::High);
    let interrupt = Input::new(chip.PIN_21, Pull::Up);
    let reset = Output::new(chip.PIN_20, Level::High);
    let Ok(bus) = ExclusiveDevice::new(spi, select, Delay);

    // A locally administered MAC address (IEEE 802), random at each boot.
    let [a, b, c, d, ..] = seed.to_le_bytes();
    let address = [0x02, 0x67, a, b, c, d];
    let Ok((device, runner)) = embassy_net_wiznet::new(address, FRAMES.init(State::new()), bus, interrupt, reset).await
    else {
        panic!("no W5500 responds at SPI0");
    };
    goldcrest_app::spawn(spawner, ethernet(runner));
    let (stack, runner) = embassy_net::new(device, goldcrest_app::network::dhcp(), STACK.take(), seed);
    goldcrest_app::spawn(spawner, network(runner));
    goldcrest_app::spawn(spawner, led(Output::new(chip.PIN_25, Level::Low)));
    let board = Board { name: "pico-w5500", fallback: FALLBACK, memory: cortex_m_memory::figures, seed, secret };
    goldcrest_app::start(spawner, stack, BOARD.init(board));
}

/// Restarts: a board in the field has no console for a message.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    cortex_m::peripheral::SCB::sys_reset()
}

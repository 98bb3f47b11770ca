//! The application on an STM32 Nucleo-144 H743ZI2, by its own Ethernet port.
#![no_std]
#![no_main]

use core::panic::PanicInfo;

use embassy_executor::Spawner;
use embassy_net::{Ipv4Address, Ipv4Cidr, Runner, StackResources, StaticConfigV4};
use embassy_stm32::eth::{self, Ethernet, GenericPhy, PacketQueue, Sma};
use embassy_stm32::gpio::{Level, Output, Speed};
use embassy_stm32::peripherals::{ETH, ETH_SMA, RNG};
use embassy_stm32::rng::{self, Rng};
use embassy_stm32::{Config, bind_interrupts};
use goldcrest_app::Board;
use goldcrest_app::sizes::SOCKETS;
use static_cell::{ConstStaticCell, StaticCell};

bind_interrupts!(struct Interrupts {
    ETH => eth::InterruptHandler;
    RNG => rng::InterruptHandler<RNG>;
});

type Device = Ethernet<'static, ETH, GenericPhy<Sma<'static, ETH_SMA>>>;

static BOARD: StaticCell<Board> = StaticCell::new();
static FRAMES: StaticCell<PacketQueue<4, 4>> = StaticCell::new();
static STACK: ConstStaticCell<StackResources<SOCKETS>> = ConstStaticCell::new(StackResources::new());

/// For a direct cable to a computer without a DHCP server.
const FALLBACK: StaticConfigV4 = StaticConfigV4 {
    address: Ipv4Cidr::new(Ipv4Address::new(192, 168, 7, 2), 24),
    gateway: None,
    dns_servers: heapless::Vec::new(),
};

#[embassy_executor::task]
async fn network(mut runner: Runner<'static, Device>) -> ! {
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
    let mut config = Config::default();
    config.rcc.hsi48 = Some(Default::default()); // the clock of the random source
    let chip = embassy_stm32::init(config);
    let mut random = Rng::new(chip.RNG, Interrupts);
    let seed = random.next_u64();
    let secret = core::array::from_fn(|_| random.next_u64());

    // A locally administered MAC address (IEEE 802), random at each boot.
    let [a, b, c, d, ..] = seed.to_le_bytes();
    let address = [0x02, 0x67, a, b, c, d];
    let device = Ethernet::new(
        FRAMES.init(PacketQueue::new()),
        chip.ETH,
        Interrupts,
        chip.PA1,  // reference clock
        chip.PA7,  // carrier sense
        chip.PC4,  // received bit 0
        chip.PC5,  // received bit 1
        chip.PG13, // sent bit 0
        chip.PB13, // sent bit 1
        chip.PG11, // sending
        address,
        chip.ETH_SMA,
        chip.PA2, // management data
        chip.PC1, // management clock
    );
    let (stack, runner) = embassy_net::new(device, goldcrest_app::network::dhcp(), STACK.take(), seed);
    goldcrest_app::spawn(spawner, network(runner));
    goldcrest_app::spawn(spawner, led(Output::new(chip.PB0, Level::Low, Speed::Low)));
    let board = Board { name: "nucleo-h743zi2", fallback: FALLBACK, memory: cortex_m_memory::figures, seed, secret };
    goldcrest_app::start(spawner, stack, BOARD.init(board));
}

/// Restarts: a board in the field has no console for a message.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    cortex_m::peripheral::SCB::sys_reset()
}

//! The application on an ESP32-C3 over Wi-Fi. `SSID` and `PASSWORD` name the network when it is built.
//!
//! | file | contents |
//! | --- | --- |
//! | `wifi.rs` | joining the network, and joining it again |
//! | `memory.rs` | measures the RAM |
#![no_std]
#![no_main]

mod memory;
mod wifi;

use core::panic::PanicInfo;

use embassy_executor::Spawner;
use embassy_net::{Ipv4Address, Ipv4Cidr, Runner, StackResources, StaticConfigV4};
use esp_hal::Config;
use esp_hal::clock::CpuClock;
use esp_hal::gpio::{Level, Output, OutputConfig};
use esp_hal::interrupt::software::SoftwareInterruptControl;
use esp_hal::peripherals::{ADC1, RNG};
use esp_hal::rng::{Trng, TrngSource};
use esp_hal::timer::timg::TimerGroup;
use esp_println::println;
use esp_radio::wifi::Interface;
use goldcrest_app::Board;
use goldcrest_app::sizes::SOCKETS;
use log::{LevelFilter, error};
use static_cell::{ConstStaticCell, StaticCell};

// The bootloader requires this descriptor.
esp_bootloader_esp_idf::esp_app_desc!();

static BOARD: StaticCell<Board> = StaticCell::new();
static STACK: ConstStaticCell<StackResources<SOCKETS>> = ConstStaticCell::new(StackResources::new());

/// For a network without DHCP.
const FALLBACK: StaticConfigV4 = StaticConfigV4 {
    address: Ipv4Cidr::new(Ipv4Address::new(192, 168, 7, 2), 24),
    gateway: None,
    dns_servers: heapless::Vec::new(),
};

#[embassy_executor::task]
async fn network(mut runner: Runner<'static, Interface<'static>>) -> ! {
    runner.run().await
}

#[embassy_executor::task]
async fn led(mut pin: Output<'static>) -> ! {
    loop {
        pin.set_level(if goldcrest_app::led::changed().await { Level::High } else { Level::Low });
    }
}

#[esp_rtos::main]
async fn main(spawner: Spawner) {
    memory::paint_stack();
    let chip = esp_hal::init(Config::default().with_cpu_clock(CpuClock::max()));
    esp_println::logger::init_logger(LevelFilter::Info);
    // For the radio and its scheduler: the bootloader's RAM, and 36 KiB more.
    esp_alloc::heap_allocator!(#[esp_hal::ram(reclaimed)] size: 64 * 1024);
    esp_alloc::heap_allocator!(size: 36 * 1024);
    let [seed, secret @ ..] = random(chip.RNG, chip.ADC1);
    let interrupts = SoftwareInterruptControl::new(chip.SW_INTERRUPT);
    esp_rtos::start(TimerGroup::new(chip.TIMG0).timer0, interrupts.software_interrupt0);

    let (controller, interfaces) = match esp_radio::wifi::new(chip.WIFI, Default::default()) {
        Ok(radio) => radio,
        Err(reason) => return error!("the radio did not start: {reason:?}"),
    };
    let (stack, runner) = embassy_net::new(interfaces.station, goldcrest_app::network::dhcp(), STACK.take(), seed);
    goldcrest_app::spawn(spawner, wifi::join(controller));
    goldcrest_app::spawn(spawner, network(runner));
    goldcrest_app::spawn(spawner, led(Output::new(chip.GPIO10, Level::Low, OutputConfig::default())));
    let board = Board { name: "esp32c3", fallback: FALLBACK, memory: memory::figures, seed, secret };
    goldcrest_app::start(spawner, stack, BOARD.init(board));
}

/// Random words from the noise of the ADC: the radio, the other source of noise, is not on yet.
fn random(rng: RNG<'static>, adc: ADC1<'static>) -> [u64; 5] {
    let _noise = TrngSource::new(rng, adc);
    let Ok(random) = Trng::try_new() else { unreachable!("its source is on") };
    core::array::from_fn(|_| u64::from(random.random()) << 32 | u64::from(random.random()))
}

/// Prints the panic and restarts.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    println!("{info}");
    esp_hal::system::software_reset()
}

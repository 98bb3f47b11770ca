//! The application on QEMU's `lm3s6965evb`: Cortex-M3, 256 KiB of flash, 64 KiB of RAM, Stellaris Ethernet.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `ethernet.rs` | the MAC as an `embassy-net-driver` |
//! | `time.rs` | the clock and the alarm of embassy-time |
//! | `executor.rs` | an executor that sleeps by WFI |
//! | `uart.rs` | the log |
//! | `led.rs` | the LED |
//! | `memory.rs` | RAM and stack figures |
//! | `register.rs` | device registers |
#![no_std]
#![no_main]

mod ethernet;
mod executor;
mod led;
mod memory;
mod register;
mod time;
mod uart;

use core::fmt::Write;
use core::panic::PanicInfo;

use cortex_m_rt::{ExceptionFrame, entry, exception};
use cortex_m_semihosting::debug;
use embassy_executor::Spawner;
use embassy_net::{Ipv4Address, Ipv4Cidr, Runner, StackResources, StaticConfigV4};
use goldcrest_app::{Board, SOCKETS};
use static_cell::{ConstStaticCell, StaticCell};

use ethernet::Ethernet;
use executor::Executor;

static EXECUTOR: StaticCell<Executor> = StaticCell::new();
static ETHERNET: ConstStaticCell<Ethernet> = ConstStaticCell::new(Ethernet::new());
static STACK: ConstStaticCell<StackResources<SOCKETS>> = ConstStaticCell::new(StackResources::new());

/// The address that QEMU's user network expects, for a network without DHCP.
const FALLBACK: StaticConfigV4 = StaticConfigV4 {
    address: Ipv4Cidr::new(Ipv4Address::new(10, 0, 2, 15), 24),
    gateway: Some(Ipv4Address::new(10, 0, 2, 2)),
    dns_servers: heapless::Vec::new(),
};

#[embassy_executor::task]
async fn network(mut runner: Runner<'static, &'static mut Ethernet>) -> ! {
    runner.run().await
}

#[entry]
fn main() -> ! {
    uart::init();
    if let Some(mut core) = cortex_m::Peripherals::take() {
        time::init(&mut core.SYST);
    }
    EXECUTOR.init_with(Executor::new).run(start)
}

fn start(spawner: Spawner) {
    let ethernet = ETHERNET.take();
    ethernet.start();
    // The emulated chip has no random source: each boot of it looks the same to the network.
    let seed = 0x6c6d_3373_3639_3635;
    let (stack, runner) = embassy_net::new(ethernet, goldcrest_app::network::dhcp(), STACK.take(), seed);
    let board = Board { name: "qemu-lm3s6965", fallback: FALLBACK, memory: memory::figures, seed };
    goldcrest_app::spawn(spawner, network(runner));
    goldcrest_app::spawn(spawner, led::follow());
    goldcrest_app::start(spawner, stack, board);
}

/// Ends the emulator with exit status 1, so that whoever runs it sees it.
fn stop() -> ! {
    loop {
        debug::exit(debug::EXIT_FAILURE);
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    cortex_m::interrupt::disable();
    let _ = writeln!(uart::Uart, "{info}");
    stop()
}

// SAFETY: it stops the chip and trusts nothing that the fault may have broken.
#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    let _ = writeln!(uart::Uart, "HardFault {frame:?}");
    stop()
}

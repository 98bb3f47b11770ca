//! The application on QEMU's `lm3s6965evb`: Cortex-M3, 256 KiB of flash, 64 KiB of RAM, Stellaris Ethernet.
//!
//! | file | contents |
//! | --- | --- |
//! | `boot.rs` | the boot of an image |
//! | `ethernet.rs` | the MAC as an `embassy-net-driver` |
//! | `time.rs` | the clock and the alarm of embassy-time |
//! | `executor.rs` | an executor that sleeps by WFI |
//! | `uart.rs` | the log |
//! | `console.rs` | publishes typed lines on the channel `chat`, from an interrupt |
//! | `entropy.rs` | random bits of the emulator's host |
//! | `led.rs` | the LED |
//! | `panic.rs` | the panic handler |
//! | `register.rs` | device registers |
#![no_std]
#![no_main]

mod boot;
mod console;
mod entropy;
mod ethernet;
mod executor;
mod led;
mod panic;
mod register;
mod time;
mod uart;

use core::fmt::Write;

use cortex_m_rt::exception;
use embassy_executor::Spawner;
use embassy_net::{Ipv4Address, Ipv4Cidr, StackResources, StaticConfigV4};
use goldcrest_app::Board;
use goldcrest_app::plain::Decimal;
use goldcrest_app::sizes::SOCKETS;
use static_cell::{ConstStaticCell, StaticCell};

use ethernet::Ethernet;

static BOARD: StaticCell<Board> = StaticCell::new();
static STACK: ConstStaticCell<StackResources<SOCKETS>> = ConstStaticCell::new(StackResources::new());

/// The address that QEMU's user network expects, for a network without DHCP.
const FALLBACK: StaticConfigV4 = StaticConfigV4 {
    address: Ipv4Cidr::new(Ipv4Address::new(10, 0, 2, 15), 24),
    gateway: Some(Ipv4Address::new(10, 0, 2, 2)),
    dns_servers: heapless::Vec::new(),
};

fn start(spawner: Spawner, ethernet: &'static mut Ethernet) {
    let seed = entropy::seed();
    let (stack, runner) = embassy_net::new(ethernet, goldcrest_app::network::dhcp(), STACK.take(), seed);
    let secret = core::array::from_fn(|_| entropy::seed());
    let board =
        BOARD.init(Board { name: "qemu-lm3s6965", fallback: FALLBACK, memory: cortex_m_memory::figures, seed, secret });
    goldcrest_app::spawn(spawner, boot::network(runner));
    goldcrest_app::spawn(spawner, led::follow());
    goldcrest_app::start(spawner, stack, board);
    console::init();
}

/// A stack overflow may be the cause, after which nothing can be pushed: the stack pointer is reset.
///
/// # Safety
/// Called by the hardware only.
#[exception(trampoline = false)]
unsafe fn HardFault() -> ! {
    // SAFETY: the top of the stack, and a function that never returns, so that the lost contents of the stack are not used.
    unsafe { cortex_m::asm::bootstrap(cortex_m_memory::top_of_stack(), after_fault as *const u32) }
}

extern "C" fn after_fault() -> ! {
    let figures = cortex_m_memory::figures();
    let [used, stack] = [figures.stack_used, figures.stack].map(Decimal);
    let _ = writeln!(uart::Uart, "HardFault, {used} of {stack} bytes of the stack used");
    panic::stop()
}

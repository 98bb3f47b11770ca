//! The emulated board, by the sources of its crate, and the parts that all images share.

use core::fmt::Write;
use core::panic::PanicInfo;

use cortex_m_rt::STACK_PAINT_VALUE;
use cortex_m_semihosting::debug;
use embassy_executor::{SpawnToken, Spawner};
use embassy_net::{Config, Ipv4Address, Ipv4Cidr, Stack, StackResources, StaticConfigV4};
use heapless::String;
use static_cell::ConstStaticCell;

use crate::ethernet::Ethernet;
use crate::{boot, entropy, uart};

pub(crate) const PORT: u16 = 80;
/// Concurrent connections, a task each. Eight with picoserve do not fit into the RAM.
pub(crate) const CONNECTIONS: usize = 6;
/// The receive and send buffers of a connection.
pub(crate) const RECEIVE: usize = 512;
pub(crate) const TRANSMIT: usize = 1_072;
/// The longest head of a request.
pub(crate) const HEAD: usize = 1_024;
/// The longest message of a WebSocket.
pub(crate) const MESSAGE: usize = 1_024;

/// The receive and send buffers of a connection.
pub(crate) type Rings = ([u8; RECEIVE], [u8; TRANSMIT]);

static RINGS: ConstStaticCell<[Rings; CONNECTIONS]> =
    ConstStaticCell::new([([0; RECEIVE], [0; TRANSMIT]); CONNECTIONS]);
static STACK: ConstStaticCell<StackResources<CONNECTIONS>> = ConstStaticCell::new(StackResources::new());

/// The address on the TAP device.
const ADDRESS: StaticConfigV4 = StaticConfigV4 {
    address: Ipv4Cidr::new(Ipv4Address::new(10, 0, 2, 15), 24),
    gateway: None,
    dns_servers: heapless::Vec::new(),
};

/// Starts the network stack; returns it with the buffers of the connections.
pub(crate) fn serve(spawner: Spawner, ethernet: &'static mut Ethernet) -> (Stack<'static>, &'static mut [Rings]) {
    (network(spawner, ethernet), RINGS.take())
}

/// Starts the network stack.
pub(crate) fn network(spawner: Spawner, ethernet: &'static mut Ethernet) -> Stack<'static> {
    let (stack, runner) = embassy_net::new(ethernet, Config::ipv4_static(ADDRESS), STACK.take(), entropy::seed());
    spawn(spawner, boot::network(runner));
    let _ = writeln!(uart::Uart, "serves http://10.0.2.15/");
    stack
}

pub(crate) fn spawn<S>(spawner: Spawner, task: Result<SpawnToken<S>, embassy_executor::SpawnError>) {
    if let Ok(task) = task {
        spawner.spawn(task);
    }
}

/// The response of `/memory`: the high-water mark of the stack, in bytes.
pub(crate) fn memory() -> String<32> {
    unsafe extern "C" {
        static _stack_start: u32;
        static _stack_end: u32;
    }
    let (end, start) = (&raw const _stack_end, &raw const _stack_start);
    let words = (start as usize - end as usize) / size_of::<u32>();
    // SAFETY: the words between the two symbols belong to the stack, which cortex-m-rt paints at reset.
    let painted = (0..words).take_while(|&at| unsafe { end.add(at).read_volatile() } == STACK_PAINT_VALUE).count();
    let mut text = String::new();
    let _ = write!(text, "{{\"stack_used\":{}}}\n", (words - painted) * size_of::<u32>());
    text
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    cortex_m::interrupt::disable();
    let _ = writeln!(uart::Uart, "{info}");
    loop {
        debug::exit(debug::EXIT_FAILURE);
    }
}

//! The boot of each image for this board: log, clock, Ethernet, executor. Then it calls the image's `crate::start`.

use cortex_m_rt::entry;
use embassy_executor::Spawner;
use embassy_net::Runner;
use static_cell::{ConstStaticCell, StaticCell};

use crate::ethernet::Ethernet;
use crate::executor::Executor;
use crate::{time, uart};

static EXECUTOR: StaticCell<Executor> = StaticCell::new();
static ETHERNET: ConstStaticCell<Ethernet> = ConstStaticCell::new(Ethernet::new());

/// The network stack: moves frames between the Ethernet and the sockets.
#[embassy_executor::task]
pub(crate) async fn network(mut runner: Runner<'static, &'static mut Ethernet>) -> ! {
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

/// Not inlined: its stack frame would stay occupied below the executor's loop.
#[inline(never)]
fn start(spawner: Spawner) {
    let ethernet = ETHERNET.take();
    ethernet.start();
    crate::start(spawner, ethernet);
}

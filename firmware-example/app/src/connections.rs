//! One task per connection: it listens, serves one client, and listens again.

use embassy_executor::Spawner;
use embassy_net::Stack;
use goldcrest_core::embassy::{Device, SocketBuffers, Unseeded};
use goldcrest_core::server::ServerConfig;
use static_cell::ConstStaticCell;

use crate::channels::Channels;
use crate::routes::Routes;
use crate::sizes::{EVENT, EVENTS, HEAD, HEADS, RECEIVE, SERVED, TRANSMIT};
use crate::{Board, spawn};

const PORT: u16 = 80;

type Chip = Device<HEAD, HEADS, EVENT, EVENTS>;
type Buffers = SocketBuffers<RECEIVE, TRANSMIT>;

static CONFIG: ServerConfig<'static> = ServerConfig::chip();
static CHIP: ConstStaticCell<Unseeded<Chip>> = ConstStaticCell::new(Chip::unseeded());
static BUFFERS: ConstStaticCell<[Buffers; SERVED]> = ConstStaticCell::new([const { Buffers::new() }; SERVED]);

pub(crate) fn start(spawner: Spawner, stack: Stack<'static>, hub: &'static Channels, board: &'static Board) {
    let chip = CHIP.take().seed(board.seed);
    for buffers in BUFFERS.take() {
        spawn(spawner, connection(stack, buffers, chip, Routes::new(hub, board)));
    }
}

#[embassy_executor::task(pool_size = SERVED)]
async fn connection(stack: Stack<'static>, buffers: &'static mut Buffers, chip: &'static Chip, routes: Routes) {
    chip.listen(stack, PORT, buffers, &CONFIG, &routes).await;
}

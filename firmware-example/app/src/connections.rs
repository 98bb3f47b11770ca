//! One task per connection: it listens, serves one client, and listens again.

use core::sync::atomic::{AtomicUsize, Ordering};

use embassy_executor::Spawner;
use embassy_net::Stack;
use embassy_net::tcp::{State, TcpSocket};
use embassy_time::{Duration, Instant, Timer, with_timeout};
use goldcrest_core::server::{ServerConfig, serve};
use log::debug;
use static_cell::{ConstStaticCell, StaticCell};

use crate::channels::Channels;
use crate::chip::{Chip, World};
use crate::routes::Routes;
use crate::sizes::{EVENT, RECEIVE, SERVED, TRANSMIT};
use crate::{Board, spawn};

const PORT: u16 = 80;

/// A client that acknowledges nothing for this time is disconnected; TCP keep-alives are sent each [`PROBE`].
const VANISHED: Duration = Duration::from_secs(30);
const PROBE: Duration = Duration::from_secs(10);

/// The time for the last segment of the TCP handshake: a SYN flood occupies sockets for this time, not for [`VANISHED`].
const HANDSHAKE: Duration = Duration::from_secs(3);

/// The time for the peer to acknowledge the last bytes.
const FAREWELL: Duration = Duration::from_secs(2);

/// Longer than the network stack's delayed acknowledgement (smoltcp: 10 ms).
const ACKNOWLEDGED: Duration = Duration::from_millis(15);

/// The number of listening sockets. With none, the network stack resets new connections.
static LISTENING: AtomicUsize = AtomicUsize::new(0);

/// With this number of listening sockets, a closing one may stay in TIME-WAIT.
const QUIET: usize = SERVED - 2;

struct Buffers {
    receive: [u8; RECEIVE],
    transmit: [u8; TRANSMIT],
}

impl Buffers {
    const EMPTY: Self = Self { receive: [0; RECEIVE], transmit: [0; TRANSMIT] };
}

static BUFFERS: ConstStaticCell<[Buffers; SERVED]> = ConstStaticCell::new([Buffers::EMPTY; SERVED]);
static CONFIG: StaticCell<ServerConfig<'static>> = StaticCell::new();

pub(crate) fn start(spawner: Spawner, stack: Stack<'static>, hub: &'static Channels, board: &'static Board) {
    let seconds = core::time::Duration::from_secs;
    let config = CONFIG.init(ServerConfig {
        max_body: EVENT as u64,
        // A browser would keep idle connections for a minute, and there are few.
        idle_timeout: seconds(5),
        // An incomplete request holds one of few buffers.
        head_timeout: seconds(5),
        body_timeout: seconds(5),
        ..ServerConfig::default()
    });
    let chip = Chip::take(board.seed);
    for buffers in BUFFERS.take() {
        spawn(spawner, connection(stack, buffers, chip, config, Routes::new(hub, board)));
    }
}

#[embassy_executor::task(pool_size = SERVED)]
async fn connection(
    stack: Stack<'static>,
    buffers: &'static mut Buffers,
    chip: &'static Chip,
    config: &'static ServerConfig<'static>,
    routes: Routes,
) -> ! {
    loop {
        let mut socket = TcpSocket::new(stack, &mut buffers.receive, &mut buffers.transmit);
        socket.set_nagle_enabled(false);
        socket.set_timeout(Some(HANDSHAKE));
        if accept(&mut socket).await {
            socket.set_timeout(Some(VANISHED));
            socket.set_keep_alive(Some(PROBE));
            let ended = serve(&mut socket, &World::new(chip), config, &routes).await;
            debug!("{ended}");
            leave(&mut socket).await;
        }
    }
}

/// Waits for a client.
async fn accept(socket: &mut TcpSocket<'_>) -> bool {
    let listening = LISTENING.load(Ordering::Relaxed);
    LISTENING.store(listening + 1, Ordering::Relaxed);
    let accepted = socket.accept(PORT).await.is_ok();
    let listening = LISTENING.load(Ordering::Relaxed);
    LISTENING.store(listening.saturating_sub(1), Ordering::Relaxed);
    accepted
}

/// Sends the last bytes and the FIN or RST, before the socket is dropped.
async fn leave(socket: &mut TcpSocket<'_>) {
    if with_timeout(FAREWELL, socket.flush()).await.is_err() {
        socket.abort();
        let _ = with_timeout(ACKNOWLEDGED, socket.flush()).await;
    }
    // TIME-WAIT (RFC 9293 §3.3.2) lasts only until the peer's FIN is acknowledged, and only while other sockets listen. Otherwise a
    // repeated FIN is answered by a reset, which loses nothing for a peer that has read the response.
    let until = Instant::now() + ACKNOWLEDGED;
    while socket.state() == State::TimeWait && Instant::now() < until && LISTENING.load(Ordering::Relaxed) >= QUIET {
        Timer::after(Duration::from_millis(1)).await;
    }
}

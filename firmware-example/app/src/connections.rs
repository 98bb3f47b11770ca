//! One task a connection.

use embassy_executor::Spawner;
use embassy_net::Stack;
use embassy_net::tcp::TcpSocket;
use embassy_time::{Duration, with_timeout};
use static_cell::ConstStaticCell;

use crate::spawn;

/// How many connections there are at once.
pub const CONNECTIONS: usize = 10;
const PORT: u16 = 80;
const RECEIVE: usize = 512;
const TRANSMIT: usize = 1_072;

struct Buffers {
    receive: [u8; RECEIVE],
    transmit: [u8; TRANSMIT],
}

static BUFFERS: ConstStaticCell<[Buffers; CONNECTIONS]> =
    ConstStaticCell::new([const { Buffers { receive: [0; RECEIVE], transmit: [0; TRANSMIT] } }; CONNECTIONS]);

pub(crate) fn start(spawner: Spawner, stack: Stack<'static>) {
    for buffers in BUFFERS.take() {
        spawn(spawner, connection(stack, buffers));
    }
}

#[embassy_executor::task(pool_size = CONNECTIONS)]
async fn connection(stack: Stack<'static>, buffers: &'static mut Buffers) -> ! {
    let Buffers { receive, transmit } = buffers;
    loop {
        let mut socket = TcpSocket::new(stack, receive, transmit);
        socket.set_nagle_enabled(false);
        socket.set_timeout(Some(Duration::from_secs(10)));
        if socket.accept(PORT).await.is_err() {
            continue;
        }
        let mut seen = 0;
        while let Ok(end) = socket.read_with(|bytes| {
            seen += bytes.len();
            (bytes.len(), bytes.ends_with(b"\r\n\r\n"))
        }).await {
            if end { break; }
        }
        let _ = socket.write_with(|room| {
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nhi\n";
            room[..answer.len()].copy_from_slice(answer);
            (answer.len(), ())
        }).await;
        socket.close();
        let _ = with_timeout(Duration::from_secs(2), async { while socket.read_with(|bytes| (bytes.len(), ())).await.is_ok() {} }).await;
        socket.abort();
        let _ = with_timeout(Duration::from_millis(100), socket.flush()).await;
    }
}

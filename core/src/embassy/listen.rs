//! A listening socket that serves one client after the other.

use core::cell::Cell;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;

use embassy_net::Stack;
use embassy_net::tcp::{State, TcpSocket};
use embassy_time::{Duration, Instant, Timer, with_timeout};

use super::device::{ConnectionRuntime, Device, Sockets};
use super::shutdown::Shutdown;
use super::socket_buffers::SocketBuffers;
use crate::server::{Handler, ServerConfig, serve};

/// A client that acknowledges nothing for this time is disconnected; TCP keep-alives are sent each [`KEEP_ALIVE`].
const VANISHED: Duration = Duration::from_secs(30);
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// The time for the last segment of the TCP handshake: a SYN flood occupies sockets for this time, not for [`VANISHED`].
const HANDSHAKE: Duration = Duration::from_secs(3);

/// The time for the peer to acknowledge the last bytes.
const LAST_BYTES: Duration = Duration::from_secs(2);

/// Longer than the network stack's delayed acknowledgement (smoltcp: 10 ms).
const ACKNOWLEDGED: Duration = Duration::from_millis(15);

/// A closing socket may stay in TIME-WAIT while no more tasks than these, itself included, are busy.
const QUIET: usize = 2;

impl<const HEAD: usize, const HEADS: usize, const EVENT: usize, const EVENTS: usize, S: Shutdown>
    Device<HEAD, HEADS, EVENT, EVENTS, S>
{
    /// Serves one client after the other on `port`, until a shutdown has ended. As many tasks call it as there may be clients; the
    /// tasks of one device listen on one port.
    ///
    /// `stack` has a socket slot (`StackResources`) for each task, and one for DHCP: embassy-net panics without.
    ///
    /// | event | effect |
    /// | --- | --- |
    /// | a TCP handshake without an end (SYN flood) | its socket listens again after 3 s |
    /// | a client that vanished | disconnected after 30 s; TCP keep-alives are sent each 10 s |
    /// | the end of a connection | FIN, up to 2 s for the last acknowledgement, then RST |
    /// | a repeated FIN of the client | acknowledged for 15 ms (TIME-WAIT) while other tasks listen, else RST |
    /// | no buffer is free | 503 with `Retry-After` ([`Device`]) |
    /// | a shutdown | the connection ends in order, and the future completes |
    ///
    /// The future may be dropped at any time; the peer then sees a reset.
    pub fn listen<'a, H: Handler, const RECEIVE: usize, const TRANSMIT: usize>(
        &'a self,
        stack: Stack<'a>,
        port: u16,
        buffers: &'a mut SocketBuffers<RECEIVE, TRANSMIT>,
        config: &'a ServerConfig<'a>,
        handler: &'a H,
    ) -> impl Future<Output = ()> {
        let listening = async move {
            let _task = Counted::new(&self.sockets.tasks);
            while !self.shutdown().is_shutting_down() {
                let mut socket = TcpSocket::new(stack, &mut buffers.receive, &mut buffers.transmit);
                socket.set_nagle_enabled(false);
                socket.set_timeout(Some(HANDSHAKE));
                if accept(&mut socket, port, &self.sockets, self.shutdown()).await {
                    socket.set_timeout(Some(VANISHED));
                    socket.set_keep_alive(Some(KEEP_ALIVE));
                    serve(&mut socket, &ConnectionRuntime::new(self), config, handler).await;
                    leave(&mut socket, &self.sockets).await;
                }
            }
        };
        self.shutdown().run(listening)
    }
}

/// Counts as one until it is dropped.
struct Counted<'c>(&'c Cell<usize>);

impl<'c> Counted<'c> {
    fn new(count: &'c Cell<usize>) -> Self {
        count.set(count.get().saturating_add(1));
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

/// Waits for a client; `false` if there is none.
async fn accept(socket: &mut TcpSocket<'_>, port: u16, sockets: &Sockets, shutdown: &impl Shutdown) -> bool {
    let _listening = Counted::new(&sockets.listening);
    let mut accepted = pin!(socket.accept(port));
    poll_fn(|cx| match shutdown.is_shutting_down() {
        true => Poll::Ready(false),
        false => accepted.as_mut().poll(cx).map(|accepted| accepted.is_ok()),
    })
    .await
}

/// Sends the last bytes and the FIN or RST, before the socket is dropped.
async fn leave(socket: &mut TcpSocket<'_>, sockets: &Sockets) {
    if with_timeout(LAST_BYTES, socket.flush()).await.is_err() {
        socket.abort();
        let _ = with_timeout(ACKNOWLEDGED, socket.flush()).await;
    }
    // TIME-WAIT (RFC 9293 §3.3.2) lasts only until the peer's FIN is acknowledged, and only while other sockets listen. Otherwise a
    // repeated FIN is answered by a reset, which loses nothing for a peer that has read the response.
    let until = Instant::now() + ACKNOWLEDGED;
    let enough = sockets.tasks.get().saturating_sub(QUIET).max(1);
    while socket.state() == State::TimeWait && Instant::now() < until && sockets.listening.get() >= enough {
        Timer::after(Duration::from_millis(1)).await;
    }
}

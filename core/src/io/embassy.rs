//! A TCP socket of `embassy-net` as a `Socket`, and the time of `embassy-time` as a `Clock`.
//!
//! The closures get slices of the socket's own ring buffers. With a transmit buffer under 1,072 bytes, two segments of the least
//! segment size (RFC 9293 §3.7.1), each segment waits for its acknowledgement. A receive buffer may be as small as 256 bytes. Turn
//! Nagle's algorithm off: the bytes of one write leave together without it.
//!
//! ```no_run
//! use embassy_net::Stack;
//! use embassy_net::tcp::TcpSocket;
//! use goldcrest_core::io::{Interest, TryIo, Socket};
//!
//! async fn greet(stack: Stack<'_>) -> Result<(), embassy_net::tcp::Error> {
//!     let (mut receive, mut transmit) = ([0; 512], [0; 1_072]);
//!     let mut socket = TcpSocket::new(stack, &mut receive, &mut transmit);
//!     socket.set_nagle_enabled(false);
//!     if socket.accept(7).await.is_ok() {
//!         socket.wait(Interest::WRITE).await?;
//!         socket.try_write_with(|buffer| {
//!             buffer[0] = b'!'; // never empty
//!             (1, ())
//!         })?;
//!         Socket::close(&mut socket);
//!     }
//!     Ok(())
//! }
//! ```

use core::future::{Future, poll_fn};
use core::net::SocketAddr;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use embassy_net::tcp::{Error, State, TcpSocket};

use super::{BufferFn, Clock, Interest, Socket, Timer, TryIo};
use crate::time::Instant;

/// The closures run within the `RefCell` borrow of the network stack: a closure that uses a socket of the stack panics.
///
/// After `abort` the socket may be dropped once [`TcpSocket::flush`] has completed, which sends the reset.
impl Socket for TcpSocket<'_> {
    type Error = Error;

    /// While there is unread data and no interest in a direction, a reset is not noticed until the next wait with one.
    async fn wait(&mut self, want: Interest) -> Result<(), Error> {
        if want.flushed {
            return Ok(());
        }
        let enough = want.writable_bytes.min(self.send_capacity());
        poll_fn(|cx| {
            // Both are polled to register both wakers. The one of reading is woken by data, the one of flushing by each
            // acknowledgement. Neither future completes after a FIN or a reset, though the wakers are woken: hence `may_recv` and
            // `may_send`.
            let readable = pin!(self.wait_read_ready()).poll(cx).is_ready() || !self.may_recv();
            let _ = pin!(self.flush()).poll(cx);
            let writable = Socket::send_free(self) >= enough || !self.may_send();
            if (want.read && readable) || (want.writable_bytes > 0 && writable) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        Ok(())
    }

    fn try_read_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, Error> {
        with_buffer_fn(f, |f| read_with(self, f))
    }

    fn try_write_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, Error> {
        with_buffer_fn(f, |f| write_with(self, f))
    }

    fn send_free(&self) -> usize {
        self.send_capacity().saturating_sub(self.send_queue())
    }

    fn send_capacity(&self) -> usize {
        self.send_capacity()
    }

    /// Always 0: the send buffer is the one of TCP.
    fn send_queue(&self) -> usize {
        0
    }

    fn peer_address(&self) -> Option<SocketAddr> {
        self.remote_endpoint().map(|peer| SocketAddr::new(peer.addr.into(), peer.port))
    }

    fn is_peer_closed(&self) -> bool {
        !matches!(self.state(), State::Established | State::FinWait1 | State::FinWait2)
    }

    fn close(&mut self) {
        TcpSocket::close(self);
    }

    fn abort(&mut self) {
        TcpSocket::abort(self);
    }
}

/// Calls `io` with `f` as a trait object, so that all connections of a chip share the code below.
fn with_buffer_fn<R>(
    f: impl FnOnce(&mut [u8]) -> (usize, R),
    io: impl FnOnce(&mut dyn BufferFn) -> Result<TryIo<()>, Error>,
) -> Result<TryIo<R>, Error> {
    let (mut f, mut result) = (Some(f), None);
    let outcome = io(&mut |bytes: &mut [u8]| {
        let Some(f) = f.take() else { return 0 };
        let (count, value) = f(bytes);
        result = Some(value);
        count
    })?;
    Ok(match (outcome, result) {
        (_, Some(result)) => TryIo::Done(result),
        (TryIo::Eof, None) => TryIo::Eof,
        (TryIo::Done(()) | TryIo::WouldBlock, None) => TryIo::WouldBlock,
    })
}

fn read_with(socket: &mut TcpSocket<'_>, f: &mut dyn BufferFn) -> Result<TryIo<()>, Error> {
    if socket.can_recv() {
        return poll_ready(socket.read_with(|bytes| (f.call(bytes), ())));
    }
    if socket.may_recv() {
        return Ok(TryIo::WouldBlock);
    }
    // `read_with` reports a FIN as a reset; `read` distinguishes them.
    match poll_once(socket.read(&mut [])) {
        Some(Ok(_)) => Ok(TryIo::Eof),
        Some(Err(error)) => Err(error),
        None => Ok(TryIo::WouldBlock),
    }
}

fn write_with(socket: &mut TcpSocket<'_>, f: &mut dyn BufferFn) -> Result<TryIo<()>, Error> {
    if socket.can_send() {
        return poll_ready(socket.write_with(|buffer| (f.call(buffer), ())));
    }
    if socket.may_send() { Ok(TryIo::WouldBlock) } else { Err(Error::ConnectionReset) }
}

/// Polls a future that is ready. If it were pending, the no-op waker would replace the one of the task.
fn poll_ready(future: impl Future<Output = Result<(), Error>>) -> Result<TryIo<()>, Error> {
    match poll_once(future) {
        Some(result) => result.map(TryIo::Done),
        None => Ok(TryIo::WouldBlock),
    }
}

fn poll_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}

/// The clock of `embassy-time`.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmbassyClock;

/// A timer of [`EmbassyClock`]. It is empty: the time driver stores the waker.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmbassyTimer;

impl Clock for EmbassyClock {
    type Timer = EmbassyTimer;

    // One copy of its 64-bit division in flash.
    #[inline(never)]
    fn now(&self) -> Instant {
        Instant::from_millis(embassy_time::Instant::now().as_millis())
    }

    fn timer(&self) -> EmbassyTimer {
        EmbassyTimer
    }
}

impl Timer for EmbassyTimer {
    /// A deadline that was replaced by a later one still wakes the task once.
    fn poll_until(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        if deadline == Instant::MAX {
            return Poll::Pending;
        }
        if deadline <= EmbassyClock.now() {
            return Poll::Ready(());
        }
        match embassy_time::Instant::try_from_millis(deadline.as_millis()) {
            // An instant that the driver cannot represent never comes.
            None => Poll::Pending,
            Some(at) => pin!(embassy_time::Timer::at(at)).poll(cx),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;

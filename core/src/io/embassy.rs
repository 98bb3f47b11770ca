//! A TCP socket of `embassy-net` as a `Socket`, and the time of `embassy-time` as a `Clock`.
//!
//! What is lent are pieces of the TCP socket's own rings: nothing is copied between them and the machines. A transmit ring
//! under 1,072 bytes, two segments of the least segment size, makes each segment wait for its acknowledgement; a receive ring
//! may be as small as 256. Turn Nagle's algorithm off: what is committed leaves together all the same.
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
//!         socket.try_write_with(|room| {
//!             room[0] = b'!'; // room is never empty
//!             (1, ())
//!         })?;
//!         Socket::close(&mut socket);
//!     }
//!     Ok(())
//! }
//! ```

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use embassy_net::tcp::{Error, State, TcpSocket};

use super::{BufferFn, Clock, Interest, Socket, Timer, TryIo};
use crate::time::Instant;

/// The loans are made inside the network stack's own borrow: a closure that touches any socket of the stack panics there.
///
/// Once `abort` was called, the reset is on its way when [`TcpSocket::flush`] completes, and the socket may be dropped.
impl Socket for TcpSocket<'_> {
    type Error = Error;

    /// With data to read, nothing on its way and neither direction wanted, a reset is noticed only by who wants one again.
    async fn wait(&mut self, want: Interest) -> Result<(), Error> {
        if want.flushed {
            return Ok(());
        }
        let enough = want.writable_bytes.min(self.send_capacity());
        poll_fn(|cx| {
            // Both are polled, so that both wakers stand: that of reading while there is nothing to read, that of flushing, which
            // each acknowledgement calls, while there is less than all room. Neither completes at the end of the stream or
            // after a reset, though the wakers are called then: hence the second look.
            let readable = pin!(self.wait_read_ready()).poll(cx).is_ready() || !self.may_recv();
            let _ = pin!(self.flush()).poll(cx);
            let roomy = Socket::send_free(self) >= enough || !self.may_send();
            if (want.read && readable) || (want.writable_bytes > 0 && roomy) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        Ok(())
    }

    fn try_read_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, Error> {
        borrowed(f, |f| lend_received(self, f))
    }

    fn try_write_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, Error> {
        borrowed(f, |f| lend_room(self, f))
    }

    fn send_free(&self) -> usize {
        self.send_capacity().saturating_sub(self.send_queue())
    }

    fn send_capacity(&self) -> usize {
        self.send_capacity()
    }

    /// Always 0: the ring is the TCP socket's own.
    fn send_queue(&self) -> usize {
        0
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

/// What a loan is taken by, whoever takes it: all connections of a chip share the code of one loan.
/// Calls `lend` with a taker that calls `f`.
fn borrowed<R>(
    f: impl FnOnce(&mut [u8]) -> (usize, R),
    lend: impl FnOnce(&mut dyn BufferFn) -> Result<TryIo<()>, Error>,
) -> Result<TryIo<R>, Error> {
    let (mut f, mut result) = (Some(f), None);
    let lent = lend(&mut |bytes: &mut [u8]| {
        let Some(f) = f.take() else { return 0 };
        let (count, said) = f(bytes);
        result = Some(said);
        count
    })?;
    Ok(match (lent, result) {
        (_, Some(result)) => TryIo::Done(result),
        (TryIo::Eof, None) => TryIo::Eof,
        (TryIo::Done(()) | TryIo::WouldBlock, None) => TryIo::WouldBlock,
    })
}

fn lend_received(socket: &mut TcpSocket<'_>, f: &mut dyn BufferFn) -> Result<TryIo<()>, Error> {
    if socket.can_recv() {
        return lent(socket.read_with(|bytes| (f.take(bytes), ())));
    }
    if socket.may_recv() {
        return Ok(TryIo::WouldBlock);
    }
    // `read_with` calls both a reset; `read` knows a FIN.
    match once(socket.read(&mut [])) {
        Some(Ok(_)) => Ok(TryIo::Eof),
        Some(Err(error)) => Err(error),
        None => Ok(TryIo::WouldBlock),
    }
}

fn lend_room(socket: &mut TcpSocket<'_>, f: &mut dyn BufferFn) -> Result<TryIo<()>, Error> {
    if socket.can_send() {
        return lent(socket.write_with(|room| (f.take(room), ())));
    }
    if socket.may_send() { Ok(TryIo::WouldBlock) } else { Err(Error::ConnectionReset) }
}

/// Polls a loan that was seen to be ready. Were it not, its waker would be overwritten by one that wakes nobody.
fn lent(loan: impl Future<Output = Result<(), Error>>) -> Result<TryIo<()>, Error> {
    match once(loan) {
        Some(result) => result.map(TryIo::Done),
        None => Ok(TryIo::WouldBlock),
    }
}

fn once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}

/// The clock of `embassy-time`, whose driver a board or `embassy-time` itself brings.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmbassyClock;

/// An alarm of [`EmbassyClock`]. It holds nothing: the time driver keeps the task that waits.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmbassyTimer;

impl Clock for EmbassyClock {
    type Timer = EmbassyTimer;

    // A division of 64 bits, and many who ask.
    #[inline(never)]
    fn now(&self) -> Instant {
        Instant::from_millis(embassy_time::Instant::now().as_millis())
    }

    fn timer(&self) -> EmbassyTimer {
        EmbassyTimer
    }
}

impl Timer for EmbassyTimer {
    /// A deadline that was given up for a later one still wakes the task once.
    fn poll_until(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        if deadline == Instant::MAX {
            return Poll::Pending;
        }
        if deadline <= EmbassyClock.now() {
            return Poll::Ready(());
        }
        match embassy_time::Instant::try_from_millis(deadline.as_millis()) {
            // Past what the driver can count to is never.
            None => Poll::Pending,
            Some(at) => pin!(embassy_time::Timer::at(at)).poll(cx),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;

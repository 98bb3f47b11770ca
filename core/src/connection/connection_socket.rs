//! The socket of a connection, within the budget of a turn.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;

use super::Disconnect;
use super::io_budget::IoBudget;
use super::rate_limit::RateLimit;
use crate::io::{BufferFn, Interest, Socket, Timer, TryIo, WakeCondition};
use crate::time::Instant;

/// A socket with its timer, its budget and its counters: the I/O that the connections of servers and clients share.
pub(crate) struct ConnectionSocket<S, T> {
    socket: S,
    timer: T,
    budget: IoBudget,
    rate: RateLimit,
    /// Bytes received and sent since [`ConnectionSocket::take_counts`].
    received: usize,
    sent: usize,
}

impl<S: Socket, T: Timer> ConnectionSocket<S, T> {
    pub(crate) fn new(socket: S, timer: T, budget: usize) -> Self {
        Self { socket, timer, budget: IoBudget::new(budget), rate: RateLimit::default(), received: 0, sent: 0 }
    }

    pub(crate) fn socket(&self) -> &S {
        &self.socket
    }

    pub(crate) fn socket_mut(&mut self) -> &mut S {
        &mut self.socket
    }

    /// Bytes received and sent since the last call.
    pub(crate) fn take_counts(&mut self) -> (usize, usize) {
        let counts = (self.received, self.sent);
        (self.received, self.sent) = (0, 0);
        counts
    }

    /// Waits until an attempt in a wanted direction may succeed, until `deadline` or until `condition` is ready. May return early.
    pub(crate) fn wait<C: WakeCondition + ?Sized>(
        &mut self,
        want: Interest,
        deadline: Instant,
        condition: &mut C,
    ) -> impl Future<Output = Result<(), Disconnect>> {
        async move {
            // A wait that ends at once lets no other task run.
            self.budget.yield_if_spent().await;
            let Self { socket, timer, budget, .. } = self;
            let mut ready = pin!(socket.wait(want));
            poll_fn(|cx| {
                if condition.poll(cx).is_ready() {
                    return Poll::Ready(Ok(()));
                }
                if let Poll::Ready(ready) = ready.as_mut().poll(cx) {
                    return Poll::Ready(ready.map_err(|_| Disconnect::Broken));
                }
                let poll = timer.poll_until(cx, deadline).map(Ok);
                if poll.is_pending() {
                    budget.reset();
                }
                poll
            })
            .await
        }
    }

    /// Calls `f` once with received bytes, and counts the bytes that it consumes.
    pub(crate) fn try_read(&mut self, f: &mut dyn BufferFn) -> Result<TryIo<()>, Disconnect> {
        let mut count = 0;
        let result = self.socket.try_read_with(|bytes| {
            count = f.call(bytes);
            (count, ())
        });
        count_bytes(&mut self.budget, &mut self.received, count);
        result.map_err(|_| Disconnect::Broken)
    }

    /// Calls `f` once with free space, and counts the bytes that it writes. The peer's end is an error.
    pub(crate) fn try_write(&mut self, f: &mut dyn BufferFn) -> Result<TryIo<()>, Disconnect> {
        let mut count = 0;
        let result = self.socket.try_write_with(|space| {
            count = f.call(space);
            (count, ())
        });
        count_bytes(&mut self.budget, &mut self.sent, count);
        match result {
            Ok(TryIo::Eof) | Err(_) => Err(Disconnect::Broken),
            Ok(result) => Ok(result),
        }
    }

    /// Counts work that took as long as moving `bytes`.
    pub(crate) fn charge(&mut self, bytes: usize) {
        self.budget.charge(bytes);
    }

    /// Yields to the executor's other tasks once the budget is spent.
    pub(crate) fn yield_if_spent(&mut self) -> impl Future<Output = ()> {
        self.budget.yield_if_spent()
    }

    /// Counts a request or a control frame; `false` where more than `most` came in this second. 0: there is no bound.
    pub(crate) fn admits(&mut self, most: u32, now: Instant) -> bool {
        self.rate.admits(most, now)
    }
}

// Not inlined, so that a chip has it once for both directions.
#[cfg_attr(small_code, inline(never))]
fn count_bytes(budget: &mut IoBudget, counter: &mut usize, bytes: usize) {
    if bytes > 0 {
        budget.access(bytes);
        *counter = counter.wrapping_add(bytes);
    }
}

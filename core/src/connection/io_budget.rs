//! The turns of a connection among those of its executor: wait, then act, a budget of work at a time.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;

use super::Disconnect;
use crate::io::{BufferFn, Interest, Socket, Timer, TryIo, WakeCondition};
use crate::time::Instant;

/// What each loan costs beside its bytes: a frame, a part of a head, a piece of content. An estimate: a ping and its pong, each of which
/// is a loan, take about as long as moving 500 bytes.
const LOAN: u32 = 256;

/// A connection's alarm, how much it has done in this turn, and how often it was asked something in this second.
pub(crate) struct IoBudget<T> {
    timer: T,
    // Small, since every connection has them.
    /// Bytes moved, and work as so many bytes.
    spent: u32,
    /// What may be spent before the others have their turn, at least one.
    budget: u32,
    /// The second (of 1,024 ms) in which `admitted` were counted.
    second: u32,
    admitted: u32,
}

impl<T: Timer> IoBudget<T> {
    pub(crate) fn new(timer: T, budget: usize) -> Self {
        Self { timer, spent: 0, budget: u32::try_from(budget).unwrap_or(u32::MAX).max(1), second: 0, admitted: 0 }
    }

    /// Waits until a wanted direction can be attempted, `deadline` has come or `also` is ready. May return early.
    #[allow(clippy::manual_async_fn, reason = "an async fn keeps each of its arguments twice")]
    pub(crate) fn wait<S: Socket>(
        &mut self,
        socket: &mut S,
        want: Interest,
        deadline: Instant,
        also: &mut dyn WakeCondition,
    ) -> impl Future<Output = Result<(), Disconnect>> {
        async move {
            // A wait that is over at once gives nobody else a turn.
            self.yield_if_spent().await;
            let Self { timer, spent, .. } = self;
            let mut ready = pin!(socket.wait(want));
            poll_fn(|cx| {
                if also.poll(cx).is_ready() {
                    return Poll::Ready(Ok(()));
                }
                if let Poll::Ready(ready) = ready.as_mut().poll(cx) {
                    return Poll::Ready(ready.map_err(|_| Disconnect::Broken));
                }
                let poll = timer.poll_until(cx, deadline).map(Ok);
                if poll.is_pending() {
                    *spent = 0;
                }
                poll
            })
            .await
        }
    }

    /// Lets the other connections have their turn once this one has had its share.
    pub(crate) async fn yield_if_spent(&mut self) {
        if self.spent < self.budget {
            return;
        }
        self.spent = 0;
        let mut yielded = false;
        poll_fn(|cx| {
            if yielded {
                return Poll::Ready(());
            }
            yielded = true;
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// Lends received bytes to `f`, once; what it says that it consumed counts, here and in `moved`.
    pub(crate) fn try_read<S: Socket>(
        &mut self,
        socket: &mut S,
        moved: &mut usize,
        f: &mut dyn BufferFn,
    ) -> Result<TryIo<()>, Disconnect> {
        let mut count = 0;
        let lent = socket.try_read_with(|bytes| {
            count = f.call(bytes);
            (count, ())
        });
        self.count(count, moved);
        lent.map_err(|_| Disconnect::Broken)
    }

    /// Lends room to `f`, once; what it says that it wrote counts, here and in `moved`. The peer's end is an error.
    pub(crate) fn try_write<S: Socket>(
        &mut self,
        socket: &mut S,
        moved: &mut usize,
        f: &mut dyn BufferFn,
    ) -> Result<TryIo<()>, Disconnect> {
        let mut count = 0;
        let lent = socket.try_write_with(|room| {
            count = f.call(room);
            (count, ())
        });
        self.count(count, moved);
        match lent {
            Ok(TryIo::Eof) | Err(_) => Err(Disconnect::Broken),
            Ok(lent) => Ok(lent),
        }
    }

    // Apart, so that a chip has it once for both directions.
    #[cfg_attr(small_code, inline(never))]
    fn count(&mut self, bytes: usize, moved: &mut usize) {
        if bytes > 0 {
            self.charge(bytes.wrapping_add(LOAN as usize));
            *moved = moved.wrapping_add(bytes);
        }
    }

    /// Counts work that took longer than its bytes, as so many more of them.
    pub(crate) fn charge(&mut self, bytes: usize) {
        self.spent = self.spent.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
    }

    /// Counts a request or a control frame: whether no more than `most` have come in this second. 0: there is no bound.
    #[cfg_attr(small_code, inline(never))]
    pub(crate) fn admits(&mut self, most: u32, now: Instant) -> bool {
        let second = (now.as_millis() >> 10) as u32;
        if self.second != second {
            (self.second, self.admitted) = (second, 0);
        }
        let admits = self.admitted < most || most == 0;
        self.admitted = self.admitted.saturating_add(1).min(most);
        admits
    }
}

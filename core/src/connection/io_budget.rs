//! The share of work that one connection does before the other connections of its executor.

use core::future::poll_fn;
use core::task::Poll;

/// The cost of an access to the socket's buffers beside its bytes: a frame, a part of a head, a chunk of content.
///
/// An estimate: a ping and its pong, an access each, take about as long as 500 bytes.
const ACCESS: u32 = 256;

/// The bytes that a connection has moved since it last yielded, and their bound.
pub(super) struct IoBudget {
    // 32 bits, since every connection has them.
    /// Bytes that were moved, and other work as so many bytes.
    spent: u32,
    /// At least one.
    budget: u32,
}

impl IoBudget {
    pub(super) fn new(budget: usize) -> Self {
        Self { spent: 0, budget: u32::try_from(budget).unwrap_or(u32::MAX).max(1) }
    }

    /// Counts an access to the socket's buffers that moved `bytes`.
    pub(super) fn access(&mut self, bytes: usize) {
        self.charge(bytes.wrapping_add(ACCESS as usize));
    }

    /// Counts work that took as long as moving `bytes`.
    pub(super) fn charge(&mut self, bytes: usize) {
        self.spent = self.spent.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
    }

    /// The connection waits, so that the others have their turn.
    pub(super) fn reset(&mut self) {
        self.spent = 0;
    }

    /// Yields to the executor's other tasks once the budget is spent.
    pub(super) async fn yield_if_spent(&mut self) {
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
}

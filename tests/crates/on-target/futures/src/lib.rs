//! futures-lite, with what of it needs a thread that can be parked.
#![no_std]

pub use futures_lite::*;

/// As `futures_lite::future`.
pub mod future {
    use core::pin::pin;
    use core::task::{Context, Poll, Waker};

    pub use futures_lite::future::*;

    /// As `futures_lite::future::block_on`, without a rest: there is nobody else.
    pub fn block_on<T>(future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return output;
            }
        }
    }
}

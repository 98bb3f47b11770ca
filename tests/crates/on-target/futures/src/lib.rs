//! futures-lite, and a `block_on` for a chip, which cannot park a thread.
#![no_std]

pub use futures_lite::*;

/// As `futures_lite::future`.
pub mod future {
    use core::pin::pin;
    use core::task::{Context, Poll, Waker};

    pub use futures_lite::future::*;

    /// As `futures_lite::future::block_on`, polling without a pause: there is one thread.
    pub fn block_on<T>(future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return output;
            }
        }
    }
}

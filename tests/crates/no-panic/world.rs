//! A clock, and the runtime of a server, that may return anything.

use core::hint::black_box;
use core::marker::PhantomData;
use core::task::{Context, Poll};

use goldcrest_core::io::{Clock, Socket, Timer};
use goldcrest_core::server::{BufferKind, Runtime};
use goldcrest_core::time::Instant;

use crate::unknown::{chance, number, room};

/// A clock that shows any time, now later and now earlier.
pub struct AnyClock;

impl Clock for AnyClock {
    type Timer = Self;

    fn now(&self) -> Instant {
        Instant::from_millis(number())
    }

    fn timer(&self) -> Self {
        Self
    }
}

impl Timer for AnyClock {
    fn poll_until(&mut self, _cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        black_box(deadline);
        if chance() { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// The runtime of connections over the socket `S`.
pub struct World<S>(PhantomData<S>);

impl<S> World<S> {
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<S: Socket> Runtime for World<S> {
    type Socket = S;
    type Clock = AnyClock;
    type Buffer = &'static mut [u8];

    fn clock(&self) -> &AnyClock {
        &AnyClock
    }

    fn buffer(&self, purpose: BufferKind) -> Option<&'static mut [u8]> {
        black_box(purpose);
        if chance() { Some(room()) } else { None }
    }

    fn random(&self) -> u32 {
        number() as u32
    }

    fn is_shutting_down(&self) -> bool {
        chance()
    }
}

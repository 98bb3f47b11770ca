//! A clock whose time a test sets.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::task::{Context, Poll, Waker};

use crate::io::{Clock, Timer};
use crate::time::Instant;

/// A task that reads the clock more often than this in one poll is in an endless loop.
const MAX_READS: usize = 200_000;

/// A clock that shows the time that it was set to. Its clones are the same clock.
#[derive(Clone, Debug)]
pub struct VirtualClock(Rc<State>);

#[derive(Debug)]
struct State {
    now: Cell<Instant>,
    timers: RefCell<Vec<Option<(Instant, Waker)>>>,
    /// Since the current poll began.
    reads: Cell<usize>,
    max_reads: usize,
}

/// A timer of a [`VirtualClock`].
#[derive(Debug)]
pub struct VirtualTimer {
    clock: Rc<State>,
    index: usize,
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self::starting_at(Instant::default(), MAX_READS)
    }
}

impl VirtualClock {
    /// A clock that panics when it is read `max_reads` times in one poll.
    pub fn starting_at(now: Instant, max_reads: usize) -> Self {
        let (now, timers, reads) = (Cell::new(now), RefCell::default(), Cell::new(0));
        Self(Rc::new(State { now, timers, reads, max_reads }))
    }

    /// The time, not counted as a read.
    pub fn time(&self) -> Instant {
        self.0.now.get()
    }

    /// Sets the time, to an earlier one too, and wakes the tasks whose deadline it has reached.
    pub fn set(&self, now: Instant) {
        self.0.now.set(now);
        for timer in self.0.timers.borrow_mut().iter_mut() {
            if let Some((_, waker)) = timer.take_if(|(deadline, _)| *deadline <= now) {
                waker.wake();
            }
        }
    }

    /// Starts to count reads anew, as a task is polled.
    pub fn begin_poll(&self) {
        self.0.reads.set(0);
    }

    /// The earliest deadline that a task waits for.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.0.timers.borrow().iter().flatten().map(|(deadline, _)| *deadline).min()
    }
}

impl Clock for VirtualClock {
    type Timer = VirtualTimer;

    fn now(&self) -> Instant {
        let reads = self.0.reads.get() + 1;
        self.0.reads.set(reads);
        assert!(reads < self.0.max_reads, "endless loop: the clock was read {reads} times in one poll");
        self.time()
    }

    fn timer(&self) -> VirtualTimer {
        let mut timers = self.0.timers.borrow_mut();
        timers.push(None);
        VirtualTimer { clock: Rc::clone(&self.0), index: timers.len() - 1 }
    }
}

impl Timer for VirtualTimer {
    fn poll_until(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let is_due = deadline <= self.clock.now.get() && deadline < Instant::MAX;
        let waits = !is_due && deadline < Instant::MAX;
        self.clock.timers.borrow_mut()[self.index] = waits.then(|| (deadline, cx.waker().clone()));
        if is_due { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for VirtualTimer {
    fn drop(&mut self) {
        self.clock.timers.borrow_mut()[self.index] = None;
    }
}

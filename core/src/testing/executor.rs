//! An executor on a virtual clock.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use super::{VirtualClock, WakeCount};
use crate::time::Instant;

/// Tasks that wake each other for more rounds than this never end.
const MAX_ROUNDS: usize = 100_000;

/// Polls tasks that were woken, once each and in turn.
pub struct Executor<'f, T> {
    clock: VirtualClock,
    tasks: RefCell<Vec<Task<'f, T>>>,
    polls: Cell<usize>,
    max_rounds: usize,
}

struct Task<'f, T> {
    /// `None`: it is being polled, has ended, or was cancelled.
    future: Option<Pin<Box<dyn Future<Output = T> + 'f>>>,
    wakes: Arc<WakeCount>,
    waker: Waker,
    output: Option<T>,
}

impl<T> Default for Executor<'_, T> {
    fn default() -> Self {
        Self::new(VirtualClock::default(), MAX_ROUNDS)
    }
}

impl<T> core::fmt::Debug for Executor<'_, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Executor").field("polls", &self.polls).finish_non_exhaustive()
    }
}

impl<'f, T> Executor<'f, T> {
    /// An executor that panics when its tasks wake each other for `max_rounds` rounds.
    pub fn new(clock: VirtualClock, max_rounds: usize) -> Self {
        Self { clock, tasks: RefCell::default(), polls: Cell::new(0), max_rounds }
    }

    /// Its clock.
    pub fn clock(&self) -> &VirtualClock {
        &self.clock
    }

    /// Adds a task that is woken: its number.
    pub fn spawn(&self, future: impl Future<Output = T> + 'f) -> usize {
        let (wakes, waker) = WakeCount::new();
        waker.wake_by_ref();
        let mut tasks = self.tasks.borrow_mut();
        tasks.push(Task { future: Some(Box::pin(future)), wakes, waker, output: None });
        tasks.len() - 1
    }

    /// Polls each task that was woken once. Whether there were any.
    pub fn round(&self) -> bool {
        let mut any = false;
        let count = self.tasks.borrow().len();
        for number in 0..count {
            // The borrow ends before the poll, which may spawn tasks.
            let (future, waker) = {
                let task = &mut self.tasks.borrow_mut()[number];
                if task.wakes.take() == 0 {
                    continue;
                }
                (task.future.take(), task.waker.clone())
            };
            let Some(mut future) = future else { continue };
            any = true;
            self.polls.set(self.polls.get() + 1);
            self.clock.begin_poll();
            match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(output) => {
                    drop(future);
                    self.tasks.borrow_mut()[number].output = Some(output);
                }
                Poll::Pending => self.tasks.borrow_mut()[number].future = Some(future),
            }
        }
        any
    }

    /// Polls until no task is woken.
    pub fn run(&self) {
        let mut rounds = 0;
        while self.round() {
            rounds += 1;
            assert!(rounds < self.max_rounds, "endless loop: the tasks woke each other for {rounds} rounds");
        }
    }

    /// Lets time pass, from deadline to deadline.
    pub fn pass(&self, time: Duration) {
        let end = self.clock.time() + time;
        self.run();
        while let Some(next) = self.clock.next_deadline().filter(|next| *next <= end) {
            self.clock.set(next);
            self.run();
        }
        self.clock.set(end);
        self.run();
    }

    /// Sets the time, to an earlier one too, and polls every task.
    pub fn jump(&self, to: Instant) {
        self.clock.set(to);
        self.wake_all();
        self.run();
    }

    /// Wakes every task.
    pub fn wake_all(&self) {
        for task in self.tasks.borrow().iter() {
            task.waker.wake_by_ref();
        }
    }

    /// Drops a task.
    pub fn cancel(&self, task: usize) {
        let future = self.tasks.borrow_mut()[task].future.take();
        drop(future);
    }

    /// The number of polls, of all tasks.
    pub fn polls(&self) -> usize {
        self.polls.get()
    }

    /// The number of tasks that have not ended; a cancelled one has not.
    pub fn running(&self) -> usize {
        self.tasks.borrow().iter().filter(|task| task.output.is_none()).count()
    }
}

impl<T: Clone> Executor<'_, T> {
    /// The output of a task that has ended.
    pub fn output(&self, task: usize) -> Option<T> {
        self.tasks.borrow()[task].output.clone()
    }
}

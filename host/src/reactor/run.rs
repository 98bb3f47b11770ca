//! The loop of a thread.

use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use smol::LocalExecutor;

use super::{Notifier, Reactor};

/// Wakes the thread: a flag while it runs, the notifier while it waits.
struct ThreadWaker {
    woken: AtomicBool,
    waiting: AtomicBool,
    notifier: Notifier,
}

impl Wake for ThreadWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.woken.swap(true, Ordering::SeqCst) && self.waiting.load(Ordering::SeqCst) {
            self.notifier.notify();
        }
    }
}

/// Runs `main` and the executor's tasks until `main` is done; `between` is called once a turn.
pub(crate) fn run<T>(
    executor: &LocalExecutor<'_>,
    reactor: &Rc<Reactor>,
    notifier: Notifier,
    between: impl Fn(),
    main: impl Future<Output = T>,
) -> T {
    let thread = Arc::new(ThreadWaker { woken: AtomicBool::new(true), waiting: AtomicBool::new(false), notifier });
    let waker = Waker::from(Arc::clone(&thread));
    let mut cx = Context::from_waker(&waker);
    let mut running = pin!(executor.run(main));
    loop {
        if thread.woken.swap(false, Ordering::SeqCst)
            && let Poll::Ready(output) = running.as_mut().poll(&mut cx)
        {
            reactor.leases.flush();
            return output;
        }
        // Woken again while running: look at what is ready, without waiting, so that no task keeps others from it.
        thread.waiting.store(true, Ordering::SeqCst);
        let timeout = if thread.woken.load(Ordering::SeqCst) { Some(Duration::ZERO) } else { None };
        reactor.turn(timeout);
        thread.waiting.store(false, Ordering::SeqCst);
        between();
    }
}

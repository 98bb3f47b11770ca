//! The loop of a thread.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use smol::LocalExecutor;
use smol::future::{FutureExt, yield_now};

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

/// Tasks that run between two looks at the reactor, however few it made runnable.
const MIN_TASKS: usize = 4;

/// The most tasks between two looks, however many were woken at once: a look costs about as much as a tenth of one of them.
const MAX_TASKS: usize = 64;

/// Runs `main` and the executor's tasks until `main` is done; `between` is called once a turn and returns how many tasks it woke.
///
/// A turn runs as many tasks as the reactor and `between` have woken, from [`MIN_TASKS`] to [`MAX_TASKS`]. A batch of sockets that
/// are ready costs one look at the reactor, and tasks that are runnable again at once do not delay the next look.
pub(crate) fn run<T>(
    executor: &LocalExecutor<'_>,
    reactor: &Rc<Reactor>,
    notifier: Notifier,
    between: impl Fn() -> usize,
    main: impl Future<Output = T>,
) -> T {
    let thread = Arc::new(ThreadWaker { woken: AtomicBool::new(true), waiting: AtomicBool::new(false), notifier });
    let waker = Waker::from(Arc::clone(&thread));
    let mut cx = Context::from_waker(&waker);
    // Tasks that were woken and have not run, as far as is known, and those that still run in this turn.
    let (mut runnable, tasks_left) = (0_usize, Cell::new(MIN_TASKS));
    let mut batch = MIN_TASKS;
    // The executor's own `run` takes 200 tasks before it returns to this loop.
    let tasks = async {
        loop {
            executor.tick().await;
            let left = tasks_left.get().saturating_sub(1);
            tasks_left.set(left);
            if left == 0 {
                yield_now().await;
            }
        }
    };
    let mut running = pin!(main.or(tasks));
    loop {
        if thread.woken.swap(false, Ordering::SeqCst)
            && let Poll::Ready(output) = running.as_mut().poll(&mut cx)
        {
            reactor.buffers.flush();
            return output;
        }
        runnable = runnable.saturating_sub(batch - tasks_left.get());
        // Woken again while running: poll the sources without waiting, so that a busy task cannot starve the sockets.
        thread.waiting.store(true, Ordering::SeqCst);
        let timeout = if thread.woken.load(Ordering::SeqCst) {
            Some(Duration::ZERO)
        } else {
            runnable = 0;
            None
        };
        runnable += reactor.turn(timeout);
        thread.waiting.store(false, Ordering::SeqCst);
        runnable += between();
        batch = runnable.clamp(MIN_TASKS, MAX_TASKS);
        tasks_left.set(batch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    use goldcrest_core::io::{Interest, Socket, TryIo};

    use crate::reactor::{BufferLimits, TcpSocket};

    /// A task that yields at once is polled a few times at most before a socket that is ready gets its turn.
    #[test]
    fn tasks_that_yield_do_not_delay_a_ready_socket() {
        let (reactor, notifier) = Reactor::new(BufferLimits::default()).unwrap();
        let reactor = Rc::new(reactor);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let executor = LocalExecutor::new();
        let polls = Rc::new(Cell::new(0_u32));
        let counted = Rc::clone(&polls);
        executor
            .spawn(async move {
                loop {
                    counted.set(counted.get() + 1);
                    yield_now().await;
                }
            })
            .detach();
        let mut socket = TcpSocket::new(stream, &reactor).unwrap();
        let reads = executor.spawn(async move {
            let mut seen = Vec::new();
            while seen.len() < 8 {
                socket.wait(Interest::READ).await.unwrap();
                if socket.try_read_with(|bytes| (bytes.len(), ())).unwrap() == TryIo::Done(()) {
                    seen.push(polls.get());
                    // In the socket's buffer before the next look.
                    peer.write_all(b"x").unwrap();
                } else if seen.is_empty() {
                    seen.push(polls.get());
                    peer.write_all(b"x").unwrap();
                }
            }
            seen
        });
        let seen = run(&executor, &reactor, notifier, || 0, reads);
        let most = seen.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
        assert!(most <= 8, "{most} polls between two reads: {seen:?}");
    }
}

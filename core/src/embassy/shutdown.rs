//! Whether and when the server of a chip ends.

use core::cell::{Cell, RefCell};
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Waker;

use heapless::Vec;

/// Whether and when the connections of a [`Device`](super::Device) end.
///
/// `()` never ends them, and takes neither flash nor RAM. [`ShutdownSignal`] ends them before a restart or a deep sleep.
#[allow(async_fn_in_trait, reason = "single-threaded executors: no Send bound is wanted")]
pub trait Shutdown {
    /// Whether the shutdown has begun.
    fn is_shutting_down(&self) -> bool;

    /// Runs `listening`, and wakes its task when the shutdown begins.
    fn run<F: Future>(&self, listening: F) -> impl Future<Output = F::Output>;
}

/// The server runs until the chip is powered off.
impl Shutdown for () {
    fn is_shutting_down(&self) -> bool {
        false
    }

    fn run<F: Future>(&self, listening: F) -> impl Future<Output = F::Output> {
        listening
    }
}

/// A shutdown that a task of the program begins, for a server of up to `TASKS` listening tasks.
///
/// Listening ends at once, SSE and streaming end with a whole event, and a WebSocket closes with 1012. It takes two words for each
/// task.
///
/// ```
/// use goldcrest_core::embassy::{Device, ShutdownSignal, Unseeded};
///
/// type Web = Device<1024, 2, 512, 1, ShutdownSignal<4>>;
///
/// let mut memory: Unseeded<Web> = Web::with_shutdown(ShutdownSignal::new());
/// let device = memory.seed(0x5eed_cafe);
/// // The tasks call `device.listen(…)`, which returns after this:
/// device.shutdown().begin();
/// assert_eq!(device.listeners(), 0); // none was started here; else wait until it is 0
/// ```
#[derive(Debug, Default)]
pub struct ShutdownSignal<const TASKS: usize> {
    begun: Cell<bool>,
    waiting: RefCell<Vec<Waker, TASKS>>,
}

impl<const TASKS: usize> ShutdownSignal<TASKS> {
    /// A shutdown that has not begun.
    pub const fn new() -> Self {
        Self { begun: Cell::new(false), waiting: RefCell::new(Vec::new()) }
    }

    /// Begins the shutdown, and wakes the listening tasks.
    pub fn begin(&self) {
        self.begun.set(true);
        for waker in self.waiting.take() {
            waker.wake();
        }
    }

    fn register(&self, waker: &Waker) {
        let Ok(mut waiting) = self.waiting.try_borrow_mut() else { return };
        if waiting.iter().any(|it| it.will_wake(waker)) {
            return;
        }
        if let Err(waker) = waiting.push(waker.clone()) {
            // A task beyond `TASKS`, or the place of one that has ended: all register again when they are polled.
            for waiting in waiting.iter() {
                waiting.wake_by_ref();
            }
            waiting.clear();
            if let Err(waker) = waiting.push(waker) {
                waker.wake();
            }
        }
    }
}

impl<const TASKS: usize> Shutdown for ShutdownSignal<TASKS> {
    fn is_shutting_down(&self) -> bool {
        self.begun.get()
    }

    fn run<F: Future>(&self, listening: F) -> impl Future<Output = F::Output> {
        async move {
            let mut listening = pin!(listening);
            poll_fn(|cx| {
                if !self.begun.get() {
                    self.register(cx.waker());
                }
                listening.as_mut().poll(cx)
            })
            .await
        }
    }
}

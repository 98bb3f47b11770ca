//! An executor that sleeps by WFI.
//!
//! embassy-executor's own for Cortex-M sleeps by WFE, which QEMU implements as a yield: an idle chip would keep a core of the host
//! busy.

use core::marker::PhantomData;
use core::sync::atomic::{AtomicBool, Ordering};

use embassy_executor::{Spawner, raw};

/// A task was woken since the last poll.
static PENDING: AtomicBool = AtomicBool::new(false);

// SAFETY: the only function of this name: embassy-executor has none without a platform feature.
#[unsafe(export_name = "__pender")]
fn pender(_: *mut ()) {
    PENDING.store(true, Ordering::Release);
}

/// The executor of thread mode.
pub(crate) struct Executor {
    tasks: raw::Executor,
    not_send: PhantomData<*mut ()>,
}

impl Executor {
    pub(crate) fn new() -> Self {
        Self { tasks: raw::Executor::new(core::ptr::null_mut()), not_send: PhantomData }
    }

    /// Runs the tasks that `start` spawns.
    pub(crate) fn run(&'static mut self, start: impl FnOnce(Spawner)) -> ! {
        start(self.tasks.spawner());
        loop {
            PENDING.store(false, Ordering::Release);
            // SAFETY: `start` has returned, and `self` is borrowed for ever, so that nothing else polls.
            unsafe { self.tasks.poll() };
            // Interrupts are disabled between the check and WFI, so that none is missed; a pending one ends WFI.
            cortex_m::interrupt::free(|_| {
                if !PENDING.load(Ordering::Acquire) {
                    cortex_m::asm::wfi();
                }
            });
        }
    }
}

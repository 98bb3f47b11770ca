//! An executor that sleeps by WFI.
//!
//! embassy-executor's own for Cortex-M sleeps by WFE, which QEMU takes for a yield: an idle chip would keep a whole core of the
//! computer busy.

use core::marker::PhantomData;
use core::sync::atomic::{AtomicBool, Ordering};

use embassy_executor::{Spawner, raw};

/// Something was woken since the executor last looked.
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

    /// Runs what `start` spawns, for ever.
    pub(crate) fn run(&'static mut self, start: impl FnOnce(Spawner)) -> ! {
        start(self.tasks.spawner());
        loop {
            PENDING.store(false, Ordering::Release);
            // SAFETY: `start` is through and nobody else polls: `self` is borrowed for ever.
            unsafe { self.tasks.poll() };
            // Interrupts are held off between the look and the sleep, and end it all the same.
            cortex_m::interrupt::free(|_| {
                if !PENDING.load(Ordering::Acquire) {
                    cortex_m::asm::wfi();
                }
            });
        }
    }
}

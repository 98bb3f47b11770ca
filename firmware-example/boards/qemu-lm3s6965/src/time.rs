//! The time of embassy-time, in microseconds.
//!
//! The clock is SysTick running free over its 24 bits, the alarm a one-shot of general-purpose timer 0. (An interrupt each
//! millisecond would not keep time: where an emulator's host delivers ticks late, those in between are lost.)

use core::cell::{Cell, RefCell};
use core::task::Waker;

use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{NVIC, SYST};
use cortex_m_rt::exception;
use critical_section::{CriticalSection, Mutex};
use embassy_time_driver::{Driver, TICK_HZ};
use embassy_time_queue_utils::Queue;
use lm3s6965::{Interrupt, interrupt};

use crate::register::registers;

/// The core clock after reset.
const CORE_HZ: u64 = 12_500_000;
/// Two ticks are 25 cycles.
const CYCLES: u64 = 25;
const TICKS: u64 = 2;
const _: () = assert!(TICK_HZ * CYCLES == CORE_HZ * TICKS);

registers!(0xe000_e000: CVR = 0x018, ICSR = 0xd04);
const PENDSTSET: u32 = 1 << 26;
const RELOAD: u32 = 0x00ff_ffff;

registers!(0x400f_e000: RCGC1 = 0x104);
const RCGC1_TIMER0: u32 = 1 << 16;

registers!(0x4003_0000: CFG = 0x00, TAMR = 0x04, CTL = 0x0c, IMR = 0x18, ICR = 0x24, TAILR = 0x28);
const CFG_32_BIT: u32 = 0;
const TAMR_ONE_SHOT: u32 = 1;
const CTL_TAEN: u32 = 1;
const TATO: u32 = 1;
/// The longest alarm in cycles: 343 s. A later one is reached in several steps.
const LONGEST: u64 = 0xffff_ffff;

struct Time {
    /// The number of wraps of SysTick's 24 bits.
    wraps: Mutex<Cell<u64>>,
    queue: Mutex<RefCell<Queue>>,
}

embassy_time_driver::time_driver_impl!(static TIME: Time = Time {
    wraps: Mutex::new(Cell::new(0)),
    queue: Mutex::new(RefCell::new(Queue::new())),
});

impl Time {
    #[inline(never)]
    fn ticks(&self, cs: CriticalSection<'_>) -> u64 {
        let mut wraps = self.wraps.borrow(cs).get();
        let mut left = CVR.read();
        if ICSR.read() & PENDSTSET != 0 {
            // It wrapped, perhaps after the first read, and its handler waits for the end of the critical section.
            wraps += 1;
            left = CVR.read();
        }
        let cycles = (wraps << 24) + u64::from(RELOAD - left);
        cycles * TICKS / CYCLES
    }

    /// Wakes the expired timers and sets the alarm for the next one.
    fn arm(&self, cs: CriticalSection<'_>) {
        loop {
            let next = self.queue.borrow(cs).borrow_mut().next_expiration(self.ticks(cs));
            CTL.write(0);
            ICR.write(TATO);
            if next == u64::MAX {
                return;
            }
            let Some(ticks) = next.checked_sub(self.ticks(cs)).filter(|&ticks| ticks > 0) else {
                continue; // due by now
            };
            // Rounded up, so that the timer has expired at the alarm.
            let cycles = ticks.saturating_mul(CYCLES).div_ceil(TICKS).min(LONGEST);
            TAILR.write(u32::try_from(cycles).unwrap_or(u32::MAX));
            CTL.write(CTL_TAEN);
            return;
        }
    }
}

impl Driver for Time {
    fn now(&self) -> u64 {
        critical_section::with(|cs| self.ticks(cs))
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|cs| {
            if self.queue.borrow(cs).borrow_mut().schedule_wake(at, waker) {
                self.arm(cs);
            }
        });
    }
}

/// Starts the clock.
pub(crate) fn init(syst: &mut SYST) {
    syst.set_clock_source(SystClkSource::Core);
    syst.set_reload(RELOAD);
    syst.clear_current();
    syst.enable_counter();
    syst.enable_interrupt();

    RCGC1.set(RCGC1_TIMER0);
    CTL.write(0);
    CFG.write(CFG_32_BIT);
    TAMR.write(TAMR_ONE_SHOT);
    ICR.write(TATO);
    IMR.write(TATO);
    // SAFETY: its handler is below; all accesses to the shared state are in critical sections.
    unsafe { NVIC::unmask(Interrupt::TIMER_0A) };
}

#[exception]
fn SysTick() {
    critical_section::with(|cs| {
        let wraps = TIME.wraps.borrow(cs);
        wraps.set(wraps.get() + 1);
    });
}

#[interrupt]
fn TIMER_0A() {
    critical_section::with(|cs| TIME.arm(cs));
}

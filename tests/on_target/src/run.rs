//! Runs one test after another, over as many resets as failures and leaks ask for.

use core::mem::MaybeUninit;
use core::panic::PanicInfo;
use core::slice;
use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::peripheral::SCB;
use cortex_m_rt::{ExceptionFrame, entry, exception};
use cortex_m_semihosting::{debug, hprintln};

use crate::heap;

/// A test, as `#[test]` lays it into the section `tests`.
#[repr(C)]
pub struct Test {
    /// Its path.
    pub name: &'static str,
    /// Panics where the promise of its name is broken.
    pub run: fn(),
}

unsafe extern "C" {
    static __start_tests: u8;
    static __stop_tests: u8;
}

/// What outlives a reset.
struct Kept {
    /// Whether this is more than what the RAM held when the board was switched on.
    sign: AtomicU32,
    next: AtomicU32,
    failed: AtomicU32,
}

/// Tests of some hundred small worlds, each of which stays until the end.
const LARGE: [&str; 2] = [
    "serve::tests::overwritten::an_event_that_is_overwritten_at_any_byte_breaks_the_connection",
    "serve::tests::ends::whatever_ends_wherever_leaves_nothing_behind",
];

const SIGN: u32 = 0x676f_6c64;

#[unsafe(link_section = ".uninit.kept")]
static KEPT: MaybeUninit<Kept> = MaybeUninit::uninit();

fn kept() -> &'static Kept {
    // SAFETY: any bits are numbers.
    unsafe { KEPT.assume_init_ref() }
}

fn tests() -> &'static [Test] {
    let [begin, end] = [&raw const __start_tests, &raw const __stop_tests].map(<*const u8>::cast::<Test>);
    // SAFETY: the linker puts the two around what `#[test]` made, and nothing else is in that section.
    unsafe { slice::from_raw_parts(begin, end.offset_from_unsigned(begin)) }
}

#[entry]
fn main() -> ! {
    heap::init();
    let (kept, tests) = (kept(), tests());
    if kept.sign.swap(SIGN, Ordering::Relaxed) != SIGN {
        kept.next.store(0, Ordering::Relaxed);
        kept.failed.store(0, Ordering::Relaxed);
        hprintln!("running {} tests", tests.len());
    }
    while let Some(test) = tests.get(kept.next.fetch_add(1, Ordering::Relaxed) as usize) {
        if LARGE.iter().any(|large| test.name.ends_with(large)) {
            hprintln!("test {} ... ignored: it needs more than {} bytes", test.name, heap::SIZE);
            continue;
        }
        (test.run)();
        hprintln!("test {} ... ok", test.name);
        if heap::is_half_leaked() {
            SCB::sys_reset();
        }
    }
    let failed = kept.failed.load(Ordering::Relaxed);
    hprintln!("{} ran, {failed} failed", tests.len() - LARGE.len());
    end(failed == 0 && !tests.is_empty())
}

fn end(well: bool) -> ! {
    loop {
        debug::exit(if well { debug::EXIT_SUCCESS } else { debug::EXIT_FAILURE });
    }
}

fn fail() -> ! {
    let kept = kept();
    kept.failed.fetch_add(1, Ordering::Relaxed);
    let running = kept.next.load(Ordering::Relaxed).wrapping_sub(1);
    match tests().get(running as usize) {
        Some(test) => hprintln!("test {} ... FAILED", test.name),
        None => end(false),
    }
    SCB::sys_reset()
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    hprintln!("{}", info);
    fail()
}

#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    hprintln!("HardFault at {:#x}", frame.pc());
    fail()
}
